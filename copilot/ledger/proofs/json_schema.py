"""JSON Schema (draft 2020-12), as much of it as records need: whatever else a schema asks for is refused.

A value meets each part of a schema at most once, and patterns name one class of characters: so a schema that comes
from whom it accuses takes no longer than the value is long.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from policy.errors import BadInput

DIALECT = "https://json-schema.org/draft/2020-12/schema"
GONE: Final = object()
"""In place of a member that is not there any more: it counts as present, and fits."""

Fault = str | None
"""Where the value does not fit and why, as `/contexts/0/label: …`; None where it fits."""
Check = Callable[[Any], Fault]

_ANNOTATIONS = frozenset(["$schema", "$id", "$defs", "title", "description"])
_REFERENCE = re.compile(r"#/\$defs/([A-Za-z0-9_]{1,64})")
_PATTERN = re.compile(r"\^(\[[A-Za-z0-9_.+:-]{1,64}\]\{[0-9]{1,4}(?:,[0-9]{1,4})?\})\$")
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "array": lambda value: type(value) is list,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "null": lambda value: value is None,
    "number": lambda value: type(value) in (int, float),
    "object": lambda value: type(value) is dict,
    "string": lambda value: type(value) is str,
}


def compiled(document: Any) -> Check:
    """Says of values whether they fit. BadInput where the schema has a keyword or a form that is not known here."""
    if not isinstance(document, dict) or document.get("$schema") != DIALECT:
        raise BadInput(f"the schema is not one of {DIALECT}")
    shared: dict[str, Check] = {}
    try:
        for name, schema in _object(document.get("$defs", {}), "$defs").items():
            shared[name] = _schema(schema, shared, document)
        return _schema(document, shared, document)
    except RecursionError as error:
        raise BadInput("the schema is nested too deeply") from error


def _schema(schema: Any, shared: Mapping[str, Check], document: Mapping[str, Any]) -> Check:
    if not isinstance(schema, dict):
        raise BadInput("a part of the schema is not an object")
    given = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    if "$ref" in given:
        return _reference(given, shared, document)

    def inner(one: Any) -> Check:
        return _schema(one, shared, document)

    checks = [
        make(given, inner) for names, make in _KEYWORDS.items() if not names.isdisjoint(given)
    ]
    if unknown := given.keys() - frozenset().union(*_KEYWORDS):
        raise BadInput(f"the schema has a keyword that is not known here: {min(unknown)!r:.80}")
    return checks[0] if len(checks) == 1 else _all(checks)


def _all(checks: list[Check]) -> Check:
    def check(value: Any) -> Fault:
        for one in checks:
            if fault := one(value):
                return fault
        return None

    return check


def _reference(
    given: Mapping[str, Any], shared: Mapping[str, Check], document: Mapping[str, Any]
) -> Check:
    """Looked up when it is asked, since what is shared may refer to what comes after it."""
    found = _REFERENCE.fullmatch(given["$ref"]) if isinstance(given["$ref"], str) else None
    if len(given) > 1 or found is None or found[1] not in document.get("$defs", {}):
        raise BadInput("a $ref of the schema does not stand alone, or leads to none of its $defs")
    name = found[1]

    def check(value: Any) -> Fault:
        return shared[name](value)

    return check


def _typed(given: Mapping[str, Any], _: Callable[[Any], Check]) -> Check:
    wanted = given["type"]
    names = wanted if isinstance(wanted, list) and wanted else [wanted]
    if not all(isinstance(one, str) and one in _TYPES for one in names):
        raise BadInput("a type of the schema is none of JSON's")
    tests = [_TYPES[one] for one in names]
    expected = f": it is not of type {' or '.join(names)}"
    if len(tests) == 1:
        [only] = tests
        return lambda value: None if only(value) else expected
    return lambda value: None if any(test(value) for test in tests) else expected


def _chosen(given: Mapping[str, Any], _: Callable[[Any], Check]) -> Check:
    """Texts alone: in JSON Schema 1 and 1.0 are the same and true is another, which no set of Python's says."""
    lists: list[Any] = [[given["const"]]] if "const" in given else []
    lists += [given["enum"]] if "enum" in given else []
    if not all(isinstance(one, list) and all(isinstance(t, str) for t in one) for one in lists):
        raise BadInput("const or enum of the schema holds something else than texts")
    allowed = frozenset(lists[0]).intersection(*lists[1:])

    def check(value: Any) -> Fault:
        return None if type(value) is str and value in allowed else ": it is none of what may stand"

    return check


def _pattern(given: Mapping[str, Any], _: Callable[[Any], Check]) -> Check:
    found = _PATTERN.fullmatch(given["pattern"]) if isinstance(given["pattern"], str) else None
    try:
        matches = re.compile(found[1] if found else "(").fullmatch
    except re.error as error:
        raise BadInput("a pattern of the schema is not of the form ^[class]{m,n}$") from error

    def check(value: Any) -> Fault:
        fits = type(value) is not str or matches(value)
        return None if fits else ": it is not of the form that is asked for"

    return check


def _minimum(given: Mapping[str, Any], _: Callable[[Any], Check]) -> Check:
    least = given["minimum"]
    if type(least) is not int:
        raise BadInput("a minimum of the schema is not a whole number")

    def check(value: Any) -> Fault:
        fits = type(value) not in (int, float) or value >= least
        return None if fits else f": it is less than {least}"

    return check


def _items(given: Mapping[str, Any], inner: Callable[[Any], Check]) -> Check:
    each = inner(given["items"])

    def check(value: Any) -> Fault:
        if type(value) is list:
            for at, one in enumerate(value):
                if fault := each(one):
                    return f"/{at}{fault}"
        return None

    return check


def _members(given: Mapping[str, Any], inner: Callable[[Any], Check]) -> Check:
    known = {
        name: inner(one) for name, one in _object(given.get("properties", {}), "properties").items()
    }
    required = given.get("required", [])
    if not isinstance(required, list) or not all(isinstance(one, str) for one in required):
        raise BadInput("required of the schema is not a list of names")
    others = given.get("additionalProperties", True)
    other = _others(others) if type(others) is bool else inner(others)

    def check(value: Any) -> Fault:
        if type(value) is not dict:
            return None
        for name in required:
            if name not in value:
                return f"/{name:.80}: it is missing"
        for name, one in value.items():
            if one is GONE and name in known:
                continue
            if fault := known.get(name, other)(one):
                return f"/{name:.80}{fault}"
        return None

    return check


def _others(allowed: bool) -> Check:
    return lambda _: None if allowed else ": the schema knows no such member"


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{where} of the schema is not an object")
    return value


_KEYWORDS: Mapping[frozenset[str], Callable[[Mapping[str, Any], Callable[[Any], Check]], Check]] = {
    frozenset(["type"]): _typed,
    frozenset(["const", "enum"]): _chosen,
    frozenset(["pattern"]): _pattern,
    frozenset(["minimum"]): _minimum,
    frozenset(["items"]): _items,
    frozenset(["properties", "required", "additionalProperties"]): _members,
}
"""Each with all the keywords that are looked at together."""
