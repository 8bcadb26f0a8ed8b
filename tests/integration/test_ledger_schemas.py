"""Real acts of every kind leave records that fit the schema they name, and a bundle holds all that they name."""

import json
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build, engine_of
from copilot.changes import Changes
from copilot.commands import ledger
from copilot.commands.operator import operating
from copilot.entity_graph import End
from copilot.feedback import Verdict
from copilot.ledger import entry
from copilot.ledger.audit import Filters
from copilot.ledger.entry import Entry, canonical
from copilot.ledger.proofs.json_schema import compiled
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.records import Kind
from copilot.ledger.schemas import SCHEMAS, schema_of
from copilot.ledger.seal import seal_now
from copilot.operating import operators
from copilot.provenance.exported import PROV_LINES
from copilot.results import Answer
from copilot.settings import Settings
from policy.errors import CopilotError, Unavailable
from policy.labels import Classification
from policy.principal import Asker
from retrieval.stores.postgres.database import Database
from tests.integration.sealed import published
from tests.integration.test_records_of_reads import (
    HARBOR,
    OPEN,
    QUESTION,
    SECRET,
    SEEN,
    Quoting,
    S,
    U,
    asker,
    document,
)
from tests.servers.postgres import Owner
from tests.unit.proofs.stranger import built, verified

pytestmark = pytest.mark.anyio

OLD, NEW = (Signer(name="example.com/log", seed=one * 32) for one in (b"o", b"n"))


def everything(sub: str) -> Asker:
    who = asker(sub, Classification.S, "HARBOR")
    roles = frozenset(["analyst", "ingester", "auditor", "admin"])
    return replace(who, principal=replace(who.principal, roles=roles))


ANN, BEN, LOW = everything("ann"), everything("ben"), asker("low", Classification.U)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    tenants = tmp_path / "tenants.json"
    tenants.write_text('{"t1": {"retention": [{"days": 1}]}}')
    return replace(settings, tenants=tenants, ledger_key=OLD.secret())


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    model = Quoting()
    model.tool_calls = 2
    async with build(settings, generator=model) as opened:
        given = [
            document("crew", (SEEN, OPEN), (HARBOR, SECRET), title="Crew list"),
            document("note", (U, "The pilot sailed at noon."), of=S),
            document("gone", (U, "The crane was sold."), of=S),
        ]
        assert (await opened.ingest(ANN, given)).ingested == 3
        yield opened


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("stranger"))


def recorded(owner: Owner, kind: Kind) -> list[dict[str, Any]]:
    """The openings of records of a kind, oldest first."""
    rows = owner.execute(
        """SELECT json_object_agg(o.name, convert_from(o.value, 'UTF8')::json) AS said
           FROM ledger_acts a JOIN ledger_entries e USING (ledger_id) JOIN ledger_openings o USING (ledger_id)
           WHERE a.kind = %s GROUP BY e.ledger_id, e.recorded_at ORDER BY e.recorded_at""",
        [kind],
    ).fetchall()
    return [row["said"] for row in rows]


async def read_and_asked(copilot: Copilot) -> str:
    """One act of each kind that reads; gives the ledger id of an answer."""
    answer = await copilot.ask(ANN, QUESTION)
    assert isinstance(answer, Answer)
    await copilot.ask(ANN, "Who is Xerxes Quorn?")
    await copilot.sign_ins.note(ANN.principal, "token", 2e9)
    await copilot.search(ANN, QUESTION)
    await copilot.search(ANN, QUESTION, 2)
    await copilot.document(ANN, "crew")
    await copilot.document(LOW, "no-such")
    await copilot.entity(ANN, "Anton Drell")
    await copilot.entities(ANN, "Drell")
    await copilot.paths(ANN, End(name="Anton Drell"), End(name="Elsa Vance"))
    await copilot.answer(ANN, answer.answer_id)
    await copilot.feedback.give(ANN, answer.answer_id, Verdict.INCOMPLETE, "Which berth?")
    await copilot.feedback.give(ANN, "no-such", Verdict.WRONG)
    for who in (ANN, LOW):
        await copilot.provenance(who, answer.answer_id)
    assert answer.ledger_id
    return answer.ledger_id


async def audited(copilot: Copilot, ledger_id: str) -> None:
    audit, who = copilot.auditing, Filters(sub="ann")
    await audit.ledger(ANN, Filters(kind="ask", label=U))
    await audit.entry(ANN, ledger_id)
    await audit.who_saw(ANN, Filters(document="crew"))
    await audit.what_did(ANN, who)
    await audit.proof(ANN, ledger_id)
    await audit.checkpoints(ANN)
    await copilot.replay(ANN, ledger_id)


async def administered(copilot: Copilot) -> None:
    admin, disposal = copilot.administration, copilot.disposal
    await disposal.hold(ANN, "note", "case 12")
    await admin.delete(ANN, "note")
    await disposal.release(ANN, "note", "case 12")
    await admin.relabel(ANN, "note", S)
    await admin.relabel(ANN, "no-such", S)
    await admin.delete(ANN, "gone")
    await admin.delete(ANN, "no-such")
    await disposal.certificate(ANN, "gone")
    await disposal.retire(ANN, dry_run=True)
    await admin.revoke(ANN, "low", "left")
    await admin.reinstate(ANN, "low")
    asked = await admin.request_access(
        BEN, clearance=Classification.S, minutes=5, reason="The ferry is adrift."
    )
    await admin.approve_access(ANN, asked.grant_id)
    await copilot.search(BEN, QUESTION)
    await admin.end_access(ANN, asked.grant_id)
    await admin.access_grants(ANN)


async def refused(copilot: Copilot) -> None:
    """Denied, or failed."""
    audit, admin = copilot.auditing, copilot.administration
    for act in (
        copilot.ingest(LOW, []),
        copilot.document(ANN, "\0"),
        copilot.ask(ANN, "\0"),
        copilot.feedback.give(ANN, "no-such", Verdict.WRONG, "No! " * 10_000),
        audit.ledger(LOW, Filters(sub="ann")),
        audit.who_saw(LOW, Filters(document="crew")),
        audit.checkpoints(LOW),
        copilot.replay(LOW, "no-such"),
        admin.revoke(LOW, "ann", "a whim"),
        admin.delete(LOW, "crew"),
        admin.relabel(LOW, "crew", U),
        admin.approve_access(LOW, "no-such"),
        admin.access_grants(LOW),
        copilot.disposal.hold(LOW, "crew", "case 13"),
        copilot.disposal.retire(LOW),
        copilot.disposal.certificate(LOW, "crew"),
        admin.request_access(BEN, clearance=Classification.S, minutes=600, reason="Long."),
    ):
        with suppress(CopilotError):
            await act


async def archived(copilot: Copilot, settings: Settings, folder: Path) -> None:
    """A month of which there is one record."""

    class August(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "August":
            return cls(2026, 8, 14, tzinfo=tz)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entry, "datetime", August)
        await copilot.document(ANN, "crew")
    await ledger.checkpoint(settings, options())
    published(settings.database_url or "")
    assert await ledger.archive(settings, options(month="2026-08", folder=folder)) == 0


def options(bundle: Path | None = None, **given: Any) -> Namespace:
    plain: dict[str, Any] = {"checkpoint": [], "archive": [], "key": None, "whole": False}
    return Namespace(bundle=bundle, json=True, **(plain | given))


async def changed(settings: Settings, url: str) -> int:
    """As a process that begins to serve looks at it."""
    database, engine = Database(url, timeout_s=5), engine_of(settings)
    await database.open()
    try:
        return await Changes(settings, database, engine).note()
    finally:
        await database.close()
        await engine.close()


async def test_real_acts_of_every_kind_fit_and_the_first_key_alone_proves_them_after_it_changed(
    copilot: Copilot,
    settings: Settings,
    database_url: str,
    owner: Owner,
    stranger: Path,
    tmp_path: Path,
) -> None:
    await audited(copilot, await read_and_asked(copilot))
    await archived(copilot, settings, tmp_path / "august")
    await administered(copilot)
    await refused(copilot)
    await changed(settings, database_url)
    both = replace(settings, ledger_key=f"{OLD.secret()} {NEW.secret()}")
    assert await ledger.verify(both, options(archive=[tmp_path / "august"])) == 0
    assert await ledger.export(both, options(tmp_path / "one")) == 0
    assert (
        await ledger.export(replace(settings, ledger_key=NEW.secret()), options(tmp_path / "two"))
        == 0
    )
    for key in (OLD, NEW):
        report = verify_bundle(tmp_path / "two", key.verifier_key)
        assert (report.problems, report.contents.problems) == ([], [])
        assert report.contents.fitted == report.records > 60
        said = verified(stranger, tmp_path / "two", str(key.verifier_key)).split()
        assert said[:2] == ["verified", str(report.records)]
    kinds = {row["kind"] for row in owner.execute("SELECT DISTINCT kind FROM ledger_acts")}
    # A change of the embedding model takes minutes: its record alone is looked at below.
    assert kinds == {str(kind) for kind in Kind} - {"reembedding"}

    report = verify_bundle(tmp_path / "august", OLD.verifier_key)
    assert (report.problems, report.contents.problems, report.contents.fitted) == ([], [], 1)
    told = [json.loads(one) for one in (tmp_path / "one" / PROV_LINES).read_bytes().splitlines()]
    answers = [one for one in recorded(owner, Kind.ASK) if "stored_answer" in one]
    assert len(told) == len(answers) > 0
    assert all({"activity", "agent", "entity", "wasAssociatedWith"} <= one.keys() for one in told)
    [export] = [one["export"] for one in recorded(owner, Kind.EXPORT)[:1]]
    files = [one for one in (tmp_path / "one").rglob("*") if one.is_file()]
    assert export["bytes"] == sum(one.stat().st_size for one in files)
    [rotation] = [one["key_rotation"] for one in recorded(owner, Kind.KEY_ROTATION)]
    assert rotation["new"] == str(NEW.verifier_key)
    [verification] = recorded(owner, Kind.VERIFICATION)
    assert verification["act"]["outcome"] == "Verified"
    assert verification["act"]["impersonated_by"]


async def test_a_bundle_is_not_given_where_its_export_cannot_be_recorded(
    copilot: Copilot, settings: Settings, owner: Owner, tmp_path: Path
) -> None:
    owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger")
    with pytest.raises(Unavailable):
        await ledger.export(settings, options(tmp_path / "bundle"))
    assert not list(tmp_path.glob("*bundle*"))  # noqa: ASYNC240  nothing else waits


async def test_what_holds_now_is_recorded_once_and_again_when_it_is_another(
    copilot: Copilot, settings: Settings, database_url: str, owner: Owner
) -> None:
    assert [await changed(settings, database_url) for _ in range(2)] == [2, 0]
    assert [await changed(replace(settings, enabled=False), database_url) for _ in range(2)] == [
        1,
        0,
    ]
    [first, second] = [one["flags"] for one in recorded(owner, Kind.FLAG_CHANGE)]
    assert (first["before"], second["before"]) == (None, first["after"])
    assert (first["after"]["enabled"], second["after"]["enabled"]) == (True, False)
    [policy] = [one["policy"]["after"] for one in recorded(owner, Kind.POLICY_CHANGE)]
    kept = owner.execute("SELECT encode(sha256, 'hex') AS digest FROM policy_bundles").fetchall()
    assert policy["release"] in {row["digest"] for row in kept}


async def test_who_opens_the_product_to_serve_has_recorded_by_what_first(
    copilot: Copilot, settings: Settings, owner: Owner
) -> None:
    async with build(settings):
        assert not recorded(owner, Kind.POLICY_CHANGE)
    async with build(settings, noting=True):
        assert len(recorded(owner, Kind.POLICY_CHANGE)) == 1


async def test_the_key_does_not_change_where_that_cannot_be_recorded(
    copilot: Copilot, settings: Settings, database_url: str, owner: Owner
) -> None:
    await seal_now(settings, database_url)
    both = replace(settings, ledger_key=f"{OLD.secret()} {NEW.secret()}")
    await copilot.document(ANN, "crew")
    owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger")
    async with operating(both, database_url) as operator:
        with pytest.raises(Unavailable):
            await seal_now(both, database_url, operator.rotated)
        assert owner.execute("SELECT FROM ledger_keys").rowcount == 1
        owner.execute("GRANT EXECUTE ON FUNCTION append_ledger_entries TO copilot_ledger")
        await seal_now(both, database_url, operator.rotated)
    assert owner.execute("SELECT FROM ledger_keys").rowcount == 2
    assert len(recorded(owner, Kind.KEY_ROTATION)) == 1


@pytest.mark.parametrize("settled", ["schemas", "policies"])
async def test_nothing_is_exported_that_names_what_is_not_kept(
    copilot: Copilot,
    settings: Settings,
    owner: Owner,
    tmp_path: Path,
    settled: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await copilot.search(ANN, QUESTION)
    if settled == "schemas":
        monkeypatch.setattr(
            "copilot.ledger.named.SCHEMAS",
            {**SCHEMAS, schema_of(Kind.SEARCH).name: schema_of(Kind.ASK)},
        )
    else:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM policy_bundles")
    with pytest.raises(Unavailable, match=r"which records name|which this release does not have"):
        await ledger.export(settings, options(tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


async def test_the_record_of_another_embedding_model_fits(settings: Settings) -> None:
    engine = engine_of(settings)
    said = {"before": "None", "after": "mini (384)"}
    record = operators(engine, "t1", Kind.REEMBEDDING, "Reembedded", embedding_model=said)
    openings = Entry.of(record, 1).openings
    values = {name: json.loads(value) for name, (_, value) in openings.items()}
    check = compiled(json.loads(schema_of(Kind.REEMBEDDING).data))
    assert check(values) is None
    assert check(values | {"new": canonical(1).decode()}) == "/new: the schema knows no such member"
    await engine.close()
