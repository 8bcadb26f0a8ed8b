"""A record says what was erased where it is an erasure, by its act or, once that is gone, by its schema."""

import pytest

from copilot.ledger.proofs.gaps import erasure, recorded_at

ERASED = b'[{"ledger_id":"a","names":["act","plan"]},{"ledger_id":"b","names":["act"]}]'
NAMES = (("a", "act"), ("a", "plan"), ("b", "act"))


def indexed(schema: bytes) -> bytes:
    return b'{"recorded_at":"2026-11-22T00:00:00+00:00","schema":{"name":"' + schema + b'"}}'


@pytest.mark.parametrize(
    ("opened", "says"),
    [
        ({"act": b'{"kind":"erasure"}'}, True),
        ({"act": b'{"kind":"ask"}'}, False),
        ({"act": b'{"kind":"ask"}', "index": indexed(b"erasure-2")}, False),
        ({"act": b'{"kind":"ask","reason":{"kind":"erasure"}}'}, False),
        ({"index": indexed(b"erasure-2")}, True),
        ({"index": indexed(b"ask-1")}, False),
        ({"index": b"{}"}, False),
        ({}, False),
    ],
)
def test_only_an_erasure_says_what_was_erased(opened: dict[str, bytes], says: bool) -> None:
    found = erasure(7, {**opened, "erased": ERASED})
    assert (found is not None) is says
    assert found is None or (found.leaf_index, found.names) == (7, NAMES)
    assert erasure(7, opened) is None


@pytest.mark.parametrize(
    "index", [b"", b"[]", b'{"recorded_at":7}', b'{"recorded_at":"2026-11-22"}']
)
def test_a_time_that_cannot_be_read_is_none(index: bytes) -> None:
    assert recorded_at({"index": index}) is None
    assert recorded_at({}) is None
    assert recorded_at({"index": indexed(b"ask-1")}) is not None
