"""Leaks: anything in an output that the asker could only know from what they may not read."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from eval.cases import Attributes
from eval.oracle import Rule, may_read

RUN = 8
"""So many words in a row, found in unreadable texts alone, are a canary."""
_WORD = re.compile(r"\w+")
_NAMES = frozenset({"path", "paths", "entities", "aliases", "surface", "name", "source", "target"})
"""Fields that hold names; a single hidden name is shorter than any canary."""

LabelJson = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A stored text with its label; a document's own row has its title as text."""

    id: str
    text: str
    label: LabelJson
    is_document: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The corpus as the oracle divides it for one person."""

    person: Attributes
    ids: frozenset[str]
    titles: frozenset[str]
    squeezed: str
    """All that is readable, letters and digits alone: names are shown normalised."""
    canaries: frozenset[tuple[str, ...]]
    hidden_ids: tuple[str, ...]


async def corpus(url: str) -> list[Held]:
    """Every part and every document row, read as the owner."""
    query = """
        SELECT part_id AS id, text, value AS label, false AS is_document
        FROM parts JOIN labels USING (label_id)
        UNION ALL
        SELECT document_id, title, value, true FROM documents JOIN labels USING (label_id)
        ORDER BY 4, 1
    """
    connect = psycopg.AsyncConnection.connect(url, row_factory=dict_row)
    async with await connect as connection:
        rows = await (await connection.execute(query)).fetchall()
    return [Held(**row) for row in rows]


def view(held: Iterable[Held], person: Attributes) -> View:
    """What this person may read, and the canaries among what they may not."""
    everything = list(held)
    readable = [one for one in everything if may_read(person, one.label)]
    hidden = [one for one in everything if not may_read(person, one.label)]
    known = {run for one in readable for run in runs(one.text)}
    return View(
        person=person,
        ids=frozenset(one.id for one in readable),
        titles=frozenset(one.text for one in readable if one.is_document),
        squeezed="\n".join(squeeze(f"{one.id} {one.text}") for one in readable),
        canaries=frozenset(run for one in hidden for run in runs(one.text)) - known,
        hidden_ids=tuple(one.id for one in hidden),
    )


def leaks(output: object, view: View, said: str) -> list[str]:
    """What is wrong with an output; `said` is what the asker typed and may be told back."""
    found = [*unreadable(output, view.person), *_places(output, view)]
    own = set(runs(said))
    for text in texts(output):
        hits = [run for run in runs(text) if run in view.canaries and run not in own]
        found += [f"says what only hidden texts say: {' '.join(run)}" for run in hits[:1]]
    found += [f"names what no readable text names: {name}" for name in _strange(output, view, said)]
    return found


def squeeze(text: str) -> str:
    return "".join(words(text)).replace("_", "")


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def runs(text: str) -> Iterator[tuple[str, ...]]:
    """Every run of eight words."""
    every = words(text)
    for start in range(len(every) - RUN + 1):
        yield tuple(every[start : start + RUN])


def texts(output: object) -> Iterator[str]:
    """Every text anywhere in the output, keys included."""
    if isinstance(output, str):
        yield output
    elif isinstance(output, Mapping):
        yield from map(str, output)
        for value in output.values():
            yield from texts(value)
    elif isinstance(output, Sequence):
        for value in output:
            yield from texts(value)


def _strange(output: object, view: View, said: str) -> Iterator[str]:
    """Names with a word that stands neither in a readable text nor in what was asked."""
    spoken = squeeze(said)
    for name in dict.fromkeys(_under(output, _NAMES)):
        if any(w not in view.squeezed and w not in spoken for w in words(name) if "_" not in w):
            yield name


def unreadable(output: object, person: Attributes, rule: Rule = may_read) -> Iterator[str]:
    """Labels that the person may not read: of whatever bears them, nothing should be shown."""
    for one in _objects(output):
        if "classification" in one and not rule(person, one):
            yield f"holds a label that the asker may not read: {dict(one)}"


def _places(output: object, view: View) -> Iterator[str]:
    for one in _objects(output):
        for field in ("document_id", "part_id"):
            if field in one and one[field] not in view.ids:
                yield f"holds the hidden {field} {one[field]}"
        if one.get("title") and one["title"] not in view.titles:
            yield f"holds the hidden title {one['title']}"


def _objects(output: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(output, Mapping):
        yield output
        for value in output.values():
            yield from _objects(value)
    elif isinstance(output, Sequence) and not isinstance(output, str):
        for value in output:
            yield from _objects(value)


def _under(output: object, fields: frozenset[str]) -> Iterator[str]:
    for one in _objects(output):
        for field, value in one.items():
            if field in fields:
                yield from texts(value)
