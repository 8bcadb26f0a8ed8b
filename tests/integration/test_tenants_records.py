"""What the records of a tenant say of its people: seen, written and fenced within the tenant alone."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from retrieval.stores.postgres.database import Role
from tests.integration.test_row_level_security import as_owner, serving
from tests.servers import postgres as postgres_server


@pytest.fixture(scope="module")
def database_url(postgres: str) -> Iterator[str]:
    """One database for the module, which the tests leave fuller."""
    uri = postgres_server.clone(postgres)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.mark.parametrize("role", [Role.WRITER, Role.LEDGER])
def test_a_role_makes_labels_of_the_tenant_it_serves_alone(database_url: str, role: Role) -> None:
    made = "INSERT INTO labels (tenant, canonical, value) VALUES (%s, %s, '{}')"
    with serving(database_url, role, [], "t1") as connection:
        connection.execute(made, ["t1", f"t1 by {role}"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(made, ["t2", f"t2 by {role}"])


STANDING = {
    "revocations": "INSERT INTO revocations (tenant, sub, reason, revoked_by) "
    "VALUES (%(tenant)s, %(sub)s, 'left', 'root')",
    "grants": "INSERT INTO grants (grant_id, tenant, sub, clearance, compartments, authorities, reason, seconds) "
    "VALUES (%(tenant)s || %(sub)s, %(tenant)s, %(sub)s, 'TS', '{}', '{}', 'fire', 60)",
}


@pytest.mark.parametrize("table", STANDING)
def test_the_standing_of_people_is_seen_and_written_for_ones_own_tenant_alone(
    database_url: str, table: str
) -> None:
    for tenant in ("t1", "t2"):
        values = {"tenant": tenant, "sub": "ann"}
        as_owner(database_url, f"{STANDING[table]} RETURNING 1", values)
    seen = sql.SQL("SELECT tenant FROM {}").format(sql.Identifier(table))
    for role in (Role.READER, Role.LEDGER):
        for tenant, expected in (("t1", [{"tenant": "t1"}]), ("", []), ("t3", [])):
            with serving(database_url, role, [], tenant) as connection:
                assert connection.execute(seen).fetchall() == expected
    with (
        serving(database_url, Role.LEDGER, [], "t1") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(STANDING[table].encode(), {"tenant": "t2", "sub": "bob"})
    for role in (Role.WRITER, Role.AUDITOR):
        with (
            serving(database_url, role, [], "t1") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(seen)


@pytest.mark.parametrize(
    ("change", "values"),
    [
        (STANDING["revocations"], {"tenant": "t5", "sub": "eve"}),
        ("UPDATE revocations SET reason = 'again' WHERE tenant = 't5'", None),
        ("DELETE FROM revocations WHERE tenant = 't5'", None),
        (STANDING["grants"], {"tenant": "t5", "sub": "eve"}),
        ("UPDATE grants SET ended_by = 'root', ended_at = now() WHERE tenant = 't5'", None),
        ("DELETE FROM grants WHERE tenant = 't5'", None),
    ],
)
def test_every_change_of_somebodys_standing_raises_the_fence_of_their_tenant(
    database_url: str, change: str, values: Any
) -> None:
    """Whoever makes it, also an owner by hand: nobody has to remember to."""

    def epochs() -> dict[str, int]:
        rows = as_owner(database_url, "SELECT tenant, epoch FROM label_epochs")
        return {row["tenant"]: row["epoch"] for row in rows}

    before = epochs()
    as_owner(database_url, f"{change} RETURNING 1", values)
    assert epochs() == before | {"t5": before.get("t5", 0) + 1}
