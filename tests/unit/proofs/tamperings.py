"""Ways to pass off another history, each done as well as can be: who has the right key signs with it again."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from copilot.ledger.proofs.bundle import POLICIES, RECORDS, canonical_json
from copilot.ledger.proofs.dsse import Envelope
from copilot.ledger.proofs.policies import policy_files
from copilot.ledger.proofs.record import BundledRecord, Leaf, commitment, read_leaf, write_line
from copilot.ledger.proofs.rotation import PAYLOAD_TYPE, Rotation
from tests.unit.proofs.bundles import (
    KEY,
    NARROWER,
    NEXT,
    ORIGIN,
    SCHEMA,
    SCHEMA_FILE,
    STRANGER,
    Log,
    copied,
    export,
    random_log,
    restate,
    rotation,
)
from tests.unit.proofs.flips import flipped

TIMES = int(os.environ.get("COPILOT_TAMPERINGS", "100"))
LOGS = 10


@dataclass(frozen=True)
class Case:
    """A log, an honest bundle of it, and a folder to put another into."""

    random: Random
    log: Log
    honest: Path
    into: Path
    held: int
    """The size of the checkpoint that the auditor keeps."""

    def checkpoint(self) -> bytes:
        return self.log.checkpoint(self.held)


@dataclass(frozen=True)
class Shown:
    """What an auditor is given, and what that auditor holds from before."""

    folder: Path
    held: Sequence[bytes]


Tampering = Callable[[Case], Shown]


@cache
def honest(number: int, root: Path) -> tuple[Log, Path]:
    """One of a few logs, and its bundle with earlier checkpoints."""
    random = Random(number)
    log = random_log(random, random.randint(8, 24))
    size = len(log.records)
    earlier = sorted(random.sample(range(size), 2))
    return log, export(log, root / f"honest-{number}", earlier=earlier)


def case(name: str, seed: int, root: Path) -> Case:
    log, folder = honest(seed % LOGS, root)
    random = Random(f"{name} {seed}")
    held = random.randint(1, len(log.records))
    return Case(random, log, folder, root / f"{name}-{seed}", held)


def edit(case: Case) -> Shown:
    """Another value; in half of them the leaf and its commitment are made anew as well."""
    lines = _lines(case.honest)
    at = case.random.randrange(len(lines))
    return _restated(case, [*lines[:at], write_line(_edited(case, at)), *lines[at + 1 :]])


def flip(case: Case) -> Shown:
    """One bit, anywhere."""
    folder = copied(case.honest, case.into)
    file = case.random.choice(sorted(one for one in folder.rglob("*") if one.is_file()))
    if data := file.read_bytes():
        file.write_bytes(flipped(data, case.random.randrange(len(data) * 8)))
    else:
        file.write_bytes(b"\n")
    return Shown(folder, [case.checkpoint()])


def delete(case: Case) -> Shown:
    lines = _lines(case.honest)
    del lines[case.random.randrange(len(lines))]
    return _restated(case, _numbered(case, lines))


def swap(case: Case) -> Shown:
    lines = _lines(case.honest)
    one, other = case.random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return _restated(case, _numbered(case, lines))


def insert(case: Case) -> Shown:
    """A new record, or one that is there already."""
    lines = _lines(case.honest)
    log = Log()
    log.add(case.random, {"question": "never asked"})
    new = case.random.choice([*lines, write_line(log.records[0])])
    lines.insert(case.random.randrange(len(lines) + 1), new)
    return _restated(case, _numbered(case, lines))


def truncate(case: Case) -> Shown:
    """From some record on, or within a line."""
    lines = _lines(case.honest)
    kept = lines[: case.random.randrange(len(lines))]
    whole = b"".join(one + b"\n" for one in kept)
    part = case.random.choice([b"", lines[len(kept)][: case.random.randint(1, 200)]])
    return _rewritten(case, whole + part)


def reseal_with_a_wrong_key(case: Case) -> Shown:
    """A log of one's own, signed throughout by a key that is not the log's; in half of them under its name."""
    log, _ = _another(case, case.random.randrange(len(case.log.records)))
    signer = case.random.choice([STRANGER, NEXT])
    return Shown(export(log, case.into, signers=[signer]), [case.checkpoint()])


def reseal_before_a_held_checkpoint(case: Case) -> Shown:
    """With the log's own key, over a record that the held checkpoint covers."""
    log, _ = _another(case, case.random.randrange(case.held))
    earlier = sorted(case.random.sample(range(len(log.records)), 2))
    return Shown(export(log, case.into, earlier=earlier), [case.checkpoint()])


def roll_back(case: Case) -> Shown:
    """The log as it honestly was before the held checkpoint."""
    size = case.random.randrange(case.held)
    return Shown(export(case.log, case.into, size=size), [case.checkpoint()])


def fork(case: Case) -> Shown:
    """Two logs with one beginning, each shown to one auditor, who then compare their checkpoints."""
    at = case.random.randrange(len(case.log.records))
    other, first = _another(case, at)
    theirs = case.random.randint(first + 1, len(other.records))
    ours = case.random.randint(first + 1, len(case.log.records))
    shown = case.random.choice([case.log, other])
    both = [case.log.checkpoint(ours), other.checkpoint(theirs)]
    return Shown(export(shown, case.into), case.random.sample(both, 2))


def edit_a_schema(case: Case) -> Shown:
    """So that records fit that did not, or do not that did."""
    folder = copied(case.honest, case.into)
    document = json.loads(SCHEMA)
    if case.random.random() < 0.5:
        document["additionalProperties"] = True
    else:
        document["properties"].pop(case.random.choice(sorted(document["properties"])))
    (folder / SCHEMA_FILE).write_bytes(canonical_json(document))
    restate(folder, KEY)
    return Shown(folder, [case.checkpoint()])


def drop_a_schema(case: Case) -> Shown:
    folder = copied(case.honest, case.into)
    (folder / SCHEMA_FILE).unlink()
    restate(folder, KEY)
    return Shown(folder, [case.checkpoint()])


def swap_a_policy(case: Case) -> Shown:
    """Another in its place, under the digest that records name or under its own; in half of them its rules alone."""
    folder = copied(case.honest, case.into)
    (there,) = (folder / POLICIES).iterdir()
    files = list(policy_files(NARROWER).items())
    for name, data in files[: case.random.randint(1, 2)]:
        (there / Path(name).name).write_bytes(data)
    if case.random.random() < 0.5:
        there.rename(there.with_name(NARROWER.sha256))
    restate(folder, KEY)
    return Shown(folder, [case.checkpoint()])


def drop_a_rotation(case: Case) -> Shown:
    """Of a log whose key was changed: the new key's signature stands alone, or a list of keys instead of a reason."""
    keys = case.random.choice([[NEXT], [KEY, NEXT]])
    folder = export(case.log, case.into, signers=[NEXT], keys=keys)
    return Shown(folder, [case.checkpoint()])


def forge_a_rotation(case: Case) -> Shown:
    """To a key of one's own: the old key's signature is made with another, or is that of an honest rotation."""
    at = case.random.randrange(len(case.log.records))
    stated = Rotation(origin=ORIGIN, old=KEY.verifier_key, new=STRANGER.verifier_key, size=at)
    honest = Envelope.parse(rotation(KEY, NEXT, at)).signatures[0]
    payload = canonical_json(
        {"new": str(stated.new), "old": str(stated.old), "origin": ORIGIN, "size": at, "version": 1}
    )
    forged = Envelope.sign(PAYLOAD_TYPE, payload, [STRANGER, STRANGER])
    old, new = forged.signatures
    if case.random.random() < 0.5:
        old = honest
    old = replace(old, key_id=KEY.verifier_key.label)
    log, _ = _another(case, at)
    folder = export(
        log,
        case.into,
        signers=[STRANGER],
        keys=[KEY, STRANGER],
        rotations=[bytes(replace(forged, signatures=(old, new)))],
    )
    return Shown(folder, [case.checkpoint()])


def forge_an_erasure(case: Case) -> Shown:
    """An opening is taken out, and a record that names it added, which the log's own sealer then seals."""
    log = Log([*case.log.records], {**case.log.erasures})
    told = {*log.erasures, *(position for position, _ in log.erasures.values())}
    at = case.random.choice([one for one in range(len(log.records)) if one not in told])
    forged: list[dict[str, Any]] = [
        {},
        {"form": 1},
        {"by": [STRANGER]},
        {"by": [KEY], "tenant": "t2"},
        {"by": [KEY], "label": {"classification": "U"}},
    ]
    log.take(case.random, at, "question", **case.random.choice(forged))
    return Shown(export(log, case.into), [case.checkpoint()])


def replay_an_erasure(case: Case) -> Shown:
    """What a key of the log signed stands in another record: without `late`, of another time, person or label."""
    log = Log([*case.log.records], {**case.log.erasures})
    told = {*log.erasures, *(position for position, _ in log.erasures.values())}
    at = case.random.choice([one for one in range(len(log.records)) if one not in told])
    log.take(case.random, at, "question", by=[KEY], late=True)
    signed = json.loads(log.records.pop().openings["signed"][1])
    del log.erasures[len(log.records)]
    other: dict[str, Any] = case.random.choice(
        [{}, {"recorded_at": "2026-11-22T09:00:00+00:00"}, {"label": {"classification": "TS"}}]
    )
    ledger_id = json.loads(log.records[at].leaf)["id"]
    said = {"erased": [{"ledger_id": ledger_id, "names": ["question"]}], "signed": signed}
    log.erasures[len(log.records)] = at, ["question"]
    log.add(case.random, said, "erasure", **other)
    return Shown(export(log, case.into), [case.checkpoint()])


def erase_a_trail(case: Case) -> Shown:
    """Who did what, or by what was decided, by an erasure like any other."""
    log = Log([*case.log.records], {**case.log.erasures})
    at = case.random.choice([one for one in range(len(log.records)) if one not in log.erasures])
    log.erase(case.random, at, case.random.choice(["act", "decided"]))
    return Shown(export(log, case.into), [case.checkpoint()])


_RECORDS = r"not the records of the checkpoint|does not match its commitment"
_HELD = r"not the log of the held"

TAMPERINGS: Mapping[Tampering, str] = {
    edit: _RECORDS,
    flip: "",
    delete: _RECORDS,
    swap: _RECORDS,
    insert: _RECORDS,
    truncate: _RECORDS,
    reseal_with_a_wrong_key: "checkpoint: the note bears no signature by a known key",
    reseal_before_a_held_checkpoint: _HELD,
    roll_back: "before the held",
    fork: f"{_HELD}|was forked at",
    edit_a_schema: "its schema search-1 is another than it was written by",
    drop_a_schema: "its schema 'search-1' is not there",
    swap_a_policy: "not the policy of that digest|by which it was decided is not there",
    drop_a_rotation: "checkpoint: the note bears no signature by a known key",
    forge_a_rotation: "rotations.ndjson line 1: ",
    forge_an_erasure: "no key of the log vouches|is of an older form|no erasure says why",
    replay_an_erasure: "it was signed for another record",
    erase_a_trail: "(act|decided) is not there, and no erasure says why",
}
"""Each with a pattern of what gives it away, whatever else does."""


def _lines(folder: Path) -> list[bytes]:
    return (folder / RECORDS).read_bytes().splitlines()


def _edited(case: Case, at: int) -> BundledRecord:
    record = case.log.shown(len(case.log.records))[at]
    name = case.random.choice(sorted(record.openings))
    changed = (record.openings[name][0], canonical_json({"kind": "another"}))
    openings = {**record.openings, name: changed}
    if case.random.random() < 0.5:
        return record._replace(openings=openings)
    leaf = read_leaf(record.leaf)
    commitments = {**leaf.commitments, name: commitment(changed)}
    return record._replace(openings=openings, leaf=bytes(Leaf(leaf.ledger_id, commitments)))


def _another(case: Case, at: int) -> tuple[Log, int]:
    """The log with another record at that place, its leaf as good as any; and the place."""
    forged = Log()
    forged.add(case.random, {"question": f"another {case.random.random()}"})
    record = forged.records[0]._replace(leaf_index=at)
    records = [*case.log.records[:at], record, *case.log.records[at + 1 :]]
    erasures = {
        number: one for number, one in case.log.erasures.items() if at not in (number, one[0])
    }
    return Log(records, erasures), at


def _numbered(case: Case, lines: list[bytes]) -> list[bytes]:
    """In half of them every line gets the index that its place asks for."""
    if case.random.random() < 0.5:
        return lines
    rests = [line.partition(b",")[2] for line in lines]
    return [b'{"index":%d,' % number + rest for number, rest in enumerate(rests)]


def _restated(case: Case, lines: Sequence[bytes]) -> Shown:
    return _rewritten(case, b"".join(one + b"\n" for one in lines))


def _rewritten(case: Case, data: bytes) -> Shown:
    """The checkpoint must stay as it is, for others saw it; the statement is signed again."""
    folder = copied(case.honest, case.into)
    (folder / RECORDS).write_bytes(data)
    restate(folder, KEY)
    return Shown(folder, [case.checkpoint()])
