"""A checkpoint is what the log itself signed, for this log, to the letter of the format."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.checkpoint import LARGEST, Checkpoint, SignedCheckpoint, open_checkpoint
from copilot.ledger.proofs.keys import SignatureType, Signer, VerifierKey
from copilot.ledger.proofs.note import Note, Signature, cosigned_message
from policy.errors import BadInput
from tests.unit.proofs.flips import each_bit_flipped
from tests.unit.proofs.published_keys import GO_SUM, GO_SUM_CHECKPOINT

ORIGIN = "example.com/log42"
LOG, NEXT, WITNESS = (Signer.generate(name) for name in (ORIGIN, ORIGIN, "witness.example.com/w1"))
WITNESS_KEY = VerifierKey(
    name=WITNESS.name,
    public_key=WITNESS.verifier_key.public_key,
    type=SignatureType.COSIGNATURE,
)
CHECKPOINT = Checkpoint(origin=ORIGIN, size=20852163, root=bytes(range(32)))
BODY = str(CHECKPOINT)
AT = 1679315147


def cosigned(note: Note, at: int = AT, said: int | None = None) -> Note:
    """The note with a witness's line: signed for one time, and saying perhaps another."""
    value = (at if said is None else said).to_bytes(8) + WITNESS.sign(
        cosigned_message(note.text.encode(), at)
    )
    line = Signature(name=WITNESS_KEY.name, key_id=WITNESS_KEY.key_id, value=value)
    return Note(text=note.text, signatures=(*note.signatures, line))


def opened(note: Note, *keys: Signer) -> SignedCheckpoint:
    known = [one.verifier_key for one in keys or (LOG,)]
    return open_checkpoint(bytes(note), origin=ORIGIN, keys=known, witnesses=[WITNESS_KEY])


def test_a_checkpoint_that_the_database_of_go_modules_signed_is_read() -> None:
    read = open_checkpoint(
        GO_SUM_CHECKPOINT.encode(), origin="go.sum database tree", keys=[VerifierKey.parse(GO_SUM)]
    )
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert read.checkpoint == Checkpoint(origin="go.sum database tree", size=20852163, root=root)


def test_the_body_is_written_as_go_writes_it() -> None:
    """golang.org/x/mod, sumdb/tlog/note_test.go, TestFormatTree."""
    root = base64.b64decode("TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=")
    tree = Checkpoint(origin="go.sum database tree", size=123456789012, root=root)
    golden = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"
    assert str(tree) == golden
    assert Checkpoint.parse(golden) == tree


def test_while_keys_change_either_is_enough() -> None:
    note = Note.sign(BODY, [LOG, NEXT])
    for keys in ([LOG], [NEXT], [LOG, NEXT]):
        signed = opened(note, *keys)
        assert [one.key for one in signed.signed] == [one.verifier_key for one in keys]
        assert signed.checkpoint == CHECKPOINT


def test_a_witness_is_told_with_the_time_it_gave() -> None:
    signed = opened(cosigned(Note.sign(BODY, [LOG])))
    assert [(one.key, one.at) for one in signed.witnessed] == [(WITNESS_KEY, AT)]
    assert [one.at for one in signed.signed] == [None]


def test_what_a_witness_signs_is_what_the_specification_shows() -> None:
    """C2SP tlog-cosignature, "Ed25519 signed message"."""
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosigned_message(body.encode(), AT).decode() == (
        "cosignature/v1\ntime 1679315147\n" + body
    )


def test_a_witness_that_is_not_known_is_passed_over() -> None:
    data = bytes(cosigned(Note.sign(BODY, [LOG])))
    assert not open_checkpoint(data, origin=ORIGIN, keys=[LOG.verifier_key]).witnessed


@pytest.mark.parametrize(("at", "said"), [(AT, AT + 1), (2**63, 2**63)])
def test_a_cosignature_holds_for_its_own_time_and_none_past_all_times(at: int, said: int) -> None:
    with pytest.raises(BadInput, match="signature line 2 is not a signature by witness"):
        opened(cosigned(Note.sign(BODY, [LOG]), at, said))


def test_what_a_witness_signs_as_a_log_would_is_no_cosignature() -> None:
    assert not opened(Note.sign(BODY, [LOG, WITNESS])).witnessed


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 71, 73])
def test_a_cosignature_of_another_length_is_wrong(length: int) -> None:
    line = Signature(name=WITNESS_KEY.name, key_id=WITNESS_KEY.key_id, value=b"\0" * length)
    note = Note.sign(BODY, [LOG])
    with pytest.raises(BadInput):
        opened(Note(text=note.text, signatures=(*note.signatures, line)))


def test_a_witness_alone_makes_no_checkpoint() -> None:
    with pytest.raises(BadInput, match="no signature by a key of the log"):
        opened(cosigned(Note(text=BODY, signatures=())))


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = str(Checkpoint(origin="example.com/log43", size=1, root=bytes(32)))
    with pytest.raises(BadInput, match="line 1 of the checkpoint names another log"):
        opened(Note.sign(other, [LOG]))


ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BODY.removesuffix("\n"), "fewer than three lines"),
        (f"{ORIGIN}\n1\n", "fewer than three lines"),
        (f"\n1\n{ROOT}\n", "line 1"),
        (f"{ORIGIN}\n\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n01\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n-1\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n+1\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n1_0\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n0x1\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n 1\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n\u0661\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n{LARGEST + 1}\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n", "line 2"),
        (f"{ORIGIN}\n1\nAAAA\n", "line 3 .* not of 32 bytes"),
        (f"{ORIGIN}\n1\n{ROOT}=\n", "line 3 of the checkpoint is not base64"),
        (f"{ORIGIN}\n1\n{ROOT.replace('8=', '9=')}\n", "line 3 .* bits left over"),
        (f"{ORIGIN}\n1\n{ROOT}\n\n", "extension line"),
        (f"{ORIGIN}\n1\n{ROOT}\nmore\n\nlines\n", "extension line"),
    ],
)
def test_a_malformed_body_is_refused_with_the_line_that_is_wrong(body: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Checkpoint.parse(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": "two\nlines"},
        {"origin": ""},
        {"size": -1},
        {"size": LARGEST + 1},
        {"root": bytes(31)},
        {"extensions": ("a\nb",)},
        {"extensions": ("",)},
    ],
)
def test_no_checkpoint_is_written_that_could_not_be_read(fields: dict[str, object]) -> None:
    whole: dict[str, object] = {"origin": ORIGIN, "size": 1, "root": bytes(32)}
    with pytest.raises(BadInput, match="of the checkpoint"):
        Checkpoint(**whole | fields)  # type: ignore[arg-type]


LINES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1)


@given(
    LINES, st.integers(0, LARGEST), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=3)
)
def test_what_is_written_is_what_is_read(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    written = Checkpoint(origin=origin, size=size, root=root, extensions=tuple(extensions))
    signed = bytes(Note.sign(str(written), [LOG]))
    read = open_checkpoint(signed, origin=origin, keys=[LOG.verifier_key])
    assert read.checkpoint == written


def test_one_bit_flipped_anywhere_refuses_the_checkpoint() -> None:
    """So size and root stand and fall together, which a path alone cannot tell."""
    for _, data in each_bit_flipped(bytes(Note.sign(BODY, [LOG]))):
        with pytest.raises(BadInput):
            open_checkpoint(data, origin=ORIGIN, keys=[LOG.verifier_key])


def test_a_bit_flipped_beside_a_witness_makes_it_a_stranger_at_most() -> None:
    for _, data in each_bit_flipped(bytes(cosigned(Note.sign(BODY, [LOG])))):
        with suppress(BadInput):
            read = opened(Note.parse(data))
            assert (read.checkpoint, read.witnessed) == (CHECKPOINT, ())


@given(st.text())
def test_garbage_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadInput):
        Checkpoint.parse(text)
