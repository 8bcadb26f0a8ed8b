"""What was asked stands in Neo4j as the ledger has it, in ids alone, and goes with what is erased."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from copilot.commands import operate
from copilot.projection import opened, provenance
from copilot.projection import projector as projector_module
from copilot.projection.backlog import Backlog
from copilot.projection.projector import Projector
from policy.errors import Unavailable
from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.projection import Neo4jProjection
from retrieval.stores.neo4j.provenance import Neo4jProvenance, Records
from tests.integration.asking import ELSEWHERE, Asking, asked, because, chunks
from tests.integration.sealed import seal
from tests.integration.test_erasure import ANN, OTHER, U, deleted, document, some_seconds_pass
from tests.servers import postgres as postgres_server
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

HIDDEN = (
    "Bruno Castellani hid the log of the Morwenna behind the third crate of oranges in berth nine."
)


@pytest.fixture(scope="module")
def url(postgres: str) -> Iterator[str]:
    uri = postgres_server.clone(postgres)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture(scope="module")
async def asking(
    url: str, neo4j: Neo4jServer, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asking]:
    async with asked(url, neo4j, models_dir, tmp_path_factory.mktemp("asking")) as made:
        yield made


@pytest.fixture
async def world(asking: Asking) -> AsyncIterator[Asking]:
    """As `asking`, and afterwards as it was: of what a test tries nothing is left in Neo4j."""
    yield asking
    if await asking.graph.differences():
        await asking.graph.projector.rebuild()


async def test_each_question_that_ended_is_there_as_the_ledger_has_it(world: Asking) -> None:
    found = {one["id"]: one for one in await world.nodes("Provenance")}
    stored = world.rows(
        """SELECT e.ledger_id, encode(sha256('\\x00'::bytea || e.leaf), 'hex'), e.recorded_at, a.outcome,
                  a.policy_revision, e.tenant, e.label_id
           FROM ledger_entries e JOIN ledger_acts a USING (ledger_id) WHERE a.kind = 'ask' AND a.outcome <> 'Opened'"""
    )
    assert len(stored) == len(found) == 4
    for ledger_id, leaf_hash, at, *others in stored:
        one = found[ledger_id]
        assert one["leaf_hash"] == leaf_hash
        assert one["recorded_at"].to_native() == at
        names = ("outcome", "policy_revision", "tenant", "label_id")
        assert [one[name] for name in names] == others
    assert sorted(one["outcome"] for one in found.values()) == [*["Answer"] * 3, "NotFound"]
    assert await world.graph.differences() == ()


async def test_an_answer_leads_to_its_record_its_model_and_what_it_cites(world: Asking) -> None:
    for given in world.given.values():
        rows = await world.graph.cypher(
            """MATCH (a:Answer {answer_id: $id})-[:GENERATED_BY]->(p:Provenance)-[:USED_MODEL]->(m:Model)
               WHERE a.label_id = p.label_id AND a.tenant = p.tenant RETURN p.id, m.name""",
            id=given.answer_id,
        )
        assert rows == [[given.ledger_id, given.model]]
        assert await world.cited(given) == chunks(given) != set()
    assert len(await world.nodes("Answer")) == 3


async def test_an_investigation_is_one_for_each_label_and_reason(world: Asking) -> None:
    rows = await world.graph.cypher(
        "MATCH (i:Investigation)-[:GENERATED_BY]->(p) WHERE i.label_id = p.label_id AND i.tenant = p.tenant "
        "RETURN p.id, i.case_id, i.id"
    )
    case = {ledger_id: case_id for ledger_id, case_id, _ in rows}
    node = {ledger_id: node_id for ledger_id, _, node_id in rows}
    ann, low, other = (world.given[who].ledger_id for who in ("ann", "low", "other"))
    assert len(rows) == 4
    assert case[ann] == case[low] != case[other]
    assert node[ann] != node[low]
    assert len(await world.nodes("Investigation")) == 3


async def test_no_name_and_no_word_of_a_person_is_there(world: Asking) -> None:
    """Ids, hashes, labels and times: no question, reason, purpose, answer, title or sub."""
    known = {"Answer", "NotFound", "t1", *(one["name"] for one in await world.nodes("Model"))}
    known |= {one["provider"] for one in await world.nodes("Model")}
    values: set[str] = set()
    for label in ("Provenance", "Investigation", "Answer", "Model"):
        for one in await world.nodes(label):
            values |= {value for value in one.values() if isinstance(value, str)}
    assert [one for one in values - known if not re.fullmatch(r"[0-9a-f-]{32,}", one)] == []


async def test_a_reason_cannot_be_tried_against_the_id_of_its_investigation(world: Asking) -> None:
    """Of two databases with the same records: the salt is each one's own, and no role reads it."""
    [before] = world.rows("SELECT salt FROM provenance_projection")
    named = "SELECT case_id FROM provenance_of(ARRAY[%s])"
    ledger_id = world.given["ann"].ledger_id
    with psycopg.connect(world.url) as owner:
        first = owner.execute(named, [ledger_id]).fetchone()
        owner.execute("UPDATE provenance_projection SET salt = 'another'")
        assert owner.execute(named, [ledger_id]).fetchone() != first
        owner.rollback()
    assert before != ("another",)


async def test_what_is_erased_is_gone_with_its_answer_and_the_record_stays(world: Asking) -> None:
    await world.copilot.ingest(ANN, [document("c", HIDDEN, title="")])
    given = await world.ask(because(ANN), "Where did Bruno Castellani hide the log?")
    await world.caught_up()
    assert await world.cited(given) == chunks(given) != set()
    await deleted(world.copilot, "c")
    await world.caught_up()
    answers = {one["answer_id"] for one in await world.nodes("Answer")}
    assert given.answer_id not in answers
    assert world.given["low"].answer_id in answers
    assert given.ledger_id in {one["id"] for one in await world.nodes("Provenance")}
    kept = "SELECT FROM provenance_cites WHERE answer_id = %s"
    assert world.rows(kept, given.answer_id) == []
    assert await world.graph.differences() == ()


async def test_a_record_whose_reason_is_erased_is_of_an_investigation_of_its_own(
    world: Asking,
) -> None:
    """Its reason quotes what is deleted; that others were done for the same must not show any more."""
    cases = (
        "MATCH (i:Investigation)-[:GENERATED_BY]->(p) WHERE p.id IN $ids RETURN DISTINCT i.case_id"
    )
    with postgres_server.owned(world.url) as owner:
        some_seconds_pass(owner)
    await world.copilot.ingest(ANN, [document("c", HIDDEN, title="")])
    given = [await world.ask(because(ANN, HIDDEN), ELSEWHERE) for _ in range(2)]
    ids = [one.ledger_id for one in given]
    await world.caught_up()
    [before] = await world.graph.cypher(cases, ids=ids)
    await deleted(world.copilot, "c")
    await world.caught_up()
    after = await world.graph.cypher(cases, ids=ids)
    assert len(after) == 2
    assert before not in after
    assert len(await world.nodes("Investigation")) == 5
    assert await world.graph.differences() == ()


async def test_a_passage_that_comes_back_is_cited_again(world: Asking) -> None:
    """Its id is made of what it says."""
    given = world.given["low"]
    await world.copilot.ingest(ANN, [document("b", "Nobody keeps any books.", U, title="")])
    await world.graph.projector.catch_up()
    assert await world.cited(given) == set()
    assert await world.graph.differences() == ()
    await world.copilot.ingest(ANN, [document("b", OTHER, U, title="")])
    await world.graph.projector.catch_up()
    assert await world.cited(given) == chunks(given)
    assert await world.graph.differences() == ()


async def test_an_answer_may_come_before_the_passages_that_it_cites(world: Asking) -> None:
    await world.copilot.ingest(ANN, [document("d", "Rolf Aldermann owns Marlpit Ltd.", title="")])
    given = await world.ask(because(ANN), "Who owns Marlpit Ltd?")
    await seal(world.url)
    projector = world.graph.another_projector()
    projector._records_next = True
    assert await projector.step()
    assert given.answer_id in {one["answer_id"] for one in await world.nodes("Answer")}
    assert await world.cited(given) == set()
    await projector.catch_up()
    assert await world.cited(given) == chunks(given)
    assert await world.graph.differences() == ()


async def test_neither_a_bulk_load_nor_a_long_log_holds_up_the_other(
    world: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector_module, "_PARTS", 1)
    monkeypatch.setattr(provenance, "_LEAVES", 1)
    await world.copilot.ingest(ANN, [document(f"e{n}", f"Berth {n}.", title="") for n in range(3)])
    await seal(world.url)
    before = await world.graph.projector.backlog()
    assert before.changes == before.records == 3
    for _ in range(2):
        await world.graph.projector.step()
    after = await world.graph.projector.backlog()
    assert after.changes == after.records == 2
    await world.graph.projector.catch_up()


class Crash(Exception):
    """The process ends here."""


class Crashing(Neo4jProvenance):
    """Writes, and then the process ends before Postgres has counted it as carried over."""

    async def replace(self, *values: Any) -> None:
        await super().replace(*values)
        raise Crash


async def test_a_batch_that_was_written_and_not_counted_is_written_again(world: Asking) -> None:
    await world.ask(because(ANN), ELSEWHERE)
    await seal(world.url)
    projection = Neo4jProjection(world.graph.server)
    projection.provenance = Crashing(world.graph.server)
    for _ in range(2):
        with pytest.raises(Crash):
            await Projector(world.graph.database, projection).catch_up()
    waiting = await world.graph.projector.backlog()
    assert waiting.records > 0
    assert waiting.records_seconds > 0
    await world.graph.another_projector().catch_up()
    assert (await world.graph.projector.backlog()).records == 0
    assert (await world.graph.projector.backlog()).records_seconds == 0
    assert await world.graph.differences() == ()


async def test_what_is_not_sealed_is_not_carried_over(world: Asking) -> None:
    given = await world.ask(because(ANN), ELSEWHERE)
    await world.graph.projector.catch_up()
    assert given.ledger_id not in {one["id"] for one in await world.nodes("Provenance")}
    await world.caught_up()
    assert given.ledger_id in {one["id"] for one in await world.nodes("Provenance")}


async def test_how_far_it_is_behind_is_said(world: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.ask(because(ANN), ELSEWHERE)
    await seal(world.url)
    projector = world.graph.projector
    assert re.search(r"kept, 2 records behind for \d", await operate._neo4j_check(world.settings))
    assert await opened._behind(projector) == "ok", "as yet"
    monkeypatch.setattr(opened, "_LATE_S", 0.0)
    said = await opened._behind(projector)
    assert said.startswith("degraded: 2 records wait for the provenance graph, the oldest for ")
    told: list[Backlog] = []
    telling = Projector(world.graph.database, world.graph.projection, tell=told.append)
    await telling._say()
    await telling._say()
    assert [one.records for one in told] == [2], "and not with each batch"
    await projector.catch_up()
    assert "nothing waits" in await operate._neo4j_check(world.settings)


async def test_while_people_go_on_asking_it_is_compared_all_the_same(
    world: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is carried over while it is compared is no difference."""
    stored = provenance.stored

    async def meanwhile(*values: Any) -> AsyncIterator[Any]:
        async for one in stored(*values):
            yield one
        await world.ask(because(ANN), ELSEWHERE)
        await world.caught_up()

    monkeypatch.setattr(provenance, "stored", meanwhile)
    assert await world.graph.differences() == ()


async def test_a_writer_that_was_taken_for_dead_changes_nothing(world: Asking) -> None:
    [(generation, token)] = world.rows("SELECT generation::text, token FROM graph_projection")
    old = Position(generation=generation, token=token)
    ghost = Records(ledger_ids=[world.given["ann"].ledger_id])
    with pytest.raises(Unavailable, match="written by somebody later"):
        await world.graph.projection.provenance.replace(ghost, old)
    assert await world.graph.differences() == ()


TAMPERING = {
    "a record gone": "MATCH (p:Provenance) WITH p LIMIT 1 DETACH DELETE p",
    "a record more": "CREATE (:Provenance {id: 'x', label_id: 1})",
    "a record relabelled": "MATCH (p:Provenance) WITH p LIMIT 1 SET p.label_id = 99",
    "another leaf": "MATCH (p:Provenance) WITH p LIMIT 1 SET p.leaf_hash = 'x'",
    "another time": "MATCH (p:Provenance) WITH p LIMIT 1 SET p.recorded_at = datetime()",
    "a time that is none": "MATCH (p:Provenance) WITH p LIMIT 1 SET p.recorded_at = 'x'",
    "another outcome": "MATCH (p:Provenance) WITH p LIMIT 1 SET p.outcome = 'x'",
    "another case": "MATCH (i:Investigation) WITH i LIMIT 1 SET i.case_id = 'x'",
    "an open label": "MATCH (i:Investigation) WITH i LIMIT 1 SET i.label_id = 99",
    "another model": "MATCH (m:Model) WITH m LIMIT 1 SET m.name = 'x'",
    "a model that nobody used": "CREATE (:Model {provider: 'x', name: 'x'})",
    "an answer gone": "MATCH (a:Answer) WITH a LIMIT 1 DETACH DELETE a",
    "an answer cut off": "MATCH (:Answer)-[g:GENERATED_BY]->() WITH g LIMIT 1 DELETE g",
    "a citation gone": "MATCH ()-[c:CITES]->() WITH c LIMIT 1 DELETE c",
    "a citation twice": "MATCH (a)-[:CITES]->(c) WITH a, c LIMIT 1 CREATE (a)-[:CITES]->(c)",
    "a citation of a record": "MATCH (p:Provenance), (c:Chunk) WITH p, c LIMIT 1 CREATE (p)-[:CITES]->(c)",
}


@pytest.mark.parametrize("cypher", TAMPERING.values(), ids=TAMPERING)
async def test_whatever_is_changed_in_neo4j_shows_and_is_mended(world: Asking, cypher: str) -> None:
    await world.graph.cypher(cypher)
    assert await world.graph.differences() != ()
    await world.graph.projector.rebuild()
    assert await world.graph.differences() == ()


async def test_a_stray_of_the_same_id_does_not_keep_a_record_out(world: Asking) -> None:
    """An answer that was cut off from its record, which is then taken up anew."""
    await world.graph.cypher("MATCH (:Answer)-[g:GENERATED_BY]->() DELETE g")
    world.rows("UPDATE provenance_projection SET done_to = -1 RETURNING 1")
    await world.graph.projector.catch_up()
    assert await world.graph.differences() == ()


async def test_stopped_it_forgets_what_was_cited(world: Asking) -> None:
    await world.graph.projector.stop()
    assert world.rows("SELECT FROM provenance_cites") == []
    assert world.rows("SELECT done_to FROM provenance_projection") == [(-1,)]
    await world.graph.projector.rebuild()
    assert await world.graph.differences() == ()
