"""An in-memory Disposal for tests of the edge: it does nothing and remembers what it was asked."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from copilot.results import (
    Certificate,
    CertificateOutcome,
    HoldChanged,
    HoldOutcome,
    NotFound,
)
from policy.principal import Asker


@dataclass
class FakeDisposal:
    """Knows the document d1."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)

    async def hold(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome:
        self.calls.append(("hold", document_id, reason))
        return _changed(document_id, held=True)

    async def release(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome:
        self.calls.append(("release", document_id, reason))
        return _changed(document_id, held=False)

    async def certificate(self, asker: Asker, document_id: str) -> CertificateOutcome:
        if document_id != "d1":
            return NotFound(text="nothing", ledger_id="l13")
        return Certificate(
            document_id="d1",
            erased_at=datetime(2026, 1, 2, tzinfo=UTC),
            erased_by="ann",
            body={"erasure_id": "e1"},
            ledger_id="l12",
        )


def _changed(document_id: str, *, held: bool) -> HoldOutcome:
    if document_id != "d1":
        return NotFound(text="nothing", ledger_id="l11")
    return HoldChanged(document_id="d1", held=held, part_ids=("p1",), ledger_id="l11")
