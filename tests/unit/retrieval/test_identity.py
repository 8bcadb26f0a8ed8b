"""Ids depend on content alone."""

import re

from hypothesis import given
from hypothesis import strategies as st

from retrieval.identity import content_id, entity_id

fields = st.lists(st.text(max_size=4), max_size=4).map(tuple)


@given(fields, fields)
def test_different_fields_give_different_ids(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert (content_id("part", *a) == content_id("part", *b)) == (a == b)


def test_fields_do_not_run_together() -> None:
    assert content_id("part", "ab", "c") != content_id("part", "a", "bc")
    assert content_id("part", "a") != content_id("part", "a", "")


def test_kinds_do_not_meet() -> None:
    assert content_id("part", "a") != content_id("chunk", "a")


def test_an_id_is_the_same_on_every_machine() -> None:
    assert content_id("part", "Zürich", "\ud800") == "2299a8b306d04b7f7b5d5adf7bc47a90"
    assert re.fullmatch(r"[0-9a-f]{32}", entity_id("t1", "drell"))


def test_an_entity_belongs_to_its_tenant() -> None:
    assert entity_id("t1", "drell") != entity_id("t2", "drell")
