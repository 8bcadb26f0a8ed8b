"""Revoked, ended, deleted: within a second nothing more comes out, wherever it is asked for."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.results import Answer, AskOutcome, Denied, DocumentView, Sentence
from copilot.settings import Settings
from policy.errors import BadInput, Forbidden
from policy.labels import Classification
from policy.principal import Asker
from tests.servers.anthropic import AnthropicServer
from tests.servers.postgres import Owner, owned
from tests.servers.product import people

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

QUESTION = "Who is our informant PILOTFISH?"
SECRET_ID = "IR-2024-030"
WITHIN_S = 1.0
Read = Callable[[], Awaitable[object]]


def asker(name: str, **changes: Any) -> Asker:
    who = replace(people()[name], **changes)
    return Asker(principal=who, purpose=who.purposes[0])


READER = asker("lead", sub="reader", roles=frozenset(["analyst", "ingester", "auditor"]))
LOW = asker("trainee")
ADMIN = asker("lead", sub="root", roles=frozenset(["admin"]))


@pytest.fixture
def settings(case_file: str, models_dir: Path, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, models_dir=models_dir, database_url=case_file, policy_timeout_s=10
    )


@pytest.fixture
async def processes(settings: Settings) -> AsyncIterator[list[Copilot]]:
    """Two that serve one database, as two replicas do: neither knows what the other does."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(build(settings)) for _ in range(2)]


@pytest.fixture
def owner(case_file: str) -> Iterator[Owner]:
    """Somebody else's connection, who is none of the processes."""
    with owned(case_file) as connection:
        yield connection


def revoke(owner: Owner) -> None:
    owner.execute(
        "INSERT INTO revocations (tenant, sub, reason, revoked_by) "
        "VALUES ('meridian', 'reader', 'left', 'root')"
    )


def delete(owner: Owner) -> None:
    """As whoever deletes does: the fence is raised in the same transaction."""
    with owner.transaction():
        owner.execute("DELETE FROM documents WHERE document_id = %s", [SECRET_ID])
        owner.execute("SELECT raise_fence('meridian')")


def grant(owner: Owner, seconds: int = 600) -> None:
    """Opens all that LANTERN protects to the trainee."""
    owner.execute(
        "INSERT INTO grants (grant_id, tenant, sub, clearance, compartments, authorities, reason,"
        " seconds, approved_by, approved_at, not_after)"
        " VALUES ('g1', 'meridian', 'trainee', 'TS', '{HARBOR,LANTERN}', '{}', 'fire', %(s)s,"
        " 'root', now(), date_trunc('second', now()) + %(s)s * interval '1 second')",
        {"s": seconds},
    )


def end_grant(owner: Owner) -> None:
    owner.execute("UPDATE grants SET ended_by = 'root', ended_at = now() WHERE grant_id = 'g1'")


async def closing(reads: dict[str, Read], restrict: Callable[[], None]) -> dict[str, float]:
    """Seconds from the restriction to the last time that each read, tried again and again, gave something."""
    for name, read in reads.items():
        assert await read() is not None, f"{name} is closed before"
    open_until = dict.fromkeys(reads, 0.0)
    restrict()
    done = time.monotonic()

    async def watch(name: str, read: Read) -> None:
        closed = 0
        while closed < 3:
            shown = await read()
            closed = 0 if shown is not None else closed + 1
            if shown is not None:
                open_until[name] = time.monotonic() - done
            assert time.monotonic() - done < 10, f"{name} stays open"
            # Not oftener: fourteen reads at once keep each other waiting, and one counts when it returns.
            await anyio.sleep(0.1)

    async with anyio.create_task_group() as tasks:
        for name, read in reads.items():
            tasks.start_soon(watch, name, read)
    return open_until


def shown(kinds: tuple[str, ...], act: Callable[[], Awaitable[Any]]) -> Read:
    """The act as a read: what it gives where that is one of these kinds, else None."""

    async def read() -> object:
        # BadInput of a cursor, which is looked up under the labels of now.
        try:
            outcome = await act()
        except (Forbidden, BadInput):
            return None
        return outcome if getattr(outcome, "kind", "Page") in kinds else None

    return read


async def every_read(copilot: Copilot, who: Asker) -> dict[str, Read]:
    """All ways to what the reader may read now."""
    stored = await copilot.ask(who, QUESTION)
    assert isinstance(stored, Answer), stored
    newest = await copilot.ledger(who, first=1)
    cursor = newest.next_cursor
    assert cursor is not None
    return {
        "ask": shown(("Answer", "NotFound"), lambda: copilot.ask(who, QUESTION)),
        "search": shown(("SearchResult",), lambda: copilot.search(who, QUESTION)),
        "document": shown(("Document",), lambda: copilot.document(who, SECRET_ID)),
        "entity": shown(("Entity",), lambda: copilot.entity(who, "PILOTFISH")),
        "answer": shown(("Answer",), lambda: copilot.answer(who, stored.answer_id)),
        "ledger": shown(("Page",), lambda: copilot.ledger(who, first=1)),
        "cursor": shown(("Page",), lambda: copilot.ledger(who, first=1, after=cursor)),
    }


async def test_a_revoked_person_gets_nothing_by_any_way_in_any_process_within_a_second(
    processes: list[Copilot], owner: Owner
) -> None:
    reads: dict[str, Read] = {}
    for number, copilot in enumerate(processes):
        reads |= {f"{name} {number}": r for name, r in (await every_read(copilot, READER)).items()}
    took = await closing(reads, lambda: revoke(owner))
    assert max(took.values()) < WITHIN_S, took


async def test_a_revoked_person_is_told_so_and_it_is_recorded(
    processes: list[Copilot], owner: Owner
) -> None:
    revoke(owner)
    await anyio.sleep(WITHIN_S)
    outcome = await processes[0].document(READER, SECRET_ID)
    assert isinstance(outcome, Denied)
    assert outcome.reason == "revoked"
    record = owner.execute(
        "SELECT kind, sub, outcome FROM ledger_acts WHERE ledger_id = %s", [outcome.ledger_id]
    ).fetchone()
    assert record == {"kind": "denied", "sub": "reader", "outcome": "Denied"}


async def test_what_one_process_revokes_is_closed_there_at_once_and_elsewhere_within_a_second(
    processes: list[Copilot],
) -> None:
    here, there = processes
    for copilot in processes:
        assert isinstance(await copilot.document(READER, SECRET_ID), DocumentView)
    await here.administration.revoke(ADMIN, "reader", "left the service")
    done = time.monotonic()
    assert isinstance(await here.document(READER, SECRET_ID), Denied)
    while isinstance(await there.document(READER, SECRET_ID), DocumentView):
        assert time.monotonic() - done < WITHIN_S
    await here.administration.reinstate(ADMIN, "reader")
    assert isinstance(await here.document(READER, SECRET_ID), DocumentView)


async def test_a_deleted_document_is_gone_from_every_read_within_a_second(
    processes: list[Copilot], owner: Owner
) -> None:
    reads = await every_read(processes[0], READER)
    of_document = {name: reads[name] for name in ("document", "answer")}
    took = await closing(of_document, lambda: delete(owner))
    assert max(took.values()) < WITHIN_S, took
    for copilot in processes:
        for found in (await copilot.ask(READER, QUESTION), await copilot.search(READER, QUESTION)):
            assert SECRET_ID not in repr(found)


async def test_an_ended_grant_closes_what_it_opened_within_a_second(
    processes: list[Copilot], owner: Owner
) -> None:
    grant(owner)
    await anyio.sleep(WITHIN_S)
    reads: dict[str, Read] = {}
    for number, copilot in enumerate(processes):
        stored = await copilot.ask(LOW, QUESTION)
        assert isinstance(stored, Answer)
        assert "LANTERN" in stored.banner
        document = partial(copilot.document, LOW, SECRET_ID)
        reads[f"document {number}"] = shown(("Document",), document)
        answer = partial(copilot.answer, LOW, stored.answer_id)
        reads[f"answer {number}"] = shown(("Answer",), answer)
    took = await closing(reads, lambda: end_grant(owner))
    assert max(took.values()) < WITHIN_S, took


async def test_a_grant_closes_by_the_clock_alone(processes: list[Copilot], owner: Owner) -> None:
    """Nobody raises a fence for it: what was decided is kept no longer than it holds."""
    grant(owner, seconds=3)
    row = owner.execute("SELECT extract(epoch FROM not_after)::float AS at FROM grants").fetchone()
    assert row is not None
    copilot = processes[0]
    opened = False
    while time.time() < row["at"] + WITHIN_S:
        began = time.time()
        if isinstance(await copilot.document(LOW, SECRET_ID), DocumentView):
            opened = True
            assert began < row["at"]
        await anyio.sleep(0.05)
    assert opened


# --- streams in flight -------------------------------------------------------------------------

PAUSE_S = 0.9
"""Between two sentences of the model: by the next one a restriction must have arrived."""


@dataclass
class Slow:
    """A process whose model lets its readers wait between sentences."""

    copilot: Copilot
    server: AnthropicServer

    async def interrupted(self, who: Asker, restrict: Callable[[], None]) -> list[Any]:
        """What a stream gives where something happens as soon as its first sentence is there."""
        items: list[Sentence | AskOutcome] = []
        async for item in self.copilot.ask_stream(who, QUESTION):
            items.append(item)
            if len(items) == 1:
                restrict()
        return items


@pytest.fixture
async def slow(settings: Settings) -> AsyncIterator[Slow]:
    with AnthropicServer(pause_s=PAUSE_S, sentences=4) as server:
        changed = replace(settings, anthropic_api_key="test", anthropic_base_url=server.url)
        async with build(changed) as copilot:
            yield Slow(copilot, server)


async def test_a_stream_goes_on_where_nothing_happens(slow: Slow) -> None:
    items = await slow.interrupted(READER, lambda: None)
    assert isinstance(items[-1], Answer)
    assert len(items) > 2


def raise_fence_for_somebody_else(owner: Owner) -> None:
    owner.execute(
        "INSERT INTO revocations (tenant, sub, reason, revoked_by) "
        "VALUES ('meridian', 'liaison', 'left', 'root')"
    )


async def test_a_fence_for_somebody_else_stops_no_stream(slow: Slow, owner: Owner) -> None:
    items = await slow.interrupted(READER, lambda: raise_fence_for_somebody_else(owner))
    assert isinstance(items[-1], Answer)


@pytest.mark.parametrize("restriction", [revoke, delete])
async def test_a_stream_stops_before_its_next_sentence(
    slow: Slow, owner: Owner, restriction: Callable[[Owner], None]
) -> None:
    stopped: list[float] = []

    def restrict() -> None:
        restriction(owner)
        stopped.append(time.monotonic())

    first, last = await slow.interrupted(READER, restrict)
    assert isinstance(first, Sentence)
    assert isinstance(last, Denied)
    assert last.reason == "changed"
    # Found out when the next sentence came, which was held back.
    assert time.monotonic() - stopped[0] < PAUSE_S + WITHIN_S
    outcome = owner.execute(
        "SELECT outcome FROM ledger_acts WHERE ledger_id = %s", [last.ledger_id]
    ).fetchone()
    assert outcome == {"outcome": "Denied"}
    assert owner.execute("SELECT FROM answers").fetchall() == []


async def test_a_stream_under_a_grant_stops_when_the_grant_ends(slow: Slow, owner: Owner) -> None:
    grant(owner)
    await anyio.sleep(WITHIN_S)
    cleared = replace(LOW, principal=replace(LOW.principal, clearance=Classification.C))
    *_, last = await slow.interrupted(cleared, lambda: end_grant(owner))
    assert isinstance(last, Denied)
    assert last.reason == "changed"
