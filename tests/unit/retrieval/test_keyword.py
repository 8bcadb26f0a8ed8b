"""BM25 as it is written down, over the visible part alone."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import cast

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.scope import Scope
from retrieval import keyword
from retrieval.keyword import Ranking
from retrieval.ports import PassageStore, PostingList, Postings, Weight
from retrieval.wording import Wording

K1, B = 1.5, 0.75
words = st.sampled_from("quay tanker berth owner drell".split())
passages = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.lists(words, min_size=1, max_size=12), min_size=1
)
asked = st.lists(words, min_size=1, max_size=4)


def index(texts: dict[str, list[str]]) -> Postings:
    chunks = sorted(texts)
    return Postings(
        lists={
            term: postings(
                [
                    (at, Counter(texts[c])[term], len(texts[c]))
                    for at, c in enumerate(chunks)
                    if term in texts[c]
                ]
            )
            for term in {word for text in texts.values() for word in text}
        },
        chunks=len(texts),
        terms=sum(map(len, texts.values())),
        size=len(texts),
        identity=chunks,
    )


def postings(some: list[tuple[int, int, int]]) -> PostingList:
    places, counts, lengths = zip(*some, strict=True)
    return PostingList(
        positions=np.array(places, np.int64),
        counts=np.array(counts, np.uint8),
        lengths=np.array(lengths, np.uint16),
    )


class Held:
    """A store of these postings alone."""

    def __init__(self, held: Postings) -> None:
        self._held = held

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        return self._held

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        assert isinstance(postings.identity, list)
        return {at: postings.identity[at] for at in positions}


def rank(held: Postings, terms: list[str], limit: int) -> Ranking:
    store = cast("PassageStore", Held(held))
    wording = Wording(tuple(sorted(set(terms))))
    return anyio.run(lambda: keyword.search(store, wording, limit, scope=cast("Scope", None)))


def weight(text: list[str]) -> Weight:
    return Weight(similarity=0.0, length=len(text), counts=Counter(text))


def bm25(texts: dict[str, list[str]], question: list[str]) -> dict[str, float]:
    """Robertson and Zaragoza (2009), equation 3.15, with Lucene's idf, which is never negative."""
    average = sum(map(len, texts.values())) / len(texts)
    scores = {}
    for chunk, text in texts.items():
        score = 0.0
        for term in set(question) & set(text):
            df = sum(term in other for other in texts.values())
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            tf = text.count(term)
            score += idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(text) / average))
            scores[chunk] = score
    return scores


@settings(deadline=None)
@given(texts=passages, question=asked)
def test_it_is_bm25(texts: dict[str, list[str]], question: list[str]) -> None:
    ranking = rank(index(texts), question, 1_000)
    assert {hit.chunk_id: hit.score for hit in ranking.hits} == pytest.approx(bm25(texts, question))
    assert ranking.hits == sorted(ranking.hits, key=lambda hit: (-hit.score, hit.chunk_id))


@settings(deadline=None)
@given(texts=passages, question=asked, limit=st.integers(1, 4), data=st.data())
def test_the_limit_cuts_the_ranking_and_the_order_of_terms_changes_no_bit(
    texts: dict[str, list[str]], question: list[str], limit: int, data: st.DataObject
) -> None:
    other = data.draw(st.permutations(question))
    every = rank(index(texts), question, 1_000)
    assert rank(index(texts), other, limit).hits == every.hits[:limit]


@settings(deadline=None)
@given(texts=passages, question=asked)
def test_a_chunk_scored_by_itself_has_the_score_of_its_hit(
    texts: dict[str, list[str]], question: list[str]
) -> None:
    ranking = rank(index(texts), question, 1_000)
    for hit in ranking.hits:
        text = texts[hit.chunk_id]
        assert ranking.score(hit.chunk_id, weight(text)) == hit.score
    assert ranking.score("none", weight([])) == 0.0


def test_equal_scores_go_by_chunk_id_also_at_the_cut() -> None:
    held = index({chunk: ["quay"] for chunk in "bca"})
    assert [hit.chunk_id for hit in rank(held, ["quay"], 2).hits] == ["a", "b"]


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 5_000, 50_000])
@pytest.mark.parametrize("held", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("limit", [1, 3, 40])
def test_the_best_of_many_are_the_best_of_all_with_those_that_tie(
    size: int, held: float, limit: int
) -> None:
    lots = np.random.default_rng(size + limit)
    scores = np.where(lots.random(size) < held, np.round(lots.random(size) + 0.01, 2), 0.0)
    ranked = sorted((float(score) for score in scores if score), reverse=True)
    cut = ranked[: limit or None][-1] if ranked else 1.0
    every = {at: float(score) for at, score in enumerate(scores) if score and score >= cut}
    assert keyword.best(scores, limit) == every


def test_a_long_list_is_scored_bit_for_bit_as_each_chunk_by_itself() -> None:
    lots = np.random.default_rng(3)
    counts = np.minimum(lots.geometric(0.6, 20_000), 255).astype(np.uint8)
    lengths = lots.integers(1, 200, 20_000).astype(np.uint16)
    one = PostingList(positions=np.arange(20_000), counts=counts, lengths=lengths)
    held = Postings(lists={"quay": one}, chunks=30_000, terms=3_000_000, size=20_000, identity=None)
    ranking = keyword.statistics(held, Wording(("quay",)), {})
    scores = keyword.scored(held, ranking)
    for at in range(0, 20_000, 7):
        told = Weight(0.0, int(lengths[at]), {"quay": int(counts[at])})
        assert ranking.score("any", told) == scores[at]


def test_a_rare_term_weighs_more_than_a_common_one() -> None:
    held = index({"a": ["quay", "drell"], "b": ["quay"], "c": ["quay"]})
    ranking = rank(held, ["quay", "drell"], 3)
    assert ranking.idf["drell"] > ranking.idf["quay"] > 0
    assert ranking.hits[0].chunk_id == "a"


def test_nothing_visible_is_no_hit() -> None:
    assert rank(index({}), ["quay"], 5).hits == []
    assert rank(index({}), [], 5).hits == []
