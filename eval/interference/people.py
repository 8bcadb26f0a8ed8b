"""Labels and readers, drawn so that the same corpus looks different to each of them."""

from dataclasses import dataclass
from random import Random
from typing import Any

from eval.cases import Attributes
from policy.labels import Label
from policy.principal import Asker, Principal

HOME = "home"
AWAY = "away"
"""Another tenant, whose documents lie in the same tables."""
_LEVELS = ("U", "C", "S", "TS")
_COMPARTMENTS = ("HARBOR", "LANTERN", "SI")
_AUTHORITIES = ("court", "customs")
_OVER = 946_684_800
"""The year 2000: whoever held something until then holds it no more."""
_STRONG = 0.8
"""Share of readers who signed in strongly enough for TS and for personal data."""
_HANDLING = ("PII", "SOURCE", "ORCON")
_NATION = "NLD"
"""Of whoever writes the corpus: every label is released to it, or else nobody could ingest."""
_NATIONS = (_NATION, "USA", "GBR")
_PURPOSE = "investigation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who reads: for the product, and as plain attributes for the oracle."""

    asker: Asker
    attributes: Attributes

    @property
    def sub(self) -> str:
        return self.asker.principal.sub


def reader(sub: str, attributes: Attributes) -> Reader:
    """A reader for the first of their purposes."""
    principal = Principal.from_json(sub, attributes, where="generated")
    return Reader(
        asker=Asker(principal=principal, purpose=principal.purposes[0], reason="a test"),
        attributes=attributes,
    )


def author(tenant: str) -> Reader:
    """Whoever writes the corpus of a tenant: may read all of it."""
    return reader(
        f"author-{tenant}",
        {
            "tenant": tenant,
            "clearance": "TS",
            "compartments": list(_COMPARTMENTS),
            "nationality": _NATION,
            "authorities": [*_AUTHORITIES, "treaty"],
            "roles": ["analyst", "ingester", "auditor"],
            "purposes": [_PURPOSE],
        },
    )


def draw_reader(rng: Random, sub: str) -> Reader:
    """Anybody of the home tenant who may ask and audit."""
    attributes = {
        "tenant": HOME,
        "clearance": rng.choice(_LEVELS),
        "compartments": _some(rng, _COMPARTMENTS, 0.5),
        "nationality": rng.choice(_NATIONS),
        "authorities": [*_some(rng, _AUTHORITIES, 0.4), *_expired(rng)],
        "roles": ["analyst", "ingester", "auditor"],
        "purposes": [_PURPOSE],
        "acr": "strong" if rng.random() < _STRONG else "password",
    }
    return reader(sub, attributes)


def draw_labels(rng: Random, tenant: str, most: int) -> list[Label]:
    """A few distinct labels, the lowest of all among them."""
    drawn = [_label({"classification": "U"}, tenant)]
    drawn += [_draw_label(rng, tenant) for _ in range(most - 1)]
    return list(dict.fromkeys(drawn))


def _draw_label(rng: Random, tenant: str) -> Label:
    value: dict[str, Any] = {
        "classification": rng.choices(_LEVELS, (4, 3, 3, 2))[0],
        "compartments": _some(rng, _COMPARTMENTS, 0.2),
        "authorities": _some(rng, (*_AUTHORITIES, "treaty"), 0.1),
        "handling": _some(rng, _HANDLING, 0.1),
    }
    if rng.random() < 0.3:
        value["releasable_to"] = [_NATION, *_some(rng, _NATIONS[1:], 0.5)]
    return _label(value, tenant)


def _expired(rng: Random) -> list[dict[str, Any]]:
    return [{"name": "treaty", "not_after": _OVER}] if rng.random() < 0.2 else []


def _label(value: dict[str, Any], tenant: str) -> Label:
    return Label.from_json(value, tenant=tenant, where="generated")


def _some(rng: Random, names: tuple[str, ...], chance: float) -> list[str]:
    return [name for name in names if rng.random() < chance]
