"""The case file, read once for each module."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.casefile.reading import (
    CASEFILE,
    WORD,
    Document,
    Question,
    read_all,
    read_questions,
)


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    found = list(read_all())
    assert len({d.id for d in found}) == len(found)
    return {d.id: d for d in found}


@pytest.fixture(scope="module")
def people() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = json.loads((CASEFILE / "principals.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_questions("questions.jsonl")


@pytest.fixture(scope="module")
def near_misses() -> list[Question]:
    return read_questions("near_misses.jsonl")


@pytest.fixture(scope="module")
def corpus_words(documents: dict[str, Document]) -> set[str]:
    """Every word of every document, its id and title included, in its own spelling."""
    return {
        word
        for document in documents.values()
        for text in (document.id, document.title, *(part.text for part in document.parts))
        for word in WORD.findall(text)
    }
