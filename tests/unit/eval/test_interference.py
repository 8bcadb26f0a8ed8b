"""Generated corpora hold what could slip, and are divided and compared as the promise says."""

import re
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from eval.acts import has_content
from eval.interference.corpora import Corpus, draw, visible_share
from eval.interference.embedded_once import EmbeddedOnce
from eval.interference.holdings import divided
from eval.interference.ingested import without_hidden
from eval.interference.inquiries import chosen, every_inquiry, questions
from eval.interference.people import AWAY, HOME, author
from eval.interference.run import Size, figures
from eval.interference.tally import Tally, added
from eval.interference.timing import auc
from eval.interference.world import WORLDS, world
from eval.oracle import may_read
from retrieval.embedding import DIMENSION, Model, Vectors
from tests.unit.eval.examples import LABEL

NUMBERS = range(6)


@pytest.fixture(scope="module", params=NUMBERS)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return draw(request.param, may_read)


def test_a_world_is_the_same_each_time_and_others_are_told_with_other_names() -> None:
    first, again, other = world(0), world.__wrapped__(0), world(1)
    assert first == again
    assert first.notes[0] != other.notes[0]
    assert len({world(number).notes[0] for number in range(WORLDS)}) == WORLDS


def test_no_name_of_the_case_file_is_left_in_a_world() -> None:
    said = " ".join(text for story in world(0).stories for text in story.paragraphs)
    assert not re.findall(r"\b(?:Drell|Aldermann|Karvenia\w*|Kestrel|Ferro)\b", said)


def test_questions_are_about_a_paragraph_of_their_story() -> None:
    asked = [(story, at) for story in world(0).stories for _, at in story.questions]
    assert len(asked) > 20
    assert all(0 <= at < len(story.paragraphs) for story, at in asked)


def test_a_number_stands_for_one_corpus(corpus: Corpus) -> None:
    assert draw(corpus.number, may_read) == corpus


def test_readers_see_some_of_it_and_not_all(corpus: Corpus) -> None:
    assert len(corpus.readers) == 2
    for one in corpus.readers:
        assert 0.25 <= visible_share(corpus.documents, one.attributes, may_read) <= 0.75


def test_a_corpus_holds_everything_that_could_slip(corpus: Corpus) -> None:
    home = [one for one in corpus.documents if one.label.tenant == HOME]
    ids = [one.document_id for one in home]
    assert len(set(ids)) < len(ids), "one id under two labels"
    assert any(len(one.parts) > 1 for one in home), "portion-marked documents"
    assert any(not one.label.dominates(part.label) for one in home for part in one.parts), (
        "titles whose own label is lower than, or apart from, that of a part"
    )
    assert any(one.label.tenant == AWAY for one in corpus.documents)
    assert sum("also known as" in part.text for one in home for part in one.parts) == 2
    originals = {part.text for one in home for part in one.parts if "COPY" not in one.document_id}
    copies = [one.parts[0].text for one in home if one.document_id.startswith("COPY")]
    assert any(copy in originals for copy in copies)
    assert any(copy.removesuffix(" This was confirmed.") in originals for copy in copies[1:])
    assert corpus.baits


def test_whoever_writes_a_corpus_may_read_all_of_their_tenant(corpus: Corpus) -> None:
    for one in corpus.documents:
        who = author(one.label.tenant).attributes
        assert all(may_read(who, label.to_json()) for label in (one.label, one.parts[0].label))


def test_questions_are_told_apart_by_whether_their_text_is_readable(corpus: Corpus) -> None:
    bearing = dict(corpus.questions)
    for who in corpus.readers:
        answered, unanswered = questions(corpus, who, may_read)
        texts = [
            part.text
            for one in corpus.documents
            for part in one.parts
            if may_read(who.attributes, part.label.to_json())
        ]
        assert answered
        assert all(not any(bearing[one] in text for text in texts) for one in unanswered)


def test_what_is_left_for_a_reader_holds_nothing_that_they_may_not_read(corpus: Corpus) -> None:
    person = corpus.readers[0].attributes
    left = list(without_hidden(corpus.documents, person, may_read))
    assert 0 < len(left) < len(corpus.documents)
    for one in left:
        assert all(may_read(person, part.label.to_json()) for part in one.parts)
        if not may_read(person, one.label.to_json()):
            assert one.document_id.startswith("withheld-")
            assert (one.title, dict(one.metadata)) == ("", {})


def test_most_of_what_is_chosen_should_give_something(corpus: Corpus) -> None:
    rng = Random(1)
    holdings = divided([], corpus.readers[0].attributes, may_read)
    every = every_inquiry(rng, corpus, corpus.readers[0], holdings, may_read)
    for most in (8, 10, 16):
        some = chosen(rng, every, most)
        assert len(some) == most
        assert sum(one in every.empty for one in some) == most // 8
    assert not set(every.recorded) & set(chosen(rng, every, 1000, recorded=False))


def test_holdings_are_divided_by_label_and_answers_need_all_of_theirs() -> None:
    person = {**author(HOME).attributes, "clearance": "U", "tenant": LABEL["tenant"]}
    secret = LABEL | {"classification": "S"}
    everything = [
        ("chunk", "c1", LABEL),
        ("chunk", "c2", secret),
        ("name", "both", LABEL),
        ("name", "both", secret),
        ("answer", "a1", LABEL),
        ("answer", "a2", LABEL),
        ("answer", "a2", secret),
    ]
    holdings = divided(everything, person, may_read)
    assert holdings.visible == {
        "chunk": ["c1"],
        "name": ["both"],
        "shared name": ["both"],
        "answer": ["a1"],
    }
    assert holdings.hidden == {"chunk": ["c2"], "name": [], "answer": ["a2"]}


@pytest.mark.parametrize("kind", ["NotFound", "Denied", "StepUpRequired", "Unavailable", "Error"])
def test_an_output_that_gives_nothing_counts_as_empty(kind: str) -> None:
    assert not has_content({"kind": kind, "text": "something"})


def test_lists_count_by_what_they_hold() -> None:
    assert not has_content({"kind": "SearchResult", "contexts": []})
    assert not has_content({"kind": "Page", "entries": []})
    assert has_content({"kind": "Page", "entries": [{}]})


def test_one_difference_anywhere_fails_the_suite() -> None:
    size = Size(corpora=60, of_each=10, least=2)
    good, bad = Tally(corpora=60), Tally()
    for number in range(2):
        good.compare(
            f"n{number}", {"kind": "Answer", "ledger_id": "a"}, {"kind": "Answer", "ledger_id": "b"}
        )
    assert all(one.passed for one in figures(good, size).values())
    bad.compare("n", {"kind": "Answer", "n": 1}, {"kind": "Answer", "n": 2})
    failed = {name for name, one in figures(added([good, bad]), size).items() if not one.passed}
    assert failed == {"random_differences"}
    assert [one.name for one in bad.wrong] == ["interference/n"]


def test_the_auc_tells_how_well_times_can_be_told_apart() -> None:
    assert auc([1, 2, 3], [1, 2, 3]) == 0.5
    assert auc([1, 2], [3, 4]) == auc([3, 4], [1, 2]) == 1
    assert auc([1, 3], [2, 4]) == 0.75
    assert auc([5, 5], [5, 5]) == 0.5


class Counting:
    """Embeds a text as its length, and counts."""

    model = Model(name="lengths", dimension=DIMENSION, sha256="1" * 64)

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return np.stack([np.full(DIMENSION, len(text), np.float32) for text in texts])

    async def embed_question(self, text: str) -> Vectors:
        [row] = await self.embed([text])
        vector: Vectors = row
        return vector


@pytest.mark.anyio
async def test_each_text_is_embedded_once_and_comes_back_in_its_place() -> None:
    inner = Counting()
    embedder = EmbeddedOnce(inner)
    assert (await embedder.embed(["aa", "b", "aa"]))[:, 0].tolist() == [2, 1, 2]
    assert (await embedder.embed(["b", "ccc"]))[:, 0].tolist() == [1, 3]
    assert (await embedder.embed([])).shape == (0, DIMENSION)
    assert [(await embedder.embed_question(text))[0] for text in ("dddd", "dddd")] == [4, 4]
    assert inner.texts == ["aa", "b", "ccc", "dddd"]


@pytest.mark.parametrize(
    ("change", "label", "open_"),
    [
        ({}, {"classification": "TS"}, True),
        ({"acr": "password"}, {"classification": "TS"}, False),
        ({"acr": "password"}, {"handling": ["PII"]}, False),
        ({"acr": "password"}, {"handling": ["ORCON"]}, True),
        ({"auth_time": 0}, {"classification": "TS"}, False),
        ({"authorities": [{"name": "court", "not_before": 0}]}, {"authorities": ["court"]}, True),
        ({"authorities": [{"name": "court", "not_after": 1}]}, {"authorities": ["court"]}, False),
        (
            {"authorities": [{"name": "court", "not_before": 2**40}]},
            {"authorities": ["court"]},
            False,
        ),
    ],
)
def test_the_oracle_knows_of_sign_in_and_of_time(
    change: dict[str, object], label: dict[str, object], open_: bool
) -> None:
    held = {"tenant": LABEL["tenant"], "authorities": []}
    person = {**author(HOME).attributes, **held, **change}
    assert may_read(person, LABEL | label) is open_
