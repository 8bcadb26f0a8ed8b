"""A matrix of vectors in memory, eight bits a number, that finds which few are worth an exact look.

It proposes and never decides: by a bound on what rounding can do, all that may be among the nearest is among
what it gives, and the store then computes and orders these exactly. So what a search gives does not depend on
what else lies in the matrix, in which order that came in, or how it is cut into tiles.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from retrieval.embedding import DIMENSION, Vectors

TILE = 4096
"""Columns of a tile, each one vector. Tiles are filled one after the other, whatever the labels."""
_LEVELS = 127
_SLACK = 1e-5
"""More than single precision loses over a few hundred products, the sum of whose sizes is at most one."""


@dataclass(slots=True)
class _Tile:
    """`codes` times `scales` is about the vectors; `errors` bounds the length of what is missing."""

    codes: NDArray[np.int8] = field(default_factory=lambda: np.zeros((DIMENSION, TILE), np.int8))
    scales: NDArray[np.float32] = field(default_factory=lambda: np.zeros(TILE, np.float32))
    errors: NDArray[np.float32] = field(default_factory=lambda: np.zeros(TILE, np.float32))
    sums: NDArray[np.int32] = field(default_factory=lambda: np.zeros(TILE, np.int32))
    """Of each column of the codes."""
    labels: NDArray[np.int32] = field(default_factory=lambda: np.full(TILE, -1, np.int32))
    ordinals: NDArray[np.int32] = field(default_factory=lambda: np.zeros(TILE, np.int32))
    filled: int = 0


@dataclass(frozen=True, slots=True)
class _Bounds:
    """For some columns of a tile: between what the true inner product lies, and whose they are."""

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    labels: NDArray[np.int32]
    ordinals: NDArray[np.int32]


class Matrix:
    """Unit vectors by label and ordinal. One may change it while others look at a view of it."""

    def __init__(self) -> None:
        self._tiles: tuple[_Tile, ...] = ()
        self._products = _products()

    def view(self) -> "View":
        """What is there now; what is dropped later stays in it, and what is added may show in it."""
        return View(self._tiles, self._products)

    @property
    def size(self) -> int:
        """Bytes, but for some per tile."""
        return sum(tile.codes.nbytes + 20 * TILE for tile in self._tiles)

    def add(self, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
        """Takes in vectors of shape (n, DIMENSION) with their ordinals, of shape (n,)."""
        start = 0
        while start < len(ordinals):
            if not self._tiles or self._tiles[-1].filled == TILE:
                self._tiles = (*self._tiles, _Tile())
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
    _products: onnxruntime.InferenceSession

    def candidates(
        self, vector: Vectors, label_ids: Collection[int], limit: int
    ) -> tuple[list[int], list[int]]:
        """Label ids and ordinals of all that may be among the `limit` nearest under these labels."""
        shown = np.zeros(max(label_ids, default=0) + 2, np.bool_)
        shown[np.fromiter(label_ids, np.int64, len(label_ids))] = True
        query = _Query.of(vector)
        found = [self._bounds(tile, query, shown) for tile in self._tiles]
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
        at = np.flatnonzero(shown[np.minimum(tile.labels, len(shown) - 1)])
        if not len(at):
            none = np.empty(0, np.float32)
            return _Bounds(none, none, tile.labels[at], tile.ordinals[at])
        [[products]] = self._products.run(None, {"query": query.codes, "tile": tile.codes})
        scales = tile.scales[at] * query.scale
        about = (products[at] - 128 * tile.sums[at]) * scales
        error = tile.errors[at] + query.error + np.float32(_SLACK)
        return _Bounds(about - error, about + error, tile.labels[at], tile.ordinals[at])


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


def _put(tile: _Tile, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
    some = slice(tile.filled, tile.filled + len(ordinals))
    scales = np.maximum(np.abs(vectors).max(axis=1) / _LEVELS, 1e-12).astype(np.float32)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    tile.codes[:, some] = codes.T
    tile.scales[some] = scales
    tile.errors[some] = np.linalg.norm(vectors - codes * scales[:, None], axis=1)
    tile.sums[some] = codes.sum(axis=1, dtype=np.int32)
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


def _products() -> onnxruntime.InferenceSession:
    """Query (1, DIMENSION) unsigned times tile (DIMENSION, n) signed, summed in 32 bits: no rounding."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


MODEL = base64.b64decode(
    "CAk6gwEKJgoFcXVlcnkKBHRpbGUSCHByb2R1Y3RzIg1NYXRNdWxJbnRlZ2VyEghwcm9kdWN0c1oYCgVxdWVyeRIP"
    "Cg0IAhIJCgIIAQoDCIADWhgKBHRpbGUSEAoOCAMSCgoDCIADCgMSAW5iGwoIcHJvZHVjdHMSDwoNCAYSCQoCCAEK"
    "AxIBbkIECgAQEQ=="
)
"""One MatMulInteger, as the onnx package writes it down; a test makes it anew. Serving need not import that package."""
