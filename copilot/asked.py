"""One question on its way, and the record that it leaves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from copilot.citations import sha256
from copilot.generation.port import Failed, Finished, Prompt
from copilot.generation.providers import Choice
from copilot.ledger.log import Record, high_water
from copilot.ledger.records import Kind
from copilot.output_scan import Kind as FindingKind
from copilot.replay.decided import Decided
from copilot.results import Redaction, Sentence, Usage
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope
from retrieval.analysis import Plan
from retrieval.hybrid import Found, Timings
from retrieval.identity import entity_id
from retrieval.names import normalise
from retrieval.types import Context

UNTOLD = frozenset([FindingKind.CANARY, FindingKind.DROPPED_CONTEXT])
"""Findings that are recorded and not told: the reader would learn that there is something."""
_NOTHING_ASKED = Finished(provider="none", model="", usage=Usage())


_ALL_SHOWN = frozenset(["Opened", "SearchResult"])
"""Outcomes with which every passage counts as shown: of a stream that ends unrecorded nobody knows how far it came."""


@dataclass(slots=True, kw_only=True)
class Consulted:
    """One judgement that a model was asked for: to split the question, or to mark what bears on it."""

    prompt: Prompt
    choice: Choice
    opening: str
    """The ledger id of the record that was made before the model was given anything."""
    finished: Finished = _NOTHING_ASKED
    outcome: str = "failed"
    """Or "used"; where it failed the question went on as if nobody had been asked."""
    said: tuple[str, ...] = ()
    """The sub-questions, or the ids of the chunks that were marked."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What each stage has added so far."""

    asker: Asker
    question: str
    scope: Scope
    found: Found
    parts: tuple[Found, ...] = ()
    """What the sub-questions found into which a model has split it."""
    consulted: Sequence[Consulted] = ()
    contexts: list[Context]
    refused: tuple[Context, ...]
    """What the double check dropped: each is an incident."""
    timings: Timings
    unnamed: list[str] = field(default_factory=list)
    """Names in the question that no passage bears: nothing can answer it."""
    decided: Decided | None = None
    """What policy decided by, for the decision to be made again."""
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
    failed: list[Failed] = field(default_factory=list)
    """Calls of the chosen provider that came to nothing."""

    @property
    def plan(self) -> Plan:
        """What was looked for."""
        return self.found.plan

    @property
    def read_as(self) -> Mapping[str, str]:
        """Names of the question, or of a part of it, that were read as others."""
        return {
            name: other
            for found in (self.found, *self.parts)
            for name, other in found.plan.read_as.items()
        }

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """What the scan took out, as the reader is told."""
        return tuple(
            Redaction(reason=str(kind), count=count)
            for kind, count in sorted(self.findings.items())
            if kind not in UNTOLD
        )


def record_of(
    asked: Asked, outcome: str, opening: str | None = None, *, kind: Kind = Kind.ASK
) -> Record:
    """Everything that was read, decided, given and dropped, as the ledger keeps it."""
    return Record(
        kind=kind,
        asker=asked.asker,
        outcome=outcome,
        policy_revision=asked.scope.revision,
        label=_label_of(asked),
        scope=asked.scope.written,
        details={
            "question": asked.question,
            "plan": asked.plan.to_json(),
            "contexts": [_context_json(one) for one in asked.contexts],
            "unnamed": asked.unnamed,
            "degraded": list(asked.found.degraded),
            "recheck_dropped": [
                _context_json(one) | {"why": _why(asked.scope, one)} for one in asked.refused
            ],
            "prompt": _prompt_json(asked.prompt),
            "routing": asked.choice.to_json() if asked.choice else None,
            "model": _model_json(asked.finished),
            "scan": {kind.name.lower(): count for kind, count in sorted(asked.findings.items())},
            "stopped": asked.stopped,
            "answer": [_sentence_json(one, asked.scope.tenant) for one in asked.sentences],
            "dropped": asked.dropped,
            "opening": opening,
        }
        | _shown_json(asked, outcome)
        | _consulted_json(asked.consulted)
        | _failed_json(asked)
        | _decided_json(asked.decided),
    )


def _shown_json(asked: Asked, outcome: str) -> dict[str, Any]:
    """Of which documents, under which labels, the asker was shown something, or may be from here on.

    It says what contexts and citations say as well, and is never erased with them: else who deletes one document would
    erase who saw the others.
    """
    cited = {c.chunk_id for sentence in asked.sentences for c in sentence.citations}
    all_of_it = outcome in _ALL_SHOWN
    told = [one for one in asked.contexts if all_of_it or one.chunk.chunk_id in cited]
    shown = dict.fromkeys((one.chunk.document_id, one.label) for one in told)
    said = [{"document_id": document, "label": label.to_json()} for document, label in shown]
    return {"shown": said} if said else {}


def refused_tools(asked: Asked) -> Record:
    """That a model called tools, though none is offered: it obeyed somebody else than us, and nothing came of it."""
    made = asked.finished
    said = {"provider": made.provider, "model": made.model, "calls": made.tool_calls}
    return Record(
        kind=Kind.TOOL_CALL,
        asker=asked.asker,
        outcome="Refused",
        policy_revision=asked.scope.revision,
        label=_label_of(asked),
        details={"tool_call": said | {"opening": asked.opening}},
    )


def _label_of(asked: Asked) -> Label:
    """Who may be told of it: of the question, and of all that was read."""
    read = [one.label for one in (*asked.contexts, *asked.refused)]
    return join_all([high_water(asked.asker, asked.scope), *read])


def _decided_json(decided: Decided | None) -> dict[str, Any]:
    if decided is None:
        return {}
    logged = {"decision_ids": list(decided.logged)} if decided.logged else {}
    return {"decided": decided.to_json()} | logged


def _why(scope: Scope, refused: Context) -> str:
    """Whether the scope did not hold it under its own label, or policy closed it the second time."""
    return "policy" if scope.labels.get(refused.label_id) == refused.label else "scope"


def _context_json(one: Context) -> dict[str, Any]:
    return {
        "document_id": one.chunk.document_id,
        "part_id": one.chunk.part_id,
        "chunk_id": one.chunk.chunk_id,
        "sha256": sha256(one.chunk.text),
        "label": one.label.to_json(),
        "arms": [{"arm": str(hit.arm), "rank": hit.rank} for hit in one.arms],
    }


def _consulted_json(consulted: Sequence[Consulted]) -> dict[str, Any]:
    """Nothing at all where no model was asked: each name in a record costs a commitment."""
    if not consulted:
        return {}
    return {
        "consulted": [
            {
                "prompt": _prompt_json(one.prompt),
                "routing": one.choice.to_json(),
                "model": _model_json(one.finished),
                "outcome": one.outcome,
                "said": list(one.said),
                "opening": one.opening,
            }
            for one in consulted
        ]
    }


def consulting(
    asker: Asker,
    question: str,
    scope: Scope,
    *,
    kind: Kind,
    prompt: Prompt,
    choice: Choice,
    contexts: Sequence[Context],
) -> Record:
    """What is recorded before a model is asked to judge: what it is about to be given, and by which leave."""
    return Record(
        kind=kind,
        asker=asker,
        outcome="Consulting",
        policy_revision=scope.revision,
        label=join_all([high_water(asker, scope), *(one.label for one in contexts)]),
        details={
            "question": question,
            "contexts": [_context_json(one) for one in contexts],
            "prompt": _prompt_json(prompt),
            "routing": choice.to_json(),
        },
    )


def _failed_json(asked: Asked) -> dict[str, Any]:
    """Nothing at all where each call came to something."""
    if asked.choice is None or not asked.failed:
        return {}
    provider = asked.choice.provider
    return {
        "failed_calls": [
            {
                "provider": provider.name,
                "model": provider.model,
                "duration_ms": round(one.seconds * 1000),
                "why": one.why,
                "usage": None if one.usage is None else asdict(one.usage),
            }
            for one in asked.failed
        ]
    }


def _prompt_json(prompt: Prompt | None) -> dict[str, str] | None:
    if prompt is None:
        return None
    return {"template": prompt.template, "version": prompt.version, "sha256": prompt.sha256}


def _model_json(finished: Finished) -> dict[str, Any]:
    return {
        "provider": finished.provider,
        "model": finished.model,
        "attempts": finished.attempts,
        "duration_ms": round(finished.seconds * 1000),
    } | asdict(finished.usage)


def _sentence_json(sentence: Sentence, tenant: str) -> dict[str, Any]:
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
                "entities": [entity_id(tenant, normalise(name)) for name in c.entities],
            }
            for c in sentence.citations
        ],
    }
