"""The projector: brings the parts that the outbox names to what they are now in Postgres.

A row of the outbox says which part to look at, and what is written is what the part is at that time. So the
order of rows does not matter, and a row may be taken again after a crash.

Neo4j may refuse what a part holds, such as a name too long for its indexes. Whatever was refused is tried part by
part, and what is refused time and again is set aside: the rest goes on without it.

What was asked and answered goes beside it, by the log (`provenance`): a batch of the one and a batch of the other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from copilot.projection import provenance
from copilot.projection.backlog import Backlog
from policy.errors import CopilotError, Misconfigured, Unavailable
from retrieval.background import Background
from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.projection import Neo4jProjection, Rows
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

SQL = Queries("copilot.projection", "projection.sql")
_PARTS = 128
"""In one transaction; a part is all that a document has under one label."""
_MOST_REFUSALS = 3
"""Of one part; from then on it is set aside."""
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_TELL_S = 5.0
_log = logging.getLogger(__name__)


class Projector:
    """The only writer of the projection: of several processes the one that holds the lock, batch by batch."""

    def __init__(
        self,
        database: Database,
        projection: Neo4jProjection,
        *,
        check: Callable[[], Awaitable[None]] | None = None,
        tell: Callable[[Backlog], None] | None = None,
    ) -> None:
        """`check` is asked before the first batch whether Neo4j is what the batches need.

        `tell` is told again and again what waits, while the projection is kept in step.
        """
        self._database = database
        self._projection = projection
        self._check = check
        self._tell = tell
        self._told_at = float("-inf")
        self._records_next = False
        self._background = Background()

    def follow(self) -> None:
        """Keeps the projection in step from now on, until `close`. A Neo4j that is down is waited for."""
        self._background.begin(self._follow)

    async def close(self) -> None:
        await self._background.stop()

    async def catch_up(self) -> None:
        """Works until nothing waits, or somebody else does the work. Raises Unavailable, or as `step`."""
        while await self.step():
            pass

    async def rebuild(self) -> None:
        """Empties the projection and fills it anew; safe to repeat. Nobody reads it meanwhile."""
        async with self._database.transaction(Role.PROJECTOR) as connection:
            await connection.execute(SQL["lead_waiting"])
            await connection.execute(SQL["fill"])
        while (await self.backlog()).state == "filling":
            if not await self.step():
                await asyncio.sleep(_PAUSE_S)
        await self.catch_up()

    async def stop(self) -> None:
        """Ends the projection: nothing is noted any more. What Neo4j holds stays there, unread."""
        async with self._database.transaction(Role.PROJECTOR) as connection:
            await connection.execute(SQL["lead_waiting"])
            await connection.execute(SQL["stop"])
            await connection.execute(SQL["forget"])
            await provenance.anew(connection)

    async def backlog(self) -> Backlog:
        """What waits, in all tenants."""
        async with self._database.transaction(Role.PROJECTOR) as connection:
            state = await _row(connection, "state")
            waiting = await _row(connection, "backlog")
            records = await provenance.behind(connection)
        aside = len(await self.set_aside())
        return Backlog(state=state["state"], **waiting, set_aside=aside, **records)

    async def set_aside(self) -> list[str]:
        """The ids of the parts that Neo4j refuses, in all tenants."""
        async with self._database.transaction(Role.PROJECTOR) as connection:
            cursor = await connection.execute(SQL["set_aside"], {"most": _MOST_REFUSALS})
            return [row["part_id"] for row in await cursor.fetchall()]

    async def try_again(self) -> None:
        """Gives Neo4j once more what was set aside. Raises as `step`."""
        for part_id in await self.set_aside():
            async with self._database.transaction(Role.PROJECTOR) as connection:
                if not (await _row(connection, "lead"))["leads"]:
                    return
                position = await _position(connection, await _row(connection, "state"))
                await self._settled(connection, [part_id], position)

    async def reached(self) -> Backlog:
        """As `backlog`, once Neo4j has answered. Raises Unavailable, or Misconfigured where it lacks migrations."""
        if self._check is not None:
            await self._check()
        return await self.backlog()

    async def step(self) -> bool:
        """Does one batch; gives whether there was one.

        Raises Unavailable, and Misconfigured where Neo4j holds what another database projects. What was not
        committed here is done again by whoever comes next.
        """
        async with self._database.transaction(Role.PROJECTOR) as connection:
            if not (await _row(connection, "lead"))["leads"]:
                return False
            if self._check is not None:
                await self._check()
                self._check = None
            state = await _row(connection, "state")
            match state["state"]:
                case "off":
                    await self._begin(connection)
                    return True
                case "filling":
                    return await self._fill(connection, state)
                case _:
                    return await self._apply(connection, state)

    async def _begin(self, connection: Connection) -> None:
        if await self._projection.generation() is not None:
            raise Misconfigured(
                "Neo4j holds the graph of another database, or one that was stopped; "
                "`copilot graph rebuild` puts this one in its place"
            )
        await connection.execute(SQL["fill"])

    async def _fill(self, connection: Connection, state: Mapping[str, Any]) -> bool:
        position = await _position(connection, state)
        if not state["filled_to"]:
            if await self._projection.empty():
                return True
            await self._projection.begin(position)
            await provenance.anew(connection)
        values = {"filled_to": state["filled_to"], "most": _PARTS}
        cursor = await connection.execute(SQL["parts_after"], values)
        part_ids = [row["part_id"] for row in _together(await cursor.fetchall())]
        if not await self._settled(connection, part_ids, position):
            return True
        if part_ids:
            await connection.execute(SQL["filled_to"], {"filled_to": part_ids[-1]})
        else:
            await connection.execute(SQL["kept"])
        return True

    async def _apply(self, connection: Connection, state: Mapping[str, Any]) -> bool:
        """By turns, so that neither a bulk load nor a long log holds up the other."""
        turns = [self._parts, self._records]
        if self._records_next:
            turns.reverse()
        self._records_next = not self._records_next
        first, second = turns
        return await first(connection, state) or await second(connection, state)

    async def _records(self, connection: Connection, state: Mapping[str, Any]) -> bool:
        batch = await provenance.waiting(connection)
        if batch is None:
            return False
        if batch.records.ledger_ids:
            position = await _position(connection, state)
            await self._projection.provenance.replace(batch.records, position)
            await connection.execute(SQL["written"], {"token": position.token})
        await provenance.done(connection, batch)
        return True

    async def _parts(self, connection: Connection, state: Mapping[str, Any]) -> bool:
        cursor = await connection.execute(SQL["waiting"], {"most": _PARTS})
        rows = _together(await cursor.fetchall())
        if not rows:
            return False
        position = await _position(connection, state)
        part_ids = sorted({row["part_id"] for row in rows})
        if await self._settled(connection, part_ids, position):
            await connection.execute(SQL["done"], {"seqs": [row["seq"] for row in rows]})
        return True

    async def _settled(
        self, connection: Connection, part_ids: Sequence[str], position: Position
    ) -> bool:
        """Whether the parts are written or set aside now; else Neo4j refused them, and each is tried alone."""
        try:
            await self._replace(connection, part_ids, position)
        except Unavailable as error:
            if not error.refused:
                raise
            return await self._refused(connection, part_ids, position, error)
        await connection.execute(SQL["accepted"], {"parts": part_ids})
        return True

    async def _refused(
        self,
        connection: Connection,
        part_ids: Sequence[str],
        position: Position,
        error: Unavailable,
    ) -> bool:
        """Counts it; gives whether a part is set aside now.

        What Neo4j has of that is taken out, so that nothing stays of what may have been removed. Where it refuses
        that, too, or a write of nothing, it refuses whatever it is given: that is no fault of the parts, and is raised.
        """
        cursor = await connection.execute(SQL["refused"], {"parts": part_ids})
        times = max((row["times"] for row in await cursor.fetchall()), default=0)
        aside = part_ids if len(part_ids) == 1 and times >= _MOST_REFUSALS else []
        await self._write(connection, aside, Rows(), position)
        for part_id in aside:
            # By its id and the server's code: what Neo4j says of it may quote names.
            code = getattr(error.__cause__, "code", "")
            _log.error("Neo4j refuses part %s (%s): the graph goes on without it", part_id, code)
        return bool(aside)

    async def _replace(
        self, connection: Connection, part_ids: Sequence[str], position: Position
    ) -> None:
        """Each table is read after the rows that name the parts; what changes in between is noted again."""
        parts = {"parts": list(part_ids)}
        rows = {
            block: await (await connection.execute(SQL[block], parts)).fetchall()
            for block in ("chunks", "mentions", "words", "definitions", "relations", "cites")
        }
        await self._write(connection, part_ids, Rows(**rows), position)

    async def _write(
        self, connection: Connection, part_ids: Sequence[str], rows: Rows, position: Position
    ) -> None:
        await self._projection.replace(part_ids, rows, position)
        await connection.execute(SQL["written"], {"token": position.token})

    async def _follow(self) -> None:
        pause, said = _PAUSE_S, ""
        while True:
            try:
                await self._say()
                worked = await self.step()
                pause, said = _PAUSE_S, ""
            except CopilotError as error:
                worked = False
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                if error.message != said:
                    said = error.message
                    _log.warning("the graph falls behind: %s", said)
            if not worked:
                await asyncio.sleep(pause)

    async def _say(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._tell is not None and now - self._told_at >= _TELL_S:
            self._told_at = now
            self._tell(await self.backlog())


def _together(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows at the front that one batch may hold: those of a part that was refused stand alone."""
    first = rows[0] if rows else {}
    if first.get("refused"):
        return [row for row in rows if row["part_id"] == first["part_id"]]
    return list(takewhile(lambda row: not row["refused"], rows))


async def _position(connection: Connection, state: Mapping[str, Any]) -> Position:
    """Taken under the lock: of two writers the later one has the higher token."""
    token = (await _row(connection, "token"))["token"]
    return Position(generation=state["generation"], token=token)


async def _row(connection: Connection, block: str) -> dict[str, Any]:
    row = await (await connection.execute(SQL[block])).fetchone()
    assert row is not None  # each of these blocks gives one row
    return row
