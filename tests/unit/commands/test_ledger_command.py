"""Verifying, checkpoints and keys of the ledger."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest

from copilot.commands import ledger
from copilot.ledger.held import Held
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.stored import StoredCheckpoint
from copilot.ledger.verify import Verification
from copilot.settings import Settings
from policy.errors import BadInput, Unavailable
from tests.unit.commands.product import typed
from tests.unit.proofs.bundles import KEY, SCHEMA_FILE, export, random_log, restate

pytestmark = pytest.mark.anyio

SIGNER = Signer(name="example.com/log", seed=b"s" * 32)
OTHER = Signer(name="example.com/other", seed=b"o" * 32)
HEAD = Checkpoint(origin=SIGNER.name, size=3, root=b"r" * 32)


@dataclass
class Log:
    """A log of which somebody seals the rest when it is asked for its head."""

    found: Verification = field(
        default_factory=lambda: Verification(entries=3, sealed=3, checkpoints=1, erased=1)
    )
    held: list[Held] = field(default_factory=list)
    trusted: VerifierKey | None = None
    archives: list[Path] = field(default_factory=list)
    head: StoredCheckpoint | None = None
    sealed: bool = False
    told: list[tuple[int, int]] = field(default_factory=list)
    """Of each verification that was recorded the problems, and the checkpoints held."""
    takes_records: bool = True

    async def verified(self, result: Verification) -> None:
        if not self.takes_records:
            raise Unavailable("ledger", "the ledger takes no records; nothing was released")
        self.told.append((len(result.problems), result.held))

    async def late(self, settings: Settings) -> None:
        """Nothing came late."""

    async def rotated(self, rotation: Rotation) -> None:
        raise AssertionError("no key is changed here")

    async def newest(self) -> StoredCheckpoint | None:
        assert self.sealed
        return self.head

    async def keys(self) -> list[VerifierKey]:
        assert self.sealed
        return [] if self.head is None else [SIGNER.verifier_key]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    note = bytes(Note.sign(str(HEAD), [SIGNER]))
    log = Log(head=StoredCheckpoint(HEAD.size, HEAD.root, note))

    async def ready_url(settings: Settings) -> str:
        return "postgres://db"

    async def verify(
        url: str,
        held: Sequence[Held] = (),
        trusted: VerifierKey | None = None,
        archives: Sequence[Path] = (),
    ) -> Verification:
        assert url == "postgres://db"
        log.held, log.trusted, log.archives = list(held), trusted, list(archives)
        return replace(log.found, held=len(log.held))

    async def seal_now(settings: Settings, url: str, rotated: object) -> None:
        log.sealed = True

    @asynccontextmanager
    async def operating(settings: Settings, url: str) -> AsyncIterator[Log]:
        yield log

    @asynccontextmanager
    async def stored_log(url: str) -> AsyncIterator[Log]:
        yield log

    monkeypatch.setattr(ledger, "ready_url", ready_url)
    monkeypatch.setattr(ledger, "seal_now", seal_now)
    monkeypatch.setattr(ledger, "stored_log", stored_log)
    monkeypatch.setattr(ledger, "operating", operating)
    monkeypatch.setattr("copilot.ledger.verify.verify", verify)
    return log


async def test_a_ledger_that_holds_is_said_in_one_line_with_its_erasures(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.verify(settings, typed("ledger", "verify")) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("ledger verified: 3 entries, 3 of them sealed under 1 check")
    assert "1 openings erased" in printed.out
    assert (printed.out.count("\n"), printed.err) == (1, "")
    assert log.told == [(0, 0)]


async def test_what_was_found_is_told_also_where_the_verification_cannot_be_recorded(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    log.takes_records = False
    log.found = Verification(problems=["entry 1 is wrong"])
    with pytest.raises(Unavailable, match="takes no records"):
        await ledger.verify(settings, typed("ledger", "verify"))
    assert "entry 1 is wrong" in capsys.readouterr().err


async def test_a_ledger_that_does_not_hold_ends_with_1_and_at_most_twenty_problems(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    log.found = Verification(entries=30, problems=[f"entry {n} is wrong" for n in range(30)])
    assert await ledger.verify(settings, typed("ledger", "verify")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("is wrong\n") == 21
    assert "ledger NOT verified: 30 problems" in printed.err


@pytest.mark.parametrize("problems", [[], ["entry 1 is out of order"]])
async def test_verification_as_json_is_one_document(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str], problems: list[str]
) -> None:
    log.found = replace(log.found, root="ab", problems=problems)
    code = await ledger.verify(settings, typed("ledger", "verify", "--json"))
    assert code == len(problems)
    assert json.loads(capsys.readouterr().out) == {
        "verified": not problems,
        "entries": 3,
        "sealed": 3,
        "checkpoints": 1,
        "erased": 1,
        "erased_by": {},
        "late": 0,
        "elsewhere": 0,
        "archived": 0,
        "archived_checked": 0,
        "root": "ab",
        "problems": problems,
    }


async def test_archives_are_checked_with_the_ledger_and_what_was_not_is_said(
    log: Log, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.found = replace(log.found, archived=2, archived_checked=1)
    assert await ledger.verify(settings, typed("ledger", "verify", "--archive", str(tmp_path))) == 0
    assert log.archives == [tmp_path]
    assert "2 archived, 1 of them known by their hashes alone" in capsys.readouterr().out


async def test_a_checkpoint_that_was_printed_can_be_held_against_the_ledger(
    log: Log, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.checkpoint(settings, typed("ledger", "checkpoint")) == 0
    path = tmp_path / "checkpoint"
    path.write_text(capsys.readouterr().out, "utf-8")
    key = str(SIGNER.verifier_key)
    twice = ("--checkpoint", path, "--checkpoint", path)
    assert await ledger.verify(settings, typed("ledger", "verify", "--key", key, *twice)) == 0
    assert [one.said for one in log.held] == [HEAD, HEAD]
    assert {one.where for one in log.held} == {str(path)}
    assert log.trusted == SIGNER.verifier_key
    assert log.told == [(0, 2)]


async def test_a_checkpoint_of_another_log_than_the_keys_is_refused_and_nothing_recorded(
    log: Log, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(bytes(Note.sign(str(replace(HEAD, origin=OTHER.name)), [OTHER])))
    options = typed("ledger", "verify", "--key", str(SIGNER.verifier_key), "--checkpoint", path)
    with pytest.raises(BadInput, match=f"{path}: it is of another log than the key, which is of"):
        await ledger.verify(settings, options)
    assert log.told == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "cannot read the checkpoint"),
        (b"{}", "no empty line between text and signatures"),
        (b"\xff", "not UTF-8"),
        (bytes(Note.sign("log\nthree\n", [SIGNER])), "fewer than three lines"),
    ],
)
async def test_a_checkpoint_that_is_none_is_refused(
    log: Log, settings: Settings, tmp_path: Path, data: bytes | None, said: str
) -> None:
    path = tmp_path / "checkpoint"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInput, match=said):
        await ledger.verify(settings, typed("ledger", "verify", "--checkpoint", path))


async def test_the_keys_of_the_log_are_printed(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.key(settings, typed("ledger", "key")) == 0
    assert capsys.readouterr().out == f"{SIGNER.verifier_key}\n"


async def test_a_new_key_is_made_of_the_given_name(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert await ledger.key(settings, typed("ledger", "key", "--new", "example.com/two")) == 0
    printed = capsys.readouterr()
    assert "set COPILOT_LEDGER_KEY to the old key and this one" in printed.err
    one, two = map(Signer.parse, printed.out.split())
    assert one.name == two.name == "example.com/two"
    assert one.seed != two.seed


async def test_a_ledger_without_entries_has_no_head_and_no_key(
    log: Log, settings: Settings
) -> None:
    log.head = None
    for command in ("checkpoint", "key"):
        with pytest.raises(BadInput, match="no entries yet"):
            await getattr(ledger, command)(settings, typed("ledger", command))


async def test_a_selection_does_not_pass_for_the_whole_log(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, key = random_log(Random(7), 8), str(KEY.verifier_key)
    some = export(log, tmp_path / "some", selected=range(5))
    every = export(log, tmp_path / "every")
    size = len(log.records)
    for bundle, code in [(every, 0), (some, 1)]:
        options = typed("ledger", "verify", bundle, "--key", key, "--whole")
        assert await ledger.verify(settings, options) == code
    assert f"it is a selection: 5 of {size} records" in capsys.readouterr().err
    assert await ledger.verify(settings, typed("ledger", "verify", some, "--key", key)) == 0
    options = typed("ledger", "verify", every, "--key", key, "--archive", some)
    with pytest.raises(BadInput, match="--archive is for the log in the database"):
        await ledger.verify(settings, options)


@pytest.mark.parametrize(("ungiven", "code"), [(0, 0), (2, 1)])
async def test_an_archive_that_is_not_given_is_no_part_of_the_whole(
    log: Log, settings: Settings, capsys: pytest.CaptureFixture[str], ungiven: int, code: int
) -> None:
    log.found = Verification(entries=4, sealed=4, ungiven=ungiven)
    assert await ledger.verify(settings, typed("ledger", "verify")) == 0
    assert await ledger.verify(settings, typed("ledger", "verify", "--whole")) == code
    said = "2 archives are not given; give each by --archive"
    assert (said in capsys.readouterr().err) is bool(code)
    assert log.told == [(0, 0), (code, 0)]


async def test_hashes_and_contents_of_a_bundle_are_told_apart(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = random_log(Random(7), 8)
    bundle, key = export(log, tmp_path / "bundle"), str(KEY.verifier_key)
    assert await ledger.verify(settings, typed("ledger", "verify", bundle, "--key", key)) == 0
    hashed, fitted = capsys.readouterr().out.splitlines()
    size = len(log.records)
    assert hashed.startswith(f"bundle verified: all {size} records of")
    assert fitted.startswith(f"contents: {size} records fit the schemas")
    assert hashed.endswith(" records/s)")
    assert fitted.endswith(" records/s)")
    (bundle / SCHEMA_FILE).unlink()
    restate(bundle)
    options = typed("ledger", "verify", bundle, "--key", key, "--json")
    assert await ledger.verify(settings, options) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verified"] is False
    assert said["problems"] == said["contents"]["problems"]
    assert "its schema 'search-1' is not there" in said["problems"][0]
