"""Logs of random records, and bundles of them, as whoever runs a log could write them, honestly or not."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from copilot.ledger.proofs.bundle import STATEMENT, canonical_json
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.erasures import signature
from copilot.ledger.proofs.json_schema import DIALECT
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.merkle import (
    CompactRange,
    Subtree,
    hash_leaf,
    plan_consistency,
    plan_inclusion,
)
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.policies import policy_files
from copilot.ledger.proofs.record import FORMS, BundledRecord, Leaf, commitment
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.proofs.statement import Statement
from copilot.ledger.proofs.verify_bundle import BundleReport, verify_bundle
from copilot.ledger.proofs.write_bundle import Contents, Export, write_bundle
from policy.bundle import Built, Bundle

ORIGIN = "example.com/ledger"
OTHER = "example.com/another"
AT = "2026-11-22T00:00:00+00:00"
WORDS = ("Halder", "signed", 'the "agreement"', "in\nRiga", "on", "2 May", "Łódź", "C:\\files")
POLICY, NARROWER = (
    Built(bundle=Bundle(sources={"read.rego": text}), wasm=b"\0asm" + text)
    for text in (b"package read", b"package read\ndeny := true")
)
SCHEMA = canonical_json(
    {
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "index": {"type": "object"},
            "act": {"type": "object", "required": ["kind"]},
            "question": {"type": "string"},
            "contexts": {"type": "array"},
            "scope": {"type": "object"},
            "decided": {"type": "object"},
            "erased": {"type": "array"},
            "signed": {"type": "object"},
            "late": {"type": "boolean"},
            "reason": {"type": "string"},
        },
        "required": ["index", "act"],
        "additionalProperties": False,
    }
)
SCHEMA_NAMED = {"name": "search-1", "sha256": hashlib.sha256(SCHEMA).hexdigest()}
SCHEMA_FILE = "schemas/search-1.json"
EXTRA = {**policy_files(POLICY), SCHEMA_FILE: SCHEMA}


def signer(number: int, name: str = ORIGIN) -> Signer:
    return Signer(name=name, seed=hashlib.sha256(b"seed %d" % number).digest())


KEY, NEXT, THIRD, STRANGER = (signer(number) for number in range(4))


@dataclass(frozen=True)
class Tree:
    """Proofs from the subtrees of a log."""

    subtrees: Mapping[Subtree, bytes]

    def inclusion(self, leaf_index: int, tree_size: int) -> list[bytes]:
        return plan_inclusion(leaf_index, tree_size).proof(self.subtrees)

    def consistency(self, first: int, second: int) -> list[bytes]:
        return plan_consistency(first, second).proof(self.subtrees)


@dataclass
class Log:
    """Records as they were written, and which of their openings were erased when."""

    records: list[BundledRecord] = field(default_factory=list)
    erasures: dict[int, tuple[int, Sequence[str]]] = field(default_factory=dict)
    """By the index of the erasure's record: of which record it took what."""

    def add(
        self,
        random: Random,
        details: Mapping[str, Any],
        kind: str = "search",
        *,
        form: int = FORMS[-1],
        by: Sequence[Signer] = (),
        **other: Any,
    ) -> str:
        """One record with these details beside `index` and `act`, or of another tenant or label; gives its id."""
        ledger_id, scopes = random.randbytes(16).hex(), dict[str, bytes]()
        when = {"tenant": "t1", "label": {"classification": "S"}, "recorded_at": AT, **other}
        index = when | {"schema": SCHEMA_NAMED}
        values = {"index": index, "act": {"kind": kind, "sub": "ann"} | when, **details}
        if isinstance(labels := values.get("scope"), list):
            written = canonical_json(labels)
            digest = hashlib.sha256(written).hexdigest()
            scopes[digest] = written
            values["scope"] = {"labels": len(labels), "sha256": digest}
        said = {name: canonical_json(value) for name, value in values.items()}
        if by:
            said["signed"] = canonical_json(signature(ledger_id, said, by))
        openings = {name: (random.randbytes(16), value) for name, value in sorted(said.items())}
        leaf = Leaf(ledger_id, {name: commitment(one) for name, one in openings.items()}, form)
        self.records.append(BundledRecord(len(self.records), bytes(leaf), openings, scopes))
        return ledger_id

    def erase(self, random: Random, position: int, *names: str, by: Signer = KEY) -> None:
        """Adds the record that says so, for which that key vouches; `shown` takes the openings away."""
        self.take(random, position, *names, by=[by])

    def take(
        self, random: Random, position: int, *names: str, late: bool = False, **how: Any
    ) -> None:
        """As whoever can write to the log may have it, by whichever keys, in whichever form."""
        ledger_id = json.loads(self.records[position].leaf)["id"]
        self.erasures[len(self.records)] = position, names
        said = {"erased": [{"ledger_id": ledger_id, "names": list(names)}]}
        self.add(random, said | ({"late": True} if late else {}), "erasure", **how)

    def shown(self, size: int) -> list[BundledRecord]:
        """The first records, with what was left of them at that size."""
        records = self.records[:size]
        for at, (position, names) in self.erasures.items():
            if at < size:
                records[position] = without(records[position], *names)
        return records

    def tree(self, size: int | None = None) -> tuple[CompactRange, Tree]:
        leaves = [hash_leaf(one.leaf) for one in self.records[:size]]
        grown, subtrees = CompactRange().append(leaves)
        return grown, Tree(subtrees)

    def checkpoint(self, size: int | None = None, *signers: Signer) -> bytes:
        tree, _ = self.tree(size)
        body = Checkpoint(origin=ORIGIN, size=tree.size, root=tree.root)
        return bytes(Note.sign(str(body), signers or [KEY]))


def random_log(random: Random, size: int) -> Log:
    """Of searches and asks, some with the scope they name, some erased later: at least `size` records."""
    log = Log()
    while len(log.records) < size:
        details: dict[str, Any] = {"question": " ".join(random.choices(WORDS, k=6))}
        details["contexts"] = []
        details["decided"] = {"policy": {"release": POLICY.sha256, "own": None}}
        if random.random() < 0.6:
            details["scope"] = ["U", "S"][: random.randint(0, 2)]
        log.add(random, details, random.choice(["search", "ask"]))
        if random.random() < 0.15:
            others = [at for at in range(len(log.records)) if at not in log.erasures]
            log.erase(random, random.choice(others), "contexts", "question")
    return log


def without(record: BundledRecord, *names: str) -> BundledRecord:
    left = {name: one for name, one in record.openings.items() if name not in names}
    scopes = {} if "scope" in names else record.scopes
    return record._replace(openings=left, scopes=scopes)


def export(
    log: Log,
    folder: Path,
    *,
    size: int | None = None,
    earlier: Sequence[int] = (),
    selected: Sequence[int] | None = None,
    signers: Sequence[Signer] = (KEY,),
    rotations: Sequence[bytes] = (),
    keys: Sequence[Signer] | None = None,
    notes: Sequence[bytes] | None = None,
) -> Path:
    """A bundle of the log's first `size` records, or of some of them."""
    size = len(log.records) if size is None else size
    contents = Contents(
        checkpoint=log.checkpoint(size, *signers),
        keys=[one.verifier_key for one in keys or signers],
        earlier=[log.checkpoint(one) for one in earlier] if notes is None else notes,
        rotations=rotations,
        extra=EXTRA,
        whole=selected is None,
    )
    records = log.shown(size)
    taken = records if selected is None else [records[one] for one in selected]
    export = Export("auditor eve", "2026-11-22T01:00:00Z", signers)
    write_bundle(folder, contents, taken, log.tree(size)[1], export)
    return folder


def verify(
    shown: Path, *held: bytes, key: Signer = KEY, origin: str | None = None, processes: int = 1
) -> BundleReport:
    return verify_bundle(shown, key.verifier_key, held, origin=origin, processes=processes)


def problems_of(report: BundleReport) -> list[str]:
    """Of both stages."""
    return [*report.problems, *report.contents.problems]


def restate(folder: Path, *signers: Signer) -> None:
    """The statement as whoever has the key would write it on what the folder holds now."""
    keys = [one.verifier_key for one in (KEY, NEXT, THIRD)]
    statement = Statement.open((folder / STATEMENT).read_bytes(), keys)
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != STATEMENT
    }
    records = (folder / "records.ndjson").read_bytes().count(b"\n")
    stated = replace(statement, files=files, records=records)
    (folder / STATEMENT).write_bytes(stated.sign(signers or [KEY]))


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))


def rotation(old: Signer, new: Signer, size: int, origin: str = ORIGIN) -> bytes:
    stated = Rotation(origin=origin, old=old.verifier_key, new=new.verifier_key, size=size)
    return stated.sign(old, new)
