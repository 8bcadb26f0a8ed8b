"""Marks lead an erasure to every record that repeats eight words or cites a chunk, and go with what they mark."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from copilot.acts import Copilot
from copilot.ledger.upkeep import Upkeep
from retrieval.stores.postgres.database import Database
from tests.integration.erased import found, said
from tests.integration.sealed import seal
from tests.integration.test_erasure import (
    ANN,
    OTHER,
    TEXT,
    TITLE,
    answered,
    deleted,
    document,
)
from tests.servers import postgres as postgres_server

Connection = psycopg.Connection[dict[str, Any]]
word = st.sampled_from(["pier", "Quay", "zwölf", "x1", "don't", "a-b", "é"])
words = st.lists(word, min_size=1, max_size=30).map(" ".join)
MARKS = """SELECT ARRAY(SELECT word_marks(%s)) AS one, ARRAY(SELECT word_marks(%s)) AS other,
                  ARRAY(SELECT eight_word_runs(%s)) AS runs, ARRAY(SELECT eight_word_runs(%s)) AS others"""
DERIVED = """SELECT ledger_id, label_id, recorded_at, ARRAY(SELECT unnest(marks) ORDER BY 1) AS marks
             FROM ledger_marks_of(ARRAY(SELECT ledger_id FROM ledger_entries), '-infinity', 'infinity') ORDER BY 1"""
STORED = """SELECT ledger_id, label_id, recorded_at, ARRAY(SELECT unnest(marks) ORDER BY 1) AS marks
            FROM ledger_marks ORDER BY 1"""


@pytest.fixture(scope="module")
def functions(postgres: str) -> Iterator[Connection]:
    """A database that nothing is written to."""
    url = postgres_server.clone(postgres)
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection
    postgres_server.drop(postgres, url)


@settings(max_examples=150)
@given(before=words, shared=words, after=words)
def test_texts_that_share_eight_words_share_a_mark(
    functions: Connection, before: str, shared: str, after: str
) -> None:
    one, other = f"{before}, {shared}.", f"«{shared.upper()}» {after}"
    row = functions.execute(MARKS, [one, other, one, other]).fetchone()
    assert row is not None
    if set(row["runs"]) & set(row["others"]):
        assert set(row["one"]) & set(row["other"])
    assert len(row["one"]) <= len(row["runs"])
    assert bool(row["one"]) == bool(row["runs"])


@pytest.mark.anyio
async def test_an_erasure_finds_by_marks_what_it_finds_by_going_through_all(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    await answered(copilot)
    await copilot.search(ANN, "What did the harbour master of Kestrel Quay get for the berth?")
    await copilot.ask(ANN, f"Is it true that {TEXT[:90]}?")
    await answered(copilot, "Who keeps the books of Alder Shipping in a narrow room?")
    await seal(database_url)
    await marked(database_url)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        before = owner.execute(STORED.encode()).fetchall()
        assert before == owner.execute(DERIVED.encode()).fetchall()
        assert before
        # Without the list of what is not marked yet, which is all that an erasure would go through.
        assert owner.execute("SELECT marked_records('{}', '-infinity') AS all").fetchone() == {
            "all": []
        }
        await deleted(copilot)
        assert found(said(database_url), TEXT, TITLE) == set()
        assert found(said(database_url), OTHER) >= {"parts.text", "chunks.text"}
        after = owner.execute(STORED.encode()).fetchall()
        kept = {one["ledger_id"] for one in before}
        derived = owner.execute(DERIVED.encode()).fetchall()
        assert after == [one for one in derived if one["ledger_id"] in kept]
        marks = {mark for one in after for mark in one["marks"]}
        of_text = owner.execute("SELECT word_marks(%s) AS mark", [TEXT]).fetchall()
        assert marks.isdisjoint(one["mark"] for one in of_text)


async def marked(url: str) -> None:
    database = Database(url, timeout_s=5)
    await database.open()
    try:
        while await Upkeep(database).mark():
            pass
    finally:
        await database.close()
