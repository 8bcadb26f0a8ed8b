"""Fusion: one ranking from three, by score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval.fit import Fit
from retrieval.types import Arm, ArmHit, Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """A chunk with its fused score and what each arm said of it."""

    chunk_id: str
    score: float
    arms: tuple[ArmHit, ...]
    path: tuple[str, ...]


def fuse(rankings: Mapping[Arm, Sequence[Hit]], fit: Fit) -> list[Fused]:
    """All chunks of all arms, best first: a chunk's own fit and what the graph adds; ties go by chunk id.

    By score and not by rank, which would throw away how far the graph's first stand above the rest.
    """
    found: dict[str, list[ArmHit]] = {}
    paths: dict[str, tuple[str, ...]] = {}
    added: dict[str, float] = {}
    for arm in Arm:
        for rank, hit in enumerate(rankings.get(arm, ()), start=1):
            found.setdefault(hit.chunk_id, []).append(ArmHit(arm=arm, rank=rank, score=hit.score))
            if arm is Arm.GRAPH:
                paths[hit.chunk_id], added[hit.chunk_id] = hit.path, hit.score
    fused = [
        Fused(
            chunk_id=chunk_id,
            score=fit.score(chunk_id) + added.get(chunk_id, 0.0),
            arms=tuple(hits),
            path=paths.get(chunk_id, ()),
        )
        for chunk_id, hits in found.items()
    ]
    return sorted(fused, key=lambda one: (-one.score, one.chunk_id))
