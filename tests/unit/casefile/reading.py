"""The case file read on its own, without the product's readers."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CASEFILE = Path(__file__).resolve().parents[3] / "eval" / "casefile"


DOCUMENTS = CASEFILE / "documents"


ASKERS = ("analyst", "lead", "liaison", "trainee")


LEVELS = ("U", "C", "S", "TS")


LABEL_FIELDS = {"classification", "compartments", "releasable_to", "authorities", "handling"}


QUESTION_FIELDS = {"id", "split", "type", "question", "evidence", "gold", "also_relevant"}


WORD = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


PORTION_MARK = re.compile(r"^\(((?:TS|S|C|U)(?://[^()]+)?)\)\s+")


STOP_WORDS = frozenset(
    "the and for was were are who whom whose what when where which why how did does has have had "
    "his her him she they them that this with from into out our its not been one get got will "
    "would can could may about there their really actually much many per all any than then but "
    "you your until under over".split()
)


Label = dict[str, Any]


Question = dict[str, Any]


class Part(NamedTuple):
    text: str
    label: Label


class Document(NamedTuple):
    id: str
    title: str
    path: Path
    label: Label | None
    parts: list[Part]
    words: int


def squash(text: str) -> str:
    return " ".join(text.split())


def parse_mark(mark: str) -> Label:
    first, *rest = mark.split("//")
    label: Label = {"classification": first}
    for part in rest:
        if part == "NF":
            label["releasable_to"] = ["USA"]
        elif part.startswith("REL TO "):
            label["releasable_to"] = [name.strip() for name in part[len("REL TO ") :].split(",")]
        else:
            label["compartments"] = part.split("/")
    return label


def key(label: Label) -> str:
    return json.dumps(
        {name: sorted(v) if isinstance(v, list) else v for name, v in label.items()}, sort_keys=True
    )


def visible(label: Label, person: dict[str, Any]) -> bool:
    released = label.get("releasable_to")
    return (
        LEVELS.index(person["clearance"]) >= LEVELS.index(label["classification"])
        and set(label.get("compartments", [])) <= set(person["compartments"])
        and (released is None or person["nationality"] in released)
    )


def read_front_matter(path: Path) -> Document:
    opening, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == "", path
    meta = yaml.safe_load(head)
    assert set(meta) == {"id", "title", "label", "date", "kind"}, path
    parts = []
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        found = PORTION_MARK.match(paragraph)
        text = squash(PORTION_MARK.sub("", paragraph))
        parts.append(Part(text, parse_mark(found[1]) if found else meta["label"]))
    words = sum(len(part.text.split()) for part in parts)
    return Document(meta["id"], meta["title"], path, meta["label"], parts, words)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def row_sentence(row: dict[str, str]) -> str:
    return (
        f"On {row['date']}, {row['from_name']} (account {row['from_account']}) "
        f"paid {row['currency']} {float(row['amount']):,.2f} "
        f"to {row['to_name']} (account {row['to_account']}), "
        f'reference "{row["reference"]}" (transaction {row["transaction_id"]}).'
    )


def read_all() -> Iterator[Document]:
    for path in sorted(DOCUMENTS.rglob("*")):
        if path.is_dir():
            continue
        if path.suffix in {".md", ".txt"}:
            yield read_front_matter(path)
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                assert set(record) == {"id", "title", "text", "label", "metadata"}
                part = Part(squash(record["text"]), record["label"])
                yield Document(
                    record["id"],
                    record["title"],
                    path,
                    record["label"],
                    [part],
                    len(part.text.split()),
                )
        else:
            assert path.suffix == ".csv", path
            parts = [Part(row_sentence(r), parse_mark(r["marking"])) for r in read_rows(path)]
            yield Document(path.stem, path.stem, path, None, parts, 0)


def read_questions(name: str) -> list[Question]:
    lines = (CASEFILE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def holding(documents: dict[str, Document], piece: dict[str, str]) -> Part:
    """The one part of the named document that holds the span."""
    parts = [p for p in documents[piece["document_id"]].parts if squash(piece["span"]) in p.text]
    assert len(parts) == 1, (piece, len(parts))
    return parts[0]


def names_in(question: str) -> list[list[str]]:
    """Neighbouring words after the first that have a capital or a digit: names and identifiers."""
    _, _, rest = question.partition(" ")
    names: list[list[str]] = [[]]
    for word in WORD.findall(rest.replace("'s", "")):
        if word[0].isupper() or any(c.isdigit() for c in word):
            names[-1].append(word)
        elif names[-1]:
            names.append([])
    return [name for name in names if name]


def is_absent(name: list[str], corpus_words: set[str]) -> bool:
    """No word of the name stands in any document, in this or in a similar spelling."""
    known = {word.lower() for word in corpus_words}
    capitalised = {word.lower() for word in corpus_words if word[0].isupper() and word.isalpha()}
    return not any(
        word.lower() in known
        or (word.isalpha() and difflib.get_close_matches(word.lower(), capitalised, 1, 0.7))
        for word in name
    )


def content_words(text: str) -> set[str]:
    words = set()
    for token in re.findall(r"[a-z]+", text.lower()):
        if len(token) <= 2 or token in STOP_WORDS:
            continue
        for suffix in (
            "ations",
            "ation",
            "ings",
            "ing",
            "edly",
            "ed",
            "ies",
            "es",
            "s",
            "ly",
            "er",
        ):
            if token.endswith(suffix) and len(token) - len(suffix) >= 3:
                token = token[: -len(suffix)]
                break
        words.add(token)
    return words


def overlap(question: Question) -> float:
    """The greatest share of the question's content words found in any one of its spans."""
    asked = content_words(question["question"])
    return max(len(asked & content_words(e["span"])) / len(asked) for e in question["evidence"])
