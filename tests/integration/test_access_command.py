"""`copilot delete`, `relabel`, `revoke` and `reinstate`: what they print, and how they end."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot.commands import access
from copilot.commands.ingest import ingest
from copilot.settings import Settings
from policy.errors import BadInput, Forbidden

pytestmark = pytest.mark.anyio

PERSON = {
    "tenant": "t1",
    "clearance": "S",
    "nationality": "USA",
    "purposes": ["investigation"],
}
PRINCIPALS = {
    "ida": PERSON | {"roles": ["ingester"]},
    "root": PERSON | {"roles": ["admin"]},
}
NOTE = 'title: Note\nlabel: {"classification": "U"}\n---\n\nThe tanker left the quay at dawn.\n'


@pytest.fixture
async def stocked(settings: Settings, tmp_path: Path) -> Settings:
    """The product with one document, and two principals."""
    known, note = tmp_path / "principals.json", tmp_path / "n.md"
    known.write_text(json.dumps(PRINCIPALS))
    note.write_text(f"---\nid: n1\n{NOTE}")
    settings = replace(settings, principals=known)
    options = Namespace(act_as="ida", paths=[note], label=None, json=True)
    assert await ingest(settings, options) == 0
    return settings


def given(who: str, **options: Any) -> Namespace:
    return Namespace(act_as=who, **({"json": True} | options))


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return value


async def test_a_document_is_raised_then_deleted_then_not_there(
    stocked: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = '{"classification": "S"}'
    assert await access.relabel(stocked, given("ida", id="n1", label=secret)) == 0
    raised = last(capsys)
    assert (raised["kind"], raised["label"]["classification"]) == ("Relabelled", "S")
    assert await access.delete(stocked, given("ida", id="n1", json=False)) == 0
    assert capsys.readouterr().out == "Deleted n1: 1 parts\n"
    assert await access.delete(stocked, given("ida", id="n1")) == 0
    assert last(capsys)["kind"] == "NotFound"
    assert await access.delete(stocked, given("root", id="n1")) == 0
    assert last(capsys)["kind"] == "Denied"


@pytest.mark.parametrize("label", ["{}", "secret", '{"classification": "X"}'])
async def test_a_label_that_is_none_is_refused(stocked: Settings, label: str) -> None:
    with pytest.raises(BadInput, match="--label"):
        await access.relabel(stocked, given("ida", id="n1", label=label))


async def test_a_revoked_principal_is_refused_until_reinstated(
    stocked: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await access.revoke(stocked, given("root", sub="ida", reason="left")) == 0
    assert last(capsys)["revoked"] is True
    assert await access.delete(stocked, given("ida", id="n1")) == 0
    assert last(capsys)["reason"] == "revoked"
    assert await access.reinstate(stocked, given("root", sub="ida", json=False)) == 0
    assert capsys.readouterr().out == "ida: access not revoked\n"
    assert await access.delete(stocked, given("ida", id="n1", json=False)) == 0


async def test_who_may_not_is_refused(stocked: Settings) -> None:
    with pytest.raises(Forbidden):
        await access.revoke(stocked, given("ida", sub="root", reason="x"))
    with pytest.raises(BadInput):
        await access.revoke(stocked, given("root", sub="root", reason="x"))
