"""A record says what was erased where it is an erasure, by its act or, once that is gone, by its schema."""

import json

import pytest

from copilot.ledger.proofs.erasures import PAYLOAD_TYPE, Filed, erasure, signature
from copilot.ledger.proofs.rotation import KeyTerm
from policy.errors import BadInput
from tests.unit.proofs.bundles import KEY, NEXT, THIRD

ERASED = b'[{"ledger_id":"a","names":["act","plan"]},{"ledger_id":"b","names":["act"]}]'
NAMES = (("a", "act"), ("a", "plan"), ("b", "act"))
ID = "0f" * 16
ACT = b'{"kind":"erasure","sub":"ann"}'


def indexed(schema: bytes) -> bytes:
    return (
        b'{"label":{"classification":"S","tenant":"t1"},"recorded_at":"2026-11-22T00:00:00+00:00",'
        b'"schema":{"name":"' + schema + b'"},"tenant":"t1"}'
    )


@pytest.mark.parametrize(
    ("opened", "says"),
    [
        ({"act": ACT}, True),
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
    found = erasure(7, ID, 1, {**opened, "erased": ERASED})
    assert (found is not None) is says
    assert found is None or (found.leaf_index, found.names) == (7, NAMES)
    assert erasure(7, ID, 1, opened) is None


@pytest.mark.parametrize(
    "index", [b"", b"[]", b'{"recorded_at":7}', indexed(b"ask-1").replace(b'"S"', b'"top"')]
)
def test_an_index_that_cannot_be_read_files_it_nowhere(index: bytes) -> None:
    assert Filed.of({"index": index}) == Filed.of({}) == Filed()
    filed = Filed.of({"index": indexed(b"ask-1")})
    assert filed.at is not None
    assert filed.label is not None
    assert (filed.at.isoformat(), filed.label.tenant) == ("2026-11-22T00:00:00+00:00", "t1")
    naive = indexed(b"ask-1").replace(b"+00:00", b"")
    assert Filed.of({"index": naive}).at is None


def test_what_vouches_for_an_erasure_is_an_envelope_that_others_read_too() -> None:
    """It holds for the one record: whoever says anything else in another needs another."""
    terms = [KeyTerm(key=KEY.verifier_key)]
    opened = {"act": ACT, "erased": ERASED, "index": indexed(b"erasure-4"), "late": b"true"}
    envelope = signature(ID, opened, [NEXT, KEY])
    assert envelope["payloadType"] == PAYLOAD_TYPE
    opened["signed"] = json.dumps(envelope).encode()
    found = erasure(7, ID, 2, opened)
    assert found is not None
    found.require_signed(terms)
    for name in ("act", "erased", "index", "late"):
        other = erasure(7, ID, 2, {**opened, name: opened[name] + b" "})
        assert other is not None
        with pytest.raises(BadInput, match="another record"):
            other.require_signed(terms)
    elsewhere = erasure(7, "0" * 32, 2, opened)
    assert elsewhere is not None
    with pytest.raises(BadInput, match="another record"):
        elsewhere.require_signed(terms)
    with pytest.raises(BadInput, match="not JSON"):
        found._replace(signed=b"").require_signed(terms)
    with pytest.raises(BadInput, match="known key"):
        found.require_signed([KeyTerm(key=THIRD.verifier_key)])
    found._replace(signed=b"").require_signed([])
    found._replace(signed=b"", form=1).require_signed(terms)
