"""Fusion: one ranking from three, by reciprocal rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval.types import Arm, ArmHit, Hit

_K = 60
"""The constant of Cormack, Clarke and Büttcher (2009); it flattens the difference between first ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """A chunk with its fused score and what each arm said of it."""

    chunk_id: str
    score: float
    arms: tuple[ArmHit, ...]
    path: tuple[str, ...]


def fuse(rankings: Mapping[Arm, Sequence[Hit]]) -> list[Fused]:
    """All chunks of all arms, best first; adds up in the order of `Arm`, ties go by chunk id."""
    found: dict[str, list[ArmHit]] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for arm in Arm:
        for rank, hit in enumerate(rankings.get(arm, ()), start=1):
            found.setdefault(hit.chunk_id, []).append(ArmHit(arm=arm, rank=rank, score=hit.score))
            if hit.path:
                paths[hit.chunk_id] = hit.path
    fused = [
        Fused(
            chunk_id=chunk_id,
            score=sum(1 / (_K + hit.rank) for hit in hits),
            arms=tuple(hits),
            path=paths.get(chunk_id, ()),
        )
        for chunk_id, hits in found.items()
    ]
    return sorted(fused, key=lambda one: (-one.score, one.chunk_id))
