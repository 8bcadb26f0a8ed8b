"""What several kinds of record hold: labels, passages, what was decided by, what an act was asked for."""

from collections.abc import Mapping

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

LABEL, PASSAGE = shared("label"), shared("passage")
LEVEL = among("U", "C", "S", "TS")
_TEXTS = each(TEXT)
_AUTHORITY = of({"name": TEXT, "not_before": or_null(WHOLE), "not_after": or_null(WHOLE)})
ACCREDITATION = of(
    {
        "residency": TEXT,
        "classification": LEVEL,
        "compartments": {"type": ["string", "array"], "items": TEXT},
        "handling": _TEXTS,
    }
)
_PASSAGE: Shape = {
    "document_id": TEXT,
    "part_id": TEXT,
    "chunk_id": TEXT,
    "sha256": SHA256,
    "label": LABEL,
    "arms": each(of({"arm": TEXT, "rank": COUNT})),
}
_PART = of({"part_id": TEXT, "label": LABEL, "sha256": SHA256})
DESCRIPTION: Shape = {"id": TEXT, "labels": each(LABEL), "parts": each(_PART)}
DESCRIBED = of(DESCRIPTION)
"""A document that is acted on."""
_FILTERS: Shape = {
    **dict.fromkeys(("sub", "kind", "outcome", "document", "entity", "model"), TEXT),
    **dict.fromkeys(("since", "until"), TEXT),
    "label": LABEL,
}
_PAGE: Shape = {"first": COUNT, "after": or_null(TEXT)}

USAGE: Shape = {
    "input_tokens": COUNT,
    "output_tokens": COUNT,
    "cache_read_tokens": COUNT,
    "cache_write_tokens": COUNT,
    "cost_usd": {"type": ["number", "null"]},
}
_MODEL: Shape = {"provider": TEXT, "model": TEXT, "attempts": COUNT, **USAGE}
ENVELOPE = of(
    {
        "payload": TEXT,
        "payloadType": TEXT,
        "signatures": each(of({"keyid": TEXT, "sig": TEXT})),
    }
)
"""DSSE, in which what an erasure names is signed."""
SHARED: Mapping[str, Shape] = {
    "label": of(
        {
            "tenant": TEXT,
            "classification": LEVEL,
            "compartments": _TEXTS,
            "authorities": _TEXTS,
            "handling": _TEXTS,
        },
        optional={"releasable_to": _TEXTS},
    ),
    "passage": of(_PASSAGE),
    "dropped_passage": of({**_PASSAGE, "why": among("policy", "scope")}),
    "shown": of({"part_id": TEXT, "label": LABEL}, optional={"document_id": TEXT}),
    "prompt": or_null(of({"template": TEXT, "version": TEXT, "sha256": SHA256})),
    "routing": or_null(
        of(
            {
                "provider": TEXT,
                "model": TEXT,
                "refused": each(of({"provider": TEXT, "reason": TEXT})),
            }
        )
    ),
    "model": of(_MODEL),
    "timed_model": of({**_MODEL, "duration_ms": COUNT}),
    "policy": of(
        {
            "release": SHA256,
            "own": or_null(SHA256),
            "reason_required": FLAG,
            "accreditations": named(ACCREDITATION),
        }
    ),
    "grant": of(
        {
            "grant_id": ID,
            "clearance": LEVEL,
            "compartments": _TEXTS,
            "authorities": _TEXTS,
            "not_after": WHOLE,
        }
    ),
    "principal": of(
        {
            "sub": TEXT,
            "tenant": TEXT,
            "clearance": LEVEL,
            "compartments": _TEXTS,
            "nationality": TEXT,
            "authorities": each({**_AUTHORITY, "type": ["string", "object"]}),
            "roles": _TEXTS,
            "purposes": _TEXTS,
            "acr": TEXT,
            "auth_time": or_null(WHOLE),
            "revoked": FLAG,
            "grants": each(shared("grant")),
        }
    ),
    "decided": of(
        {
            "principal": shared("principal"),
            "policy": shared("policy"),
            "strict": FLAG,
            "between_us": each(WHOLE),
        }
    ),
}
"""By name, as the `$defs` of each schema that refers to it."""

QUESTION: Shape = {"question": TEXT}
READING: Shape = {
    "document_id": TEXT,
    "entity": TEXT,
    "entities": TEXT,
    "from_entity": TEXT,
    "from_name": TEXT,
    "to_entity": TEXT,
    "to_name": TEXT,
    "most_hops": COUNT,
    **_PAGE,
    "answer_id": TEXT,
    "certificate": TEXT,
    "provenance": TEXT,
    "access_grants": of(_PAGE),
}
"""What a read was asked for, each kind of read some of it."""
AUDITING: Shape = {
    "ledger": of(_PAGE, optional=_FILTERS),
    "ledger_entry": TEXT,
    "who_saw": of({**_PAGE, "after_person": or_null(TEXT)}, optional=_FILTERS),
    "what_did": of(_PAGE, optional=_FILTERS),
    "ledger_proof": TEXT,
    "checkpoints": of({"first": COUNT, "before": or_null(WHOLE)}),
    "replay": TEXT,
}
CHANGING: Shape = {
    "label": LABEL,
    "held": FLAG,
    "retention": of({"dry_run": FLAG}),
    "verdict": TEXT,
}
ADMINISTERING: Shape = {
    "revoke": TEXT,
    "because": TEXT,
    "reinstate": TEXT,
    "grant_id": TEXT,
    "requested": _TEXTS,
    "requested_by": TEXT,
    "seconds": WHOLE,
}
ASKED_FOR: Shape = {**QUESTION, **READING, **AUDITING, **CHANGING, **ADMINISTERING}
"""What the record of an act that was denied or failed may tell of it."""
