"""Provenance of a real answer of the case file: for who may read it and for auditors, and for nobody else."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.commands.asker import as_asker
from copilot.ingest.reader import read
from copilot.ledger.audit import Filters
from copilot.ledger.entry import canonical
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.checkpoint import open_checkpoint
from copilot.ledger.proofs.merkle import hash_leaf, verify_inclusion
from copilot.provenance import provenances
from copilot.provenance.results import Provenance
from copilot.results import Answer, Denied, NotFound, Unavailable
from copilot.settings import Settings
from policy.errors import BadInput
from policy.errors import Unavailable as UnavailableError
from policy.principal import Asker
from policy.recheck import opened
from tests.integration import test_erasure
from tests.integration.replayed import documents
from tests.integration.sealed import SIGNER, exported, seal
from tests.servers.postgres import Owner, clone, drop, owned
from tests.servers.product import CASE_FILE, people
from tests.unit.provenance.html_page import Page
from tests.unit.provenance.prov_json import Prov

pytestmark = pytest.mark.anyio

QUESTION = "Who is our informant PILOTFISH?"
LEAD = as_asker(people()["lead"])
LIAISON = as_asker(people()["liaison"])


def another(sub: str, *roles: str, who: Asker = LEAD) -> Asker:
    return replace(who, principal=replace(who.principal, sub=sub, roles=frozenset(roles)))


COLLEAGUE = another("colleague", "analyst")
INSPECTOR = another("inspector", "auditor")
LOW = another("low", "auditor", who=LIAISON)


@dataclass(frozen=True)
class World:
    """The reports and memos of the case file, taken in once for the module, and one answer from them."""

    copilot: Copilot
    url: str
    answer: Answer

    async def given(self, who: Asker, given_id: str | None = None) -> Provenance:
        found = await self.copilot.provenance(who, given_id or self.answer.answer_id)
        assert isinstance(found, Provenance), found
        return found


@pytest.fixture(scope="module")
async def world(
    postgres: str,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    url = clone(postgres)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("provenance"),
        models_dir=models_dir,
        database_url=url,
        database_timeout_s=30,
        policy_timeout_s=30,
    )
    async with build(settings) as copilot:
        files = [
            CASE_FILE / "documents" / name
            for name in ("reports/IR-2024-030.md", "reports/IR-2024-033.md", "memos/MM-2024-001.md")
        ]
        report = await copilot.ingest(LEAD, read(files, tenant="meridian", default_label=None))
        assert report.rejected == ()
        answer = await copilot.ask(replace(LEAD, reason="case <12> & more"), QUESTION)
        assert isinstance(answer, Answer)
        yield World(copilot, url, answer)
    drop(postgres, url)


@pytest.fixture
def owner(world: World) -> Iterator[Owner]:
    with owned(world.url) as connection:
        yield connection


def entry_of(prov: Prov) -> dict[str, Any]:
    [entry] = prov.typed("entity", "copilot:LedgerEntry").values()
    return entry


async def test_whoever_asked_is_told_how_their_answer_came_about(world: World) -> None:
    found, answer = await world.given(LEAD), world.answer
    assert (found.entry, found.answer_id) == (answer.ledger_id, answer.answer_id)
    prov, page = Prov(found.prov), Page(found.page.encode())
    said = {one["prov:value"] for one in prov.typed("entity", "copilot:Sentence").values()}
    assert said == {one.text for one in answer.sentences}
    [collection] = prov.typed("entity", "copilot:Answer").values()
    assert collection["copilot:banner"] == answer.banner
    quoted = {
        one["copilot:quote"] for one in prov.related("wasDerivedFrom") if "copilot:quote" in one
    }
    cited = [one for sentence in answer.sentences for one in sentence.citations]
    assert quoted == {one.quote for one in cited}
    assert f"Classification of this page: {found.banner}" in page.text
    for text in (
        QUESTION,
        "case <12> & more",
        "Plan of the question",
        *(one.quote for one in cited),
    ):
        assert text in page.text
    assert "Proofs are given to auditors." in page.text
    assert "copilot:leafIndex" not in entry_of(prov)


async def test_a_colleague_is_told_of_the_answer_and_not_how_it_was_found(world: World) -> None:
    found = await world.given(COLLEAGUE)
    page = Page(found.page.encode())
    Prov(found.prov)
    assert world.answer.sentences[0].text in page.text
    assert "Plan of the question" not in page.text
    assert "This is not told to this reader." in page.text


async def test_by_the_id_of_its_entry_it_is_the_same(world: World) -> None:
    for who in (LEAD, INSPECTOR):
        by_answer = await world.given(who)
        by_entry = await world.given(who, world.answer.ledger_id)
        assert replace(by_entry, ledger_id="") == replace(by_answer, ledger_id="")


async def test_what_is_hidden_is_told_as_what_is_not_there(world: World) -> None:
    for who in (LIAISON, LOW):
        unknown = await world.copilot.provenance(who, "f" * 32)
        assert isinstance(unknown, NotFound)
        for given_id in (world.answer.answer_id, world.answer.ledger_id):
            hidden = await world.copilot.provenance(who, given_id)
            assert isinstance(hidden, NotFound)
            assert replace(hidden, ledger_id="") == replace(unknown, ledger_id="")
    elsewhere = replace(INSPECTOR, principal=replace(INSPECTOR.principal, tenant="t9"))
    assert isinstance(await world.copilot.provenance(elsewhere, world.answer.ledger_id), NotFound)


async def test_who_may_not_read_at_all_is_denied(world: World) -> None:
    refused = await world.copilot.provenance(another("ida", "ingester"), world.answer.answer_id)
    assert isinstance(refused, Denied)
    assert refused.reason == "role"


async def test_a_sealed_entry_has_a_proof_and_nothing_that_comes_later_changes_a_byte(
    world: World, tmp_path: Path
) -> None:
    unsealed = Prov((await world.given(INSPECTOR)).prov)
    assert "copilot:leafIndex" not in entry_of(unsealed)
    records = {one["leaf"]["id"]: one for one in await exported(world.url, tmp_path / "bundle")}
    found = await world.given(INSPECTOR)
    prov = Prov(found.prov)
    entry = entry_of(prov)
    leaf = entry["copilot:leaf"].encode()
    _proves(prov, leaf)
    # As the page says to do: the bundle's line has this leaf, and opens to what the page tells.
    record = records[world.answer.ledger_id]
    assert canonical(record["leaf"]) == leaf
    question = record["openings"]["question"]
    salted = bytes.fromhex(question["salt"]) + question["value"].encode()
    assert hashlib.sha256(salted).hexdigest() == record["leaf"]["commitments"]["question"]
    assert json.loads(question["value"]) == QUESTION
    hidden = replace(
        world.answer.sentences[0].citations[0].label, compartments=frozenset(["ORBIT"])
    )
    author = replace(LEAD.principal, compartments=LEAD.principal.compartments | {"ORBIT"})
    report = await world.copilot.ingest(
        replace(LEAD, principal=author),
        documents({"hidden": (hidden, "PILOTFISH is Daniel Ferro, says ORBIT.")}),
    )
    assert report.ingested == 1
    await seal(world.url)
    later = await world.given(INSPECTOR)
    assert (later.prov, later.page) == (found.prov, found.page)


def _proves(prov: Prov, leaf: bytes) -> None:
    entry = entry_of(prov)
    [checkpoint] = prov.typed("entity", "copilot:Checkpoint").values()
    key = SIGNER.verifier_key
    note = checkpoint["prov:value"].encode()
    head = open_checkpoint(note, origin=key.name, keys=[key]).checkpoint
    assert verify_inclusion(
        leaf_index=int(entry["copilot:leafIndex"]["$"]),
        tree_size=head.size,
        leaf_hash=hash_leaf(leaf),
        inclusion_path=[bytes.fromhex(one) for one in entry["copilot:inclusionPath"].split()],
        root_hash=head.root,
    )


async def test_it_is_recorded_before_it_is_given_with_the_hashes_of_what_was_given(
    world: World, owner: Owner
) -> None:
    found = await world.given(COLLEAGUE)
    details = _details(owner, found.ledger_id)
    assert (details["act"]["kind"], details["act"]["outcome"]) == ("read", "Provenance")
    assert details["entry"] == world.answer.ledger_id
    assert details["sha256"] == {
        "prov": hashlib.sha256(found.prov.encode()).hexdigest(),
        "page": hashlib.sha256(found.page.encode()).hexdigest(),
    }
    cited = {one.part_id for sentence in world.answer.sentences for one in sentence.citations}
    assert {one["part_id"] for one in details["read"]} == cited
    document = world.answer.sentences[0].citations[0].document_id
    seen = await world.copilot.auditing.who_saw(INSPECTOR, Filters(document=document))
    assert "colleague" in {one.name for one in seen.people}


async def test_where_it_cannot_be_recorded_nothing_is_given(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> str:
        raise UnavailableError("ledger", "the ledger takes no records; nothing was released")

    monkeypatch.setattr(Ledger, "record", refuse)
    found = await world.copilot.provenance(LEAD, world.answer.answer_id)
    assert isinstance(found, Unavailable)
    assert found.dependency == "ledger"


async def test_a_label_that_the_double_check_closes_shows_nothing_and_is_recorded(
    world: World, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closing(*given: Any) -> set[Any]:
        return {one for one in await opened(*given) if one.classification != "TS"}

    monkeypatch.setattr(provenances, "opened", closing)
    for who in (LEAD, INSPECTOR):
        found = await world.copilot.provenance(who, world.answer.answer_id)
        assert isinstance(found, NotFound)
        details = _details(owner, found.ledger_id)
        assert {one["classification"] for one in details["labels_dropped"]} == {"TS"}
        assert "read" not in details


async def test_an_entry_of_something_else_is_named_to_auditors_and_is_nothing_to_others(
    world: World, owner: Owner
) -> None:
    [row] = owner.execute(
        "SELECT ledger_id FROM ledger_acts WHERE outcome = 'Opened' LIMIT 1"
    ).fetchall()
    with pytest.raises(BadInput, match=f"{row['ledger_id']} is none of an answer"):
        await world.copilot.provenance(INSPECTOR, row["ledger_id"])
    assert isinstance(await world.copilot.provenance(LEAD, row["ledger_id"]), NotFound)


async def test_an_entry_that_was_changed_is_not_told(world: World, owner: Owner) -> None:
    values = {"id": world.answer.ledger_id, "value": b'"Who?"'}
    kept = owner.execute(
        "SELECT value FROM ledger_openings WHERE ledger_id = %(id)s AND name = 'question'", values
    ).fetchall()[0]
    change = "UPDATE ledger_openings SET value = %(value)s WHERE ledger_id = %(id)s AND name = 'question'"
    try:
        owner.execute(change, values)
        for who in (LEAD, INSPECTOR):
            found = await world.copilot.provenance(who, world.answer.answer_id)
            assert isinstance(found, Unavailable)
            assert "not what was recorded" in found.text
    finally:
        owner.execute(change, values | {"value": kept["value"]})


async def test_what_a_deletion_erased_is_said_to_auditors_and_gone_for_others(
    copilot: Copilot,
) -> None:
    ann = test_erasure.ANN
    auditor, asker = another("lee", "auditor", who=ann), another("ann", "analyst", who=ann)
    await copilot.ingest(ann, [test_erasure.document("a")])
    answer = await test_erasure.answered(copilot)
    await test_erasure.deleted(copilot)
    for given_id in (answer.answer_id, answer.ledger_id):
        assert isinstance(await copilot.provenance(asker, given_id), NotFound)
    found = await copilot.provenance(auditor, answer.ledger_id)
    assert isinstance(found, Provenance)
    entry = entry_of(Prov(found.prov))
    assert {"answer", "contexts"} <= set(entry["copilot:erased"])
    page = Page(found.page.encode())
    assert f"erased, by the entry {entry['copilot:erasureEntry']}" in page.text
    assert "Erased. The commitment to it stands in the record below." in page.text
    assert answer.sentences[0].text not in page.text + found.prov


def _details(owner: Owner, ledger_id: str) -> Mapping[str, Any]:
    rows = owner.execute(
        "SELECT name, value FROM ledger_openings WHERE ledger_id = %s", [ledger_id]
    ).fetchall()
    return {row["name"]: json.loads(row["value"]) for row in rows}


async def test_quotes_of_what_an_auditor_may_not_read_any_more_are_not_shown(
    copilot: Copilot,
) -> None:
    low, ann = test_erasure.LOW, test_erasure.ANN
    await copilot.ingest(ann, [test_erasure.document("a", label=test_erasure.U, title="")])
    answer = await test_erasure.answered(copilot, who=low)
    [quote] = {one.quote for sentence in answer.sentences for one in sentence.citations}
    auditor, asker = another("lee", "auditor", who=low), another("low", "analyst", who=low)
    before = await copilot.provenance(auditor, answer.ledger_id)
    assert isinstance(before, Provenance)
    shown = [one.text for one in Page(before.page.encode()).named("td")]
    assert quote in shown
    await copilot.administration.relabel(ann, "a", test_erasure.S)
    assert isinstance(await copilot.provenance(asker, answer.answer_id), NotFound)
    after = await copilot.provenance(auditor, answer.ledger_id)
    assert isinstance(after, Provenance)
    assert quote not in [one.text for one in Page(after.page.encode()).named("td")]
    assert 'copilot:quote"' not in after.prov
