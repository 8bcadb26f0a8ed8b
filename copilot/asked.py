"""One question on its way, and the record that it leaves."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from copilot.citations import sha256
from copilot.generation.port import Finished, Prompt
from copilot.generation.providers import Choice
from copilot.ledger.log import Record, high_water
from copilot.ledger.records import Kind
from copilot.output_scan import Kind as FindingKind
from copilot.results import Redaction, Sentence, Usage
from policy.labels import join_all
from policy.principal import Asker
from policy.scope import Scope
from retrieval.analysis import Plan
from retrieval.hybrid import Found, Timings
from retrieval.types import Context

_UNTOLD = frozenset([FindingKind.CANARY, FindingKind.DROPPED_CONTEXT])
"""Findings that are recorded and not told: the reader would learn that there is something."""
_NOTHING_ASKED = Finished(provider="none", model="", usage=Usage())


@dataclass(slots=True, kw_only=True)
class Asked:
    """What each stage has added so far."""

    asker: Asker
    question: str
    plan: Plan
    scope: Scope
    found: Found
    contexts: list[Context]
    refused: tuple[Context, ...]
    """What the double check dropped: each is an incident."""
    timings: Timings
    unnamed: list[str] = field(default_factory=list)
    """Names in the question that no passage bears: nothing can answer it."""
    step_up: bool = False
    """Whether a stronger sign-in might open more to the asker."""
    prompt: Prompt | None = None
    choice: Choice | None = None
    opening: str | None = None
    """The ledger id of the record that was made before anything was generated."""
    sentences: list[Sentence] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)
    findings: Counter[FindingKind] = field(default_factory=Counter)
    stopped: str | None = None
    """Why nothing more may go out: "changed" access, or by decision on the "output"."""
    finished: Finished = _NOTHING_ASKED

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """What the scan took out, as the reader is told."""
        return tuple(
            Redaction(reason=str(kind), count=count)
            for kind, count in sorted(self.findings.items())
            if kind not in _UNTOLD
        )


def record_of(
    asked: Asked, outcome: str, opening: str | None = None, *, kind: Kind = Kind.ASK
) -> Record:
    """Everything that was read, decided, given and dropped, as the ledger keeps it."""
    read = [one.label for one in (*asked.contexts, *asked.refused)]
    return Record(
        kind=kind,
        asker=asked.asker,
        outcome=outcome,
        policy_revision=asked.scope.revision,
        label=join_all([high_water(asked.asker, asked.scope), *read]),
        details={
            "question": asked.question,
            "plan": asked.plan.to_json(),
            "scope": asked.scope.canonical_labels(),
            "contexts": [_context_json(one) for one in asked.contexts],
            "unnamed": asked.unnamed,
            "degraded": list(asked.found.degraded),
            "recheck_dropped": [_context_json(one) for one in asked.refused],
            "prompt": _prompt_json(asked.prompt),
            "routing": asked.choice.to_json() if asked.choice else None,
            "model": _model_json(asked.finished),
            "scan": {kind.name.lower(): count for kind, count in sorted(asked.findings.items())},
            "stopped": asked.stopped,
            "answer": [_sentence_json(sentence) for sentence in asked.sentences],
            "dropped": asked.dropped,
            "opening": opening,
        },
    )


def _context_json(one: Context) -> dict[str, Any]:
    return {
        "document_id": one.chunk.document_id,
        "part_id": one.chunk.part_id,
        "chunk_id": one.chunk.chunk_id,
        "sha256": sha256(one.chunk.text),
        "label": one.label.to_json(),
        "arms": [{"arm": str(hit.arm), "rank": hit.rank} for hit in one.arms],
    }


def _prompt_json(prompt: Prompt | None) -> dict[str, str] | None:
    if prompt is None:
        return None
    return {"template": prompt.template, "version": prompt.version, "sha256": prompt.sha256}


def _model_json(finished: Finished) -> dict[str, Any]:
    usage = finished.usage
    return {
        "provider": finished.provider,
        "model": finished.model,
        "attempts": finished.attempts,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_usd": usage.cost_usd,
    }


def _sentence_json(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "sha256": sha256(sentence.text),
        "marking": sentence.marking,
        "citations": [
            {
                "document_id": c.document_id,
                "chunk_id": c.chunk_id,
                "start": c.start,
                "end": c.end,
                "quote_sha256": c.quote_sha256,
            }
            for c in sentence.citations
        ],
    }
