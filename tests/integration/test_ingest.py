"""Ingest: all of a document or nothing, under its labels and no others, and never twice."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Part, Rejected
from copilot.ingest.ingest import Ingest
from copilot.ingest.relabelling import Relabelling
from copilot.ingest.removal import Removal
from copilot.ingest.report import IngestReport
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.verify import verify
from copilot.recorder import Recorder
from copilot.testing import FakeEmbedder
from policy.embedded import EmbeddedEngine
from policy.errors import BadInput, Forbidden, Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from tests.integration.sealed import SIGNER
from tests.servers.postgres import Owner, owned

pytestmark = pytest.mark.anyio

U, C, S, TS = (Label(tenant="t1", classification=level) for level in Classification)
TEXT = "Anton Drell owns Alder Shipping Ltd. The tanker left the quay on 3 May 2024."
TABLES = ("documents", "parts", "chunks", "sentences", "chunk_terms", "mentions", "relations")


def asker(clearance: Classification) -> Asker:
    principal = Principal(
        sub=f"in-{clearance}",
        tenant="t1",
        clearance=clearance,
        nationality="USA",
        roles=frozenset(["ingester", "analyst"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


LOW, HIGH = asker(Classification.C), asker(Classification.TS)


def document(name: str, *parts: tuple[Label, str], title: str = "", of: Label = U) -> Document:
    return Document(
        document_id=name,
        title=title,
        label=of,
        parts=tuple(Part(label=label, text=text) for label, text in parts or [(U, TEXT)]),
        source="test.md",
    )


@dataclass
class World:
    ingest: Ingest
    removal: Removal
    relabelling: Relabelling
    owner: Owner

    async def take(self, *documents: Document | Rejected, who: Asker = HIGH) -> IngestReport:
        return await self.ingest.run(who, documents)

    async def change(self, given_id: str, label: Label | None, who: Asker = HIGH) -> object:
        """Relabels, or without a label deletes; what is refused changes nothing."""
        if label is None:
            return await self.removal.delete(who, given_id)
        with suppress(BadInput, Forbidden):
            return await self.relabelling.relabel(who, given_id, label)
        return None

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.owner.execute(query.encode()).fetchall()

    def counts(self) -> dict[str, int]:
        return {table: self.rows(f"SELECT count(*) FROM {table}")[0]["count"] for table in TABLES}

    def everything(self) -> list[str]:
        """All content, without the random keys and the times."""
        hidden = "'document_key', 'ingested_at'"
        return sorted(
            str(row)
            for table in TABLES
            for row in self.rows(f"SELECT to_jsonb(t) - ARRAY[{hidden}] AS row FROM {table} t")
        )

    def statistics_hold(self) -> None:
        """The sums that are kept equal those that a recount gives."""
        kept = (
            "SELECT label_id, chunks, terms FROM label_statistics WHERE chunks <> 0 OR terms <> 0"
        )
        counted = """
            SELECT c.label_id, count(*) AS chunks, sum(t.length) AS terms
            FROM chunks c JOIN chunk_terms t USING (chunk_id) GROUP BY c.label_id"""
        assert sorted(map(str, self.rows(kept))) == sorted(map(str, self.rows(counted)))
        assert self.rows("SELECT FROM label_statistics WHERE chunks < 0 OR terms < 0") == []
        blocks = """
            SELECT term, label_id, ordinal / 1024 AS block,
                   string_agg(posting_entry(ordinal, length, count), ''::bytea ORDER BY ordinal) AS entries
            FROM chunk_terms, unnest(terms, counts) AS held (term, count) GROUP BY 1, 2, 3"""
        assert self.rows(f"({blocks} EXCEPT TABLE posting_blocks)") == []
        assert self.rows(f"(TABLE posting_blocks EXCEPT {blocks})") == []
        entities = """
            SELECT entity_id, label_id, min(key), count(DISTINCT chunk_id)::int FROM mentions GROUP BY 1, 2"""
        tokens = """
            SELECT DISTINCT token, label_id, entity_id, key, different_words(key)
            FROM mentions, unnest(string_to_array(key, ' ')) token WHERE token <> ''"""
        for table, recount in (("entity_labels", entities), ("name_tokens", tokens)):
            assert self.rows(f"({recount} EXCEPT TABLE {table})") == []
            assert self.rows(f"(TABLE {table} EXCEPT {recount})") == []


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        yield world


async def vouching() -> Sequence[Signer]:
    return [SIGNER]


class opened:  # noqa: N801  a context manager, used as a function
    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> World:
        self._database = Database(self._url, timeout_s=5)
        await self._database.open()
        self._engine = EmbeddedEngine()
        scoper = Scoper(self._engine, PostgresLabels(self._database))
        ledger = Ledger(self._database)
        recorder = Recorder(self._engine, scoper, ledger)
        ingest = Ingest(self._database, self._engine, scoper, FakeEmbedder(), ledger, recorder)
        self._owner = owned(self._url)
        removal = Removal(self._database, scoper, ledger, recorder, vouching)
        relabelling = Relabelling(self._database, scoper, FakeEmbedder(), ledger, recorder)
        return World(ingest, removal, relabelling, self._owner)

    async def __aexit__(self, *_: object) -> None:
        self._owner.close()
        await self._engine.close()
        await self._database.close()


async def test_chunks_are_what_stands_in_their_part(world: World) -> None:
    long = "\n\n".join(f"Zürich № {n}: {TEXT}" for n in range(60))
    await world.take(document("a", (U, long), (S, TEXT)))
    wrong = """SELECT FROM chunks c JOIN parts p USING (part_id)
               WHERE substr(p.text, c.start_at + 1, c.end_at - c.start_at) <> c.text"""
    assert world.rows(wrong) == []
    assert world.counts()["chunks"] > 3
    places = """SELECT m.surface, substr(p.text, m.start_at + 1, m.end_at - m.start_at) AS there
                FROM mentions m JOIN chunks c USING (chunk_id) JOIN parts p USING (part_id)
                WHERE NOT m.in_title"""
    assert all(row["surface"] == row["there"] for row in world.rows(places))


async def test_every_row_bears_the_label_of_its_part(world: World) -> None:
    await world.take(document("a", (U, TEXT), (S, TEXT + " It is secret.")))
    for table in ("chunks", "sentences", "chunk_terms", "mentions", "relations"):
        joined = "" if table == "chunks" else "JOIN chunks c USING (chunk_id)"
        source = "chunks c" if table == "chunks" else f"{table} t {joined}"
        row = "c" if table == "chunks" else "t"
        wrong = (
            f"SELECT FROM {source} JOIN parts p USING (part_id) WHERE p.label_id <> {row}.label_id"
        )
        assert world.rows(wrong) == []
        assert len(world.rows(f"SELECT DISTINCT label_id FROM {table}")) == 2


async def test_the_same_content_is_taken_once(world: World) -> None:
    assert (await world.take(document("a"))).ingested == 1
    before = world.everything()
    report = await world.take(document("a"))
    assert (report.ingested, report.unchanged) == (0, 1)
    assert world.everything() == before


async def test_a_new_version_leaves_nothing_of_the_old(world: World) -> None:
    await world.take(document("b", (U, "Elsa Vance met nobody.")))
    await world.take(document("a", (U, "Elsa Vance stayed."), (S, TEXT), title="Old title"))
    await world.take(document("a", (C, "Rolf Aldermann slept.")))
    world.statistics_hold()
    replaced = world.everything()
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
    await world.take(document("b", (U, "Elsa Vance met nobody.")))
    await world.take(document("a", (C, "Rolf Aldermann slept.")))
    assert world.everything() == replaced


async def test_one_id_may_live_under_two_labels(world: World) -> None:
    await world.take(document("a", (U, TEXT)), document("a", (S, TEXT), of=S))
    assert world.counts()["documents"] == 2
    await world.take(document("a", (U, "Something else."), of=U))
    assert len(world.rows("SELECT FROM parts WHERE text LIKE 'Anton%'")) == 1


async def test_equal_texts_in_two_documents_are_two(world: World) -> None:
    """Also where the reader of the text may not know the documents' ids."""
    await world.take(document("a"), document("b"), document("c", of=S), document("d", of=S))
    assert len({row["part_id"] for row in world.rows("SELECT part_id FROM parts")}) == 4
    assert len({row["chunk_id"] for row in world.rows("SELECT chunk_id FROM chunks")}) == 4
    world.statistics_hold()


async def test_equal_parts_in_one_document_are_two_parts(world: World) -> None:
    report = await world.take(document("a", (U, TEXT), (U, TEXT), (U, TEXT)))
    assert report.ingested == 1
    assert world.counts()["parts"] == 3
    world.statistics_hold()


async def test_ids_do_not_depend_on_what_was_there_before(world: World) -> None:
    await world.take(document("a"))
    ids = world.rows("SELECT part_id, chunk_id FROM chunks")
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
    await world.take(document("z", (S, TEXT), of=S), document("y", (C, TEXT)), document("a"))
    shown = "SELECT part_id, chunk_id FROM chunks JOIN labels l USING (label_id)"
    assert ids == world.rows(f"{shown} WHERE l.value->>'classification' = 'U'")


async def test_what_the_ingester_may_not_read_is_refused_alike(world: World) -> None:
    secret = document("a", (S, TEXT), of=S)
    before = await world.take(secret, who=LOW)
    await world.take(secret)
    after = await world.take(secret, who=LOW)
    assert before == after
    [refusal] = after.rejected
    assert "may read" in refusal.reason
    part = await world.take(document("b", (U, "Open."), (S, "Secret.")), who=LOW)
    assert part.ingested == 0
    assert len(world.rows("SELECT FROM documents")) == 1


async def test_a_hidden_document_of_the_same_id_or_text_is_not_noticed(world: World) -> None:
    await world.take(document("a", (S, TEXT), title="Secret", of=S), document("b", (S, TEXT), of=S))
    hidden = world.counts()
    report = await world.take(document("a"), who=LOW)
    assert (report.ingested, report.unchanged, report.rejected) == (1, 0, ())
    assert (await world.take(document("a"), who=LOW)).unchanged == 1
    assert world.counts()["documents"] == hidden["documents"] + 1


async def test_a_title_above_the_part_is_in_nothing_of_the_part(world: World) -> None:
    given_ = document("a", (U, TEXT), (S, "Elsa Vance."), title="Operation Pilotfish", of=S)
    await world.take(given_)
    with_title = world.rows("SELECT embedding::text AS v, text FROM chunks ORDER BY text")
    low = "JOIN labels l USING (label_id) WHERE l.value->>'classification' = 'U'"
    assert world.rows(f"SELECT FROM posting_blocks {low} AND term LIKE 'pilot%'") == []
    assert world.rows(f"SELECT FROM mentions {low} AND (in_title OR key LIKE '%pilot%')") == []
    assert len(world.rows("SELECT FROM posting_blocks WHERE term LIKE 'pilot%'")) == 1
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
    await world.take(replace(given_, title=""))
    without = world.rows("SELECT embedding::text AS v, text FROM chunks ORDER BY text")
    assert with_title[0] == without[0]  # the open part
    assert with_title[1] != without[1]


@pytest.mark.parametrize("table", [*TABLES, "label_statistics", "ledger_openings"])
async def test_a_connection_that_dies_in_the_middle_leaves_nothing(
    world: World, table: str
) -> None:
    world.owner.execute(
        """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"""
    )
    world.owner.execute(
        f"CREATE TRIGGER die AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION die()".encode()
    )
    with pytest.raises(Unavailable):
        await world.take(document("a", title="Alder Shipping"))
    assert set(world.counts().values()) == {0}
    assert world.rows("SELECT FROM label_statistics") == []
    assert world.rows("SELECT FROM ledger_entries") == []
    world.owner.execute(f"DROP TRIGGER die ON {table}".encode())
    assert (await world.take(document("a", title="Alder Shipping"))).ingested == 1


async def test_without_a_ledger_nothing_is_taken_in(world: World) -> None:
    world.owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_writer")
    with pytest.raises(Unavailable):
        await world.take(document("a"))
    assert set(world.counts().values()) == {0}


async def test_each_document_has_its_record(world: World, database_url: str) -> None:
    report = await world.take(document("a"), document("b", (S, TEXT), of=S))
    rows = world.rows("SELECT ledger_id FROM ledger_acts WHERE kind = 'ingest'")
    assert {row["ledger_id"] for row in rows} == set(report.ledger_ids)
    assert (await verify(database_url)).problems == []


async def test_a_bad_document_does_not_stop_the_rest(world: World) -> None:
    bad = Rejected(source="bad.csv", line=7, reason="no amount")
    report = await world.take(document("a"), bad, document("b"))
    assert (report.ingested, report.rejected) == (2, (bad,))


async def test_two_ingesters_of_one_document_leave_one(world: World) -> None:
    async with anyio.create_task_group() as tasks:
        for version in range(6):
            tasks.start_soon(world.take, document("a", (U, f"{TEXT} Version {version}.")))
    assert world.counts()["documents"] == 1
    assert world.counts()["parts"] == 1
    world.statistics_hold()


async def test_a_larger_version_from_somebody_else_leaves_the_sums_right(world: World) -> None:
    """Of two who replace one document, each counts what the other left."""
    await world.take(document("a"))
    async with anyio.create_task_group() as tasks:
        for version in range(6):
            tasks.start_soon(world.take, document("a", (U, f"{TEXT} " * (6 * version + 1))))
    assert world.counts()["parts"] == 1
    world.statistics_hold()


versions = st.builds(
    document,
    st.sampled_from("ab"),
    st.tuples(st.sampled_from([U, S]), st.sampled_from([TEXT, "Elsa Vance.", "..."])),
    title=st.sampled_from(["", "Kestrel Quay"]),
    of=st.sampled_from([U, S]),
)
removals = st.tuples(
    st.sampled_from("ab"), st.sampled_from([None, U, C, S]), st.sampled_from([LOW, HIGH])
)


@hypothesis_settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(versions | removals, min_size=1, max_size=8))
def test_statistics_are_a_recount_after_any_sequence(
    database_url: str, sequence: list[Document | tuple[str, Label | None, Asker]]
) -> None:
    async def check() -> None:
        async with opened(database_url) as world:
            world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
            for one in sequence:
                await (world.take(one) if isinstance(one, Document) else world.change(*one))
                world.statistics_hold()

    anyio.run(check)
