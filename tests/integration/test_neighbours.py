"""A passage that begins with "He" brings the one before it: cited in its own place, and only to who may read it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.ingest.documents import Document, Part
from copilot.results import DocumentView, SearchResult
from copilot.serialise import search_json
from copilot.settings import Settings
from policy.labels import Classification, Label
from retrieval.tokens import estimated
from tests.integration.governed_corpus import reader

pytestmark = pytest.mark.anyio

OPEN = Label(tenant="t1", classification=Classification.U)
SECRET = replace(OPEN, classification=Classification.S)
LOW = reader(clearance=Classification.C)
WEATHER = "Rain fell on the roofs of the town all week and the wind came from the west. " * 8
FIRST = f"Anton Drell was born in Corrin. {WEATHER}"
SECOND = f"He sold the tanker Heron to a broker in May. {WEATHER}"
QUESTION = "Who sold the tanker Heron to a broker?"


def document(*parts: tuple[Label, str]) -> Document:
    return Document(
        document_id="memoir",
        title="",
        label=OPEN,
        parts=tuple(Part(label=label, text=text.strip()) for label, text in parts),
        source="memoir.md",
    )


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    async with build(settings) as copilot:
        yield copilot


async def searched(copilot: Copilot) -> SearchResult:
    found = await copilot.search(LOW, QUESTION)
    assert isinstance(found, SearchResult)
    return found


async def test_the_passage_before_comes_first_and_stands_in_its_own_place(
    copilot: Copilot,
) -> None:
    await copilot.ingest(reader(), [document((OPEN, f"{FIRST}\n\n{SECOND}"))])
    found = await searched(copilot)
    before, hit = found.contexts
    assert before.precedes == hit.chunk.chunk_id
    assert before.chunk.text.startswith("Anton Drell")
    view = await copilot.document(LOW, "memoir")
    assert isinstance(view, DocumentView)
    [part] = view.parts
    for one in search_json(found)["contexts"]:
        assert part.text[one["start"] : one["end"]] == one["text"]
        assert one["arms"]


async def test_a_neighbour_that_would_be_too_much_stays_away(settings: Settings) -> None:
    tokens = estimated(SECOND) + 100
    async with build(replace(settings, context_tokens=tokens)) as copilot:
        await copilot.ingest(reader(), [document((OPEN, f"{FIRST}\n\n{SECOND}"))])
        [only] = (await searched(copilot)).contexts
    assert only.chunk.text.startswith("He sold")


async def test_a_hidden_paragraph_before_it_changes_nothing(
    copilot: Copilot, settings: Settings
) -> None:
    await copilot.ingest(reader(), [document((SECRET, FIRST), (OPEN, f"{WEATHER}\n\n{SECOND}"))])
    with_hidden = search_json(await searched(copilot))["contexts"]
    await copilot.ingest(reader(), [document((OPEN, f"{WEATHER}\n\n{SECOND}"))])
    without = search_json(await searched(copilot))["contexts"]
    assert with_hidden == without
    assert "Drell" not in str(with_hidden)
