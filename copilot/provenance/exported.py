"""The provenance of every answer, for a bundle of the whole log."""

from copilot.ledger.opened import opened
from copilot.ledger.stored import StoredEntry
from copilot.provenance.account import Audience
from copilot.provenance.prov import prov_json
from copilot.provenance.recorded import OF_AN_ANSWER, Recorded
from copilot.provenance.told import Reader, account
from policy.errors import BadInput, Unavailable

PROV_LINES = "prov/answers.ndjson"
"""In a bundle: a PROV-JSON document on each line, in the order of the records."""
_OPERATOR = Reader(audience=Audience.AUDITOR, labels=None, fields=frozenset())
"""Whoever exports holds the records themselves."""


def prov_line(entry: StoredEntry) -> bytes | None:
    """Of an entry of an answer, None of others. Quotes and proof are not in it: the one is no part of the log.

    None also where the entry cannot be told: it was changed, as whoever verifies the bundle will see.
    """
    ledger_id, leaf = entry.row["leaf_id"], bytes(entry.row["leaf"] or b"")
    if OF_AN_ANSWER.encode() not in leaf:  # most are something else, and nothing needs to be hashed
        return None
    try:
        found = opened(ledger_id, leaf, entry.openings)
        if OF_AN_ANSWER not in found.commitments:
            return None
        recorded = Recorded(
            ledger_id=ledger_id,
            leaf=leaf,
            commitments=found.commitments,
            details=found.details,
            erasures={},
        )
        return prov_json(account(recorded, _OPERATOR, {}))
    except (BadInput, Unavailable):
        return None
