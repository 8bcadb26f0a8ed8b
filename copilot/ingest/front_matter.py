"""YAML front matter: the fields between two lines of three dashes at a file's head."""

import re
from typing import Any

import yaml

from copilot.ingest.parts import storable
from policy.errors import BadInput

_FENCE = re.compile(r"---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.M)


class _Fields(yaml.BaseLoader):
    """Scalars stay the text that was written: `NO` is a country, `2024-03-02` a date for whoever reads it."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # References let a few lines stand for gigabytes.
            raise yaml.YAMLError("references (*name) are not taken")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key.value for key, _ in node.value):
            if not isinstance(key, str) or key in seen:
                raise yaml.YAMLError(f"the key {key!r:.40} is given twice or is no text")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """The fields, the text behind them, and the line at which that begins."""
    opening = _FENCE.match(text)
    if opening is None:
        return {}, text, 1
    closing = _CLOSE.search(text, opening.end())
    if closing is None:
        raise BadInput("line 1: front matter without an end; close it with a line `---`")
    fields = _parsed(text[opening.end() : closing.start()])
    return fields, text[closing.end() :], text.count("\n", 0, closing.end()) + 1


def _parsed(written: str) -> dict[str, Any]:
    try:
        fields = yaml.load(written, Loader=_Fields)  # noqa: S506 - BaseLoader builds only text
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(
            f"line {_line(error)}: front matter is not YAML: {_problem(error)}"
        ) from error
    if fields in (None, ""):
        return {}
    if not isinstance(fields, dict):
        raise BadInput("line 1: front matter must be `name: value` lines")
    return storable(fields, "front matter")


def _line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return 2 if mark is None else mark.line + 2


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0][:120]
