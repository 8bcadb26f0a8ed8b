"""Each query of auditors keeps to their labels by itself, and row-level security keeps it a second time."""

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest

from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from policy.labels import Classification
from retrieval.stores.postgres.database import Database, Role
from tests.integration.audited import answered, person, searched
from tests.integration.test_row_level_security import as_owner, forgetful, serving

pytestmark = pytest.mark.anyio

_, *_PIECES = re.split(
    r"^-- name: (\w+)\s*$",
    files("copilot.ledger").joinpath("audit.sql").read_text("utf-8"),
    flags=re.MULTILINE,
)
BLOCKS = dict(zip(_PIECES[::2], _PIECES[1::2], strict=True))
OF_LABELS = sorted(BLOCKS.keys() - {"things"})
"""The other one reads no table."""


@dataclass
class Hidden:
    """A ledger in which the entries of one label are taken to be hidden."""

    url: str
    visible: list[int]
    values: dict[str, Any]
    """Parameters that find something hidden in every block."""


@pytest.fixture
async def hidden(database_url: str) -> Hidden:
    database = Database(database_url, timeout_s=30)
    await database.open()
    ledger, above = Ledger(database), person("zoe", Classification.TS)
    for record in (answered("ann", "d1"), searched("ann", "d1"), searched("zoe", "d1")):
        await ledger.record(record)
    secret = await ledger.record(searched(above, "d1"))
    visible = await ledger.label_id(answered("ann", "d1").label)
    closed = await ledger.label_id(searched(above, "d1").label)
    await database.close()
    _document_under(database_url, closed)
    things = as_owner(database_url, "SELECT ledger_thing('t1', 'document', 'd1')::text AS thing")
    everybody = as_owner(database_url, "SELECT ledger_id FROM ledger_entries")
    bounds = {"since": None, "until": None, "before": None, "before_id": ""}
    values = {
        **bounds,
        "tenant": "t1",
        "sub": "zoe",
        "document": "d1",
        "after": secret,
        "outcome": None,
        "kinds": [str(kind) for kind in Kind],
        "any_act": True,
        "shown": True,
        "things": [one["thing"] for one in things],
        "ids": [one["ledger_id"] for one in everybody],
        "groups": 0,
        "other_groups": [],
        "others": [],
        "after_person": "",
        "first": 100,
        "people": 100,
        "most": 100,
    }
    return Hidden(database_url, [visible], values)


def _document_under(url: str, label_id: int) -> None:
    as_owner(
        url,
        """WITH d AS (INSERT INTO documents (document_id, tenant, label_id, title, source, metadata, content_sha256,
                                             ingested_by)
                      VALUES ('d1', 't1', %(id)s, '', '', '{}', '', '') RETURNING document_key)
           INSERT INTO parts (part_id, document_key, label_id, position, text)
           SELECT 'p1', document_key, %(id)s, 1, 'A text.' FROM d RETURNING 1""",
        {"id": label_id},
    )


@pytest.mark.parametrize("block", OF_LABELS)
async def test_a_query_keeps_to_its_labels_and_so_does_the_database(
    hidden: Hidden, block: str
) -> None:
    literal = f"ARRAY[{','.join(map(str, hidden.visible))}]::int[]"
    query = BLOCKS[block].replace("{labels}", literal)
    by_itself = as_owner(hidden.url, query, hidden.values)
    role = Role.READER if block == "parts" else Role.AUDITOR
    with serving(hidden.url, role, hidden.visible) as connection:
        covered = connection.execute(forgetful(BLOCKS[block]).encode(), hidden.values).fetchall()
    assert covered == by_itself
    assert as_owner(hidden.url, forgetful(BLOCKS[block]), hidden.values) != by_itself


@pytest.mark.parametrize("table", ["ledger_timeline", "ledger_touched"])
async def test_what_is_looked_through_is_the_auditors_alone(hidden: Hidden, table: str) -> None:
    counted = f"SELECT label_id FROM {table}".encode()
    with serving(hidden.url, Role.AUDITOR, hidden.visible) as connection:
        rows = connection.execute(counted).fetchall()
    assert {row["label_id"] for row in rows} == set(hidden.visible)
    labels = {row["label_id"] for row in as_owner(hidden.url, counted.decode())}
    assert labels > set(hidden.visible)
