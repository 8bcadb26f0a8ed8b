"""What every PassageStore and GraphStore keeps to, the real ones and the shipped fakes alike."""

from dataclasses import asdict, replace
from functools import partial
from typing import Any

import anyio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Part
from copilot.ingest.prepare import prepare
from policy.labels import Classification
from policy.principal import Asker
from retrieval.ports import MOST_LINKS
from retrieval.sentences import split
from tests.contract.stores import (
    EMBEDDER,
    EVERYTHING,
    HIDDEN,
    HIGH,
    LOW,
    SENTENCES,
    TERMS,
    TITLES,
    TOKENS,
    Opened,
    document,
    embedded,
    in_neo4j,
    memory,
    postgres,
)
from tests.servers.neo4j import Neo4jServer

levels = st.sampled_from(list(Classification))
texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3).map(" ".join)
documents = st.lists(
    st.tuples(
        st.sampled_from(TITLES),
        levels,
        st.lists(st.tuples(levels, texts), min_size=1, max_size=2, unique_by=lambda p: p[0]),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda some: [document(n, title, level, *parts) for n, (title, level, parts) in enumerate(some)]
)
few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def readable(documents: list[Document]) -> list[tuple[Document, Part]]:
    return [
        (one, part)
        for one in documents
        for part in one.parts
        if part.label.classification.rank <= Classification.C.rank
    ]


@few
@given(documents=documents)
def test_nearest_is_brute_force_over_what_is_visible(
    opened: Opened, documents: list[Document]
) -> None:
    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            scope = await stores.scope(LOW)
            question = await embedded("the berth of the tanker")
            hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
            shown = [
                f"{one.title}\n{part.text}"
                if one.title and part.label.dominates(one.label)
                else part.text
                for one, part in readable(documents)
            ]
            scores = [float(row @ question) for row in await EMBEDDER.embed(shown)]
            np.testing.assert_allclose(
                [hit.score for hit in hits], sorted(scores, reverse=True), atol=1e-6
            )
            assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
            assert await stores.passages.nearest(question, 2, scope=scope) == hits[:2]

    anyio.run(check)


@few
@given(documents=documents)
def test_nothing_outside_the_scope_and_sums_over_what_is_inside(
    opened: Opened, documents: list[Document]
) -> None:
    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            scope = await stores.scope(LOW)
            question = await embedded("anything")
            hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
            chunks = await stores.passages.chunks([h.chunk_id for h in hits], scope=scope)
            assert {chunk.label for chunk in chunks.values()} <= set(scope.labels.values())
            assert sorted(chunk.text for chunk in chunks.values()) == sorted(
                part.text for _, part in readable(documents)
            )
            sentences = await stores.passages.sentences(list(chunks), scope=scope)
            for key, some in sentences.items():
                assert [chunks[key].text[s.start : s.end] for s in some] == [
                    span.of(chunks[key].text) for span in split(chunks[key].text)
                ]
            assert set(sentences) == set(chunks)
            prepared = [await prepare(one, EMBEDDER, TERMS) for one in documents]
            lengths = [
                chunk.length
                for one in prepared
                for part in one.parts
                if part.part.label in scope.labels.values()
                for chunk in part.chunks
            ]
            assert await stores.postings([], scope) == [len(lengths), sum(lengths)]

    anyio.run(check)


@few
@given(documents=documents, hidden=documents)
def test_what_is_hidden_changes_nothing(
    opened: Opened, documents: list[Document], hidden: list[Document]
) -> None:
    """Also hidden text under an id that a visible document has."""
    above = [
        replace(one, label=HIDDEN, parts=(Part(label=HIDDEN, text=one.parts[0].text),))
        for one in hidden
    ]

    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            before = await stores.everything(await stores.scope(LOW))
            all_before = await stores.everything(await stores.scope(HIGH))
            await stores.put(*above)
            assert await stores.everything(await stores.scope(LOW)) == before
            assert await stores.everything(await stores.scope(HIGH)) != all_before

    anyio.run(check)


def test_all_stores_give_the_same(database_url: str, neo4j: Neo4jServer) -> None:
    corpus = [
        document(1, "Alder Shipping Ltd", Classification.U, (Classification.U, SENTENCES[0])),
        document(
            2,
            "Kestrel Quay",
            Classification.S,
            (Classification.C, " ".join(SENTENCES[1:4])),
            (Classification.S, SENTENCES[4]),
        ),
        document(3, "", Classification.U, (Classification.U, SENTENCES[2])),
    ]

    async def seen(opened: Opened, who: Asker) -> list[Any]:
        async with opened() as stores:
            await stores.put(*corpus)
            return await stores.everything(await stores.scope(who))

    async def check() -> None:
        for who in (LOW, HIGH):
            real = await seen(partial(postgres, database_url), who)
            fake = await seen(memory, who)
            projected = await seen(partial(in_neo4j, database_url, neo4j), who)
            assert _rounded(real) == _rounded(fake)
            assert projected == real
            assert all(real)

    anyio.run(check)


def _rounded(value: Any) -> Any:
    """Numbers to six digits: Postgres sums in single precision."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return _rounded(list(asdict(value).values()))
    return value


@pytest.mark.anyio
async def test_equally_near_texts_go_by_chunk_id_also_at_the_cut(opened: Opened) -> None:
    async with opened() as stores:
        same = [
            document(n, "", Classification.U, (Classification.U, SENTENCES[0])) for n in range(6)
        ]
        await stores.put(*same)
        scope = await stores.scope(LOW)
        vector = await embedded("Drell")
        hits = await stores.passages.nearest(vector, EVERYTHING, scope=scope)
        ids = [hit.chunk_id for hit in hits]
        assert ids == sorted(ids)
        assert await stores.passages.nearest(vector, 3, scope=scope) == hits[:3]


@pytest.mark.anyio
async def test_hidden_mentions_do_not_push_visible_ones_out(opened: Opened) -> None:
    """The limit for each entity holds after the scope."""
    async with opened() as stores:
        await stores.put(
            document(0, "", Classification.U, (Classification.U, "Anton Drell left the quay.")),
            *(
                document(
                    n,
                    "Anton Drell",
                    Classification.S,
                    (Classification.S, f"Anton Drell, note {n}."),
                )
                for n in range(1, 41)
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        [entity] = await stores.graph.linked(["drell"], scope=low)
        [link] = (await stores.graph.around([], [entity], [], [], scope=low)).mentions
        assert link.degree == 1
        assert (await stores.graph.around([], [entity], [], [], scope=high)).mentions == []
        near = (await stores.graph.around([], [entity], [], link.chunk_ids, scope=high)).mentions
        assert [(one.chunk_ids, one.degree) for one in near] == [(link.chunk_ids, 41)]


@pytest.mark.anyio
async def test_hidden_definitions_do_not_push_visible_ones_out(opened: Opened) -> None:
    """Also where text and title both define the name, the chunk counts once."""
    async with opened() as stores:
        text = "Anton Drell is the owner."
        await stores.put(
            document(0, "Anton Drell", Classification.U, (Classification.U, text)),
            *(
                document(n, "Anton Drell", Classification.S, (Classification.S, f"Note {n}."))
                for n in range(1, MOST_LINKS + 1)
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        [one] = (await stores.graph.around([], [], ["anton drell"], [], scope=low)).definitions
        found = await stores.graph.around([], [], ["anton drell"], [], scope=high)
        assert found.definitions == []
        found = await stores.graph.around([], [], ["anton drell"], [one.chunk_id], scope=high)
        assert found.definitions == [one]


@pytest.mark.anyio
async def test_a_chunk_leads_to_where_its_entities_are_mentioned_too(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            *(document(n, "", Classification.U, (Classification.U, SENTENCES[n])) for n in (0, 2)),
            document(3, "", Classification.S, (Classification.S, SENTENCES[1])),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        hits = await stores.passages.nearest(await embedded("Drell"), EVERYTHING, scope=low)
        ids = sorted(hit.chunk_id for hit in hits)
        around = await stores.graph.around(ids[:1], [], [], [], scope=low)
        assert [*around.inside] == ids[:1]
        shared = [one for one in around.mentions if one.name == "alder shipping"]
        assert [(one.chunk_ids, one.degree) for one in shared] == [(tuple(ids), 2)]
        around = await stores.graph.around(ids[:1], [], [], [], scope=high)
        assert {one.degree for one in around.mentions if one.name == "alder shipping"} == {3}


@pytest.mark.anyio
async def test_a_chunk_weighs_what_the_arms_say_of_it(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            *(
                document(n, "", Classification.U, (Classification.U, text))
                for n, text in enumerate(SENTENCES)
            )
        )
        scope = await stores.scope(LOW)
        question = await embedded("Alder berth")
        hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
        terms = TERMS.of("Alder berth of nobody")
        _, _, *postings = await stores.postings(terms, scope)
        weights = await stores.passages.weigh(
            [hit.chunk_id for hit in hits], question, terms, scope=scope
        )
        assert {one: weight.similarity for one, weight in weights.items()} == {
            hit.chunk_id: hit.score for hit in hits
        }
        assert postings == sorted(
            (term, one, count, weight.length)
            for one, weight in weights.items()
            for term, count in weight.counts.items()
        )
        assert await stores.passages.weigh([], question, terms, scope=scope) == {}


@pytest.mark.anyio
async def test_a_relation_leads_both_ways_and_only_where_it_is_visible(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            document(1, "", Classification.S, (Classification.S, SENTENCES[0])),
            document(
                2,
                "",
                Classification.U,
                (Classification.U, "Anton Drell left. Alder Shipping Ltd stayed."),
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        known = {
            key: i for i, key in (await stores.graph.linked(TOKENS_IN_ORDER, scope=low)).items()
        }
        ends = [known["anton drell"], known["alder shipping"]]
        for one, other in (ends, ends[::-1]):
            steps = await stores.graph.neighbours([one], scope=high)
            assert ("owns", other) in {(step.relation, step.entity_id) for step in steps}
        seen = {step.relation for step in await stores.graph.neighbours(ends, scope=low)}
        assert "owns" not in seen


TOKENS_IN_ORDER = sorted(TOKENS)
