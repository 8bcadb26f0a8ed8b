"""What the tests of governed work share: askers, labels, and a ledger that keeps its records."""

from copilot.ledger.log import Ledger, Record, StoredAnswer
from copilot.testing import MemoryLabels
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker, Principal


def label(level: str = "U", *compartments: str) -> Label:
    return Label(
        tenant="t1",
        classification=Classification(level),
        compartments=frozenset(compartments),
    )


def asker(clearance: str = "C", *compartments: str) -> Asker:
    principal = Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification(clearance),
        compartments=frozenset(compartments),
        nationality="DE",
        roles=frozenset(["analyst", "ingester"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation", reason="case 7")


class KeptLedger(Ledger):
    """Keeps what it is given, in order. `broken_for` names the outcomes that it does not take."""

    def __init__(self, labels: MemoryLabels, *, broken_for: str = "") -> None:
        self.labels = labels
        self.broken_for = broken_for
        self.records: list[Record] = []
        self.answers: list[StoredAnswer] = []

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.records]

    async def record(self, record: Record, answer: StoredAnswer | None = None) -> str:
        if record.outcome == self.broken_for:
            raise Unavailable("ledger", "the ledger takes no records; nothing was released")
        self.records.append(record)
        if answer is not None:
            self.answers.append(answer)
        return f"ledger-{len(self.records)}"

    async def label_id(self, label: Label) -> int:
        return self.labels.intern(label)
