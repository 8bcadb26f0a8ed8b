"""A database that answers from given rows, for tests of what is made of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from retrieval.stores.postgres.database import Connection, Database, Role

Row = dict[str, Any]


class RowsDatabase(Database):
    """Gives the rows of the block whose text is asked for, and notes role, labels and values."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self.rows = rows
        self.transactions: list[tuple[Role, tuple[int, ...]]] = []
        self.values: list[Mapping[str, Any]] = []
        self._found: Sequence[Row] = ()

    @asynccontextmanager
    async def transaction(
        self,
        role: Role,
        label_ids: Sequence[int] = (),
        *,
        tenant: str = "",
    ) -> AsyncIterator[Connection]:
        self.transactions.append((role, tuple(label_ids)))
        yield cast(Connection, self)

    async def execute(self, query: bytes, values: Mapping[str, Any]) -> "RowsDatabase":
        self.values.append(values)
        text = query.decode()
        self._found = next((rows for part, rows in self.rows.items() if part in text), ())
        return self

    async def fetchall(self) -> Sequence[Row]:
        return self._found

    async def fetchone(self) -> Row | None:
        return self._found[0] if self._found else None
