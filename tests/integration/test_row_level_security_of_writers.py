"""The second layer under whoever writes and whoever audits: their SQL without its labels finds nothing hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest

from copilot.ledger.records import Kind
from retrieval.stores.postgres.database import Role
from tests.integration.test_row_level_security import as_owner, forgetful, serving

ONE_HIDDEN = """
    SELECT d.document_key, d.document_id, d.tenant, d.label_id, p.part_id
    FROM documents d JOIN parts p ON p.document_key = d.document_key AND p.label_id = d.label_id
    WHERE d.label_id <> ALL(%s) ORDER BY d.document_id LIMIT 1
"""


@dataclass(frozen=True)
class Hidden:
    """A database with the case file, of which one label is taken to be all that is visible."""

    url: str
    visible: list[int]
    row: Mapping[str, Any]
    """A hidden document and a part of it."""


@pytest.fixture
def hidden(case_file: str) -> Hidden:
    labels = as_owner(case_file, "SELECT label_id, value FROM labels")
    visible = [one["label_id"] for one in labels if one["value"]["classification"] == "U"]
    return Hidden(case_file, visible, as_owner(case_file, ONE_HIDDEN, [visible])[0])


def block(name: str, package: str = "copilot.ingest", file: str = "writer.sql") -> str:
    """A named block without its label clauses."""
    text = files(package).joinpath(file).read_text("utf-8")
    return forgetful(text.split(f"-- name: {name}\n")[1].split("-- name:")[0])


@pytest.mark.parametrize(
    "name", ["existing", "held", "part_ids", "seen_parts", "taken", "other_copies"]
)
def test_a_writer_that_forgets_its_labels_meets_nothing_hidden(hidden: Hidden, name: str) -> None:
    """Else conflicts, re-ingests and notes would tell what is there."""
    row = hidden.row
    values = {
        **{key: row[key] for key in ("tenant", "document_id", "label_id")},
        "keys": [row["document_key"]],
        "part_ids": [row["part_id"]],
    }
    if name in ("taken", "other_copies"):
        values["label_id"] = hidden.visible[0]
    values |= {"document_ids": [values["document_id"]], "label_ids": [values["label_id"]]}
    query = block(name)
    assert as_owner(hidden.url, query, values), "the row is there"
    with serving(hidden.url, Role.WRITER, hidden.visible, row["tenant"]) as connection:
        assert connection.execute(query.encode(), values).fetchall() == []


@pytest.mark.parametrize("name", ["remove_parts", "shrink_statistics"])
def test_a_writer_that_forgets_its_labels_changes_nothing_hidden(hidden: Hidden, name: str) -> None:
    key = {"key": hidden.row["document_key"], "part_ids": [hidden.row["part_id"]]}
    with serving(hidden.url, Role.WRITER, hidden.visible) as connection:
        assert connection.execute(block(name).encode(), key).rowcount == 0
        connection.rollback()
    everything = as_owner(hidden.url, "SELECT label_id FROM labels")
    with serving(hidden.url, Role.WRITER, [one["label_id"] for one in everything]) as connection:
        assert connection.execute(block(name).encode(), key).rowcount > 0
        connection.rollback()


def test_an_auditor_that_forgets_its_labels_sees_no_hidden_entry(hidden: Hidden) -> None:
    query = block("newest", "copilot.ledger", "audit.sql")
    values = {
        "tenant": hidden.row["tenant"],
        "kinds": [str(kind) for kind in Kind],
        "outcome": None,
        "since": None,
        "before": None,
        "before_id": "",
        "first": 1000,
    }
    everything = as_owner(hidden.url, query, values)
    label = as_owner(
        hidden.url,
        "SELECT label_id, count(*) FROM ledger_entries GROUP BY 1 ORDER BY 2, 1 LIMIT 1",
    )[0]
    with serving(hidden.url, Role.AUDITOR, hidden.visible) as connection:
        assert connection.execute(query.encode(), values).fetchall() == []
    with serving(hidden.url, Role.AUDITOR, [label["label_id"]]) as connection:
        rows = connection.execute(query.encode(), values).fetchall()
    assert len(rows) == label["count"]
    assert {row["ledger_id"] for row in rows} <= {row["ledger_id"] for row in everything}
