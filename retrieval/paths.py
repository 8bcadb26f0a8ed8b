"""Paths between entities: the shortest chains of visible relations, over either graph store."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from policy.scope import Scope
from retrieval.ports import GraphStore

MOST_HOPS = 4
_ROUNDS = 2
"""Of gathering, from both ends at once: enough for four hops that meet in the middle."""

Links = Mapping[str, Mapping[str, Collection[tuple[str, str]]]]
"""Entity → entity → the (type, relation id) that join them, whichever way they point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Entities in order, and for each step the relations that state it, by type and id."""

    entity_ids: tuple[str, ...]
    relation_ids: tuple[tuple[str, ...], ...]


async def shortest(
    graph: GraphStore, start: str, end: str, *, most_hops: int, limit: int, scope: Scope
) -> list[Path]:
    """The first `limit` of the shortest paths, in order of their entity ids; none from an entity to itself.

    What is searched are the relations within two hops of either end. From an entity with more than
    `MOST_NEIGHBOURS` neighbours it goes on only to what was met before; that one may lead to it all the same.
    """
    links = await _gathered(graph, start, end, 1 if most_hops == 1 else _ROUNDS, scope)
    hops = _hops_to(end, links, most_hops)
    if start == end or start not in hops:
        return []
    return [
        Path(
            entity_ids=tuple(entities),
            relation_ids=tuple(
                tuple(relation for _, relation in sorted(links[one][other]))
                for one, other in pairwise(entities)
            ),
        )
        for entities in islice(_descending([start], hops, links), limit)
    ]


async def _gathered(graph: GraphStore, start: str, end: str, rounds: int, scope: Scope) -> Links:
    links: dict[str, dict[str, set[tuple[str, str]]]] = {}
    met, asked = {start, end}, set[str]()
    for _ in range(rounds):
        front = met - asked
        for step in await graph.neighbours(sorted(front), sorted(met), scope=scope):
            for one, other in ((step.from_id, step.entity_id), (step.entity_id, step.from_id)):
                said = links.setdefault(one, {}).setdefault(other, set())
                said.add((step.relation, step.relation_id))
        asked |= front
        met = asked | set(links)
    return links


def _hops_to(end: str, links: Links, most: int) -> dict[str, int]:
    """Entity → how many hops it is from the end, as far as `most`."""
    hops = {end: 0}
    front = {end}
    for hop in range(1, most + 1):
        front = {other for one in front for other in links.get(one, ())} - hops.keys()
        hops |= dict.fromkeys(front, hop)
    return hops


def _descending(
    path: Sequence[str], hops: Mapping[str, int], links: Links
) -> Iterator[Sequence[str]]:
    """Every way on that comes nearer to the end with each hop, in order; none of it is made before it is asked for."""
    left = hops[path[-1]]
    if left == 0:
        yield path
        return
    for other in sorted(links[path[-1]]):
        if hops.get(other) == left - 1:
            yield from _descending([*path, other], hops, links)
