"""One JSON form for every outcome, from which a stored answer is read back unchanged."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
import rfc8785

from copilot.results import (
    Answer,
    AskOutcome,
    Denied,
    Explanation,
    NotFound,
    Redaction,
    SearchResult,
    StepUpRequired,
    Unavailable,
    Usage,
)
from copilot.serialise import answer_json, outcome_json, search_json, stored_answer
from tests.unit.api.fakes import ANSWER, CITATION, CONTEXT, EXPLANATION, LABEL, SENTENCE

OUTCOMES: list[AskOutcome] = [
    ANSWER,
    NotFound(text="Nothing.", ledger_id="l1"),
    Denied(text="Not you.", reason="role", ledger_id="l1"),
    StepUpRequired(text="Prove it.", ledger_id="l1"),
    Unavailable(text="Later.", dependency="model"),
]


def stored(answer: Answer) -> dict[str, Any]:
    """As the database gives a stored answer back: canonical JSON, read again."""
    value = json.loads(rfc8785.dumps(answer_json(answer)))
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("cost", [None, 0.0, 0.0125])
def test_a_stored_answer_is_read_back_as_it_was_but_for_its_request(cost: float | None) -> None:
    answer = replace(ANSWER, usage=Usage(input_tokens=3, cache_read_tokens=1, cost_usd=cost))
    read = stored_answer(stored(answer))
    assert read == replace(answer, ledger_id="", timings_ms={})
    assert cost is None or isinstance(read.usage.cost_usd, float)


def test_every_detail_of_a_citation_survives_storing() -> None:
    nobody = replace(LABEL, releasable_to=frozenset[str](), handling=frozenset(["ORCON"]))
    bare = replace(CITATION, label=nobody, entities=(), relation=None, quote="Ærø – 船")
    answer = replace(ANSWER, sentences=(replace(SENTENCE, citations=(CITATION, bare)),))
    assert stored_answer(stored(answer)).sentences == answer.sentences


def test_timings_are_told_and_not_stored() -> None:
    assert outcome_json(ANSWER)["timings_ms"] == {"vector": 1.5}
    assert answer_json(ANSWER) == outcome_json(ANSWER) | {"timings_ms": {}}


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: one.kind)
def test_every_kind_of_outcome_has_the_same_keys(outcome: AskOutcome) -> None:
    value = outcome_json(outcome)
    more = {"reason", "dependency"} & {one.name for one in fields(outcome)}
    assert set(value) == set(outcome_json(ANSWER)) | more
    assert (value["kind"], value["text"]) == (outcome.kind, outcome.text)
    assert value["ledger_id"] == outcome.ledger_id
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("outcome", OUTCOMES[1:], ids=lambda one: one.kind)
def test_what_is_no_answer_has_nothing_to_read(outcome: AskOutcome) -> None:
    value = outcome_json(outcome)
    assert (value["banner"], value["sentences"], value["answer_id"]) == ("", [], None)
    assert value["explanation"] == {"plan": {}, "arms": {}, "paths": []}


def test_why_there_is_no_answer_is_said() -> None:
    assert outcome_json(Denied(text="", reason="role", ledger_id="l1"))["reason"] == "role"
    assert outcome_json(Unavailable(text="", dependency="model"))["dependency"] == "model"
    found = outcome_json(NotFound(text="", explanation=EXPLANATION, ledger_id="l1"))
    assert found["explanation"] == {
        "plan": {"intent": "fact"},
        "arms": {"vector": 1},
        "paths": [["a", "b"]],
    }


def test_an_answer_without_explanation_of_its_own_is_read_back_without() -> None:
    bare = replace(ANSWER, explanation=Explanation(plan={}, arms={}, paths=()))
    assert stored_answer(stored(bare)).explanation == bare.explanation


def test_a_search_result_tells_of_each_context_and_no_internal_id() -> None:
    value = search_json(
        SearchResult(contexts=(CONTEXT,), ledger_id="l2", timings_ms={"vector": 1.0})
    )
    (found,) = value.pop("contexts")
    assert value == {
        "kind": "SearchResult",
        "ledger_id": "l2",
        "timings_ms": {"vector": 1.0},
    }
    assert found["marking"] == "(S//HARBOR)"
    assert found["label"] == LABEL.to_json()
    assert found["arms"] == [{"arm": "vector", "rank": 1, "score": 0.5}]
    assert (found["document_id"], found["title"], found["text"]) == ("d1", None, CITATION.quote)
    assert "4711" not in json.dumps(found)


def test_what_was_redacted_is_told_where_there_was_something() -> None:
    assert "redactions" not in outcome_json(ANSWER)
    less = replace(ANSWER, redactions=(Redaction(reason="a credential", count=2),))
    assert outcome_json(less)["redactions"] == [{"reason": "a credential", "count": 2}]
    assert stored_answer(stored(less)).redactions == less.redactions


def test_whose_sign_in_was_weak_when_they_asked_is_no_affair_of_later_readers() -> None:
    weak = replace(ANSWER, notice="Policy may open more to you.")
    assert outcome_json(weak)["notice"] == weak.notice
    assert stored_answer(stored(weak)).notice is None
