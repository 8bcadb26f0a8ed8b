"""Nobody can ask for so much that others go short: a rate for each person, and turns."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from copilot.api.errors import Refused
from copilot.api.limits import Limits
from copilot.api.server import create_app
from copilot.api.turns import Turns
from policy.errors import Unavailable
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post, running
from tests.unit.api.sockets import connect, initialise, subscribe, until_complete

ASK, QUESTION = operation("Ask"), {"question": "who?"}


def code_of(response: httpx2.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


def test_an_operation_is_charged_by_what_it_may_cost(server: str, copilot: FakeCopilot) -> None:
    """Also where nothing is found: the counter must not tell what the corpus holds."""
    for id_ in ("d1", "no-such-document"):
        post(server, operation("Document"), {"id": id_}, bearer(ANN))
    for k in (1, 10):
        post(server, operation("Search"), {"question": "q", "k": k}, bearer(ANN))
    post(server, operation("Me"), headers=bearer(LEE))
    who, costs = zip(*copilot.rate_limit.taken, strict=True)
    assert who == ("ann", "ann", "ann", "ann", "lee")
    document, absent, one, ten, me = costs
    assert document == absent > 20
    assert ten > one > 50
    assert me == 1


def test_a_list_without_a_length_counts_as_long_as_it_will_be(
    server: str, copilot: FakeCopilot
) -> None:
    search = '{{ search(question: "q"{}) {{ ... on SearchResult {{ contexts {{ label {{ marking }} }} }} }} }}'
    ledger = "{{ ledger{} {{ edges {{ node {{ sub }} }} }} }}"
    for query in (
        search.format(""),
        search.format(", k: null"),
        search.format(", k: 10"),
        ledger.format(""),
        ledger.format("(first: 20)"),
    ):
        post(server, query, headers=bearer(ANN))
    free, null, ten, unsaid, twenty = [cost for _, cost in copilot.rate_limit.taken]
    assert free == null == ten
    assert unsaid == twenty


def test_who_asks_too_often_is_told_when_to_try_again(server: str, copilot: FakeCopilot) -> None:
    copilot.rate_limit.wait_s = 2.4
    response = post(server, ASK, QUESTION, bearer(ANN))
    assert response.status_code == 429
    assert response.headers["retry-after"] == "3"
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfter"] == 3
    assert "try again in 3 s" in error["message"]
    assert not copilot.asked


def test_the_rate_holds_for_streams_too(server: str, copilot: FakeCopilot) -> None:
    copilot.rate_limit.wait_s = 2.4
    stream = operation("AskStream")
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        subscribe(socket, stream, QUESTION)
        [refused] = until_complete(socket)
    assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    events = post(server, stream, QUESTION, {**bearer(ANN), "Accept": "text/event-stream"})
    assert "RATE_LIMITED" in events.text
    assert not copilot.asked


def test_uncounted_nobody_passes(server: str, copilot: FakeCopilot) -> None:
    copilot.rate_limit.fault = Unavailable("postgres", "the database does not answer")
    response = post(server, ASK, QUESTION, bearer(ANN))
    assert response.status_code == 503
    assert code_of(response) == "UNAVAILABLE"
    assert not copilot.asked


def test_what_is_refused_is_not_charged(server: str, copilot: FakeCopilot) -> None:
    for query in ("{ me { nonsense } }", "{ " + "me { sub } " * 50 + "}", "{"):
        assert "errors" in post(server, query, headers=bearer(ANN)).json()
    assert not copilot.rate_limit.taken


def test_operations_of_one_person_wait_in_line_and_nobody_else_does(copilot: FakeCopilot) -> None:
    copilot.delay_s = 0.5
    limits = Limits(at_once=1, waiting=1)
    with running(create_app(copilot, limits=limits)) as url, ThreadPoolExecutor(5) as pool:
        anns = [pool.submit(post, url, ASK, QUESTION, bearer(ANN)) for _ in range(4)]
        lees = pool.submit(post, url, ASK, QUESTION, bearer(LEE)).result()
        responses = [one.result() for one in anns]
    assert sorted(one.status_code for one in responses) == [200, 200, 429, 429]
    assert {code_of(one) for one in responses if one.status_code == 429} == {"RATE_LIMITED"}
    assert {one.headers.get("retry-after") for one in responses} == {None, "1"}
    assert lees.status_code == 200
    served = sorted(one.elapsed.total_seconds() for one in responses if one.status_code == 200)
    assert served[0] < 0.95 <= served[1] + 0.05


@pytest.mark.anyio
async def test_a_line_that_does_not_move_is_given_up_and_lines_leave_nothing_behind() -> None:
    turns = Turns(Limits(at_once=1, waiting=1, waiting_s=0.05))
    async with turns.turn("ann"):
        with pytest.raises(Refused, match="too many"):
            async with asyncio.timeout(2), turns.turn("ann"):
                pass
        async with turns.turn("lee"):
            pass
    assert not turns._lines


@pytest.mark.anyio
async def test_who_leaves_the_line_gives_the_place_free() -> None:
    turns = Turns(Limits(at_once=1, waiting=1, waiting_s=5))

    async def one() -> None:
        async with turns.turn("ann"):
            pass

    async with turns.turn("ann"):
        waiting = asyncio.create_task(one())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert turns._lines["ann"].people == 1
    await one()
    assert not turns._lines
