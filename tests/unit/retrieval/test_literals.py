"""A text without the mark that a form of literal needs is not looked through for it, and loses nothing by that."""

from hypothesis import example, given
from hypothesis import strategies as st

from retrieval import literals as module
from retrieval.literals import literals

_FORMS = ("3 May 2021", "€5m", "IMO 9074729", "tel: 030 1234", "case no. 4/b", "CVE-2021-44228")
_OTHERS = ("a.b@c.org", "dead:beef:cafe:babe", "::1", "DE89 3704 0044 0532 0130 00", "٣ May", "²")
_PIECES = st.sampled_from([*_FORMS, *_OTHERS, *"abcdefABCDEF.:@-+/ \n"])


@given(st.lists(_PIECES, max_size=12).map("".join))
@example("dead:beef:cafe:babe")
@example("dead.beef@cafe.org")
def test_no_mark_is_missing_where_a_pattern_finds_something(text: str) -> None:
    numbered = module._DIGIT.search(text) is not None
    for _, mark, pattern, _ in module._READERS:
        if pattern.search(text):
            assert mark in text if mark else numbered


def test_of_a_text_without_digits_the_forms_without_digits_are_found() -> None:
    found = [one.surface for one in literals("ask anna@alder.org at dead:beef:cafe:babe, please")]
    assert found == ["anna@alder.org", "dead:beef:cafe:babe"]
