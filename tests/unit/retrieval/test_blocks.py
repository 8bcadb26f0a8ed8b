"""Posting blocks: what was packed is what is read, whichever labels and blocks it lay in."""

from collections import defaultdict
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from retrieval.stores.postgres.blocks import BLOCK, Numbering, entry, postings

ordinals = st.integers(0, 3 * BLOCK - 1)
held = st.dictionaries(
    st.tuples(st.integers(1, 4), ordinals),
    st.tuples(st.integers(1, 70_000), st.integers(1, 300)),
    max_size=30,
)


@given(held)
def test_every_entry_comes_back_at_the_position_of_its_chunk(
    some: dict[tuple[int, int], tuple[int, int]],
) -> None:
    blocks: dict[tuple[int, int], bytes] = defaultdict(bytes)
    for (label, ordinal), (length, count) in some.items():
        blocks[label, ordinal // BLOCK] += entry(ordinal, length, count)
    labels = b"".join(pack(">ii", label, 3 * BLOCK) for label in range(1, 5))
    sums = {"labels": labels, "chunks": 12 * BLOCK, "terms": 7}
    found = postings(
        [
            sums
            | {
                "term": "quay" if some else None,
                "label_ids": [label for label, _ in blocks],
                "blocks": [block for _, block in blocks],
                "octets": [len(entries) for entries in blocks.values()],
                "entries": b"".join(blocks.values()),
            }
        ]
    )
    assert (found.chunks, found.terms, found.size) == (12 * BLOCK, 7, 12 * BLOCK)
    numbering = found.identity
    assert isinstance(numbering, Numbering)
    read = {}
    for one in found.lists.values():
        places = list(zip(*numbering.tell(one.positions.tolist()), strict=True))
        read = dict(zip(places, zip(one.lengths, one.counts, strict=True), strict=True))
    assert read == {
        place: (min(length, 65_535), min(count, 255)) for place, (length, count) in some.items()
    }


def test_labels_without_a_chunk_take_no_position() -> None:
    labels = pack(">iiiiii", 3, 0, 5, 2, 9, 1)
    numbering = Numbering.of(labels)
    assert numbering.size == 3
    assert numbering.tell([0, 1, 2]) == ([5, 5, 9], [0, 1, 0])
    assert Numbering.of(b"").size == 0
