"""Functions that run as the owner: nobody who serves can put a table of their own before ours."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.migrate import migrate
from retrieval.stores.postgres.database import Role, serving_conninfo
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio

DEFINERS = """
    SELECT oid::regprocedure::text AS name, proconfig FROM pg_proc
    WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1"""
FORGED = """
    CREATE TEMPORARY TABLE ledger_entries (
        ledger_id text, tenant text, label_id int, recorded_at timestamptz, leaf bytea)"""
APPEND = """
    SELECT append_ledger_entries(json_build_array(json_build_object(
        'ledger_id', 'forged', 'tenant', 't1', 'label_id', %s::int, 'at', now(),
        'leaf', '{"commitments":{},"version":2}', 'kind', 'read', 'sub', 'ann',
        'purpose', 'investigation', 'outcome', 'Document', 'policy_revision', 'r1',
        'openings', '[]'::json)))"""


def as_owner(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def serving(url: str, role: Role) -> psycopg.Connection[Any]:
    return psycopg.connect(serving_conninfo(url, role, 10), autocommit=True)


@pytest.fixture
async def migrated(postgres: str) -> AsyncIterator[str]:
    """A database that was migrated itself: one cloned from it has another list of who may do what."""
    uri = postgres_server.clone(postgres, "/template0")
    await migrate(uri)
    yield uri
    postgres_server.drop(postgres, uri)


async def test_who_serves_makes_no_table_of_their_own(migrated: str) -> None:
    for role in Role:
        for kind in ("TEMPORARY", ""):
            with (
                serving(migrated, role) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(f"CREATE {kind} TABLE labels (label_id int)".encode())


def test_temporary_tables_come_last_in_every_definer_function(database_url: str) -> None:
    found = as_owner(database_url, DEFINERS)
    assert len(found) >= 3
    for one in found:
        [path] = [entry for entry in one["proconfig"] or [] if entry.startswith("search_path=")]
        assert path == "search_path=pg_catalog, public, pg_temp", one["name"]


@pytest.mark.parametrize("role", [Role.LEDGER, Role.WRITER])
def test_a_temporary_table_takes_no_entry_from_the_ledger(database_url: str, role: Role) -> None:
    """Where somebody may make one after all, as in a restored database."""
    label = as_owner(
        database_url,
        "INSERT INTO labels (tenant, canonical, value) VALUES ('t1', 'any', '{}') RETURNING label_id",
    )[0]["label_id"]
    with serving(database_url, role) as connection:
        connection.execute(FORGED.encode())
        connection.execute(APPEND.encode(), [label])
    entries = as_owner(database_url, "SELECT ledger_id FROM ledger_entries")
    assert entries == [{"ledger_id": "forged"}]


@pytest.mark.parametrize("role", [Role.LEDGER, Role.WRITER])
def test_an_entry_of_a_label_that_is_not_stored_is_refused(database_url: str, role: Role) -> None:
    with (
        serving(database_url, role) as connection,
        pytest.raises(psycopg.errors.NotNullViolation),
    ):
        connection.execute(APPEND.encode(), [0])
    assert as_owner(database_url, "SELECT ledger_id FROM ledger_entries") == []


def test_definer_functions_are_called_by_those_who_need_them_alone(database_url: str) -> None:
    may = """
        SELECT p.proname || ' ' || r.rolname AS who FROM pg_proc p, pg_roles r
        WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace
          AND r.rolname LIKE 'copilot%' AND has_function_privilege(r.oid, p.oid, 'EXECUTE')"""
    callers = {row["who"] for row in as_owner(database_url, may)}
    assert callers == {
        *(f"append_ledger_entries {role}" for role in (Role.LEDGER, Role.WRITER)),
        *(f"ledger_scopes_are_stored {role}" for role in (Role.LEDGER, Role.WRITER)),
        *(f"raise_fence {role}" for role in (Role.LEDGER, Role.WRITER)),
        f"begin_erasure {Role.WRITER}",
        f"close_ledger_to_erased {Role.WRITER}",
        f"drop_bare_document {Role.WRITER}",
        f"erase_traces {Role.WRITER}",
        f"finish_erasure {Role.WRITER}",
        f"note_erased {Role.WRITER}",
        f"search_erased {Role.WRITER}",
        f"fill_graph {Role.PROJECTOR}",
        f"forget_title {Role.WRITER}",
        f"hold_document {Role.WRITER}",
        f"keep_erased_runs {Role.WRITER}",
        f"note_sign_in {Role.LEDGER}",
        f"make_ledger_months {Role.SEALER}",
        f"provenance_of {Role.PROJECTOR}",
        f"take_from_rate_limit {Role.LEDGER}",
        f"take_late_openings {Role.LEDGER}",
    }
