"""The rules of `policy/rego` once more in plain Python, for the contract tests to compare with."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy import Act, Allowed, Asker, Call, Decision, Denied, Grant, Label, Release

RANKS = {"U": 0, "C": 1, "S": 2, "TS": 3}
ACTS = {
    "analyst": {Act.ASK, Act.SEARCH, Act.READ, Act.REQUEST_ACCESS},
    "ingester": {Act.INGEST, Act.RELABEL, Act.DELETE},
    "auditor": {Act.AUDIT},
    "admin": {Act.ADMINISTER, Act.APPROVE_ACCESS, Act.HOLD, Act.RETAIN},
}
FIELDS = {
    "analyst": {"explanation", "usage", "timings_ms"},
    "ingester": set(),
    "auditor": {"explanation", "usage", "timings_ms", "scope"},
    "admin": {"usage", "timings_ms"},
}
TOOLS = {"analyst": {"search", "document", "entity", "answer"}, "auditor": {"ledger"}}
STRONG = ("strong", "phr", "phrh", "aal3")
CLOSE_WATCH = {"PII", "PHI", "SOURCE"}
ABROAD = ["PII", "PHI", "PROPIN", "LES", "CUI", "FOUO"]
AMERICAN = {"residency": "USA", "classification": "TS", "compartments": "*", "handling": ABROAD}
ACCREDITED: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(["anthropic", "openai", "google"], AMERICAN),
    "perplexity": {"residency": "", "classification": "S", "compartments": [], "handling": []},
}


def obstacles(asker: Asker, label: Label, now: int) -> set[str]:
    """What stands between the asker and the label at that second; nothing where it is open."""
    who, emergency = asker.principal, _grants(asker, now)
    compartments = who.compartments.union(*(grant.compartments for grant in emergency))
    rank = max([RANKS[who.clearance], *(RANKS[grant.clearance] for grant in emergency)])
    watched = label.classification == "TS" or label.handling & CLOSE_WATCH
    found = {
        "revoked": who.revoked,
        "tenant": who.tenant != label.tenant,
        "clearance": rank < RANKS[label.classification],
        "compartments": label.compartments - compartments,
        "authorities": label.authorities - authorities(asker, now),
        "releasability": label.releasable_to is not None
        and who.nationality not in label.releasable_to,
        "sign-in": watched and not fresh(asker, now),
    }
    return {name for name, hinders in found.items() if hinders}


def may_read(asker: Asker, label: Label, now: int) -> Decision:
    return Denied(reason="label") if obstacles(asker, label, now) else Allowed()


def authorities(asker: Asker, now: int) -> frozenset[str]:
    own = (
        one.name
        for one in asker.principal.authorities
        if (one.not_before is None or one.not_before <= now)
        and (one.not_after is None or now < one.not_after)
    )
    return frozenset(own).union(*(grant.authorities for grant in _grants(asker, now)))


def fresh(asker: Asker, now: int) -> bool:
    who = asker.principal
    recent = who.auth_time is None or -60 <= now - who.auth_time <= 3600
    return not who.revoked and recent and who.acr in STRONG


def until_s(asker: Asker, now: int) -> int | None:
    """The first second after `now` at which an authority, a grant or a sign-in begins or ends."""
    who = asker.principal
    bounds = [bound for one in who.authorities for bound in (one.not_before, one.not_after)]
    bounds += [grant.not_after for grant in who.grants]
    if who.auth_time is not None and who.acr in STRONG:
        bounds += [who.auth_time - 60, who.auth_time + 3601]
    return min((bound for bound in bounds if bound is not None and bound > now), default=None)


def _grants(asker: Asker, now: int) -> list[Grant]:
    return [grant for grant in asker.principal.grants if now < grant.not_after]


def permits(
    asker: Asker, act: Act, subject: Mapping[str, Any], now: int, *, reason_required: bool
) -> Decision:
    who = asker.principal
    seconds = subject.get("seconds", 0)
    wants_reason = act is Act.REQUEST_ACCESS or (
        reason_required and act in (Act.ASK, Act.SEARCH, Act.READ)
    )
    faults = {
        "revoked": who.revoked,
        "role": not any(act in ACTS[role] for role in who.roles),
        "purpose": not asker.purpose or asker.purpose not in who.purposes,
        "reason": wants_reason and not asker.reason.strip(),
        "two_people": act is Act.APPROVE_ACCESS and subject.get("requested_by", who.sub) == who.sub,
        "time_limit": act in (Act.REQUEST_ACCESS, Act.APPROVE_ACCESS) and not 0 < seconds <= 14400,
    }
    for reason, fault in faults.items():
        if fault:
            return Denied(reason=reason)
    return Allowed(step_up=not fresh(asker, now))


def fields(asker: Asker, now: int) -> set[str]:
    if asker.principal.revoked:
        return set()
    opened = set[str]().union(*(FIELDS[role] for role in asker.principal.roles))
    return opened | ({"personal_data"} if fresh(asker, now) else set())


def may_use(asker: Asker, tool: str, origin: str) -> Decision:
    opened = any(tool in TOOLS.get(role, ()) for role in asker.principal.roles)
    if opened and origin == "asker" and not asker.principal.revoked:
        return Allowed()
    return Denied(reason="tool")


def may_route(call: Call, stated: Mapping[str, Any] | None) -> Decision:
    if call.provider == "offline":
        return Allowed()
    label, terms = call.label, stated or ACCREDITED.get(call.provider, {})
    ceiling = RANKS.get(terms.get("classification", ""), -1)
    house = terms.get("residency")
    faults = {
        "provider": not terms,
        "TS requires US-resident provider": label.classification == "TS" and house != "USA",
        "classification": RANKS[label.classification] > ceiling,
        "compartments": not terms
        or (terms["compartments"] != "*" and label.compartments - set(terms["compartments"])),
        "handling": not terms or label.handling - set(terms["handling"]),
        "releasability": label.releasable_to is not None and house not in label.releasable_to,
        "citations": call.purpose == "search"
        and call.requires_citations
        and call.provider != "perplexity",
    }
    found = sorted(name for name, fault in faults.items() if fault)
    return Denied(reason=", ".join(found)) if found else Allowed()


def may_release(findings: Sequence[str], *, strict: bool) -> Release:
    if not findings:
        return Release.RELEASE
    return Release.REFUSE if strict else Release.REDACT
