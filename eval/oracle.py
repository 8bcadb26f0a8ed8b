"""An oracle of who may read what, written apart from the product's policy and over plain JSON."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Rule = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether a person (as attributes) may read a label: `may_read`, or one that is narrower still."""
_LEVELS = ("U", "C", "S", "TS")
_STRONG = ("strong", "phr", "phrh", "aal3")
_STRONG_SIGN_IN = frozenset({"PII", "PHI", "SOURCE"})
_RECENT_S = 3600


def may_read(person: Mapping[str, Any], label: Mapping[str, Any]) -> bool:
    """Clearance, compartments, authorities, releasability and sign-in, within one tenant."""
    released: Sequence[str] | None = label.get("releasable_to")
    return (
        person["tenant"] == label["tenant"]
        and _LEVELS.index(label["classification"]) <= _LEVELS.index(person["clearance"])
        and set(label.get("compartments", ())) <= set(person["compartments"])
        and set(label.get("authorities", ())) <= set(_valid(person["authorities"]))
        and (released is None or person["nationality"] in released)
        and (_signed_in_strongly(person) or not _wants_strong_sign_in(label))
    )


def _valid(authorities: Sequence[str | Mapping[str, Any]]) -> Iterator[str]:
    """The names of those that hold now; times are seconds since the epoch, the end exclusive."""
    now = time.time()
    for one in authorities:
        if isinstance(one, str):
            yield one
        elif _reached(one.get("not_before"), now) and not _over(one.get("not_after"), now):
            yield one["name"]


def _reached(instant: float | None, now: float) -> bool:
    return instant is None or instant <= now


def _over(instant: float | None, now: float) -> bool:
    return instant is not None and instant <= now


def _signed_in_strongly(person: Mapping[str, Any]) -> bool:
    at = person.get("auth_time")
    recent = at is None or time.time() - at <= _RECENT_S
    return recent and person.get("acr", "strong") in _STRONG


def _wants_strong_sign_in(label: Mapping[str, Any]) -> bool:
    return label["classification"] == "TS" or not _STRONG_SIGN_IN.isdisjoint(
        label.get("handling", ())
    )
