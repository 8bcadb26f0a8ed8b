"""Worlds: the case file's texts and questions, retold with invented names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from copilot.ingest.documents import Document
from copilot.ingest.reader import read
from eval.cases import FOLDER, Question, read_questions

WORLDS = 4
"""Each costs its embeddings, a few seconds; corpora beyond it are drawn from the same ones."""
_STORIES = 28
"""Of the case file's 88 documents: few enough that corpora of one world share most of their embeddings."""
_CAPITALISED = re.compile(r"(?<![.!?:\"“]\s)(?<!^)\b[A-Z][a-z]{2,}\b", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z]?[a-z]{2,}\b")
_BLANK_LINE = re.compile(r"\n\s*\n")
_KEPT = frozenset(
    """January February March April May June July August September October November December
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Ltd""".split()
)
_ONSETS = ("B", "Br", "C", "D", "Dr", "F", "G", "H", "K", "L", "M", "N", "P", "R", "S", "T", "V")
_RIMES = ("an", "ar", "el", "en", "er", "il", "in", "ol", "on", "or", "ul", "une", "ade", "ost")
_TENANT = "world"
_TRANSFERS = ".csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A document's texts without their labels."""

    title: str
    paragraphs: tuple[str, ...]
    questions: tuple[tuple[str, int], ...]
    """Each with the index of a paragraph that bears on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Stories about the same people and places, and one-sentence notes that all name a few of them."""

    stories: tuple[Story, ...]
    notes: tuple[str, ...]


@cache
def world(number: int, folder: Path = FOLDER) -> World:
    """The same number gives the same world, whatever was made before it."""
    documents, questions = _case(folder)
    rng = Random(f"world {number}")
    names = _new_names(documents, rng)
    told = [one for one in documents if not one.source.endswith(_TRANSFERS)]
    stories = tuple(
        Story(
            title=_renamed(document.title, names),
            paragraphs=tuple(_renamed(one, names) for one in _paragraphs(document)),
            questions=tuple(
                (_renamed(text, names), at) for text, at in _about(document, questions)
            ),
        )
        for document in rng.sample(told, min(_STORIES, len(told)))
    )
    rows = (p for one in documents if one.source.endswith(_TRANSFERS) for p in _paragraphs(one))
    return World(stories=stories, notes=tuple(_renamed(row, names) for row in rows))


@cache
def _case(folder: Path) -> tuple[tuple[Document, ...], tuple[Question, ...]]:
    found = read([folder / "documents"], tenant=_TENANT, default_label=None)
    documents = tuple(one for one in found if isinstance(one, Document))
    halves = (read_questions(folder / "questions.jsonl", half) for half in ("tune", "gate"))
    return documents, tuple(one for half in halves for one in half)


def _paragraphs(document: Document) -> list[str]:
    between = "\n" if document.source.endswith(_TRANSFERS) else None
    return [
        paragraph.strip()
        for part in document.parts
        for paragraph in (part.text.split(between) if between else _BLANK_LINE.split(part.text))
        if paragraph.strip()
    ]


def _about(document: Document, questions: Sequence[Question]) -> Iterator[tuple[str, int]]:
    paragraphs = _paragraphs(document)
    for question in questions:
        spans = [one.span for one in question.relevant if one.document_id == document.document_id]
        for at, paragraph in enumerate(paragraphs):
            if any(span in paragraph for span in spans):
                yield question.question, at
                break


def _new_names(documents: Sequence[Document], rng: Random) -> Mapping[str, str]:
    """Another name for each word that is always written with a capital; no two share one."""
    text = "\n".join(part.text for document in documents for part in document.parts)
    lower = {word for word in _WORD.findall(text) if word.islower()}
    found = sorted({word for word in _CAPITALISED.findall(text) if word.lower() not in lower})
    known = [word for word in found if word not in _KEPT]
    made: dict[str, str] = {}
    for word in known:
        name = invented(rng)
        while name in made.values() or name.lower() in lower:
            name = invented(rng)
        made[word] = name
    return made


def invented(rng: Random) -> str:
    """A name that stands in no text."""
    syllables = (rng.choice(_ONSETS) + rng.choice(_RIMES) for _ in range(rng.choice((2, 2, 3))))
    return "".join(syllables).capitalize()


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Z][a-z]+\b", lambda match: names.get(match.group(), match.group()), text)
