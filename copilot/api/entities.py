"""The fields of Query that read entities: one, those of a name, and the paths between two."""

import strawberry

from copilot import results
from copilot.api import entity_types as types
from copilot.api.cost import PAGE
from copilot.api.declare import field, view
from copilot.api.limits import between, short
from copilot.api.permissions import Info
from copilot.entity_graph import End
from policy.errors import BadInput
from retrieval.paths import MOST_HOPS


@view()
class EntityQuery:
    """What can be read of entities."""

    @field(types.EntityOutcome)
    async def entity(
        self, info: Info, name: str, purpose: str | None = None, reason: str = ""
    ) -> results.EntityOutcome:
        """An entity, put together from what the asker may see."""
        context = info.context
        return await context.copilot.entity(context.asker(purpose, reason), short(name, "the name"))

    @field(types.EntitiesOutcome)
    async def entities(
        self,
        info: Info,
        words: str,
        first: int = 20,
        after: str | None = None,
        purpose: str | None = None,
        reason: str = "",
    ) -> results.EntitiesOutcome:
        """The entities whose names have all these words, by name; at most 100 at once."""
        context = info.context
        return await context.copilot.entities(
            context.asker(purpose, reason),
            short(words, "the words"),
            first=between(first, "first", PAGE),
            after=after and short(after, "after"),
        )

    @field(types.PathsOutcome)
    async def paths(
        self,
        info: Info,
        from_entity: strawberry.ID | None = None,
        from_name: str | None = None,
        to_entity: strawberry.ID | None = None,
        to_name: str | None = None,
        max_hops: int = MOST_HOPS,
        first: int = 10,
        purpose: str | None = None,
        reason: str = "",
    ) -> results.PathsOutcome:
        """
        The shortest ways from one entity to another, along at most four relations. Each end is given
        either by its id or by its name.
        """
        context = info.context
        return await context.copilot.paths(
            context.asker(purpose, reason),
            _end(from_entity, from_name, "from"),
            _end(to_entity, to_name, "to"),
            most_hops=between(max_hops, "maxHops", MOST_HOPS),
            first=between(first, "first", PAGE),
        )


def _end(entity_id: str | None, name: str | None, which: str) -> End:
    if (entity_id is None) == (name is None):
        raise BadInput(f"give either {which}Entity or {which}Name, and not both")
    return End(
        entity_id=entity_id and short(entity_id, f"{which}Entity"),
        name=name and short(name, f"{which}Name"),
    )
