"""Nobody is served before their sign-in was noted, however they come; in the demo nobody signs in."""

import pytest
from websockets.exceptions import ConnectionClosed

from copilot.api.server import create_app
from policy.errors import Unavailable
from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post, running
from tests.unit.api.sockets import connect, initialise

QUESTION = {"question": "who?"}


def test_whoever_comes_is_noted_with_their_token(server: str, copilot: FakeCopilot) -> None:
    given = bearer(ANN)
    token = given["Authorization"].partition(" ")[2]
    post(server, operation("Ask"), QUESTION, given)
    with connect(server) as socket:
        initialise(socket, {"Authorization": given["Authorization"]})
    assert copilot.sign_ins.noted == [("ann", token)] * 2


def test_whose_sign_in_is_not_noted_is_not_served(server: str, copilot: FakeCopilot) -> None:
    copilot.sign_ins.fault = Unavailable("ledger", "the ledger takes no records")
    for accept in ("application/json", "text/event-stream"):
        stream = operation("AskStream" if "event" in accept else "Ask")
        response = post(server, stream, QUESTION, {**bearer(ANN), "Accept": accept})
        assert response.status_code == 503
    with connect(server, bearer(ANN)) as socket, pytest.raises(ConnectionClosed):
        initialise(socket, {})
    assert not copilot.asked


def test_in_the_demo_nobody_signs_in(copilot: FakeCopilot) -> None:
    with running(create_app(copilot, demo_principals={"ann": ANN})) as url:
        assert post(url, operation("Ask"), QUESTION).status_code == 200
    assert copilot.asked
    assert not copilot.sign_ins.noted
