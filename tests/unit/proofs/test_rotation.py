"""Who holds one key of the log believes the others, each for its own sizes, and nobody else."""

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.bundle import canonical_json
from copilot.ledger.proofs.checkpoint import LARGEST
from copilot.ledger.proofs.dsse import Envelope
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.rotation import PAYLOAD_TYPE, KeyTerm, Rotation, trusted, who_may_sign
from policy.errors import BadInput
from tests.unit.proofs.bundles import KEY, NEXT, ORIGIN, OTHER, STRANGER, THIRD, rotation
from tests.unit.proofs.flips import each_bit_flipped

KEYS = [one.verifier_key for one in (KEY, NEXT, THIRD)]
FIRST, SECOND = (Rotation.open(rotation(*one)) for one in ((KEY, NEXT, 10), (NEXT, THIRD, 25)))


def stated(old: Signer, new: Signer, size: int) -> Rotation:
    return Rotation.open(rotation(old, new, size))


def test_a_rotation_is_read_as_it_was_signed() -> None:
    assert (FIRST.origin, FIRST.old, FIRST.new, FIRST.size) == (ORIGIN, KEYS[0], KEYS[1], 10)


@pytest.mark.parametrize("held", KEYS, ids=["oldest", "middle", "newest"])
@pytest.mark.parametrize("rotations", [*permutations([FIRST, SECOND])])
def test_each_key_vouches_for_those_before_and_after(
    held: object, rotations: tuple[Rotation, ...]
) -> None:
    terms = trusted(held, rotations)  # type: ignore[arg-type]
    assert terms == (
        KeyTerm(key=KEYS[0], first=0, last=10),
        KeyTerm(key=KEYS[1], first=10, last=25),
        KeyTerm(key=KEYS[2], first=25, last=LARGEST),
    )


def test_up_to_its_end_the_old_key_signs_and_from_it_on_the_new_one() -> None:
    terms = trusted(KEYS[0], [FIRST, SECOND])
    signed = {size: who_may_sign(terms, size) for size in (0, 9, 10, 11, 25, 26, LARGEST)}
    old, middle, new = ((one,) for one in KEYS)
    assert signed == {
        0: old,
        9: old,
        10: old + middle,
        11: middle,
        25: middle + new,
        26: new,
        LARGEST: new,
    }


def test_without_rotations_the_held_key_signs_for_all_sizes() -> None:
    assert trusted(KEYS[0], []) == (KeyTerm(key=KEYS[0], first=0, last=LARGEST),)


@pytest.mark.parametrize(
    ("rotations", "why"),
    [
        ([FIRST, stated(KEY, STRANGER, 12)], "two rotations lead from one key"),
        ([FIRST, stated(STRANGER, NEXT, 12)], "to one key"),
        ([FIRST, FIRST], "two rotations"),
        ([SECOND], "not in one line with the key that is held"),
        ([FIRST, stated(THIRD, STRANGER, 30)], "not in one line"),
        ([FIRST, stated(NEXT, KEY, 20)], "not in one line"),
        ([FIRST, stated(NEXT, THIRD, 9)], "ends before it began"),
        ([FIRST, Rotation.open(rotation(NEXT, THIRD, 25, OTHER))], "more than one log"),
    ],
)
def test_what_is_not_one_line_of_keys_is_refused(rotations: list[Rotation], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        trusted(KEYS[0], rotations)


@pytest.mark.parametrize("signers", [[KEY], [NEXT], [NEXT, KEY], [KEY, STRANGER], [KEY, NEXT] * 2])
def test_both_keys_must_have_signed_the_old_one_first(signers: list[Signer]) -> None:
    payload = Envelope.parse(rotation(KEY, NEXT, 10)).payload
    with pytest.raises(
        BadInput, match=r"signed by the old key|signature that is not by|no signature"
    ):
        Rotation.open(bytes(Envelope.sign(PAYLOAD_TYPE, payload, signers)))


def test_nobody_signs_for_others() -> None:
    with pytest.raises(BadInput, match="two keys that it names"):
        FIRST.sign(KEY, STRANGER)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"size": -1}, "size of a rotation"),
        ({"size": 2**63}, "size of a rotation"),
        ({"size": True}, "no rotation"),
        ({"size": "10"}, "no rotation"),
        ({"old": str(KEYS[1])}, "one key as the old and the new"),
        ({"new": "key"}, "verifier key"),
        ({"origin": 7}, "no rotation"),
        ({"version": 2}, "canonical form"),
        ({"more": 1}, "canonical form"),
    ],
)
def test_a_malformed_rotation_is_refused(changed: dict[str, object], why: str) -> None:
    value = json.loads(Envelope.parse(rotation(KEY, NEXT, 10)).payload) | changed
    with pytest.raises(BadInput, match=why):
        Rotation.open(bytes(Envelope.sign(PAYLOAD_TYPE, canonical_json(value), [KEY, NEXT])))


def test_another_statement_of_the_two_keys_is_no_rotation() -> None:
    payload = Envelope.parse(rotation(KEY, NEXT, 10)).payload
    with pytest.raises(BadInput, match="payloadType"):
        Rotation.open(bytes(Envelope.sign("text/plain", payload, [KEY, NEXT])))


def test_one_bit_flipped_anywhere_refuses_the_rotation() -> None:
    for _, data in list(each_bit_flipped(rotation(KEY, NEXT, 10)))[::7]:
        with pytest.raises(BadInput):
            Rotation.open(data)


@given(st.binary())
def test_garbage_is_refused_in_words(payload: bytes) -> None:
    for data in (payload, bytes(Envelope.sign(PAYLOAD_TYPE, payload, [KEY, NEXT]))):
        with pytest.raises(BadInput):
            Rotation.open(data)
