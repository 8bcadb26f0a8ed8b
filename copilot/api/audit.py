"""The fields of Query that auditors read: the ledger by filters, one entry, who saw something, what somebody did."""

from datetime import datetime
from typing import Annotated

import strawberry

from copilot.api import audit_types, types
from copilot.api.cost import PAGE
from copilot.api.declare import field, view
from copilot.api.inputs import LabelInput
from copilot.api.limits import between, short
from copilot.api.permissions import Info
from copilot.ledger.audit import Filters
from copilot.ledger.records import Entry, Kind, Page, WhatDid, WhoSaw
from policy.errors import BadInput
from policy.labels import Label

From = Annotated[str | None, strawberry.argument(name="from")]


@view()
class AuditQuery:
    """What auditors can read, of the tenants and compartments that are open to them. Reading it is recorded."""

    @field(types.LedgerConnection)
    async def ledger(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        sub: str | None = None,
        kind: Kind | None = None,
        outcome: str | None = None,
        document: strawberry.ID | None = None,
        entity: str | None = None,
        label: LabelInput | None = None,
        model: str | None = None,
        since: From = None,
        until: str | None = None,
    ) -> Page:
        """
        Recorded acts, newest first, for auditors; at most 100 at once. An entity is given by its id or name; a
        model is one that was called, whether or not something came of it. Times are in ISO 8601 with their offset;
        `until` is the first that is too late.
        """
        filters = Filters(
            sub=_short(sub, "sub"),
            kind=kind and str(kind),
            outcome=_short(outcome, "outcome"),
            document=_short(document, "document"),
            entity=_short(entity, "entity"),
            label=_label(info, label),
            model=_short(model, "model"),
            since=_moment(since, "from"),
            until=_moment(until, "until"),
        )
        return await info.context.copilot.auditing.ledger(
            info.context.asker(),
            filters,
            first=between(first, "first", PAGE),
            after=_short(after, "after"),
        )

    @field(types.LedgerEntry | None)
    async def ledger_entry(self, info: Info, id: strawberry.ID) -> Entry | None:  # noqa: A002
        """One recorded act; null where there is none, or none that the auditor may see."""
        copilot = info.context.copilot
        return await copilot.auditing.entry(info.context.asker(), short(id, "the id"))

    @field(audit_types.WhoSaw)
    async def who_saw(
        self,
        info: Info,
        document: strawberry.ID | None = None,
        entity: str | None = None,
        label: LabelInput | None = None,
        first: int = 20,
        after: str | None = None,
        after_person: str | None = None,
        since: From = None,
        until: str | None = None,
    ) -> WhoSaw:
        """
        Who was shown a document, an entity or what bears a label: one of the three. At most 100 people and entries
        at once; `afterPerson` and `after` go on with the one and the other. Of a question that has begun and has no end
        in the ledger, all that a model was given counts as shown. Nobody is told of acts whose records are above their
        own attributes: only an auditor with all of the tenant's hears of everybody.
        """
        filters = Filters(
            document=_short(document, "document"),
            entity=_short(entity, "entity"),
            label=_label(info, label),
            since=_moment(since, "from"),
            until=_moment(until, "until"),
        )
        return await info.context.copilot.auditing.who_saw(
            info.context.asker(),
            filters,
            first=between(first, "first", PAGE),
            after=_short(after, "after"),
            after_person=_short(after_person, "afterPerson"),
        )

    @field(audit_types.WhatDid)
    async def what_did(
        self,
        info: Info,
        person: str,
        first: int = 20,
        after: str | None = None,
        since: From = None,
        until: str | None = None,
    ) -> WhatDid:
        """
        What a person did, by kind, and their newest entries; at most 100 of these at once. As with `whoSaw`, acts above
        the auditor's own attributes are left out.
        """
        filters = Filters(
            sub=_short(person, "person"),
            since=_moment(since, "from"),
            until=_moment(until, "until"),
        )
        return await info.context.copilot.auditing.what_did(
            info.context.asker(),
            filters,
            first=between(first, "first", PAGE),
            after=_short(after, "after"),
        )


def _short(text: str | None, what: str) -> str | None:
    return None if text is None else short(text, what)


def _label(info: Info, label: LabelInput | None) -> Label | None:
    return None if label is None else label.read(info.context.principal.tenant, "label")


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(short(text, name))
    except ValueError as error:
        raise BadInput(
            f"`{name}` is no time; write it in ISO 8601, like 2026-01-31T12:00:00Z"
        ) from error
