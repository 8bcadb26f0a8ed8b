"""Sign-ins: the first use of a token is in the ledger before anything is answered to who bears it."""

from collections import OrderedDict
from datetime import UTC, datetime
from hashlib import sha256

from copilot.ledger.append import append, durable
from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from policy.principal import Asker, Principal
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "sign_ins.sql")
_REMEMBERED = 10_000
"""Tokens whose sign-in this process need not look up again."""
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""What a token may claim is beyond what a date can say."""


class SignIns:
    """One record for each token, whichever replica sees it first. Of a token nothing is kept but its hash."""

    def __init__(self, database: Database, ledger: Ledger, recorder: Recorder) -> None:
        self._database = database
        self._ledger = ledger
        self._recorder = recorder
        self._known = OrderedDict[bytes, None]()

    async def note(self, principal: Principal, token: str, expires_at: float) -> None:
        """`expires_at` in seconds since the epoch. Unavailable where the sign-in cannot be recorded."""
        digest = sha256(token.encode()).digest()
        if digest not in self._known:
            until = datetime.fromtimestamp(min(expires_at, _LAST), UTC)
            await self._recorded(principal, digest, until)
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _recorded(self, principal: Principal, digest: bytes, expires_at: datetime) -> None:
        """The record and the note that there is one come in one transaction, for which others with it wait."""
        asker = Asker(principal=principal, purpose=next(iter(principal.purposes), ""))
        said = {
            "token_sha256": digest.hex(),
            "acr": principal.acr,
            "auth_time": principal.auth_time,
            "expires_at": expires_at.isoformat(),
        }
        record = await self._recorder.prepared(Kind.LOGIN, asker, "SignedIn", {"login": said})
        label_id = await self._ledger.label_id(record.label)
        async with self._database.transaction(Role.LEDGER) as connection:
            values = {"digest": digest, "expires_at": expires_at}
            with durable():
                row = await (await connection.execute(_SQL["note"], values)).fetchone()
            if row is None or row["first"]:
                await append(connection, record, label_id)
