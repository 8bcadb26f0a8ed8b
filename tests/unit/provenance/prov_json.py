"""A reader of PROV-JSON that knows nothing of how ours is written: https://www.w3.org/submissions/prov-json/.

It checks the form that the submission asks for, and those constraints of https://www.w3.org/TR/prov-constraints/
that a document can break by itself.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# PN_LOCAL of PROV-N, without its escapes and what lies outside of ASCII.
_LOCAL = re.compile(
    r"(?:[A-Za-z0-9_/@~&+*?#$!]|%[0-9A-Fa-f]{2})"
    r"(?:(?:[A-Za-z0-9_/@~&+*?#$!.-]|%[0-9A-Fa-f]{2})*(?:[A-Za-z0-9_/@~&+*?#$!-]|%[0-9A-Fa-f]{2}))?"
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_ELEMENTS = ("entity", "activity", "agent")
_MEMBERS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "wasGeneratedBy": {"prov:entity": ("entity", True), "prov:activity": ("activity", False)},
    "used": {"prov:activity": ("activity", True), "prov:entity": ("entity", False)},
    "wasInvalidatedBy": {"prov:entity": ("entity", True), "prov:activity": ("activity", False)},
    "wasStartedBy": {
        "prov:activity": ("activity", True),
        "prov:trigger": ("entity", False),
        "prov:starter": ("activity", False),
    },
    "wasAttributedTo": {"prov:entity": ("entity", True), "prov:agent": ("agent", True)},
    "wasAssociatedWith": {
        "prov:activity": ("activity", True),
        "prov:agent": ("agent", False),
        "prov:plan": ("entity", False),
    },
    "actedOnBehalfOf": {
        "prov:delegate": ("agent", True),
        "prov:responsible": ("agent", True),
        "prov:activity": ("activity", False),
    },
    "wasDerivedFrom": {
        "prov:generatedEntity": ("entity", True),
        "prov:usedEntity": ("entity", True),
        "prov:activity": ("activity", False),
    },
    "hadMember": {"prov:collection": ("entity", True), "prov:entity": ("entity", True)},
}
_TIMES = {"activity": ("prov:startTime", "prov:endTime"), "wasGeneratedBy": ("prov:time",)}
_BARE = frozenset(["hadMember"])
"""Relations that have no attributes."""

Statement = dict[str, Any]


class Prov:
    """A document, read; AssertionError says what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.said: dict[str, dict[str, Statement]] = json.loads(text, object_pairs_hook=_distinct)
        self._prefixes = self.said["prefix"]
        for prefix, uri in self._prefixes.items():
            assert _PREFIX.fullmatch(prefix), prefix
            assert isinstance(uri, str)
            assert _URI.fullmatch(uri), uri
        assert set(self.said) <= {"prefix", *_ELEMENTS, *_MEMBERS}, set(self.said)
        for kind in _ELEMENTS:
            for name, statement in self.said.get(kind, {}).items():
                self._name(name)
                self._attributes(kind, statement)
        for relation in _MEMBERS:
            for name, statement in self.said.get(relation, {}).items():
                assert re.fullmatch(r"_:[A-Za-z0-9]+", name), name
                self._relation(relation, statement)
        self._constraints()

    def related(self, relation: str, **members: str) -> list[Statement]:
        """The statements of a relation that have these members."""
        wanted = {f"prov:{name}": value for name, value in members.items()}.items()
        return [one for one in self.said.get(relation, {}).values() if wanted <= one.items()]

    def typed(self, kind: str, name: str) -> dict[str, Statement]:
        """The elements of a type, by id."""
        return {
            id_: one
            for id_, one in self.said.get(kind, {}).items()
            if name in [value["$"] for value in _list(one.get("prov:type", []))]
        }

    def _relation(self, relation: str, statement: Statement) -> None:
        members = _MEMBERS[relation]
        for member, (kind, needed) in members.items():
            if member not in statement:
                assert not needed, (relation, member)
                continue
            assert statement[member] in self.said[kind], (relation, member, statement[member])
        others = {name: value for name, value in statement.items() if name not in members}
        assert not (relation in _BARE and others)
        self._attributes(relation, others)

    def _attributes(self, kind: str, statement: Statement) -> None:
        times = _TIMES.get(kind, ())
        for name, value in statement.items():
            self._name(name)
            if name in times:
                _moment(value)
                continue
            values = _list(value)
            assert values, name
            assert len({json.dumps(one, sort_keys=True) for one in values}) == len(values), name
            for one in values:
                self._value(one)

    def _value(self, value: Any) -> None:
        if isinstance(value, str):
            return
        assert isinstance(value, dict), value
        assert set(value) == {"$", "type"}, value
        text = value["$"]
        assert isinstance(text, str)
        match value["type"]:
            case "prov:QUALIFIED_NAME":
                self._name(text)
            case "xsd:dateTime":
                _moment(text)
            case "xsd:integer":
                assert str(int(text)) == text
            case "xsd:decimal":
                assert _DECIMAL.fullmatch(text), text
                Decimal(text)
            case "xsd:boolean":
                assert text in {"true", "false"}
            case other:
                raise AssertionError(other)

    def _name(self, name: str) -> None:
        prefix, colon, local = name.partition(":")
        assert colon, name
        assert prefix in self._prefixes, name
        assert _LOCAL.fullmatch(local), name

    def _constraints(self) -> None:
        # 55: an entity is no activity; 53 has no name stand for several kinds but entity and agent.
        names = Counter(name for kind in _ELEMENTS for name in self.said.get(kind, {}))
        assert set(names.values()) <= {1}
        generated = Counter(one["prov:entity"] for one in self.related("wasGeneratedBy"))
        assert set(generated.values()) <= {1}  # 24, with one activity for each
        for one in self.said.get("activity", {}).values():  # 30
            if {"prov:startTime", "prov:endTime"} <= one.keys():
                assert _moment(one["prov:startTime"]) <= _moment(one["prov:endTime"])
        for one in self.related("wasGeneratedBy"):  # 34
            activity = self.said["activity"][one["prov:activity"]]
            if "prov:time" in one and "prov:endTime" in activity:
                assert _moment(one["prov:time"]) <= _moment(activity["prov:endTime"])
        self._acyclic()

    def _acyclic(self) -> None:
        """Nothing comes of itself (52), by whatever number of derivations."""
        sources: dict[str, set[str]] = {}
        for one in self.related("wasDerivedFrom"):
            sources.setdefault(one["prov:generatedEntity"], set()).add(one["prov:usedEntity"])
        for begin in sources:
            assert begin not in set(_reached(sources, begin)), begin


def _reached(sources: Mapping[str, set[str]], begin: str) -> Iterator[str]:
    waiting, seen = list(sources[begin]), set[str]()
    while waiting:
        one = waiting.pop()
        yield one
        if one not in seen:
            seen.add(one)
            waiting += sources.get(one, ())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _moment(text: Any) -> datetime:
    assert isinstance(text, str)
    at = datetime.fromisoformat(text)
    assert "T" in text
    assert at.tzinfo is not None
    return at


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)
