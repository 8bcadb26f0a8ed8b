"""Deletion reaches what the process itself holds: no cache keeps a run of words of what was deleted."""

import gc
from functools import lru_cache
from random import Random

import pytest

from copilot.acts import Copilot
from copilot.entity_graph import End
from copilot.results import Answer, Deleted, SearchResult
from tests.integration.erased import found
from tests.integration.test_erasure import ANN, document

pytestmark = pytest.mark.anyio

WORDS = (
    "anchor barge cargo dredger engine ferry gangway hawser island jetty keel lantern mast needle "
    "oar pier quay rudder sail tiller".split()
)


def story() -> tuple[str, str, str]:
    """Title, text and another title, made anew each time, so that the test itself holds none of them."""
    random = Random(8)
    title = " ".join(random.sample(WORDS, 12)).title()
    said = " ".join(random.sample(WORDS, 14))
    owned = "'s ".join(random.sample(WORDS, 5)).title().replace("'S", "'s")
    return title, f"Anton Drell sold the {said} of Kestrel Quay. He met Elsa Vance at noon.", owned


def phrase() -> str:
    """Nine words of the text."""
    return " ".join(story()[1].split()[4:13])


def held() -> list[tuple[str, str]]:
    """Each text that a live object of this process holds, as far as the garbage collector can tell."""
    gc.collect()
    waiting, seen, texts = gc.get_objects(), set[int](), list[tuple[str, str]]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        # By type: to ask some objects of libraries for their class has them say that they are out of date.
        kind = type(one)
        if issubclass(kind, str):
            texts.append(("memory", str.__str__(one)))
        elif issubclass(kind, bytes):
            texts.append(("memory", bytes.decode(one, "utf-8", "replace")))
        else:
            waiting += gc.get_referents(one)
    return [one for one in texts if one[1].count(" ") >= 7]


async def lived(copilot: Copilot) -> None:
    """Taken in, asked about, searched, looked up and deleted: each as its readers do it."""
    title, text, owned = story()
    given = [document("a", text, title=title), document("b", "He sold a crane.", title=owned)]
    await copilot.ingest(ANN, given)
    answer = await copilot.ask(ANN, f'Who sold the "{phrase()}"?')
    assert isinstance(answer, Answer)
    for asked in (f'"{phrase()}"', title, f"What of {title}?", f"What of {owned}?"):
        assert isinstance(await copilot.search(ANN, asked), SearchResult)
    await copilot.document(ANN, "a")
    await copilot.entities(ANN, title)
    await copilot.paths(ANN, End(name="Anton Drell"), End(name="Elsa Vance"))
    await copilot.answer(ANN, answer.answer_id)
    await copilot.provenance(ANN, answer.answer_id)
    await copilot.replay(ANN, answer.ledger_id or "")
    for name in "ab":
        assert isinstance(await copilot.administration.delete(ANN, name), Deleted)


async def test_no_run_of_words_of_it_is_left_in_the_process(copilot: Copilot) -> None:
    await lived(copilot)
    left = held()
    assert len(left) > 1000
    assert found(left, *story()) == set()


def test_what_a_cache_holds_is_found() -> None:
    @lru_cache
    def known(words: str) -> bool:
        return bool(words)

    assert known(phrase())
    assert found(held(), *story()) == {"memory"}
    known.cache_clear()
    assert found(held(), *story()) == set()
