"""The Traffic Light Protocol 2.0, as STIX marks its objects, both ways.

Each colour is the ones below it and a compartment more, so that the order of the protocol is the order
of labels, the join of two colours is the stricter one, and nobody reads what their tenant did not give them.
"""

from policy.errors import BadInput
from policy.labels import Classification, Label

_COLOURS = ("GREEN", "AMBER", "AMBER+STRICT", "RED")
_COMPARTMENTS = tuple(f"TLP-{colour.replace('+', '-')}" for colour in _COLOURS)
_CLEAR = "TLP:CLEAR"
_TEXTS = (_CLEAR, *(f"TLP:{colour}" for colour in _COLOURS))


def from_tlp(text: str, *, tenant: str, where: str) -> Label:
    """The label of `TLP:AMBER` and the like; BadInput for what is none, TLP 1.0's WHITE among it."""
    if text not in _TEXTS:
        raise BadInput(f"{where}: {text!r} is no mark of TLP 2.0; known: {', '.join(_TEXTS)}")
    return Label(
        tenant=tenant,
        classification=Classification.U,
        compartments=frozenset(_COMPARTMENTS[: _TEXTS.index(text)]),
    )


def to_tlp(label: Label) -> str | None:
    """The mark that says exactly what the label says; None where no mark does."""
    for text in _TEXTS:
        if from_tlp(text, tenant=label.tenant, where="label") == label:
            return text
    return None
