"""A checkpoint kept outside counts where a key of the log signed it, whichever of them whoever verifies holds."""

from dataclasses import replace

import pytest

from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.note import Note
from copilot.ledger.verify import verify
from tests.unit.logged import (
    OTHER,
    SIGNER,
    URL,
    Tables,
    held,
    patched,
    resign,
    rotate,
    three_records,
)

pytestmark = pytest.mark.anyio

STRANGER = Signer(name=SIGNER.name, seed=b"x" * 32)
ELSEWHERE = Signer(name="example.com/other", seed=b"s" * 32)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    return patched(monkeypatch)


@pytest.fixture
async def rotated(tables: Tables) -> Tables:
    """SIGNER signed up to two entries, and OTHER from two on."""
    await three_records(tables)
    rotate(tables, 2)
    resign(tables, OTHER)
    return tables


def said(tables: Tables, size: int) -> Checkpoint:
    """By the log itself."""
    return Checkpoint.parse(Note.parse(tables.signed[size - 1].note).text)


@pytest.mark.parametrize("key", [SIGNER, OTHER], ids=["old", "new"])
async def test_whoever_holds_either_key_is_shown_what_the_other_signed_as_well(
    rotated: Tables, key: Signer
) -> None:
    kept = [
        held(said(rotated, 1), SIGNER),
        held(said(rotated, 2), SIGNER),
        held(said(rotated, 2), OTHER),
        held(said(rotated, 3), OTHER),
    ]
    result = await verify(URL, kept, key.verifier_key)
    assert (result.problems, result.held) == ([], 4)
    wrong = [
        held(replace(said(rotated, size), root=bytes(32)), signer)
        for size, signer in ((1, SIGNER), (3, OTHER))
    ]
    assert (await verify(URL, wrong, key.verifier_key)).problems == [
        "the log of 1 entries differs from the checkpoint held outside",
        "the log of 3 entries differs from the checkpoint held outside",
    ]


@pytest.mark.parametrize("key", [SIGNER, OTHER], ids=["old", "new"])
@pytest.mark.parametrize(
    ("size", "origin", "signers", "problem"),
    [
        (3, SIGNER.name, [STRANGER], "the note bears no signature by a known key"),
        (3, SIGNER.name, [SIGNER], "at the size 3 the log has other keys than"),
        (1, SIGNER.name, [OTHER], "at the size 1 the log has other keys than"),
        (3, ELSEWHERE.name, [ELSEWHERE], "the note bears no signature by a known key"),
        (3, ELSEWHERE.name, [OTHER], "names another log than the one expected"),
    ],
)
async def test_what_no_key_of_the_log_may_have_signed_is_named_and_the_rest_verified(
    rotated: Tables, key: Signer, size: int, origin: str, signers: list[Signer], problem: str
) -> None:
    kept = held(replace(said(rotated, size), origin=origin), *signers, where="held.txt")
    genuine = held(said(rotated, 2), OTHER)
    result = await verify(URL, [kept, genuine], key.verifier_key)
    [found] = result.problems
    assert found.startswith("held.txt: ")
    assert problem in found
    assert (result.held, result.entries, result.checkpoints) == (1, 3, 3)


async def test_a_log_that_hides_a_change_of_its_key_is_told_so_beside_what_was_kept(
    rotated: Tables,
) -> None:
    """Whoever owns the database can take the change out, and would have the kept file blamed alone."""
    rotated.stated.clear()
    kept = held(said(rotated, 1), SIGNER, where="held.txt")
    problems = (await verify(URL, [kept], OTHER.verifier_key)).problems
    assert f"{SIGNER.verifier_key.label} is among the log's keys, and nothing vouches for it" in (
        problems
    )
    assert "held.txt: the note bears no signature by a known key" in problems


async def test_two_of_one_size_that_differ_are_a_fork_also_where_the_log_has_not_come_to_it(
    rotated: Tables,
) -> None:
    one = replace(said(rotated, 3), size=7)
    two = replace(one, root=bytes(32))
    kept = [held(one, OTHER, where="mine"), held(two, OTHER, where="yours")]
    problems = (await verify(URL, kept, SIGNER.verifier_key)).problems
    assert problems[0] == "yours: the log was forked at 7"
    ends = "the log ends at 3, before the checkpoint held outside, 7"
    assert problems[1:] == [ends, ends]
    assert (await verify(URL, [kept[0]] * 2, SIGNER.verifier_key)).problems == [ends, ends]


async def test_without_a_key_what_was_kept_is_itself_what_is_trusted(rotated: Tables) -> None:
    kept = held(said(rotated, 2), STRANGER)
    result = await verify(URL, [kept])
    assert (result.problems, result.held) == ([], 1)
    other = held(replace(said(rotated, 2), root=bytes(32)), STRANGER, where="other")
    assert (await verify(URL, [kept, other])).problems == [
        "other: the log was forked at 2",
        "the log of 2 entries differs from the checkpoint held outside",
    ]


async def test_a_checkpoint_of_the_empty_log_is_compared_too(rotated: Tables) -> None:
    kept = held(replace(said(rotated, 1), size=0))
    assert (await verify(URL, [kept])).problems == [
        "the log of 0 entries differs from the checkpoint held outside"
    ]
