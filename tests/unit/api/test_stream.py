"""Sentences come as they are checked, over each of three transports; who leaves breaks the answer off."""

import json
import time

import httpx2
import pytest

from copilot.api.context import Context
from copilot.api.limits import Limits
from copilot.api.schema import GovernedSchema
from copilot.api.server import create_app
from copilot.tokens import Identity
from policy.errors import Unavailable
from tests.unit.api.fakes import ANN, QUOTE, FakeCopilot
from tests.unit.api.live import bearer, operation, running
from tests.unit.api.sockets import connect, initialise, subscribe, until_complete

BODY = {"query": operation("AskStream"), "variables": {"question": "who?"}}


def test_over_a_websocket_come_sentences_and_then_the_outcome(server: str) -> None:
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        subscribe(socket, operation("AskStream"), {"question": "who?"})
        first, last = [payload["data"]["ask"] for payload in until_complete(socket)]
    assert (first["__typename"], last["__typename"]) == ("Sentence", "Answer")
    assert first["citations"][0]["quote"] == QUOTE
    assert first["citations"][0]["label"]["marking"] == "(S//HARBOR)"


def test_over_server_sent_events_each_comes_when_it_is_there(
    server: str, copilot: FakeCopilot
) -> None:
    copilot.delay_s = 0.4
    kinds, times = [], []
    headers = {**bearer(ANN), "Accept": "text/event-stream"}
    with httpx2.stream("POST", f"{server}/graphql", json=BODY, headers=headers) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                kinds.append(json.loads(line[6:])["data"]["ask"]["__typename"])
                times.append(time.monotonic())
    assert kinds == ["Sentence", "Answer"]
    assert times[1] - times[0] > 0.3
    assert response.headers["content-type"] == "text/event-stream"


def test_over_multipart(server: str) -> None:
    headers = {**bearer(ANN), "Accept": "multipart/mixed;subscriptionSpec=1.0"}
    text = httpx2.post(f"{server}/graphql", json=BODY, headers=headers).text
    assert text.index('"Sentence"') < text.index('"Answer"')


def test_a_subscription_that_asks_for_one_result_is_told_how_to_ask(
    server: str, copilot: FakeCopilot
) -> None:
    response = httpx2.post(f"{server}/graphql", json=BODY, headers=bearer(ANN))
    assert response.status_code == 400
    assert "Accept: text/event-stream" in response.text
    assert not copilot.asked


def test_a_stream_needs_a_token(server: str, copilot: FakeCopilot) -> None:
    headers = {"Accept": "text/event-stream"}
    assert httpx2.post(f"{server}/graphql", json=BODY, headers=headers).status_code == 401
    assert not copilot.asked


def test_who_cancels_breaks_the_answer_off(server: str, copilot: FakeCopilot) -> None:
    copilot.delay_s = 20
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        subscribe(socket, operation("AskStream"), {"question": "who?"})
        socket.recv(timeout=5)
        socket.send(json.dumps({"type": "complete", "id": "1"}))
        assert soon(lambda: copilot.broken_off == 1)


@pytest.mark.parametrize("transport", ["websocket", "events"])
def test_who_hangs_up_breaks_the_answer_off(
    server: str, copilot: FakeCopilot, transport: str
) -> None:
    copilot.delay_s = 20
    if transport == "websocket":
        with connect(server, bearer(ANN)) as socket:
            initialise(socket, {})
            subscribe(socket, operation("AskStream"), {"question": "who?"})
            socket.recv(timeout=5)
    else:
        headers = {**bearer(ANN), "Accept": "text/event-stream"}
        with httpx2.stream("POST", f"{server}/graphql", json=BODY, headers=headers) as response:
            next(response.iter_lines())
    assert soon(lambda: copilot.broken_off == 1)


def test_who_hangs_up_gives_the_turn_back(server: str, copilot: FakeCopilot) -> None:
    headers = {**bearer(ANN), "Accept": "text/event-stream"}
    for i in range(Limits().at_once + 1):
        copilot.delay_s = 20
        with httpx2.stream("POST", f"{server}/graphql", json=BODY, headers=headers) as response:
            next(response.iter_lines())
        assert soon(lambda broken=i + 1: copilot.broken_off == broken)
    copilot.delay_s = 0
    assert '"Answer"' in httpx2.post(f"{server}/graphql", json=BODY, headers=headers).text


@pytest.mark.anyio
async def test_an_answer_is_broken_off_before_its_stream_is_closed(copilot: FakeCopilot) -> None:
    """Not some time later, when the generator is collected: the ledger is to know."""
    identity = Identity(principal=ANN, expires_at=time.time() + 60)
    context = Context(copilot=copilot, limits=Limits(), headers={}, identity=identity)
    results = await GovernedSchema(Limits(), introspection=False).stream(
        operation("AskStream"), variable_values={"question": "who?"}, context_value=context
    )
    await anext(results)
    await results.aclose()
    assert copilot.broken_off == 1


def test_a_stream_ends_in_time(copilot: FakeCopilot) -> None:
    copilot.delay_s = 20
    with running(create_app(copilot, limits=Limits(operation_s=0.3))) as url:
        headers = {**bearer(ANN), "Accept": "text/event-stream"}
        text = httpx2.post(f"{url}/graphql", json=BODY, headers=headers).text
    assert '"Sentence"' in text
    assert '"TIMEOUT"' in text
    assert copilot.broken_off == 1


@pytest.mark.parametrize(
    "fault", [RuntimeError("SELECT secret"), Unavailable("model", "it is down")]
)
def test_an_error_in_a_stream_is_masked_like_any_other(
    server: str, copilot: FakeCopilot, fault: Exception
) -> None:
    copilot.fault = fault
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        subscribe(socket, operation("AskStream"), {"question": "who?"})
        text = json.dumps(until_complete(socket))
    assert "SELECT" not in text
    assert ("internal error" in text) == isinstance(fault, RuntimeError)
    assert ("it is down" in text) == isinstance(fault, Unavailable)


def test_limits_hold_over_a_websocket(server: str, copilot: FakeCopilot) -> None:
    query = "{ " + " ".join(f'a{i}: ask(question: "q") {{ __typename }}' for i in range(6)) + " }"
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        subscribe(socket, query, {})
        message = json.loads(socket.recv(timeout=5))
    assert "limit 1000" in json.dumps(message)
    assert not copilot.asked


def soon(condition: object, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False
