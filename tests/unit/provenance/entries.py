"""Entries of answers with one of everything, and who is told of them."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from copilot.ledger.entry import Entry, Record
from copilot.ledger.opened import opened
from copilot.ledger.prove import LedgerProof
from copilot.ledger.records import Kind
from copilot.provenance.account import Account, Audience
from copilot.provenance.recorded import Place, Recorded
from copilot.provenance.told import Reader, account
from policy.labels import Classification, Label
from policy.principal import Asker, Principal

U = Label(tenant="t1", classification=Classification.U)
S = replace(U, classification=Classification.S, compartments=frozenset(["HARBOR"]))
TOP = replace(U, classification=Classification.TS)
FIELDS = frozenset(["usage", "explanation", "timings_ms"])
DIGEST = "ab" * 32
USAGE = {
    "input_tokens": 900,
    "output_tokens": 40,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "cost_usd": 0.00000042,
}
MODEL = {"provider": "anthropic", "model": "writer-1.5", "attempts": 2, **USAGE}
PROMPT = {"template": "answer", "version": "2", "sha256": DIGEST}
ROUTING = {
    "provider": "anthropic",
    "model": "writer-1.5",
    "refused": [{"provider": "openai", "reason": "residency"}],
}
TEXTS = {
    "sub": "ann",
    "operator": "root",
    "reason": "case 12",
    "purpose": "investigation",
    "question": "Who owns the Kestrel?",
    "first": "Kestrel Holdings owns the vessel.",
    "second": "It lies in Gdansk.",
    "document": "IR-2024-017",
    "dropped": "what it cites does not support it",
    "said": "Who owns Kestrel Holdings?",
    "failed": "the language model broke off its answer",
    "unnamed": "Corvane",
}
"""What people, models and documents say in an entry."""


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def passage(key: str, document: str, label: Label, **more: Any) -> dict[str, Any]:
    return {
        "document_id": document,
        "part_id": f"part-{key}",
        "chunk_id": f"chunk-{key}",
        "sha256": digest(key),
        "label": label.to_json(),
        "arms": [{"arm": "vector", "rank": 1}, {"arm": "keyword", "rank": 3}],
        **more,
    }


def sentence(text: str, marking: str, *keys: str) -> dict[str, Any]:
    citations = [
        {
            "document_id": "not looked at",
            "chunk_id": f"chunk-{key}",
            "start": 3,
            "end": 9,
            "quote_sha256": digest(f"quote of {key}"),
            "entities": [],
        }
        for key in keys
    ]
    return {"text": text, "sha256": digest(text), "marking": marking, "citations": citations}


def details(texts: Mapping[str, str] = TEXTS) -> dict[str, Any]:
    consulted = {
        "prompt": PROMPT,
        "routing": ROUTING,
        "model": MODEL,
        "outcome": "used",
        "said": [texts["said"], "chunk-secret", "chunk-open"],
        "opening": "f" * 32,
    }
    return {
        "question": texts["question"],
        "plan": {"intent": "fact", "entities": ["Kestrel"]},
        "contexts": [
            passage("open", texts["document"], U),
            passage("secret", "IR-2024-018", S),
        ],
        "unnamed": [texts["unnamed"]],
        "degraded": ["graph"],
        "recheck_dropped": [passage("top", "IR-2024-019", TOP, why="policy")],
        "prompt": PROMPT,
        "routing": ROUTING,
        "model": MODEL,
        "scan": {"email": 2, "canary": 1},
        "stopped": None,
        "answer": [
            sentence(texts["first"], "(S//HARBOR)", "open", "secret"),
            sentence(texts["second"], "(U)", "open"),
            sentence(texts["second"], "(U)", "open"),
        ],
        "dropped": [
            {"stage": "citation", "reason": texts["dropped"], "sha256": digest("one")},
            {
                "stage": "scan",
                "reason": "a credential; text that was planted to detect leaks",
                "sha256": digest("two"),
            },
        ],
        "opening": "e" * 32,
        "consulted": [consulted],
        "failed_calls": [
            {
                "provider": "anthropic",
                "model": "writer-1.5",
                "why": texts["failed"],
                "duration_ms": 70,
                "usage": USAGE,
            }
        ],
        "scope": {"sha256": DIGEST, "labels": 3},
        "stored_answer": {"answer_id": "a" * 32, "sha256": DIGEST},
        "decided": {
            "principal": {
                "sub": texts["sub"],
                "clearance": "S",
                "compartments": ["HARBOR", "KITE"],
                "nationality": "USA",
                "roles": ["analyst"],
            },
            "policy": {
                "release": DIGEST,
                "own": None,
                "reason_required": False,
                "accreditations": {},
            },
            "strict": False,
            "between_us": [1_700_000_000_000_001, 1_700_000_000_500_000],
        },
    }


def recorded(
    texts: Mapping[str, str] = TEXTS,
    *,
    erased: Mapping[str, tuple[str, ...]] = {},
    **changes: Any,
) -> Recorded:
    """An entry as the ledger keeps it, without the openings that are said to be erased."""
    principal = Principal(
        sub=texts["sub"], tenant="t1", clearance=Classification.S, nationality="USA"
    )
    asker = Asker(
        principal=principal,
        purpose=texts["purpose"],
        reason=texts["reason"],
        impersonated_by=texts["operator"],
    )
    record = Record(
        kind=Kind.ASK,
        asker=asker,
        outcome="Answer",
        policy_revision="cd" * 32,
        label=TOP,
        details=details(texts) | changes,
    )
    entry = Entry.of(record, 1)
    rows = [
        {"name": name, "salt": salt, "value": value}
        for name, (salt, value) in entry.openings.items()
        if name not in erased
    ]
    found = opened(entry.ledger_id, entry.leaf, rows)
    return Recorded(
        ledger_id=entry.ledger_id,
        leaf=entry.leaf,
        commitments=found.commitments,
        details=found.details,
        erasures=erased,
    )


def reader(audience: Audience = Audience.AUDITOR, **changes: Any) -> Reader:
    return replace(
        Reader(audience=audience, labels=frozenset([U, S, TOP]), fields=FIELDS), **changes
    )


def quotes(texts: Mapping[str, str] = TEXTS) -> dict[Place, str]:
    return {("chunk-open", 3, 9): "quote of open", ("chunk-secret", 3, 9): texts["first"]}


PROOF = LedgerProof(
    ledger_id="b" * 32,
    leaf_index=1,
    leaf_hash=DIGEST,
    tree_size=3,
    root_hash="12" * 32,
    inclusion_path=("34" * 32, "56" * 32),
    checkpoint="example.com/ledger\n3\nEhIS\n\n— example.com/ledger c2ln\n",
)


def told(entry: Recorded | None = None, to: Reader | None = None) -> Account:
    to = to or reader()
    found = account(entry or recorded(), to, quotes())
    return replace(found, proof=PROOF) if to.audience is Audience.AUDITOR else found
