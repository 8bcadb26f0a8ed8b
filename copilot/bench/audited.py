"""`copilot bench audit`: how soon auditors have their answers, on a ledger of many records, recording included.

The records are written by the product's own writer: asks, searches, reads and ingests of a few hundred people, of
whom some do most, about documents of which some are shown far more often than others.
"""

import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import psycopg

from copilot.auditing import Auditing
from copilot.bench.corpus import PERSON
from copilot.bench.ledger.records import size
from copilot.bench.report import Report
from copilot.bench.roomy import roomy
from copilot.commands.asker import as_asker
from copilot.commands.opened import ready_url
from copilot.gate import Gate
from copilot.ledger.audit import Filters
from copilot.ledger.log import Ledger, Record, append_all
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scoper
from retrieval.identity import content_id, entity_id
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import PostgresLabels

_BATCH = 500
_TIMEOUT_S = 120.0
_ASKED, _WARMING = 200, 5
_GOAL_MS = 100.0
_PEOPLE, _DOCUMENTS, _ENTITIES, _CITED, _PASSED_ON = 300, 5_000, 2_000, 3, 6
_OPEN = Label(tenant=PERSON.tenant, classification=Classification.U)
_LABELS = [
    replace(_OPEN, classification=level, compartments=frozenset(compartments))
    for level in (Classification.U, Classification.C, Classification.S)
    for compartments in ((), ("HARBOR",), ("SI",), ("HARBOR", "SI"))
]
_AUDITOR = replace(
    PERSON,
    sub="auditor",
    clearance=Classification.S,
    compartments=frozenset(["HARBOR", "SI"]),
    roles=frozenset(["auditor"]),
)


async def run(settings: Settings) -> Report:
    """The first run writes the records, which takes minutes for a million; later ones find them."""
    report, records = Report(name="audit"), size()
    folder = settings.data_dir / f"bench-audit-{records}"
    settings = replace(settings, data_dir=folder, database_url=None, neo4j_url=None)
    url = await ready_url(settings)
    async with roomy(settings.data_dir):
        report.environment["records"] = await _filled(url, records)
    async with _auditing(await ready_url(settings)) as auditing:
        await _measure(report, auditing)
    return report


async def _filled(url: str, records: int) -> int:
    """Brings the ledger to so many records, once; gives how many there are."""
    missing = records - await _stored(url)
    database = Database(url, timeout_s=_TIMEOUT_S)
    await database.open()
    try:
        ledger = Ledger(database)
        ids, begun = {label: await ledger.label_id(label) for label in _LABELS}, deque[str]()
        drawn = islice(_records(records, begun), max(0, missing))
        while batch := [(one, ids[one.label]) for one in islice(drawn, _BATCH)]:
            async with database.transaction(Role.LEDGER) as connection:
                written = await append_all(connection, batch)
            acts = zip(written, batch, strict=True)
            begun.extend(id_ for id_, (one, _) in acts if one.outcome == "Opened")
    finally:
        await database.close()
    return await _stored(url)


async def _stored(url: str) -> int:
    """The planner is then told, too, what there is, as it is from time to time of itself."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
        cursor = await connection.execute("SELECT count(*) FROM ledger_entries")
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _records(seed: int, begun: deque[str]) -> Iterator[Record]:
    """Answers are the ends of questions that have begun, as long as there are any."""
    rng = random.Random(f"audit {seed}")  # noqa: S311  nothing is kept secret by it
    while True:
        label = rng.choice(_LABELS)
        kind, outcome, details = _act(rng, label, begun)
        yield Record(
            kind=kind,
            asker=_person(_often(rng, _PEOPLE)),
            outcome=outcome,
            policy_revision="bench",
            label=label,
            details=details,
        )


def _act(rng: random.Random, label: Label, begun: deque[str]) -> tuple[Kind, str, dict[str, Any]]:
    passages = [_passage(_often(rng, _DOCUMENTS), label) for _ in range(_PASSED_ON)]
    question = {"question": f"What is known of {_entity(_often(rng, _ENTITIES))}?"}
    match rng.choices(("opened", "answer", "search", "document", "ingest"), (30, 30, 20, 15, 5))[0]:
        case "opened":
            shown = _shown(passages)
            return (
                Kind.ASK,
                "Opened",
                {**question, "contexts": passages, "answer": [], "shown": shown},
            )
        case "answer":
            cited = [_cited(rng, one) for one in passages[:_CITED]]
            answer = [{"text": "It is known.", "citations": [one]} for one in cited]
            model = {"provider": "offline", "model": f"model-{rng.randrange(4)}"}
            said = {**question, "contexts": passages, "answer": answer, "model": model}
            details = said | {"opening": begun.popleft() if begun else None}
            details |= {"shown": _shown(passages[:_CITED])}
            return Kind.ASK, "Answer", details
        case "search":
            said = {**question, "contexts": passages, "shown": _shown(passages)}
            return Kind.SEARCH, "SearchResult", said
        case "document":
            one = passages[0]
            return Kind.READ, "Document", {"document_id": one["document_id"], "read": [one]}
    one = passages[0]
    document = {"document_id": one["document_id"], "label": one["label"], "parts": [one]}
    return Kind.INGEST, "Ingested", {"document": document}


def _shown(passages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: one[name] for name in ("document_id", "label")} for one in passages]


def _passage(number: int, label: Label) -> dict[str, Any]:
    return {
        "document_id": _document(number),
        "part_id": content_id("part", str(number)),
        "chunk_id": content_id("chunk", str(number)),
        "sha256": content_id("text", str(number)) * 2,
        "label": label.to_json(),
        "arms": [{"arm": "vector", "rank": 1}, {"arm": "keyword", "rank": 2}],
    }


def _cited(rng: random.Random, passage: dict[str, Any]) -> dict[str, Any]:
    entities = [entity_id(PERSON.tenant, _entity(_often(rng, _ENTITIES)))]
    known = {name: passage[name] for name in ("document_id", "chunk_id")}
    return {**known, "start": 0, "end": 9, "quote_sha256": passage["sha256"], "entities": entities}


def _often(rng: random.Random, most: int) -> int:
    """A number below `most`; small ones come far more often."""
    return int(most * rng.random() ** 3)


def _document(number: int) -> str:
    return f"document-{number}"


def _entity(number: int) -> str:
    return f"entity {number}"


def _person(number: int) -> Asker:
    principal = Principal(
        sub=f"person-{number:03}",
        tenant=PERSON.tenant,
        clearance=Classification.S,
        nationality=PERSON.nationality,
        roles=frozenset(["analyst"]),
        purposes=PERSON.purposes,
    )
    return as_asker(principal)


@asynccontextmanager
async def _auditing(url: str) -> AsyncIterator[Auditing]:
    engine, database = EmbeddedEngine(), Database(url, timeout_s=_TIMEOUT_S)
    await database.open()
    database.fences.watch()
    try:
        scoper = Scoper(engine, PostgresLabels(database))
        recorder = Recorder(engine, scoper, Ledger(database))
        gate = Gate(engine, scoper, recorder, Metrics())
        yield Auditing(database, scoper=scoper, gate=gate, recorder=recorder)
    finally:
        await database.close()
        await engine.close()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked how often, of things by their numbers; one in ten is among the most frequent."""

    auditing: Auditing
    asker: Asker
    ids: Sequence[str]

    async def document(self, number: int) -> object:
        filters = Filters(document=_document(number * _DOCUMENTS // _ASKED))
        return await self.auditing.who_saw(self.asker, filters)

    async def entity(self, number: int) -> object:
        filters = Filters(entity=_entity(number * _ENTITIES // _ASKED))
        return await self.auditing.who_saw(self.asker, filters)

    async def label(self, number: int) -> object:
        filters = Filters(label=_LABELS[number % len(_LABELS)])
        return await self.auditing.who_saw(self.asker, filters)

    async def person(self, number: int) -> object:
        filters = Filters(sub=f"person-{number * _PEOPLE // _ASKED:03}")
        return await self.auditing.what_did(self.asker, filters)

    async def page(self, number: int) -> object:
        after = self.ids[number % len(self.ids)]
        return await self.auditing.ledger(self.asker, Filters(), first=20, after=after)

    async def filtered(self, number: int) -> object:
        filters = Filters(document=_document(number), sub=f"person-{number % _PEOPLE:03}")
        return await self.auditing.ledger(self.asker, filters, first=20)

    async def entry(self, number: int) -> object:
        return await self.auditing.entry(self.asker, self.ids[number % len(self.ids)])


async def _measure(report: Report, auditing: Auditing) -> None:
    asker = as_asker(_AUDITOR)
    newest = await auditing.ledger(asker, Filters(kind="search"), first=100)
    asked = _Asked(auditing, asker, [one.ledger_id for one in newest.entries])
    for name, ask in {
        "who_saw_document": asked.document,
        "who_saw_entity": asked.entity,
        "who_saw_label": asked.label,
        "what_did": asked.person,
        "ledger_page": asked.page,
        "ledger_page_of_document_and_person": asked.filtered,
        "ledger_entry": asked.entry,
    }.items():
        report.times(name, [await _timed(ask, number) for number in range(_ASKED)][_WARMING:])
    for name in ("who_saw_document", "who_saw_entity", "who_saw_label", "what_did"):
        report.aim(f"{name}_p95", _GOAL_MS)
    report.environment |= {"asked": _ASKED, "people": _PEOPLE, "documents": _DOCUMENTS}


async def _timed(ask: Callable[[int], Awaitable[object]], number: int) -> float:
    begun = time.perf_counter()
    await ask(number)
    return (time.perf_counter() - begun) * 1000
