"""No text takes long to look through, and one that is no sentence is withheld."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.output_scan import Kind, Withheld
from copilot.output_scan.request import LONGEST
from tests.unit.output_scan.claims import SCAN, claim, context, kinds, scan

PIECES = [
    "[", "![a](", "[x]:", "(TS//", "(", "S//A", "SECRET ", "eyJaaaaaaaa.", "sk-", "AKIA",
    "Bearer a", "-----BEGIN ", "://a:", "password=a1", "token:", "gh", "http://", "www.",
    "a.bc/", "//a.", "<", "data:a,", "javascript:", "href=", "onload=", "url(", "ignore all ",
    "&#49;", "&amp;", "%31", "\\x31", "QUFB", "ICAg", "4141", "2020", "41 ", "1 ", "1-", "+1 ",
    "(0", "00 ", "555-0123 ", "4111-1111-1111-1111 ", "123-45-6789 ", "a@", "a.", "@", "::",
    "f:", "GB82 ", "passport 1", "12.12.12.12 ", "Elsa ", "Elsa Vance ", " \u200b", "\u202e",
    "\U000e0041", "\ufe01", "é", "\n", "a", "9", "-", "=",
]  # fmt: skip

LIMIT_S = 1.0


def fewest(text: str, *, personal_open: bool) -> float:
    """Seconds, at one of three times: whatever else the process does may fall into one."""
    least = float("inf")
    for _ in range(3):
        least = min(least, seconds(text, personal_open=personal_open))
        if least < LIMIT_S:
            break
    return least


def seconds(text: str, *, personal_open: bool) -> float:
    check = SCAN.request(
        [context("x")],
        system="a b c d e f g h i j k l",
        personal_open=personal_open,
        persons=["Elsa Vance", "Elsa Vance Elsa Vance"],
    )
    check(claim(text[:300]))
    began = time.thread_time()
    check(claim(text))
    return time.thread_time() - began


@pytest.mark.timed
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("length", [LONGEST, 100_000])
def test_a_hostile_text_takes_less_than_a_second(piece: str, length: int) -> None:
    for personal_open in (True, False):
        assert fewest((piece * length)[:length], personal_open=personal_open) < LIMIT_S


@pytest.mark.timed
@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join))
def test_no_mixture_of_hostile_texts_does_either(piece: str) -> None:
    assert fewest((piece * LONGEST)[:LONGEST], personal_open=False) < LIMIT_S


def test_what_is_no_sentence_any_more_is_withheld() -> None:
    assert kinds(scan("x" * (LONGEST + 1))) == {Kind.OVERSIZE}
    assert isinstance(scan("Short.", context("x" * (LONGEST + 1))), Withheld)


def test_what_hides_more_than_a_sentence_in_encodings_is_withheld() -> None:
    assert kinds(scan("&amp;amp;amp;%25252541" + "x" * 7000)) == {Kind.OVERSIZE}
    assert kinds(scan("&amp;amp;amp;%25252541" + "x" * 700)) == set()
