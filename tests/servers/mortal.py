"""A writer and a sealer of the ledger that may be killed at any moment: `python -m tests.servers.mortal KIND URL FILE`.

A writer adds to the file the id of each record that the ledger acknowledged, a line each.
"""

import asyncio
import os
import sys
from pathlib import Path

from copilot.ledger.log import Ledger
from copilot.ledger.seal import Sealer
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database
from tests.integration.sealed import SIGNER
from tests.integration.test_ledger import record

_WRITERS = 8
_TIMEOUT_S = 5.0
_PAUSE_S = 0.02


async def _write(database: Database, file: Path) -> None:
    ledger = Ledger(database)
    acknowledged = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def writer() -> None:
        while True:
            try:
                ledger_id = await ledger.record(record())
            except Unavailable:
                await asyncio.sleep(_PAUSE_S)
            else:
                os.write(acknowledged, f"{ledger_id}\n".encode())
                await asyncio.sleep(_PAUSE_S)  # others want the machine too

    await asyncio.gather(*(writer() for _ in range(_WRITERS)))


async def _seal(database: Database) -> None:
    sealer = Sealer(database, [SIGNER], most=50)
    while True:
        try:
            await sealer.seal()
        except Unavailable:
            sealer = Sealer(database, [SIGNER], most=50)
        await asyncio.sleep(_PAUSE_S)


async def _main(kind: str, url: str, file: str) -> None:
    database = Database(url, timeout_s=_TIMEOUT_S)
    await database.open()
    await (_write(database, Path(file)) if kind == "writer" else _seal(database))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
