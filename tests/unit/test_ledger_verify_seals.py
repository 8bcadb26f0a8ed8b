"""A log verifies where each of its heads is signed by a key that one believes, and may sign for its size."""

from collections.abc import Callable
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
    listed,
    patched,
    resign,
    rotate,
    three_records,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    return patched(monkeypatch)


@pytest.fixture
async def written(tables: Tables) -> Tables:
    return await three_records(tables)


def by_a_stranger(tables: Tables) -> None:
    listed(tables, OTHER)
    resign(tables, OTHER)


def too_early(tables: Tables) -> None:
    rotate(tables, 3)
    resign(tables, OTHER, 2)


def unlisted(tables: Tables) -> None:
    rotate(tables, 3)
    tables.known.remove(OTHER.verifier_key)


def forked(tables: Tables) -> None:
    rotate(tables, 2)
    rotate(tables, 3)


def reword(tables: Tables, *, size: int) -> None:
    last = tables.signed[-1]
    said = replace(Checkpoint.parse(Note.parse(last.note).text), size=size)
    tables.signed[-1] = replace(last, note=bytes(Note.sign(str(said), [SIGNER])))


SEALS: list[tuple[Callable[[Tables], object], str]] = [
    (lambda t: t.signed.pop(), "entry 2 is sealed under no checkpoint"),
    (lambda t: t.signed.clear(), "entry 2 is sealed under no checkpoint"),
    (lambda t: t.born.pop((1, 0)), "subtree 0 of level 1 is not that of its entries"),
    (lambda t: t.born.update({(1, 0): bytes(32)}), "subtree 0 of level 1"),
    (lambda t: t.known.clear(), "the checkpoint of 3 entries: the note bears no signature"),
    (lambda t: resign(t, OTHER), "bears no signature"),
    (lambda t: t.stated.append(b"{}"), "a key of the log: "),
    (lambda t: listed(t, OTHER), "among the log's keys, and nothing vouches for it"),
    (by_a_stranger, "bears no signature by a known key"),
    (lambda t: rotate(t, 2), "at the size 3 the log has other keys than example.com/log+"),
    (too_early, "at the size 2 the log has other keys than"),
    (lambda t: rotate(t, 2, "example.com/2"), "a change of the log's key is of another log"),
    (unlisted, "is none of the log's keys"),
    (forked, "two rotations lead from one key, or to one key"),
    (lambda t: reword(t, size=1), "what was signed differs from its columns"),
    (lambda t: t.lost["nowhere"].append("x7"), "entry x7 is neither sealed nor waiting for it"),
    (lambda t: t.lost["strays"].append("x7"), "there are pieces of x7, and no such entry"),
]


@pytest.mark.parametrize(("tamper", "problem"), SEALS)
async def test_what_was_changed_in_the_seals_is_named(
    written: Tables, tamper: Callable[[Tables], object], problem: str
) -> None:
    tamper(written)
    assert [one for one in (await verify(URL)).problems if problem in one]


async def test_a_key_from_elsewhere_must_be_one_that_signed(written: Tables) -> None:
    assert (await verify(URL, trusted=SIGNER.verifier_key)).problems == []
    mine, other = SIGNER.verifier_key, OTHER.verifier_key
    assert (await verify(URL, trusted=other)).problems == [
        f"{mine.label} is among the log's keys, and nothing vouches for it",
        f"{other.label} is none of the log's keys",
        *(
            f"the checkpoint of {size} entries: the note bears no signature by a known key"
            for size in (1, 2, 3)
        ),
    ]


@pytest.mark.parametrize("held", [SIGNER, OTHER, None], ids=["old", "new", "none"])
async def test_who_holds_either_key_believes_each_for_its_own_sizes(
    written: Tables, held: Signer | None
) -> None:
    rotate(written, 2)
    resign(written, OTHER)
    trusted = held.verifier_key if held else None
    assert (await verify(URL, trusted=trusted)).problems == []
    resign(written, SIGNER)
    [problem] = (await verify(URL, trusted=trusted)).problems
    assert "at the size 3 the log has other keys" in problem
