"""The oracle knows who may read what, and whatever only unreadable texts say is seen as a leak."""

from typing import Any

import pytest

from eval.acts import Act, Kind, as_json, comparable, difference, names
from eval.leaks import Held, View, leaks, view
from eval.oracle import may_read
from policy.labels import Classification, Label
from tests.unit.eval.examples import LABEL

ANN = {
    "tenant": "t1",
    "clearance": "C",
    "compartments": ["SI"],
    "authorities": [],
    "nationality": "USA",
}
SECRET = LABEL | {"classification": "S"}
SAID = "the crane at berth six was out of order all of that week"
HIDDEN = "Igor Senn handed over nine sealed boxes to the harbour master at night"


@pytest.fixture
def seen() -> View:
    held = [
        Held(id="p1", text=SAID, label=LABEL, is_document=False),
        Held(id="p2", text=f"{HIDDEN}; {SAID}", label=SECRET, is_document=False),
        Held(id="D1", text="Cranes", label=LABEL, is_document=True),
        Held(id="D2", text="Boxes", label=SECRET, is_document=True),
    ]
    return view(held, ANN)


@pytest.mark.parametrize(
    ("change", "open_"),
    [
        ({}, True),
        ({"classification": "C", "compartments": ["SI"], "releasable_to": ["GBR", "USA"]}, True),
        ({"classification": "S"}, False),
        ({"compartments": ["SI", "TK"]}, False),
        ({"authorities": ["court"]}, False),
        ({"releasable_to": ["GBR"]}, False),
        ({"releasable_to": []}, False),
        ({"tenant": "t2"}, False),
    ],
)
def test_the_oracle(change: dict[str, Any], open_: bool) -> None:
    assert may_read(ANN, LABEL | change) is open_


@pytest.mark.parametrize(
    "output",
    [
        {"text": SAID, "label": LABEL, "document_id": "D1", "part_id": "p1", "title": "Cranes"},
        {"text": HIDDEN[:30], "title": None},
        {"entities": ["Berth Six", "crane's"]},
    ],
)
def test_what_is_readable_is_no_leak(seen: View, output: object) -> None:
    assert leaks(output, seen, "") == []


@pytest.mark.parametrize(
    "output",
    [
        {"contexts": [{"label": SECRET}]},
        {"text": f"It is known that {HIDDEN.upper()}."},
        {"part_id": "p2"},
        {"document_id": "D2"},
        {"title": "Boxes"},
        {"paths": [["crane", "Igor Senn"]]},
    ],
)
def test_what_is_not_is(seen: View, output: object) -> None:
    assert len(leaks(output, seen, "")) == 1


def test_what_the_asker_said_themselves_is_no_leak(seen: View) -> None:
    assert leaks({"text": HIDDEN, "names": [], "entities": ["Igor Senn"]}, seen, HIDDEN) == []


def test_outputs_are_compared_to_the_byte_but_for_what_may_differ() -> None:
    one = {"kind": "Answer", "ledger_id": "1", "timings_ms": {"a": 1}, "rows": [{"score": 0.5}]}
    assert difference(one, one | {"ledger_id": "2", "timings_ms": {}}) is None
    assert difference(one, one | {"rows": [{"score": 0.5000000001}]}) is not None
    assert difference(one, dict(reversed(one.items()))) is not None
    assert comparable([{"answer_id": "x", "trace_id": "y"}]) == [{"answer_id": None, "trace_id": None}]  # fmt: skip


def test_names_of_a_question() -> None:
    asked = "Who owns the Corrin Star and paid Larkspur & Dean T-0193 in 2024?"
    assert names(asked) == ["Corrin Star", "Larkspur & Dean T-0193", "2024"]


def test_results_as_json() -> None:
    label = Label(tenant="t1", classification=Classification.U)
    assert as_json({"a": (label, 1)}) == {"a": [label.to_json(), 1]}


def test_an_act_is_called_by_what_stays_the_same() -> None:
    assert str(Act(Kind.ANSWER, "random", "ann's to Why?")) == "answer: ann's to Why?"
