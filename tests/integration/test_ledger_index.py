"""What an erasure leaves of the ledger: enough to see that the rest was not changed."""

from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest

from copilot.ledger.log import Ledger, Record, StoredAnswer
from copilot.ledger.records import Kind
from copilot.ledger.verify import verify
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from retrieval.stores.postgres.database import Database
from tests.integration.sealed import at, erase, seal
from tests.servers.postgres import Owner, owned

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
OTHER = replace(U, classification=Classification.C)
ANN = Asker(
    principal=Principal(sub="ann", tenant="t1", clearance=Classification.U), purpose="audit"
)
ENTRIES = 3
ASKED = Record(kind=Kind.ASK, asker=ANN, outcome="Answer", policy_revision="r1", label=U)
ACTS = ("ledger_acts", "ledger_timeline")
ALL_THAT_MAY_GO = "name IN ('question', 'contexts')"
GONE = ["question", "contexts"]
CHANGES = [
    pytest.param(f"UPDATE ledger_entries SET tenant = 't2' WHERE ledger_id = {at(1)}", id="tenant"),
    pytest.param(
        f"UPDATE ledger_entries SET recorded_at = recorded_at - interval '1 day' WHERE ledger_id = {at(1)}",
        id="when",
    ),
    pytest.param(
        "UPDATE ledger_entries SET label_id = other.label_id FROM other; "
        "UPDATE ledger_openings SET label_id = other.label_id FROM other; "
        "UPDATE ledger_leaves SET label_id = other.label_id FROM other",
        id="label",
    ),
]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Three entries, each with its answer."""
    database = Database(database_url, timeout_s=5)
    await database.open()
    ledger = Ledger(database)
    for number in range(ENTRIES):
        details = {"question": f"Who owns it? {number}", "contexts": []}
        record = replace(ASKED, details=details)
        label = await ledger.label_id(U)
        body = {"text": "Anton Drell owns it.", "n": number, "share": 0.5, "none": None}
        answer = StoredAnswer(answer_id=f"answer {number}", label_ids=(label,), body=body)
        await ledger.record(record, answer)
    await seal(database_url)
    yield ledger
    await database.close()


@pytest.fixture
async def owner(database_url: str, ledger: Ledger) -> AsyncIterator[Owner]:
    """The owner, who can switch off what keeps the others from changing entries."""
    other = await ledger.label_id(OTHER)
    with owned(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"CREATE TEMPORARY TABLE other AS SELECT {other} AS label_id".encode())
        yield connection


async def test_what_was_erased_is_counted_and_the_rest_verifies(
    owner: Owner, database_url: str, ledger: Ledger
) -> None:
    before = await verify(database_url)
    assert (before.entries, before.erased, before.problems) == (ENTRIES, 0, [])
    erased = ENTRIES * len(GONE)
    assert await erase(ledger, database_url, ASKED, ALL_THAT_MAY_GO) == erased
    after = await verify(database_url)
    assert (after.entries, after.erased, after.problems) == (ENTRIES + 1, erased, [])
    assert after.root == before.root
    assert f"{erased} openings erased" in after.summary()


async def test_what_is_gone_without_an_erasure_is_a_problem_each(
    owner: Owner, database_url: str
) -> None:
    owner.execute(f"DELETE FROM ledger_openings WHERE {ALL_THAT_MAY_GO}".encode())
    assert sorted((await verify(database_url)).problems) == sorted(
        f"entry {number}: {name} is gone, and no erasure says why"
        for number in range(ENTRIES)
        for name in GONE
    )


async def test_what_is_gone_and_in_no_later_erasure_is_found(
    owner: Owner, ledger: Ledger, database_url: str
) -> None:
    await erase(ledger, database_url, ASKED, "name = 'question'")
    await ledger.record(replace(ASKED, details={"comment": "Why?"}))
    await seal(database_url)
    which = f"ledger_id = {at(1)} AND name = 'act' OR ledger_id = {at(4)} AND name = 'comment'"
    owner.execute(f"DELETE FROM ledger_openings WHERE {which}".encode())
    for table in ACTS:
        owner.execute(f"DELETE FROM {table} WHERE ledger_id = {at(1)}".encode())
    assert (await verify(database_url)).problems == [
        "entry 1: its act is gone, which no erasure takes",
        "entry 4: comment is gone, and no erasure says why",
    ]


async def test_an_erasure_that_was_taken_away_explains_nothing(
    owner: Owner, ledger: Ledger, database_url: str
) -> None:
    await erase(ledger, database_url, ASKED, "name = 'question'")
    await seal(database_url)
    owner.execute(f"DELETE FROM ledger_openings WHERE ledger_id = {at(3)} AND name = 'erased'")
    assert len((await verify(database_url)).problems) == ENTRIES + 1


async def test_the_index_is_not_among_what_may_be_erased(owner: Owner, database_url: str) -> None:
    owner.execute(b"DELETE FROM ledger_openings WHERE name = 'index'")
    result = await verify(database_url)
    assert len(result.problems) == ENTRIES
    assert "NOT verified" in result.summary()


@pytest.mark.parametrize("which", ["", ALL_THAT_MAY_GO, "true"])
@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_found_also_after_an_erasure(
    owner: Owner, database_url: str, ledger: Ledger, which: str, change: str
) -> None:
    if which:
        await erase(ledger, database_url, ASKED, which)
        assert bool((await verify(database_url)).problems) is (which == "true")
    owner.execute(change.encode())
    assert (await verify(database_url)).problems


@pytest.mark.parametrize(
    "forgery",
    [
        "body = jsonb_set(body, '{text}', '\"Elsa Vance owns it.\"')",
        "body = body - 'none'",
        "body = '{}'",
    ],
)
async def test_a_forged_answer_is_found(owner: Owner, database_url: str, forgery: str) -> None:
    owner.execute(f"UPDATE answers SET {forgery} WHERE answer_id = 'answer 1'".encode())
    [problem] = (await verify(database_url)).problems
    assert problem.startswith("entry 1")


async def test_answers_put_at_each_others_entries_are_found(
    owner: Owner, database_url: str
) -> None:
    owner.execute(
        b"""UPDATE answers a SET body = b.body FROM answers b
            WHERE (a.answer_id, b.answer_id) IN (('answer 0', 'answer 2'), ('answer 2', 'answer 0'))"""
    )
    assert len((await verify(database_url)).problems) == 2


async def test_an_answer_that_no_record_commits_to_is_found(
    owner: Owner, database_url: str, ledger: Ledger
) -> None:
    ledger_id = await ledger.record(replace(ASKED, outcome="NotFound"))
    assert (await verify(database_url)).problems == []
    owner.execute("INSERT INTO answers VALUES ('added', %s, 't1', 'ann', '{}', '{}')", [ledger_id])
    assert (await verify(database_url)).problems


async def test_an_answer_that_was_erased_is_no_problem(owner: Owner, database_url: str) -> None:
    owner.execute(b"DELETE FROM answers WHERE answer_id = 'answer 1'")
    assert (await verify(database_url)).problems == []


async def test_an_entry_has_one_answer(owner: Owner) -> None:
    """A second one would not be compared with the record."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute(
            b"INSERT INTO answers SELECT answer_id || ' again', ledger_id, tenant, sub, label_ids, '{}' FROM answers"
        )
