"""One contract for both policy engines: they agree with the rules in plain Python, and so with each other."""

import random
from collections import Counter
from itertools import product

import pytest

from policy import Act, Allowed, Asker, Classification, Label
from policy.bundle import installed, load_bundle
from policy.embedded import EmbeddedEngine
from policy.labels import HANDLING
from policy.rego_engine import RegoEngine
from tests.contract import oracle
from tests.contract.vectors import (
    INSTALLATION,
    NOW,
    NOW_NS,
    ROLES,
    a_call,
    a_label,
    an_act,
    an_asker,
)

pytestmark = pytest.mark.anyio


async def test_each_label_is_decided_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(3)
    vectors = [(an_asker(draw), a_label(draw)) for _ in range(3000)]
    expected = [oracle.may_read(*vector, NOW) for vector in vectors]
    decided = [await engine.may_read(asker, [label]) for asker, label in vectors]
    assert decided == [[one] for one in expected]
    assert 300 < expected.count(Allowed()) < 2700


async def test_obstacles_are_named_just_where_a_label_is_closed(engine: RegoEngine) -> None:
    draw = random.Random(4)
    met: Counter[str] = Counter()
    for _ in range(1000):
        asker, label = an_asker(draw), a_label(draw)
        named = await engine.obstacles(asker, label)
        assert named == oracle.obstacles(asker, label, NOW)
        assert (await engine.may_read(asker, [label]) == [Allowed()]) == (not named)
        met.update(named or ["none"])
    assert min(met.values()) >= 20
    assert len(met) == 8


async def test_readable_is_the_same_decision_over_many(engine: RegoEngine) -> None:
    draw = random.Random(5)
    for _ in range(80):
        asker, labels = an_asker(draw), [a_label(draw) for _ in range(50)]
        opened = {i for i, x in enumerate(labels) if not oracle.obstacles(asker, x, NOW)}
        assert (await engine.readable(asker, labels)).positions == opened
        decided = await engine.may_read(asker, labels)
        assert decided == [oracle.may_read(asker, label, NOW) for label in labels]


async def test_no_labels_are_readable_among_none(engine: RegoEngine) -> None:
    assert (await engine.readable(an_asker(random.Random(1)), [])).positions == frozenset()
    assert await engine.may_read(an_asker(random.Random(1)), []) == []


async def test_acts_are_decided_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(7)
    met: Counter[object] = Counter()
    for _ in range(5000):
        asker, (act, subject) = an_asker(draw), an_act(draw)
        required = INSTALLATION.reason_required(asker.principal.tenant)
        expected = oracle.permits(asker, act, subject, NOW, reason_required=required)
        assert await engine.permits(asker, act, subject) == expected
        met[expected] += 1
    assert len(met) == 8  # six reasons to deny, and two ways to allow
    assert min(met.values()) >= 10


async def test_fields_and_tools_are_decided_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(8)
    for _ in range(400):
        asker = an_asker(draw)
        tool = draw.choice(["search", "document", "entity", "answer", "ledger", "shell"])
        origin = draw.choice(["asker", "asker", "source", ""])
        assert await engine.fields(asker) == oracle.fields(asker, NOW)
        assert await engine.may_use(asker, tool, origin) == oracle.may_use(asker, tool, origin)


async def test_calls_of_models_are_routed_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(9)
    denied: Counter[str] = Counter()
    allowed = 0
    for _ in range(2000):
        call = a_call(draw)
        expected = oracle.may_route(call, INSTALLATION.accreditations.get(call.provider))
        assert await engine.may_route(an_asker(draw), call) == expected
        if isinstance(expected, Allowed):
            allowed += 1
        else:
            denied.update(expected.reason.split(", "))
    assert allowed > 200
    assert len(denied) == 7
    assert min(denied.values()) >= 20


async def test_answers_are_released_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(10)
    asker = an_asker(draw)
    for findings in ([], ["CANARY"], ["PERSONAL", "CANARY", "CANARY"]):
        for strict, cited in product([True, False], repeat=2):
            made = await engine.may_release(asker, cited=cited, findings=findings, strict=strict)
            assert made == oracle.may_release(findings, strict=strict)


async def test_rego_and_python_know_the_same_vocabulary(engine: RegoEngine) -> None:
    """What one side reads in and the other does not understand would be closed to everybody."""
    rules = load_bundle(installed()).sources
    asker = _somebody(random.Random(12))
    for caveat in sorted(HANDLING):
        label = Label(tenant="t1", classification=Classification.U, handling=frozenset([caveat]))
        assert await engine.may_read(asker, [label]) == [Allowed()]
    for role in ROLES:
        assert f'"{role}"'.encode() in rules["acts.rego"]
    for act in Act:
        assert f'"{act}"'.encode() in rules["acts.rego"]


def _somebody(draw: random.Random) -> Asker:
    while True:
        asker = an_asker(draw, ["t1"])
        if oracle.fresh(asker, NOW):
            return asker


async def test_both_engines_name_the_same_revision(engine: RegoEngine) -> None:
    await engine.check()
    assert engine.revision("t1") == engine.revision("t2") == load_bundle(installed()).hash


async def test_who_states_nothing_gets_the_defaults_of_the_rules() -> None:
    engine, draw = EmbeddedEngine(clock=lambda: NOW_NS), random.Random(13)
    try:
        for _ in range(300):
            asker, call = an_asker(draw), a_call(draw)
            assert await engine.may_route(asker, call) == oracle.may_route(call, None)
            expected = oracle.permits(asker, Act.ASK, {}, NOW, reason_required=False)
            assert await engine.permits(asker, Act.ASK) == expected
    finally:
        await engine.close()
