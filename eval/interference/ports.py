"""The stores by themselves: each search, given ids and words of hidden things, knows nothing of them.

What a person can call hands the stores only what earlier steps have found, so a store that forgot its
labels there would be covered by the step before. Here each has to stand alone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from copilot.resources import Resources
from eval.acts import Json, as_json
from eval.interference.holdings import Holdings
from policy.labels import Classification, Label
from policy.scope import Scope
from retrieval.embedding import DIMENSION
from retrieval.ports import EmbeddedSentence
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.types import Chunk, Span

_MOST = 60
"""Of each kind of id, so that both hidden and visible ones are among them."""

_WHOLE = 1_000_000
"""More characters than any chunk has."""

Probe = Callable[[Database, Scope], Awaitable[Json]]


def probes(rng: Random, holdings: Holdings) -> dict[str, Probe]:
    """Every method of every store, with a mixture of visible and hidden things to look up."""
    vector = np.random.default_rng(rng.randrange(2**32)).normal(size=DIMENSION).astype(np.float32)
    vector /= np.linalg.norm(vector)
    some = {
        kind: _mixed(rng, holdings, kind)
        for kind in ("chunk", "entity", "term", "token", "defined")
    }
    return {
        "nearest": lambda db, scope: _listed(PostgresPassages(db).nearest(vector, 40, scope=scope)),
        "postings": lambda db, scope: _postings(db, scope, some["term"]),
        "chunks": lambda db, scope: _chunks(db, scope, some["chunk"]),
        "sentences": lambda db, scope: _sentences(db, scope, some["chunk"]),
        "linked": lambda db, scope: _value(PostgresGraph(db).linked(some["token"], scope=scope)),
        "around": lambda db, scope: _value(
            PostgresGraph(db).around(
                some["chunk"], some["entity"], some["defined"], some["chunk"], scope=scope
            )
        ),
        "weigh": lambda db, scope: _value(
            PostgresPassages(db).weigh(some["chunk"], vector, some["term"], scope=scope)
        ),
        "neighbours": lambda db, scope: _listed(
            PostgresGraph(db).neighbours(some["entity"], scope=scope)
        ),
        "assertions": lambda db, scope: _assertions(db, scope, some["chunk"]),
    }


def _mixed(rng: Random, holdings: Holdings, kind: str) -> list[str]:
    ids = [*holdings.visible.get(kind, ()), *holdings.hidden.get(kind, ())]
    return sorted(rng.sample(ids, min(_MOST, len(ids))))


async def _value(found: Awaitable[object]) -> Json:
    return _sorted(as_json(await found))


async def _listed(found: Awaitable[Sequence[object]]) -> Json:
    return [as_json(one) for one in await found]


async def _postings(database: Database, scope: Scope, terms: Sequence[str]) -> Json:
    """The sums, and each posting by its chunk: positions are the store's own affair."""
    store = PostgresPassages(database)
    found = await store.postings(terms, scope=scope)
    everywhere = sorted({int(at) for one in found.lists.values() for at in one.positions})
    ids = await store.identify(found, everywhere, scope=scope)
    listed = sorted(
        [term, ids.get(int(at), ""), int(count), int(length)]
        for term, one in found.lists.items()
        for at, count, length in zip(one.positions, one.counts, one.lengths, strict=True)
    )
    return [found.chunks, found.terms, *listed]


async def _chunks(database: Database, scope: Scope, ids: Sequence[str]) -> Json:
    """Without the interned label ids, which never leave the system."""
    found = await PostgresPassages(database).chunks(ids, scope=scope)
    values: dict[str, Chunk] = dict(found)
    return _sorted({key: as_json(one) | {"label_id": None} for key, one in values.items()})


async def _sentences(database: Database, scope: Scope, ids: Sequence[str]) -> Json:
    found = await PostgresPassages(database).sentences(ids, scope=scope)
    return _sorted({key: [_sentence(one) for one in some] for key, some in found.items()})


def _sentence(one: EmbeddedSentence) -> Json:
    return [one.start, one.end, one.vector.tobytes().hex()]


async def _assertions(database: Database, scope: Scope, ids: Sequence[str]) -> Json:
    """What is said of each chunk from end to end."""
    known = await Resources(database).assertions(scope, ids)
    span = Span(start=0, end=_WHOLE)
    chunks = [_empty(one, scope) for one in ids]
    return [[as_json(known.names(one, span)), known.relation(one, span)] for one in chunks]


def _empty(chunk_id: str, scope: Scope) -> Chunk:
    """A chunk of which only the id counts."""
    nothing = Label(tenant=scope.tenant, classification=Classification.U)
    return Chunk(
        chunk_id=chunk_id,
        part_id="",
        document_id="",
        title=None,
        text="",
        start=0,
        end=0,
        label_id=0,
        label=nothing,
    )


def _sorted(value: Mapping[str, Any]) -> Json:
    return dict(sorted(value.items()))
