"""The suites catch what they are for: bad generators, and a product whose promises are broken."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from copilot.app import build
from copilot.ledger.log import Ledger, Record
from copilot.ledger.records import Kind
from copilot.settings import Settings
from eval import generation, policy
from eval.__main__ import main
from eval.cases import FOLDER, Question, pairs, read_people, read_questions
from eval.controls import control
from eval.results import Result
from eval.stage import askers
from policy.embedded import EmbeddedEngine
from policy.engine import Allowed, Readable
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.types import Chunk

pytestmark = pytest.mark.anyio

SPAN = "The Corrin Star left Kestrel Quay at 06:10."
TINY = """---
id: {id}
title: (U) {id}
label: {{classification: U}}
date: 2024-03-05
kind: report
---
{text}
"""


@pytest.fixture
def served(case_file: str, models_dir: Path, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        models_dir=models_dir,
        database_url=case_file,
        database_timeout_s=30,
        policy_timeout_s=30,
    )


def few() -> Sequence[Question]:
    """Two questions that the trainee alone asks, of which one has another answer for others."""
    telling = policy.telling(read_questions(FOLDER / "questions.jsonl", "tune"))
    return [replace(one, gold={"trainee": one.gold["trainee"]}) for one in telling[:2]]


async def watched(settings: Settings) -> Result:
    return await policy.run(settings, FOLDER, few())


@pytest.mark.parametrize("name", ["random", "top-chunk"])
async def test_a_generator_that_answers_badly_fails_the_gates(served: Settings, name: str) -> None:
    questions = read_questions(FOLDER / "questions.jsonl", "gate")[::4]
    async with build(served, generator=control(name)) as copilot:
        result = await generation.run(
            copilot, askers(FOLDER), read_people(FOLDER), pairs(questions)
        )
    assert "gold_answer_stands" in result.failed_gates
    assert result.figures["citation_validity"].value == 1  # it quotes well, and yet it fails


async def test_the_product_keeps_what_the_policy_suite_looks_at(served: Settings) -> None:
    result = await watched(served)
    assert result.failed_gates == []
    assert result.figures["comparisons_with_content"].value


async def test_a_policy_that_opens_everything_is_seen_as_leaks_and_as_interference(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everything(self: EmbeddedEngine, asker: object, labels: Sequence[Any]) -> object:
        return Readable(positions=frozenset(range(len(labels))))

    async def yes(self: EmbeddedEngine, asker: object, labels: Sequence[Any]) -> object:
        return [Allowed() for _ in labels]

    monkeypatch.setattr(EmbeddedEngine, "readable", everything)
    monkeypatch.setattr(EmbeddedEngine, "may_read", yes)
    result = await watched(served)
    assert {"leaks", "differences"} <= set(result.failed_gates)


async def test_a_label_id_that_shows_is_seen_as_interference(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Label ids come from a sequence that hidden labels have moved on."""
    real: Callable[..., Any] = PostgresPassages.chunks

    async def numbered(self: PostgresPassages, ids: Any, *, scope: Any) -> dict[str, Chunk]:
        found: dict[str, Chunk] = await real(self, ids, scope=scope)
        return {
            key: replace(chunk, title=f"{chunk.title} {chunk.label_id}")
            for key, chunk in found.items()
        }

    monkeypatch.setattr(PostgresPassages, "chunks", numbered)
    assert "differences" in (await watched(served)).failed_gates


async def test_an_act_that_leaves_no_record_is_missed(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = Ledger.record

    async def forgetful(self: Ledger, record: Record, answer: Any = None) -> str:
        if record.kind is Kind.READ:
            return uuid4().hex
        written: str = await real(self, record, answer)
        return written

    monkeypatch.setattr(Ledger, "record", forgetful)
    assert (await watched(served)).failed_gates == ["unrecorded_acts"]


async def test_an_act_that_no_role_opens_is_seen_to_be_done(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes(
        self: EmbeddedEngine, asker: object, act: object, subject: object = None
    ) -> object:
        return Allowed()

    monkeypatch.setattr(EmbeddedEngine, "permits", yes)
    assert "denied_acts_done" in (await watched(served)).failed_gates


def _line(name: str, question: str, evidence: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": name,
        "split": "gate",
        "type": "when" if evidence else "none",
        "question": question,
        "evidence": evidence,
        "gold": {"trainee": list(range(len(evidence)))},
        "also_relevant": [],
    }


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A case file of two documents and two questions."""
    documents = tmp_path / "case" / "documents"
    documents.mkdir(parents=True)
    for name, text in {
        "A": SPAN,
        "B": "The gantry crane was painted green in spring.",
    }.items():
        (documents / f"{name}.md").write_text(TINY.format(id=name, text=text))
    (tmp_path / "case" / "principals.json").write_text((FOLDER / "principals.json").read_text())
    left = {"document_id": "A", "span": SPAN, "answer": "06:10"}
    lines = [
        _line("q1", "When did the Corrin Star leave Kestrel Quay?", [left]),
        _line("q2", "How much did Huxtable Ventures pay?", []),
    ]
    (tmp_path / "case" / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_the_command_gives_one_json_document_accepts_it_and_compares_with_it(
    tiny: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = [
        *("generation", "--json", "--junit", str(tiny / "report.xml")),
        *("--casefile", str(tiny / "case"), "--models", str(models_dir)),
        *("--accepted", str(tiny / "accepted.json")),
    ]
    assert main(common) == 1
    first = json.loads(capsys.readouterr().out)
    failed = [name for name, figure in first["figures"].items() if not figure["passed"]]
    assert failed == ["worse_than_accepted"]
    assert ElementTree.parse(tiny / "report.xml").getroot().attrib["failures"] == "2"

    assert main([*common, "--accept"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["passed"]
    assert set(second) == {"name", "passed", "figures", "peers", "environment"}
    assert _measured(first) == _measured(second)


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["policy", "--accept"], ["retrieval", "--control", "random"]],
)
def test_wrong_usage_is_told_apart_from_a_failed_gate(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def _measured(document: dict[str, Any]) -> dict[str, Any]:
    """The figures but for times, and for the gate that there was nothing to compare with before."""
    return {
        name: figure
        for name, figure in document["figures"].items()
        if figure["unit"] != "ms" and name != "worse_than_accepted"
    }
