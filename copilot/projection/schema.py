"""Constraints and indexes of the projection: numbered Cypher, forward only, checksummed like those of Postgres."""

import re
from pathlib import Path

from copilot.data_files import folder
from copilot.migrate import Migration, pending_of
from policy.errors import Misconfigured
from retrieval.stores.neo4j.server import Neo4j

_HISTORY = "MATCH (m:Migration) RETURN m.name, m.sha256"
_ONE_EACH = (
    "CREATE CONSTRAINT migration_name IF NOT EXISTS FOR (m:Migration) REQUIRE m.name IS UNIQUE"
)
_VERSION = (
    "CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]"
)
OLDEST = (5, 26)
"""Of which the statements were tried."""
_APPLIED = "MERGE (m:Migration {name: $name}) SET m.sha256 = $sha256, m.applied_at = datetime()"


def migrations(path: Path | None = None) -> list[Migration]:
    """The files of `migrations/neo4j` in the order of their numbers."""
    found = sorted((path or folder("migrations") / "neo4j").glob("*.cypher"))
    return [Migration(name=file.stem, sql=file.read_text("utf-8")) for file in found]


async def migrate(server: Neo4j, path: Path | None = None) -> list[str]:
    """Brings Neo4j to this version; gives the names of what was applied.

    A schema is no part of a transaction with data, so each statement is such that it may be repeated. Raises
    Misconfigured where Neo4j is too old, or the history was edited or is newer than this program, else Unavailable.
    """
    await _require_version(server)
    await server.run(_ONE_EACH)
    pending = pending_of(migrations(path), await _history(server))
    for migration in pending:
        for statement in statements(migration.sql):
            await server.run(statement)
        await server.run(_APPLIED, {"name": migration.name, "sha256": migration.sha256})
    return [migration.name for migration in pending]


async def check(server: Neo4j) -> None:
    """Misconfigured where Neo4j is too old, lacks a migration, or has another history than this version."""
    await _require_version(server)
    if pending := pending_of(migrations(), await _history(server)):
        raise Misconfigured(f"Neo4j lacks the migration {pending[0].name}; run `copilot migrate`")


def statements(text: str) -> list[str]:
    """What stands between the semicolons, without lines that are comments."""
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    return [one.strip() for one in "\n".join(lines).split(";\n") if one.strip(" \n;")]


async def _require_version(server: Neo4j) -> None:
    [[version]] = await server.run(_VERSION)
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < OLDEST:
        least = ".".join(map(str, OLDEST))
        raise Misconfigured(f"NEO4J_URL names a Neo4j {version}; {least} or newer is needed")


async def _history(server: Neo4j) -> dict[str, str]:
    return {row[0]: row[1] for row in await server.run(_HISTORY)}
