"""Entities among one another: pages of them, and the paths between two, each step with the texts that state it.

The graph store says which and how; names and texts come from Postgres, under row-level security.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from copilot.resources import Resources, most_frequent
from copilot.results import (
    EntityPage,
    EntityPath,
    EntityPaths,
    EntityRelation,
    PathEntity,
    PathStep,
)
from policy.errors import BadInput
from policy.labels import join_all
from policy.markings import banner
from policy.scope import Scope
from retrieval import paths
from retrieval.entities import normalise
from retrieval.ports import MOST_STATED, GraphStore


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a path: an entity by its id, else by its name."""

    entity_id: str | None = None
    name: str | None = None

    def said(self) -> dict[str, str]:
        """What was said of it, for the record."""
        given = {"entity": self.entity_id, "name": self.name}
        return {by: text for by, text in given.items() if text is not None}


class EntityGraph:
    """Reads within a scope. What is hidden and what is absent give the same None."""

    def __init__(self, resources: Resources, graph: GraphStore) -> None:
        self._resources = resources
        self._graph = graph

    async def page(self, scope: Scope, words: str, *, first: int, after: str) -> EntityPage | None:
        """The first entities after the cursor whose names have all these words."""
        tokens = normalise(words).split()
        found = await self._graph.entities(tokens, first + 1, after=after, scope=scope)
        summaries = await self._resources.summaries(scope, found[:first])
        if not summaries:
            return None
        return EntityPage(
            entities=summaries,
            next_cursor=found[first - 1].key if len(found) > first else None,
            ledger_id="",
        )

    async def paths(
        self, scope: Scope, start: End, end: End, *, most_hops: int, first: int
    ) -> EntityPaths | None:
        """The first of the shortest paths. Raises BadInput where both ends are one entity."""
        one, other = await self._entity(scope, start), await self._entity(scope, end)
        if one is None or other is None:
            return None
        if one == other:
            raise BadInput("both ends of the path are the same entity; name two different ones")
        found = await paths.shortest(
            self._graph, one, other, most_hops=most_hops, limit=first, scope=scope
        )
        shown = [step[:MOST_STATED] for path in found for step in path.relation_ids]
        ids = sorted({relation for step in shown for relation in step})
        stated = await self._resources.relations(scope, ids)
        whole = tuple(made for path in found if (made := _path(path, stated)))
        return EntityPaths(paths=whole, ledger_id="") if whole else None

    async def _entity(self, scope: Scope, end: End) -> str | None:
        if end.entity_id is not None:
            return end.entity_id
        return await self._resources.named(scope, end.name or "")


def _path(path: paths.Path, stated: Mapping[str, EntityRelation]) -> EntityPath | None:
    """The path, or None where Postgres no longer states each of its steps: the graph may lag behind by a moment."""
    steps = [
        tuple(stated[one] for one in step[:MOST_STATED] if one in stated)
        for step in path.relation_ids
    ]
    if not all(steps):
        return None
    said = [relation for step in steps for relation in step]
    return EntityPath(
        entities=tuple(PathEntity(entity_id=one, name=_name(one, said)) for one in path.entity_ids),
        steps=tuple(PathStep(relations=step) for step in steps),
        banner=banner(join_all(relation.citation.label for relation in said)),
    )


def _name(entity_id: str, said: list[EntityRelation]) -> str:
    names = Counter(one.source for one in said if one.source_id == entity_id)
    names.update(one.target for one in said if one.target_id == entity_id)
    return most_frequent(names)[0]
