"""Each token is recorded once, when it first serves, and nobody is served whose sign-in is not."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256

import httpx2
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.ledger.verify import verify
from copilot.settings import Settings
from copilot.sign_ins import SignIns
from copilot.tokens import issue
from policy.errors import Unavailable
from policy.labels import Classification
from policy.principal import Principal
from tests.servers.postgres import Owner
from tests.servers.product import SECRET, serve
from tests.unit.api.live import operation

pytestmark = pytest.mark.anyio

ANN = Principal(
    sub="ann", tenant="t1", clearance=Classification.S, nationality="USA", auth_time=1_700_000_000
)
ME = {"query": operation("Me")}
SAID = """
    SELECT a.sub, a.outcome, convert_from(o.value, 'UTF8')::json AS login FROM ledger_acts a
    JOIN ledger_openings o USING (ledger_id) WHERE a.kind = 'login' AND o.name = 'login' ORDER BY a.recorded_at"""


@pytest.fixture
async def replicas(settings: Settings) -> AsyncIterator[list[Copilot]]:
    """Two processes' products over one database."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(build(settings)) for _ in range(2)]


def soon() -> float:
    return time.time() + 60


async def test_a_token_is_recorded_once_whoever_sees_it_and_how_often(
    replicas: list[Copilot], owner: Owner, database_url: str
) -> None:
    tries = (replicas[at % 2].sign_ins.note(ANN, "token", soon()) for at in range(12))
    await asyncio.gather(*tries)
    await replicas[1].sign_ins.note(ANN, "another", soon())
    found = owner.execute(SAID.encode()).fetchall()
    assert [(one["sub"], one["outcome"]) for one in found] == [("ann", "SignedIn")] * 2
    assert [one["login"]["token_sha256"] for one in found] == [
        sha256(one).hexdigest() for one in (b"token", b"another")
    ]
    assert {one["login"]["auth_time"] for one in found} == {ANN.auth_time}
    assert (await verify(database_url)).problems == []


async def test_one_that_cannot_be_recorded_is_recorded_the_next_time(
    replicas: list[Copilot], owner: Owner
) -> None:
    change = "{} EXECUTE ON FUNCTION append_ledger_entries {} copilot_ledger"
    owner.execute(change.format("REVOKE", "FROM").encode())
    for _ in range(2):
        with pytest.raises(Unavailable):
            await replicas[0].sign_ins.note(ANN, "token", soon())
    owner.execute(change.format("GRANT", "TO").encode())
    await replicas[0].sign_ins.note(ANN, "token", soon())
    assert len(owner.execute(SAID.encode()).fetchall()) == 1


async def test_what_has_expired_is_forgotten(replicas: list[Copilot], owner: Owner) -> None:
    sign_ins = replicas[0].sign_ins
    await sign_ins.note(ANN, "gone", time.time() - 1)
    await sign_ins.note(ANN, "for ever", 1e30)
    await sign_ins.note(ANN, "token", soon())
    left = owner.execute("SELECT extract(year FROM expires_at)::int AS year FROM sign_ins")
    assert sorted(one["year"] > 9000 for one in left.fetchall()) == [False, True]


async def test_a_process_remembers_no_more_than_it_may(
    replicas: list[Copilot], owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.sign_ins._REMEMBERED", 2)
    sign_ins = replicas[0].sign_ins
    assert isinstance(sign_ins, SignIns)
    for token in ("one", "two", "three", "one"):
        await sign_ins.note(ANN, token, soon())
    assert len(sign_ins._known) == 2
    assert len(owner.execute(SAID.encode()).fetchall()) == 3


def test_whoever_asks_over_http_is_on_record_first(settings: Settings, owner: Owner) -> None:
    with serve(settings) as live:
        token = issue(ANN, SECRET, audience=settings.jwt_audience)

        def ask() -> httpx2.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx2.post(f"{live.base_url}/graphql", json=ME, headers=headers, timeout=20)

        owner.execute("REVOKE EXECUTE ON FUNCTION note_sign_in FROM copilot_ledger")
        refused = ask()
        assert refused.status_code == 503
        assert refused.json().get("data") is None
        owner.execute("GRANT EXECUTE ON FUNCTION note_sign_in TO copilot_ledger")
        assert [ask().status_code for _ in range(3)] == [200] * 3
    [found] = owner.execute(SAID.encode()).fetchall()
    assert found["sub"] == "ann"
    assert token not in str(owner.execute("SELECT * FROM ledger_openings").fetchall())
