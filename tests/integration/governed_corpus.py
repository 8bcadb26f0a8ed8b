"""A few documents under labels that sign-in, reasons and routing decide on, and who reads them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from copilot.acts import Copilot
from copilot.app import build
from copilot.generation.port import Generator
from copilot.ingest.documents import Document, Part
from copilot.settings import Settings
from policy.labels import Classification, Label
from policy.principal import Asker, Principal

OPEN = Label(tenant="t1", classification=Classification.U)
CLOSED = {
    "ts": replace(OPEN, classification=Classification.TS),
    "pii": replace(OPEN, handling=frozenset(["PII"])),
    "phi": replace(OPEN, handling=frozenset(["PHI"])),
    "source": replace(OPEN, classification=Classification.S, handling=frozenset(["SOURCE"])),
}
"""Labels that need a strong and recent sign-in, by the id of the document that bears them."""
TEXTS = {
    "open": "Halder signed the charter of the Kestrel in Gdansk on 5 March 2024.",
    "ts": "Ludo Corvane paid Reiss EUR 900 for the silence of the harbour master.",
    "pii": "Mirabel Tolland lives behind the lighthouse of Ormsby.",
    "phi": "Doctor Quillon treats Lorne for a weak heart.",
    "source": "Our source PILOTFISH is Daniel Ferro, the night dispatcher of Alder Shipping.",
}
QUESTIONS = {
    "open": "Who signed the charter of the Kestrel?",
    "ts": "Who paid Reiss for the silence of the harbour master?",
    "pii": "Where does Mirabel Tolland live?",
    "phi": "What does Doctor Quillon treat Lorne for?",
    "source": "Who is our source PILOTFISH?",
}
NAMES = {
    "open": "Halder",
    "ts": "Ludo Corvane",
    "pii": "Mirabel Tolland",
    "phi": "Quillon",
    "source": "Daniel Ferro",
}


def reader(**changes: Any) -> Asker:
    """Cleared for everything, signed in just now; `changes` are those of the principal."""
    principal = Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.TS,
        nationality="USA",
        roles=frozenset(["analyst", "ingester"]),
        purposes=("investigation",),
    )
    return Asker(principal=replace(principal, **changes), purpose="investigation")


def documents() -> list[Document]:
    labels = {"open": OPEN, **CLOSED}
    return [
        Document(
            document_id=name,
            title="",
            label=labels[name],
            parts=(Part(label=labels[name], text=text),),
            source=f"{name}.md",
        )
        for name, text in TEXTS.items()
    ]


@asynccontextmanager
async def opened(
    settings: Settings, *, generator: Generator | None = None
) -> AsyncIterator[Copilot]:
    """The product with the documents in it."""
    async with build(settings, generator=generator) as copilot:
        report = await copilot.ingest(reader(), documents())
        assert report.ingested == len(TEXTS), report
        yield copilot
