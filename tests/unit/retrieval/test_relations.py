"""Relations say what a text asserts, in its direction, and nothing that it only wonders about or denies."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval import relations as module
from retrieval.entities import mentions
from retrieval.relations import relations
from retrieval.types import Relation

PIECES = [
    "Mr Ivo Maric",
    "Orion Holdings Ltd",
    "owns",
    "is owned by",
    "paid",
    "EUR 5",
    "to",
    "(",
    '"',
    "\n",
    ".",
    "⟦n0⟧",
    ",",
]


def _all(text: str) -> list[Relation]:
    return relations(text, mentions(text))


def _stated(text: str) -> set[tuple[str, str, str]]:
    return {(r.source.key, r.type, r.target.key) for r in _all(text)}


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_each_relation_joins_mentions_within_the_span_that_says_it(text: str) -> None:
    known = mentions(text)
    for r in relations(text, known):
        assert r.source in known
        assert r.target in known
        assert r.source.key != r.target.key
        assert r.start <= min(r.source.start, r.target.start)
        assert max(r.source.end, r.target.end) <= r.end
        assert text[r.start : r.end].strip() == text[r.start : r.end]


OWNS = ("orion holdings", "owns", "alder shipping")


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("Orion Holdings owns Alder Shipping.", OWNS),
        ("Alder Shipping Ltd is wholly owned by Orion Holdings.", OWNS),
        ("Alder Shipping, a subsidiary of Orion Holdings, is new.", OWNS),
        ("Orion Holdings holds 60 % of the shares of Alder Shipping.", OWNS),
        ("All shares of Alder Shipping are held by Orion Holdings.", OWNS),
        ("Orion Holdings is the ultimate beneficial owner of Alder Shipping.", OWNS),
        ("Orion Holdings is the parent company of Alder Shipping.", OWNS),
        (
            "Ivo Maric is the managing director of Alder Shipping.",
            ("ivo maric", "director_of", "alder shipping"),
        ),
        (
            "Mr Ivo Maric was appointed director of Alder Shipping.",
            ("ivo maric", "director_of", "alder shipping"),
        ),
        ("Mr Maric works for Alder Shipping.", ("maric", "works_for", "alder shipping")),
        ('Ivo Maric, also known as "Goran", left.', ("goran", "alias_of", "ivo maric")),
        ('Mr Ivo Maric ("Goran") left.', ("goran", "alias_of", "ivo maric")),
        ("Ivo Maric a.k.a. Goran Novak left.", ("goran novak", "alias_of", "ivo maric")),
        ("Ivo Maric goes by the name Goran Novak.", ("goran novak", "alias_of", "ivo maric")),
        ("Ivo Maric paid EUR 4,000 to Lena Ostrowe.", ("ivo maric", "paid", "lena ostrowe")),
        ("Lena Ostrowe received EUR 4,000 from Ivo Maric.", ("ivo maric", "paid", "lena ostrowe")),
        ("Alder Shipping is registered in Malta.", ("alder shipping", "registered_in", "malta")),
        ("Alder Shipping is headquartered in Malta.", ("alder shipping", "located_in", "malta")),
        ("On Monday Ivo Maric met Lena Ostrowe.", ("ivo maric", "met_with", "lena ostrowe")),
        ("Ivo Maric phoned Lena Ostrowe.", ("ivo maric", "calls", "lena ostrowe")),
    ],
)
def test_an_assertion_is_read_in_its_direction(text: str, relation: tuple[str, str, str]) -> None:
    assert relation in _stated(text)


@pytest.mark.parametrize(
    "text",
    [
        "Orion Holdings does not own Alder Shipping.",
        "It is not true that Orion Holdings owns Alder Shipping.",
        "Mr Tonna denied that Orion Holdings owns Alder Shipping.",
        "Does Mr Tonna say that Orion Holdings owns Alder Shipping?",
        "If Orion Holdings owns Alder Shipping, we win.",
        "Perhaps Orion Holdings owns Alder Shipping.",
        "Orion Holdings and Alder Shipping own ships.",
        "Mr Ivo Maric called Orion Holdings a fraud.",
        "Ivo Maric paid for the dinner of Lena Ostrowe.",
    ],
)
def test_what_is_denied_asked_or_supposed_is_no_relation(text: str) -> None:
    assert _stated(text) == set()


def test_the_lines_of_a_registry_are_about_the_company_above_them() -> None:
    text = "Company: Alder Shipping Ltd\nDirectors: Ivo Maric; Lena Ostrowe\nShareholder: Orion Holdings (60 %)"
    assert _stated(text) == {
        OWNS,
        ("ivo maric", "director_of", "alder shipping"),
        ("lena ostrowe", "director_of", "alder shipping"),
    }
    (owns,) = [r for r in _all(text) if r.type == "owns"]
    assert owns.properties == {"role": "shareholder", "share": "60"}


def test_a_registry_line_is_not_about_the_company_of_another_paragraph() -> None:
    assert _stated("Company: Alder Shipping Ltd\n\nShareholder: Orion Holdings (60 %)") == set()


def test_a_transfer_carries_everything_that_its_row_says() -> None:
    row = (
        "On 2024-02-11, Alder Ltd (account X-1) paid EUR 48,500.00 to Orion (account X-2), "
        'reference "Q1" (transaction T-9).'
    )
    (paid,) = _all(row)
    assert (paid.source.key, paid.type, paid.target.key) == ("alder", "paid", "orion")
    assert paid.properties == {
        "date": "2024-02-11", "amount": "EUR 48500.00", "reference": "Q1", "transaction": "T-9",
        "from_account": "X-1", "to_account": "X-2",
    }  # fmt: skip


@pytest.mark.parametrize(("cue", "pattern"), [(cue, one) for _, cue, one in module._compiled()])
@settings(deadline=None, max_examples=10, suppress_health_check=[*HealthCheck])
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_its_cue(
    cue: re.Pattern[str], pattern: re.Pattern[str], data: st.DataObject
) -> None:
    """So that to pass over a pattern whose cue is missing loses nothing."""
    matched = pattern.search(data.draw(st.from_regex(pattern)))
    assert matched is None or cue.search(matched.group())
