"""Records as the product's acts leave them, and what auditors ask about them."""

from dataclasses import replace
from typing import Any

from copilot.ledger.audit import Audit, Filters
from copilot.ledger.log import Record, high_water
from copilot.ledger.records import Kind, Page
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope
from retrieval.stores.postgres.database import Database

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
