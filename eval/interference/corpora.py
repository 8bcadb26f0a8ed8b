"""Corpora drawn by lot: real texts under random labels, with all that could make hidden text slip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from copilot.ingest.documents import Document
from eval.cases import Attributes
from eval.interference import traps
from eval.interference.people import AWAY, HOME, Reader, draw_labels, draw_reader
from eval.interference.traps import Draft
from eval.interference.world import WORLDS, world
from eval.oracle import Rule

READERS = 2
_STORIES = (10, 16)
_LABELS = 7
_VISIBLE = (0.25, 0.75)
"""Share of the parts that each reader may read: hidden and visible ones must meet."""
_TRIES = 200
_WITH_TRANSFERS, _WITH_ROSTER = (0, 1, 2), (2, 3, 4)
"""Of five corpora two have many documents about one firm, two many names that share a word, and one both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Documents of two tenants, the questions that their texts answer, and who reads."""

    number: int
    documents: tuple[Document, ...]
    questions: tuple[tuple[str, str], ...]
    """Each with a text that bears on it."""
    baits: tuple[str, ...]
    """Questions that go where the limits on fan-out are."""
    readers: tuple[Reader, ...]


def draw(number: int, rule: Rule) -> Corpus:
    """The corpus of this number: the same on every run and every machine.

    Drawn again until each reader may read some of it and not all.
    """
    for attempt in range(_TRIES):
        rng = Random(f"corpus {number} {attempt}")
        home = _draft(rng, number)
        documents = [*_home(home), *_away(home)]
        if readers := _readers(rng, documents, rule):
            rng.shuffle(documents)
            return Corpus(
                number=number,
                documents=tuple(documents),
                questions=tuple(_questions(home, documents)),
                baits=tuple(_baits(home, documents)),
                readers=readers,
            )
    raise AssertionError(f"no readers for the corpus {number}: the rule opens all or nothing")


def visible_share(documents: Sequence[Document], person: Attributes, rule: Rule) -> float:
    """Of all parts in the person's tenant, as the oracle sees it."""
    labels = [part.label.to_json() for document in documents for part in document.parts]
    own = [label for label in labels if label["tenant"] == person["tenant"]]
    return sum(rule(person, label) for label in own) / len(own)


def _draft(rng: Random, number: int) -> Draft:
    place = world(number % WORLDS)
    stories = rng.sample(place.stories, rng.randint(*_STORIES))
    labels = draw_labels(rng, HOME, _LABELS)
    return Draft(rng=rng, labels=labels, stories=stories, notes=place.notes)


def _readers(rng: Random, documents: Sequence[Document], rule: Rule) -> tuple[Reader, ...]:
    chosen: list[Reader] = []
    for _ in range(_TRIES):
        one = draw_reader(rng, f"reader-{len(chosen)}")
        low, high = _VISIBLE
        if low <= visible_share(documents, one.attributes, rule) <= high:
            chosen.append(one)
        if len(chosen) == READERS:
            return tuple(chosen)
    return ()


def _home(draft: Draft) -> Iterator[Document]:
    told = [traps.story(draft, f"D-{at:03}", one) for at, one in enumerate(draft.stories)]
    yield from told
    yield from traps.copies(draft, told)
    yield from traps.same_ids(draft, told)
    yield from traps.assertions(draft)
    kind = draft.rng.randrange(5)
    if kind in _WITH_TRANSFERS:
        yield from traps.transfers(draft)
    if kind in _WITH_ROSTER:
        yield traps.roster(draft, _common_word(draft))


def _away(home: Draft) -> Iterator[Document]:
    """The other tenant tells some of the same stories, under the same ids."""
    labels = draw_labels(home.rng, AWAY, 2)
    draft = Draft(rng=home.rng, labels=labels, stories=home.stories, notes=home.notes)
    for at, one in enumerate(home.rng.sample(home.stories, 3)):
        yield traps.story(draft, f"D-{at:03}", one)


def _common_word(draft: Draft) -> str:
    """The word that most of the names have in common."""
    words = [word for name in draft.names() for word in name.split()]
    return max(sorted(set(words)), key=words.count)


def _questions(draft: Draft, documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
    for one in draft.stories:
        yield from ((question, one.paragraphs[at]) for question, at in one.questions)
    for document in documents:
        text = document.parts[0].text
        if document.document_id.startswith("N-") and document.label.tenant == HOME:
            names = traps.named(text)[:2] or ("the quay",)
            yield f"What is known of {' and '.join(names)}?", text


def _baits(draft: Draft, documents: Sequence[Document]) -> Iterator[str]:
    if any(one.document_id == traps.ROSTER for one in documents):
        yield f"What is known of {_common_word(draft)}?"
    if any(one.document_id.startswith(traps.TRANSFER) for one in documents):
        yield f"What did {traps.payer_of(draft.notes[0])} pay for?"
