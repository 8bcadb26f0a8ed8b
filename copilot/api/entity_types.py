"""The GraphQL types of entities, of what is said of them, and of the paths between them."""

from typing import Annotated

import strawberry
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from copilot import results
from copilot.api.declare import field, view
from copilot.api.types import (
    Citation,
    Denied,
    NotFound,
    StepUpRequired,
    Unavailable,
    forward_page,
)


@view()
class EntityMention:
    """Where a visible part names the entity; start and end count code points in the part."""

    document_id: str
    part_id: str
    chunk_id: str
    start: int
    end: int
    surface: str
    marking: str


@view()
class EntityRelation:
    """A typed assertion about the entity, with the span that says it."""

    type: str
    source: str
    source_id: str
    target: str
    target_id: str
    properties: JSON
    citation: Citation
    marking: str


@view(results.EntityView)
class Entity:
    """An identity, put together from the visible assertions alone."""

    entity_id: str
    name: str
    entity_kind: str
    aliases: list[str]
    mentions: list[EntityMention]
    mention_count: int
    relations: list[EntityRelation]
    ledger_id: str | None


@view()
class EntitySummary:
    """An entity by its visible names: the most frequent one, its kinds, and in how many passages it stands."""

    entity_id: str
    name: str
    entity_kinds: list[str]
    passage_count: int
    banner: str


@view()
class EntityEdge:
    """An entity and the cursor that continues after it."""

    @field()
    def cursor(self, root: strawberry.Parent[results.EntitySummary]) -> str:
        return root.key

    @field(EntitySummary)
    def node(self, root: strawberry.Parent[results.EntitySummary]) -> results.EntitySummary:
        return root


@view(results.EntityPage)
class EntityConnection:
    """Entities in order of their normalised names."""

    ledger_id: str | None

    @field(list[EntityEdge])
    def edges(
        self, root: strawberry.Parent[results.EntityPage]
    ) -> tuple[results.EntitySummary, ...]:
        return root.entities

    @field()
    def page_info(self, root: strawberry.Parent[results.EntityPage]) -> PageInfo:
        return forward_page([one.key for one in root.entities], root.next_cursor)


@view()
class PathEntity:
    """An entity on a path, by the name that the relations beside it use most."""

    entity_id: str
    name: str


@view()
class PathStep:
    """From one entity of the path to the next: up to three relations that state it, whichever way they point."""

    relations: list[EntityRelation]


@view()
class EntityPath:
    """Entities in order; the first step leads from the first entity to the second, and so on."""

    entities: list[PathEntity]
    steps: list[PathStep]
    banner: str


@view(results.EntityPaths)
class EntityPaths:
    """The shortest visible paths, in an order that depends on what they are alone."""

    paths: list[EntityPath]
    ledger_id: str | None


EntityOutcome = Annotated[
    Entity | NotFound | Denied | StepUpRequired | Unavailable, strawberry.union("EntityOutcome")
]
EntitiesOutcome = Annotated[
    EntityConnection | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("EntitiesOutcome"),
]
PathsOutcome = Annotated[
    EntityPaths | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("PathsOutcome"),
]
