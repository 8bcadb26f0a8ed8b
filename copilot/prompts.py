"""Prompts: Markdown files with front matter, checked at start and hashed for the ledger."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from copilot.data_files import folder
from copilot.generation.port import Prompt
from policy.errors import Misconfigured

_PROVIDED: Mapping[str, frozenset[str]] = {
    "answer": frozenset(["max_sentences", "not_found"]),
    "decompose": frozenset(["most"]),
    "filter": frozenset(),
}
"""What the code gives to each prompt. Nothing of the asker: equal sources give equal bytes."""

_KEYS = frozenset(["version", "variables"])
_FRONT_MATTER = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
_NOT_FOUND = "The sources do not answer this question."


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One prompt file, with each of its variables declared and used."""

    name: str
    version: str
    variables: frozenset[str]
    text: str

    def render(self, **values: str) -> str:
        """The text with its variables filled in, in one pass: a value is never expanded again."""
        return _VARIABLE.sub(lambda match: values[match[1]], self.text)

    def sha256(self, **values: str) -> str:
        """Covers the template, its version and the values, each in an unambiguous place."""
        content = [self.name, self.version, self.text, sorted(values.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class Prompts:
    """Every prompt of the installation, read and checked once."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        for name, provided in _PROVIDED.items():
            _check_provided(name, templates, provided)

    @classmethod
    def load(cls, path: Path | None = None) -> "Prompts":
        """Reads the folder; Misconfigured names the file and what is wrong with it."""
        files = sorted((path or folder("prompts")).glob("*.md"))
        return cls({file.stem: parse(file.stem, file.read_text("utf-8")) for file in files})

    def answer(self, question: str, *, max_sentences: int = 4) -> Prompt:
        """What a generator gets besides the sources. The question stays outside of the hash."""
        values = {"max_sentences": str(max_sentences), "not_found": _NOT_FOUND}
        return self._prompt("answer", question, values)

    def decompose(self, question: str, *, most: int) -> Prompt:
        """What a model gets that is to split a question."""
        return self._prompt("decompose", question, {"most": str(most)})

    def filter(self, question: str) -> Prompt:
        """What a model gets, besides the sources, that is to mark those that bear on the question."""
        return self._prompt("filter", question, {})

    def _prompt(self, name: str, question: str, values: Mapping[str, str]) -> Prompt:
        template = self._templates[name]
        return Prompt(
            system=template.render(**values),
            question=question,
            template=template.name,
            version=template.version,
            sha256=template.sha256(**values),
        )


def parse(name: str, source: str) -> Template:
    """One prompt file; refuses unknown keys and variables that are undeclared or unused."""
    match = _FRONT_MATTER.match(source)
    if match is None:
        raise Misconfigured(f"prompts/{name}.md must begin with front matter between two lines ---")
    head = _mapping(name, match[1])
    text = source[match.end() :].strip()
    if not text:
        raise Misconfigured(f"prompts/{name}.md has no text below its front matter")
    if _BRACES.search(_VARIABLE.sub("", text)):
        raise Misconfigured(f"prompts/{name}.md has braces that are no variable like {{{{name}}}}")
    variables = _names(name, head["variables"])
    _check_used(name, variables, frozenset(_VARIABLE.findall(text)))
    return Template(name=name, version=_version(name, head), variables=variables, text=text)


def _mapping(name: str, source: str) -> Mapping[str, object]:
    try:
        head = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError) as error:
        raise Misconfigured(f"the front matter of prompts/{name}.md is not YAML") from error
    if not isinstance(head, dict):
        raise Misconfigured(f"the front matter of prompts/{name}.md must be keys and values")
    for fault, keys in (("unknown", set(head) - _KEYS), ("missing", _KEYS - set(head))):
        if keys:
            first = min(map(str, keys))
            raise Misconfigured(f"the front matter of prompts/{name}.md: {fault} key {first!r}")
    return head


def _version(name: str, head: Mapping[str, object]) -> str:
    version = head["version"]
    if not isinstance(version, str) or not version.strip():
        raise Misconfigured(f"the version of prompts/{name}.md must be a text, in quotes")
    return version


def _names(name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Misconfigured(f"the variables of prompts/{name}.md must be a list of names")
    return frozenset(value)


def _check_used(name: str, declared: frozenset[str], used: frozenset[str]) -> None:
    if undeclared := sorted(used - declared):
        raise Misconfigured(f"prompts/{name}.md uses the undeclared variable {undeclared[0]!r}")
    if unused := sorted(declared - used):
        raise Misconfigured(f"prompts/{name}.md declares {unused[0]!r} and does not use it")


def _check_provided(name: str, templates: Mapping[str, Template], provided: frozenset[str]) -> None:
    if name not in templates:
        raise Misconfigured(f"the prompt prompts/{name}.md is missing")
    if missing := sorted(templates[name].variables - provided):
        raise Misconfigured(f"prompts/{name}.md wants {missing[0]!r}, which nothing provides")
