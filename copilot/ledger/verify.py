"""Verification: whether the stored log is the one that was written."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from copilot.ledger import scopes
from copilot.ledger.log import body_sha256
from copilot.ledger.proofs.record import commitment
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")
_BATCH = 500
_START = bytes(32)
_FILTERS = ("kind", "sub", "purpose", "outcome", "policy_revision", "tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of the log at one moment: keep it outside to detect later rewriting."""

    position: int
    chain_hash: str

    def to_json(self) -> dict[str, Any]:
        return {"position": self.position, "chain_hash": self.chain_hash}

    @classmethod
    def from_json(cls, text: str, *, where: str = "the checkpoint") -> "Checkpoint":
        """Reads what `copilot ledger checkpoint` wrote."""
        try:
            value = json.loads(text)
            held = cls(position=int(value["position"]), chain_hash=str(value["chain_hash"]))
            if held.position < 0 or (held.position == 0 and held.chain_hash != _START.hex()):
                raise ValueError("no such state of a log")
            return held
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise BadInput(f"{where}: a checkpoint is JSON with position and chain_hash") from error


@dataclass(slots=True)
class Verification:
    """What was checked. The log holds where `problems` is empty."""

    entries: int = 0
    erased: int = 0
    """Openings that are gone: their commitments still stand in the leaves."""
    head: str = _START.hex()
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line for whoever ran it; erasures are said, since nothing else shows them."""
        if self.problems:
            return f"ledger NOT verified: {len(self.problems)} problems, first: {self.problems[0]}"
        erased = f", {self.erased} openings erased" if self.erased else ""
        return f"ledger verified: {self.entries} entries{erased}, head {self.head[:16]}…"


async def verify(url: str, checkpoint: Checkpoint | None = None) -> Verification:
    """Recomputes every link, leaf and opening, and compares with a checkpoint held outside."""
    result = Verification()
    async for row, openings in _entries(url):
        result.entries += 1
        result.problems += _entry_problems(row, result)
        result.problems += _opening_problems(row, openings, result)
        result.head = row["chain_hash"].hex()
        if (
            checkpoint
            and checkpoint.position == row["position"]
            and checkpoint.chain_hash != result.head
        ):
            result.problems.append(f"entry {row['position']}: differs from the checkpoint")
    if checkpoint and checkpoint.position > result.entries:
        result.problems.append(f"the log ends at {result.entries}, before the checkpoint")
    return result


async def checkpoint(url: str) -> Checkpoint:
    """The head of the log now."""
    last = Checkpoint(position=0, chain_hash=_START.hex())
    async with await _connect(url) as connection:
        row = await (await connection.execute(_SQL["head"])).fetchone()
    if row is None:
        return last
    return Checkpoint(position=row["position"], chain_hash=row["chain_hash"].hex())


async def export(url: str) -> AsyncIterator[dict[str, Any]]:
    """One JSON object for each entry: hashes, leaf and whatever openings are left, for an auditor to keep.

    The first entry that names a scope brings it as well, under its digest: the labels as they were hashed.
    """
    given: set[str] = set()
    async for row, openings in _entries(url):
        first = {
            digest: one["scope"].value.decode(errors="replace")
            for one in openings
            if (digest := scopes.digest_in(one)) and digest not in given and one["scope"]
        }
        given |= set(first)
        yield {
            "position": row["position"],
            "ledger_id": row["ledger_id"],
            "recorded_at": row["recorded_at"].isoformat(),
            "leaf": row["leaf"].decode(),
            "previous_hash": row["previous_hash"].hex(),
            "chain_hash": row["chain_hash"].hex(),
            "openings": {
                one["name"]: {"salt": one["salt"].hex(), "value": one["value"].decode()}
                for one in openings
            },
            **({"scopes": first} if first else {}),
        }


def _entry_problems(row: Mapping[str, Any], result: Verification) -> list[str]:
    where = f"entry {row['position']}"
    leaf_hash = hashlib.sha256(row["leaf"]).digest()
    checks = {
        "is out of order": row["position"] == result.entries,
        "does not follow the entry before it": row["previous_hash"].hex() == result.head,
        "has a leaf that does not match its hash": row["leaf_hash"] == leaf_hash,
        "is not linked by its hash": row["chain_hash"]
        == hashlib.sha256(row["previous_hash"] + leaf_hash).digest(),
    }
    return [f"{where} {problem}" for problem, holds in checks.items() if not holds]


def _opening_problems(
    row: Mapping[str, Any], openings: Sequence[Mapping[str, Any]], result: Verification
) -> list[str]:
    where, problems = f"entry {row['position']}", []
    try:
        leaf = json.loads(row["leaf"])
        leaf_id, commitments = leaf["id"], dict(leaf["commitments"])
    except (ValueError, KeyError, TypeError):
        return [f"{where} has an unreadable leaf"]
    if leaf_id != row["ledger_id"]:
        problems.append(f"{where} bears another id than its leaf")
    if row["answer_body"] is not None and "stored_answer" not in commitments:
        problems.append(f"{where}: it has an answer that it does not commit to")
    if row["has_act"] and not any(opening["name"] == "act" for opening in openings):
        problems.append(f"{where}: its filter columns stand although the act was erased")
    if not any(opening["name"] == "index" for opening in openings):
        problems.append(f"{where}: its index is gone, which no erasure takes")
    for opening in openings:
        expected = commitments.pop(opening["name"], None)
        if opening["label"] != row["label"]:
            problems.append(f"{where}: {opening['name']} bears another label than its entry")
        if commitment((opening["salt"], opening["value"])) != expected:
            problems.append(f"{where}: {opening['name']} does not match its commitment")
        else:
            problems += _content_problems(where, row, opening)
    result.erased += len(commitments)
    return problems


def _content_problems(where: str, row: Mapping[str, Any], opening: Mapping[str, Any]) -> list[str]:
    """Whether what stands in columns and in the stored answer is what the opening says."""
    value = json.loads(opening["value"])
    match opening["name"]:
        case "index":
            return _index_problems(where, row, value)
        case "act":
            return _act_problems(where, row, value)
        case "stored_answer":
            same = row["answer_body"] is None or body_sha256(row["answer_body"]) == value["sha256"]
            return [] if same else [f"{where}: its stored answer is not the one that was given"]
        case "scope" if isinstance(value, dict):
            return [f"{where}: {one}" for one in scopes.problems(value, opening["scope"])]
    return []


def _index_problems(where: str, row: Mapping[str, Any], index: Mapping[str, Any]) -> list[str]:
    stored = [row["tenant"], json.loads(row["label"]), row["recorded_at"].isoformat()]
    said = [index.get("tenant"), index.get("label"), index.get("recorded_at")]
    return [] if stored == said else [f"{where}: its columns differ from the recorded index"]


def _act_problems(where: str, row: Mapping[str, Any], act: Mapping[str, Any]) -> list[str]:
    label = json.dumps(act.get("label"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    at = row["recorded_at"].isoformat()
    stored = {name: row[name] for name in (*_FILTERS, "label", "act_label")} | {"at": at}
    said = {name: act.get(name) for name in _FILTERS} | {"at": act.get("recorded_at")}
    said |= {"label": label, "act_label": label}  # as policy.labels writes its canonical form
    return [] if stored == said else [f"{where}: its filter columns differ from the recorded act"]


async def _entries(
    url: str,
) -> AsyncIterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    async with await _connect(url) as connection:
        await connection.execute("SET TIME ZONE 'UTC'")
        after = -1
        while True:
            cursor = await connection.execute(_SQL["all"], {"after": after, "first": _BATCH})
            rows = await cursor.fetchall()
            openings = await _openings(connection, rows)
            for row in rows:
                yield row, openings.get(row["ledger_id"], [])
            if len(rows) < _BATCH:
                return
            after = rows[-1]["position"]


async def _openings(
    connection: psycopg.AsyncConnection[dict[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """By ledger id; each with the scope that it names, as that is stored."""
    values = {"ids": [row["ledger_id"] for row in rows]}
    openings = await (await connection.execute(_SQL["openings"], values)).fetchall()
    stored = await scopes.stored(connection, openings)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in openings:
        scope = stored.get((one["label_id"], scopes.digest_in(one) or ""))
        found.setdefault(one["ledger_id"], []).append(one | {"scope": scope})
    return found


async def _connect(url: str) -> psycopg.AsyncConnection[dict[str, Any]]:
    try:
        return await psycopg.AsyncConnection.connect(url, row_factory=dict_row, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot reach the database that holds the ledger") from error
