"""Control: the same graph with its edges leading elsewhere, which shows that it is the edges that help."""

import random
from collections.abc import Mapping, Sequence

from policy.scope import Scope
from retrieval.ports import Around, GraphStore, KnownEntity, Neighbour


class Permutation:
    """Each id to another of them, always the same for a seed; ids that it does not know stay."""

    def __init__(self, ids: Sequence[str], seed: int) -> None:
        start, end = sorted(ids), sorted(ids)
        random.Random(seed).shuffle(end)  # noqa: S311 - drawn again alike, which is what a seed is for
        self._there: Mapping[str, str] = dict(zip(start, end, strict=True))
        self._back: Mapping[str, str] = dict(zip(end, start, strict=True))

    def there(self, chunk_id: str) -> str:
        return self._there.get(chunk_id, chunk_id)

    def back(self, chunk_id: str) -> str:
        return self._back.get(chunk_id, chunk_id)


class ShuffledGraph:
    """`GraphStore` in which what is known of one chunk is said of another.

    Names, degrees and how many links there are stay as they were: only where they lead is drawn by lot,
    for definitions and for mentions apart. Typed relations are between entities and stay.
    """

    def __init__(self, graph: GraphStore, chunk_ids: Sequence[str], seed: int) -> None:
        self._graph = graph
        self._definitions = Permutation(chunk_ids, seed)
        self._mentions = Permutation(chunk_ids, seed + 1)

    async def linked(self, tokens: Sequence[str], *, scope: Scope) -> dict[str, str]:
        return await self._graph.linked(tokens, scope=scope)

    async def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> Around:
        within = [self._mentions.back(one) for one in chunk_ids]
        close = [self._mentions.back(one) for one in near]
        found = await self._graph.around(within, entity_ids, [], close, scope=scope)
        close = [self._definitions.back(one) for one in near]
        defined = await self._graph.around([], [], keys, close, scope=scope)
        return Around(
            inside={self._mentions.there(one): some for one, some in found.inside.items()},
            mentions=[
                one._replace(chunk_ids=tuple(sorted(map(self._mentions.there, one.chunk_ids))))
                for one in found.mentions
            ],
            definitions=sorted(
                one._replace(chunk_id=self._definitions.there(one.chunk_id))
                for one in defined.definitions
            ),
        )

    async def neighbours(
        self, entity_ids: Sequence[str], near: Sequence[str] = (), *, scope: Scope
    ) -> list[Neighbour]:
        return await self._graph.neighbours(entity_ids, near, scope=scope)

    async def entities(
        self, words: Sequence[str], limit: int, *, after: str = "", scope: Scope
    ) -> list[KnownEntity]:
        return await self._graph.entities(words, limit, after=after, scope=scope)
