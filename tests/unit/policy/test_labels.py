"""Labels of a tenant are a lattice, and a label in JSON is read in full or refused."""

import json
from typing import Any

import pytest
from hypothesis import given

from policy import BadInput, Classification, Label, join_all
from tests.unit.policy.strategies import labels, strange_labels

U = Label(tenant="t1", classification=Classification.U)


@given(labels, labels)
def test_join_is_commutative(a: Label, b: Label) -> None:
    assert a.join(b) == b.join(a)


@given(labels, labels, labels)
def test_join_is_associative(a: Label, b: Label, c: Label) -> None:
    assert a.join(b).join(c) == a.join(b.join(c)) == join_all([a, b, c])


@given(labels)
def test_join_is_idempotent(a: Label) -> None:
    assert a.join(a) == a == join_all([a])


@given(labels)
def test_a_label_dominates_itself(a: Label) -> None:
    assert a.dominates(a)


@given(labels, labels)
def test_two_labels_that_dominate_each_other_are_one(a: Label, b: Label) -> None:
    if a.dominates(b) and b.dominates(a):
        assert a == b


@given(labels, labels, labels)
def test_dominance_is_transitive(a: Label, b: Label, c: Label) -> None:
    low, middle, high = a, a.join(b), a.join(b).join(c)
    assert middle.dominates(low)
    assert high.dominates(middle)
    assert high.dominates(low)
    if a.dominates(b) and b.dominates(c):
        assert a.dominates(c)


@given(labels, labels, labels)
def test_join_is_the_least_upper_bound(a: Label, b: Label, c: Label) -> None:
    join = a.join(b)
    assert join.dominates(a)
    assert join.dominates(b)
    above = c.join(a).join(b)
    assert above.dominates(join)
    if c.dominates(a) and c.dominates(b):
        assert c.dominates(join)


@given(labels, labels)
def test_a_label_absorbs_just_what_it_dominates(a: Label, b: Label) -> None:
    assert (a.join(b) == a) == a.dominates(b)
    assert a.join(a.join(b)) == a.join(b)


@given(labels, labels, labels)
def test_join_keeps_the_order(a: Label, b: Label, c: Label) -> None:
    higher = a.join(b)
    assert higher.join(c).dominates(a.join(c))


@given(labels, labels)
def test_dominance_is_that_each_field_is_at_least_as_strict(a: Label, b: Label) -> None:
    releases_no_more = b.releasable_to is None or (
        a.releasable_to is not None and a.releasable_to <= b.releasable_to
    )
    assert a.dominates(b) == (
        a.classification.rank >= b.classification.rank
        and a.compartments >= b.compartments
        and a.authorities >= b.authorities
        and a.handling >= b.handling
        and releases_no_more
    )


def test_levels_compare_by_rank_and_not_as_text() -> None:
    assert [level.rank for level in (Classification("U"), Classification("TS"))] == [0, 3]
    secret = Label(tenant="t1", classification=Classification.S)
    assert U.join(secret) == secret


def test_labels_of_two_tenants_have_no_join_and_do_not_dominate() -> None:
    other = Label(tenant="t2", classification=Classification.U)
    with pytest.raises(BadInput, match="two tenants"):
        U.join(other)
    assert not U.dominates(other)


@given(strange_labels)
def test_json_keeps_each_label(label: Label) -> None:
    written = json.loads(json.dumps(label.to_json()))
    assert Label.from_json(written, tenant="elsewhere", where="x") == label
    assert Label.from_json(json.loads(label.canonical()), tenant="-", where="x") == label


@given(labels, labels)
def test_canonical_texts_are_equal_just_where_labels_are(a: Label, b: Label) -> None:
    assert (a.canonical() == b.canonical()) == (a == b)


def test_what_a_label_leaves_out() -> None:
    label = Label.from_json({"classification": "U"}, tenant="t1", where="a.md")
    assert label == U
    assert label.releasable_to is None


def test_releasable_to_nobody_is_not_unrestricted() -> None:
    value = {"classification": "U", "releasable_to": []}
    assert Label.from_json(value, tenant="t1", where="a.md").releasable_to == frozenset()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("U", "must be an object"),
        (None, "must be an object"),
        ({}, "classification must be one of"),
        ({"classification": "s"}, "classification must be one of"),
        ({"classification": 3}, "classification must be one of"),
        ({"classification": ["S"]}, "classification must be one of"),
        ({"classification": "U", "releasible_to": []}, "unknown label field 'releasible_to'"),
        ({"classification": "U", "releasable_to": None}, "releasable_to must be a list"),
        ({"classification": "U", "releasable_to": "USA"}, "releasable_to must be a list"),
        ({"classification": "U", "compartments": "SI"}, "compartments must be a list"),
        ({"classification": "U", "compartments": None}, "compartments must be a list"),
        ({"classification": "U", "compartments": [1]}, "compartments must be a name"),
        ({"classification": "U", "compartments": [""]}, "compartments must be a name"),
        ({"classification": "U", "authorities": [" A"]}, "authorities must be a name"),
        ({"classification": "U", "handling": ["P\u200bII"]}, "handling must be a name"),
        ({"classification": "U", "handling": ["\ud800"]}, "handling must be a name"),
        ({"classification": "U", "handling": ["DRAFT"]}, "unknown handling 'DRAFT'; known: CUI, "),
        ({"classification": "U", "handling": ["pii"]}, "unknown handling 'pii'"),
        ({"classification": "U", "tenant": None}, "tenant must be a name"),
        ({"classification": "U", "tenant": ""}, "tenant must be a name"),
    ],
)
def test_a_malformed_label_is_refused_with_its_place(value: Any, fault: str) -> None:
    with pytest.raises(BadInput, match=fault) as refused:
        Label.from_json(value, tenant="t1", where="a.md:3")
    assert refused.value.message.startswith("a.md:3: ")
