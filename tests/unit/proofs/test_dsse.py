"""A statement is believed where a known key signed exactly its bytes as what they are said to be."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.dsse import Envelope, pre_authentication_encoding
from copilot.ledger.proofs.keys import Signer, VerifierKey
from policy.errors import BadInput
from tests.unit.proofs.flips import each_bit_flipped

# "Test Vectors" of the protocol, github.com/secure-systems-lab/dsse, protocol.md.
HELLO_TYPE = "http://example.com/HelloWorld"
HELLO = b"""{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"""
HELLO_X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
HELLO_Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820

TYPE = "application/vnd.in-toto+json"
STATEMENT = '{"subject":"żółw"}'.encode()
SIGNER, OTHER = Signer.generate("example.com/log"), Signer.generate("example.com/log")
KEY, OTHER_KEY = SIGNER.verifier_key, OTHER.verifier_key
SIGNED = bytes(Envelope.sign(TYPE, STATEMENT, [SIGNER]))


def opened(data: bytes, *keys: VerifierKey) -> bytes:
    envelope = Envelope.parse(data)
    envelope.verify(TYPE, keys)
    return envelope.payload


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(SIGNED) | members).encode()


def test_what_is_signed_is_the_encoding_that_the_protocol_shows() -> None:
    encoded = pre_authentication_encoding(HELLO_TYPE, b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_count_bytes() -> None:
    assert pre_authentication_encoding("ż", b"") == b"DSSEv1 2 \xc5\xbc 0 "


def test_the_published_envelope_is_read_and_its_signature_is_over_our_encoding() -> None:
    envelope = Envelope.parse(HELLO)
    [signature] = envelope.signatures
    r, s = int.from_bytes(signature.value[:32]), int.from_bytes(signature.value[32:])
    key = ec.EllipticCurvePublicNumbers(HELLO_X, HELLO_Y, ec.SECP256R1()).public_key()
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))


def test_a_statement_that_was_signed_is_read_again() -> None:
    assert opened(SIGNED, KEY) == STATEMENT
    assert Envelope.parse(SIGNED).verify(TYPE, [OTHER_KEY, KEY]) == (KEY,)


def test_either_key_is_enough_while_keys_change() -> None:
    both = bytes(Envelope.sign(TYPE, STATEMENT, [SIGNER, OTHER]))
    assert opened(both, KEY) == opened(both, OTHER_KEY) == STATEMENT
    assert Envelope.parse(both).verify(TYPE, [KEY, OTHER_KEY]) == (KEY, OTHER_KEY)


def test_the_hint_is_the_key_as_notes_name_it_and_nothing_rests_on_it() -> None:
    [signature] = json.loads(SIGNED)["signatures"]
    assert signature["keyid"] == KEY.label
    for hint in ({}, {"keyid": None}, {"keyid": ""}, {"keyid": OTHER_KEY.label}):
        assert opened(changed(signatures=[{"sig": signature["sig"]} | hint]), KEY) == STATEMENT


def test_either_alphabet_of_base64_is_read() -> None:
    payload = b"\xfb\xff\xbf"
    envelope = json.loads(bytes(Envelope.sign(TYPE, payload, [SIGNER])))
    envelope["payload"] = base64.urlsafe_b64encode(payload).decode()
    assert envelope["payload"] == "-_-_"
    assert opened(json.dumps(envelope).encode(), KEY) == payload


def test_members_that_nobody_knows_are_passed_over() -> None:
    assert opened(changed(more={"a": 1}), KEY) == STATEMENT


def test_a_statement_of_another_type_or_by_nobody_known_is_refused() -> None:
    envelope = Envelope.parse(SIGNED)
    with pytest.raises(BadInput, match="payloadType of the envelope is not the one expected"):
        envelope.verify("application/json", [KEY])
    for keys in ([], [OTHER_KEY]):
        with pytest.raises(BadInput, match="no signature by a known key"):
            envelope.verify(TYPE, keys)


def test_the_type_is_signed_too() -> None:
    with pytest.raises(BadInput, match="no signature by a known key"):
        Envelope.parse(changed(payloadType="application/json")).verify("application/json", [KEY])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"payload": "", "payload": ""}', "has a member twice"),
        (b"[]", "the envelope is not an object"),
        (b"{}", "signatures of the envelope is not a list of 1 to 100"),
        (changed(signatures=[]), "signatures of the envelope is not a list"),
        (changed(signatures={}), "signatures of the envelope is not a list"),
        (
            changed(signatures=[{"sig": ""}] * 101),
            "signatures of the envelope is not a list of 1 to",
        ),
        (changed(signatures=["a"]), r"signatures\[0\] of the envelope is not an object"),
        (
            changed(signatures=[{"sig": ""}, {}]),
            r"sig of signatures\[1\] of the envelope is not a text",
        ),
        (changed(signatures=[{"sig": "", "keyid": 1}]), r"keyid of signatures\[0\] .* not a text"),
        (changed(signatures=[{"sig": "A"}]), r"sig of signatures\[0\] .* is not base64"),
        (changed(payload=None), "payload of the envelope is not a text"),
        (changed(payload="AB=="), "payload of the envelope is base64 with bits left over"),
        (changed(payloadType=1), "payloadType of the envelope is not a text"),
        (changed(payloadType="\ud800"), "payload type is not Unicode"),
    ],
)
def test_a_malformed_envelope_is_refused_with_the_member_that_is_wrong(
    data: bytes, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        opened(data, KEY)


def test_one_bit_flipped_anywhere_but_in_the_hint_refuses_the_statement() -> None:
    """In the hint it may pass: nothing is believed by it."""
    hint = range(SIGNED.index(b'"keyid"'), SIGNED.index(b'"sig"'))
    for byte, data in each_bit_flipped(SIGNED):
        with suppress(BadInput) if byte in hint else pytest.raises(BadInput):
            assert opened(data, KEY) == STATEMENT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {}, optional={"payload": JSON, "payloadType": JSON, "signatures": st.lists(JSON)}
    ).map(lambda members: changed(**members, more=1))
)
def test_garbage_is_refused_in_words(data: bytes) -> None:
    with suppress(BadInput):
        assert opened(data, KEY) == STATEMENT


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_what_is_read(payload: bytes, payload_type: str) -> None:
    written = Envelope.sign(payload_type, payload, [SIGNER])
    assert Envelope.parse(bytes(written)) == written
    assert written.verify(payload_type, [KEY]) == (KEY,)
