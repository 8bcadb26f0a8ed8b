"""What auditors ask of the ledger: entries, who was shown something, and what somebody did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any

from copilot.ledger.columns import FILTERS
from copilot.ledger.opened import changed
from copilot.ledger.records import Entry, Kind, Page, Tally, WhatDid, WhoSaw
from policy.errors import BadInput
from policy.labels import Label
from policy.scope import Scope
from retrieval.identity import entity_id
from retrieval.names import normalise
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "audit.sql")
MOST_COUNTED = 1_000
"""Acts of one person, or of one kind, that are counted: more are said to be more."""
_MOST_PARTS = 100

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What entries must have; None asks nothing. Times are aware; `until` is the first that is too late."""

    sub: str | None = None
    kind: str | None = None
    outcome: str | None = None
    document: str | None = None
    """The id of a document or, for who may not know that, of a part."""
    entity: str | None = None
    """The id of an entity, or its name."""
    label: Label | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def said(self) -> dict[str, Any]:
        """What was asked for, as a record tells it."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: _said(value) for name, value in given.items() if value is not None}


class Audit:
    """Reads within a scope: what is hidden changes nothing. Cursors are ledger ids, which are random."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        scope: Scope,
        filters: Filters,
        *,
        first: int,
        after: str | None = None,
        shown: bool = False,
    ) -> Page:
        """The newest entries. Raises BadInput for a cursor that is none, or none of the scope's."""
        groups = await self._groups(scope, filters)
        async with self._database.transaction(Role.AUDITOR, scope.label_ids) as connection:
            reader = _Reader(connection, scope)
            values = await reader.values(filters, groups, shown=shown)
            return await reader.page(filters, values, first=first, after=after)

    async def entry(self, scope: Scope, ledger_id: str) -> Page:
        """The one entry, or none."""
        async with self._database.transaction(Role.AUDITOR, scope.label_ids) as connection:
            return await _Reader(connection, scope).entries([ledger_id])

    async def who_saw(
        self,
        scope: Scope,
        filters: Filters,
        *,
        first: int,
        after: str | None = None,
        after_person: str | None = None,
    ) -> WhoSaw:
        """By name the first people after `after_person` to whom it was shown, and the newest such entries."""
        groups = await self._groups(scope, filters)
        async with self._database.transaction(Role.AUDITOR, scope.label_ids) as connection:
            reader = _Reader(connection, scope)
            values = await reader.values(filters, groups, shown=True)
            page = await reader.page(filters, values, first=first, after=after)
            people = await reader.people(values, first + 1, after_person or "")
        following = people[first - 1].name if len(people) > first else None
        return WhoSaw(people=tuple(people[:first]), next_person=following, page=page)

    async def what_did(
        self, scope: Scope, filters: Filters, *, first: int, after: str | None = None
    ) -> WhatDid:
        """What the person of these filters did, by kind, and their newest entries."""
        async with self._database.transaction(Role.AUDITOR, scope.label_ids) as connection:
            reader = _Reader(connection, scope)
            values = await reader.values(filters, [])
            page = await reader.page(filters, values, first=first, after=after)
            return WhatDid(kinds=tuple(await reader.kinds(values)), page=page)

    async def _groups(self, scope: Scope, filters: Filters) -> list[list[str]]:
        """For each thing that is asked for the names by which it may have been recorded."""
        named = {
            "document": await self._known_as(scope, filters.document),
            "entity": _identities(scope.tenant, filters.entity),
            "label": [] if filters.label is None else [filters.label.canonical()],
            "model": [] if filters.model is None else [filters.model],
        }
        return [[f"{kind}:{name}" for name in names] for kind, names in named.items() if names]

    async def _known_as(self, scope: Scope, document: str | None) -> list[str]:
        """Its id, and those of its parts that the scope shows: some people know it by these alone."""
        if document is None:
            return []
        values = {"tenant": scope.tenant, "document": document, "most": _MOST_PARTS}
        async with self._database.transaction(Role.READER, scope.label_ids) as connection:
            cursor = await connection.execute(_SQL.scoped("parts", scope.label_ids), values)
            return [document, *(row["part_id"] for row in await cursor.fetchall())]


class _Reader:
    """One transaction in which an auditor reads."""

    def __init__(self, connection: Connection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    async def values(
        self, filters: Filters, groups: Sequence[Sequence[str]], *, shown: bool = False
    ) -> dict[str, Any]:
        """What the queries are given. Of each group, the names of one thing, one must have been touched, or shown."""
        things = await self._things(groups)
        others = [(number, one) for number, group in enumerate(things[1:]) for one in group]
        return {
            "sub": filters.sub,
            "kinds": [filters.kind] if filters.kind else [str(kind) for kind in Kind],
            "any_act": filters.kind is None and filters.outcome is None,
            "outcome": filters.outcome,
            "since": filters.since,
            "until": filters.until,
            "shown": shown,
            "things": things[0] if things else [],
            "groups": max(0, len(things) - 1),
            "other_groups": [number for number, _ in others],
            "others": [one for _, one in others],
        }

    async def page(self, filters: Filters, values: Row, *, first: int, after: str | None) -> Page:
        by = "touching" if values["things"] else "newest"
        if filters.sub is not None:
            by = "touching_by_person" if values["things"] else "by_person"
        places = {**await self._before(filters, after), "first": first + 1}
        rows = await self._rows(by, {**values, **places})
        page = await self.entries([row["ledger_id"] for row in rows[:first]])
        following = rows[first - 1]["ledger_id"] if len(rows) > first else None
        return Page(entries=page.entries, next_cursor=following, labels=page.labels)

    async def entries(self, ids: Sequence[str]) -> Page:
        rows = await self._rows("entries", {"ids": list(ids)})
        entries = tuple(map(_entry, rows))
        labels = self._labels(row["label_id"] for row in rows)
        return Page(entries=entries, next_cursor=None, labels=labels)

    async def people(self, values: Row, most: int, after_person: str) -> list[Tally]:
        more = {"people": most, "after_person": after_person, "most": MOST_COUNTED + 1}
        return [self._tally("sub", row) for row in await self._rows("people", {**values, **more})]

    async def kinds(self, values: Row) -> list[Tally]:
        rows = await self._rows("kinds", {**values, "most": MOST_COUNTED + 1})
        return [self._tally("kind", row) for row in rows]

    async def _before(self, filters: Filters, after: str | None) -> dict[str, Any]:
        """The place from which a page goes on, before `until` in any case."""
        if after is None:
            return {"before": filters.until, "before_id": ""}
        rows = await self._rows("cursor", {"after": after})
        if not rows:
            raise BadInput("`after` is no cursor of this list; leave it out to begin anew")
        at: datetime = rows[0]["recorded_at"]
        if filters.until is not None and filters.until <= at:
            return {"before": filters.until, "before_id": ""}
        return {"before": at, "before_id": after}

    async def _things(self, groups: Sequence[Sequence[str]]) -> list[list[str]]:
        """How the ledger knows them, group by group."""
        if not groups:
            return []
        split = [name.partition(":") for group in groups for name in group]
        values = {"kinds": [kind for kind, _, _ in split], "names": [name for _, _, name in split]}
        known = iter([row["thing"] for row in await self._rows("things", values)])
        return [list(islice(known, len(group))) for group in groups]

    async def _rows(self, name: str, values: Row) -> list[dict[str, Any]]:
        query = _SQL.scoped(name, self._scope.label_ids)
        cursor = await self._connection.execute(query, {"tenant": self._scope.tenant, **values})
        return await cursor.fetchall()

    def _tally(self, name: str, row: Row) -> Tally:
        return Tally(
            name=row[name],
            acts=min(row["acts"], MOST_COUNTED),
            more=row["acts"] > MOST_COUNTED,
            first_at=row["first_at"],
            last_at=row["last_at"],
            labels=self._labels(row["label_ids"]),
        )

    def _labels(self, label_ids: Iterable[int]) -> tuple[Label, ...]:
        """In an order that no id decides: hidden labels have some as well."""
        labels = (self._scope.labels[one] for one in set(label_ids))
        return tuple(sorted(labels, key=Label.canonical))


def _identities(tenant: str, entity: str | None) -> list[str]:
    """The id as it was given, and the one that everything of this name has."""
    if entity is None:
        return []
    key = normalise(entity)
    return [entity, entity_id(tenant, key)] if key else [entity]


def _said(value: object) -> object:
    match value:
        case Label():
            return value.to_json()
        case datetime():
            return value.isoformat()
    return str(value)


def _entry(row: Row) -> Entry:
    """Unavailable where it is not what its leaf commits to."""
    act = (row["details"] or {}).get("act", {})
    if row["intact"] is False or any(row[name] != act.get(name, row[name]) for name in FILTERS):
        raise changed(row["ledger_id"])
    return Entry(
        ledger_id=row["ledger_id"],
        kind=Kind(row["kind"]),
        recorded_at=row["recorded_at"],
        tenant=row["tenant"],
        sub=row["sub"],
        purpose=row["purpose"],
        outcome=row["outcome"],
        policy_revision=row["policy_revision"],
        leaf_hash=row["leaf_hash"].hex(),
        details=row["details"],
    )
