"""Named blocks of SQL, and the labels that are written into them."""

import pytest

from retrieval.stores.postgres.queries import Queries

SEARCH = Queries("retrieval.stores.postgres", "search.sql")


def test_the_labels_stand_as_a_literal_wherever_the_block_names_them() -> None:
    text = SEARCH.scoped("chunks", [3, 1, 2]).decode()
    assert text.count("ARRAY[3,1,2]::int[]") == 3
    assert "{labels}" not in text


def test_no_labels_are_an_empty_list() -> None:
    assert b"label_id = ANY(ARRAY[]::int[])" in SEARCH.scoped("nearest", [])


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        SEARCH.scoped("nearest", ["1]) OR true --"])  # type: ignore[list-item]


def test_a_block_that_is_not_there_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        SEARCH.scoped("furthest", [1])
