"""What the act of reading an answer's provenance gives."""

from dataclasses import dataclass
from typing import ClassVar

from copilot.results import Denied, NotFound, StepUpRequired, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How one answer came about, as far as the reader may be told; absent and hidden answers are both NotFound."""

    kind: ClassVar[str] = "Provenance"
    entry: str
    """The ledger id of the ask."""
    answer_id: str | None
    """None where it was erased from the entry."""
    banner: str
    """The marking of both forms: that of the entry, which may be above that of the answer."""
    prov: str
    """W3C PROV-JSON, as canonical JSON."""
    page: str
    """One HTML document that needs nothing else."""
    ledger_id: str


ProvenanceOutcome = Provenance | NotFound | Denied | StepUpRequired | Unavailable
