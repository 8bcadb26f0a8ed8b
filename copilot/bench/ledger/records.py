"""Records of a kilobyte, like those of an auditor who looks an entry up."""

import hashlib
import os
from dataclasses import replace

from copilot.bench.corpus import PERSON
from copilot.commands.asker import as_asker
from copilot.ledger.log import Record, high_water
from copilot.ledger.records import Kind
from policy.errors import BadInput

_SIZE, _RECORDS = "COPILOT_BENCH_RECORDS", 10_000
_ASKER = as_asker(replace(PERSON, roles=frozenset(["analyst"])))


def size() -> int:
    """How many records the log is to have: 10,000 unless told otherwise."""
    given = os.environ.get(_SIZE) or str(_RECORDS)
    if not given.isdecimal() or int(given) < 1:
        raise BadInput(f"{_SIZE} must be a number of records such as 100000, not {given!r}")
    return int(given)


def made(number: int) -> Record:
    """The record with this number."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return Record(
        kind=Kind.READ,
        asker=_ASKER,
        outcome="LedgerPage",
        policy_revision="bench",
        label=high_water(_ASKER),
        details={"ledger": {"first": 1, "after": None}, "entries": [digest[:32]]},
    )
