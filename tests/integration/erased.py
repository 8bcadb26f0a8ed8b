"""A search for what was erased, through everything that a database or a graph holds."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import sql

COLUMNS = """
    SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
      AND (c.data_type IN ('text', 'character varying', 'bytea', 'json', 'jsonb', 'ARRAY') OR udt_name = 'tsvector')"""
SAMPLED = "SELECT tablename, attname, concat_ws(' ', most_common_vals::text, histogram_bounds::text) FROM pg_stats"
_WORD = re.compile(r"[^\W_]+")
_ESCAPE = re.compile(r"\\(?:[nrtbf]|u00[01][0-9a-f])")


def runs(text: str) -> set[str]:
    """Every eight words that follow each other, in lower case."""
    words = _WORD.findall(_ESCAPE.sub(" ", text).lower())
    return {" ".join(words[at : at + 8]) for at in range(len(words) - 7)}


def said(url: str) -> Iterator[tuple[str, str]]:
    """Each value of each column of the database that could hold words, and where it stands."""
    with psycopg.connect(url) as connection:
        for schema, table, column in connection.execute(COLUMNS.encode()).fetchall():
            place = sql.SQL("SELECT {} FROM {}").format(
                sql.Identifier(column), sql.Identifier(schema, table)
            )
            for (value,) in connection.execute(place):
                yield f"{table}.{column}", _text(value)
        connection.execute("ANALYZE")
        for table, column, value in connection.execute(SAMPLED.encode()):
            yield f"pg_stats of {table}.{column}", value


def found(places: Iterable[tuple[str, str]], *texts: str) -> set[str]:
    """Where a run of eight words of the texts stands."""
    wanted = set[str]().union(*map(runs, texts))
    assert wanted
    return {place for place, value in places if not wanted.isdisjoint(runs(value))}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
