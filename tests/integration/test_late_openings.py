"""What is taken out of a record that came after a deletion is named by another: outsiders learn why it is gone."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.app import build
from copilot.commands import ledger
from copilot.ledger.bundled import export
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.verify_bundle import BundleReport, verify_bundle
from copilot.ledger.stored import stored_log
from copilot.ledger.verify import verify
from copilot.results import Answer
from copilot.settings import Settings
from policy.errors import Unavailable
from tests.integration.test_erasure import ANN, QUESTION, deleted, document

pytestmark = pytest.mark.anyio

KEY = Signer(name="example.com/log", seed=b"s" * 32)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, ledger_key=KEY.secret())


async def asked_while_it_goes(
    settings: Settings, question: str = "Who did the harbour master meet?"
) -> str:
    """A question whose document is deleted between the last look at it and the record; its ledger id."""
    async with build(settings) as copilot:
        await copilot.ingest(ANN, [document("a")])
        records = copilot._pipeline._ledger
        record = records.record

        async def late(one: Any, answer: Any = None) -> str:
            if answer is not None:
                await deleted(copilot)
            return await record(one, answer)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(records, "record", late)
            given = await copilot.ask(ANN, question)
    assert isinstance(given, Answer)
    return str(given.ledger_id)


async def exported(settings: Settings, folder: Path) -> BundleReport:
    assert await ledger.export(settings, Namespace(bundle=folder, checkpoint=[])) == 0
    return verify_bundle(folder, KEY.verifier_key)


async def test_an_outsider_is_told_why_an_opening_is_gone_that_came_late(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    late = await asked_while_it_goes(settings)
    assert (await verify(database_url)).late > 0
    report = await exported(settings, tmp_path / "one")
    assert (report.problems, report.contents.problems, report.unexplained) == ([], [], 0)
    assert report.erased > 0
    assert (await verify(database_url)).late == 0
    with psycopg.connect(database_url, row_factory=dict_row) as owner:
        named = owner.execute(
            """SELECT convert_from(e.value, 'UTF8')::jsonb AS erased, a.label_id, w.label_id AS covered, a.sub
               FROM ledger_openings l JOIN ledger_openings e USING (ledger_id, recorded_at)
               JOIN ledger_acts a USING (ledger_id, recorded_at), ledger_acts w
               WHERE l.name = 'late' AND e.name = 'erased' AND w.ledger_id = %s""",
            [late],
        ).fetchall()
    [one] = named
    assert one["label_id"] == one["covered"]
    assert one["sub"] == "operator"
    [erased] = one["erased"]
    assert erased["ledger_id"] == late
    assert {"answer", "contexts"} <= set(erased["names"])


async def test_an_outsider_is_told_why_a_question_is_gone_that_quoted_the_text(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    late = await asked_while_it_goes(settings, QUESTION)
    with psycopg.connect(database_url, row_factory=dict_row) as owner:
        noted = owner.execute("SELECT ledger_id, names FROM late_openings").fetchall()
    assert [one["ledger_id"] for one in noted] == [late]
    assert {"question", "plan", "unnamed", "answer", "contexts"} <= set(noted[0]["names"])
    result = await verify(database_url)
    assert (result.problems, result.late) == ([], len(noted[0]["names"]))
    report = await exported(settings, tmp_path / "one")
    assert (report.problems, report.contents.problems, report.unexplained) == ([], [], 0)
    assert (await verify(database_url)).late == 0


async def test_it_is_named_once(settings: Settings, database_url: str, tmp_path: Path) -> None:
    await asked_while_it_goes(settings)
    for name in ("one", "two"):
        assert (await exported(settings, tmp_path / name)).problems == []
    with psycopg.connect(database_url, row_factory=dict_row) as owner:
        count = "SELECT count(*) AS n FROM ledger_openings WHERE name = 'late'"
        assert owner.execute(count).fetchone() == {"n": 1}
        assert owner.execute("SELECT * FROM late_openings").fetchall() == []


async def test_what_came_late_between_two_steps_of_an_export_is_waited_for(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    """It was sealed after the export had looked: a bundle would show a gap without its reason."""
    late = await asked_while_it_goes(settings)
    await exported(settings, tmp_path / "one")
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("INSERT INTO late_openings VALUES (%s, 1, '{answer}')", [late])
    async with stored_log(database_url) as log:
        with pytest.raises(Unavailable, match="try again"):
            await export(log, tmp_path / "two", by="the test", signers=[KEY])
    assert not (tmp_path / "two").exists()


async def test_what_cannot_be_recorded_stays_to_be_named(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    await asked_while_it_goes(settings)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger")
        with pytest.raises(Exception, match="takes no records"):
            await exported(settings, tmp_path / "one")
        owner.execute("GRANT EXECUTE ON FUNCTION append_ledger_entries TO copilot_ledger")
        assert owner.execute("SELECT count(*) FROM late_openings").fetchone() == (1,)
    assert (await exported(settings, tmp_path / "two")).problems == []
