"""What of a record one reader is told: from who they are, and from the labels that are open to them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from copilot.asked import UNTOLD
from copilot.citations import sha256
from copilot.ledger.opened import stated_reason
from copilot.output_scan import Kind as FindingKind
from copilot.provenance.account import (
    Account,
    Act,
    Audience,
    Call,
    Citation,
    Commitment,
    Dropped,
    Policy,
    Prompt,
    Sentence,
    Source,
    State,
)
from copilot.provenance.recorded import Place, Recorded
from policy.errors import BadInput, CopilotError
from policy.labels import ORIGINATOR_CONTROLLED, Label, join_all
from policy.markings import banner

_UNTOLD_REASONS = frozenset(str(kind) for kind in UNTOLD)
_REASONS = {kind.name.lower(): str(kind) for kind in FindingKind}
_INCIDENTS = frozenset(["recheck_dropped", "scope"])
"""What is recorded and not told to whoever asked: the labels open to them, and what was taken out above these."""
_SEARCHED = frozenset(["plan", "unnamed", "degraded", "consulted"])
_WRITTEN = frozenset(["dropped", "failed_calls", "scan"])
_NO_MODEL = "none"
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_USAGE = (*_TOKENS, "cost_usd", "duration_ms")
"""The last is not in records of earlier versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who is told, and what of content and fields is open to them now."""

    audience: Audience
    labels: Set[Label] | None
    """None: all of them."""
    fields: Set[str]
    """The restricted fields that their roles open, "usage" and "explanation" among them."""
    known_as: Mapping[str, str] | None = None
    """Chunk id → the id by which they may know its document; None where they may know what the record says."""

    def withheld(self) -> frozenset[str]:
        """Names of values that this reader is not told, whatever they say."""
        if self.audience is Audience.AUDITOR:
            return frozenset()
        if self.audience is Audience.READER:
            return _INCIDENTS | _SEARCHED | _WRITTEN
        return _INCIDENTS if "explanation" in self.fields else _INCIDENTS | _SEARCHED


def account(recorded: Recorded, reader: Reader, quotes: Mapping[Place, str]) -> Account:
    """BadInput where the entry is written in a form that this release cannot read."""
    try:
        return _Telling(recorded, reader, quotes).account()
    except (KeyError, TypeError, ValueError, AttributeError, CopilotError) as error:
        raise BadInput(
            f"the entry {recorded.ledger_id} is written in a form that this release cannot show"
        ) from error


class _Telling:
    """One record on its way to one reader."""

    def __init__(self, recorded: Recorded, reader: Reader, quotes: Mapping[Place, str]) -> None:
        self._recorded = recorded
        self._reader = reader
        self._quotes = quotes
        withheld = reader.withheld()
        self._said = {
            name: value for name, value in recorded.details.items() if name not in withheld
        }
        self._sources = [*self._passages("contexts")]

    def account(self) -> Account:
        said, index = self._said, self._said["index"]
        sentences = tuple(self._sentences())
        cited = [one.source.label for sentence in sentences for one in sentence.citations]
        decided = said.get("decided")
        return Account(
            audience=self._reader.audience,
            ledger_id=self._recorded.ledger_id,
            answer_id=said["stored_answer"]["answer_id"] if "stored_answer" in said else None,
            tenant=index["tenant"],
            label=_label(index["label"]),
            recorded_at=datetime.fromisoformat(index["recorded_at"]),
            began_at=_moment(decided["between_us"][0]) if decided else None,
            act=_act(said["act"], stated_reason(said)) if "act" in said else None,
            person=decided["principal"] if decided and self._about_the_person() else None,
            question=said.get("question"),
            plan=said.get("plan"),
            unnamed=tuple(said.get("unnamed", ())),
            degraded=tuple(said.get("degraded", ())),
            banner=banner(join_all(cited)) if cited else None,
            sentences=sentences,
            sources=tuple(self._sources),
            refused=tuple(self._passages("recheck_dropped")),
            dropped=tuple(self._dropped()),
            findings=tuple(self._findings()),
            calls=tuple(self._calls()),
            policy=_policy(decided) if decided else None,
            scope=(said["scope"]["sha256"], said["scope"]["labels"]) if "scope" in said else None,
            opening=said.get("opening"),
            leaf=self._recorded.leaf.decode(),
            leaf_hash=self._recorded.leaf_hash,
            commitments=tuple(self._commitments()),
        )

    def _about_the_person(self) -> bool:
        return self._reader.audience is not Audience.READER

    def _passages(self, name: str) -> Iterator[Source]:
        """Those whose label is open to the reader; of the others nothing is told."""
        labels, known_as = self._reader.labels, self._reader.known_as
        for one in self._said.get(name, ()):
            label, chunk_id = _label(one["label"]), one["chunk_id"]
            if (labels is None or label in labels) and (known_as is None or chunk_id in known_as):
                yield Source(
                    document_id=known_as[chunk_id] if known_as else one["document_id"],
                    part_id=one["part_id"],
                    chunk_id=chunk_id,
                    sha256=one["sha256"],
                    label=label,
                    arms=tuple(f"{hit['arm']} {hit['rank']}" for hit in one["arms"]),
                    why=one.get("why", ""),
                )

    def _sentences(self) -> Iterator[Sentence]:
        """Those of which every source is told: the text of a sentence is that of its sources."""
        sources = {one.chunk_id: one for one in self._sources}
        said, number = Counter[str](), 0
        for one in self._said.get("answer", ()):
            if not all(cited["chunk_id"] in sources for cited in one["citations"]):
                continue
            said[one["sha256"]] += 1
            again = said[one["sha256"]]
            citations = []
            for cited in one["citations"]:
                number += 1
                citations.append(self._citation(number, cited, sources[cited["chunk_id"]]))
            yield Sentence(
                key=one["sha256"] if again == 1 else f"{one['sha256']}-{again}",
                text=one["text"],
                sha256=one["sha256"],
                marking=one["marking"],
                citations=tuple(citations),
            )

    def _citation(self, number: int, cited: Mapping[str, Any], source: Source) -> Citation:
        quote = self._quotes.get((cited["chunk_id"], cited["start"], cited["end"]))
        audits = self._reader.audience is Audience.AUDITOR
        if audits and ORIGINATOR_CONTROLLED in source.label.handling:
            quote = None
        return Citation(
            number=number,
            source=source,
            start=cited["start"],
            end=cited["end"],
            quote=quote if quote and sha256(quote) == cited["quote_sha256"] else None,
            quote_sha256=cited["quote_sha256"],
        )

    def _dropped(self) -> Iterator[Dropped]:
        """Without those that tell whoever asked of something that they are not to know of."""
        for one in self._said.get("dropped", ()):
            told = _UNTOLD_REASONS.isdisjoint(one["reason"].split("; "))
            if told or self._reader.audience is Audience.AUDITOR:
                yield Dropped(stage=one["stage"], reason=one["reason"], sha256=one["sha256"])

    def _findings(self) -> Iterator[tuple[str, int]]:
        for name, count in sorted(self._said.get("scan", {}).items()):
            reason = _REASONS.get(name, name)
            told = name in _REASONS and reason not in _UNTOLD_REASONS
            if told or self._reader.audience is Audience.AUDITOR:
                yield reason, count

    def _calls(self) -> Iterator[Call]:
        for number, one in enumerate(self._said.get("consulted", ()), start=1):
            hidden = self._hidden_chunks()
            said = tuple(text for text in one["said"] if text not in hidden)
            yield replace(self._call(f"consultation-{number}", one, one["model"]), said=said)
        for number, one in enumerate(self._said.get("failed_calls", ()), start=1):
            failed = {**one, **(one.get("usage") or {}), "attempts": 1}
            yield replace(self._call(f"failed-{number}", self._said, failed), failed=one["why"])
        if self._said.get("model", {}).get("provider", _NO_MODEL) != _NO_MODEL:
            yield self._call("generation", self._said, self._said["model"])

    def _hidden_chunks(self) -> set[str]:
        passages = self._recorded.details.get("contexts", ())
        return {one["chunk_id"] for one in passages} - {one.chunk_id for one in self._sources}

    def _call(self, name: str, said: Mapping[str, Any], model: Mapping[str, Any]) -> Call:
        prompt = said.get("prompt")
        refused = (said.get("routing") or {}).get("refused", ())
        opened = self._reader.audience is Audience.AUDITOR or "usage" in self._reader.fields
        return Call(
            name=name,
            provider=model["provider"],
            model=model["model"],
            attempts=model["attempts"],
            prompt=Prompt(**prompt) if prompt else None,
            usage={kind: model[kind] for kind in _USAGE if kind in model}
            if opened and self._explained()
            else None,
            refused=tuple((one["provider"], one["reason"]) for one in refused),
        )

    def _explained(self) -> bool:
        return self._reader.audience is not Audience.READER

    def _commitments(self) -> Iterator[Commitment]:
        audits = self._reader.audience is Audience.AUDITOR
        for name, digest in sorted(self._recorded.commitments.items()):
            state = State.TOLD if name in self._said else State.WITHHELD
            if name not in self._recorded.details:
                state = State.ERASED
            yield Commitment(
                name=name,
                sha256=digest,
                state=state,
                erasures=self._recorded.erasures.get(name, ()) if audits else (),
            )


def _act(said: Mapping[str, Any], reason: str) -> Act:
    return Act(
        sub=said["sub"],
        operator=said["impersonated_by"],
        purpose=said["purpose"],
        reason=reason,
        outcome=said["outcome"],
        revision=said["policy_revision"],
        grants=tuple(said.get("break_glass", ())),
    )


def _policy(decided: Mapping[str, Any]) -> Policy:
    policy = decided["policy"]
    return Policy(
        release=policy["release"],
        own=policy["own"],
        strict=decided["strict"],
        reason_required=policy["reason_required"],
    )


def _moment(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _label(value: object) -> Label:
    return Label.from_json(value, tenant="", where="a recorded label")
