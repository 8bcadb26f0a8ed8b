"""What replays are tested on: three passages under three labels, who asks, who audits, and rules that close."""

from dataclasses import replace
from typing import Any

from copilot.ingest.documents import Document, Part
from policy.labels import Classification, Label
from policy.principal import Asker, Principal

U = Label(tenant="t1", classification=Classification.U)
KITE = replace(U, classification=Classification.S, compartments=frozenset(["KITE"]))
TOP = replace(U, classification=Classification.TS)
TEXTS = {
    "open": (U, "The Kestrel left the harbour of Gdansk on 5 March 2024."),
    "kite": (KITE, "The Kestrel carried forty crates for Ludo Corvane from the harbour."),
    "top": (TOP, "The Kestrel is watched by the harbour master of Ormsby."),
}
QUESTION = "What did the Kestrel carry from the harbour?"
CLOSING = """package tenant

closed contains position if {
	some position, label in input.labels
	%s
}

default refused := []

default unroutable := []
"""
KITE_TO_ANALYSTS = CLOSING % '"KITE" in label.compartments; "analyst" in input.principal.roles'
EVERY_OTHER_SECOND = (
    CLOSING
    % """"analyst" in input.principal.roles
	shifted := input.now_ns + 500000000
	((shifted - (shifted % 1000000000)) / 1000000000) % 2 == 1"""
)
"""At half past the second, when scopes that are kept do not end by themselves."""
OPEN_TO_AUDITORS = CLOSING % 'label.classification == "U"; "auditor" in input.principal.roles'


def person(sub: str, role: str, **changes: Any) -> Asker:
    principal = Principal(
        sub=sub,
        tenant="t1",
        clearance=Classification.S,
        compartments=frozenset(["KITE"]),
        nationality="USA",
        roles=frozenset([role]),
        purposes=("investigation",),
    )
    return Asker(principal=replace(principal, **changes), purpose="investigation")


ANN = person("ann", "analyst")
ABE = person("abe", "auditor", clearance=Classification.TS)
LOW = person("low", "auditor", clearance=Classification.C)
AUTHOR = person("ada", "ingester", clearance=Classification.TS)


def documents(texts: dict[str, tuple[Label, str]]) -> list[Document]:
    return [
        Document(
            document_id=name,
            title="",
            label=label,
            parts=(Part(label=label, text=text),),
            source=f"{name}.md",
        )
        for name, (label, text) in texts.items()
    ]
