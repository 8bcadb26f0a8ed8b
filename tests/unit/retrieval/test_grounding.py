"""A question about a name that no passage bears has no answer; a misspelt name is forgiven."""

import pytest

from retrieval.grounding import names, unnamed
from tests.unit.retrieval.contexts import context

FOUND = [
    context("a", "Anton Drell met Elsa Vance at Kestrel Quay.", title="Report IR-2024-017"),
    context("b", "Huxley paid into account VM31SALT00441187 for the Jean-Luc II."),
    context("c", "The account 4411-2098-77 was closed."),
]


@pytest.mark.parametrize(
    "question",
    [
        "Where did Drell meet Vance?",
        "What happened at Kestral Quay?",
        "Who met Anton Drel?",
        "What does IR-2024-017 say?",
        "Whose is VM31SALT00441187?",
        "Whose is account 4411209877?",
        "Whose is VM31-SALT-0044-1187?",
        "Did Jean meet anybody?",
        "what did drell do?",
        "Why?",
        "Was Drell's wife there in February?",
        "On which Monday did Vance come?",
    ],
)
def test_what_is_named_is_borne(question: str) -> None:
    assert unnamed(question, FOUND) == []


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("How much did Huxtable pay to Drell?", ["huxtable"]),
        ("Where is Mirabel Stone?", ["mirabel", "stone"]),
        ("What does report IR-1999-555 say?", ["ir-1999-555"]),
        ("Did Drell meet Zorn at Kestrel Quay?", ["zorn"]),
        ("Whose is account 4411209878?", ["4411209878"]),
        ("Whose is account ZZ99QQQQ00000001?", ["zz99qqqq00000001"]),
    ],
)
def test_what_nobody_bears_is_told(question: str, absent: list[str]) -> None:
    assert unnamed(question, FOUND) == absent


def test_without_passages_every_name_is_absent() -> None:
    assert unnamed("Where is Drell?", []) == ["drell"]


def test_the_first_word_is_no_name_by_its_capital_alone() -> None:
    assert names("Drell lives where?") == []
    assert names("“Does Drell live?”") == ["drell"]
