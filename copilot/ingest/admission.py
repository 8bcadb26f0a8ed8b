"""Admission: which documents come in, decided for some of them at a time and before any is embedded."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from copilot.ingest import heads, holds, writer
from copilot.ingest.documents import Document, Identity, Rejected
from copilot.ingest.heads import LabelIds, label_ids
from copilot.ingest.held import HELD
from copilot.ingest.prepare import digest
from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from policy.engine import PolicyEngine
from policy.principal import Asker
from policy.recheck import opened
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database

_MOST_LABELS = 50
"""In one document. Labels are never forgotten, so nobody may make them by the thousand."""
_MOST_DOCUMENTS = 16
_MOST_CHARACTERS = 1_000_000
"""Of a group; the one that reaches this is the group's last."""

_CROWDED = "it has {} different labels; the most is {}"
CLOSED = "its label is not one that this ingester may read; ask somebody who may"

Given = Document | Rejected
Admitted = Document | Rejected | None
"""None for what stands there already, unchanged."""


def groups(documents: Iterable[Given]) -> Iterator[list[Given]]:
    """The documents in order, some at a time: few enough to be held in memory."""
    group: list[Given] = []
    characters = 0
    for one in documents:
        group.append(one)
        characters += size(one)
        if len(group) == _MOST_DOCUMENTS or characters >= _MOST_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def size(document: Admitted) -> int:
    """Characters of its text."""
    return sum(len(part.text) for part in document.parts) if isinstance(document, Document) else 0


class Admission:
    """Decides who may bring in what, and records what is refused."""

    def __init__(
        self,
        database: Database,
        engine: PolicyEngine,
        scoper: Scoper,
        ledger: Ledger,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._ledger = ledger
        self._recorder = recorder

    async def admit(
        self, asker: Asker, group: Sequence[Given], coming: Container[Identity]
    ) -> list[Admitted]:
        """What becomes of each. What is `coming` is not compared with what it is about to replace."""
        # For each group: a run is long, and access may end within it.
        asker = await self._scoper.standing(asker)
        documents = {at: one for at, one in enumerate(group) if isinstance(one, Document)}
        reasons = await self._reasons(asker, documents)
        allowed = {at: one for at, one in documents.items() if at not in reasons}
        scope = await self._scope(asker, allowed.values())
        ids = label_ids(scope)
        reasons |= {at: CLOSED for at, one in allowed.items() if not all_open(ids, one)}
        wanted = {at: one for at, one in allowed.items() if at not in reasons}
        standing = await self._standing(scope, ids, wanted, coming)
        reasons |= await self._held(scope, ids, wanted, standing)
        refused = {
            at: await self.refused(asker, documents[at], reason)
            for at, reason in sorted(reasons.items())
        }
        return [refused.get(at, None if at in standing else one) for at, one in enumerate(group)]

    async def refused(self, asker: Asker, document: Document, reason: str) -> Rejected:
        """What is said of the document once its refusal is recorded."""
        details = {"denied_act": "ingest", "denied_reason": reason, "sha256": digest(document)}
        await self._recorder.record(Kind.DENIED, asker, "Denied", details)
        return Rejected(
            source=document.source, line=None, reason=f"{document.document_id}: {reason}"
        )

    async def _reasons(self, asker: Asker, documents: Mapping[int, Document]) -> dict[int, str]:
        """Why the ingester may not bring in some. Asked before their labels are interned for good."""
        labels = {at: set(one.labels) for at, one in documents.items()}
        few = [some for some in labels.values() if len(some) <= _MOST_LABELS]
        readable = await opened(self._engine, asker, chain.from_iterable(few))
        return {
            at: _CROWDED.format(len(some), _MOST_LABELS) if len(some) > _MOST_LABELS else CLOSED
            for at, some in labels.items()
            if not some <= readable
        }

    async def _held(
        self,
        scope: Scope,
        ids: LabelIds,
        documents: Mapping[int, Document],
        standing: Container[int],
    ) -> dict[int, str]:
        """Those that would overwrite what is under legal hold, as far as the ingester may see it."""
        keys = {at: heads.key(one, ids) for at, one in documents.items() if at not in standing}
        held = await holds.held_documents(self._database, scope, keys.values()) if keys else set()
        return {at: HELD for at, key in keys.items() if key in held}

    async def _scope(self, asker: Asker, documents: Iterable[Document]) -> Scope:
        for label in dict.fromkeys(label for one in documents for label in one.labels):
            await self._ledger.label_id(label)
        return await self._scoper.scope(asker)

    async def _standing(
        self,
        scope: Scope,
        ids: LabelIds,
        documents: Mapping[int, Document],
        coming: Container[Identity],
    ) -> set[int]:
        """Those that stand there already, and that nothing of the group replaces before their turn."""
        asked: dict[Identity, Document] = {}
        for one in documents.values():
            if one.identity not in coming:
                asked.setdefault(one.identity, one)
        stored = await writer.unchanged(self._database, scope, [*asked.values()], ids)
        same = [one for one, is_stored in zip(asked.values(), stored, strict=True) if is_stored]
        standing: set[int] = set()
        replaced: set[Identity] = set()
        for at, one in documents.items():
            if one in same and one.identity not in replaced:
                standing.add(at)
            else:
                replaced.add(one.identity)
        return standing


def all_open(ids: LabelIds, document: Document) -> bool:
    return all(label.canonical() in ids for label in document.labels)
