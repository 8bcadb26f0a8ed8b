"""How schemas are written here: shapes of JSON, put together by a few words."""

from collections.abc import Iterator, Mapping
from typing import Any

Shape = Mapping[str, Any]

TEXT: Shape = {"type": "string"}
FLAG: Shape = {"type": "boolean"}
WHOLE: Shape = {"type": "integer"}
COUNT: Shape = {"type": "integer", "minimum": 0}
ID: Shape = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
"""Of records, answers, grants, erasures."""
SHA256: Shape = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def of(members: Shape, *, optional: Shape | None = None) -> Shape:
    """An object with all of the members, perhaps the optional ones, and no others."""
    return {
        "type": "object",
        "properties": {**members, **(optional or {})},
        "required": sorted(members),
        "additionalProperties": False,
    }


def each(shape: Shape) -> Shape:
    """A list of it."""
    return {"type": "array", "items": shape}


def named(shape: Shape) -> Shape:
    """An object of any names to it."""
    return {"type": "object", "additionalProperties": shape}


def or_null(shape: Shape) -> Shape:
    return {**shape, "type": [shape["type"], "null"]}


def among(*texts: str) -> Shape:
    return {"enum": sorted(texts)}


def shared(name: str) -> Shape:
    """What stands under that name among the `$defs`."""
    return {"$ref": f"#/$defs/{name}"}


def referred(shape: Any) -> Iterator[str]:
    """The names that it refers to itself."""
    if isinstance(shape, Mapping):
        if isinstance(reference := shape.get("$ref"), str):
            yield reference.removeprefix("#/$defs/")
        shape = list(shape.values())
    if isinstance(shape, list):
        for one in shape:
            yield from referred(one)
