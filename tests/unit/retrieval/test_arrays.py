"""Columns of numbers and texts give back what was put into them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.stores.postgres.arrays import Lists, Pairs, Texts

FEW = st.integers(0, 6)


@given(st.lists(st.tuples(FEW, FEW)), st.lists(FEW))
def test_each_number_has_the_numbers_it_was_paired_with(
    pairs: list[tuple[int, int]], wanted: list[int]
) -> None:
    left, right = (np.array([one[side] for one in pairs], np.int32) for side in (0, 1))
    lists, asked = Lists.of(left, right, 7), np.array(wanted, np.int32)
    which, values = lists.of_each(asked)
    expected = sorted((at, b) for at, one in enumerate(wanted) for a, b in pairs if a == one)
    assert sorted(zip(which.tolist(), values.tolist(), strict=True)) == expected
    assert lists.counts(asked).tolist() == [sum(a == one for a, _ in pairs) for one in wanted]
    assert sorted(zip(lists.owners.tolist(), lists.values.tolist(), strict=True)) == sorted(pairs)


@given(st.lists(st.tuples(FEW, FEW)), st.lists(st.integers(-2, 8)))
def test_each_hash_has_the_numbers_it_was_paired_with(
    pairs: list[tuple[int, int]], wanted: list[int]
) -> None:
    left, right = np.array([a for a, _ in pairs], np.int64), [b for _, b in pairs]
    held, asked = Pairs.of(left, np.array(right, np.int32)), np.array(wanted, np.int64)
    which, values = held.of_each(asked)
    expected = sorted((at, b) for at, one in enumerate(wanted) for a, b in pairs if a == one)
    assert sorted(zip(which.tolist(), values.tolist(), strict=True)) == expected
    assert held.counts(asked).tolist() == [sum(a == one for a, _ in pairs) for one in wanted]
    hashes, numbers = held.columns
    assert sorted(zip(hashes.tolist(), numbers.tolist(), strict=True)) == sorted(pairs)


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8)


@given(TEXTS, TEXTS, st.data())
def test_texts_in_one_piece_are_those_they_were(
    some: list[str], others: list[str], data: st.DataObject
) -> None:
    texts, every = Texts.joined([Texts.of(some), Texts.of(others)]), [*some, *others]
    assert len(texts) == len(every)
    assert [texts[at] for at in range(len(every))] == every
    places = data.draw(st.lists(st.sampled_from(range(len(every))))) if every else []
    at = np.array(places, np.int64)
    assert texts[at] == [every[one] for one in places]
    assert texts.some(at)[np.arange(len(places))] == [every[one] for one in places]
