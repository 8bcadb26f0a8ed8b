"""The log's keys follow one another, each change is stated by both, and an old key alone signs nothing any more."""

import itertools
import random

import pytest

from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.rotation import Rotation, trusted
from copilot.ledger.succession import agreed, believed, in_order, missing
from policy.errors import Misconfigured

OLD, NEW, LATER = (Signer(name="example.com/log", seed=one * 32) for one in (b"o", b"n", b"l"))
KEYS = [one.verifier_key for one in (OLD, NEW, LATER)]


def test_the_first_key_of_a_log_is_taken() -> None:
    assert agreed([OLD], []) == (OLD.verifier_key,)


def test_a_new_key_comes_in_beside_the_old_one() -> None:
    assert agreed([OLD, NEW], KEYS[:1]) == (NEW.verifier_key,)
    assert agreed([NEW, OLD], KEYS[:1]) == (NEW.verifier_key,)
    assert agreed([NEW], KEYS[:2]) == ()


@pytest.mark.parametrize(
    ("held", "known"), [([NEW], KEYS[:1]), ([OLD], KEYS[:2]), ([OLD, LATER], KEYS[:2])]
)
def test_whoever_does_not_hold_the_newest_key_is_refused(
    held: list[Signer], known: list[object]
) -> None:
    with pytest.raises(Misconfigured, match="set COPILOT_LEDGER_KEY to the log's key"):
        agreed(held, known)  # type: ignore[arg-type]


def test_the_order_of_keys_is_that_of_their_rotations_however_they_are_listed() -> None:
    first = missing([OLD, NEW], {KEYS[0]: 0, KEYS[1]: 3}, [])
    second = missing([NEW, LATER], {KEYS[1]: 3, KEYS[2]: 3}, [])
    stated = [one for one, _ in (*first, *second)]
    for listed in itertools.permutations(KEYS):
        random.shuffle(stated)
        assert in_order(listed, stated) == KEYS
    assert in_order(KEYS, []) == KEYS


def test_each_key_of_a_line_leads_to_all_of_it_and_a_stranger_that_is_listed_is_named() -> None:
    sizes = {KEYS[0]: 0, KEYS[1]: 3, KEYS[2]: 7}
    stated = [
        one for one, _ in (*missing([OLD, NEW], sizes, []), *missing([NEW, LATER], sizes, []))
    ]
    stranger = Signer(name=OLD.name, seed=b"x" * 32).verifier_key
    for held in (*KEYS, None):
        terms, problems = believed(held, KEYS, stated)
        assert [(one.key, one.first) for one in terms] == [*sizes.items()]
        assert problems == []
        terms, [problem] = believed(held, [*KEYS, stranger], stated)
        assert [one.key for one in terms] == KEYS
        assert problem == f"{stranger.label} is among the log's keys, and nothing vouches for it"
    assert [one.key for one in believed(stranger, KEYS, stated)[0]] == [stranger]
    assert believed(None, [], []) == ((), [])


def test_each_change_is_stated_once_by_both_keys_and_leads_from_either_to_all() -> None:
    [(rotation, envelope)] = missing([NEW, OLD], {KEYS[0]: 0, KEYS[1]: 7}, [])
    assert Rotation.open(envelope) == rotation
    assert (rotation.old, rotation.new, rotation.size) == (*KEYS[:2], 7)
    for held in KEYS[:2]:
        assert [one.key for one in trusted(held, [rotation])] == KEYS[:2]
    assert missing([NEW, OLD], {KEYS[0]: 0, KEYS[1]: 7}, [rotation]) == []


def test_a_change_is_not_stated_by_whoever_lacks_one_of_its_keys() -> None:
    assert missing([NEW, LATER], {KEYS[0]: 0, KEYS[1]: 7}, []) == []
