"""What an ingest did."""

from dataclasses import dataclass

from copilot.ingest.documents import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """Counts documents; `rejected` names each that was not taken and why."""

    ingested: int
    unchanged: int
    rejected: tuple[Rejected, ...]
    ledger_ids: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What the ingester should know, such as another copy under another label that they may read."""
