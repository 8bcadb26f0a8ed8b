"""Legal hold and retention: what is held stays as it is, what is past its time goes, and a hold wins."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio
import psycopg
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.results import Deleted, Denied, HoldChanged, NotFound
from copilot.settings import Settings
from policy.errors import Forbidden
from tests.integration.erased import found, said
from tests.integration.test_erasure import ANN, LOW, TEXT, S, U, deleted, document
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio


@pytest.fixture
async def keeping(settings: Settings, tmp_path: Any) -> AsyncIterator[Copilot]:
    """What is U is kept for ten days, all else from the watch for thirty."""
    tenants = tmp_path / "tenants.json"
    tenants.write_text(
        '{"t1": {"retention": [{"days": 10, "classification": "U"}, {"days": 30, "source": "watch*"}]}}'
    )
    async with build(replace(settings, tenants=tenants)) as opened:
        yield opened


async def hold(copilot: Copilot, name: str = "a") -> HoldChanged:
    outcome = await copilot.disposal.hold(ANN, name, "case 12")
    assert isinstance(outcome, HoldChanged), outcome
    return outcome


async def test_what_is_held_is_neither_deleted_nor_overwritten_nor_relabelled(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a")])
    await hold(copilot)
    before = found(said(database_url), TEXT)
    refused = await copilot.administration.delete(ANN, "a")
    assert isinstance(refused, Denied)
    assert (refused.reason, "legal hold" in refused.text) == ("hold", True)
    moved = await copilot.administration.relabel(ANN, "a", U)
    assert isinstance(moved, Denied)
    assert moved.reason == "hold"
    report = await copilot.ingest(ANN, [document("a", "Something else.")])
    assert "legal hold" in report.rejected[0].reason
    assert (await copilot.ingest(ANN, [document("a")])).unchanged == 1
    assert found(said(database_url), TEXT) == before


async def test_what_is_released_can_be_deleted(copilot: Copilot, database_url: str) -> None:
    await copilot.ingest(ANN, [document("a")])
    await hold(copilot)
    released = await copilot.disposal.release(ANN, "a", "closed")
    assert isinstance(released, HoldChanged)
    assert not released.held
    await deleted(copilot)
    assert found(said(database_url), TEXT) == set()


async def test_a_hold_is_recorded_with_its_reason(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    held = await hold(copilot)
    rows = owner.execute(
        """SELECT convert_from(value, 'UTF8')::json #>> '{}' AS reason FROM ledger_openings o
           JOIN ledger_acts a USING (ledger_id) WHERE ledger_id = %s AND name = 'reason' AND a.kind = 'hold'""",
        [held.ledger_id],
    ).fetchall()
    assert rows == [{"reason": "case 12"}]


async def test_of_a_hidden_document_a_hold_changes_nothing_that_is_told(copilot: Copilot) -> None:
    """To hold or delete it gives what an absent one gives; a document of the same id goes its way."""
    await copilot.ingest(ANN, [document("a", label=S), document("a", "Low words.", U, "")])
    assert len((await hold(copilot)).part_ids) == 2
    await copilot.disposal.release(ANN, "a", "wrong")
    await copilot.ingest(ANN, [document("secret", label=S)])
    await hold(copilot, "secret")
    for act in (copilot.disposal.hold, copilot.disposal.release):
        hidden, absent = await act(LOW, "secret", "why"), await act(LOW, "nothing", "why")
        assert isinstance(hidden, NotFound)
        assert hidden.text == "Nothing that you may read has this name or id."
        assert replace(hidden, ledger_id="") == replace(absent, ledger_id="")
    assert (await copilot.administration.delete(LOW, "secret")).kind == "NotFound"
    taken = await copilot.ingest(LOW, [document("secret", "Open words.", U, "")])
    assert (taken.ingested, taken.rejected) == (1, ())
    assert (await copilot.administration.delete(LOW, "secret")).kind == "Deleted"


async def test_only_administrators_hold_and_retire(copilot: Copilot) -> None:
    await copilot.ingest(ANN, [document("a")])
    principal = replace(ANN.principal, roles=frozenset(["analyst", "ingester", "auditor"]))
    who = replace(ANN, principal=principal)
    for act in (copilot.disposal.hold, copilot.disposal.release):
        outcome = await act(who, "a", "why")
        assert isinstance(outcome, Denied)
        assert outcome.reason == "role"
    with pytest.raises(Forbidden):
        await copilot.disposal.retire(who)


async def test_a_hold_that_comes_while_a_document_goes_holds_it_or_finds_nothing(
    copilot: Copilot, owner: Owner
) -> None:
    for turn in range(4):
        name = f"d{turn}"
        await copilot.ingest(ANN, [document(name, f"{TEXT} Turn {turn}.", title="")])
        kinds: dict[str, str] = {}

        async def holding(name: str = name, kinds: dict[str, str] = kinds) -> None:
            kinds["hold"] = (await copilot.disposal.hold(ANN, name, "case 12")).kind

        async def deleting(name: str = name, kinds: dict[str, str] = kinds) -> None:
            kinds["delete"] = (await copilot.administration.delete(ANN, name)).kind

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(holding)
            tasks.start_soon(deleting)
        left = owner.execute("SELECT FROM documents WHERE document_id = %s", [name]).fetchall()
        expected = (
            {"hold": "HoldChanged", "delete": "Denied"}
            if left
            else {"hold": "NotFound", "delete": "Deleted"}
        )
        assert kinds == expected


async def test_the_database_itself_keeps_what_is_held(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    await hold(copilot)
    with pytest.raises(psycopg.IntegrityError):
        owner.execute("DELETE FROM documents")


async def test_retention_deletes_what_is_past_its_rule_and_nothing_else(
    keeping: Copilot, owner: Owner, database_url: str
) -> None:
    await keeping.ingest(
        ANN,
        [
            document("old", TEXT, S, ""),
            document("held", "Elsa Vance stayed.", S, ""),
            document("young", "Rolf Aldermann slept.", S, ""),
            document("open", "Gulls on the pier.", U, ""),
        ],
    )
    await hold(keeping, "held")
    owner.execute("UPDATE documents SET ingested_at = now() - interval '31 days'")
    owner.execute(
        "UPDATE documents SET ingested_at = now() - interval '29 days' WHERE document_id = 'young'"
    )
    planned = await keeping.disposal.retire(ANN, dry_run=True)
    assert {(one.document_id, one.held) for one in planned.due} == {
        ("old", False),
        ("held", True),
        ("open", False),
    }
    assert planned.deleted == ()
    assert len(owner.execute("SELECT FROM documents").fetchall()) == 4
    done = await keeping.disposal.retire(ANN)
    assert len(done.deleted) == 2
    left = owner.execute("SELECT document_id FROM documents ORDER BY 1").fetchall()
    assert [row["document_id"] for row in left] == ["held", "young"]
    assert found(said(database_url), TEXT) == set()
    again = await keeping.disposal.retire(ANN)
    assert again.deleted == ()
    reasons = owner.execute(
        """SELECT convert_from(value, 'UTF8')::json #>> '{}' AS reason FROM ledger_openings o
           JOIN ledger_acts a USING (ledger_id) WHERE a.kind = 'erasure' AND name = 'reason' ORDER BY 1"""
    ).fetchall()
    assert [row["reason"] for row in reasons] == [
        "retention: kept for 10 days",
        "retention: kept for 30 days",
    ]


async def test_retention_neither_shows_nor_takes_what_the_administrator_may_not_read(
    keeping: Copilot, owner: Owner
) -> None:
    await keeping.ingest(ANN, [document("secret", TEXT, S, ""), document("secret", "Low.", U, "")])
    owner.execute("UPDATE documents SET ingested_at = now() - interval '31 days'")
    done = await keeping.disposal.retire(LOW)
    assert [one.document_id for one in done.due] == ["secret"]
    assert len(owner.execute("SELECT FROM documents").fetchall()) == 1
    assert owner.execute("SELECT FROM parts WHERE text LIKE 'Anton%'").fetchall() != []


async def test_without_a_rule_everything_is_kept(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    owner.execute("UPDATE documents SET ingested_at = now() - interval '10 years'")
    assert (await copilot.disposal.retire(ANN)).due == ()
    assert isinstance(await copilot.administration.delete(ANN, "a"), Deleted)
