"""Schemas mean here what JSON Schema says they mean, and what is not known of it is refused."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.ledger.proofs.json_schema import DIALECT, GONE, compiled
from policy.errors import BadInput

_NAMES = st.sampled_from(["a", "b", "c"])
_TEXTS = st.sampled_from(["", "a", "ab", "AB", "ab\n", "0f", "é", "\0"])
_NUMBERS = st.sampled_from([-1, 0, 1, 2, 1.0, 0.5, -0.0, 2**60, True, False])
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)
_TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
_PATTERNS = st.sampled_from(["^[0-9a-f]{2}$", "^[a-zA-Z]{1,2}$", "^[a]{0,3}$", "^[a-]{1,2}$"])


def _keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=3, unique=True),
            "const": _TEXTS,
            "enum": st.lists(_TEXTS, min_size=1, max_size=3, unique=True),
            "pattern": _PATTERNS,
            "minimum": st.integers(-1, 2),
            "items": inner,
            "properties": st.dictionaries(_NAMES, inner, max_size=3),
            "required": st.lists(_NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "title": st.just("a title"),
        },
    )


_SCHEMAS = st.recursive(
    st.just({"$ref": "#/$defs/shared"}) | _keywords(st.just({})), _keywords, max_leaves=6
)


@given(schema=_SCHEMAS, shared=_keywords(st.just({})), value=_VALUES)
@settings(max_examples=400)
def test_a_value_fits_where_another_implementation_says_so(
    schema: dict[str, Any], shared: dict[str, Any], value: Any
) -> None:
    document = {"$schema": DIALECT, "$defs": {"shared": shared}, "properties": {"a": schema}}
    fits = jsonschema_rs.validator_for(document).is_valid({"a": value})
    assert (compiled(document)({"a": value}) is None) is fits


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{}]},
        {"not": {}},
        {"maxLength": 3},
        {"format": "date"},
        {"type": "text"},
        {"type": []},
        {"const": 1},
        {"enum": [1]},
        {"enum": "ab"},
        {"pattern": "^(a+)+$"},
        {"pattern": "[a]{1}"},
        {"pattern": "^[z-a]{1}$"},
        {"minimum": 0.5},
        {"items": True},
        {"required": "a"},
        {"properties": []},
        {"additionalProperties": None},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/here", "type": "string"},
        [],
        None,
    ],
)
def test_what_is_not_known_of_a_schema_is_refused_wherever_it_stands(schema: Any) -> None:
    here = {"$schema": DIALECT, "$defs": {"here": {}}}
    for document in (
        here | {"properties": {"a": schema}},
        here | {"items": {"items": schema}},
        here | {"$defs": {"here": {}, "a": schema}},
    ):
        with pytest.raises(BadInput, match="schema"):
            compiled(document)


@pytest.mark.parametrize(
    "document", [{}, [], {"$schema": "http://json-schema.org/draft-07/schema#"}]
)
def test_another_dialect_is_refused(document: Any) -> None:
    with pytest.raises(BadInput, match="is not one of"):
        compiled(document)


def test_a_schema_nested_without_end_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(100_000):
        document = {"items": document}
    with pytest.raises(BadInput, match="nested too deeply"):
        compiled({"$schema": DIALECT, **document})


def test_a_fault_is_told_with_its_place() -> None:
    document = json.loads(
        """{"properties": {"contexts": {"items": {"required": ["label"]}}, "at": {"minimum": 1}},
            "additionalProperties": false}"""
    )
    check = compiled({"$schema": DIALECT, **document})
    assert check({"contexts": [{"label": 1}, {}]}) == "/contexts/1/label: it is missing"
    assert check({"at": 0}) == "/at: it is less than 1"
    assert check({"new": 0}) == "/new: the schema knows no such member"
    assert check({"contexts": [], "at": 1}) is None


def test_what_is_gone_counts_as_there_and_only_under_a_known_name() -> None:
    document = {
        "$schema": DIALECT,
        "properties": {"said": {"type": "string"}},
        "required": ["said"],
        "additionalProperties": False,
    }
    assert compiled(document)({"said": GONE}) is None
    assert compiled(document)({"said": GONE, "other": GONE}) is not None
