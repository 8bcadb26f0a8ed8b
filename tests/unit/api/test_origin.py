"""A web page of another origin cannot make a browser ask in its user's name."""

import httpx2
import pytest

from tests.unit.api.fakes import ANN, DESK, FakeCopilot
from tests.unit.api.live import bearer, operation, post
from tests.unit.api.sockets import connect, initialise

ASK, QUESTION = operation("Ask"), {"question": "who?"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
        {"Origin": "https://desk.example.attacker.example"},
        {"Origin": "http://desk.example"},
        {"Origin": "https://attacker.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_is_refused(
    production: str, copilot: FakeCopilot, headers: dict[str, str]
) -> None:
    response = post(production, ASK, QUESTION, {**bearer(ANN), **headers})
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "ORIGIN"
    assert "COPILOT_ALLOWED_ORIGINS" in response.text
    assert "access-control-allow-origin" not in response.headers
    assert not copilot.asked


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": DESK},
        {"Origin": DESK, "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"{DESK.upper()}:443"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_pages_of_ours_of_allowed_origins_and_programs_are_served(
    production: str, copilot: FakeCopilot, headers: dict[str, str]
) -> None:
    assert post(production, ASK, QUESTION, {**bearer(ANN), **headers}).status_code == 200
    own = {"Origin": production, "Sec-Fetch-Site": "same-origin"}
    assert post(production, ASK, QUESTION, {**bearer(ANN), **own}).status_code == 200
    assert len(copilot.asked) == 2


def test_the_demo_has_no_other_origin(demo: str, copilot: FakeCopilot) -> None:
    headers = {"Origin": "https://attacker.example"}
    assert post(demo, ASK, QUESTION, headers).status_code == 403
    assert not copilot.asked


@pytest.mark.parametrize(
    "origin", ["https://attacker.example", "null", "http://127.0.0.1:1", "http://desk.example"]
)
def test_a_websocket_of_another_origin_is_refused(production: str, origin: str) -> None:
    with (
        pytest.raises(Exception, match="403"),
        connect(production, {**bearer(ANN), "Origin": origin}),
    ):
        pass


@pytest.mark.parametrize("origin", [DESK, "own"])
def test_a_websocket_of_ours_or_of_an_allowed_origin_opens(production: str, origin: str) -> None:
    given = production if origin == "own" else origin
    with connect(production, {**bearer(ANN), "Origin": given}) as socket:
        assert initialise(socket, {})["type"] == "connection_ack"


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def test_a_browser_is_told_which_origins_may_ask(production: str) -> None:
    def preflight(origin: str) -> httpx2.Response:
        headers = {"Origin": origin, **PREFLIGHT}
        return httpx2.options(f"{production}/graphql", headers=headers)

    allowed = preflight(DESK)
    assert allowed.headers["access-control-allow-origin"] == DESK
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in preflight("https://attacker.example").headers
    answer = post(production, ASK, QUESTION, {**bearer(ANN), "Origin": DESK})
    assert answer.headers["access-control-allow-origin"] == DESK


def test_without_allowed_origins_no_preflight_passes(server: str) -> None:
    response = httpx2.options(f"{server}/graphql", headers={"Origin": DESK, **PREFLIGHT})
    assert response.status_code == 405
    assert "access-control-allow-origin" not in response.headers
