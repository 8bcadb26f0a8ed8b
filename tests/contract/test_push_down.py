"""What the scope pushes down into a search is what a decision on each document by itself would leave."""

import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from policy import Allowed, Asker, Label, Scoper
from policy.build import build
from policy.bundle import Built, Bundle
from policy.embedded import EmbeddedEngine, Evaluator
from policy.narrowed import CLOSED, FixedRules, NarrowedEngine
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import PostgresLabels, intern
from tests.contract import oracle
from tests.contract.tenant_rules import Tenant, a_tenant
from tests.contract.vectors import NOW, NOW_NS, a_label, an_asker

pytestmark = pytest.mark.anyio

POLICIES = 500
BUNDLE = 100
"""Modules built into one WASM: more of them do not fit the memory that its host begins with."""
ASKERS = 4
LABELS = 24
DOCUMENTS = 500
IN_SQL = 25
"""Policies whose scopes go through Postgres."""


@dataclass(frozen=True)
class Case:
    """One tenant with a policy of its own, its people, and documents by the position of their label."""

    name: str
    tenant: Tenant
    askers: Sequence[Asker]
    labels: Sequence[Label]
    documents: Sequence[int]

    def opens(self, asker: Asker, label: Label) -> bool:
        """In plain Python: the release's rules, and then the tenant's."""
        closed = self.tenant.closes(asker, label, NOW)
        return not closed and not oracle.obstacles(asker, label, NOW)


def cases() -> Iterator[Case]:
    draw = random.Random(23)
    for number in range(POLICIES):
        name = f"t{number:03}"
        labels = list({a_label(draw, [name] * 9 + ["another"]) for _ in range(LABELS)})
        yield Case(
            name=name,
            tenant=a_tenant(draw),
            askers=[an_asker(draw, [name]) for _ in range(ASKERS)],
            labels=labels,
            documents=[draw.randrange(len(labels)) for _ in range(DOCUMENTS)],
        )


class OneOfMany(Evaluator):
    """Stands for a tenant's own evaluator, over a WASM that holds the rules of many."""

    def __init__(self, many: Evaluator, package: str) -> None:
        self._many = many
        self._package = package

    async def evaluate(self, rule: str, question: Mapping[str, Any]) -> object:
        return await self._many.evaluate(rule.replace("tenant", self._package), question)

    def close(self) -> None:
        self._many.close()


def rules(opa: Path, made: Sequence[Case]) -> dict[str, FixedRules]:
    """Each reads the answers of its module as every tenant's are read."""
    bundle = Bundle(
        sources={f"{one.name}.rego": one.tenant.rego(one.name).encode() for one in made}
    )
    entries = [CLOSED.replace("tenant", one.name) for one in made]
    built = Built(bundle=bundle, wasm=build(str(opa), bundle, entries)["policy.wasm"])
    many = Evaluator(built, entries, timeout=10)
    return {one.name: FixedRules(built, OneOfMany(many, one.name)) for one in made}


@asynccontextmanager
async def engine_for(opa: Path, made: Sequence[Case]) -> AsyncIterator[NarrowedEngine]:
    tenants: dict[str, FixedRules] = {}
    for first in range(0, len(made), BUNDLE):
        tenants |= rules(opa, made[first : first + BUNDLE])
    base = EmbeddedEngine(clock=lambda: NOW_NS)
    engine = NarrowedEngine(base, tenants, clock=lambda: NOW_NS)
    try:
        yield engine
    finally:
        await engine.close()


async def test_a_million_documents_are_pushed_down_as_each_is_decided(opa_binary: Path) -> None:
    """Leaks are what is pushed down and closed by itself; losses what is open and left out."""
    decisions = leaks = losses = opened = 0
    made = list(cases())
    async with engine_for(opa_binary, made) as engine:
        for case in made:
            for asker in case.askers:
                scope = (await engine.readable(asker, case.labels)).positions
                alone = await decided(engine, asker, case.labels)
                assert alone == {
                    i for i, label in enumerate(case.labels) if case.opens(asker, label)
                }, case.tenant.rego(case.name)
                pushed = [position in scope for position in case.documents]
                by_itself = [position in alone for position in case.documents]
                decisions += len(pushed)
                opened += sum(by_itself)
                leaks += sum(a and not b for a, b in zip(pushed, by_itself, strict=True))
                losses += sum(b and not a for a, b in zip(pushed, by_itself, strict=True))
    assert (decisions, leaks, losses) == (1_000_000, 0, 0)
    assert 50_000 < opened < 950_000


async def decided(engine: NarrowedEngine, asker: Asker, labels: Sequence[Label]) -> set[int]:
    """Documents of one label share its decision; each label is asked about alone."""
    decisions = [await engine.may_read(asker, [label]) for label in labels]
    return {position for position, decision in enumerate(decisions) if decision == [Allowed()]}


async def test_a_scope_in_sql_finds_what_each_document_by_itself_would_be_open(
    opa_binary: Path, database_url: str
) -> None:
    made = list(cases())[:IN_SQL]
    found = hidden = 0
    async with documents_in(database_url, made) as database, engine_for(opa_binary, made) as engine:
        scoper = Scoper(engine, PostgresLabels(database), clock=lambda: NOW)
        for case in made:
            for asker in [await scoper.standing(one) for one in case.askers]:
                alone = await decided(engine, asker, case.labels)
                scope = await scoper.scope(asker)
                by_filter, by_row_security = await search(database, case, [*scope.label_ids])
                expected = [n for n, at in enumerate(case.documents) if at in alone]
                assert by_filter == by_row_security == expected
                assert {scope.labels[i] for i in scope.label_ids} == {case.labels[i] for i in alone}
                found += len(expected)
                hidden += len(case.documents) - len(expected)
    assert found > 5_000
    assert hidden > 5_000


_TABLE = """
    CREATE TABLE pushed_down (
        tenant text NOT NULL, document int NOT NULL, label_id int NOT NULL REFERENCES labels
    );
    ALTER TABLE pushed_down ENABLE ROW LEVEL SECURITY;
    CREATE POLICY in_scope ON pushed_down TO copilot_reader
        USING (label_id = ANY ((SELECT scope_label_ids())::int[]));
    GRANT SELECT ON pushed_down TO copilot_reader
"""


@asynccontextmanager
async def documents_in(url: str, made: Sequence[Case]) -> AsyncIterator[Database]:
    """The documents of all tenants in one table under row-level security, their labels interned."""
    database = Database(url, timeout_s=30)
    await database.open()
    try:
        rows = []
        for case in made:
            ids = [await interned(database, label) for label in case.labels]
            rows += [(case.name, n, ids[at]) for n, at in enumerate(case.documents)]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
            await owner.execute(_TABLE)
            await owner.cursor().executemany("INSERT INTO pushed_down VALUES (%s, %s, %s)", rows)
        yield database
    finally:
        await database.close()


async def interned(database: Database, label: Label) -> int:
    async with database.transaction(Role.WRITER, tenant=label.tenant) as connection:
        return await intern(connection, label)


async def search(database: Database, case: Case, ids: list[int]) -> tuple[list[int], list[int]]:
    """Through the filter of a search, and without it, through row-level security alone."""
    async with database.transaction(Role.READER, ids) as connection:
        filtered = await connection.execute(
            "SELECT document FROM pushed_down WHERE label_id = ANY(%s) AND tenant = %s"
            " ORDER BY document",
            [ids, case.name],
        )
        by_filter = [row["document"] for row in await filtered.fetchall()]
        secured = await connection.execute(
            "SELECT document FROM pushed_down WHERE tenant = %s ORDER BY document", [case.name]
        )
        return by_filter, [row["document"] for row in await secured.fetchall()]


async def test_a_policy_that_forgets_its_tenant_in_one_of_the_two_is_caught(
    opa_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison above would find a leak if there were one."""
    made = list(cases())[:40]
    async with engine_for(opa_binary, made) as engine:
        assert [case for case in made if await leaks(engine, case)] == []
        monkeypatch.setattr(engine, "readable", engine._base.readable)
        assert len([case for case in made if await leaks(engine, case)]) > 10


async def leaks(engine: NarrowedEngine, case: Case) -> bool:
    return any(
        [
            (await engine.readable(asker, case.labels)).positions
            - await decided(engine, asker, case.labels)
            for asker in case.askers
        ]
    )
