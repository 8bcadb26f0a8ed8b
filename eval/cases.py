"""The case file as the suites read it: questions, their evidence, and the people who ask."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("casefile")
NO_ANSWER = "none"
"""The type of a question that nobody's documents answer."""

Attributes = Mapping[str, Any]
"""A principal as the case file writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A verbatim span of a document, and the short answer inside it (empty where it only bears on it)."""

    document_id: str
    span: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its evidence; `gold` says which pieces are right for whom."""

    id: str
    split: str
    type: str
    question: str
    evidence: tuple[Evidence, ...]
    gold: Mapping[str, tuple[int, ...]]
    also_relevant: tuple[Evidence, ...]

    @property
    def relevant(self) -> tuple[Evidence, ...]:
        """Everything that bears on the question, right for the asker or not."""
        return self.evidence + self.also_relevant


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question as one person asks it."""

    question: Question
    sub: str

    @property
    def id(self) -> str:
        return f"{self.question.id}/{self.sub}"

    @property
    def gold(self) -> tuple[Evidence, ...]:
        """The right evidence for this person; none where the right answer is that there is none."""
        return tuple(self.question.evidence[index] for index in self.question.gold[self.sub])

    @property
    def answerable(self) -> bool:
        return bool(self.gold)

    @property
    def hidden(self) -> bool:
        """Whether an answer exists that this person may not know."""
        return not self.gold and self.question.type != NO_ANSWER


def read_questions(path: Path, split: str) -> tuple[Question, ...]:
    """The questions of one half, in the order of the file; none where the file is missing."""
    if not path.exists():
        return ()
    values = map(json.loads, path.read_text("utf-8").splitlines())
    return tuple(_question(value) for value in values if value["split"] == split)


def read_people(folder: Path = FOLDER) -> Mapping[str, Attributes]:
    """The attributes of each principal, as written."""
    people: Mapping[str, Attributes] = json.loads((folder / "principals.json").read_text("utf-8"))
    return people


def pairs(questions: Sequence[Question]) -> list[Pair]:
    """Each question as each person who asks it, in order."""
    return [Pair(question=one, sub=sub) for one in questions for sub in one.gold]


def normal(text: str) -> str:
    """Texts that differ in case and white space alone are one."""
    return " ".join(text.split()).casefold()


def _question(value: Mapping[str, Any]) -> Question:
    return Question(
        id=value["id"],
        split=value["split"],
        type=value["type"],
        question=value["question"],
        evidence=tuple(Evidence(**one) for one in value["evidence"]),
        gold={sub: tuple(indexes) for sub, indexes in value["gold"].items()},
        also_relevant=tuple(Evidence(**one) for one in value["also_relevant"]),
    )
