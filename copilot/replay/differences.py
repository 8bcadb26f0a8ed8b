"""What differs between two policies' decisions, and between a decision and its record."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from copilot.replay.entry import RecordedPolicy
from copilot.replay.results import ContextDecision, Decision, Difference, What
from policy.basis import Basis

_NONE = "none"


def of_policies(then: RecordedPolicy, now: Basis) -> Iterator[Difference]:
    """Which rules, and which statements of the operator, are others today."""
    own = now.own.sha256 if now.own else None
    yield from _unless_same(What.POLICY, "the release's rules", then.release, now.release.sha256)
    yield from _unless_same(What.POLICY, "the tenant's own rules", then.own or _NONE, own or _NONE)
    required = (_yes(then.reason_required), _yes(now.reason_required))
    yield from _unless_same(What.SETTING, "reason_required", *required)
    for provider in sorted({*then.accreditations, *now.accreditations}):
        stated = (_text(then.accreditations, provider), _text(now.accreditations, provider))
        yield from _unless_same(What.ACCREDITATION, provider, *stated)


def of_decisions(what: What, decisions: Iterable[Decision]) -> Iterator[Difference]:
    """Where today's policy decides otherwise, and where the policy of then decides otherwise than recorded."""
    for one in decisions:
        subject = _subject(one)
        yield from _unless_same(what, subject, one.then.text, one.now.text)
        if one.then.allowed != one.recorded.allowed:
            yield Difference(
                what=What.RECORD, subject=subject, then=one.then.text, now=one.recorded.text
            )


def of_contents(contexts: Iterable[ContextDecision]) -> Iterator[Difference]:
    """Passages that the auditor does not find any more as they were: deleted, replaced or under another label."""
    for one in contexts:
        if not one.unchanged:
            yield Difference(
                what=What.CONTENT, subject=_subject(one), then="stored", now="not found as it was"
            )


def of_revisions(recorded: str, then: str) -> Iterator[Difference]:
    """The bundles that a record names give the revision that it names."""
    yield from _unless_same(What.RECORD, "policy revision", then, recorded)


def _unless_same(what: What, subject: str, then: str, now: str) -> Iterator[Difference]:
    if then != now:
        yield Difference(what=what, subject=subject, then=then, now=now)


def _subject(one: Decision) -> str:
    return f"{one.chunk_id} {one.subject}" if isinstance(one, ContextDecision) else one.subject


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(accreditations: Mapping[str, Mapping[str, Any]], provider: str) -> str:
    stated = accreditations.get(provider)
    return _NONE if stated is None else json.dumps(stated, sort_keys=True)
