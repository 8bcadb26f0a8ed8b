"""A matrix of vectors in memory, eight bits a number, that finds which few are worth an exact look.

It proposes and never decides: by a bound on what rounding can do, all that may be among the nearest is among
what it gives, and the store then computes and orders these exactly. So what a search gives does not depend on
what else lies in the matrix, in which order that came in, or how it is cut into tiles.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from retrieval.embedding import Vectors

TILE = 16_384
"""Columns of a tile, each one vector. Tiles are filled one after the other, whatever the labels."""
_LEVELS = 127
_SLACK = 1e-5
"""More than single precision loses over a few hundred products, the sum of whose sizes is at most one."""


@dataclass(slots=True)
class _Tile:
    """`codes` times `scales` is about the vectors; `errors` bounds the length of what is missing."""

    codes: NDArray[np.int8]
    """Of shape (dimension, TILE)."""
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    shifts: NDArray[np.int32]
    """What a query's shift by 128 adds to each product."""
    labels: NDArray[np.int32]
    ordinals: NDArray[np.int32]
    filled: int = 0

    @classmethod
    def empty(cls, dimension: int) -> "_Tile":
        return cls(
            codes=np.zeros((dimension, TILE), np.int8),
            scales=np.zeros(TILE, np.float32),
            errors=np.zeros(TILE, np.float32),
            shifts=np.zeros(TILE, np.int32),
            labels=np.full(TILE, -1, np.int32),
            ordinals=np.zeros(TILE, np.int32),
        )


@dataclass(frozen=True, slots=True)
class _Bounds:
    """For some columns of a tile: between what the true inner product lies, and whose they are."""

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    labels: NDArray[np.int32]
    ordinals: NDArray[np.int32]


class Matrix:
    """Unit vectors of one model by label and ordinal. One may change it while others look at a view of it."""

    def __init__(self) -> None:
        self._tiles: tuple[_Tile, ...] = ()
        self._products = _Products()

    def view(self) -> "View":
        """What is there now; what is dropped later stays in it, and what is added may show in it."""
        return View(self._tiles, self._products)

    @property
    def size(self) -> int:
        """Bytes, but for some per tile."""
        return sum(tile.codes.nbytes + 20 * TILE for tile in self._tiles)

    def add(self, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
        """Takes in vectors of shape (n, dimension) with their ordinals, of shape (n,)."""
        start = 0
        while start < len(ordinals):
            if not self._tiles or not _fits(self._tiles[-1], vectors):
                self._tiles = (*self._tiles, _Tile.empty(vectors.shape[1]))
            tile = self._tiles[-1]
            end = start + TILE - tile.filled
            _put(tile, label_id, ordinals[start:end], vectors[start:end])
            start = end

    def drop(self, label_id: int) -> None:
        """Forgets a label and what stood for it."""
        without = (_without(tile, label_id) for tile in self._tiles)
        self._tiles = tuple(one for one in without if (one.labels >= 0).any())


@dataclass(frozen=True, slots=True)
class View:
    """What may be looked through in any thread."""

    _tiles: tuple[_Tile, ...]
    _products: "_Products"

    def candidates(
        self, vector: Vectors, label_ids: Collection[int], limit: int
    ) -> tuple[list[int], list[int]]:
        """Label ids and ordinals of all that may be among the `limit` nearest under these labels."""
        shown = np.zeros(max(label_ids, default=0) + 2, np.bool_)
        shown[np.fromiter(label_ids, np.int64, len(label_ids))] = True
        query = _Query.of(vector)
        # One of another dimension holds what is about to go, for a question of another model.
        tiles = [tile for tile in self._tiles if len(tile.codes) == len(vector)]
        found = [self._bounds(tile, query, shown) for tile in tiles]
        lower = np.concatenate([one.lower for one in found]) if found else np.empty(0)
        rank = len(lower) - limit
        cut = np.partition(lower, rank)[rank] if rank > 0 else -np.inf
        labels: list[int] = []
        ordinals: list[int] = []
        for one in found:
            near = one.upper >= cut
            labels += one.labels[near].tolist()
            ordinals += one.ordinals[near].tolist()
        return labels, ordinals

    def _bounds(self, tile: _Tile, query: "_Query", shown: NDArray[np.bool_]) -> _Bounds:
        # A label above the last that is shown, and that of an empty column (-1), count as the last: as not shown.
        visible = shown[np.minimum(tile.labels, len(shown) - 1)]
        at: slice | NDArray[np.intp] = slice(None) if visible.all() else np.flatnonzero(visible)
        labels = tile.labels[at]
        if not len(labels):
            none = np.empty(0, np.float32)
            return _Bounds(none, none, labels, labels)
        products = self._products.of(query.codes, tile.codes)[at] - tile.shifts[at]
        # Up to a thousand dimensions this loses nothing, and with more it loses far less than the slack.
        about = products.astype(np.float32)
        about *= tile.scales[at] * query.scale
        error = tile.errors[at] + (query.error + np.float32(_SLACK))
        return _Bounds(about - error, about + error, labels, tile.ordinals[at])


@dataclass(frozen=True, slots=True)
class _Query:
    """The question's vector, rounded; `codes` are shifted by 128, since the product wants them unsigned."""

    codes: NDArray[np.uint8]
    scale: np.float32
    error: np.float32
    """The length of what rounding took away, for vectors of length one and a little."""

    @classmethod
    def of(cls, vector: Vectors) -> "_Query":
        scale = np.float32(max(np.abs(vector).max() / _LEVELS, 1e-12))
        codes = np.rint(vector / scale)
        error = np.float32(1.02 * np.linalg.norm(vector - codes * scale))
        return cls((codes + 128).astype(np.uint8)[None, :], scale, error)


def _fits(tile: _Tile, vectors: Vectors) -> bool:
    return tile.filled < TILE and len(tile.codes) == vectors.shape[1]


def _put(tile: _Tile, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
    some = slice(tile.filled, tile.filled + len(ordinals))
    scales = np.maximum(np.abs(vectors).max(axis=1) / _LEVELS, 1e-12).astype(np.float32)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    tile.codes[:, some] = codes.T
    tile.scales[some] = scales
    tile.errors[some] = np.linalg.norm(vectors - codes * scales[:, None], axis=1)
    tile.shifts[some] = 128 * codes.sum(axis=1, dtype=np.int32)
    tile.ordinals[some] = ordinals
    tile.labels[some] = label_id  # last: from now on it is found
    tile.filled = some.stop


def _without(tile: _Tile, label_id: int) -> _Tile:
    """The tile, or another where it holds the label: who looks at this one goes on undisturbed."""
    gone = tile.labels == label_id
    if not gone.any():
        return tile
    codes, labels = tile.codes.copy(), tile.labels.copy()
    codes[:, gone], labels[gone] = 0, -1
    return replace(tile, codes=codes, labels=labels)


class _Products:
    """Query (1, dimension) unsigned times tile (dimension, n) signed, summed in 32 bits: no rounding.

    Processors without VNNI add pairs of products up in 16 bits, and cut them off there. They are given the
    query in two halves, which are too small for that.
    """

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            MODEL, options, providers=["CPUExecutionProvider"]
        )
        most = np.full((1, 64), 255, np.uint8), np.full((64, 64), _LEVELS, np.int8)
        self._whole = bool((self._run(*most) == 64 * 255 * _LEVELS).all())

    def of(self, query: NDArray[np.uint8], tile: NDArray[np.int8]) -> NDArray[np.int32]:
        """Of shape (n,)."""
        return self._run(query, tile) if self._whole else self.halved(query, tile)

    def halved(self, query: NDArray[np.uint8], tile: NDArray[np.int8]) -> NDArray[np.int32]:
        """The same in two runs."""
        half: NDArray[np.uint8] = query // np.uint8(2)
        rest: NDArray[np.uint8] = query - half
        return self._run(half, tile) + self._run(rest, tile)

    def _run(self, query: NDArray[np.uint8], tile: NDArray[np.int8]) -> NDArray[np.int32]:
        [[products]] = self._session.run(None, {"query": query, "tile": tile})
        found: NDArray[np.int32] = products
        return found


MODEL = base64.b64decode(
    "CAk6gwEKJgoFcXVlcnkKBHRpbGUSCHByb2R1Y3RzIg1NYXRNdWxJbnRlZ2VyEghwcm9kdWN0c1oYCgVxdWVyeRIPCg0I"
    "AhIJCgIIAQoDEgFkWhgKBHRpbGUSEAoOCAMSCgoDEgFkCgMSAW5iGwoIcHJvZHVjdHMSDwoNCAYSCQoCCAEKAxIBbkIE"
    "CgAQEQ=="
)
"""One MatMulInteger, as the onnx package writes it down; a test makes it anew. Serving need not import that package."""
