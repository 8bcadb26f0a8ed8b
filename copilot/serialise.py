"""The JSON form of results: what the command line prints and what a stored answer is kept as."""

from dataclasses import replace
from typing import Any

from copilot.results import (
    Answer,
    Citation,
    Denied,
    Explanation,
    NotFound,
    Redaction,
    SearchResult,
    Sentence,
    StepUpRequired,
    Unavailable,
    Usage,
)
from policy.labels import Label
from policy.markings import portion
from retrieval.types import Context

_EMPTY = Explanation(plan={}, arms={}, paths=())


def outcome_json(
    outcome: Answer | NotFound | Denied | StepUpRequired | Unavailable,
) -> dict[str, Any]:
    """Every kind of outcome with the same keys, so that a reader needs no cases.

    `redactions` and `notice` are there where the filter took something out or something is to be noticed.
    """
    answer = outcome if isinstance(outcome, Answer) else None
    explained = getattr(outcome, "explanation", None) or _EMPTY
    value: dict[str, Any] = {
        "kind": outcome.kind,
        "text": outcome.text,
        "banner": answer.banner if answer else "",
        "sentences": [sentence_json(s) for s in answer.sentences] if answer else [],
        "explanation": explanation_json(explained),
        "answer_id": answer.answer_id if answer else None,
        "ledger_id": outcome.ledger_id,
        "model": getattr(outcome, "model", ""),
        "usage": usage_json(getattr(outcome, "usage", Usage())),
        "timings_ms": dict(getattr(outcome, "timings_ms", {})),
    }
    for reason in ("reason", "dependency"):
        if hasattr(outcome, reason):
            value[reason] = getattr(outcome, reason)
    if redactions := getattr(outcome, "redactions", ()):
        value["redactions"] = [{"reason": one.reason, "count": one.count} for one in redactions]
    return value | _noticed(outcome)


def _noticed(outcome: object) -> dict[str, str]:
    """What should be known of the whole, where there is something."""
    notice = getattr(outcome, "notice", None)
    return {"notice": notice} if notice else {}


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as it is stored: without what belongs to the request that made it."""
    return outcome_json(replace(answer, notice=None)) | {"timings_ms": {}}


def search_json(result: SearchResult) -> dict[str, Any]:
    return {
        "kind": result.kind,
        "contexts": [context_json(one) for one in result.contexts],
        "ledger_id": result.ledger_id,
        "timings_ms": dict(result.timings_ms),
    } | _noticed(result)


def context_json(one: Context) -> dict[str, Any]:
    chunk = one.chunk
    return {
        "document_id": chunk.document_id,
        "part_id": chunk.part_id,
        "chunk_id": chunk.chunk_id,
        "title": chunk.title,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "score": one.score,
        "label": chunk.label.to_json(),
        "marking": portion(chunk.label),
        "arms": [{"arm": str(hit.arm), "rank": hit.rank, "score": hit.score} for hit in one.arms],
        "path": list(one.path),
    }


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "marking": sentence.marking,
        "citations": [citation_json(citation) for citation in sentence.citations],
    }


def citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "document_id": citation.document_id,
        "part_id": citation.part_id,
        "chunk_id": citation.chunk_id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "quote_sha256": citation.quote_sha256,
        "label": citation.label.to_json(),
        "entities": list(citation.entities),
        "relation": citation.relation,
    }


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "plan": dict(explanation.plan),
        "arms": dict(explanation.arms),
        "paths": [list(path) for path in explanation.paths],
    }


def usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_usd": usage.cost_usd,
    }


def stored_answer(body: dict[str, Any]) -> Answer:
    """Reads back what `answer_json` wrote."""
    explained = body["explanation"]
    return Answer(
        text=body["text"],
        banner=body["banner"],
        sentences=tuple(_sentence(one) for one in body["sentences"]),
        explanation=Explanation(
            plan=explained["plan"],
            arms=explained["arms"],
            paths=tuple(tuple(path) for path in explained["paths"]),
        ),
        answer_id=body["answer_id"],
        ledger_id="",
        model=body["model"],
        usage=_usage(body["usage"]),
        redactions=tuple(Redaction(**one) for one in body.get("redactions", ())),
    )


def _usage(value: dict[str, Any]) -> Usage:
    """Canonical JSON writes 0.0 as 0; a cost is read back as what it was."""
    cost = value["cost_usd"]
    return Usage(**(value | {"cost_usd": None if cost is None else float(cost)}))


def _sentence(value: dict[str, Any]) -> Sentence:
    return Sentence(
        text=value["text"],
        marking=value["marking"],
        citations=tuple(_citation(one) for one in value["citations"]),
    )


def _citation(value: dict[str, Any]) -> Citation:
    label = Label.from_json(value["label"], tenant="", where="stored answer")
    return Citation(**(value | {"label": label, "entities": tuple(value["entities"])}))
