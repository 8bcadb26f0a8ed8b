"""Vectors in memory: which chunks are worth an exact look, and which are new.

Chunks that came after what is in memory the store looks at itself, and for each that is gone one more is
proposed. Nothing is shown from here: the store reads every proposal anew, within the scope and through
row-level security.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.embedding import Vectors
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.in_step import NOTHING, InStep, labels_in
from retrieval.stores.postgres.matrix import Matrix
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "near.sql")
_HEADER = 4
"""Bytes before a vector's numbers in pgvector's binary form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where the nearest are: at these places, or among the chunks of a label from an ordinal on."""

    label_ids: Sequence[int]
    ordinals: Sequence[int]
    later_label_ids: Sequence[int]
    later_from: Sequence[int]
    later: int
    """How many chunks the latter are, at most."""


class Near(InStep):
    """One for a process."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._matrix = Matrix()

    async def look(self, vector: Vectors, limit: int, held: bytes) -> Look:
        """Where the `limit` nearest of the labels are that hold this, packed."""
        changed = self._changed(held)
        # With another edition, vectors may be another model's.
        here = {one: self._loaded.get(one, NOTHING) for one in changed}
        known = {
            one: had if had.edition == changed[one].edition else NOTHING
            for one, had in here.items()
        }
        gone = sum(now.gone - known[one].gone for one, now in changed.items() if known[one].given)
        loaded = [one for one in labels_in(held) if one not in known or known[one].given]
        view = self._matrix.view()  # now, while it holds all that is said to be loaded
        label_ids, ordinals = await asyncio.to_thread(
            view.candidates, vector, loaded, limit + max(gone, 0)
        )
        grown = [one for one, now in changed.items() if now.given > known[one].given]
        return Look(
            label_ids=label_ids,
            ordinals=ordinals,
            later_label_ids=grown,
            later_from=[known[one].given for one in grown],
            later=sum(changed[one].given - known[one].given for one in grown),
        )

    async def _drop(self, label_id: int) -> None:
        await asyncio.to_thread(self._matrix.drop, label_id)

    async def _read(self, label_id: int, start: int, end: int) -> None:
        row = await self._row(_SQL.scoped("vectors", [label_id]), label_id, start, end)
        if row["ordinals"] is None:
            return
        ordinals = np.frombuffer(row["ordinals"], ">i4").astype(np.int64)
        numbers = np.frombuffer(row["vectors"], np.uint8).reshape(len(ordinals), -1)[:, _HEADER:]
        vectors = np.ascontiguousarray(numbers).view(">f4").astype(np.float32)
        await asyncio.to_thread(self._matrix.add, label_id, ordinals, vectors)
