"""Scopes in the ledger: each stored once for a label, and named by its digest in the records under that label."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from policy.scope import WrittenScope
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "verify.sql")
_DIGEST = re.compile(r"[0-9a-f]{64}")

Opening = Mapping[str, Any]


def name_of(scope: WrittenScope) -> dict[str, Any]:
    """What a record says of the scope; the digest commits to its labels."""
    return {"sha256": scope.sha256.hex(), "labels": scope.labels}


def digest_in(opening: Opening) -> str | None:
    """The digest (hex) that an opening names; None in others, and in records that list the labels themselves."""
    if opening["name"] != "scope":
        return None
    try:
        said = json.loads(opening["value"])
    except ValueError:
        return None
    digest = said.get("sha256") if isinstance(said, dict) else None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None


async def stored(
    connection: psycopg.AsyncConnection[dict[str, Any]], openings: Iterable[Opening]
) -> dict[tuple[int, str], WrittenScope]:
    """What lies under each named label id and digest, counted and hashed anew."""
    named = {(one["label_id"], digest) for one in openings if (digest := digest_in(one))}
    values = {
        "label_ids": [label_id for label_id, _ in named],
        "digests": [bytes.fromhex(digest) for _, digest in named],
    }
    rows = await (await connection.execute(_SQL["scopes"], values)).fetchall()
    return {(row["label_id"], row["sha256"].hex()): _read(row["value"]) for row in rows}


def problems(said: Mapping[str, Any], found: WrittenScope | None) -> list[str]:
    """What is wrong with the scope that a record names, by its digest."""
    digest = said.get("sha256")
    if found is None:
        return [f"its scope {digest} is not stored"]
    if found.sha256.hex() != digest:
        return [f"its scope {digest} was changed"]
    if found.labels != said.get("labels"):
        return [f"its scope {digest} holds another number of labels"]
    return []


def _read(value: bytes) -> WrittenScope:
    try:
        labels = len(json.loads(value))
    except (ValueError, TypeError):
        labels = -1
    return WrittenScope(value=value, sha256=hashlib.sha256(value).digest(), labels=labels)
