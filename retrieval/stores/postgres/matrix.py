"""A matrix of vectors in memory, eight bits a number, that finds which few are worth an exact look.

It proposes and never decides: by a bound on what rounding can do, all that may be among the nearest is among
what it gives, and the store then computes and orders these exactly. So what a search gives does not depend on
what else lies in the matrix, in which order that came in, or how it is cut into tiles.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numkong
import numpy as np
from numpy.typing import NDArray

from retrieval.embedding import Vectors

TILE = 16_384
"""Rows of a tile, each one vector. Tiles are filled one after the other, whatever the labels."""
_LEVELS = 127
_EMPTY = np.iinfo(np.int32).max
"""In place of a label, where there is no row."""
_SLACK = 1e-5
"""More than single precision loses over a few hundred products, the sum of whose sizes is at most one."""


@dataclass(slots=True)
class _Tile:
    """`codes` times `scales` are about the vectors; `errors` bound the length of what is missing."""

    codes: NDArray[np.int8]
    """Of shape (TILE, dimension)."""
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    labels: NDArray[np.int32]
    ordinals: NDArray[np.int32]
    filled: int = 0

    @classmethod
    def empty(cls, dimension: int) -> "_Tile":
        return cls(
            codes=np.zeros((TILE, dimension), np.int8),
            scales=np.zeros(TILE, np.float32),
            errors=np.zeros(TILE, np.float32),
            labels=np.full(TILE, _EMPTY, np.int32),
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

    def view(self) -> "View":
        """What is there now; what is dropped later stays in it, and what is added may show in it."""
        return View(self._tiles)

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
        self._tiles = tuple(one for one in without if (one.labels != _EMPTY).any())


@dataclass(frozen=True, slots=True)
class View:
    """What may be looked through in any thread."""

    _tiles: tuple[_Tile, ...]

    def candidates(
        self, vector: Vectors, label_ids: Collection[int], limit: int
    ) -> tuple[list[int], list[int]]:
        """Label ids and ordinals of all that may be among the `limit` nearest under these labels."""
        shown = np.zeros(max(label_ids, default=0) + 2, np.bool_)
        shown[np.fromiter(label_ids, np.int64, len(label_ids))] = True
        query = _Query.of(vector)
        # One of another dimension holds what is about to go, for a question of another model.
        tiles = [tile for tile in self._tiles if tile.codes.shape[1] == len(vector)]
        found = [_bounds(tile, query, shown) for tile in tiles]
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


@dataclass(frozen=True, slots=True)
class _Query:
    """The question's vector, rounded."""

    codes: NDArray[np.int8]
    """Of shape (1, dimension)."""
    scale: np.float32
    error: np.float32
    """The length of what rounding took away, for vectors of length one and a little."""

    @classmethod
    def of(cls, vector: Vectors) -> "_Query":
        scale = np.float32(max(np.abs(vector).max() / _LEVELS, 1e-12))
        codes = np.rint(vector / scale)
        error = np.float32(1.02 * np.linalg.norm(vector - codes * scale))
        return cls(codes.astype(np.int8)[None, :], scale, error)


def _bounds(tile: _Tile, query: _Query, shown: NDArray[np.bool_]) -> _Bounds:
    # A label above the last that is shown, and an empty row, count as the last: as not shown.
    visible = shown.take(tile.labels, mode="clip")
    at: slice | NDArray[np.intp] = slice(None) if visible.all() else np.flatnonzero(visible)
    labels = tile.labels[at]
    about = np.empty((1, len(labels)), np.float32)
    if len(labels):
        # Up to a thousand dimensions single precision loses nothing of this, and with more far less than the slack.
        numkong.cdist(query.codes, tile.codes[at], "dot", out=about)
    about = about[0] * (tile.scales[at] * query.scale)
    error = tile.errors[at] + (query.error + np.float32(_SLACK))
    return _Bounds(about - error, about + error, labels, tile.ordinals[at])


def _fits(tile: _Tile, vectors: Vectors) -> bool:
    return tile.filled < TILE and tile.codes.shape[1] == vectors.shape[1]


def _put(tile: _Tile, label_id: int, ordinals: NDArray[np.int64], vectors: Vectors) -> None:
    some = slice(tile.filled, tile.filled + len(ordinals))
    scales = np.maximum(np.abs(vectors).max(axis=1) / _LEVELS, 1e-12).astype(np.float32)
    codes = np.rint(vectors / scales[:, None])
    tile.codes[some] = codes
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
    codes[gone], labels[gone] = 0, _EMPTY
    return replace(tile, codes=codes, labels=labels)
