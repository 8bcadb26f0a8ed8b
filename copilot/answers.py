"""Stored answers: read again only by whoever may read, now, all that they cite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copilot.results import Answer, Explanation, Sentence
from copilot.serialise import stored_answer
from policy.labels import ORIGINATOR_CONTROLLED
from policy.scope import Scope
from retrieval.ports import PassageStore
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")
_UNEXPLAINED = Explanation(plan={}, arms={}, paths=())


async def read(
    database: Database, passages: PassageStore, scope: Scope, answer_id: str, reader: str
) -> Answer | None:
    """The answer under today's scope; None where it is absent, hidden or no longer open to the reader.

    What it cites must still be there, and bears the document ids that this reader may see. How it was found
    is shown to whoever asked, and to nobody else: it tells of all that they could read. What was made of
    originator-controlled texts goes to nobody else at all.
    """
    values: dict[str, Any] = {"answer_id": answer_id, "tenant": scope.tenant}
    async with database.transaction(Role.READER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("read_answer", scope.label_ids), values)
        row = await cursor.fetchone()
    if row is None or not (row["sub"] == reader or _may_go_on(row["label_ids"], scope)):
        return None
    answer = stored_answer(row["body"])
    chunk_ids = [one.chunk_id for sentence in answer.sentences for one in sentence.citations]
    rests_on = {*chunk_ids, *row["body"].get("rests_on", ())}
    chunks = await passages.chunks(sorted(rests_on), scope=scope)
    if not rests_on <= set(chunks):
        return None
    known = {chunk_id: chunk.document_id for chunk_id, chunk in chunks.items()}
    explanation = answer.explanation if row["sub"] == reader else _UNEXPLAINED
    return replace(answer, sentences=_renamed(answer.sentences, known), explanation=explanation)


def _may_go_on(label_ids: Sequence[int], scope: Scope) -> bool:
    return all(ORIGINATOR_CONTROLLED not in scope.labels[one].handling for one in label_ids)


def _renamed(sentences: tuple[Sentence, ...], known: Mapping[str, str]) -> tuple[Sentence, ...]:
    return tuple(
        replace(
            sentence,
            citations=tuple(
                replace(one, document_id=known[one.chunk_id]) for one in sentence.citations
            ),
        )
        for sentence in sentences
    )
