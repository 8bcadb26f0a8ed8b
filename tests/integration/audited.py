"""Records as the product's acts leave them, and what auditors ask about them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from copilot.ledger.audit import Audit, Filters
from copilot.ledger.log import Ledger, Record, high_water
from copilot.ledger.records import Kind, Page, WhatDid, WhoSaw
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels

U = Label(tenant="t1", classification=Classification.U)
S = replace(U, classification=Classification.S)


async def page(
    database: Database,
    scope: Scope,
    *,
    first: int,
    after: str | None = None,
    sub: str | None = None,
    kind: str | None = None,
) -> Page:
    """A page of the ledger by the filters that are asked for most."""
    filters = Filters(sub=sub, kind=kind)
    return await Audit(database).page(scope, filters, first=first, after=after)


def person(sub: str, clearance: Classification = Classification.U) -> Asker:
    principal = Principal(
        sub=sub,
        tenant="t1",
        clearance=clearance,
        nationality="USA",
        roles=frozenset(["auditor"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


def record(who: Asker | str, kind: Kind, outcome: str, **details: Any) -> Record:
    asker = person(who) if isinstance(who, str) else who
    return Record(
        kind=kind,
        asker=asker,
        outcome=outcome,
        policy_revision="r1",
        label=high_water(asker),
        details=details,
    )


def passage(document: str, label: Label = U) -> dict[str, Any]:
    named = {"document_id": document, "part_id": f"part of {document}"}
    return {**named, "chunk_id": f"chunk of {document}", "label": label.to_json()}


def answered(
    who: Asker | str,
    *cited: str,
    passed_on: tuple[str, ...] = (),
    entity: str = "",
    label: Label = U,
    opening: str | None = None,
) -> Record:
    """An answer that cites the one and was made from the others as well; the end of what began with that record."""
    citations = [
        {"document_id": one, "chunk_id": f"chunk of {one}", "entities": [entity] if entity else []}
        for one in cited
    ]
    contexts = [passage(one, label) for one in (*cited, *passed_on)]
    model = {"provider": "offline", "model": "extractive-1"}
    answer = [{"text": "It is so.", "citations": citations}]
    given = {"contexts": contexts, "answer": answer, "model": model, "opening": opening}
    return record(who, Kind.ASK, "Answer", **given)


def opened(who: Asker | str, *passed_on: str) -> Record:
    contexts = [passage(one) for one in passed_on]
    return record(who, Kind.ASK, "Opened", contexts=contexts, answer=[])


def searched(who: Asker | str, *found: str, label: Label = U) -> Record:
    contexts = [passage(one, label) for one in found]
    return record(who, Kind.SEARCH, "SearchResult", contexts=contexts)


def read(who: Asker | str, document: str, outcome: str = "Document") -> Record:
    parts = [passage(document)] if outcome == "Document" else []
    parts = [{name: one[name] for name in ("part_id", "label")} for one in parts]
    return record(who, Kind.READ, outcome, document_id=document, read=parts)


def ingested(who: Asker | str, document: str) -> Record:
    described = {"document_id": document, "label": U.to_json(), "parts": [passage(document)]}
    return record(who, Kind.INGEST, "Ingested", document=described)


class Log:
    """A ledger that is written and audited."""

    def __init__(self, database: Database, scoper: Scoper) -> None:
        self.database = database
        self.audit = Audit(database)
        self._ledger = Ledger(database)
        self._scoper = scoper

    async def take(self, *records: Record) -> list[str]:
        """The ledger ids of records that are written one after the other."""
        return [await self._ledger.record(one) for one in records]

    async def scope(self, clearance: Classification = Classification.S) -> Scope:
        return await self._scoper.scope(person("auditor", clearance))

    async def who_saw(self, first: int = 20, /, **given: Any) -> WhoSaw:
        places = {name: given.pop(name, None) for name in ("after", "after_person")}
        return await self.audit.who_saw(await self.scope(), Filters(**given), first=first, **places)

    async def what_did(self, sub: str, **given: Any) -> WhatDid:
        return await self.audit.what_did(await self.scope(), Filters(sub=sub, **given), first=20)

    async def ids(self, **given: Any) -> list[str]:
        """Of the entries that these filters leave."""
        page = await self.audit.page(await self.scope(), Filters(**given), first=50)
        return [one.ledger_id for one in page.entries]


@asynccontextmanager
async def auditing(database_url: str) -> AsyncIterator[Log]:
    database, engine = Database(database_url, timeout_s=30), EmbeddedEngine()
    await database.open()
    yield Log(database, Scoper(engine, PostgresLabels(database)))
    await database.close()
    await engine.close()
