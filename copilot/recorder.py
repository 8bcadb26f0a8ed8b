"""Records of acts outside of a question's way: under a label that covers all that they tell of."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from copilot.ledger.log import Ledger, Record, high_water
from copilot.ledger.records import Kind
from policy.engine import PolicyEngine
from policy.errors import CopilotError
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope, Scoper


class Recorder:
    """Writes one record for an act. Raises Unavailable where it is not durable."""

    def __init__(self, engine: PolicyEngine, scoper: Scoper, ledger: Ledger) -> None:
        self._engine = engine
        self._scoper = scoper
        self._ledger = ledger

    async def record(
        self,
        kind: Kind,
        asker: Asker,
        outcome: str,
        details: Mapping[str, Any],
        read: Iterable[Label] = (),
        *,
        decided: bool = True,
    ) -> str:
        """The ledger id. The record's label joins the asker's own and those of all that was read.

        Without `decided` policy is not asked how far it may be released: it is what failed.
        """
        return await self._ledger.record(
            await self.prepared(kind, asker, outcome, details, read, decided=decided)
        )

    async def prepared(
        self,
        kind: Kind,
        asker: Asker,
        outcome: str,
        details: Mapping[str, Any],
        read: Iterable[Label] = (),
        *,
        decided: bool = True,
    ) -> Record:
        """The record itself, for whoever writes it with something else in one transaction."""
        scope = None
        with suppress(CopilotError):  # a failure has to be recorded all the same
            asker = await self.standing(asker)
            if decided:
                scope = await self._scoper.scope(asker)
        return self.within(scope, kind, asker, outcome, details, read)

    async def standing(self, asker: Asker) -> Asker:
        """The asker as records name them: as they stand now, or with the grants they were admitted with."""
        return asker if asker.principal.grants else await self._scoper.standing(asker)

    def within(
        self,
        scope: Scope | None,
        kind: Kind,
        asker: Asker,
        outcome: str,
        details: Mapping[str, Any],
        read: Iterable[Label] = (),
    ) -> Record:
        """As `prepared`, for many records of one moment: with the asker's standing and scope as of then."""
        return Record(
            kind=kind,
            asker=asker,
            outcome=outcome,
            policy_revision=self._engine.revision(asker.principal.tenant),
            label=join_all([high_water(asker, scope), *read]),
            details=_recordable(details),
        )


def _recordable(details: Mapping[str, Any]) -> dict[str, Any]:
    """With `?` for halves of characters, which no bytes stand for."""
    text = json.dumps(dict(details), ensure_ascii=False).encode("utf-8", "replace").decode()
    return dict(json.loads(text))
