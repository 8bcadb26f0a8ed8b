"""Sentences cover a text without overlap, and end where a reader would end them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.sentences import split

TEXTS = st.text() | st.text(alphabet='aA1 .!?\n"()-:#|。é\u2028\t')


def _sentences(text: str) -> list[str]:
    return [span.of(text) for span in split(text)]


@settings(deadline=None)
@given(TEXTS)
def test_spans_are_trimmed_ordered_disjoint_and_cover_all_but_white_space(text: str) -> None:
    spans = split(text)
    ends = [0, *(span.end for span in spans)]
    starts = [*(span.start for span in spans), len(text)]
    assert all(span.of(text) and span.of(text) == span.of(text).strip() for span in spans)
    assert all(end <= start for end, start in zip(ends, starts, strict=True))
    assert not "".join(text[e:s] for e, s in zip(ends, starts, strict=True)).strip()


@pytest.mark.parametrize(
    "sentence",
    [
        "Mr. Tonna met Dr. A. B. Smith of Alder Ltd. at 5 p.m. on Monday.",
        "The tanker of Orion Inc. and St. John Corp. lay at No. 5 Quay.",
        "The U.S. Navy saw 4.5 tonnes... and left.",
        "At 5 p.m. Ivo left.",
        '"Why?" she asked.',
        "It cost EUR 1.250,00 in Jan. 2024.",
        "1. First the ship left.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence: str) -> None:
    assert _sentences(f"{sentence} Then it rained.") == [sentence, "Then it rained."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. She stayed.", ["He left.", "She stayed."]),
        ("Owned by Alder Ltd. The rest is lost.", ["Owned by Alder Ltd.", "The rest is lost."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("No. I will not.", ["No.", "I will not."]),
        ("彼は去った。船は残った。", ["彼は去った。", "船は残った。"]),
    ],
)
def test_sentences_end_where_the_next_begins(text: str, expected: list[str]) -> None:
    assert _sentences(text) == expected


@pytest.mark.parametrize(
    "records",
    [
        ["# Findings", "The ship left."],
        ["Company: Alder Ltd. The one.", "Director: Ivo Maric"],
        ["[10:32] Ivo: Not Monday. Tuesday.", "[10:33] Lena: Fine."],
        ["- one thing", "- another thing"],
        ["| a | b |", "| c | d |"],
        [
            f'On 2024-02-11, A. Ltd. (account X1) paid EUR 1.00 to B (account X2), reference "Q. Z" (transaction {n}).'
            for n in (1, 2)
        ],
    ],
)
def test_each_record_line_is_one_sentence(records: list[str]) -> None:
    assert _sentences("\n".join(records)) == records


def test_a_line_wrapped_by_an_editor_goes_on() -> None:
    text = "The vessel left the port of Valletta in the morning, and\nMaric followed her by car."
    assert _sentences(text) == [text]
