"""`copilot graph verify|rebuild|stop`: for the operator who holds the servers' own credentials."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import psycopg

from copilot.commands.opened import ready_url
from copilot.projection import schema
from copilot.projection.opened import opened, projector
from copilot.projection.verify import Comparison, Tally, compare
from copilot.settings import Settings
from policy.errors import Unavailable
from retrieval.stores.neo4j.projection import Neo4jProjection

_TRIES = 3
"""What changes while it is compared is different for a moment."""
_PAUSE_S = 1.0


async def verify(settings: Settings, options: Namespace) -> int:
    """Compares Neo4j with Postgres, once it was given what it had refused; exit code 1 where they differ."""
    url = await ready_url(settings)
    async with opened(settings, url) as (database, keeper, server):
        await keeper.catch_up()
        await keeper.try_again()
        found = await compare(database, Neo4jProjection(server))
        for _ in range(_TRIES - 1):
            if found.different:
                await asyncio.sleep(_PAUSE_S)
                await keeper.catch_up()
                found = await compare(database, Neo4jProjection(server))
        aside = await keeper.set_aside()
    result = _report(found, _labels(url)) | {"set_aside": aside}
    for part_id in aside:
        print(f"set aside, as Neo4j refuses it: part {part_id}", file=sys.stderr)
    for difference in found.differences:
        print(difference, file=sys.stderr)
    print(json.dumps(result) if options.json else _summary(result))
    return 0 if result["verified"] else 1


async def rebuild(settings: Settings, _: Namespace) -> int:
    """Empties Neo4j and fills it from Postgres; readers go without the graph meanwhile."""
    async with opened(settings, await ready_url(settings)) as (_database, keeper, server):
        await schema.migrate(server)
        await keeper.rebuild()
    print("the graph was filled anew")
    return 0


async def stop(settings: Settings, _: Namespace) -> int:
    """Ends the projection, so that changes are no more noted for it."""
    async with projector(settings, await ready_url(settings)) as keeper:
        await keeper.stop()
    print("changes are no more noted for Neo4j; unset NEO4J_URL, or `copilot graph rebuild`")
    return 0


def _labels(url: str) -> dict[int, str]:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return dict(connection.execute("SELECT label_id, canonical FROM labels").fetchall())
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "the database does not answer; see DATABASE_URL") from error


def _report(found: Comparison, labels: Mapping[int, str]) -> dict[str, Any]:
    none = Tally()
    return {
        "verified": not found.different,
        "labels": [
            {
                # An id without a label is one that Postgres does not know; ids stay inside.
                "label": labels.get(one, "unknown"),
                "same": one not in found.different,
                "postgres": _side(found.postgres.get(one, none)),
                "neo4j": _side(found.neo4j.get(one, none)),
            }
            for one in sorted({*found.postgres, *found.neo4j})
        ],
        "differences": list(found.differences),
    }


def _side(tally: Tally) -> dict[str, Any]:
    return {"counts": dict(sorted(tally.counts.items())), "digest": tally.digest}


def _summary(result: Mapping[str, Any]) -> str:
    facts = sum(sum(one["postgres"]["counts"].values()) for one in result["labels"])
    if result["verified"]:
        return f"graph verified: {facts} facts under {len(result['labels'])} labels are the same"
    wrong = [one["label"] for one in result["labels"] if not one["same"]]
    return f"the graph differs from Postgres under {len(wrong)} labels: {', '.join(wrong)}"
