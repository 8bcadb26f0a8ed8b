"""Identifiers: one term however they are written, and never one for two."""

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrieval.identifiers import MARK, identifiers

WRITINGS = [
    [
        "DE89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "Account DE89-3704-0044-0532-0130-00 was closed",
        "from DE89 3704 0044 0532\n0130 00 to 12 May",
    ],
    ["GB29 NWBK 6016 1331 9268 19", "paid to gb29nwbk60161331926819, twice"],
    ["has the account VM31SALT00467714.", "vm31 salt 0046 7714"],
    ["account no. 4411-2098-77", "4411209877", "4411 2098 77?", "Acct 4411209877."],
    ["+49 30 1234567", "0049 30 1234567", "+49 (0)30 123-4567", "call +49 (30) 123 45 67 now"],
    ["(030) 1234567", "030 1234567", "030/1234567", "Tel. 030-123 45 67"],
    ["Ann.Lee@Example.com", "ann.lee[at]example[.]com", "Mail ann.lee (at) example (dot) com."],
    ["192.168.1.10", "192.168.1[.]10", "192.168.001.010", "the host 192.168.1.10:8080,"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:0db8::0001]:443"],
    [
        "CVE-2021-44228",
        "cve 2021 44228",
        "CVE_2021_44228",
        "CVE\u20132021\u201344228",
        "(cve-2021-44228)",
    ],
    [
        "d41d8cd98f00b204e9800998ecf8427e",
        "D41D8CD98F00B204E9800998ECF8427E",
        "d41d8cd9 8f00b204 e9800998 ecf8427e",
        "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e",
    ],
    ["IR-2024-017", "ir 2024 017", "IR/2024/017", "see IR_2024_017.", "file number IR-2024-017"],
    ["MSKU 123456-7", "msku1234567", "container MSKU1234567"],
    ["the IMO 9321483", "imo9321483", "IMO No. 9321483"],
    ["Az. 3 Js 1234/22", "js 1234/22"],
    ["in 2024 4411209877", "4411209877"],
]
NONE = [
    "In 2019, 300 people paid 20 000 euros",
    "1990-2000, 2019\u201320, 12 May 2024, 2024-01-17, 17.01.2024",
    "at 10:30:00 the covid-19 of the 1990s ran 100km, 3.14159 in 1,000,000",
    "the 600-year World War 2 of 1939",
    "",
    "\x00 \ud800",
]


@pytest.mark.parametrize("writings", WRITINGS, ids=lambda some: some[0])
def test_an_identifier_is_one_term_however_it_is_written(writings: list[str]) -> None:
    assert set.intersection(*(identifiers(one) for one in writings))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file 12345/2022", "file 1234/52022"),
        ("1.23.4.5", "12.3.4.5"),
        ("+49 30 1234567", "+49 40 1234567"),
        ("+49 (0)30 123-4567", "+49 (0)40 123-4567"),
        ("account 0049301234567", "account 49301234567"),
        ("CVE-2021-44228", "CVE-2021-4422"),
        ("IR-2024-017", "IR-2024-01"),
        ("IR-2024-017", "AR-2024-017"),
        ("ann@example.com", "joann@example.com"),
        ("DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 01"),
        ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e00000000"),
        ("2001:db8::1", "2001:db8:1::"),
    ],
)
def test_two_identifiers_share_no_term(one: str, other: str) -> None:
    assert identifiers(f"in {one}, he")
    assert identifiers(f"in {other}, he")
    assert not identifiers(f"in {one}, he") & identifiers(f"in {other}, he")


@pytest.mark.parametrize("text", NONE)
def test_years_dates_amounts_times_and_quantities_are_no_identifiers(text: str) -> None:
    assert identifiers(text) == set()


@given(st.text() | st.text("0123456789 -./+()ab@:[]"))
def test_a_term_has_its_mark_and_no_blank(text: str) -> None:
    for term in identifiers(text):
        assert term.startswith(MARK)
        assert len(term) > 1
        assert not any(character.isspace() for character in term)


def grouped(written: str, sizes: list[int], sign: str) -> str:
    """The characters in groups of these sizes, the rest in the last."""
    groups, start = [], 0
    for size in sizes:
        groups.append(written[start : start + size])
        start += size
    return sign.join(group for group in (*groups, written[start:]) if group)


digits = st.text(string.digits, min_size=8, max_size=12).filter(lambda one: one[0] != "0")
sizes = st.lists(st.integers(2, 5), max_size=3)
letters = st.text(string.ascii_uppercase, min_size=2, max_size=4)
number = st.text(string.digits, min_size=3, max_size=5)
serials = st.tuples(letters, number, number) | st.tuples(letters, number, letters, number)


_LIKE_A_DATE = re.compile(r"\b(?:1\d|20)\d\d\b|\b\d\d?-\d\d?-\d{4}\b|\b\d{4}-\d\d?-\d\d?\b")
"""Years, and dates of any year in either order: those are no numbers of accounts."""


@given(number=digits, sizes=sizes, sign=st.sampled_from([" ", "-"]))
def test_a_number_of_an_account_is_found_however_it_is_grouped(
    number: str, sizes: list[int], sign: str
) -> None:
    written = grouped(number, sizes, sign)
    assume(not _LIKE_A_DATE.search(written))
    assert MARK + number in identifiers(f"account {number}, said he")
    assert MARK + number in identifiers(f"It was {written}, said he")


@given(first=digits, second=digits, one=sizes, other=sizes)
def test_two_numbers_share_no_term_whatever_their_groups(
    first: str, second: str, one: list[int], other: list[int]
) -> None:
    assume(first != second)
    written = (f"+{grouped(first, one, ' ')}", f"+{grouped(second, other, '-')}")
    assert not identifiers(f"by {written[0]}, he") & identifiers(f"by {written[1]}, he")


@given(first=serials, second=serials, signs=st.tuples(*[st.sampled_from("-/_")] * 2))
def test_two_file_numbers_share_a_term_only_if_they_are_the_same_group_by_group(
    first: tuple[str, ...], second: tuple[str, ...], signs: tuple[str, str]
) -> None:
    one, other = signs[0].join(first), signs[1].join(second).lower()
    same = [group.lower() for group in first] == [group.lower() for group in second]
    assert bool(identifiers(f"in {one}, he") & identifiers(f"in {other}, he")) == same
    assert identifiers(f"in {one}, he") & identifiers(f"In {signs[1].join(first).lower()}?")


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_two_addresses_share_no_term(first: object, second: object) -> None:
    assume(first != second)
    assert identifiers(f"from {first}, he")
    assert not identifiers(f"from {first}, he") & identifiers(f"from {second}, he")


@given(st.ip_addresses(v=6))
def test_an_address_is_found_by_its_long_form(address: object) -> None:
    long = getattr(address, "exploded")  # noqa: B009
    assume(not str(address).startswith("::") or len(str(address)) > 4)
    assert (
        identifiers(f"from {long.upper()}, he")
        == identifiers(f"from {long}, he")
        == {f"={address}"}
    )
