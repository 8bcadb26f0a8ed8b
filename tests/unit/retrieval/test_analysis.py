"""The plan of a question, read off its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import Expects, Intent, analyse
from retrieval.terms import Terms

TERMS = Terms()


@pytest.mark.parametrize(
    ("question", "expects", "intent"),
    [
        ("Who captained the Sable Heron?", Expects.PERSON, Intent.FACT),
        ("Who is really behind Brightwater Trading?", Expects.PERSON, Intent.CHAIN),
        ("Which company ultimately owns Quillon?", Expects.PERSON, Intent.CHAIN),
        ("When did the Corrin Star leave?", Expects.TIME, Intent.FACT),
        ("On what date was the fire?", Expects.TIME, Intent.FACT),
        ("Where does Anton Drell live?", Expects.PLACE, Intent.FACT),
        ("How much did Alder Shipping pay to Marlpit?", Expects.AMOUNT, Intent.FACT),
        ("How many crew were aboard?", Expects.AMOUNT, Intent.FACT),
        ("What is Drell's phone number?", Expects.IDENTIFIER, Intent.FACT),
        ("Which account did the money leave?", Expects.IDENTIFIER, Intent.FACT),
        ("Why was the ship burnt?", Expects.REASON, Intent.FACT),
        ("Is Rolf Aldermann a director?", Expects.DECISION, Intent.FACT),
        ("Did Drell or Vance sign it?", Expects.DECISION, Intent.COMPARISON),
        ("Summarise what happened at Kestrel Quay", Expects.THING, Intent.SUMMARY),
        ("What cargo came in?", Expects.THING, Intent.FACT),
        ("?", Expects.THING, Intent.FACT),
    ],
)
def test_what_a_question_asks_for(question: str, expects: Expects, intent: Intent) -> None:
    plan = analyse(question, TERMS)
    assert (plan.expects, plan.intent) == (expects, intent)
    assert plan.needs_citation


def test_whom_it_names_and_when() -> None:
    plan = analyse("What did Anton Drell tell Elsa Vance on 18 February 2024?", TERMS)
    assert {"anton drell", "elsa vance"} <= {mention.key for mention in plan.entities}
    assert plan.times == ("2024-02-18",)


def test_terms_are_distinct_and_sorted() -> None:
    plan = analyse("tanker quay tanker berth quay", TERMS)
    assert plan.terms == ("berth", "quay", "tanker")


def test_what_is_shown_of_it_is_plain_json() -> None:
    assert analyse("Where is Drell?", TERMS).to_json() == {
        "intent": "fact",
        "expects": "place",
        "terms": ["drell"],
        "entities": ["Drell"],
        "times": [],
        "needs_citation": True,
    }


@given(st.text(max_size=200))
def test_any_text_has_a_plan_and_always_the_same(question: str) -> None:
    assert analyse(question, TERMS) == analyse(question, Terms())
