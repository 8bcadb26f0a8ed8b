"""What a record of each kind holds, besides when, for whom and under which label: all names are known.

What is changed here after a release gets another version beside the old one, which stays: records follow it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from copilot.ledger.records import Kind
from copilot.ledger.schemas.parts import (
    ACCREDITATION,
    ASKED_FOR,
    AUDITING,
    DESCRIBED,
    DESCRIPTION,
    ENVELOPE,
    LABEL,
    LEVEL,
    PASSAGE,
    QUESTION,
    READING,
    USAGE,
)
from copilot.ledger.schemas.shapes import (
    COUNT,
    FLAG,
    ID,
    SHA256,
    TEXT,
    WHOLE,
    Shape,
    among,
    each,
    named,
    of,
    or_null,
    shared,
)

_TEXTS = each(TEXT)
_OPENING = or_null(ID)
_PROMPT, _ROUTING = shared("prompt"), shared("routing")
_DECIDED: Shape = {"decided": shared("decided")}
_PLAN = of(
    {
        "intent": TEXT,
        "expects": TEXT,
        "terms": _TEXTS,
        "entities": _TEXTS,
        "times": _TEXTS,
        "needs_citation": FLAG,
    },
    optional={"read_as": named(TEXT)},
)
_CITATION = of(
    {
        "document_id": or_null(TEXT),
        "chunk_id": TEXT,
        "start": COUNT,
        "end": COUNT,
        "quote_sha256": SHA256,
        "entities": _TEXTS,
    }
)
_SENTENCE = of({"text": TEXT, "sha256": SHA256, "marking": TEXT, "citations": each(_CITATION)})
_CONSULTED: Shape = {
    "prompt": _PROMPT,
    "routing": _ROUTING,
    "outcome": among("failed", "used"),
    "said": _TEXTS,
    "opening": ID,
}
_STORED: Shape = {"stored_answer": of({"answer_id": ID, "sha256": SHA256})}
_GRANTED: Shape = {
    "grant_id": ID,
    "state": TEXT,
    "sub": TEXT,
    "operator": or_null(TEXT),
    "clearance": LEVEL,
    "compartments": _TEXTS,
    "authorities": _TEXTS,
    "seconds": COUNT,
    "requested_at": TEXT,
    "approved_by": or_null(TEXT),
    "approved_at": or_null(TEXT),
    "not_after": or_null(TEXT),
    "ended_by": or_null(TEXT),
    "ended_at": or_null(TEXT),
}
_GRANT = of({**_GRANTED, "reason": TEXT})
_INGESTED: Shape = {
    "document_id": TEXT,
    "sha256": SHA256,
    "label": LABEL,
    "parts": each(of({"part_id": TEXT, "label": LABEL, "chunks": COUNT})),
}
_RELABELLED = of({**DESCRIPTION, "after": of({"label": LABEL, "part_ids": _TEXTS})})
_SWITCHES = ("enabled", "graphrag_enabled", "policy_filter_strict")
_WISHES = ("graph_required", "decompose", "filter_facts")
_FLAGS = of(dict.fromkeys((*_SWITCHES, *_WISHES), FLAG))
_POLICY = of(
    {
        "revision": TEXT,
        "release": SHA256,
        "own": or_null(SHA256),
        "reason_required": FLAG,
        "accreditations": named(ACCREDITATION),
    }
)


class Holds(NamedTuple):
    """The openings of a record: those that each has, and those that only some have."""

    always: Shape
    perhaps: Shape = MappingProxyType({})
    reason_apart: bool = False
    """Whether the reason is an opening of its own, where there is one; before, each act held it."""


_LOGGED: Shape = {"decision_ids": _TEXTS}


def _failed_calls(more: Shape = MappingProxyType({})) -> Shape:
    said = {**dict.fromkeys(("provider", "model", "why"), TEXT), "duration_ms": COUNT}
    return {"failed_calls": each(of({**said, **more}))}


def _asked(model: str, more: Shape = MappingProxyType({})) -> Holds:
    """With the shape in which a model is told, and what only some have besides."""
    return Holds(
        # Before a model is asked to judge, a record says no more than what it is about to be given.
        {**QUESTION, "contexts": each(PASSAGE), "prompt": _PROMPT, "routing": _ROUTING},
        {
            **_DECIDED,
            "plan": _PLAN,
            "unnamed": _TEXTS,
            "degraded": _TEXTS,
            "recheck_dropped": each(shared("dropped_passage")),
            "model": shared(model),
            "scan": named(COUNT),
            "stopped": or_null(TEXT),
            "answer": each(_SENTENCE),
            "dropped": each(of({"stage": TEXT, "reason": TEXT, "sha256": SHA256})),
            "opening": _OPENING,
            "consulted": each(of({**_CONSULTED, "model": shared(model)})),
            "scope": of({"sha256": SHA256, "labels": COUNT}),
            **more,
        },
    )


def _erasure(**more: Shape) -> Holds:
    """`more` is what its first record says besides, in a later version."""
    return Holds({"erasure": _erased_document(**more), "erased": _ERASED})


_ERASED = each(of({"ledger_id": ID, "names": _TEXTS, "answers": COUNT}))


def _erased_document(**more: Shape) -> Shape:
    counted: dict[str, Shape] = {"tables": named(COUNT), "searched": named(COUNT)}
    return of({**DESCRIPTION, "erasure_id": ID}, optional=counted | more)


_NOT_SEARCHED: Shape = {"not_searched": _TEXTS}
# What was taken out of a record that came after an erasure belongs to none.
_PERHAPS_LATE: Shape = {"erasure": _erased_document(**_NOT_SEARCHED), "late": FLAG}


def _verification(*more: str) -> Holds:
    counted = ("entries", "sealed", "checkpoints", "held", "problems", *more)
    return Holds({"verification": of({**dict.fromkeys(counted, COUNT), "root": SHA256})})


_WITH_THE_REASON: Mapping[Kind, Sequence[Holds]] = {
    Kind.ASK: [
        _asked("model", _STORED),
        _asked("timed_model", _STORED),
        _asked("timed_model", {**_STORED, **_LOGGED}),
        _asked("timed_model", {**_STORED, **_LOGGED, **_failed_calls()}),
        _asked(
            "timed_model", {**_STORED, **_LOGGED, **_failed_calls({"usage": or_null(of(USAGE))})}
        ),
    ],
    Kind.SEARCH: [_asked("model"), _asked("timed_model"), _asked("timed_model", _LOGGED)],
    Kind.LOGIN: [
        Holds(
            {
                "login": of(
                    {
                        "token_sha256": SHA256,
                        "acr": TEXT,
                        "auth_time": or_null(WHOLE),
                        "expires_at": TEXT,
                    }
                )
            }
        )
    ],
    Kind.READ: [
        Holds(
            {},
            {
                **READING,
                **AUDITING,
                "read": each(shared("shown")),
                "recheck_dropped": each(shared("shown")),
                "labels_dropped": each(LABEL),
                "entry": ID,
                "sha256": of({"prov": SHA256, "page": SHA256}),
                "entities_shown": _TEXTS,
                "erasure_id": ID,
                "grants": each(ID),
                "entries": each(ID),
                "people": _TEXTS,
                "kinds": named(COUNT),
                "sizes": each(COUNT),
                "agrees": FLAG,
                "differences": COUNT,
            },
        )
    ],
    Kind.FEEDBACK: [Holds({"answer_id": TEXT, "verdict": TEXT}, {"comment": TEXT})],
    Kind.INGEST: [Holds({"document": of({**_INGESTED, "source": TEXT})})],
    Kind.DELETE: [Holds({}, {"deleted": DESCRIBED, "document_id": TEXT})],
    Kind.ERASURE: [
        _erasure(),
        _erasure(**_NOT_SEARCHED),
        Holds({"erased": _ERASED}, _PERHAPS_LATE),
    ],
    Kind.HOLD: [Holds({}, {"hold": DESCRIBED, "document_id": TEXT, "held": FLAG})],
    Kind.RETENTION: [
        Holds(
            {
                "retention": of({"dry_run": FLAG}),
                "due": each(
                    of({"document_id": TEXT, "ingested_at": TEXT, "days": COUNT, "held": FLAG})
                ),
            }
        )
    ],
    Kind.RELABEL: [Holds({}, {"relabelled": _RELABELLED, "document_id": TEXT, "label": LABEL})],
    Kind.REVOCATION: [Holds({}, {"revoked": TEXT, "because": TEXT, "reinstated": TEXT})],
    Kind.BREAK_GLASS: [Holds({"grant": _GRANT})],
    Kind.APPROVAL: [Holds({"grant": _GRANT})],
    Kind.TOOL_CALL: [
        Holds({"tool_call": of({"provider": TEXT, "model": TEXT, "calls": COUNT, "opening": ID})})
    ],
    Kind.REEMBEDDING: [Holds({"embedding_model": of({"before": TEXT, "after": TEXT})})],
    Kind.POLICY_CHANGE: [
        Holds({"policy": of({"before": or_null(_POLICY), "after": _POLICY})}),
    ],
    Kind.FLAG_CHANGE: [Holds({"flags": of({"before": or_null(_FLAGS), "after": _FLAGS})})],
    Kind.KEY_ROTATION: [Holds({"key_rotation": of({"old": TEXT, "new": TEXT, "size": COUNT})})],
    Kind.VERIFICATION: [_verification("erased")],
    Kind.EXPORT: [
        Holds(
            {
                "export": of(
                    {"size": COUNT, "root": SHA256, "bytes": COUNT, "statement_sha256": SHA256}
                )
            }
        )
    ],
    Kind.ARCHIVE: [
        Holds(
            {
                "archive": of({"month": TEXT, "records": COUNT, "statement": SHA256}),
                "archives": SHA256,
            }
        )
    ],
    Kind.DENIED: [
        Holds(
            {"denied_act": TEXT, "denied_reason": TEXT}, {**ASKED_FOR, **_DECIDED, "sha256": SHA256}
        )
    ],
    Kind.FAILED: [Holds({"failed_act": TEXT, "error": TEXT}, {**ASKED_FOR, "message": TEXT})],
}
_STATED_GRANT = Holds({"grant": of(_GRANTED), "grant_reason": TEXT})
_SHOWN: Shape = {"shown": each(of({"document_id": TEXT, "label": LABEL}))}
_WITH_USAGE = _failed_calls({"usage": or_null(of(USAGE))})
_CHANGED: Mapping[Kind, Holds] = {
    Kind.ASK: _asked("timed_model", {**_STORED, **_LOGGED, **_WITH_USAGE, **_SHOWN}),
    Kind.SEARCH: _asked("timed_model", {**_LOGGED, **_SHOWN}),
    Kind.INGEST: Holds({"document": of(_INGESTED), "source": TEXT}),
    Kind.BREAK_GLASS: _STATED_GRANT,
    Kind.APPROVAL: _STATED_GRANT,
    Kind.ERASURE: Holds({"erased": _ERASED, "signed": ENVELOPE}, _PERHAPS_LATE),
    # How much was erased in all tenants is nobody's to know who audits one of them.
    Kind.VERIFICATION: _verification(),
    Kind.ARCHIVE: Holds({"archive": of({"month": TEXT, "statement": SHA256}), "archives": SHA256}),
}

HELD: Mapping[Kind, Sequence[Holds]] = {
    kind: [*versions, _CHANGED.get(kind, versions[-1])._replace(reason_apart=True)]
    for kind, versions in _WITH_THE_REASON.items()
}
