"""A replay with one of everything."""

from datetime import UTC, datetime

from copilot.replay.results import (
    ContextDecision,
    Decision,
    Difference,
    Left,
    Policy,
    Replay,
    Verdict,
    What,
)
from policy.labels import Classification, Label

OPEN, CLOSED = Verdict(), Verdict(reasons=("compartments",))
LABEL = Label(tenant="t1", classification=Classification.S, compartments=frozenset(["HARBOR"]))


def decision(subject: str) -> Decision:
    return Decision(subject=subject, recorded=OPEN, then=OPEN, now=CLOSED)


REPLAY = Replay(
    entry="l1",
    act="ask",
    sub="ann",
    purpose="investigation",
    outcome="Answer",
    recorded_at=datetime(2026, 1, 2, tzinfo=UTC),
    policy_then=Policy(revision="ab" * 32, release="cd" * 32, own=None),
    policy_now=Policy(revision="ef" * 32, release="cd" * 32, own="01" * 32),
    decision=decision("ask"),
    contexts=(
        ContextDecision(
            subject="(S//HARBOR)",
            recorded=OPEN,
            then=OPEN,
            now=CLOSED,
            document_id="d1",
            part_id="p1",
            chunk_id="c1",
            sha256="00" * 32,
            label=LABEL,
            arms=("vector",),
            unchanged=True,
        ),
    ),
    labels=(decision("(S//HARBOR)"),),
    routing=(decision("offline"),),
    release=decision("output"),
    dropped=(Left(stage="citation", reason="no quote", sha256="00" * 32),),
    differences=(
        Difference(what=What.CONTEXT, subject="c1 (S//HARBOR)", then="open", now="closed"),
    ),
    ledger_id="l9",
)
