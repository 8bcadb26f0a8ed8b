"""Linking: which known names a name may mean, by the words that they share."""

from collections.abc import Collection, Iterable

from retrieval.ports import MOST_LINKS

LEAST = 0.5
"""Share of all their words that two names must have in common."""


def share(one: str, other: str) -> float:
    """Of the different words of both names, those that both have, from 0 to 1."""
    words, others = set(one.split()), set(other.split())
    common = len(words & others)
    return common / max(len(words) + len(others) - common, 1)


def close(names: Iterable[str], keys: Collection[str]) -> set[str]:
    """The keys that share enough with one of the names.

    Where more than `MOST_LINKS` do so with one name, which then says too little, only those with its very words.
    """
    found: set[str] = set()
    for name in names:
        shares = {key: share(name, key) for key in keys}
        near = {key for key, some in shares.items() if some >= LEAST}
        found |= near if len(near) <= MOST_LINKS else {key for key in near if shares[key] == 1}
    return found
