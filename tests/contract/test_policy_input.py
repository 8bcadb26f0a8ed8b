"""What neither engine understands is denied, at every entry point."""

from itertools import product
from typing import Any

import pytest

from policy import Act
from policy.rego_engine import ENTRY_POINTS, RegoEngine
from tests.contract.vectors import NOW, NOW_NS

pytestmark = pytest.mark.anyio

NONSENSE: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], [None], [1], [[]], {}, {"0": "SI"}]

WHO: dict[str, Any] = {
    "sub": "ann",
    "tenant": "t1",
    "clearance": "TS",
    "compartments": ["SI"],
    "nationality": "USA",
    "authorities": [{"name": "LEGAL", "not_before": NOW - 9, "not_after": NOW + 9}],
    "roles": ["analyst", "admin"],
    "purposes": ["investigation"],
    "acr": "strong",
    "auth_time": NOW,
    "revoked": False,
    "grants": [],
}
LABEL: dict[str, Any] = {
    "tenant": "t1",
    "classification": "TS",
    "compartments": ["SI"],
    "releasable_to": ["USA"],
    "authorities": ["LEGAL"],
    "handling": ["PII"],
}
READING: dict[str, Any] = {"principal": WHO, "label": LABEL, "labels": [LABEL], "now_ns": NOW_NS}
APPROVING: dict[str, Any] = {
    "principal": WHO,
    "purpose": "investigation",
    "reason": "case 12",
    "now_ns": NOW_NS,
    "act": str(Act.APPROVE_ACCESS),
    "settings": {"reason_required": True},
    "subject": {"seconds": 60, "requested_by": "bob"},
}
USING: dict[str, Any] = {"principal": WHO, "tool": "search", "origin": "asker"}
ROUTING: dict[str, Any] = {
    "classification": "TS",
    "provider": "house",
    "model": "m",
    "requiresCitations": True,
    "purpose": "synthesis",
    "label": LABEL,
    "accreditation": {
        "residency": "USA",
        "classification": "TS",
        "compartments": ["SI"],
        "handling": ["PII"],
    },
}
RELEASING: dict[str, Any] = {
    "purpose": "search",
    "citations": True,
    "findings": ["CANARY"],
    "strict": False,
}


async def said(engine: RegoEngine, entry: str, question: dict[str, Any]) -> Any:
    answer: Any = await engine._evaluate(entry, question)
    return answer["value"]


def with_nonsense(question: dict[str, Any], *path: str) -> list[dict[str, Any]]:
    """The question with what lies at the path missing, and of each other type than it should be."""
    if len(path) > 1:
        inner = with_nonsense(question[path[0]], *path[1:])
        return [{**question, path[0]: value} for value in inner]
    missing = {key: value for key, value in question.items() if key != path[0]}
    return [missing, *({**question, path[0]: value} for value in NONSENSE)]


async def assert_denied(
    engine: RegoEngine, entry: str, question: dict[str, Any], *paths: tuple[str, ...]
) -> None:
    assert is_open(entry, await said(engine, entry, question))
    for path in paths:
        for malformed in with_nonsense(question, *path):
            answer = await said(engine, entry, malformed)
            assert not is_open(entry, answer), (entry, path, malformed)


def is_open(entry: str, answer: Any) -> bool:
    match entry:
        case "readable":
            return bool(answer["positions"] == [0])
        case "obstacles":
            return bool(answer == [])
        case "may_read":
            return bool(answer == [{"allow": True}])
        case "may_release":
            return bool(answer["action"] != "refuse")
        case _:
            return bool(answer["allow"] is not False)


async def test_a_label_that_is_not_understood_is_closed(engine: RegoEngine) -> None:
    for entry, field in product(["may_read", "obstacles"], LABEL):
        assert is_open(entry, await said(engine, entry, READING))
        for malformed in with_nonsense(READING, "label", field):
            answer = await said(engine, entry, {**malformed, "labels": [malformed["label"]]})
            assert is_open(entry, answer) == demands_nothing(malformed["label"], field)


def demands_nothing(label: dict[str, Any], field: str) -> bool:
    """An empty list demands nothing, and a label without `releasable_to` is for every country."""
    if field == "releasable_to":
        return field not in label
    return field in ("compartments", "authorities", "handling") and label.get(field) == []


async def test_a_list_of_labels_opens_nothing_that_is_not_understood(engine: RegoEngine) -> None:
    labels = [LABEL, *({**LABEL, "caveats": value} for value in NONSENSE), *NONSENSE, LABEL]
    answer = await said(engine, "readable", {**READING, "labels": labels})
    assert sorted(answer["positions"]) == [0, len(labels) - 1]
    decided = await said(engine, "may_read", {**READING, "labels": labels})
    opened = [True, *[False] * (len(labels) - 2), True]
    assert [one["allow"] for one in decided] == opened
    for entry in ("readable", "may_read"):
        await assert_denied(engine, entry, READING, ("labels",))


ATTRIBUTES = [
    *("tenant", "clearance", "compartments", "nationality", "authorities"),
    *("acr", "revoked"),
]


READS = ["readable", "may_read", "obstacles"]


async def test_a_principal_that_is_not_understood_reads_nothing(engine: RegoEngine) -> None:
    paths = [("principal", field) for field in ATTRIBUTES]
    for entry in READS:
        await assert_denied(engine, entry, READING, ("principal",), ("now_ns",), *paths)
        for malformed in with_nonsense(READING, "principal", "auth_time"):
            # Null is the operator's own file, whose people sign in with each command.
            fine = malformed["principal"].get("auth_time", "missing") is None
            assert is_open(entry, await said(engine, entry, malformed)) == fine


async def test_an_authority_of_no_time_is_not_held(engine: RegoEngine) -> None:
    odd: list[Any] = [True, "", "2020-01-01", [], {}]
    for entry, bound, value in product(READS, ["not_before", "not_after"], odd):
        held = {"name": "LEGAL", "not_before": None, "not_after": None, bound: value}
        malformed = {**READING, "principal": {**WHO, "authorities": [held]}}
        assert not is_open(entry, await said(engine, entry, malformed))


async def test_an_act_that_is_not_understood_is_denied(engine: RegoEngine) -> None:
    await assert_denied(
        engine,
        "permits",
        APPROVING,
        *[("principal",), ("purpose",), ("act",), ("subject",)],
        *[("principal", field) for field in ("roles", "purposes", "revoked")],
    )
    for malformed in with_nonsense(APPROVING, "subject", "seconds"):
        fine = type(malformed["subject"].get("seconds")) is float
        assert is_open("permits", await said(engine, "permits", malformed)) == fine
    for who, field in (("principal", "sub"), ("subject", "requested_by")):
        for malformed in with_nonsense(APPROVING, who, field):
            fine = malformed[who].get(field) == "x"
            assert is_open("permits", await said(engine, "permits", malformed)) == fine
    asking = {**APPROVING, "act": "ask", "reason": "", "settings": {"reason_required": False}}
    await assert_denied(engine, "permits", asking, ("settings",), ("settings", "reason_required"))


async def test_fields_are_opened_to_nobody_who_is_not_understood(engine: RegoEngine) -> None:
    for malformed in with_nonsense({"principal": WHO}, "principal"):
        assert await said(engine, "fields", malformed) == []
    for malformed in with_nonsense({"principal": WHO}, "principal", "revoked"):
        assert await said(engine, "fields", malformed) == []
    for malformed in with_nonsense({"principal": {**WHO, "acr": ""}}, "principal", "roles"):
        assert await said(engine, "fields", malformed) == []


async def test_a_tool_that_is_not_understood_is_denied(engine: RegoEngine) -> None:
    paths = [("principal", "roles"), ("principal", "revoked")]
    await assert_denied(engine, "may_use", USING, ("principal",), ("tool",), ("origin",), *paths)


async def test_a_call_that_is_not_understood_is_denied(engine: RegoEngine) -> None:
    for malformed in with_nonsense(ROUTING, "model"):
        fine = isinstance(malformed.get("model"), str)
        assert is_open("may_route", await said(engine, "may_route", malformed)) == fine
    await assert_denied(engine, "may_route", ROUTING, ("classification",), ("accreditation",))
    for field in ROUTING["accreditation"]:
        await assert_denied(engine, "may_route", ROUTING, ("accreditation", field))
    for field in ("tenant", "classification"):
        for malformed in with_nonsense(ROUTING, "label", field):
            fine = field == "tenant" and malformed["label"].get("tenant") == "x"
            assert is_open("may_route", await said(engine, "may_route", malformed)) == fine
    for field in ("compartments", "authorities", "handling"):
        for malformed in with_nonsense(ROUTING, "label", field):
            fine = malformed["label"].get(field) in ([], ["x"])
            assert is_open("may_route", await said(engine, "may_route", malformed)) == fine
    for malformed in with_nonsense(ROUTING, "label", "releasable_to"):
        fine = "releasable_to" not in malformed["label"]
        assert is_open("may_route", await said(engine, "may_route", malformed)) == fine
    for malformed in with_nonsense(ROUTING, "requiresCitations"):
        fine = malformed.get("requiresCitations") is True
        assert is_open("may_route", await said(engine, "may_route", malformed)) == fine


async def test_an_answer_that_is_not_understood_is_refused(engine: RegoEngine) -> None:
    await assert_denied(engine, "may_release", RELEASING, ("purpose",), ("strict",))
    for malformed in with_nonsense(RELEASING, "citations"):
        fine = malformed.get("citations") is True
        assert is_open("may_release", await said(engine, "may_release", malformed)) == fine
    for malformed in with_nonsense(RELEASING, "findings"):
        fine = malformed.get("findings", []) == []
        assert is_open("may_release", await said(engine, "may_release", malformed)) == fine


async def test_who_asks_nothing_is_given_nothing(engine: RegoEngine) -> None:
    questions: list[dict[str, Any]] = [{}, {"principal": None}, {"input": READING}]
    for entry, question in product(ENTRY_POINTS, questions):
        answer = await said(engine, entry, question)
        assert answer == [] if entry == "fields" else not is_open(entry, answer)
