"""Access that is taken away or given holds within a second everywhere, also in streams that have begun."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import psycopg
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.generation.extractive import Extractive
from copilot.generation.port import Claim, Finished, Prompt
from copilot.ingest.documents import Document, Part
from copilot.ledger.verify import verify
from copilot.results import Answer, Deleted, Denied, DocumentView, NotFound, Relabelled, Sentence
from copilot.settings import Settings
from policy.errors import BadInput, Forbidden
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from retrieval.types import Context

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

U, C, S, TS = (Label(tenant="t1", classification=level) for level in Classification)
QUESTION = "Who owns Alder Shipping?"
TEXTS = (
    "Anton Drell owns Alder Shipping Ltd. Alder Shipping Ltd is owned by Anton Drell of Kestrel Quay.",
    "The owner of Alder Shipping Ltd is Anton Drell, who bought it in 2019.",
)


def asker(sub: str, *roles: str, clearance: str = "S", tenant: str = "t1") -> Asker:
    principal = Principal(
        sub=sub,
        tenant=tenant,
        clearance=Classification(clearance),
        nationality="USA",
        roles=frozenset(roles),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation", reason="case 7")


INGESTER = asker("ida", "ingester", "analyst", clearance="TS")
ANN = asker("ann", "analyst", "ingester")
ROOT = asker("root", "admin")


class Paused:
    """The offline generator, which waits before each claim but the first until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = anyio.Event()

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        first = True
        async for item in Extractive().stream(prompt, contexts):
            if not first:
                await self.go_on.wait()
            first = False
            yield item


@dataclass
class Two:
    """Two open products on one database: what the first does must hold in the second."""

    here: Copilot
    there: Copilot
    paused: Paused
    url: str

    async def holds_there(
        self, check: Callable[[], Awaitable[bool]], within_s: float = 1.0
    ) -> None:
        began = time.monotonic()
        while not await check():
            assert time.monotonic() - began < within_s
            await anyio.sleep(0.02)


@asynccontextmanager
async def opened_twice(settings: Settings, url: str) -> AsyncIterator[Two]:
    paused = Paused()
    async with build(settings) as here, build(settings, generator=paused) as there:
        yield Two(here, there, paused, url)


@pytest.fixture
async def two(settings: Settings, database_url: str) -> AsyncIterator[Two]:
    async with opened_twice(settings, database_url) as two:
        given = [document(f"d{number}", text) for number, text in enumerate(TEXTS)]
        assert (await two.here.ingest(INGESTER, given)).ingested == 2
        yield two


def document(name: str, text: str, label: Label = C) -> Document:
    return Document(
        document_id=name,
        title="",
        label=label,
        parts=(Part(label=label, text=text),),
        source="test.md",
    )


async def readable(copilot: Copilot, who: Asker, document_id: str) -> bool:
    return isinstance(await copilot.document(who, document_id), DocumentView)


async def taken(two: Two, how: str) -> None:
    act = two.here.administration
    match how:
        case "deleted":
            for one in ("d0", "d1"):
                assert isinstance(await act.delete(INGESTER, one), Deleted)
        case "relabelled":
            for one in ("d0", "d1"):
                assert isinstance(await act.relabel(INGESTER, one, TS), Relabelled)
        case _:
            await act.revoke(ROOT, "ann", "she left")


HOWS = ["deleted", "relabelled", "revoked"]


@pytest.mark.parametrize("how", HOWS)
async def test_what_is_taken_away_is_gone_elsewhere_within_a_second(two: Two, how: str) -> None:
    assert await readable(two.there, ANN, "d0")
    stored = await two.here.ask(ANN, QUESTION)
    assert isinstance(stored, Answer)
    await taken(two, how)

    async def gone() -> bool:
        return not await readable(two.there, ANN, "d0")

    await two.holds_there(gone)
    assert not await readable(two.here, ANN, "d0")
    for product in (two.here, two.there):
        again = await product.answer(ANN, stored.answer_id)
        assert isinstance(again, Denied if how == "revoked" else NotFound)
    assert (await verify(two.url)).problems == []


@pytest.mark.parametrize("how", HOWS)
async def test_a_stream_that_has_begun_stops(two: Two, how: str) -> None:
    """Every label is known beforehand: a new one would raise the fence by itself."""
    spare = [document(f"spare{n}", "The quay was repainted.") for n in range(2)]
    await two.here.ingest(INGESTER, spare)
    await two.here.administration.relabel(INGESTER, "spare0", TS)
    await two.here.administration.delete(INGESTER, "spare1")
    await two.here.administration.revoke(ROOT, "nobody", "x")
    assert isinstance(await two.here.ask(ANN, QUESTION), Answer)
    items: list[Any] = []
    begun = anyio.Event()

    async def watch() -> None:
        async for item in two.there.ask_stream(ANN, QUESTION):
            items.append(item)
            begun.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await begun.wait()
        await taken(two, how)
        await anyio.sleep(1)
        two.paused.go_on.set()
    *sentences, outcome = items
    assert [type(one) for one in sentences] == [Sentence]
    assert isinstance(outcome, Denied)
    assert outcome.reason == "changed"


async def test_whoever_is_reinstated_is_who_they_were(two: Two) -> None:
    act = two.here.administration
    first = await act.revoke(ROOT, "ann", "she left")
    assert replace(await act.revoke(ROOT, "ann", "twice"), ledger_id="") == replace(
        first, ledger_id=""
    )
    denied = await two.here.search(ANN, QUESTION)
    assert isinstance(denied, Denied)
    assert denied.reason == "revoked"
    await act.reinstate(ROOT, "ann")
    assert await readable(two.here, ANN, "d0")


async def test_a_sub_that_nobody_has_seen_is_revoked_like_any_other(two: Two) -> None:
    act = two.here.administration
    known, unknown = await act.revoke(ROOT, "ann", "x"), await act.revoke(ROOT, "nobody", "x")
    assert replace(known, sub="", ledger_id="") == replace(unknown, sub="", ledger_id="")
    assert replace(await act.reinstate(ROOT, "new"), ledger_id="", sub="ann") == replace(
        await act.reinstate(ROOT, "ann"), ledger_id=""
    )


async def test_a_revocation_stays_in_its_tenant(two: Two) -> None:
    await two.here.administration.revoke(asker("root", "admin", tenant="t2"), "ann", "mistaken")
    assert await readable(two.here, ANN, "d0")


async def test_only_who_may_takes_access_away_and_never_their_own(two: Two) -> None:
    act = two.here.administration
    with pytest.raises(Forbidden):
        await act.revoke(ANN, "root", "x")
    with pytest.raises(Forbidden):
        await act.reinstate(ANN, "root")
    with pytest.raises(BadInput, match="another administrator"):
        await act.revoke(ROOT, "root", "x")
    for sub, reason in (("", "x"), ("a\nb", "x"), ("ann", " "), ("ann", "x" * 3000)):
        with pytest.raises(BadInput):
            await act.revoke(ROOT, sub, reason)
    analyst = asker("ben", "analyst")
    assert isinstance(await act.delete(analyst, "d0"), Denied)
    assert isinstance(await act.relabel(analyst, "d0", U), Denied)
    assert await readable(two.here, ANN, "d0")


async def test_a_label_above_the_relabeller_is_denied_and_recorded(two: Two) -> None:
    outcome = await two.here.administration.relabel(ANN, "d0", TS)
    assert isinstance(outcome, Denied)
    assert outcome.reason == "label"
    kinds = await records(two.url)
    assert ("denied", "ann", "Denied") in kinds


async def test_a_weak_sign_in_is_told_that_a_strong_one_may_open_more(two: Two) -> None:
    weak = replace(ANN, principal=replace(ANN.principal, acr="password"))
    act = two.here.administration
    for given_id in ("d9", "hidden"):
        assert (await act.delete(weak, given_id)).kind == "StepUpRequired"
        assert (await act.relabel(weak, given_id, U)).kind == "StepUpRequired"
    deleted = await act.delete(weak, "d0")
    assert isinstance(deleted, Deleted)
    assert deleted.notice is not None


async def records(url: str) -> set[tuple[str, str, str]]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT kind, sub, outcome FROM ledger_acts")
        return {(kind, sub, outcome) for kind, sub, outcome in await cursor.fetchall()}
