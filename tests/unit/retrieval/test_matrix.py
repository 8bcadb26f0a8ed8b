"""The matrix proposes all that may be among the nearest, whatever lies in it beside them."""

import numkong
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.embedding import DIMENSION, Vectors
from retrieval.stores.postgres.matrix import TILE, Matrix


def unit(shape: tuple[int, ...], seed: int) -> Vectors:
    some: Vectors = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    some /= np.linalg.norm(some, axis=-1, keepdims=True)
    return some


def nearest(
    vectors: dict[tuple[int, int], Vectors], query: Vectors, limit: int
) -> set[tuple[int, int]]:
    scores = {
        key: float(one.astype(np.float64) @ query.astype(np.float64))
        for key, one in vectors.items()
    }
    return set(sorted(scores, key=lambda key: -scores[key])[:limit])


def proposed(matrix: Matrix, query: Vectors, labels: set[int], limit: int) -> set[tuple[int, int]]:
    return set(zip(*matrix.view().candidates(query, labels, limit), strict=True))


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=6),
    shown=st.sets(st.integers(0, 7)),
    limit=st.integers(1, 60),
    spread=st.sampled_from([0.0, 0.01, 1.0]),
    seed=st.integers(0, 1000),
)
def test_all_that_are_among_the_nearest_are_proposed_and_nothing_hidden(
    sizes: list[int], shown: set[int], limit: int, spread: float, seed: int
) -> None:
    matrix = Matrix()
    vectors: dict[tuple[int, int], Vectors] = {}
    centre = unit((DIMENSION,), seed)
    for label, size in enumerate(sizes):
        some = centre + spread * unit((size, DIMENSION), seed + label + 1)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
        matrix.add(label, np.arange(size) * 3, some)
        vectors |= {(label, 3 * at): one for at, one in enumerate(some)}
    query = unit((DIMENSION,), seed + 99)
    found = proposed(matrix, query, shown, limit)
    visible = {key: one for key, one in vectors.items() if key[0] in shown}
    assert nearest(visible, query, limit) <= found <= set(visible)


def test_few_more_are_proposed_than_asked_for() -> None:
    matrix = Matrix()
    matrix.add(1, np.arange(20_000), unit((20_000, DIMENSION), 1))
    assert len(proposed(matrix, unit((DIMENSION,), 2), {1}, 50)) < 500


def test_a_label_may_fill_several_tiles_and_share_the_last() -> None:
    matrix, many = Matrix(), unit((TILE + 10, DIMENSION), 1)
    matrix.add(1, np.arange(TILE + 10), many)
    matrix.add(2, np.arange(5), unit((5, DIMENSION), 2))
    assert matrix.size < 3 * TILE * (DIMENSION + 20)
    for at in (0, TILE - 1, TILE, TILE + 9):
        assert (1, at) in proposed(matrix, many[at], {1, 2}, 1)
    assert proposed(matrix, many[0], {2}, 100) == {(2, at) for at in range(5)}


def test_what_is_dropped_is_gone_except_for_who_looks_already() -> None:
    matrix, some = Matrix(), unit((10, DIMENSION), 1)
    matrix.add(1, np.arange(10), some)
    matrix.add(2, np.arange(10), some)
    view = matrix.view()
    matrix.drop(1)
    assert proposed(matrix, some[0], {1}, 5) == set()
    assert {label for label, _ in proposed(matrix, some[0], {1, 2}, 50)} == {2}
    assert len(view.candidates(some[0], {1}, 50)[0]) == 10
    matrix.drop(2)
    assert matrix.size == 0


@pytest.mark.parametrize("labels", [set(), {9}])
def test_where_nothing_is_shown_nothing_is_proposed(labels: set[int]) -> None:
    matrix = Matrix()
    assert proposed(matrix, unit((DIMENSION,), 1), labels, 5) == set()
    matrix.add(1, np.arange(3), unit((3, DIMENSION), 1))
    assert proposed(matrix, unit((DIMENSION,), 1), labels, 5) == set()


def test_products_are_exact_even_of_the_largest_numbers() -> None:
    """Or bounds would not hold: some processors add pairs of products up in 16 bits."""
    rng = np.random.default_rng(1)
    codes, query = (rng.integers(-127, 128, (rows, 768), np.int8) for rows in (33, 1))
    codes[:3], query[:, :500] = [[-127], [127], [126]], -127
    exact = query.astype(np.int64) @ codes.T.astype(np.int64)
    found = np.empty((1, 33), np.float32)
    numkong.cdist(query, codes, "dot", out=found)
    assert (found == exact).all()


def test_vectors_of_another_dimension_are_as_welcome() -> None:
    matrix, some = Matrix(), unit((50, 64), 1)
    matrix.add(1, np.arange(50), some)
    everything = {(1, at): one for at, one in enumerate(some)}
    assert nearest(everything, some[7], 5) <= proposed(matrix, some[7], {1}, 5)


def test_of_vectors_of_two_dimensions_those_of_the_questions_are_looked_at() -> None:
    """As while another embedding model takes over: some labels hold the old vectors, some the new ones."""
    matrix, old, new = Matrix(), unit((9, DIMENSION), 1), unit((9, 64), 2)
    matrix.add(1, np.arange(9), old)
    matrix.add(2, np.arange(9), new)
    assert {label for label, _ in proposed(matrix, new[0], {1, 2}, 5)} == {2}
    assert {label for label, _ in proposed(matrix, old[0], {1, 2}, 5)} == {1}
