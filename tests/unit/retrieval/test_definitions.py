"""What a passage is about, and where a text may be using such a name."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrieval import definitions
from retrieval.definitions import Runs, Word, chosen, in_question, namings, subject, titled

some_words = st.sampled_from(
    "Anton Drell the of who Kestrel Quay 1990 tanker's élan owns (said) ,".split()
)
texts = st.lists(some_words, max_size=14).map(" ".join)


def keys(text: str) -> set[str]:
    return set(namings(text))


def test_a_title_names_its_subject_whole_without_brackets_and_up_to_a_comma() -> None:
    assert titled("Theodred II (Bishop of Elmham)") == {
        "theodred ii bishop of elmham",
        "theodred ii",
    }
    assert titled("Lambert, Margrave of Tuscany") == {"lambert margrave of tuscany", "lambert"}
    assert titled("The Kestrel's Élan") == {"kestrel elan"}


def test_a_title_without_a_word_that_means_something_names_nothing() -> None:
    for title in ("", "–", "The", "of the", "42"):
        assert titled(title) == frozenset(), title


def test_the_first_sentence_defines_what_stands_before_its_verb_or_bracket() -> None:
    assert subject("Alder Shipping Ltd (founded 1990) runs the tanker.") == {"alder shipping ltd"}
    assert subject("The Sable Heron is a tanker. She was built in 1999.") == {"sable heron"}
    assert subject("Anton Drell, the owner, was seen.") == {"anton drell"}


def test_a_text_that_begins_otherwise_defines_nothing() -> None:
    for text in (
        "",
        "In 1990 the firm was sold.",
        "Nobody saw the tanker leave",
        "x" * 300 + " is long",
    ):
        assert subject(text) == frozenset(), text
    long_winded = "That old and rather rusty tanker of the whole southern fleet is here."
    assert subject(long_winded) == frozenset()


def test_a_name_is_found_whatever_its_case_accents_and_possessive() -> None:
    for text in ("Élan Quay", "ELAN QUAY", "the Elan Quay’s berth", "an elan quay"):
        assert "elan quay" in keys(text), text


def test_a_single_word_needs_a_capital_and_two_words_do_not() -> None:
    assert "berth" not in keys("He left the berth.")
    assert "aircraft carrier" in keys("He left the aircraft carrier.")


def test_the_capital_with_which_a_question_begins_says_nothing() -> None:
    asked = set(in_question("Describe Kestrel."))
    assert "describe" not in asked
    assert "kestrel" in asked


def test_the_longest_known_name_is_chosen_from_left_to_right() -> None:
    text = "Anton Drell Junior met Drell Junior."
    known = {"anton", "anton drell", "drell junior"}
    assert [one.key for one in chosen(namings(text), known)] == ["anton drell", "drell junior"]


@given(texts, st.sampled_from([(namings, 0), (in_question, 1)]))
def test_the_runs_are_those_that_the_rule_allows(
    text: str, read: tuple[Callable[[str], Runs], int]
) -> None:
    reading, first = read
    found = definitions.words(text)
    runs = [(at, found[at : at + size]) for at in range(len(found)) for size in range(1, 9)]
    expected = {
        (" ".join(one.plain for one in run), run[0].start, run[-1].end)
        for at, run in runs
        if _may_be_a_name(run, alone=at >= first)
    }
    assert {(key, *place) for key, at in reading(text).items() for place in at} == expected


def _may_be_a_name(run: list[Word], *, alone: bool) -> bool:
    means = [one for one in run if one.content]
    begins = (run[0].capital or run[0].content) and run[0].plain not in {"the", "a", "an"}
    ends = bool(means) and (run[-1].content or run[-1].capital)
    capital = any(one.capital for one in means) and (alone or len(run) > 1)
    return begins and ends and (capital or (len(means) > 1 and len(run) <= 3))


@given(texts)
def test_every_naming_reads_as_its_key(text: str) -> None:
    for key, places in namings(text).items():
        for start, end in places:
            assert " ".join(one.plain for one in definitions.words(text[start:end])) == key


@given(texts, st.data())
def test_what_is_chosen_is_known_in_order_and_does_not_overlap(
    text: str, data: st.DataObject
) -> None:
    found = namings(text)
    some = data.draw(st.sets(st.sampled_from(sorted({*found, "unheard"}))))
    picked = chosen(found, some)
    assert {one.key for one in picked} <= some
    for first, second in pairwise(picked):
        assert first.end <= second.start
