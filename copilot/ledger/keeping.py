"""What goes on with the log in a process that serves: it is sealed and published, and its months are made."""

from collections.abc import Callable

from copilot.ledger import destinations
from copilot.ledger.keys import signers
from copilot.ledger.months import Months
from copilot.ledger.publish import Publisher
from copilot.ledger.seal import Rotated, Sealer
from copilot.readiness import OK
from copilot.settings import Settings
from retrieval.stores.postgres.database import Database


class Keeper:
    """Misconfigured where the keys or the destinations of `settings` are none."""

    def __init__(
        self, settings: Settings, database: Database, rotated: Rotated | None = None
    ) -> None:
        self._sealer = Sealer(database, signers(settings), rotated=rotated)
        self._months = Months(database)
        given = destinations.read(settings.ledger_publish)
        self._publisher = Publisher(database, given, settings.ledger_publish_s) if given else None

    def watch(self, tell: Callable[[float], None]) -> None:
        """Begins all three; `tell` is given the age of the oldest record that waits, in seconds."""
        self._sealer.watch(tell)
        self._months.watch()
        if self._publisher is not None:
            self._publisher.watch()

    async def close(self) -> None:
        """Ends what goes on in the background."""
        if self._publisher is not None:
            await self._publisher.close()
        await self._months.close()
        await self._sealer.close()

    async def state(self) -> str:
        """For readiness: ok, or what is behind."""
        state = await self._sealer.state()
        return state if state != OK or self._publisher is None else await self._publisher.state()
