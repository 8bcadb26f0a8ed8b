"""The graph in Neo4j: a projection of Postgres, with the scope inside every hop and a fence before each read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from policy.errors import Unavailable
from policy.scope import Scope
from retrieval import linking
from retrieval.ports import MOST_LINKS, Around, Definition, EntityLink, Neighbour
from retrieval.stores.neo4j.queries import Queries
from retrieval.stores.neo4j.server import Neo4j, Record

_CYPHER = Queries("retrieval.stores.neo4j", "graph.cypher")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Which projection may be read, and what it must have seen by now."""

    generation: str
    token: int


class Fence(Protocol):
    """Knows what the projection still lacks."""

    async def position(self, scope: Scope) -> Position:
        """Raises Unavailable where a restriction within the scope, or the projection itself, is not there yet."""


class Neo4jGraph:
    """`GraphStore` on Neo4j. Its results are those of Postgres, in the same order."""

    def __init__(self, server: Neo4j, fence: Fence) -> None:
        self._server = server
        self._fence = fence

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        words = {name: set(name.split()) for name in names}
        parameters = {
            "tokens": sorted({token for some in words.values() for token in some}),
            "most_words": 2 * max(map(len, words.values()), default=0),
        }
        [found] = await self._read("linked", scope, parameters)
        keys = {key: entity for entity, key in found}
        return {keys[key]: key for key in linking.close(names, keys)}

    async def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> Around:
        inside = await self._inside(chunk_ids, scope)
        asked = {*entity_ids, *(entity for some in inside.values() for entity in some)}
        return Around(
            inside=inside,
            mentions=await self._mentions(sorted(asked), near, scope),
            definitions=await self._definitions(keys, near, scope),
        )

    async def _inside(self, chunk_ids: Sequence[str], scope: Scope) -> dict[str, list[str]]:
        if not chunk_ids:
            return {}
        [found] = await self._read("entities_in", scope, {"chunks": list(chunk_ids)})
        inside: dict[str, list[str]] = {}
        for chunk, entity in sorted(found):
            inside.setdefault(chunk, []).append(entity)
        return inside

    async def _mentions(
        self, entity_ids: Sequence[str], near: Sequence[str], scope: Scope
    ) -> list[EntityLink]:
        if not entity_ids:
            return []
        parameters = {"entities": list(entity_ids), "near": list(near), "most": MOST_LINKS}
        known, close = await self._read("mentions", scope, parameters)
        names = {entity: key for entity, key, *_ in known}
        bounded = _bounded([(entity, degree, some) for entity, _, degree, some in known], close)
        return [
            EntityLink(entity_id=entity, name=names[entity], chunk_id=chunk, degree=degree)
            for entity, chunk, degree in bounded
        ]

    async def _definitions(
        self, keys: Sequence[str], near: Sequence[str], scope: Scope
    ) -> list[Definition]:
        if not keys:
            return []
        parameters = {"keys": list(keys), "near": list(near), "most": MOST_LINKS}
        known, close = await self._read("defined", scope, parameters)
        return [
            Definition(key=key, chunk_id=chunk)
            for key, chunk, _ in _bounded(
                [(key, degree, some) for key, degree, some in known], close
            )
        ]

    async def neighbours(self, entity_ids: Sequence[str], *, scope: Scope) -> list[Neighbour]:
        parameters = {"entities": list(entity_ids)}
        on, back = await self._read("neighbours", scope, parameters)
        steps = sorted(
            {tuple(one) for one in (*on, *back)}, key=lambda s: (s[0], s[3], s[2], s[1], s[4])
        )
        return [
            Neighbour(from_id=a, from_name=a_name, relation=type_, entity_id=b, name=b_name)
            for a, a_name, type_, b, b_name in steps
        ]

    async def _read(self, block: str, scope: Scope, parameters: Mapping[str, Any]) -> list[Any]:
        """What the block finds, as one record, in a projection that may be read."""
        position = await self._fence.position(scope)
        held = {"generation": position.generation, "token": position.token}
        found = await self._server.read(
            _CYPHER[block], {**parameters, **held, "labels": scope.label_ids}
        )
        if not found:
            raise Unavailable("neo4j", _ANOTHER)
        return found[0]


_ANOTHER = "the graph in Neo4j is not the one that this database keeps; run `copilot graph rebuild`"


def _bounded(
    known: Iterable[tuple[str, int, Sequence[str]]], close: Iterable[Record]
) -> list[tuple[str, str, int]]:
    """The (name, chunk, degree) of each name, in order: of one that has too many chunks, the close ones."""
    degrees = {name: degree for name, degree, _ in known}
    few = {(name, chunk) for name, _, chunks in known for chunk in chunks}
    few |= {(name, chunk) for name, chunk in close}
    return [(name, chunk, degrees[name]) for name, chunk in sorted(few)]
