"""Mentions carry the name that was written, where it was written, under a key that its variants share."""

import itertools
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.entities import in_question, mentions, normalise
from retrieval.types import EntityKind, Mention

TEXTS = st.text() | st.text(alphabet='aBé1 .,-\n"()/:@+€’&')


def _found(text: str) -> set[tuple[str, str]]:
    return {(mention.kind.value, mention.key) for mention in mentions(text)}


def _keys(found: list[Mention]) -> list[str]:
    return [mention.key for mention in found]


@settings(deadline=None)
@given(TEXTS)
def test_mentions_are_exact_ordered_disjoint_and_repeatable(text: str) -> None:
    found = mentions(text)
    assert all(text[m.start : m.end] == m.surface and m.surface.strip() and m.key for m in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert found == mentions(text)


@settings(deadline=None)
@given(TEXTS)
def test_questions_never_fail(text: str) -> None:
    assert all(text[m.start : m.end] == m.surface for m in in_question(text))


@settings(deadline=None)
@given(TEXTS)
def test_normalising_twice_changes_nothing_for_a_name_found(text: str) -> None:
    assert normalise(text) == normalise(text.upper().lower()) or not text.isascii()


@pytest.mark.parametrize(
    ("variants", "key"),
    [
        (["Alder Shipping Ltd", "ALDER SHIPPING LTD.", "Alder Shipping"], "alder shipping"),
        (["Capt. Ivo Marić", "Ivo Maric", "Mr Ivo  Maric"], "ivo maric"),
        (["MV Kestrel", "M/V Kestrel", "the Kestrel"], "kestrel"),
        (["J. R. Smith", "J.R. Smith", "JR Smith"], "jr smith"),
        (["Fiat S.p.A.", "Fiat SpA", "Fiat, S. p. A."], "fiat"),
        (["Nordsee GmbH & Co. KG", "Nordsee"], "nordsee"),
        (["Jiménez", "JIMENEZ"], "jimenez"),
        (["Łukasz Ørsted", "Lukasz Orsted"], "lukasz orsted"),
    ],
)
def test_variants_of_a_name_meet_in_one_key(variants: list[str], key: str) -> None:
    assert {normalise(name) for name in variants} == {key}


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("Write to Ivo.M@Alder.example now", "email", "ivo.m@alder.example"),
        ("Call +356 2123-4567 or stay", "phone", "+35621234567"),
        ("Call 00356 2123 4567 or stay", "phone", "+35621234567"),
        (
            "to MT84 MALT 0110 0001 2345 MTLC AST0 01S today",
            "account",
            "mt84malt011000012345mtlcast001s",
        ),
        ("account no. 0012-4821 was closed", "account", "00124821"),
        ("from 10.0.0.7 at night", "identifier", "10.0.0.7"),
        ("it used cve-2024-12345 again", "identifier", "cve-2024-12345"),
        ("see IR-2024-017 for more", "identifier", "ir-2024-017"),
        ("the tanker, IMO number 9412345, left", "identifier", "imo9412345"),
        ("container MSKU 123456-7 was opened", "identifier", "msku1234567"),
        ("company number C 81234 is struck off", "identifier", "c81234"),
        ("on 2 March 2024 he left", "date", "2024-03-02"),
        ("on March 2, 2024 he left", "date", "2024-03-02"),
        ("on 2024-03-02 he left", "date", "2024-03-02"),
        ("on 02.03.2024 he left", "date", "2024-03-02"),
        ("in March 2024 he left", "date", "2024-03"),
        ("it cost EUR 48,500.00 then", "amount", "EUR 48500.00"),
        ("it cost €48.500,00 then", "amount", "EUR 48500.00"),
        ("it cost 48 500 euros then", "amount", "EUR 48500.00"),
        ("it cost $1.25 million then", "amount", "USD 1250000.00"),
    ],
)
def test_literals_are_found_under_one_written_form(text: str, kind: str, key: str) -> None:
    assert (kind, key) in _found(text)


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("He joined Orion Holdings, Inc. in May.", "organisation", "orion holdings"),
        (
            "He joined the Ministry of Trade and Industry.",
            "organisation",
            "ministry of trade and industry",
        ),
        ("Then the MV Petrel sailed.", "vessel", "petrel"),
        ("Then the tanker Petrel sailed.", "vessel", "petrel"),
        ("Then Dr. Leila al-Hassan sailed.", "person", "leila al hassan"),
        ("Then the broker Jean-Luc de Villiers sailed.", "person", "jean luc de villiers"),
        ("It happened in Norway.", "place", "norway"),
        ("Then Omar bin Said sailed.", "name", "omar bin said"),
        ("Nandhi is a film.", "name", "nandhi"),
        ('They sang "Roll with Me, Henry" there.', "name", "roll with me henry"),
    ],
)
def test_names_are_found_with_their_kind(text: str, kind: str, key: str) -> None:
    assert (kind, key) in _found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Yesterday the ship left.",
        "However, on Monday it rained in March.",
        "SUMMARY OF FINDINGS BY POLICE",
        "The Maltese crew left. They slept.",
        "On 31 February 2024, nothing.",
        "Payment was late.",
        "Confidence was low.",
    ],
)
def test_ordinary_words_with_capitals_are_no_names(text: str) -> None:
    assert _found(text) == set()


def test_what_stands_inside_a_longer_literal_is_no_mention_of_its_own() -> None:
    assert _keys(mentions("on 12 March 2024 by a@2024-03-01.example")) == [
        "2024-03-12",
        "a@2024-03-01.example",
    ]


def test_a_surname_alone_is_the_one_person_of_the_text_who_bears_it() -> None:
    assert _keys(mentions("Mr Ivo Maric left. Later Maric came back.")) == [
        "ivo maric",
        "ivo maric",
    ]
    two = _keys(mentions("Mr Ivo Maric left. Mr Ante Maric stayed. Later Maric came back."))
    assert two == ["ivo maric", "ante maric", "maric"]


def test_the_names_of_a_transfer_are_taken_as_the_bank_wrote_them() -> None:
    row = "On 2024-02-11, alder shipping ltd (account X-1) paid EUR 5.00 to b2b (account 7) (transaction 9)."
    assert {
        ("name", "alder shipping"),
        ("account", "x1"),
        ("name", "b2b"),
        ("identifier", "9"),
    } <= _found(row)


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("who owns alder shipping?", "alder shipping"),
        ("who is called 'the fox' here?", "fox"),
        ("Maric met whom?", "maric"),
        ("Who wrote Songs I Wrote with Amy?", "songs i wrote with amy"),
        ("What did Alder Shipping pay in March 2024?", "2024-03"),
    ],
)
def test_questions_name_things_without_capitals_and_in_quotes(question: str, key: str) -> None:
    assert key in _keys(in_question(question))


@pytest.mark.parametrize(
    "unit", ["A", "a ", "1 ", "A. ", '"A', "(", "A1-", "1,", "+1 ", "aA\n", "de ", "A de "]
)
@pytest.mark.timed
def test_no_text_takes_more_than_its_length_in_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.perf_counter()
    mentions(text)
    in_question(text)
    assert time.perf_counter() - began < 15


def test_real_passages_name_people_places_and_times(shared_data: Path) -> None:
    lines = (shared_data / "2wiki" / "corpus.jsonl").read_text("utf-8").splitlines()[:1000]
    kinds = {mention.kind for line in lines for mention in mentions(json.loads(line)["text"])}
    assert {EntityKind.PERSON, EntityKind.DATE, EntityKind.ORGANISATION, EntityKind.NAME} <= kinds
