"""Whether what stands in columns, openings and stored answers is what the leaf of an entry commits to."""

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

from copilot.ledger import scopes
from copilot.ledger.entry import body_sha256
from copilot.ledger.proofs.bundle import UNREADABLE
from copilot.ledger.proofs.erasures import Filed
from copilot.ledger.proofs.gaps import INDEX, Gaps, Gone, may_be_erased
from copilot.ledger.proofs.merkle import hash_leaf
from copilot.ledger.proofs.record import commitment
from copilot.ledger.stored import StoredEntry

FILTERS = ("kind", "sub", "purpose", "outcome", "policy_revision", "tenant")
"""Columns that repeat what the opening `act` says."""

Opening = Mapping[str, Any]


def problems(entry: StoredEntry, where: str, place: int) -> tuple[list[str], Gaps]:
    """What is wrong with the entry, which `where` names; and what is gone of it, and what it says was erased.

    What is gone that no erasure takes is among what is wrong: nothing explains it.
    """
    row = entry.row
    if row["ledger_id"] is None:
        return [f"{where}: its entry is gone"], Gaps()
    found = _leaf_problems(row)
    try:
        leaf = json.loads(row["leaf"])
        leaf_id, commitments = leaf["id"], dict(leaf["commitments"])
        form = leaf["version"]
        kept = {INDEX, *(name for name in commitments if not may_be_erased(name, form))}
    except (ValueError, KeyError, TypeError):
        return [f"{where} has an unreadable leaf", *(f"{where} {one}" for one in found)], Gaps()
    if leaf_id != row["ledger_id"]:
        found.append("bears another id than its leaf")
    found += _missing(row, entry.openings, commitments, kept)
    for one in entry.openings:
        found += _opening_problems(row, one, commitments.get(one["name"]))
    opened = {one["name"]: one["value"] for one in entry.openings}
    gone = [name for name in commitments if name not in opened and name not in kept]
    filed = Filed.of(opened) if gone else Filed()
    gaps = Gaps(gone=[Gone(place, row["ledger_id"], name, filed, form) for name in gone])
    found += gaps.read(place, row["ledger_id"], form, opened)
    return [f"{where}: {one}" for one in found], gaps


def _leaf_problems(row: Mapping[str, Any]) -> list[str]:
    checks = {
        "has a leaf that does not match its hash": row["hash"] == hash_leaf(row["leaf"]),
        "bears another label than its leaf's place": row["leaf_label"] == row["label"],
    }
    return [problem for problem, holds in checks.items() if not holds]


def _missing(
    row: Mapping[str, Any],
    openings: Sequence[Opening],
    commitments: Mapping[str, str],
    kept: Set[str],
) -> list[str]:
    names = {one["name"] for one in openings}
    checks = {
        "it has an answer that it does not commit to": row["answer_body"] is None
        or "stored_answer" in commitments,
        "its filter columns stand although the act was erased": not row["has_act"]
        or "act" in names,
        "its filter columns stand at another time": row["act_at"] in {None, row["recorded_at"]},
        **{f"its {name} is gone, which no erasure takes": name in names for name in sorted(kept)},
    }
    return [problem for problem, holds in checks.items() if not holds]


def _opening_problems(row: Mapping[str, Any], opening: Opening, expected: str | None) -> list[str]:
    name, found = opening["name"], []
    if opening["label"] != row["label"]:
        found.append(f"{name} bears another label than its entry")
    if opening["recorded_at"] != row["recorded_at"]:
        found.append(f"{name} stands at another time than its entry")
    if commitment((opening["salt"], opening["value"])) != expected:
        return [*found, f"{name} does not match its commitment"]
    try:
        return found + _content_problems(row, opening)
    except UNREADABLE:
        return [*found, f"{name} cannot be read"]


def _content_problems(row: Mapping[str, Any], opening: Opening) -> list[str]:
    value = json.loads(opening["value"])
    match opening["name"]:
        case "index":
            return _index_problems(row, value)
        case "act":
            return _act_problems(row, value)
        case "stored_answer":
            same = row["answer_body"] is None or body_sha256(row["answer_body"]) == value["sha256"]
            return [] if same else ["its stored answer is not the one that was given"]
        case "scope" if isinstance(value, dict):
            return scopes.problems(value, opening["scope"])
    return []


def _index_problems(row: Mapping[str, Any], index: Mapping[str, Any]) -> list[str]:
    stored = [row["tenant"], json.loads(row["label"] or "null"), row["recorded_at"].isoformat()]
    said = [index.get("tenant"), index.get("label"), index.get("recorded_at")]
    return [] if stored == said else ["its columns differ from the recorded index"]


def _act_problems(row: Mapping[str, Any], act: Mapping[str, Any]) -> list[str]:
    label = json.dumps(act.get("label"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    at = row["recorded_at"].isoformat()
    stored = {name: row[name] for name in (*FILTERS, "label", "act_label")} | {"at": at}
    said = {name: act.get(name) for name in FILTERS} | {"at": act.get("recorded_at")}
    said |= {"label": label, "act_label": label}  # as policy.labels writes its canonical form
    return [] if stored == said else ["its filter columns differ from the recorded act"]
