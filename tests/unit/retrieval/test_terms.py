"""How texts become terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.terms import Terms

TERMS = Terms()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The tankers were berthing.", ["tanker", "berth"]),
        ("TANKER tanker", ["tanker", "tanker"]),
        ("IR-2024-017", ["ir-2024-017", "ir", "2024", "017", "=ir-2024-017"]),
        ("Drell's ship", ["drell", "ship"]),
        ("Drell’s ship", ["drell", "ship"]),
        ("well-known", ["well", "known"]),
        ("a@b.com", ["b", "com", "=a@b.com"]),
        ("Müller in Zürich", ["müller", "zürich"]),
        ("東京 пароход", ["東京", "пароход"]),
        ("the of and", []),
        ("", []),
        ("\x00 \ud800", []),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert TERMS.of(text) == terms


@given(st.text())
def test_a_term_has_no_blank_and_case_does_not_matter(text: str) -> None:
    terms = TERMS.of(text)
    assert all(term and not any(c.isspace() for c in term) for term in terms)
    assert TERMS.of(text.casefold()) == terms


def test_what_is_stored_of_a_passage_is_in_one_order_whatever_the_process() -> None:
    text = "IR-2024-017, a@b.com, 192.0.2.7, CVE-2024-1234, IR-2024-018, c@d.org and 198.51.100.4"
    marked = [one for one in TERMS.counted("", text, "english").terms if one.startswith("=")]
    assert len(marked) > 5
    assert marked == sorted(marked)
