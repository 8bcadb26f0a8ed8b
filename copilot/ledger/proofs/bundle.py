"""What a bundle of the ledger consists of: the names of its files, and how large each may be."""

import json
import re
from collections.abc import Sequence
from typing import Any

RECORDS = "records.ndjson"
CHECKPOINT = "checkpoint"
EARLIER = "checkpoints.ndjson"
KEYS = "keys"
ROTATIONS = "rotations.ndjson"
STATEMENT = "statement.dsse.json"

WRITTEN = (RECORDS, CHECKPOINT, EARLIER, KEYS, ROTATIONS)
"""In every bundle, be it empty, and named by its statement; the statement is the sixth."""
POLICIES, SCHEMAS = "policy", "schemas"
EXTRA_FOLDERS = (POLICIES, SCHEMAS, "prov")
"""What may lie beside, named by the statement with their hashes. Of the last nothing else is read."""

MOST_FILES = 10_000
MOST_DEPTH = 8
LONGEST_NAME = 1_000
LONGEST_LINE = 8 * 2**20
"""Of a record with its openings and scopes; those of 10,000 labels have a megabyte."""
LARGEST_SMALL = 16 * 2**20
"""Bytes of a file that is read at once: all but records and extra files."""
LARGEST = 2**40
"""Bytes of any other file."""
MOST_LISTED = 10_000
"""Problems that are listed one by one; how many more there were is said."""

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What may be raised by reading JSON of another shape than the expected, or what is none."""

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


def is_extra(name: str) -> bool:
    """Whether an extra file may be called that: below one of the folders, with plain names that lead nowhere else."""
    folder, *parts = name.split("/")
    return (
        folder in EXTRA_FOLDERS
        and 0 < len(parts) < MOST_DEPTH
        and len(name) <= LONGEST_NAME
        and all(map(_PART.fullmatch, parts))
    )


def canonical_json(value: Any) -> bytes:
    """RFC 8785 of what statements hold: names in ASCII, texts, whole numbers below 2**53."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def earlier_line(note: bytes, path: Sequence[bytes]) -> bytes:
    """An earlier checkpoint, and the consistency path to that on the next line, the last one's to the bundle's."""
    return canonical_json({"checkpoint": note.decode(), "path": [one.hex() for one in path]})
