"""A passage that cannot be understood by itself brings the one before it; in its own place."""

from dataclasses import replace

import pytest

from copilot.testing import MemoryCorpus, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.scope import Scope, Scoper
from retrieval.neighbours import Neighbours, leans, refers_back
from retrieval.types import Chunk, Context, ScoredSentence
from tests.unit.bench import document
from tests.unit.governed import asker, label
from tests.unit.retrieval.contexts import context

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "sentence",
    [
        "He left at noon.",
        "This company was wound up.",
        "The agreement was never signed.",
        "“They had no papers,” the officer wrote.",
        "However, Drell stayed.",
        "and was paid in cash.",
    ],
)
def test_a_sentence_may_refer_to_what_stands_before_it(sentence: str) -> None:
    assert refers_back(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Drell left at noon.",
        "The tanker Sable Heron left.",
        "The crew of Kestrel left.",
        "On 4 May the ship left.",
        "Thistle Ltd was wound up.",
        "Heron left.",
    ],
)
def test_a_sentence_that_names_what_it_is_about_does_not(sentence: str) -> None:
    assert not refers_back(sentence)


def passage(*sentences: tuple[str, float], start: int = 100) -> Context:
    text = " ".join(one for one, _ in sentences)
    chunk = replace(context("c", text).chunk, start=start, end=start + len(text))
    scored = [
        ScoredSentence(start=text.index(one), end=text.index(one) + len(one), text=one, score=score)
        for one, score in sentences
    ]
    return Context(chunk=chunk, score=1.0, arms=(), sentences=tuple(scored))


def test_the_way_back_goes_over_all_that_refer_back() -> None:
    assert leans(passage(("He left.", 0.9), ("Drell stayed.", 0.1)))
    assert leans(passage(("He left.", 0.1), ("It was night.", 0.9)))
    assert not leans(passage(("Drell left.", 0.1), ("It was night.", 0.9)))
    assert not leans(passage(("He left.", 0.1), ("Drell stayed.", 0.9)))


def test_the_beginning_of_a_part_has_nothing_before_it() -> None:
    assert not leans(passage(("He left.", 0.9), start=0))


PADDING = " ".join(["the ship waited for a berth outside the harbour"] * 14)
FIRST = f"Anton Drell was born in Corrin. Records say that {PADDING}."
SECOND = f"He sold the tanker in May. Records also say that {PADDING}."


async def scope_of(corpus: MemoryCorpus, engine: EmbeddedEngine) -> Scope:
    return await Scoper(engine, corpus.labels).scope(asker())


async def chunks(corpus: MemoryCorpus, scope: Scope) -> dict[str, Chunk]:
    """By their first word."""
    store = MemoryPassages(corpus)
    ids = [one.chunk.chunk_id for one in corpus.visible(scope)]
    return {one.text.split()[0]: one for one in (await store.chunks(ids, scope=scope)).values()}


async def test_the_passage_before_comes_with_its_own_place() -> None:
    engine, corpus = EmbeddedEngine(), MemoryCorpus()
    await corpus.put(document("d", f"{FIRST}\n\n{SECOND}", label("U")))
    scope = await scope_of(corpus, engine)
    found = await chunks(corpus, scope)
    hit = replace(passage(("He sold the tanker in May.", 0.9)), chunk=found["He"])
    [(after, before)] = (
        await Neighbours(MemoryPassages(corpus)).before([hit], scope=scope)
    ).items()
    assert after == before.precedes == found["He"].chunk_id
    assert before.chunk == found["Anton"]
    await engine.close()
    assert (before.arms, before.path, before.sentences) == (hit.arms, hit.path, ())
