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
from eval.interference.bench import Opened
from eval.interference.holdings import Holdings
from policy.labels import Classification, Label
from policy.scope import Scope
from retrieval.embedding import DIMENSION
from retrieval.ports import EmbeddedSentence, GraphStore, Postings
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.stores.postgres.words_in_step import Words
from retrieval.types import Chunk, Span

_MOST = 60
"""Of each kind of id, so that both hidden and visible ones are among them."""

_WHOLE = 1_000_000
"""More characters than any chunk has."""

Probe = Callable[[Opened, Scope], Awaitable[Json]]


def probes(rng: Random, holdings: Holdings) -> dict[str, Probe]:
    """Every method of every store, with a mixture of visible and hidden things to look up."""
    vector = np.random.default_rng(rng.randrange(2**32)).normal(size=DIMENSION).astype(np.float32)
    vector /= np.linalg.norm(vector)
    some = {
        kind: _mixed(rng, holdings, kind)
        for kind in ("chunk", "entity", "term", "token", "defined", "following")
    }
    return {
        "nearest": lambda on, scope: _listed(
            PostgresPassages(on.database).nearest(vector, 40, scope=scope)
        ),
        "beginning": lambda on, scope: _beginning(on.database, scope, some["term"]),
        "postings": lambda on, scope: _postings(on.database, scope, some["term"]),
        "chunks": lambda on, scope: _chunks(on.database, scope, some["chunk"]),
        "preceding": lambda on, scope: _preceding(on.database, scope, some["following"]),
        "sentences": lambda on, scope: _sentences(on.database, scope, some["chunk"]),
        "linked": lambda on, scope: _value(on.graph.store.linked(some["token"], scope=scope)),
        "around": lambda on, scope: _value(
            on.graph.store.around(
                some["chunk"], some["entity"], some["defined"], some["chunk"], scope=scope
            )
        ),
        "names in memory": lambda on, scope: _names(on, scope, some),
        "words in memory": lambda on, scope: _words(on, scope, some),
        "weigh": lambda on, scope: _value(
            PostgresPassages(on.database).weigh(some["chunk"], vector, some["term"], scope=scope)
        ),
        "passages": lambda on, scope: _value(
            PostgresPassages(on.database).passages(some["chunk"], scope=scope)
        ),
        "neighbours": lambda on, scope: _listed(
            on.graph.store.neighbours(some["entity"], some["entity"], scope=scope)
        ),
        "entities": lambda on, scope: _entities(on.graph.store, scope, some["token"]),
        "assertions": lambda on, scope: _assertions(on.database, scope, some["chunk"]),
    }


async def _names(on: Opened, scope: Scope, some: Mapping[str, Sequence[str]]) -> Json:
    await _fill(on.names, on, scope)
    named = await on.names.of(scope)
    assert named is not None  # it has just caught up
    around = named.around(some["chunk"], some["entity"], some["defined"], some["chunk"])
    return [_sorted(as_json(around)), _sorted(as_json(named.linked(some["token"])))]


async def _words(on: Opened, scope: Scope, some: Mapping[str, Sequence[str]]) -> Json:
    every = await _fill(on.words, on, scope)
    worded = await on.words.of(scope)
    assert worded is not None  # it has just caught up
    everywhere = [*range(-_MOST, 10 * _MOST)]
    return [
        _listed_postings(worded.postings(some["term"]), worded.identified(everywhere)),
        as_json(dict(sorted(worded.counts(some["chunk"], some["term"]).items()))),
        sorted(worded.placed(every, [0] * len(every))),
    ]


async def _fill(copy: Names | Words, on: Opened, scope: Scope) -> list[int]:
    """Brings what every label has into memory, hidden ones too; gives the labels."""
    labels = sorted((await PostgresLabels(on.database).catalog(scope.tenant)).labels)
    copy.want(labels)
    await copy.caught_up()
    return labels


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
    return _listed_postings(found, await store.identify(found, everywhere, scope=scope))


def _listed_postings(found: Postings, ids: Mapping[int, str]) -> Json:
    listed = sorted(
        [term, ids.get(int(at), ""), int(count), int(length)]
        for term, one in found.lists.items()
        for at, count, length in zip(one.positions, one.counts, one.lengths, strict=True)
    )
    return [found.chunks, found.terms, *listed]


async def _entities(store: GraphStore, scope: Scope, words: Sequence[str]) -> Json:
    """The entities of each word."""
    return [as_json(await store.entities([word], 40, scope=scope)) for word in words]


async def _beginning(database: Database, scope: Scope, terms: Sequence[str]) -> Json:
    """By the first letters of terms: more than what is bounded for some."""
    starts = sorted({term[:length] for term in terms for length in (1, 3)})
    return _sorted(as_json(await PostgresPassages(database).beginning(starts, scope=scope)))


async def _chunks(database: Database, scope: Scope, ids: Sequence[str]) -> Json:
    """Without the interned label ids, which never leave the system."""
    return _texts(await PostgresPassages(database).chunks(ids, scope=scope))


async def _preceding(database: Database, scope: Scope, ids: Sequence[str]) -> Json:
    return _texts(await PostgresPassages(database).preceding(ids, scope=scope))


def _texts(found: Mapping[str, Chunk]) -> Json:
    return _sorted({key: as_json(one) | {"label_id": None} for key, one in found.items()})


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
