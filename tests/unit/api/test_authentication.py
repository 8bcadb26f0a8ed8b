"""Nobody is served without proof of who they are; in the demo they choose, by name."""

import json
import time

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from copilot.api.server import create_app
from copilot.settings import Settings
from policy.errors import Misconfigured
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post, token
from tests.unit.api.sockets import connect, initialise, subscribe

ME = "{ me { sub tenant clearance compartments purposes fields } }"


def test_a_token_says_who_asks(server: str) -> None:
    me = post(server, ME, headers=bearer(ANN)).json()["data"]["me"]
    assert me == {
        "sub": "ann",
        "tenant": "t1",
        "clearance": "S",
        "compartments": ["HARBOR"],
        "purposes": ["investigation", "review"],
        "fields": ["usage"],
    }


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "Authorization: Bearer"),
        ({"Authorization": "Basic YTpi"}, "Bearer TOKEN"),
        ({"Authorization": "Bearer"}, "Bearer TOKEN"),
        ({"Authorization": "Bearer nonsense"}, "malformed"),
        (bearer(ANN, ttl_s=-3600), "expired"),
        (bearer(ANN, audience="other"), "audience"),
        (bearer(ANN, claims={"clearance": "X"}), "clearance"),
        ({"X-Copilot-As": "ann"}, "Authorization: Bearer"),
    ],
)
def test_without_a_valid_token_there_is_401_and_the_remedy(
    server: str, copilot: FakeCopilot, headers: dict[str, str], says: str
) -> None:
    response = post(server, operation("Ask"), {"question": "who?"}, headers)
    [error] = response.json()["errors"]
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert says in error["message"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["traceId"] == response.headers["x-trace-id"]
    assert not copilot.asked


def test_the_purpose_is_the_first_of_theirs_unless_another_is_named(
    server: str, copilot: FakeCopilot
) -> None:
    post(server, operation("Ask"), {"question": "a"}, bearer(ANN))
    given = {"question": "b", "purpose": "review", "reason": "case 7"}
    post(server, operation("Ask"), given, bearer(ANN))
    asked = [(asker.purpose, asker.reason, question) for asker, question in copilot.asked]
    assert asked == [("investigation", "", "a"), ("review", "case 7", "b")]
    assert copilot.asked[0][0].impersonated_by is None


def test_an_overlong_reason_is_bad_input(server: str, copilot: FakeCopilot) -> None:
    given = {"question": "b", "reason": "x" * 2001}
    [error] = post(server, operation("Ask"), given, bearer(ANN)).json()["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert not copilot.asked


def test_without_any_way_to_prove_who_asks_there_is_no_application() -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET"):
        create_app(FakeCopilot(settings=Settings()))


def test_the_demo_lets_choose_a_principal(demo: str, copilot: FakeCopilot) -> None:
    names = [
        post(demo, ME, headers=headers).json()["data"]["me"]["sub"]
        for headers in ({}, {"X-Copilot-As": "lee"}, bearer(LEE))
    ]
    assert names == ["ann", "lee", "lee"]
    post(demo, operation("Ask"), {"question": "a"})
    assert copilot.asked[0][0].impersonated_by == "demo"


def test_the_demo_refuses_unknown_names_and_says_the_known(demo: str) -> None:
    response = post(demo, ME, headers={"X-Copilot-As": "eve"})
    assert response.status_code == 401
    assert "ann, lee" in response.text


def test_the_demo_checks_tokens_that_are_sent(demo: str) -> None:
    assert post(demo, ME, headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize("host", ["attacker.example:8000", "attacker.example", "localhost.example"])
def test_a_page_on_another_name_cannot_use_the_demo(demo: str, host: str) -> None:
    assert post(demo, ME, headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "10.0.0.7:80"])
def test_the_demo_is_there_by_address_and_on_localhost(demo: str, host: str) -> None:
    assert post(demo, ME, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("key", ["authorization", "Authorization"])
def test_a_websocket_takes_its_token_from_the_first_message(server: str, key: str) -> None:
    with connect(server) as socket:
        assert initialise(socket, {key: f"Bearer {token(ANN)}"})["type"] == "connection_ack"


def test_a_websocket_takes_its_token_from_the_handshake(server: str) -> None:
    with connect(server, bearer(ANN)) as socket:
        assert initialise(socket, {})["type"] == "connection_ack"


@pytest.mark.parametrize("payload", [{}, {"authorization": "Bearer x"}, {"authorization": 7}])
def test_a_websocket_without_a_valid_token_is_closed_with_the_reason(
    server: str, payload: dict[str, object]
) -> None:
    with connect(server) as socket, pytest.raises(ConnectionClosed) as closed:
        initialise(socket, payload)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert "token" in closed.value.rcvd.reason.lower()


def test_a_websocket_serves_nobody_before_it_knows_who(server: str, copilot: FakeCopilot) -> None:
    with connect(server, bearer(ANN)) as socket:
        subscribe(socket, operation("AskStream"), {"question": "who?"})
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
    assert not copilot.asked


def test_a_websocket_does_not_outlive_its_token(server: str, copilot: FakeCopilot) -> None:
    with connect(server) as socket:
        # Within the leeway of 30 s, and past it a moment later.
        initialise(socket, {"authorization": f"Bearer {token(ANN, ttl_s=-28)}"})
        subscribe(socket, operation("AskStream"), {"question": "one"}, "1")
        assert json.loads(socket.recv(timeout=5))["type"] == "next"
        time.sleep(2.5)
        subscribe(socket, operation("AskStream"), {"question": "two"}, "2")
        messages = [json.loads(socket.recv(timeout=5)) for _ in range(4)]
    assert "expired" in json.dumps(messages)
    assert [question for _, question in copilot.asked] == ["one"]


def test_a_page_of_another_origin_cannot_open_a_websocket(server: str) -> None:
    headers = {**bearer(ANN), "Origin": "https://attacker.example"}
    with pytest.raises(Exception, match="403"), connect(server, headers):
        pass


def test_health_needs_no_token(server: str) -> None:
    assert httpx2.get(f"{server}/healthz").status_code == 200
