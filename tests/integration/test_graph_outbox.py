"""The outbox of the graph: what is noted, in which transaction, and who may see it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from retrieval.stores.postgres.database import Role
from tests.integration.test_row_level_security import as_owner, serving

OUTBOX = "SELECT label_id, part_id, what FROM graph_outbox ORDER BY seq"
PART = "SELECT part_id, label_id, document_key FROM parts ORDER BY part_id LIMIT 1"
TITLED = """
    SELECT p.part_id, p.label_id, p.document_key FROM parts p JOIN chunks c ON c.part_id = p.part_id
    JOIN mentions m ON m.chunk_id = c.chunk_id WHERE m.in_title ORDER BY p.part_id LIMIT 1"""
COPY = """
    INSERT INTO parts (part_id, document_key, label_id, position, text)
    SELECT 'copy', document_key, label_id, position, '' FROM parts WHERE part_id = %s RETURNING part_id"""
UNREADABLE = [
    *("documents.title", "documents.metadata", "parts.text", "chunks.text", "chunks.embedding"),
    *("mentions.surface", "relations.properties", "labels.canonical", "answers.body"),
    *("sentences.embedding", "posting_blocks.term", "ledger_openings.value", "grants.reason"),
    *("ledger_acts.sub", "ledger_entries.leaf", "erased_openings.names", "erasures.erased_by"),
    *("provenance_projection.salt", "answers.answer_id", "ledger_leaves.hash"),
]
READABLE = [
    *("parts.part_id", "chunks.chunk_id", "mentions.key", "name_tokens.token"),
    *("definitions.key", "relations.source_name", "graph_outbox.part_id", "documents.tenant"),
    "provenance_projection.done_to",
]


@pytest.fixture
def owner(case_file: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner of a database with the case file, whose graph is projected: what changes is noted."""
    with psycopg.connect(case_file, autocommit=True) as connection:
        connection.execute("UPDATE graph_projection SET state = 'kept'")
        yield connection


def waiting(owner: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return owner.execute(OUTBOX).fetchall()


def one(owner: psycopg.Connection[Any], query: str = PART) -> tuple[str, int, Any]:
    row = owner.execute(query.encode()).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_nothing_is_noted_while_there_is_no_projection(case_file: str) -> None:
    with psycopg.connect(case_file, autocommit=True) as owner:
        assert owner.execute("SELECT state FROM graph_projection").fetchall() == [("off",)]
        owner.execute("DELETE FROM documents")
        assert waiting(owner) == []


def test_a_part_is_noted_in_the_transaction_that_changes_it(
    owner: psycopg.Connection[Any],
) -> None:
    part, label, key = one(owner)
    with owner.transaction(force_rollback=True):
        owner.execute(COPY, [part])
        assert waiting(owner) == [(label, "copy", "added")]
    assert waiting(owner) == []
    owner.execute("DELETE FROM documents WHERE document_key = %s", [key])
    assert (label, part, "removed") in waiting(owner)
    assert {what for *_, what in waiting(owner)} == {"removed"}


def test_a_title_that_is_forgotten_is_noted_of_the_parts_that_stay(
    owner: psycopg.Connection[Any],
) -> None:
    part, label, key = one(owner, TITLED)
    owner.execute("SELECT forget_title(%s)", [key])
    assert (label, part, "names removed") in waiting(owner)
    kept = owner.execute("SELECT part_id FROM parts WHERE document_key = %s", [key]).fetchall()
    assert {noted for _, noted, _ in waiting(owner)} <= {row[0] for row in kept}


def test_an_emptied_table_has_the_graph_filled_anew(owner: psycopg.Connection[Any]) -> None:
    owner.execute("TRUNCATE documents CASCADE")
    assert owner.execute("SELECT state FROM graph_projection").fetchall() == [("filling",)]


def test_whoever_changes_content_notes_it_without_a_right_to_the_outbox(
    owner: psycopg.Connection[Any], case_file: str
) -> None:
    part, label, _ = one(owner)
    with serving(case_file, Role.WRITER, [label]) as connection:
        connection.execute("DELETE FROM parts WHERE part_id = %s", [part])
    assert waiting(owner) == [(label, part, "removed")]
    for statement in ("SELECT * FROM graph_outbox", "DELETE FROM graph_outbox"):
        with (
            serving(case_file, Role.WRITER, [label]) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


def test_a_reader_sees_what_waits_of_their_labels_and_never_of_which_part(
    owner: psycopg.Connection[Any], case_file: str
) -> None:
    part, label, _ = one(owner)
    owner.execute("DELETE FROM parts WHERE part_id = %s", [part])
    query = "SELECT label_id, what FROM graph_outbox"
    for labels, seen in ([label], [{"label_id": label, "what": "removed"}]), ([label + 1], []):
        with serving(case_file, Role.READER, labels) as connection:
            assert connection.execute(query.encode()).fetchall() == seen
    with (
        serving(case_file, Role.READER, [label]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT part_id FROM graph_outbox")


def test_a_reader_sees_that_something_of_their_labels_was_refused_and_never_what(
    owner: psycopg.Connection[Any], case_file: str
) -> None:
    part, label, _ = one(owner)
    owner.execute("INSERT INTO graph_refusals (part_id, label_id) VALUES (%s, %s)", [part, label])
    for labels, seen in ([label], [{"label_id": label}]), ([label + 1], []):
        with serving(case_file, Role.READER, labels) as connection:
            assert connection.execute("SELECT label_id FROM graph_refusals").fetchall() == seen
    with (
        serving(case_file, Role.READER, [label]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT part_id FROM graph_refusals")


@pytest.mark.parametrize("column", UNREADABLE)
def test_the_projector_reads_no_text(case_file: str, column: str) -> None:
    table, _, name = column.partition(".")
    with (
        serving(case_file, Role.PROJECTOR, []) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT {name} FROM {table}".encode())


@pytest.mark.parametrize("column", READABLE)
def test_the_projector_reads_the_names_under_every_label(
    owner: psycopg.Connection[Any], case_file: str, column: str
) -> None:
    table, _, name = column.partition(".")
    owner.execute("DELETE FROM parts WHERE part_id = %s", [one(owner)[0]])
    query = f"SELECT {name} FROM {table}"
    with serving(case_file, Role.PROJECTOR, []) as connection:
        rows = connection.execute(query.encode()).fetchall()
    assert rows
    assert len(rows) == len(as_owner(case_file, query))


WRITES = [
    *("DELETE FROM parts", "DELETE FROM mentions", "UPDATE documents SET tenant = ''"),
    "INSERT INTO graph_outbox (tenant, label_id, part_id, what) VALUES ('t', 1, 'p', 'added')",
    "UPDATE graph_outbox SET what = 'added'",
    "UPDATE graph_refusals SET part_id = 'p'",
    "UPDATE graph_projection SET generation = gen_random_uuid()",
    "DELETE FROM graph_projection",
]


@pytest.mark.parametrize("write", WRITES)
def test_the_projector_changes_nothing_but_its_own_marks(case_file: str, write: str) -> None:
    with (
        serving(case_file, Role.PROJECTOR, []) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(write.encode())


def test_two_numbers_of_the_outbox_may_become_visible_in_the_other_order(
    owner: psycopg.Connection[Any], case_file: str
) -> None:
    """Why no watermark is kept: what is done is told by number, and the late row still stands there."""
    part, _, _ = one(owner)
    others = owner.execute("SELECT part_id FROM parts WHERE part_id <> %s LIMIT 1", [part])
    [other] = others.fetchall()[0]
    with psycopg.connect(case_file) as late:
        late.execute("DELETE FROM parts WHERE part_id = %s", [part])
        owner.execute("DELETE FROM parts WHERE part_id = %s", [other])
        assert [noted for _, noted, _ in waiting(owner)] == [other]
        late.commit()
    assert [noted for _, noted, _ in waiting(owner)] == [part, other]
