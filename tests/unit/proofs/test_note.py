"""A note is believed where a known key signed exactly that text, and is else refused with the line that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.note import Note, Signature
from policy.errors import BadInput
from tests.unit.proofs.flips import each_bit_flipped
from tests.unit.proofs.published_keys import (
    ENOCH,
    ENOCHS_SIGNATURE,
    PETER,
    PETERS_SECRET,
    PETERS_SIGNATURE,
    TEXT,
)

PETER_KEY, ENOCH_KEY = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
SIGNED = TEXT + "\n" + PETERS_SIGNATURE
BROKEN = PETERS_SIGNATURE[:60] + "ABCD" + PETERS_SIGNATURE[60:]


def signers(note: str, *keys: VerifierKey) -> list[str]:
    return [one.key.name for one in Note.parse(note.encode()).verify(keys)]


def test_the_published_note_verifies() -> None:
    assert signers(SIGNED, PETER_KEY) == ["PeterNeumann"]


def test_signing_gives_the_published_note_to_the_byte() -> None:
    assert bytes(Note.sign(TEXT, [Signer.parse(PETERS_SECRET)])) == SIGNED.encode()


def test_a_note_may_bear_several_signatures_of_which_unknown_ones_are_passed_over() -> None:
    both = SIGNED + ENOCHS_SIGNATURE
    assert signers(both, PETER_KEY, ENOCH_KEY) == ["PeterNeumann", "EnochRoot"]
    assert signers(both, ENOCH_KEY) == ["EnochRoot"]
    assert signers(SIGNED + ENOCHS_SIGNATURE[:60] + "ABCD" + ENOCHS_SIGNATURE[60:], PETER_KEY) == [
        "PeterNeumann"
    ]


def test_a_key_that_signed_twice_counts_once() -> None:
    assert signers(SIGNED + PETERS_SIGNATURE, PETER_KEY, PETER_KEY) == ["PeterNeumann"]


def test_old_and_new_key_of_one_name_sign_side_by_side() -> None:
    old, new = Signer.generate("example.com/log"), Signer.generate("example.com/log")
    note = bytes(Note.sign(TEXT, [old, new])).decode()
    for keys in ([old], [new], [old, new]):
        known = [one.verifier_key for one in keys]
        assert [one.key for one in Note.parse(note.encode()).verify(known)] == known


def test_a_witness_can_add_the_line_it_answers_with() -> None:
    note = Note.parse(SIGNED.encode())
    line = Signature.parse(ENOCHS_SIGNATURE.removesuffix("\n"), "the answer of the witness")
    more = Note(text=note.text, signatures=(*note.signatures, line))
    assert bytes(more).decode() == SIGNED + ENOCHS_SIGNATURE


@pytest.mark.parametrize(
    "note", [TEXT + "\n" + BROKEN, SIGNED + BROKEN, SIGNED.replace("answer", "Answer")]
)
def test_a_wrong_signature_of_a_known_key_refuses_the_whole_note(note: str) -> None:
    with pytest.raises(
        BadInput, match=r"signature line [12] is not a signature by PeterNeumann\+c74f20a3"
    ):
        signers(note, PETER_KEY)


@pytest.mark.parametrize("keys", [[], [ENOCH_KEY]])
def test_a_note_that_no_known_key_signed_is_refused(keys: list[VerifierKey]) -> None:
    with pytest.raises(BadInput, match="no signature by a known key"):
        signers(SIGNED, *keys)


def test_a_key_with_only_the_name_or_only_the_hash_of_a_known_one_is_unknown() -> None:
    namesake = Signer.generate("PeterNeumann")
    with pytest.raises(BadInput, match="no signature by a known key"):
        signers(SIGNED, namesake.verifier_key)
    renamed = SIGNED.replace("— PeterNeumann", "— EnochRoot")
    with pytest.raises(BadInput, match="no signature by a known key"):
        signers(renamed, PETER_KEY, ENOCH_KEY)


def test_two_known_keys_that_cannot_be_told_apart_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(VerifierKey, "key_id", b"same")
    one, other = Signer.generate("log").verifier_key, Signer.generate("log").verifier_key
    with pytest.raises(BadInput, match="two of the known keys"):
        signers(SIGNED, one, other)


MALFORMED = [
    (TEXT, "no empty line"),
    (TEXT + "\n", "does not end with a signature and a newline"),
    (SIGNED.removesuffix("\n"), "does not end with a signature and a newline"),
    ("\x01" + SIGNED, "control character in line 1"),
    (SIGNED.replace("then", "\tthen"), "control character in line 2"),
    (SIGNED.replace("\n", "\r\n"), "control character in line 1"),
    (SIGNED + "Unexpected line.\n", "signature line 2 does not begin with an em dash"),
    (SIGNED + "-- PeterNeumann AAAA\n", "signature line 2 does not begin with an em dash"),
    (
        SIGNED.replace("— PeterNeumann", "— Bad Name"),
        "the signature in signature line 1 is not base64",
    ),
    (
        SIGNED.replace("— PeterNeumann", "— Peter+Neumann"),
        "signature line 1 has no name, or one with",
    ),
    (
        SIGNED.replace("— PeterNeumann", "— Peter\u2003Neumann"),
        "signature line 1 has no name, or one",
    ),
    (SIGNED.replace("— PeterNeumann", "— "), "signature line 1 has no name"),
    (TEXT + "\n— PeterNeumann\n", "the signature in signature line 1 has 0 bytes"),
    (TEXT + "\n— PeterNeumann x08gow==\n", "the signature in signature line 1 has 4 bytes"),
    (
        SIGNED.replace("AM=", "AN="),
        "the signature in signature line 1 is base64 with bits left over",
    ),
    (SIGNED.replace("AM=", "AM"), "the signature in signature line 1 is not base64"),
    (SIGNED.replace("AM=\n", "AM= \n"), "the signature in signature line 1 is not base64"),
    (TEXT + "\n" + PETERS_SIGNATURE * 101, "more than 100 signatures"),
]


@pytest.mark.parametrize(("note", "why"), MALFORMED)
def test_a_malformed_note_is_refused_with_the_line_that_is_wrong(note: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        signers(note, PETER_KEY)


def test_a_note_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BadInput, match="not UTF-8 at byte 0"):
        Note.parse(b"\xff" + SIGNED.encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("abc", "end with a newline"),
        ("", "newline"),
        ("a\tb\n", "line 1"),
        ("a\ud800\n", "character 1"),
    ],
)
def test_a_text_that_no_note_can_hold_is_not_signed(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Note.sign(text, [Signer.parse(PETERS_SECRET)])


LINES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32))


@given(st.lists(LINES, min_size=1).map(lambda lines: "".join(f"{one}\n" for one in lines)))
def test_any_text_that_is_signed_is_read_again(text: str) -> None:
    note = Note.parse(bytes(Note.sign(text, [Signer.parse(PETERS_SECRET)])))
    assert note.text == text
    assert [one.key for one in note.verify([PETER_KEY])] == [PETER_KEY]


def test_one_bit_flipped_anywhere_refuses_the_note() -> None:
    for _, data in each_bit_flipped(SIGNED.encode()):
        with pytest.raises(BadInput):
            Note.parse(data).verify([PETER_KEY])


@given(st.binary() | st.text().map(lambda text: f"{text}\n\n— {text}\n".encode("utf-8", "replace")))
def test_garbage_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(BadInput):
        Note.parse(data).verify([PETER_KEY])
