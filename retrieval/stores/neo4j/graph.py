"""The graph in Neo4j: a projection of Postgres, with the scope inside every hop and a fence before each read."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from policy.errors import Unavailable
from policy.scope import Scope
from retrieval import linking
from retrieval.identity import entity_id
from retrieval.ports import (
    MOST_LINKS,
    MOST_NEIGHBOURS,
    MOST_RELATIONS,
    MOST_STATED,
    Around,
    Definition,
    KnownEntity,
    Mentioned,
    Neighbour,
    mentioned,
    step_order,
)
from retrieval.stores.neo4j.queries import Queries
from retrieval.stores.neo4j.server import Neo4j, Record

_CYPHER = Queries("retrieval.stores.neo4j", "graph.cypher")
_BELIEVED_S = 0.2
"""How long Neo4j is believed to be there after it said so; each question looks names up several times."""
_FEW_LABELS = 32
"""Up to so many, nodes are sought by name and label, so that none of another label is met at all; above, there
would be more to seek than bears the name."""
_BY_LABEL = {
    "INDEX e:Entity(entity_id)": "INDEX e:Entity(entity_id, label_id)",
    "INDEX w:Word(token)": "INDEX w:Word(token, label_id)",
    "INDEX n:Name(key)": "INDEX n:Name(key, label_id)",
}
"""What the hints of the blocks become: Cypher has no other way to choose an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Which projection may be read, and what it must have seen by now."""

    generation: str
    token: int
    settled: bool = False
    """Whether nothing that the scope shows waits or was set aside: Neo4j then holds what Postgres does."""


class Fence(Protocol):
    """Knows what the projection still lacks."""

    async def position(self, scope: Scope) -> Position:
        """Raises Unavailable where a restriction within the scope, or the projection itself, is not there yet."""


class Named(Protocol):
    """The names that a scope shows, looked up without a store."""

    def linked(self, names: Sequence[str]) -> dict[str, str]:
        """As `GraphStore.linked`."""

    def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
    ) -> Around:
        """As `GraphStore.around`."""


class Names(Protocol):
    """A copy of the names in memory, in step with Postgres."""

    async def of(self, scope: Scope) -> Named | None:
        """None where not all of them are here."""


class Neo4jGraph:
    """`GraphStore` on Neo4j. Its results are those of Postgres, in the same order.

    With `names` it looks names up in memory where Neo4j answers and holds the very same, as its position says.
    """

    def __init__(self, server: Neo4j, fence: Fence, names: Names | None = None) -> None:
        self._server = server
        self._fence = fence
        self._names = names
        self._seen: tuple[Position | None, float] = (None, 0.0)
        nothing = {"generation": "", "token": 0}
        server.warm_with(
            [(_CYPHER["present"], nothing)]
            + [
                (_text(block, few=few), {**values, **nothing, "labels": []})
                for block, values in _NOTHING.items()
                for few in (True, False)
            ]
        )

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        if named := await self._named(scope):
            return named.linked(names)
        asked = sorted({tuple(sorted(set(name.split()))) for name in names} - {()})
        parameters = {
            "names": [{"words": words, "least": _least(len(words))} for words in asked],
            "tokens": sorted({word for words in asked for word in words}),
            "words_alone": [
                entity_id(scope.tenant, word)
                for words in asked
                if len(words) == 2
                for word in words
            ],
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
        if named := await self._named(scope):
            return named.around(chunk_ids, entity_ids, keys, near)
        parameters = {
            "chunks": list(chunk_ids),
            "entities": list(entity_ids),
            "keys": list(keys),
            "near": list(near),
            "most": MOST_LINKS,
        }
        inside, entities, near_entities, names, near_names = await self._read(
            "around", scope, parameters
        )
        return Around(
            inside=_inside(inside),
            mentions=_mentions(entities, near_entities),
            definitions=[
                Definition(key=key, chunk_id=chunk) for key, chunk, _ in _bounded(names, near_names)
            ],
        )

    async def neighbours(
        self, entity_ids: Sequence[str], near: Sequence[str] = (), *, scope: Scope
    ) -> list[Neighbour]:
        parameters = {
            "entities": sorted(set(entity_ids)),
            "near": list(near),
            "most": MOST_NEIGHBOURS,
            "most_relations": MOST_RELATIONS,
            "stated": MOST_STATED,
        }
        [found] = await self._read("neighbours", scope, parameters)
        return sorted((_step(*one) for one in found), key=step_order)

    async def entities(
        self, words: Sequence[str], limit: int, *, after: str = "", scope: Scope
    ) -> list[KnownEntity]:
        parameters = {"words": sorted(set(words)), "limit": limit, "after": after}
        [found] = await self._read("entities", scope, parameters)
        return [
            KnownEntity(entity_id=entity, key=key, degree=degree)
            for entity, key, degree in sorted(found, key=lambda one: str(one[1]))
        ]

    async def _named(self, scope: Scope) -> Named | None:
        if self._names is None:
            return None
        position = await self._fence.position(scope)
        named = await self._names.of(scope) if position.settled else None
        if named is not None:
            await self._present(position)
        return named

    async def _present(self, position: Position) -> None:
        """Raises Unavailable where Neo4j does not answer, or is not what a read would find. Believed for a moment."""
        self._server.check()
        seen, at = self._seen
        if seen != position or time.monotonic() - at > _BELIEVED_S:
            at = time.monotonic()
            held = {"generation": position.generation, "token": position.token}
            if not await self._server.read(_CYPHER["present"], held):
                raise Unavailable("neo4j", _ANOTHER)
            self._seen = (position, at)

    async def _read(self, block: str, scope: Scope, parameters: Mapping[str, Any]) -> list[Any]:
        """What the block finds, as one record, in a projection that may be read."""
        position = await self._fence.position(scope)
        ids = list(scope.label_ids)
        held = {"generation": position.generation, "token": position.token, "labels": ids}
        text = _text(block, few=len(ids) <= _FEW_LABELS)
        found = await self._server.read(text, {**parameters, **held})
        if not found:
            raise Unavailable("neo4j", _ANOTHER)
        return found[0]


_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "linked": {"names": [], "tokens": [], "words_alone": []},
    "around": {"chunks": [], "entities": [], "keys": [], "near": [], "most": MOST_LINKS},
    "neighbours": {
        "entities": [],
        "near": [],
        "most": MOST_NEIGHBOURS,
        "most_relations": MOST_RELATIONS,
        "stated": MOST_STATED,
    },
    "entities": {"words": [], "limit": 1, "after": ""},
}
"""Each block with values for which there is nothing to find."""


def _text(block: str, *, few: bool) -> str:
    text = _CYPHER[block]
    if few:
        for by_name, by_label in _BY_LABEL.items():
            text = text.replace(by_name, by_label)
    return text


_ANOTHER = "the graph in Neo4j is not the one that this database keeps; run `copilot graph rebuild`"


def _step(
    origin: str, reached: str, forward: bool, type_: str, relation: str, source: str, target: str
) -> Neighbour:
    """A relation between the names of its source and its target, as it is stepped along."""
    from_name, name = (source, target) if forward else (target, source)
    return Neighbour(
        entity_id=reached,
        name=name,
        from_id=origin,
        from_name=from_name,
        relation=type_,
        relation_id=relation,
        forward=forward,
    )


def _inside(found: Iterable[Record]) -> dict[str, list[str]]:
    inside: dict[str, list[str]] = {}
    for chunk, entity in sorted(found):
        inside.setdefault(chunk, []).append(entity)
    return inside


def _mentions(known: Sequence[Record], close: Iterable[Record]) -> list[Mentioned]:
    names = {entity: key for entity, key, *_ in known}
    bounded = _bounded([(entity, degree, some) for entity, _, degree, some in known], close)
    return mentioned((entity, names[entity], degree, chunk) for entity, chunk, degree in bounded)


def _least(words: int) -> int:
    """How many words somebody has in common, at the least, with a name of so many: half, as `linking.close` has it.

    To share one of two words is enough only for who is called just that, which is looked up by itself.
    """
    return 2 if words == 2 else (words + 1) // 2


def _bounded(
    known: Sequence[Record | tuple[str, int, Sequence[str]]], close: Iterable[Record]
) -> list[tuple[str, str, int]]:
    """The (name, chunk, degree) of each name, in order: of one that has too many chunks, the close ones."""
    degrees = {name: degree for name, degree, _ in known}
    few = {(name, chunk) for name, _, chunks in known for chunk in chunks}
    few |= {(name, chunk) for name, chunk in close}
    return [(name, chunk, degrees[name]) for name, chunk in sorted(few)]
