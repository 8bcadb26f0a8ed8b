"""The port to the product: the governed acts that GraphQL offers."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from copilot.ingest.documents import Document, Rejected
from copilot.ingest.report import IngestReport
from copilot.ledger.records import Page
from copilot.results import AskOutcome, DocumentOutcome, EntityOutcome, SearchOutcome, Sentence
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.principal import Asker


class Copilot(Protocol):
    """Every act decides, records and only then gives; what goes wrong raises a CopilotError."""

    @property
    def settings(self) -> Settings: ...

    @property
    def metrics(self) -> Metrics: ...

    async def ask(self, asker: Asker, question: str) -> AskOutcome: ...

    def ask_stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | AskOutcome]:
        """Checked sentences as they come, then the outcome. Closing it early breaks the answer off."""

    async def search(self, asker: Asker, question: str, k: int | None = None) -> SearchOutcome: ...

    async def document(self, asker: Asker, document_id: str) -> DocumentOutcome: ...

    async def entity(self, asker: Asker, name: str) -> EntityOutcome: ...

    async def answer(self, asker: Asker, answer_id: str) -> AskOutcome:
        """A stored answer, authorised anew."""

    async def ledger(
        self, asker: Asker, *, first: int, after: str | None, sub: str | None, kind: str | None
    ) -> Page:
        """Newest first, after the entry with the id `after`; Forbidden for who may not audit."""

    async def ingest(
        self, asker: Asker, documents: Iterable[Document | Rejected]
    ) -> IngestReport: ...

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""

    async def ready(self) -> dict[str, str]:
        """Each dependency with "ok" or what is wrong with it, safe to show."""
