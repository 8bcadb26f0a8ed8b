"""A dependency that fails in the middle of an act: at each statement of an ask, and within a stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from copilot.acts import Copilot
from copilot.app import build
from copilot.citations import sha256
from copilot.commands.asker import as_asker
from copilot.results import Answer, AskOutcome, Sentence, Unavailable
from copilot.settings import Settings
from policy.opa_server import OpaServerEngine
from policy.principal import Asker
from tests.servers import postgres as postgres_server
from tests.servers.anthropic import AnthropicServer, Behaviour
from tests.servers.besieged import through
from tests.servers.chaos import Connect, Fault, Http, Kind, Postgres, Proxy, tcp, unix
from tests.servers.product import people

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

QUESTION = "Who is our informant PILOTFISH?"
DATABASE_S, POLICY_S, MODEL_S, SLACK_S = 1.0, 1.0, 1.5, 2.0
NEVER = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The proxies before Postgres, OPA and the model, and the way past the first."""

    postgres: Proxy
    policy: Proxy
    model: Proxy
    anthropic: AnthropicServer
    database_url: str
    settings: Settings

    def heal(self) -> None:
        for proxy in (self.postgres, self.policy, self.model):
            proxy.heal()
        self.anthropic.reset()

    def outcomes(self) -> list[str]:
        """Those of the asks in the ledger, oldest first."""
        query = """SELECT outcome FROM ledger_entries JOIN ledger_acts USING (ledger_id)
            WHERE kind IN ('ask', 'failed') ORDER BY ledger_acts.recorded_at"""
        with psycopg.connect(self.database_url) as connection:
            return [outcome for (outcome,) in connection.execute(query).fetchall()]

    def recorded(self, outcome: str) -> set[str]:
        """The hashes of the sentences in the newest record with this outcome."""
        query = """SELECT o.value FROM ledger_openings o JOIN ledger_acts a USING (ledger_id)
            JOIN ledger_entries e USING (ledger_id)
            WHERE o.name = 'answer' AND a.outcome = %s ORDER BY e.recorded_at DESC LIMIT 1"""
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query, [outcome]).fetchone()
        return {one["sha256"] for one in json.loads(row[0])} if row else set()


@pytest.fixture(scope="module")
def parts(
    postgres: str,
    case_file_template: str,
    opa_server_url: str,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Parts]:
    uri = postgres_server.clone(postgres, case_file_template)
    with ExitStack() as stack:
        enter = stack.enter_context
        anthropic = enter(AnthropicServer())
        folder = conninfo_to_dict(uri)["host"]
        database = enter(Proxy(Postgres, unix(str(folder))))
        policy = enter(Proxy(Http, _to(opa_server_url)))
        model = enter(Proxy(Http, _to(anthropic.url)))
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("mid-act"),
            models_dir=models_dir,
            database_url=through(database, uri),
            database_timeout_s=DATABASE_S,
            opa_url=f"http://{policy.host}:{policy.port}",
            policy_timeout_s=POLICY_S,
            anthropic_api_key="a key of nobody",
            anthropic_base_url=f"http://{model.host}:{model.port}",
            model_timeout_s=MODEL_S,
        )
        yield Parts(
            postgres=database,
            policy=policy,
            model=model,
            anthropic=anthropic,
            database_url=uri,
            settings=settings,
        )
    postgres_server.drop(postgres, uri)


@pytest.fixture
async def product(parts: Parts, opa_server_url: str) -> AsyncIterator[Copilot]:
    parts.heal()
    engine = OpaServerEngine(opa_server_url, timeout=10)
    await engine.publish()
    await engine.close()
    async with build(parts.settings) as opened:
        await _answers_again(opened)
        yield opened


async def _answers_again(product: Copilot) -> None:
    """A transaction that the last fault cut off may hold the ledger until its own time is over."""
    for _ in range(10):
        if isinstance(await product.ask(lead(), QUESTION), Answer):
            return
        await asyncio.sleep(DATABASE_S)
    pytest.fail("it does not answer again")


def lead() -> Asker:
    return as_asker(people()["lead"])


def _to(url: str) -> Connect:
    where = urlsplit(url)
    return tcp(str(where.hostname), where.port or 0)


async def requests_of_an_ask(product: Copilot, proxy: Proxy) -> int:
    """Of one that finds its connections open."""
    await product.ask(lead(), QUESTION)
    proxy.strike(Fault(kind=Kind.EMPTY, after=NEVER))
    assert isinstance(await product.ask(lead(), QUESTION), Answer)
    return proxy.requests


async def struck(
    product: Copilot, parts: Parts, proxy: Proxy, fault: Fault, timeout_s: float
) -> AskOutcome:
    """An ask with the fault; it ends in time, and the model was given nothing that is not recorded."""
    before = len(parts.outcomes())
    parts.anthropic.requests.clear()
    proxy.strike(fault)
    began = time.monotonic()
    outcome = await product.ask(lead(), QUESTION)
    took = time.monotonic() - began
    assert took < timeout_s + SLACK_S, fault
    parts.heal()
    if parts.anthropic.requests:
        assert "Opened" in parts.outcomes()[before:], fault
    if isinstance(outcome, Answer):
        assert {sha256(one.text) for one in outcome.sentences} <= parts.recorded("Answer")
    return outcome


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.HOLLOW])
async def test_no_act_gives_anything_while_postgres_fails(
    product: Copilot, parts: Parts, kind: Kind
) -> None:
    """The acts themselves: over HTTP the rate limit stands before them and fails first."""
    parts.postgres.strike(Fault(kind=kind))
    began = time.monotonic()
    outcomes = await asyncio.gather(
        product.ask(lead(), QUESTION),
        product.search(lead(), QUESTION),
        product.document(lead(), "IR-2024-030"),
        product.entity(lead(), "PILOTFISH"),
    )
    assert time.monotonic() - began < DATABASE_S + SLACK_S
    assert {type(one) for one in outcomes} == {Unavailable}
    parts.heal()
    assert isinstance(await product.ask(lead(), QUESTION), Answer)


async def answers_nevertheless(product: Copilot, parts: Parts, fault: Fault) -> bool:
    """What watches the label epochs asks too, and may be the one that is cut off: hence several times."""
    for _ in range(5):
        outcome = await struck(product, parts, parts.postgres, fault, DATABASE_S)
        if isinstance(outcome, Unavailable):
            return False
        assert isinstance(outcome, Answer), (fault, outcome)
    return True


@pytest.mark.parametrize(("kind", "step"), [(Kind.PARTIAL, 1), (Kind.DOWN, 8)])
async def test_an_ask_survives_no_statement_that_breaks_off_and_releases_nothing(
    product: Copilot, parts: Parts, kind: Kind, step: int
) -> None:
    """Cut at the n-th request to Postgres: also where it had done what it was asked to."""
    most = await requests_of_an_ask(product, parts.postgres)
    assert most > 20
    answered = 0
    for n in range(0, most, step):
        answered += await answers_nevertheless(product, parts, Fault(kind=kind, after=n))
        if n % 8 == 0:
            assert isinstance(await product.ask(lead(), QUESTION), Answer), n
    # Its requests are among those counted, some ten at most: an ask alone has fewer.
    assert answered <= 10 // step + 1


async def test_a_statement_that_never_ends_costs_an_ask_one_timeout(
    product: Copilot, parts: Parts
) -> None:
    most = await requests_of_an_ask(product, parts.postgres)
    for n in range(0, most, 9):
        outcome = await struck(
            product, parts, parts.postgres, Fault(kind=Kind.HANG, after=n), DATABASE_S
        )
        assert isinstance(outcome, Unavailable | Answer), (n, most, outcome)
        assert isinstance(await product.ask(lead(), QUESTION), Answer), n


@pytest.mark.parametrize("kind", [Kind.PARTIAL, Kind.HOLLOW])
async def test_a_decision_that_does_not_come_is_none(
    product: Copilot, parts: Parts, kind: Kind
) -> None:
    """At the n-th question to the policy engine, for each n."""
    most = await requests_of_an_ask(product, parts.policy)
    assert most > 2
    for n in range(most):
        fault = Fault(kind=kind, after=n, body=b"{}")
        outcome = await struck(product, parts, parts.policy, fault, POLICY_S)
        assert isinstance(outcome, Unavailable), (n, most, outcome)


async def stream(product: Copilot) -> AsyncIterator[Sentence | AskOutcome]:
    async for item in product.ask_stream(lead(), QUESTION):
        yield item


@pytest.mark.parametrize("keep", [0, 300, 900, 1500, 2100, 2700, 3300])
async def test_every_sentence_of_a_stream_that_breaks_off_is_recorded(
    product: Copilot, parts: Parts, keep: int
) -> None:
    parts.model.strike(Fault(kind=Kind.PARTIAL, keep=keep))
    items = [item async for item in stream(product)]
    sentences = [item for item in items if isinstance(item, Sentence)]
    assert isinstance(items[-1], Unavailable | Answer)
    closing = "BrokenOff" if isinstance(items[-1], Unavailable) else "Answer"
    assert {sha256(one.text) for one in sentences} <= parts.recorded(closing)


@pytest.mark.parametrize("kind", [Kind.DOWN, Kind.HANG])
async def test_a_database_that_fails_within_a_stream_ends_it_in_time(
    product: Copilot, parts: Parts, kind: Kind
) -> None:
    """What has left is in the opening record and nowhere else: no more leaves, and no outcome but the failure."""
    parts.anthropic.behaviour = Behaviour.QUOTE
    before = len(parts.outcomes())
    items: list[Sentence | AskOutcome] = []
    began = 0.0
    async for item in stream(product):
        items.append(item)
        if began == 0.0:
            assert isinstance(item, Sentence)
            assert parts.outcomes()[before:] == ["Opened"]
            parts.postgres.strike(Fault(kind=kind))
            began = time.monotonic()
    assert time.monotonic() - began < DATABASE_S + SLACK_S
    parts.heal()
    assert isinstance(items[-1], Unavailable)
    assert items[-1].dependency == "postgres"
    assert parts.outcomes()[before:] == ["Opened"]
    assert isinstance(await product.ask(lead(), QUESTION), Answer)
