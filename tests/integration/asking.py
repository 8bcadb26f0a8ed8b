"""People who ask, and the graph in Neo4j that knows of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from copilot.acts import Copilot
from copilot.app import build
from copilot.results import Answer
from copilot.settings import Settings
from policy.principal import Asker
from tests.integration.graph_world import GraphWorld, graph_world
from tests.integration.sealed import SIGNER, seal
from tests.integration.test_erasure import ANN, LOW, OTHER, U, document
from tests.servers.neo4j import Neo4jServer

QUESTION = "Who met the harbour master on the northern pier?"
ELSEWHERE = "Who keeps the books of Alder Shipping?"
REASON = "Case 4711: the berth of the tanker Morwenna"


@dataclass(kw_only=True)
class Asking:
    """People who ask, and the graph that knows of it once it has caught up."""

    url: str
    settings: Settings
    copilot: Copilot
    graph: GraphWorld
    given: dict[str, Answer]
    """Answers by who asked what."""

    async def ask(self, who: Asker, question: str) -> Answer:
        outcome = await self.copilot.ask(who, question)
        assert isinstance(outcome, Answer), outcome
        return outcome

    async def caught_up(self) -> None:
        await seal(self.url)
        await self.graph.projector.catch_up()

    async def nodes(self, label: str) -> list[dict[str, Any]]:
        rows = await self.graph.cypher(f"MATCH (n:{label}) RETURN properties(n)")
        return [row[0] for row in rows]

    async def cited(self, answer: Answer) -> set[str]:
        rows = await self.graph.cypher(
            "MATCH (:Answer {answer_id: $id})-[:CITES]->(c:Chunk) RETURN c.chunk_id",
            id=answer.answer_id,
        )
        assert len(rows) == len({row[0] for row in rows}), "each once"
        return {row[0] for row in rows}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as owner:
            return owner.execute(query.encode(), values).fetchall()


def chunks(answer: Answer) -> set[str]:
    return {one.chunk_id for sentence in answer.sentences for one in sentence.citations}


def because(who: Asker, reason: str = REASON) -> Asker:
    return replace(who, reason=reason)


@asynccontextmanager
async def asked(
    url: str, neo4j: Neo4jServer, models_dir: Path, data_dir: Path
) -> AsyncIterator[Asking]:
    """Two people have asked of two documents, within one investigation and another, and nothing waits."""
    settings = Settings(
        data_dir=data_dir,
        models_dir=models_dir,
        database_url=url,
        ledger_key=SIGNER.secret(),
        # What this is about is not how long anything takes.
        database_timeout_s=20.0,
        policy_timeout_s=20.0,
    )
    async with build(settings) as copilot, graph_world(url, neo4j, timeout_s=20) as graph:
        await copilot.ingest(ANN, [document("a", title=""), document("b", OTHER, U, title="")])
        configured = replace(
            settings, neo4j_url=neo4j.url, neo4j_password=neo4j.password, neo4j_timeout_s=20.0
        )
        made = Asking(url=url, settings=configured, copilot=copilot, graph=graph, given={})
        made.given = {
            "ann": await made.ask(because(ANN), QUESTION),
            "low": await made.ask(because(LOW), ELSEWHERE),
            "other": await made.ask(because(ANN, "Case 4712"), ELSEWHERE),
        }
        assert (await copilot.ask(because(ANN), "Who stole the moon?")).kind == "NotFound"
        await copilot.search(ANN, QUESTION)
        await made.caught_up()
        yield made
