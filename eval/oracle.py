"""An oracle of who may read what, written apart from the product's policy and over plain JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

_LEVELS = ("U", "C", "S", "TS")


def may_read(person: Mapping[str, Any], label: Mapping[str, Any]) -> bool:
    """Clearance, compartments, authorities and releasability, within one tenant."""
    released: Sequence[str] | None = label.get("releasable_to")
    return (
        person["tenant"] == label["tenant"]
        and _LEVELS.index(label["classification"]) <= _LEVELS.index(person["clearance"])
        and set(label.get("compartments", ())) <= set(person["compartments"])
        and set(label.get("authorities", ())) <= set(person["authorities"])
        and (released is None or person["nationality"] in released)
    )
