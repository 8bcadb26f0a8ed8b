"""Posting blocks as Postgres keeps them, and the numbers by which chunks are told apart while they are scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.ports import LONGEST, MOST_OFTEN, PostingList, Postings

BLOCK = 1024
"""Ordinals of a block."""
_PACKED = Struct(">HHB")
_ENTRY = np.dtype([("place", ">u2"), ("length", ">u2"), ("count", "u1")])


def entry(ordinal: int, length: int, count: int) -> bytes:
    """The bytes that stand for a term's place in a chunk."""
    return _PACKED.pack(ordinal % BLOCK, min(length, LONGEST), min(count, MOST_OFTEN))


@dataclass(frozen=True, slots=True)
class Numbering:
    """Positions for all chunks of some labels: `first` of a label is where its ordinal 0 stands."""

    label_ids: NDArray[np.int64]
    """In ascending order."""
    first: NDArray[np.int64]
    size: int

    @classmethod
    def of(cls, labels: bytes) -> "Numbering":
        """From pairs of label id and how many ordinals it has given, four bytes each."""
        pairs = np.frombuffer(labels, ">i4").reshape(-1, 2).astype(np.int64)
        ends = np.cumsum(pairs[:, 1])
        return cls(pairs[:, 0], ends - pairs[:, 1], int(ends[-1]) if len(ends) else 0)

    def positions(
        self, label_ids: NDArray[np.int64], ordinals: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return self.first[np.searchsorted(self.label_ids, label_ids)] + ordinals

    def tell(self, positions: Sequence[int]) -> tuple[list[int], list[int]]:
        """The label ids and the ordinals that stand there."""
        at = np.asarray(positions, np.int64)
        # The last of the labels that begin there: one without a chunk ends where it begins.
        which = np.searchsorted(self.first, at, side="right") - 1
        return self.label_ids[which].tolist(), (at - self.first[which]).tolist()


def postings(rows: Sequence[Mapping[str, Any]]) -> Postings:
    """What the rows say: the sums in each, and one row for each term that has postings."""
    sums = rows[0]
    numbering = Numbering.of(sums["labels"] or b"")
    return Postings(
        lists={row["term"]: _list(row, numbering) for row in rows if row["term"] is not None},
        chunks=sums["chunks"],
        terms=sums["terms"],
        size=numbering.size,
        identity=numbering,
    )


def _list(row: Mapping[str, Any], numbering: Numbering) -> PostingList:
    label_ids, blocks = (np.array(row[name], np.int64) for name in ("label_ids", "blocks"))
    found = np.frombuffer(row["entries"], _ENTRY)
    first = numbering.positions(label_ids, blocks * BLOCK)
    return PostingList(
        positions=np.repeat(first, np.array(row["octets"]) // _ENTRY.itemsize) + found["place"],
        counts=found["count"],
        lengths=found["length"],
    )
