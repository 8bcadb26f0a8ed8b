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
"""Rows of a tile, each one vector. Tiles are filled one after the other, whatever the labels."""
_LEVELS = 127
_SHIFT = 128
_SLACK = 1e-5
"""More than single precision loses over a few hundred products, the sum of whose sizes is at most one."""


@dataclass(slots=True)
class _Tile:
    """`codes` less 128, times `scales`, is about the vectors; `errors` bounds the length of what is missing."""

    codes: NDArray[np.uint8]
    """Of shape (TILE, dimension)."""
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    labels: NDArray[np.int32]
    ordinals: NDArray[np.int32]
    filled: int = 0

    @classmethod
    def empty(cls, dimension: int) -> "_Tile":
        return cls(
            codes=np.zeros((TILE, dimension), np.uint8),
            scales=np.zeros(TILE, np.float32),
            errors=np.zeros(TILE, np.float32),
            labels=np.full(TILE, -1, np.int32),
            ordinals=np.zeros(TILE, np.int32),
        )


@dataclass(frozen=True, slots=True)
class _Bounds:
    """For some rows of a tile: between what the true inner product lies, and whose they are."""

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
        return sum(tile.codes.nbytes + 16 * TILE for tile in self._tiles)

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
        tiles = [tile for tile in self._tiles if tile.codes.shape[1] == len(vector)]
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
        # A label above the last that is shown, and that of an empty row (-1), count as the last: as not shown.
        visible = shown[np.minimum(tile.labels, len(shown) - 1)]
        at: slice | NDArray[np.intp] = slice(None) if visible.all() else np.flatnonzero(visible)
        labels = tile.labels[at]
        if not len(labels):
            none = np.empty(0, np.float32)
            return _Bounds(none, none, labels, labels)
        # Up to a thousand dimensions this loses nothing, and with more it loses far less than the slack.
        about = (self._products.of(tile.codes[at], query.codes) - query.shift).astype(np.float32)
        about *= tile.scales[at] * query.scale
        error = tile.errors[at] + (query.error + np.float32(_SLACK))
        return _Bounds(about - error, about + error, labels, tile.ordinals[at])


@dataclass(frozen=True, slots=True)
class _Query:
    """The question's vector, rounded."""

    codes: NDArray[np.int8]
    """Of shape (dimension, 1)."""
    scale: np.float32
    error: np.float32
    """The length of what rounding took away, for vectors of length one and a little."""
    shift: np.int32
    """What the shift of a tile's codes adds to each product."""

    @classmethod
    def of(cls, vector: Vectors) -> "_Query":
        scale = np.float32(max(np.abs(vector).max() / _LEVELS, 1e-12))
        codes = np.rint(vector / scale)
        error = np.float32(1.02 * np.linalg.norm(vector - codes * scale))
        shift = np.int32(_SHIFT * codes.sum(dtype=np.float64))
        return cls(codes.astype(np.int8)[:, None], scale, error, shift)


def _fits(tile: _Tile, vectors: Vectors) -> bool:
    return tile.filled < TILE and tile.codes.shape[1] == vectors.shape[1]


def _put(tile: _Tile, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
    some = slice(tile.filled, tile.filled + len(ordinals))
    scales = np.maximum(np.abs(vectors).max(axis=1) / _LEVELS, 1e-12).astype(np.float32)
    codes = np.rint(vectors / scales[:, None])
    tile.codes[some] = codes + _SHIFT
    tile.scales[some] = scales
    tile.errors[some] = np.linalg.norm(vectors - codes * scales[:, None], axis=1)
    tile.ordinals[some] = ordinals
    tile.labels[some] = label_id  # last: from now on it is found
    tile.filled = some.stop


def _without(tile: _Tile, label_id: int) -> _Tile:
    """The tile, or another where it holds the label: who looks at this one goes on undisturbed."""
    gone = tile.labels == label_id
    if not gone.any():
        return tile
    codes, labels = tile.codes.copy(), tile.labels.copy()
    codes[gone], labels[gone] = 0, -1
    return replace(tile, codes=codes, labels=labels)


class _Products:
    """Tile (n, dimension) unsigned times query (dimension, 1) signed, summed in 32 bits: no rounding.

    Processors without VNNI add pairs of products up in 16 bits, and cut them off there. They are given the
    query in two halves, which are too small for that.
    """

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            MODEL, options, providers=["CPUExecutionProvider"]
        )
        most = np.full((64, 64), 255, np.uint8), np.full((64, 1), _LEVELS, np.int8)
        self._whole = bool((self._run(*most) == 64 * 255 * _LEVELS).all())

    def of(self, tile: NDArray[np.uint8], query: NDArray[np.int8]) -> NDArray[np.int32]:
        """Of shape (n,)."""
        return self._run(tile, query) if self._whole else self.halved(tile, query)

    def halved(self, tile: NDArray[np.uint8], query: NDArray[np.int8]) -> NDArray[np.int32]:
        """The same in two runs."""
        half: NDArray[np.int8] = query // np.int8(2)
        rest: NDArray[np.int8] = query - half
        return self._run(tile, half) + self._run(tile, rest)

    def _run(self, tile: NDArray[np.uint8], query: NDArray[np.int8]) -> NDArray[np.int32]:
        [products] = self._session.run(None, {"tile": tile, "query": query})
        found: NDArray[np.int32] = products[:, 0]
        return found


MODEL = base64.b64decode(
    "CAk6gwEKJgoEdGlsZQoFcXVlcnkSCHByb2R1Y3RzIg1NYXRNdWxJbnRlZ2VyEghwcm9kdWN0c1oYCgR0aWxlEhAKDggCEgoK"
    "AxIBbgoDEgFkWhgKBXF1ZXJ5Eg8KDQgDEgkKAxIBZAoCCAFiGwoIcHJvZHVjdHMSDwoNCAYSCQoDEgFuCgIIAUIECgAQEQ=="
)
"""One MatMulInteger, as the onnx package writes it down; a test makes it anew. Serving need not import that package."""
