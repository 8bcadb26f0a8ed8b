"""What auditors do: read the ledger, each time within their own scope, and each time recorded themselves."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from copilot.gate import Admitted, Gate
from copilot.ledger.audit import Audit, Filters
from copilot.ledger.prove import Checkpoints, LedgerProof, Prover
from copilot.ledger.records import Entry, Kind, Page, WhatDid, WhoSaw
from copilot.recorder import Recorder
from copilot.results import Denied
from copilot.texts import plain
from policy.engine import Act
from policy.errors import BadInput
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database

T = TypeVar("T")
Told = tuple[dict[str, Any], Iterable[Label]]
"""What the record says was shown, and the labels of that."""


class Auditing:
    """Every act asks policy, reads, records what it shows, and only then gives it.

    Each raises Forbidden for who may not audit, BadInput that names what is wrong, Unavailable where a dependency
    or the record fails. Hidden and absent are alike.
    """

    def __init__(
        self, database: Database, *, scoper: Scoper, gate: Gate, recorder: Recorder
    ) -> None:
        self._audit = Audit(database)
        self._prover = Prover(database)
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder

    async def ledger(
        self, asker: Asker, filters: Filters, *, first: int = 50, after: str | None = None
    ) -> Page:
        """The newest entries that have all that the filters ask for."""

        async def read(scope: Scope) -> Page:
            _check(filters, {"after": after})
            return await self._audit.page(scope, filters, first=first, after=after)

        said = {"ledger": {"first": first, "after": after, **filters.said()}}
        return await self._reading(asker, said, read, _page, "LedgerPage")

    async def entry(self, asker: Asker, ledger_id: str) -> Entry | None:
        """One entry; None where there is none, or none that the asker may see."""

        async def read(scope: Scope) -> Page:
            _check(Filters(), {"id": ledger_id})
            return await self._audit.entry(scope, ledger_id)

        page = await self._reading(asker, {"ledger_entry": ledger_id}, read, _page, "LedgerEntry")
        return page.entries[0] if page.entries else None

    async def who_saw(
        self,
        asker: Asker,
        filters: Filters,
        *,
        first: int = 20,
        after: str | None = None,
        after_person: str | None = None,
    ) -> WhoSaw:
        """The people to whom the document, the entity or what bears the label of the filters was shown."""

        async def read(scope: Scope) -> WhoSaw:
            _check(filters, {"after": after, "afterPerson": after_person})
            _check_subject(filters)
            return await self._audit.who_saw(
                scope, filters, first=first, after=after, after_person=after_person
            )

        places = {"first": first, "after": after, "after_person": after_person}
        said = {"who_saw": {**places, **filters.said()}}
        return await self._reading(asker, said, read, _seen, "WhoSaw")

    async def what_did(
        self, asker: Asker, filters: Filters, *, first: int = 20, after: str | None = None
    ) -> WhatDid:
        """What the person of the filters did."""

        async def read(scope: Scope) -> WhatDid:
            _check(replace(filters, sub=None), {"after": after, "person": filters.sub or ""})
            return await self._audit.what_did(scope, filters, first=first, after=after)

        said = {"what_did": {"first": first, "after": after, **filters.said()}}
        return await self._reading(asker, said, read, _done, "WhatDid")

    async def proof(self, asker: Asker, ledger_id: str) -> LedgerProof | None:
        """That the entry is in the log; None where it is not visible, not there, or not sealed yet."""

        async def read(scope: Scope) -> tuple[Page, LedgerProof | None]:
            _check(Filters(), {"id": ledger_id})
            page = await self._audit.entry(scope, ledger_id)
            return page, await self._prover.proof(scope, ledger_id) if page.entries else None

        said = {"ledger_proof": ledger_id}
        _, proof = await self._reading(
            asker, said, read, lambda found: _page(found[0]), "LedgerProof"
        )
        return proof

    async def checkpoints(
        self, asker: Asker, *, first: int = 20, before: int | None = None
    ) -> Checkpoints:
        """The newest signed states of the log, of fewer entries than `before`."""

        async def read(_: Scope) -> Checkpoints:
            if before is not None and before < 1:
                raise BadInput("`before` must be a number of entries above 0; leave it out for all")
            return await self._prover.checkpoints(first=first, before=before)

        said = {"checkpoints": {"first": first, "before": before}}
        return await self._reading(asker, said, read, _heads, "Checkpoints")

    async def _reading(
        self,
        asker: Asker,
        said: Mapping[str, Any],
        read: Callable[[Scope], Awaitable[T]],
        told: Callable[[T], Told],
        outcome: str,
    ) -> T:
        """What is read, once that is recorded, under the labels of all that it tells of."""

        async def work(admitted: Admitted) -> T | Denied:
            found = await read(await self._scoper.scope(admitted.asker))
            now = await self._gate.again(Act.AUDIT, admitted, said)
            if now is not admitted:
                return now if isinstance(now, Denied) else await work(now)
            details, labels = told(found)
            await self._recorder.record(
                Kind.READ, admitted.asker, outcome, {**said, **details}, labels
            )
            return found

        return await self._gate.required(Act.AUDIT, asker, said, work)


def _page(found: Page) -> Told:
    return {"entries": [one.ledger_id for one in found.entries]}, found.labels


def _seen(found: WhoSaw) -> Told:
    details, labels = _page(found.page)
    details["people"] = [one.name for one in found.people]
    return details, [*labels, *(label for one in found.people for label in one.labels)]


def _done(found: WhatDid) -> Told:
    details, labels = _page(found.page)
    details["kinds"] = {one.name: one.acts for one in found.kinds}
    return details, [*labels, *(label for one in found.kinds for label in one.labels)]


def _heads(found: Checkpoints) -> Told:
    return {"sizes": [one.size for one in found.heads]}, []


def _check(filters: Filters, others: Mapping[str, str | None]) -> None:
    """Raises BadInput that names the first field of which nothing can be made, and the remedy."""
    texts = {name: getattr(filters, name) for name in _TEXTS} | dict(others)
    for name, text in texts.items():
        if text is not None:
            _check_text(name, text)
    if filters.kind is not None and filters.kind not in set(Kind):
        raise BadInput(f"`kind` must be one of {', '.join(Kind)}, not {filters.kind!r}")
    for name, moment in (("from", filters.since), ("until", filters.until)):
        if moment is not None and moment.tzinfo is None:
            raise BadInput(f"`{name}` says no offset from UTC; write it like 2026-01-31T12:00:00Z")
    if filters.since and filters.until and filters.since >= filters.until:
        raise BadInput("`from` must be earlier than `until`; swap them, or leave one out")


def _check_text(name: str, text: str) -> None:
    if not text.strip():
        raise BadInput(f"`{name}` is empty; leave it out, or say which is meant")
    try:
        plain(text)
    except BadInput as error:
        raise BadInput(f"`{name}`: {error.message}") from error


def _check_subject(filters: Filters) -> None:
    given = [one for one in (filters.document, filters.entity, filters.label) if one is not None]
    if len(given) != 1:
        raise BadInput("give one of `document`, `entity` and `label`, and not several")


_TEXTS = ("sub", "kind", "outcome", "document", "entity", "model")
