"""Keys are read and written as Go does, and nothing but a sound key is one."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.keys import SignatureType, Signer, VerifierKey, decode_base64
from policy.errors import BadInput
from tests.unit.proofs.published_keys import ENOCH, GO_SUM, PETER, PETERS_SECRET, REMORA


@pytest.mark.parametrize("published", [PETER, ENOCH, GO_SUM, REMORA])
def test_a_published_key_is_read_and_written(published: str) -> None:
    assert str(VerifierKey.parse(published)) == published


def test_a_witness_has_keys_of_a_type_of_their_own() -> None:
    assert VerifierKey.parse(REMORA).type is SignatureType.COSIGNATURE
    assert VerifierKey.parse(PETER).type is SignatureType.ED25519


def test_a_published_signer_key_is_read_and_written() -> None:
    signer = Signer.parse(PETERS_SECRET)
    assert signer.secret() == PETERS_SECRET
    assert str(signer.verifier_key) == PETER


def test_a_new_key_signs_what_its_public_half_verifies() -> None:
    signer = Signer.generate("example.com/log")
    again = Signer.parse(signer.secret())
    assert VerifierKey.parse(str(signer.verifier_key)).verifies(b"text", again.sign(b"text"))
    assert not signer.verifier_key.verifies(
        b"text", Signer.generate("example.com/log").sign(b"text")
    )


def test_a_signer_does_not_show_its_key() -> None:
    signer = Signer.parse(PETERS_SECRET)
    assert str(signer.seed) not in repr(signer)
    assert signer.seed.hex() not in repr(signer)
    assert PETERS_SECRET[-44:] not in repr(signer)


@pytest.mark.parametrize("key", [PETER, REMORA])
def test_no_part_of_a_verifier_key_is_one(key: str) -> None:
    for begin in range(len(key)):
        for end in range(begin, len(key) + (begin > 0)):
            with pytest.raises(BadInput):
                VerifierKey.parse(key[begin:end])


@pytest.mark.parametrize("key", [PETER, REMORA])
def test_no_verifier_key_with_one_character_changed_is_one(key: str) -> None:
    for at, one in enumerate(key):
        with pytest.raises(BadInput):
            VerifierKey.parse(key[:at] + chr(ord(one) + 1) + key[at + 1 :])


def test_no_part_of_a_signer_key_and_none_changed_is_one() -> None:
    changed = [
        PETERS_SECRET[:at] + chr(ord(one) + 1) + PETERS_SECRET[at + 1 :]
        for at, one in enumerate(PETERS_SECRET)
    ]
    parts = [PETERS_SECRET[:end] for end in range(len(PETERS_SECRET))]
    parts += [PETERS_SECRET[begin:] for begin in range(1, len(PETERS_SECRET))]
    for wrong in (*changed, *parts):
        with pytest.raises(BadInput):
            Signer.parse(wrong)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", "left over"),
        (
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "unknown.* type 101",
        ),
        (PETER.replace("c74f20a3", "C74F20A3"), "not that of its name and key"),
        (PETER.replace("PeterNeumann", "Peter Neumann"), "has no name, or one with a space"),
        (PETER.replace("PeterNeumann", ""), "has no name"),
        (PETER.replace("PeterNeumann", "\ud800"), "not Unicode at character 0"),
        ("PeterNeumann+c74f20a3+", "not of the form name\\+hash\\+key"),
        ("PeterNeumann+c74f20a3+AR", "third part of the verifier key is not base64"),
        ("PeterNeumann+c74f20a3+AQ==", "the verifier key has 0 bytes, not 32"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_key(key: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        VerifierKey.parse(key)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (PETER, "does not begin with PRIVATE"),
        (PETERS_SECRET.replace("AYEK", "BYEK"), "unknown signature type 5"),
        (PETERS_SECRET.replace("c74f20a3", "c74f20a4"), "not that of its name and key"),
        ("PRIVATE+KEY+a+00000000+AQ==", "the signer key has 0 bytes, not 32"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_signer_key(key: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Signer.parse(key)


@pytest.mark.parametrize(
    "y",
    [
        0,
        1,
        2**255 - 20,
        2**255 - 19,
        2**255 - 18,
        2**255 - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    ],
)
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_with_which_anyone_can_sign_is_refused(y: int, sign: int) -> None:
    """Points of small order, and numbers that are none of the field, with either sign."""
    with pytest.raises(BadInput, match="anyone can make signatures"):
        VerifierKey(name="log", public_key=(y | sign << 255).to_bytes(32, "little"))


@given(st.binary(min_size=1, max_size=40))
def test_bytes_have_one_spelling_in_base64(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text, "it") == data
    for other in (text.rstrip("="), text + "=", text + "\n", f" {text}", text[:-1]):
        if other != text:
            with pytest.raises(BadInput, match="it is"):
                decode_base64(other, "it")


@given(st.text())
def test_any_text_is_a_key_or_refused(text: str) -> None:
    with pytest.raises(BadInput):
        VerifierKey.parse(text)
    with pytest.raises(BadInput):
        Signer.parse("PRIVATE+KEY+" + text)


def test_the_hash_is_the_one_the_specification_defines() -> None:
    key = VerifierKey.parse(REMORA)
    sequence = b"remora.n621.de\n\x04" + key.public_key
    assert key.key_id == hashlib.sha256(sequence).digest()[:4]
