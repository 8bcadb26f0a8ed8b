"""Whose vectors the store holds. No vector of another model is written beside them, or compared with them."""

from dataclasses import asdict

from policy.errors import Misconfigured, Unavailable
from retrieval.embedding import Model
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "models.sql")


async def current(database: Database) -> Model | None:
    """The model of the stored vectors; None before there are any."""
    async with database.transaction(Role.READER) as connection:
        return await _current(connection)


async def require(connection: Connection, model: Model) -> None:
    """Within a transaction that will write vectors of this model: from here on the store is of no other.

    Raises Unavailable where it is of another one.
    """
    found = await _current(connection)
    if found is None:
        await connection.execute(_SQL["claim"], asdict(model))
        found = await _current(connection)
    if found is None or found.sha256 != model.sha256:
        raise Unavailable(
            "embedding",
            f"the store has come to hold vectors of {found}, and these are of {model}; try again",
        )


def agree(found: Model | None, model: Model) -> None:
    """Misconfigured where the store's vectors are not of the model that this process embeds with."""
    if found is not None and found.sha256 != model.sha256:
        raise Misconfigured(
            f"the stored vectors are of {found}, and this process embeds with {model}: set"
            " COPILOT_EMBEDDING_MODEL to the former, or run `copilot reembed` with the latter"
        )


async def _current(connection: Connection) -> Model | None:
    row = await (await connection.execute(_SQL["current"])).fetchone()
    try:
        return None if row is None else Model(**row)
    except TypeError as error:
        raise ValueError("no model stands where one should") from error
