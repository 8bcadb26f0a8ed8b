"""Ways in which the ledger alone takes no records, while the rest of Postgres serves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

_REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
"""
_READ_ONLY = "ALTER DATABASE {database} {change} default_transaction_read_only {to}"
_LEAVE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """What is done to the database, and what takes it back."""

    do: str
    undo: str


BREAKAGES: Mapping[str, Breakage] = {
    "grants revoked": Breakage(
        do="REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger",
        undo="GRANT EXECUTE ON FUNCTION append_ledger_entries TO copilot_ledger",
    ),
    "read-only": Breakage(
        do=f"{_READ_ONLY.format(database='{database}', change='SET', to='= on')}; {_LEAVE}",
        undo=f"{_READ_ONLY.format(database='{database}', change='RESET', to='')}; {_LEAVE}",
    ),
    "slow: a table locked": Breakage(
        do="BEGIN; LOCK TABLE ledger_acts IN SHARE MODE", undo="ROLLBACK"
    ),
    "disk full": Breakage(
        do=f"{_REFUSE} CREATE TRIGGER full_disk BEFORE INSERT ON ledger_openings "
        "FOR EACH ROW EXECUTE FUNCTION refuse()",
        undo="DROP FUNCTION refuse CASCADE",
    ),
    "disk full at commit": Breakage(
        do=f"{_REFUSE} CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON ledger_acts "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
        undo="DROP FUNCTION refuse CASCADE",
    ),
    "a table gone": Breakage(
        do="ALTER TABLE ledger_acts RENAME TO elsewhere",
        undo="ALTER TABLE elsewhere RENAME TO ledger_acts",
    ),
}


@contextmanager
def broken(database_url: str, name: str) -> Iterator[None]:
    """The ledger broken in one way as long as the context."""
    way = BREAKAGES[name]
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(database_url, autocommit=True, options=options) as connection:
        database = f'"{connection.info.dbname}"'
        connection.execute(way.do.replace("{database}", database).encode())
        try:
            yield
        finally:
            connection.execute(way.undo.replace("{database}", database).encode())
