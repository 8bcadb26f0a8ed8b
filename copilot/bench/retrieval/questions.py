"""The public sets: their passages as the product ingests them, their questions with the gold."""

import json
from dataclasses import dataclass
from pathlib import Path

from copilot.bench.corpus import corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the ids of the documents that answer it."""

    id: str
    text: str
    type: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The first of a set, for a quick look; figures of a slice say nothing about the goals."""

    passages: int
    questions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """A folder of the shared data, or a control made from one."""

    name: str
    folder: str
    titled: bool = True
    """Whether passages keep their titles; ordinary text has none."""
    external: bool = True
    """Whether peers that need a store of their own are measured on it."""


SETS = (
    PublicSet(name="2wiki", folder="2wiki"),
    PublicSet(name="hotpot-train", folder="hotpot-train"),
    PublicSet(name="musique-train", folder="musique-train"),
    PublicSet(name="2wiki-without-titles", folder="2wiki", titled=False, external=False),
)


def passages(one: PublicSet, scratch: Path, part: Slice | None = None) -> Path:
    """The file to ingest: the set's own, or one written into `scratch` where it must differ."""
    original = corpus(one.folder) / "corpus.jsonl"
    if one.titled and part is None:
        return original
    lines = original.read_text("utf-8").splitlines()[: part.passages if part else None]
    records = (json.loads(line) for line in lines)
    changed = [record if one.titled else record | {"title": ""} for record in records]
    path = scratch / f"{one.name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in changed), "utf-8")
    return path


def questions(one: PublicSet, part: Slice | None = None) -> list[Question]:
    """All, in order; of a slice those that its passages answer."""
    folder = corpus(one.folder)
    lines = (folder / "queries.jsonl").read_text("utf-8").splitlines()
    every = [_question(json.loads(line)) for line in lines]
    if part is None:
        return every
    known = {
        json.loads(line)["id"]
        for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()[: part.passages]
    }
    return [question for question in every if question.gold <= known][: part.questions]


def _question(record: dict[str, object]) -> Question:
    gold = record["gold_ids"]
    assert isinstance(gold, list)
    return Question(
        id=str(record["id"]),
        text=str(record["question"]),
        type=str(record["type"]),
        gold=frozenset(map(str, gold)),
    )
