"""What one reader is told of how an answer came about: the values that both forms are written from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from copilot.ledger.prove import LedgerProof
from copilot.reads import Read
from policy.labels import Label


class Audience(StrEnum):
    """Who is told. What each may know of the same record differs."""

    AUDITOR = "auditor"
    """All of it, as far as the labels are open to them."""
    ASKER = "asker"
    """What they were given and how it was found; nothing that was recorded without their being told."""
    READER = "reader"
    """Somebody else who may read the answer: not how it was found, which tells of all that the asker could read."""


class State(StrEnum):
    """What became of a value that the record commits to."""

    TOLD = "told"
    WITHHELD = "withheld"
    """It is there, and not for this reader."""
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One name of the leaf."""

    name: str
    sha256: str
    """Over salt and value, hex."""
    state: State
    erasures: tuple[str, ...] = ()
    """Ledger ids of the records that say that it was erased, as far as an auditor may read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who asked, and why."""

    sub: str
    operator: str | None
    """Who acted as `sub`, where somebody did."""
    purpose: str
    reason: str
    """Empty where none was stated, or it was erased."""
    outcome: str
    revision: str
    grants: tuple[str, ...]
    """Of access in an emergency, under which it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that the search found, by its hash; texts are in no record."""

    document_id: str
    part_id: str
    chunk_id: str
    sha256: str
    label: Label
    arms: tuple[str, ...]
    """By which ways of searching it was found, each with the rank, such as "vector 1"."""
    why: str = ""
    """Of one that was not passed on: "policy" closed it the second time, or the "scope" did not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The span that a sentence rests on. Offsets are code points of the part."""

    number: int
    """From 1, through the whole answer."""
    source: Source
    start: int
    end: int
    quote: str | None
    """As the stored answer has it, where that is still there and has the recorded hash; to auditors none whose
    originator keeps it to the asker."""
    quote_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the answer."""

    key: str
    """Its SHA-256, and a number where the same was said before: no place among sentences shows in it."""
    text: str
    sha256: str
    marking: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A sentence that was written and not given, by the check that took it out."""

    stage: str
    reason: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A template, and the hash of what was made of it."""

    template: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model: the one that wrote the answer, one that failed to, or one that was asked to judge before."""

    name: str
    """"generation", or "failed-1" or "consultation-1" and so on."""
    provider: str
    model: str
    attempts: int
    prompt: Prompt | None
    usage: Mapping[str, int | float | None] | None
    """Tokens by kind, `cost_usd`, and `duration_ms` where it was recorded; None where the roles do not open it."""
    refused: tuple[tuple[str, str], ...]
    """Providers that policy did not let have the passages, each with its reason."""
    failed: str | None = None
    """Why it came to nothing, though it was given the passages."""
    said: tuple[str, ...] = ()
    """What a consultation gave: sub-questions, or ids of the chunks that bear on the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decided, by digests (hex)."""

    release: str
    own: str | None
    """The tenant's own rules."""
    strict: bool
    reason_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One answer. What was erased, and what this reader is not told, is None or empty; `commitments` says which."""

    audience: Audience
    ledger_id: str
    answer_id: str | None
    tenant: str
    label: Label
    """Of the entry: whoever may read that may be told this."""
    recorded_at: datetime
    began_at: datetime | None
    act: Act | None
    person: Mapping[str, Any] | None
    """The attributes by which policy decided on the person."""
    question: str | None
    plan: Mapping[str, Any] | None
    unnamed: tuple[str, ...]
    degraded: tuple[str, ...]
    banner: str | None
    """The least upper bound of what the sentences cite; None where there is none."""
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    """All that the model was given."""
    refused: tuple[Source, ...]
    """What the double check took out."""
    dropped: tuple[Dropped, ...]
    findings: tuple[tuple[str, int], ...]
    """What the output scan found, and in how many places."""
    calls: tuple[Call, ...]
    policy: Policy | None
    scope: tuple[str, int] | None
    """Digest and number of the labels that were open to the asker."""
    opening: str | None
    """The entry that was made before anything was generated."""
    leaf: str
    """The canonical JSON that stands in the log."""
    leaf_hash: str
    commitments: tuple[Commitment, ...]
    proof: LedgerProof | None = None
    """For auditors, once the entry is sealed."""

    def state(self, name: str) -> State | None:
        """What became of a value of the record; None where the record has no such one."""
        return next((one.state for one in self.commitments if one.name == name), None)

    def citations(self) -> Iterator[Citation]:
        """Those of all sentences, in order."""
        return (one for sentence in self.sentences for one in sentence.citations)

    def reads(self) -> list[Read]:
        """The parts of which it shows text."""
        cited = (one.source for one in self.citations())
        reads = (
            Read(part_id=one.part_id, label=one.label, document_id=one.document_id) for one in cited
        )
        return list(dict.fromkeys(reads))

    def labels(self) -> list[Label]:
        """Those of all that it tells."""
        told = [self.label, *(one.label for one in (*self.sources, *self.refused))]
        return list(dict.fromkeys(told))
