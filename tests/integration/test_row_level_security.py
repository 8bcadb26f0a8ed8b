"""The second layer: what Postgres itself refuses, whatever the program asks for."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.rows import dict_row

from retrieval.stores.postgres.database import Role, scope_settings, serving_conninfo
from tests.servers import postgres as postgres_server

SEARCHES = [
    ("retrieval.stores.postgres", "search.sql"),
    ("retrieval.stores.postgres", "graph.sql"),
    ("copilot", "resources.sql"),
    ("copilot.ledger", "ledger.sql"),
]
OTHERS = {"append", "scope", "answer"}
"""Blocks of the ledger that readers do not run."""
LABELLED = [
    *("documents", "parts", "chunks", "chunk_terms", "posting_blocks", "label_statistics"),
    *("mentions", "definitions", "relations", "entity_labels", "name_tokens"),
]
SEALS = [
    *("ledger_unsealed", "ledger_subtrees", "ledger_checkpoints", "ledger_keys"),
    "ledger_published",
    "ledger_rotations",
    "ledger_archives",
]
ERASURES = ["erasures", "erased_parts", "erased_openings", "erasure_others"]
"""What readers may see of deletions; holds and the chunks that went are shown to none of them."""
HIDDEN_ERASURES = [
    *("legal_holds", "erased_chunks", "former_chunks", "late_openings"),
    *("erased_texts", "erased_runs"),
]
LEDGER = [
    *("ledger_entries", "ledger_openings", "ledger_acts", "ledger_scopes", "ledger_leaves"),
    *("ledger_timeline", "ledger_touched"),
]
PEOPLE = ["revocations", "grants"]
GRAPH = [
    *("graph_outbox", "graph_projection", "graph_refusals"),
    *("provenance_projection", "provenance_cites"),
]
EMBEDDING = ["embedding_model", "embedding_job"]
OF_ALL = ["answers", "policy_bundles", "labels", "label_epochs", "migrations"]
TABLES = [
    *(*LABELLED, *LEDGER, *SEALS, *PEOPLE, *GRAPH, *EMBEDDING),
    *(*ERASURES, *HIDDEN_ERASURES, *OF_ALL),
]
_CLAUSE = re.compile(r"[\w.]*label_id = ANY\(\{labels\}\)|label_ids <@ \{labels\}")


def blocks() -> list[Any]:
    """Every block of the searches' SQL."""
    found = []
    for package, file in SEARCHES:
        text = files(package).joinpath(file).read_text("utf-8")
        _, *pieces = re.split(r"^-- name: (\w+)\s*$", text, flags=re.MULTILINE)
        for name, body in zip(pieces[::2], pieces[1::2], strict=True):
            if file != "ledger.sql" or name not in OTHERS:
                found.append(pytest.param(body, id=f"{file}-{name}"))
    return found


def forgetful(block: str) -> str:
    """The block without its label clauses."""
    open_, count = _CLAUSE.subn("true", block)
    assert count
    assert "{labels}" not in open_
    return open_


@contextmanager
def serving(
    url: str, role: Role, labels: list[int] | None = None, tenant: str = ""
) -> Iterator[Any]:
    """A connection as the program opens it for a role, with a scope where one is given."""
    connection = psycopg.connect(
        serving_conninfo(url, role, 10), row_factory=dict_row, autocommit=labels is None
    )
    with connection:
        register_vector(connection)
        if labels is not None:
            ids, bits = scope_settings(tuple(labels))
            connection.execute(
                """SELECT set_config('copilot.label_ids', %s, true), set_config('copilot.label_bits', %s, true),
                          set_config('copilot.tenant', %s, true)""",
                [ids, bits, tenant],
            )
        yield connection


def as_owner(url: str, query: str, values: Any = None) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), values).fetchall()


@dataclass
class Hidden:
    """The case file, with everything of one label taken to be hidden."""

    url: str
    visible: list[int]
    ids: set[str]
    """Chunks, parts and document ids that bear a hidden label."""

    @property
    def values(self) -> dict[str, Any]:
        """Parameters that find something for every block."""
        chunks = [row["chunk_id"] for row in as_owner(self.url, "SELECT chunk_id FROM chunks")]
        terms = as_owner(self.url, "SELECT DISTINCT term FROM posting_blocks")
        named = as_owner(
            self.url,
            """SELECT source_id AS entity_id FROM relations WHERE label_id <> ALL(%(v)s)
               UNION ALL SELECT entity_id FROM mentions""",
            {"v": self.visible},
        )
        defined = as_owner(self.url, "SELECT DISTINCT key FROM definitions")
        keyed = as_owner(self.url, "SELECT DISTINCT key FROM entity_labels")
        numbered = as_owner(self.url, "SELECT label_id, ordinal FROM chunk_terms")
        hidden = as_owner(
            self.url,
            "SELECT document_id, tenant FROM documents WHERE label_id <> ALL(%s) LIMIT 1",
            [self.visible],
        )[0]
        return {
            "vector": np.ones(384, np.float32),
            "limit": 100_000,
            "starts": sorted({row["term"][:2] for row in terms}),
            "terms": [row["term"] for row in terms],
            "ids": chunks,
            "joined_ids": " ".join(chunks),
            "chunks": chunks,
            "tokens": ["anton", "drell"],
            "entities": [row["entity_id"] for row in named],
            "most": 100_000,
            "most_relations": 100_000,
            "relations": [],
            "stated": 100_000,
            "words": ["drell"],
            "after": "",
            "names": ["anton drell", *(row["key"] for row in keyed)],
            "keys": "\n".join(row["key"] for row in defined),
            "near": chunks,
            "later_label_ids": sorted({row["label_id"] for row in numbered}),
            "later_from": [0] * len({row["label_id"] for row in numbered}),
            "label_ids": [row["label_id"] for row in numbered],
            "ordinals": [row["ordinal"] for row in numbered],
            "id": hidden["document_id"],
            "tenant": hidden["tenant"],
            "entity": named[0]["entity_id"],
            "answer_id": "hidden answer",
            "sub": "lead",
        }


@pytest.fixture(scope="module")
def database_url(postgres: str) -> Iterator[str]:
    """One database for the module: all that is tried here is refused."""
    uri = postgres_server.clone(postgres)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture(scope="module")
def case_file(postgres: str, case_file_template: str) -> Iterator[str]:
    uri = postgres_server.clone(postgres, case_file_template)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture(scope="module")
def hidden(case_file: str) -> Hidden:
    labels = as_owner(case_file, "SELECT label_id, value FROM labels")
    visible = [one["label_id"] for one in labels if one["value"]["classification"] == "U"]
    rows = as_owner(
        case_file,
        """SELECT chunk_id AS id FROM chunks WHERE label_id <> ALL(%(v)s)
           UNION SELECT part_id FROM parts WHERE label_id <> ALL(%(v)s)
           UNION (SELECT document_id FROM documents WHERE label_id <> ALL(%(v)s)
                  EXCEPT SELECT document_id FROM documents WHERE label_id = ANY(%(v)s))""",
        {"v": visible},
    )
    with psycopg.connect(case_file) as connection:
        connection.execute(
            """INSERT INTO answers (answer_id, ledger_id, tenant, sub, label_ids, body)
               SELECT 'hidden answer', e.ledger_id, e.tenant, 'lead', ARRAY[d.label_id], '{}'
               FROM ledger_entries e, documents d WHERE d.label_id <> ALL(%s) LIMIT 1""",
            [visible],
        )
    return Hidden(case_file, visible, {row["id"] for row in rows})


def shown(rows: list[dict[str, Any]]) -> set[str]:
    return {value for row in rows for value in row.values() if isinstance(value, str)}


@pytest.mark.parametrize("block", blocks())
def test_a_search_that_forgets_its_labels_shows_nothing_hidden(hidden: Hidden, block: str) -> None:
    values, query = hidden.values, forgetful(block)
    everything = as_owner_with_vector(hidden.url, query, values)
    with serving(hidden.url, Role.READER, hidden.visible) as connection:
        rows = connection.execute(query.encode(), values).fetchall()
    assert not shown(rows) & hidden.ids
    for row in rows:
        assert row.get("label_id") in {None, *hidden.visible}
    # The same query without row-level security would have shown more.
    assert everything != rows


@pytest.mark.parametrize("block", blocks())
def test_a_search_with_its_labels_needs_no_second_layer(hidden: Hidden, block: str) -> None:
    """As the owner, whom no policy stops, it gives what the policies alone would leave."""
    values = hidden.values
    literal = f"ARRAY[{','.join(map(str, hidden.visible))}]::int[]"
    first = as_owner_with_vector(hidden.url, block.replace("{labels}", literal), values)
    with serving(hidden.url, Role.READER, hidden.visible) as connection:
        second = connection.execute(forgetful(block).encode(), values).fetchall()
    assert sorted(map(str, first)) == sorted(map(str, second))


def as_owner_with_vector(url: str, query: str, values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        register_vector(connection)
        return connection.execute(query.encode(), values).fetchall()


@pytest.mark.parametrize("block", blocks())
def test_without_a_scope_there_is_an_error_and_no_row(hidden: Hidden, block: str) -> None:
    with (
        serving(hidden.url, Role.READER) as connection,
        pytest.raises((psycopg.errors.DataError, psycopg.errors.UndefinedObject)),
    ):
        connection.execute(forgetful(block).encode(), hidden.values)


@pytest.mark.parametrize("table", [*LABELLED, *LEDGER, *ERASURES, "answers"])
def test_an_empty_scope_shows_nothing(hidden: Hidden, table: str) -> None:
    role = Role.AUDITOR if table in LEDGER else Role.READER
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
    with serving(hidden.url, role, []) as connection:
        assert connection.execute(query).fetchall() == []


def test_a_role_sees_the_labels_of_its_tenant_or_scope_and_no_others(hidden: Hidden) -> None:
    as_owner(
        hidden.url,
        "INSERT INTO labels (tenant, canonical, value) VALUES ('elsewhere', 'elsewhere', '{}') "
        "ON CONFLICT DO NOTHING RETURNING 1",
    )
    every = as_owner(hidden.url, "SELECT label_id, tenant FROM labels")
    own = {one["label_id"] for one in every if one["tenant"] != "elsewhere"}
    [tenant] = {one["tenant"] for one in every} - {"elsewhere"}
    assert 0 < len(hidden.visible) < len(own) < len(every)
    for role in set(Role) - {Role.PROJECTOR, Role.SEALER}:  # which read none
        for labels, of, expected in (
            ([], "", set[int]()),
            (hidden.visible, "", set(hidden.visible)),
            ([], tenant, own),
            ([], "nobody", set[int]()),
        ):
            with serving(hidden.url, role, labels, of) as connection:
                rows = connection.execute("SELECT label_id FROM labels").fetchall()
            assert {row["label_id"] for row in rows} == expected, (role, labels, of)


WRITES = ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("table", TABLES)
def test_readers_and_auditors_cannot_write(database_url: str, table: str, write: str) -> None:
    for role in (Role.READER, Role.AUDITOR):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database_url, role, table, write)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("table", [*LEDGER, *SEALS, "answers"])
def test_whoever_writes_the_ledger_can_only_append(
    database_url: str, table: str, write: str
) -> None:
    for role in (Role.LEDGER, Role.WRITER):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database_url, role, table, write)


@pytest.mark.parametrize("table", [*LEDGER, *SEALS, "answers"])
def test_whoever_writes_the_ledger_cannot_read_it(database_url: str, table: str) -> None:
    for role in (Role.LEDGER, Role.WRITER):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database_url, role, table, "SELECT * FROM {}")


@pytest.mark.parametrize("role", Role)
def test_entries_come_in_by_the_one_function_alone(database_url: str, role: Role) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(database_url, role, "ledger_entries", "INSERT INTO {} DEFAULT VALUES")


def test_months_of_the_ledger_are_reached_through_their_tables_alone(database_url: str) -> None:
    """Those that there are, and one that is made later: there are policies on neither, and no grants."""
    with psycopg.connect(database_url) as owner:
        owner.execute("SELECT make_ledger_month('2031-03-01 00:00+00')")
    found = as_owner(
        database_url,
        """SELECT c.relname, c.relrowsecurity FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid
           WHERE relkind = 'r' AND inhparent::regclass::text = ANY(ledger_month_tables())""",
    )
    assert len(found) == 5 * len({"other", "this month", "the next", "the one after", "2031_03"})
    assert {"ledger_openings_other", "ledger_openings_2031_03"} < {one["relname"] for one in found}
    for one in found:
        assert one["relrowsecurity"]
        for role in Role:
            for statement in ("SELECT * FROM {}", "INSERT INTO {} DEFAULT VALUES", *WRITES):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    run(database_url, role, one["relname"], statement)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("table", [*ERASURES, "erased_chunks", "erased_texts", "erased_runs"])
def test_what_is_known_of_an_erasure_is_written_by_its_functions_alone(
    database_url: str, table: str, write: str
) -> None:
    for role in (Role.LEDGER, Role.WRITER):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database_url, role, table, write)


@pytest.mark.parametrize("table", HIDDEN_ERASURES)
def test_readers_see_no_hold_and_no_chunk_that_went(database_url: str, table: str) -> None:
    for role in (Role.READER, Role.AUDITOR, Role.LEDGER):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database_url, role, table, "SELECT * FROM {}")


def run(url: str, role: Role, table: str, statement: str) -> None:
    column = as_owner(
        url,
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "ORDER BY ordinal_position DESC",
        [table],
    )[0]["column_name"]
    names = [sql.Identifier(one) for one in (table, column, column)]
    with serving(url, role, []) as connection:
        connection.execute(sql.SQL(statement).format(*names))


def test_no_serving_role_owns_a_table_or_passes_by_the_policies(database_url: str) -> None:
    roles = as_owner(
        database_url,
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
        "WHERE rolname LIKE 'copilot%%'",
        [],
    )
    assert {one.pop("rolname") for one in roles} == set(Role)
    assert not any(value for one in roles for value in one.values())
    owned = (
        "SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE rolname = ANY(%s)"
    )
    assert as_owner(database_url, owned, [list(Role)]) == []
    member = "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolname = ANY(%s)"
    assert as_owner(database_url, member, [list(Role)]) == []


def test_every_table_with_a_label_has_row_level_security(database_url: str) -> None:
    unprotected = as_owner(
        database_url,
        """SELECT relname FROM pg_class c
           WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relrowsecurity
             AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                         AND attname IN ('label_id', 'label_ids', 'tenant', 'sub'))
             AND relname <> 'label_epochs'""",
    )
    assert unprotected == []


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("statement", ["SET ROLE {}", "SET SESSION AUTHORIZATION {}"])
def test_an_embedded_role_cannot_become_the_owner(
    database_url: str, role: Role, statement: str
) -> None:
    owner = as_owner(database_url, "SELECT current_user AS name")[0]["name"]
    command = sql.SQL(statement).format(sql.Identifier(owner))
    with serving(database_url, role) as connection:
        assert connection.execute("SELECT session_user AS name").fetchone() == {"name": role}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(command)
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT current_user AS name").fetchone() == {"name": role}
