"""Chunks hold whole sentences of a part, all of them, and no more than the embedder reads."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.ingest.chunks import MOST_CHARS, MOST_WORDS, ROWS, WHOLE_WORDS, chunk
from retrieval.sentences import split

SENTENCES = st.lists(
    st.sampled_from(
        ["The ship left.", "Ivo stayed at home.\n\n", "# Head\n", "x" * 900, "a, " * 200]
    )
)
TEXTS = st.text() | SENTENCES.map(" ".join)


def _sentence(words: int) -> str:
    return "Then " + "word " * (words - 2) + "end."


@settings(deadline=None)
@given(TEXTS)
def test_chunks_are_disjoint_and_hold_every_word_uncut(text: str) -> None:
    chunks = chunk(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(chunks))
    assert all(span.of(text) == span.of(text).strip() for span in chunks)
    assert [word for span in chunks for word in span.of(text).split()] == text.split()


@settings(deadline=None)
@given(SENTENCES.map(" ".join))
def test_a_chunk_of_a_long_text_stays_within_its_limits(text: str) -> None:
    chunks = chunk(text)
    if len(chunks) > 1:
        assert all(len(span.of(text).split()) <= MOST_WORDS for span in chunks)
        assert all(span.end - span.start <= MOST_CHARS for span in chunks)


def test_a_passage_stays_whole_and_a_longer_text_is_packed_by_sentences() -> None:
    passage = " ".join([_sentence(20)] * (WHOLE_WORDS // 20))
    assert len(chunk(passage)) == 1
    longer = " ".join([_sentence(20)] * 30)
    ends = {span.end for span in split(longer)}
    assert len(chunk(longer)) > 3
    assert {span.end for span in chunk(longer)} <= ends


def test_a_long_text_breaks_between_paragraphs_and_keeps_a_heading_with_what_follows() -> None:
    text = "\n\n".join([_sentence(50), _sentence(50), "# Head", _sentence(45), _sentence(90)])
    first, second, *_ = [span.of(text) for span in chunk(text)]
    assert not first.endswith("# Head")
    assert second.startswith("# Head")


def test_transfers_are_grouped_by_rows() -> None:
    assert 1 < ROWS <= 6
    row = "On 2024-02-11, A (account 1) paid EUR 5.00 to B (account 2) (transaction T-{})."
    text = "\n".join(row.format(n) for n in range(2 * ROWS + 1))
    assert [span.of(text).count("\n") + 1 for span in chunk(text)] == [ROWS, ROWS, 1]


def test_data_without_blanks_is_cut_and_words_are_not() -> None:
    assert all(span.end - span.start <= 2_000 for span in chunk("x" * 50_000))
    assert len(chunk("x" * 1_999)) == 1
