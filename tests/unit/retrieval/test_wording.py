"""What a question wants to the letter."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import wording
from retrieval.analysis import analyse
from retrieval.terms import RUN, Terms, pieces
from retrieval.wording import MOST_PHRASES, MOST_PREFIXES, Phrase, Wording

TERMS = Terms()


def worded(question: str) -> Wording:
    return analyse(question, TERMS).wording


def phrase(text: str) -> Phrase:
    [found] = worded(f'"{text}"').phrases
    return found


@pytest.mark.parametrize("signs", ['""', "“”", "„“", "«»"])
def test_what_stands_in_quotes_is_a_phrase_and_its_words_are_terms_too(signs: str) -> None:
    found = worded(f"Which invoice names the {signs[0]}Harbour Masters{signs[1]}?")
    assert [one.words for one in found.phrases] == [("harbour", "masters")]
    assert {"harbour", "master", "invoic"} <= set(found.terms)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("The Harbour  Master's invoice", True),
        ("by the harbour-master.", True),
        ("HARBOUR MASTER", True),
        ("The harbour masters", False),
        ("master of the harbour", False),
        ("harbour, and its master", False),
        ("coharbour master", False),
        ("harbour masterly", False),
        ("", False),
    ],
)
def test_a_phrase_stands_where_its_words_do_in_a_row(text: str, stands: bool) -> None:
    assert phrase("harbour master").stands_in(text) is stands


WORDS = [
    "red",
    "quay's",
    "RED-quay",
    "s",
    "old_red",
    ".",
    "red’s",
    "ſ",
    "reds",
    "red s red s red s",
]


@given(st.lists(st.sampled_from(WORDS)), st.sampled_from([" ", "\n", ", "]))
def test_a_glance_overlooks_nothing(words: list[str], between: str) -> None:
    text = between.join(words)
    long = ("red", "s") * (RUN // 2) + ("quay",)
    for one in (("red", "quay"), ("quay",), ("red", "s", "red"), ("quay", "red"), ("s", "s"), long):
        row = f" {' '.join(pieces(text))} "
        assert Phrase(one, ()).stands_in(text) == (f" {' '.join(one)} " in row)


def test_small_words_are_part_of_a_phrase_but_alone_make_none() -> None:
    assert phrase("bank of England").words == ("bank", "of", "england")
    assert not phrase("bank of England").stands_in("the bank in England")
    assert worded('"to be or not to be"').phrases == ()
    assert worded('an open " alone').phrases == ()


@given(st.text())
def test_a_phrase_stands_in_itself_and_each_of_its_words_in_the_index_of_any_language(
    text: str,
) -> None:
    for one in worded(f'"{text}"').phrases:
        assert one.stands_in(" ".join(one.words))
        for language in ("english", "german", "spanish"):
            held = TERMS.counted("", " ".join(one.words), language).terms
            assert all(set(forms) & held.keys() for forms in one.forms)


@pytest.mark.parametrize(
    ("question", "starts"),
    [
        ("ship*", ["ship"]),
        ("Which SHIP* or harb*?", ["harb", "ship"]),
        ("sh*", []),
        ("ship* ship*", ["ship"]),
        ("5 * 4 and **bold**", []),
        ('the "ship*"', []),
    ],
)
def test_three_letters_and_an_asterisk_are_the_beginning_of_words(
    question: str, starts: list[str]
) -> None:
    assert [one.start for one in worded(question).prefixes] == starts


def test_a_beginning_is_no_term_by_itself() -> None:
    assert worded("Which shipp* sailed?").terms == ("sail",)


@pytest.mark.parametrize(
    ("start", "word"),
    [
        ("investiga", "investigation"),
        ("shippi", "shipping"),
        ("happy", "happy"),
        ("organisati", "organisations"),
    ],
)
def test_a_beginning_longer_than_a_stem_stands_for_it_too(start: str, word: str) -> None:
    [prefix] = worded(f"{start}*").prefixes
    assert set(TERMS.of(word)) <= set(prefix.stems)


def test_phrases_and_beginnings_are_bounded() -> None:
    many = [f"word{number}" for number in range(20)]
    assert len(worded(" ".join(f'"{one}"' for one in many)).phrases) == MOST_PHRASES
    assert len(worded(" ".join(f"{one}*" for one in many)).prefixes) == MOST_PREFIXES


def test_no_pattern_which_is_kept_has_a_run_of_words_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given, glance = list[int](), wording._glance

    def noted(words: Sequence[str]) -> re.Pattern[str]:
        given.append(len(words))
        return glance(words)

    monkeypatch.setattr(wording, "_glance", noted)
    text = "anchor barge cargo dredger engine ferry gangway hawser island jetty"
    assert Phrase(tuple(text.split()), ()).stands_in(f"The {text}.")
    assert not Phrase(tuple(text.split()), ()).stands_in(text.replace("jetty", "keel"))
    assert given == [RUN - 1] * 2
