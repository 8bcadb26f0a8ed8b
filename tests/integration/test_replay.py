"""Replays: why each passage was shown or withheld, then and today, for auditors within what they may read."""

import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.replay.results import Difference, Replay, Verdict, What
from copilot.results import Denied, NotFound, SearchResult, Unavailable
from copilot.settings import Settings
from policy.build import main as build_main
from policy.embedded import EmbeddedEngine
from policy.engine import Decision
from policy.engine import Denied as Closed
from policy.errors import BadInput
from policy.labels import Label
from policy.principal import Asker
from tests.integration.replayed import (
    ABE,
    ANN,
    AUTHOR,
    EVERY_OTHER_SECOND,
    KITE,
    KITE_TO_ANALYSTS,
    LOW,
    OPEN_TO_AUDITORS,
    QUESTION,
    TEXTS,
    TOP,
    documents,
    person,
)
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

Opened = Callable[..., AbstractAsyncContextManager[Copilot]]


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    async with build(settings) as opened:
        report = await opened.ingest(AUTHOR, documents(TEXTS))
        assert report.ingested == len(TEXTS), report
        yield opened


@pytest.fixture
def stated(settings: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """The settings with a statement about the tenant."""

    def state(**tenant: Any) -> Settings:
        file = tmp_path / "tenants.json"
        file.write_text(json.dumps({"t1": tenant}))
        return replace(settings, tenants=file)

    return state


Built = Callable[[str], Path]


@pytest.fixture
def built(opa_binary: Path, tmp_path: Path) -> Built:
    """The folder of a tenant's own rules."""

    def build_rules(module: str) -> Path:
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "rules.rego").write_text(module)
        assert build_main(["--opa", str(opa_binary), "--tenant", str(folder)]) == 0
        return folder

    return build_rules


async def asked(copilot: Copilot, asker: Asker = ANN) -> str:
    outcome = await copilot.ask(asker, QUESTION)
    assert outcome.kind == "Answer", outcome
    return str(outcome.ledger_id)


async def replayed(copilot: Copilot, entry: str, auditor: Asker = ABE) -> Replay:
    found = await copilot.replay(auditor, entry)
    assert isinstance(found, Replay), found
    return found


def of(found: Replay, *kinds: What) -> list[Difference]:
    return [one for one in found.differences if one.what in kinds]


async def test_under_the_same_policy_nothing_differs_and_all_is_told(copilot: Copilot) -> None:
    found = await replayed(copilot, await asked(copilot))
    assert (found.agrees, found.differences) == (True, ())
    assert (found.act, found.sub, found.outcome) == ("ask", "ann", "Answer")
    assert {one.document_id for one in found.contexts} >= {"kite"}
    for one in found.contexts:
        assert one.recorded == one.then == one.now == Verdict()
        assert one.unchanged
        assert one.arms
    [withheld] = [one for one in found.labels if one.subject == "(TS)"]
    assert withheld.then == withheld.now == Verdict(reasons=("clearance",))
    assert [one.subject for one in found.routing] == ["offline"]
    assert found.release is not None
    assert found.release.now.allowed


async def test_a_search_and_the_opening_record_are_decisions_too(
    copilot: Copilot, owner: Owner
) -> None:
    search = await copilot.search(ANN, QUESTION)
    assert isinstance(search, SearchResult)
    found = await replayed(copilot, search.ledger_id)
    assert (found.agrees, found.release) == (True, None)
    assert len(found.contexts) == len(search.contexts)
    await asked(copilot)
    [opening] = owner.execute(
        "SELECT ledger_id FROM ledger_acts WHERE outcome = 'Opened'"
    ).fetchall()
    assert (await replayed(copilot, opening["ledger_id"])).agrees


async def test_a_tightened_compartment_is_named(
    copilot: Copilot, stated: Callable[..., Settings], built: Built
) -> None:
    entry = await asked(copilot)
    async with build(stated(policy=str(built(KITE_TO_ANALYSTS)))) as later:
        found = await replayed(later, entry)
    assert found.agrees
    [policy] = of(found, What.POLICY)
    assert (policy.subject, policy.then) == ("the tenant's own rules", "none")
    assert policy.now == found.policy_now.own
    [kite] = [one for one in found.contexts if one.document_id == "kite"]
    assert (kite.then, kite.now) == (Verdict(), Verdict(reasons=("tenant",)))
    [context] = of(found, What.CONTEXT)
    assert context.subject == f"{kite.chunk_id} (S//KITE)"
    assert (context.then, context.now) == ("open", "closed: tenant")
    assert [one.subject for one in of(found, What.LABEL)] == ["(S//KITE)"]


async def test_what_was_decided_under_rules_that_are_gone_is_decided_by_them_again(
    copilot: Copilot, stated: Callable[..., Settings], built: Built
) -> None:
    rules = built(KITE_TO_ANALYSTS)
    async with build(stated(policy=str(rules))) as then:
        entry = str((await then.search(ANN, QUESTION)).ledger_id)
    shutil.rmtree(rules)
    found = await replayed(copilot, entry)
    assert found.agrees
    assert {one.document_id for one in found.contexts} == {"open"}
    [label] = of(found, What.LABEL)
    assert (label.subject, label.then, label.now) == ("(S//KITE)", "closed: tenant", "open")


async def test_a_reason_that_is_wanted_now_is_named(
    copilot: Copilot, stated: Callable[..., Settings]
) -> None:
    entry = await asked(copilot)
    async with build(stated(reason_required=True)) as later:
        found = await replayed(later, entry)
    assert found.agrees
    [setting, act] = found.differences
    assert (setting.what, setting.subject, setting.now) == (
        What.SETTING,
        "reason_required",
        "yes",
    )
    assert (act.what, act.subject, act.now) == (What.ACT, "ask", "closed: reason")


async def test_what_was_denied_is_decided_again(
    copilot: Copilot, stated: Callable[..., Settings]
) -> None:
    async with build(stated(reason_required=True)) as then:
        denied = await then.ask(ANN, QUESTION)
        assert isinstance(denied, Denied)
        found = await replayed(then, str(denied.ledger_id))
        assert (found.agrees, found.differences) == (True, ())
        assert found.decision.then == Verdict(reasons=("reason",))
    found = await replayed(copilot, str(denied.ledger_id))
    assert found.agrees
    assert [one.what for one in found.differences] == [What.SETTING, What.ACT]


async def test_what_the_double_check_dropped_is_withheld_and_a_policy_that_opens_it_is_named(
    copilot: Copilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EmbeddedEngine.may_read

    async def dropping(
        self: EmbeddedEngine, asker: Asker, labels: Sequence[Label]
    ) -> list[Decision]:
        decided = await whole(self, asker, labels)
        return [
            Closed(reason="label") if label == KITE else one
            for label, one in zip(labels, decided, strict=True)
        ]

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedEngine, "may_read", dropping)
        entry = str((await copilot.search(ANN, QUESTION)).ledger_id)
    found = await replayed(copilot, entry)
    [kite] = [one for one in found.contexts if one.document_id == "kite"]
    assert (kite.recorded.allowed, kite.then.allowed) == (False, True)
    assert not found.agrees  # the recorded bundle opens it, and the record says that it was closed
    [record] = of(found, What.RECORD)
    assert record.subject.startswith(kite.chunk_id)


async def test_rules_that_look_at_the_clock_bear_out_every_record(
    copilot: Copilot, stated: Callable[..., Settings], built: Built
) -> None:
    """Scopes are kept for a part of a second: after a change one may still hold what is closed by now."""
    entries, shown = [], set()
    async with build(stated(policy=str(built(EVERY_OTHER_SECOND)))) as timed:
        begun = time.monotonic()
        while time.monotonic() < begun + 3:
            search = await timed.search(ANN, QUESTION)
            assert isinstance(search, SearchResult)
            shown.add(len(search.contexts))
            entries.append(str(search.ledger_id))
        for entry in entries:
            found = await replayed(timed, entry)
            assert (found.agrees, found.differences) == (True, ())
    assert 0 in shown
    assert len(shown) > 1


async def test_whoever_may_not_see_an_entry_is_told_what_an_unknown_one_is(
    copilot: Copilot,
) -> None:
    entry = await asked(copilot)
    hidden, unknown = await copilot.replay(LOW, entry), await copilot.replay(LOW, "f" * 32)
    assert isinstance(hidden, NotFound)
    assert isinstance(unknown, NotFound)
    assert hidden.text == "Nothing that you may read has this name or id."
    assert replace(hidden, ledger_id="") == replace(unknown, ledger_id="")
    elsewhere = replace(ABE, principal=replace(ABE.principal, tenant="t2"))
    assert isinstance(await copilot.replay(elsewhere, entry), NotFound)


async def test_what_an_auditor_may_not_read_changes_nothing_of_what_they_are_shown(
    copilot: Copilot,
) -> None:
    entry, middle = await asked(copilot), person("mia", "auditor")
    before = await replayed(copilot, entry, middle)
    assert "(TS)" not in {one.subject for one in before.labels}
    secret = replace(TOP, compartments=frozenset(["ORBIT"]))
    author = replace(AUTHOR, principal=replace(AUTHOR.principal, compartments=frozenset(["ORBIT"])))
    report = await copilot.ingest(author, documents({"secret": (secret, TEXTS["top"][1])}))
    assert report.ingested == 1
    after = await replayed(copilot, entry, middle)
    assert replace(after, ledger_id="") == replace(before, ledger_id="")


async def test_contexts_that_are_closed_to_the_auditor_are_not_told_of(
    copilot: Copilot, stated: Callable[..., Settings], built: Built
) -> None:
    """A tenant's own rules may close a label to auditors that lies below that of the record."""
    search = await copilot.search(ANN, QUESTION, k=2)
    whole = await replayed(copilot, str(search.ledger_id))
    assert {one.document_id for one in whole.contexts} == {"open", "kite"}
    async with build(stated(policy=str(built(OPEN_TO_AUDITORS)))) as later:
        found = await replayed(later, str(search.ledger_id))
    assert {one.document_id for one in found.contexts} == {"kite"}
    assert "(U)" not in {one.subject for one in found.labels}
    assert [one.what for one in found.differences] == [What.POLICY]


async def test_only_auditors_replay(copilot: Copilot) -> None:
    refused = await copilot.replay(ANN, await asked(copilot))
    assert isinstance(refused, Denied)
    assert refused.reason == "role"


async def test_an_entry_that_is_no_decision_is_named(copilot: Copilot, owner: Owner) -> None:
    [row] = owner.execute(
        "SELECT ledger_id FROM ledger_acts WHERE kind = 'ingest' LIMIT 1"
    ).fetchall()
    with pytest.raises(
        BadInput, match=f"{row['ledger_id']} is no decision but a record of 'ingest'"
    ):
        await copilot.replay(ABE, row["ledger_id"])


async def test_a_bundle_that_is_missing_or_changed_is_named_and_decides_nothing(
    copilot: Copilot, owner: Owner
) -> None:
    entry = await asked(copilot)
    [row] = owner.execute("SELECT sha256 FROM policy_bundles").fetchall()
    digest = row["sha256"].hex()
    owner.execute("SET session_replication_role = replica")
    changes = {
        "was changed": "UPDATE policy_bundles SET sources = '{}'",
        "is kept, but": "UPDATE policy_bundles SET sources = 'no json'",
        "is not kept here": "DELETE FROM policy_bundles",
    }
    for said, change in changes.items():
        owner.execute(change.encode())
        found = await copilot.replay(ABE, entry)
        assert isinstance(found, Unavailable)
        assert digest in found.text
        assert said in found.text


@pytest.mark.parametrize("name", ["decided", "contexts"])
async def test_an_entry_that_was_changed_or_erased_is_not_replayed(
    copilot: Copilot, owner: Owner, name: str
) -> None:
    entry = await asked(copilot)
    owner.execute(
        "UPDATE ledger_openings SET value = value || ' ' WHERE ledger_id = %s AND name = %s",
        [entry, name],
    )
    changed = await copilot.replay(ABE, entry)
    assert isinstance(changed, Unavailable)
    assert "not what was recorded" in changed.text
    owner.execute("DELETE FROM ledger_openings WHERE ledger_id = %s AND name = %s", [entry, name])
    with pytest.raises(BadInput, match=f"{name} have been erased"):
        await copilot.replay(ABE, entry)


async def test_a_record_of_an_earlier_release_is_said_to_be_one(
    copilot: Copilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(copilot._pipeline._finder, "_decisions", None)
        entry = await asked(copilot)
    with pytest.raises(BadInput, match="recorded by an earlier release"):
        await copilot.replay(ABE, entry)


async def test_a_passage_that_is_gone_is_told(copilot: Copilot) -> None:
    entry = await asked(copilot)
    label, _ = TEXTS["kite"]
    await copilot.ingest(AUTHOR, documents({"kite": (label, "Nobody has seen it since.")}))
    found = await replayed(copilot, entry)
    assert found.agrees
    [content] = found.differences
    assert (content.what, content.now) == (What.CONTENT, "not found as it was")


async def test_a_replay_is_recorded_before_it_is_given(copilot: Copilot, owner: Owner) -> None:
    entry = await asked(copilot)
    found = await replayed(copilot, entry)
    [row] = owner.execute(
        "SELECT kind, sub, outcome FROM ledger_acts WHERE ledger_id = %s", [found.ledger_id]
    ).fetchall()
    assert row == {"kind": "read", "sub": "abe", "outcome": "Replay"}
    [opening] = owner.execute(
        "SELECT value FROM ledger_openings WHERE ledger_id = %s AND name = 'replay'",
        [found.ledger_id],
    ).fetchall()
    assert json.loads(opening["value"]) == entry
