"""BM25 as it is written down, over the visible part alone."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.keyword import rank
from retrieval.ports import Posting, Statistics

K1, B = 1.5, 0.75
words = st.sampled_from("quay tanker berth owner drell".split())
passages = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.lists(words, min_size=1, max_size=12), min_size=1
)
asked = st.lists(words, min_size=1, max_size=4)


def index(texts: dict[str, list[str]]) -> tuple[list[Posting], Statistics]:
    postings = [
        Posting(term=term, chunk_id=chunk, tf=tf, length=len(text))
        for chunk, text in texts.items()
        for term, tf in Counter(text).items()
    ]
    total = sum(map(len, texts.values()))
    return postings, Statistics(chunks=len(texts), terms=total)


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


@given(texts=passages, question=asked)
def test_it_is_bm25(texts: dict[str, list[str]], question: list[str]) -> None:
    postings, statistics = index(texts)
    ranking = rank(postings, statistics, question, 1_000)
    assert {hit.chunk_id: hit.score for hit in ranking.hits} == pytest.approx(bm25(texts, question))
    assert ranking.hits == sorted(ranking.hits, key=lambda hit: (-hit.score, hit.chunk_id))


@given(texts=passages, question=asked, data=st.data())
def test_the_order_of_postings_and_terms_changes_no_bit(
    texts: dict[str, list[str]], question: list[str], data: st.DataObject
) -> None:
    postings, statistics = index(texts)
    shuffled = data.draw(st.permutations(postings))
    other = data.draw(st.permutations(question))
    assert rank(shuffled, statistics, other, 5) == rank(postings, statistics, question, 5)


def test_equal_scores_go_by_chunk_id_also_at_the_cut() -> None:
    postings, statistics = index({chunk: ["quay"] for chunk in "bca"})
    assert [hit.chunk_id for hit in rank(postings, statistics, ["quay"], 2).hits] == ["a", "b"]


def test_a_rare_term_weighs_more_than_a_common_one() -> None:
    postings, statistics = index({"a": ["quay", "drell"], "b": ["quay"], "c": ["quay"]})
    ranking = rank(postings, statistics, ["quay", "drell"], 3)
    assert ranking.idf["drell"] > ranking.idf["quay"] > 0
    assert ranking.hits[0].chunk_id == "a"


def test_a_chunk_scored_by_itself_has_the_score_of_its_hit() -> None:
    texts = {"a": ["quay", "drell", "quay"], "b": ["berth"]}
    ranking = rank(*index(texts), ["quay", "drell"], 1)
    assert ranking.score(Counter(texts["a"]), 3) == ranking.hits[0].score
    assert ranking.score({}, 3) == 0.0


def test_nothing_visible_is_no_hit() -> None:
    assert rank([], Statistics(chunks=0, terms=0), ["quay"], 5).hits == []
    assert rank([], Statistics(chunks=0, terms=0), [], 5).hits == []
