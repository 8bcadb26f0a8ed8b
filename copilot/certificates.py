"""Certificates of deletion: what went, when, by whom and why, and what stands in its place."""

from typing import Any

from copilot.results import Certificate
from policy.labels import Label
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "certificates.sql")
_VERSION = 1


async def read(
    database: Database, scope: Scope, document_id: str, *, erased_by: str | None = None
) -> tuple[Certificate, tuple[Label, ...]] | None:
    """The certificate of the last deletion under this id, and the labels of all that it names.

    Of what the scope shows alone: openings of records above it, and other documents that say the same, are left out.
    With `erased_by` only of what that person deleted.
    """
    values = {"tenant": scope.tenant, "document_id": document_id, "erased_by": erased_by}
    ids = scope.label_ids
    async with database.transaction(Role.READER, ids) as connection:

        async def rows(name: str, given: dict[str, Any]) -> list[dict[str, Any]]:
            return await (await connection.execute(_SQL.scoped(name, ids), given)).fetchall()

        found = await rows("newest", values)
        if not found:
            return None
        erasure = {"erasure_id": found[0]["erasure_id"]}
        openings = await rows("openings", erasure)
        others = await rows("others", erasure)
    labels = {row["label_id"] for row in (found[0], *others)}
    shown = tuple(scope.labels[one] for one in sorted(labels))
    return _certificate(found[0], openings, others), shown


def _certificate(
    row: dict[str, Any], openings: list[dict[str, Any]], others: list[dict[str, Any]]
) -> Certificate:
    said = row["body"]
    body = {
        "version": _VERSION,
        "kind": "certificate of deletion",
        "document_id": row["document_id"],
        "erasure_id": row["erasure_id"],
        "erased_at": row["erased_at"].isoformat(),
        "erased_by": row["erased_by"],
        "reason": said["reason"],
        "removed": {"parts": said["parts"], "rows": said["tables"]},
        "in_its_place": openings,
        "records": {"delete": said["deleted_by_record"], "erasure": row["ledger_id"]},
        "searched_afterwards": {
            "words_in_a_row": 8,
            "found": said["searched"],
            "not_searched": said.get("not_searched", []),
        },
        "same_words_in": [
            {"document_id": one["document_id"] or one["part_id"], "part_id": one["part_id"]}
            for one in others
        ],
    }
    return Certificate(
        document_id=row["document_id"],
        erased_at=row["erased_at"],
        erased_by=row["erased_by"],
        body=body,
        ledger_id="",
    )
