"""Words in memory give, for any scope, what looking at each of its chunks gives."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ports import Postings
from retrieval.stores.postgres import words_in_step
from retrieval.stores.postgres.arrays import hashed, ids_of
from retrieval.stores.postgres.worded import Worded
from retrieval.stores.postgres.words import MOST, Columns, Piece
from retrieval.stores.postgres.words_in_step import _joined

TERMS = ["alder", "berth", "quay", "ship"]
LABELS = range(1, 6)


@dataclass(frozen=True)
class Stored:
    """A chunk as the database holds it."""

    label: int
    ordinal: int
    counts: Mapping[str, int]

    @property
    def chunk_id(self) -> str:
        """As ids are: told apart by each of their bytes."""
        return hashlib.sha256(f"{self.label} {self.ordinal}".encode()).hexdigest()[:32]

    @property
    def length(self) -> int:
        return sum(self.counts.values())


counts = st.dictionaries(st.sampled_from(TERMS), st.integers(1, 255))
chunks = st.lists(
    st.builds(Stored, label=st.sampled_from(LABELS), ordinal=st.integers(0, 9), counts=counts),
    unique_by=lambda one: (one.label, one.ordinal),
    max_size=24,
)
batches = st.lists(chunks, max_size=4)
some_labels = st.sets(st.sampled_from(LABELS))


def columns(some: Sequence[Stored]) -> Columns:
    return Columns(
        labels=np.array([one.label for one in some], np.int32),
        ordinals=np.array([one.ordinal for one in some], np.int32),
        chunk_ids=ids_of([one.chunk_id for one in some]),
        lengths=np.array([one.length for one in some], np.int32),
        terms=hashed([term for one in some for term in one.counts]),
        chunks=np.array([at for at, one in enumerate(some) for _ in one.counts], np.int32),
        counts=np.array([count for one in some for count in one.counts.values()], np.uint8),
    )


def held(some: Sequence[Sequence[Stored]]) -> tuple[dict[tuple[int, int], Stored], list[Columns]]:
    """No place twice: an ordinal is given once."""
    known: dict[tuple[int, int], Stored] = {}
    batches = []
    for batch in some:
        new = [one for one in batch if (one.label, one.ordinal) not in known]
        known |= {(one.label, one.ordinal): one for one in new}
        batches.append(columns(new))
    return known, batches


def listed(found: Postings, ids: Mapping[int, str]) -> list[tuple[str, str, int, int]]:
    return sorted(
        (term, ids[int(at)], int(count), int(length))
        for term, one in found.lists.items()
        for at, count, length in zip(one.positions, one.counts, one.lengths, strict=True)
    )


@given(batches, some_labels, some_labels)
def test_a_scope_sees_what_its_chunks_consist_of(
    some: list[list[Stored]], gone: set[int], shown: set[int]
) -> None:
    known, read = held(some)
    pieces: tuple[Piece, ...] = ()
    for one in read:
        pieces = _joined(pieces, [one])
    for label in gone:
        pieces = tuple(piece.without(label) for piece in pieces)
    pieces = _joined(pieces, [columns([])])  # what is gone has to stay so
    worded = Worded(pieces, sorted(shown))
    visible = [one for one in known.values() if one.label in shown - gone]
    agree(worded, visible, [*known.values()])


def agree(worded: Worded, visible: Sequence[Stored], every: Sequence[Stored]) -> None:
    found = worded.postings(TERMS)
    assert (found.chunks, found.size) == (len(visible), len(visible))
    assert found.terms == sum(one.length for one in visible)
    ids = worded.identified(range(-2, found.size + 2))
    assert sorted(ids) == [*range(found.size)]
    assert sorted(ids.values()) == sorted(one.chunk_id for one in visible)
    assert listed(found, ids) == sorted(
        (term, one.chunk_id, count, one.length)
        for one in visible
        for term, count in one.counts.items()
    )
    everywhere = [one.chunk_id for one in every]
    assert worded.counts(everywhere, TERMS) == {
        one.chunk_id: (one.length, dict(sorted(one.counts.items()))) for one in visible
    }
    places = [(one.label, one.ordinal) for one in every] + [(9, 9), (1, 77)]
    placed = worded.placed(*map(list, zip(*places, strict=True)))
    assert sorted(placed) == sorted(one.chunk_id for one in visible)


def test_more_than_a_piece_holds_is_spread_over_several() -> None:
    many = [Stored(label=1, ordinal=at, counts={"quay": 1 + at % 3}) for at in range(MOST + 5)]
    pieces = _joined((), [columns(many)])
    assert [len(one.labels) for one in pieces] == [MOST, 5]
    worded = Worded(pieces, [1])
    found = worded.postings(["quay"])
    last = worded.identified([MOST - 1, MOST, MOST + 4])
    assert found.lists["quay"].positions.tolist() == [*range(MOST + 5)]
    assert [*last.values()] == [many[at].chunk_id for at in (MOST - 1, MOST, MOST + 4)]
    more = [Stored(label=2, ordinal=at, counts={}) for at in range(3)]
    assert [len(one.labels) for one in _joined(pieces, [columns(more)])] == [MOST, 8]


def test_what_has_for_the_most_part_gone_is_held_no_longer() -> None:
    first = [Stored(label=1 + at % 3, ordinal=at, counts={"quay": 1}) for at in range(30)]
    [piece] = _joined((), [columns(first)])
    pieces = (piece.without(1).without(2),)
    [piece] = _joined(pieces, [columns([Stored(label=4, ordinal=0, counts={"ship": 1})])])
    assert len(piece.labels) == 11
    assert words_in_step._joined((piece.without(3).without(4),), [columns([])])[0].size == 0
