"""Which verdict counts where time passed within an act, and when a policy does not bear out its record."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from copilot.replay import differences
from copilot.replay.again import Again, Moment
from copilot.replay.compared import MOST_LABELS, Compared
from copilot.replay.entry import Entry, RecordedContext, RecordedPolicy
from copilot.replay.results import Verdict, What
from policy.basis import Basis
from policy.bundle import Built, Bundle
from policy.engine import Act, Allowed, Call, Decision, Denied, Release
from policy.labels import Classification, Label
from policy.principal import Asker
from tests.unit.governed import asker, label

pytestmark = pytest.mark.anyio

OPEN, CLOSED = Verdict(), Verdict(reasons=("authorities",))
U, S, KITE = label("U"), label("S"), label("S", "KITE")
POLICY = RecordedPolicy(
    revision="r1", release="aa", own=None, reason_required=False, accreditations={}, strict=False
)


@dataclass
class Says:
    """An engine that closes what it opens to nobody for the same reason, and routes to `providers` alone."""

    open: frozenset[Label]
    providers: frozenset[str] = frozenset(["offline"])
    release: Release = Release.RELEASE
    permitted: bool = True

    async def obstacles(self, _: Asker, one: Label) -> frozenset[str]:
        return frozenset() if one in self.open else frozenset(["authorities"])

    async def permits(self, _: Asker, __: Act) -> Decision:
        return Allowed() if self.permitted else Denied(reason="purpose")

    async def may_route(self, _: Asker, call: Call) -> Decision:
        return Allowed() if call.provider in self.providers else Denied(reason="residency")

    async def may_release(self, _: Asker, **__: Any) -> Release:
        return self.release


def context(of: Label, *, shown: bool = True, why: str = "") -> RecordedContext:
    return RecordedContext(
        document_id="d", part_id="p", chunk_id="c", sha256="", label=of, arms=(), shown=shown, why=why
    )  # fmt: skip


def entry(**changes: Any) -> Entry:
    made = Entry(
        ledger_id="l1",
        label=S,
        recorded_at=datetime(2026, 1, 2, tzinfo=UTC),
        act=Act.ASK,
        denied=None,
        outcome="Answer",
        asker=asker(),
        policy=POLICY,
        between_ns=(0, 1),
        scope=frozenset([U, S]),
        contexts=(context(S),),
        routing=None,
        findings=(),
        stopped=None,
        dropped=(),
    )
    return replace(made, **changes)


def again(of: Entry, *engines: Says) -> Again:
    moments = [Moment(engine=cast(Any, one), open=one.open) for one in engines]
    return Again(entry=of, moments=moments)


def compared(of: Entry, then: list[Says], now: list[Says], readable: set[Label]) -> Compared:
    return Compared(
        entry=of,
        readable=frozenset(readable),
        stored={},
        then=again(of, *then),
        now=again(of, *now),
    )


def saying(*labels: Label, **changes: Any) -> Says:
    return Says(frozenset(labels), **changes)


EARLY, LATE = saying(U, S), saying(U)
"""Something ran out in between."""


@pytest.mark.parametrize("moments", [[EARLY, LATE], [LATE, EARLY], [EARLY, EARLY]])
async def test_what_was_open_at_some_moment_of_the_act_was_rightly_shown(
    moments: list[Says],
) -> None:
    [one] = await compared(entry(), moments, moments, {U, S}).contexts()
    assert (one.recorded, one.then, one.now) == (OPEN, OPEN, OPEN)


@pytest.mark.parametrize("moments", [[EARLY, LATE], [LATE, EARLY], [LATE, LATE]])
async def test_what_was_closed_at_some_moment_of_the_act_was_rightly_dropped(
    moments: list[Says],
) -> None:
    dropped = entry(contexts=(context(S, shown=False, why="policy"),))
    [one] = await compared(dropped, moments, moments, {U, S}).contexts()
    assert not one.recorded.allowed
    assert (one.then, one.now) == (CLOSED, CLOSED)


async def test_a_record_that_shows_what_was_never_open_is_not_borne_out() -> None:
    made = compared(entry(), [LATE, LATE], [LATE, LATE], {U, S})
    contexts = await made.contexts()
    [difference] = differences.of_decisions(What.CONTEXT, contexts)
    assert (difference.what, difference.then, difference.now) == (
        What.RECORD,
        "closed: authorities",
        "open",
    )


async def test_a_record_that_shows_what_its_scope_did_not_hold_is_not_borne_out() -> None:
    outside = entry(scope=frozenset([U]))
    [one] = await compared(outside, [EARLY], [EARLY], {U, S}).contexts()
    assert one.then == Verdict(reasons=("scope",))
    assert [d.what for d in differences.of_decisions(What.CONTEXT, [one])] == [What.RECORD]


async def test_what_the_scope_did_not_hold_under_its_label_stays_withheld() -> None:
    dropped = entry(contexts=(context(S, shown=False, why="scope"),))
    [one] = await compared(dropped, [EARLY], [EARLY], {U, S}).contexts()
    assert one.recorded == one.then == one.now == Verdict(reasons=("scope",))


async def test_of_labels_that_the_auditor_may_not_read_nothing_is_said() -> None:
    two = entry(
        contexts=(context(S), context(KITE)),
        scope=frozenset([U, S, KITE]),
        routing={"provider": "offline", "model": "m", "refused": []},
    )
    made = compared(two, [saying(U, S, KITE)], [saying()], {U, S})
    assert [one.label for one in await made.contexts()] == [S]
    assert [one.subject for one in await made.labels()] == ["(S)", "(U)"]
    assert await made.routing() == ()


async def test_labels_that_differ_come_first_and_what_has_come_since_is_left_out() -> None:
    then, now = saying(U, S), saying(S, KITE)
    made = compared(entry(scope=frozenset([S])), [then], [now], {U, S, KITE})
    assert [(one.subject, one.then, one.now) for one in await made.labels()] == [
        ("(S//KITE)", CLOSED, OPEN)
    ]
    made = compared(entry(scope=frozenset([U, S])), [saying(S)], [saying(S)], {U, S, KITE})
    listed = await made.labels()
    assert [one.subject for one in listed] == ["(U)", "(S//KITE)"]
    [record] = differences.of_decisions(What.LABEL, listed)
    assert (record.what, record.subject) == (What.RECORD, "(U)")


async def test_only_so_many_labels_are_listed() -> None:
    many = {
        Label(tenant="t1", classification=Classification.S, compartments=frozenset([f"K{i}"]))
        for i in range(MOST_LABELS + 5)
    }
    assert len(await compared(entry(), [EARLY], [EARLY], many).labels()) == MOST_LABELS


async def test_each_provider_that_was_considered_is_routed_again() -> None:
    refused = [{"provider": "anthropic", "reason": "residency"}]
    routed = entry(routing={"provider": "offline", "model": "m", "refused": refused})
    now = saying(U, S, providers=frozenset(["offline", "anthropic"]))
    decisions = await compared(routed, [EARLY], [now], {U, S}).routing()
    assert [(one.subject, one.then.allowed, one.now.allowed) for one in decisions] == [
        ("anthropic", False, True),
        ("offline", True, True),
    ]
    [one] = differences.of_decisions(What.ROUTING, decisions)
    assert (one.subject, one.then, one.now) == ("anthropic", "closed: residency", "open")


@pytest.mark.parametrize(
    ("changes", "decided"),
    [
        ({}, True),
        ({"outcome": "Opened"}, False),
        ({"outcome": "Denied", "stopped": "changed"}, False),
        ({"outcome": "Denied", "stopped": "output"}, True),
        ({"act": Act.SEARCH, "outcome": "StepUpRequired"}, False),
    ],
)
async def test_letting_out_is_decided_again_where_it_was_decided(
    changes: dict[str, Any], decided: bool
) -> None:
    refusing = saying(U, S, release=Release.REFUSE)
    release = await compared(entry(**changes), [EARLY], [refusing], {U, S}).release()
    assert (release is not None) is decided
    if release is not None:
        assert release.recorded.allowed is (changes.get("stopped") != "output")
        assert (release.then.allowed, release.now.allowed) == (True, False)


async def test_the_act_itself_is_decided_again() -> None:
    refusing = saying(permitted=False)
    act = await compared(entry(), [EARLY], [refusing], {U}).act()
    assert (act.subject, act.then.allowed, act.now.reasons) == ("ask", True, ("purpose",))
    denied = await compared(entry(denied="purpose"), [refusing], [refusing], {U}).act()
    assert denied.recorded == denied.then == denied.now


def test_each_thing_that_decides_is_compared() -> None:
    release, own = [Built(bundle=Bundle(sources={"a": b""}), wasm=wasm) for wasm in (b"a", b"b")]
    stated = {"residency": "USA"}
    then = replace(POLICY, release=release.sha256, accreditations={"google": stated})
    same = Basis(revision="r1", release=release, accreditations={"google": stated})
    assert list(differences.of_policies(then, same)) == []
    other = Basis(
        revision="r2", release=own, own=own, reason_required=True, accreditations={"azure": stated}
    )
    found = [
        (one.what, one.subject, one.then, one.now) for one in differences.of_policies(then, other)
    ]
    assert found == [
        (What.POLICY, "the release's rules", release.sha256, own.sha256),
        (What.POLICY, "the tenant's own rules", "none", own.sha256),
        (What.SETTING, "reason_required", "no", "yes"),
        (What.ACCREDITATION, "azure", "none", '{"residency": "USA"}'),
        (What.ACCREDITATION, "google", '{"residency": "USA"}', "none"),
    ]
    assert [one.what for one in differences.of_revisions("r1", "r2")] == [What.RECORD]
