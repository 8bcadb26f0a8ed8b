"""A PROV-JSON document: https://www.w3.org/submissions/prov-json/, as canonical bytes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from copilot.ledger.log import canonical

Kind = Literal["entity", "activity", "agent"]
Typed = dict[str, str]
Value = str | Typed | Sequence[str | Typed] | None
"""None where there is nothing to say, which is then not said."""


class Document:
    """Statements as they are made; the same ones in the same order give the same bytes."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._said: dict[str, dict[str, Any]] = {"prefix": dict(prefixes)}
        self._numbers = Counter[str]()

    def element(self, kind: Kind, name: str, **said: Value) -> str:
        """Declares it, or adds nothing where it is declared already; gives its name.

        Attributes are given as `prov_type` for `prov:type` and `copilot_sha256` for `copilot:sha256`.
        """
        self._said.setdefault(kind, {}).setdefault(name, _attributes(said))
        return name

    def relate(self, relation: str, members: Mapping[str, str | None], **said: Value) -> None:
        """States a relation; members that are None are left out."""
        self._numbers[relation] += 1
        stated = {f"prov:{name}": value for name, value in members.items() if value is not None}
        name = f"_:{relation}{self._numbers[relation]}"
        self._said.setdefault(relation, {})[name] = stated | _attributes(said)

    def bytes(self) -> bytes:
        """RFC 8785."""
        return canonical(self._said)


def local(*segments: str) -> str:
    """The local part of a qualified name: segments with slashes between, whatever stands in them."""
    return "/".join(quote(one, safe="").replace(".", "%2E") for one in segments)


def qualified(name: str) -> Typed:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def moment(at: datetime) -> Typed:
    return {"$": at.isoformat(), "type": "xsd:dateTime"}


def whole(number: int) -> Typed:
    return {"$": str(number), "type": "xsd:integer"}


def decimal(number: float) -> Typed:
    """Without an exponent, which xsd:decimal has not."""
    return {"$": written_out(number), "type": "xsd:decimal"}


def written_out(number: float) -> str:
    """All its digits, without an exponent."""
    return f"{Decimal(repr(number)):f}"


def truth(value: bool) -> Typed:
    return {"$": "true" if value else "false", "type": "xsd:boolean"}


def _attributes(said: Mapping[str, Value]) -> dict[str, Any]:
    """A list of one is that one, and an empty one nothing."""
    attributes: dict[str, Any] = {}
    for name, value in said.items():
        several = [value] if isinstance(value, str | dict) else list(value or ())
        if several:
            attributes[name.replace("_", ":", 1)] = several[0] if len(several) == 1 else several
    return attributes
