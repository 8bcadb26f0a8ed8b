"""The governed acts: each asks policy, does the work, records it, and only then gives the result."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import anyio

from copilot import answers
from copilot.ask import NOT_FOUND, Pipeline, plain
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.ingest import Ingest, Progress
from copilot.ingest.report import IngestReport
from copilot.ledger.log import Ledger, Record, high_water
from copilot.ledger.pages import page
from copilot.ledger.records import Kind, Page
from copilot.reads import Read, read_in
from copilot.resources import Resources
from copilot.results import (
    Answer,
    AskOutcome,
    Denied,
    DocumentOutcome,
    DocumentView,
    EntityOutcome,
    EntityView,
    NotFound,
    SearchOutcome,
    Sentence,
    Unavailable,
)
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy import engine as policy_engine
from policy.engine import Act, PolicyEngine
from policy.errors import CopilotError, Forbidden
from policy.errors import Unavailable as UnavailableError
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.search import PostgresPassages


class CheckedEngine(PolicyEngine, Protocol):
    """A policy engine that can say whether it would decide by this installation's bundle."""

    async def check(self) -> None: ...


_FAILURE_S = 1.5
"""Spent at most on recording a failure: the same dependency may be the one that is down."""

T = TypeVar("T")
V = TypeVar("V", DocumentView, EntityView, Answer)


class Copilot:
    """Every act: asks policy, does the work, records it, and only then gives the result."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        engine: CheckedEngine,
        scoper: Scoper,
        pipeline: Pipeline,
        ingest: Ingest,
        ledger: Ledger,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._pipeline = pipeline
        self._ingest = ingest
        self._ledger = ledger
        self._passages = PostgresPassages(database)
        self._resources = Resources(database)

    async def ask(self, asker: Asker, question: str) -> AskOutcome:
        """An answer in which every sentence is cited and checked, or why there is none."""
        said = {"question": question[:4000]}
        if not self.settings.enabled:
            return await self._switched_off(asker, said)
        return await self._governed(
            Act.ASK, asker, said, lambda: self._pipeline.ask(asker, question)
        )

    async def ask_stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | AskOutcome]:
        """Sentences as they are checked, then the outcome."""
        said = {"question": question[:4000]}
        if not self.settings.enabled:
            yield await self._switched_off(asker, said)
            return
        try:
            if denied := await self._denied(Act.ASK, asker, said):
                yield denied
                return
            async with aclosing(self._pipeline.stream(asker, question)) as items:
                async for item in items:
                    if not isinstance(item, Sentence):
                        self.metrics.outcome(str(Act.ASK), item.kind)
                    yield item
        except CopilotError as error:
            yield await self._failed(Act.ASK, asker, said, error)
        except (Exception, anyio.get_cancelled_exc_class()) as error:
            await self._broken(Act.ASK, asker, said, error)
            raise

    async def search(self, asker: Asker, question: str, k: int | None = None) -> SearchOutcome:
        """The contexts that an answer would be written from."""
        said = {"question": question[:4000]}
        return await self._governed(
            Act.SEARCH, asker, said, lambda: self._pipeline.search(asker, question, k)
        )

    async def document(self, asker: Asker, document_id: str) -> DocumentOutcome:
        """The visible parts of a document."""
        return await self._read(
            asker,
            {"document_id": document_id},
            lambda scope: self._resources.document(scope, document_id),
        )

    async def entity(self, asker: Asker, name: str) -> EntityOutcome:
        """What visible passages say of an entity."""
        return await self._read(
            asker, {"entity": name}, lambda scope: self._resources.entity(scope, name)
        )

    async def answer(self, asker: Asker, answer_id: str) -> AskOutcome:
        """A stored answer, authorised anew."""
        return await self._read(
            asker,
            {"answer_id": answer_id},
            lambda scope: answers.read(
                self._database, self._passages, scope, answer_id, asker.principal.sub
            ),
        )

    async def ledger(
        self,
        asker: Asker,
        *,
        first: int = 50,
        after: str | None = None,
        sub: str | None = None,
        kind: str | None = None,
    ) -> Page:
        """The newest entries that an auditor may see; reading them is itself recorded."""
        said = {"ledger": {"first": first, "after": after, "sub": sub, "kind": kind}}

        async def work() -> Page:
            for given in (after, sub, kind):
                plain(given or "")
            scope = await self._scoper.scope(asker)
            found = await page(self._database, scope, first=first, after=after, sub=sub, kind=kind)
            shown = [one.ledger_id for one in found.entries]
            await self._record(Kind.READ, asker, "LedgerPage", {**said, "entries": shown})
            return found

        return await self._act(Act.AUDIT, asker, said, work)

    async def ingest(
        self,
        asker: Asker,
        documents: Iterable[Document | Rejected],
        progress: Progress = lambda: None,
    ) -> IngestReport:
        """Takes documents in, each in one transaction with its record."""
        return await self._act(
            Act.INGEST, asker, {}, lambda: self._ingest.run(asker, documents, progress)
        )

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""
        return await self._engine.fields(asker)

    async def ready(self) -> dict[str, str]:
        """Each dependency with "ok" or what is wrong with it."""
        return {
            "postgres": await _check(self._ping),
            "policy": await _check(self._engine.check),
        }

    async def _ping(self) -> None:
        async with self._database.transaction(Role.READER) as connection:
            await connection.execute("SELECT 1")

    async def _governed(
        self, act: Act, asker: Asker, said: Mapping[str, Any], work: Callable[[], Awaitable[T]]
    ) -> T | Denied | Unavailable:
        try:
            denied = await self._denied(act, asker, said)
            result = denied or await work()
        except CopilotError as error:
            return await self._failed(act, asker, said, error)
        except BaseException as error:
            await self._broken(act, asker, said, error)
            raise
        self.metrics.outcome(str(act), getattr(result, "kind", "Done"))
        return result

    async def _broken(
        self, act: Act, asker: Asker, said: Mapping[str, Any], error: BaseException
    ) -> None:
        """Records an act that was cancelled or met a defect, also where nobody waits for it any more."""
        details = {**said, "failed_act": str(act), "error": type(error).__name__}
        with anyio.move_on_after(_FAILURE_S, shield=True), suppress(CopilotError):
            await self._record(Kind.FAILED, asker, "BrokenOff", details)

    async def _read(
        self, asker: Asker, said: Mapping[str, Any], find: Callable[[Scope], Awaitable[V | None]]
    ) -> V | NotFound | Denied | Unavailable:
        async def work() -> V | NotFound:
            for given in said.values():
                plain(given)
            found = await find(await self._scoper.scope(asker))
            read = [] if found is None else read_in(found)
            if not await self._all_open(asker, read):
                found, read = None, []
            details = {**said, "read": [one.to_json() for one in read]}
            outcome = "NotFound" if found is None else found.kind
            labels = [one.label for one in read]
            ledger_id = await self._record(Kind.READ, asker, outcome, details, labels)
            if found is None:
                return NotFound(text=NOT_FOUND, ledger_id=ledger_id)
            return replace(found, ledger_id=ledger_id)

        return await self._governed(Act.READ, asker, said, work)

    async def _all_open(self, asker: Asker, read: Sequence[Read]) -> bool:
        """The double check of what is about to be shown; a difference is an incident, and nothing is."""
        for label in {one.label for one in read}:
            if not isinstance(await self._engine.may_read(asker, label), policy_engine.Allowed):
                self.metrics.recheck_mismatches(1)
                return False
        return True

    async def _act(
        self, act: Act, asker: Asker, said: Mapping[str, Any], work: Callable[[], Awaitable[T]]
    ) -> T:
        """As `_governed`, for acts that have no result for a refusal: it is raised."""
        result = await self._governed(act, asker, said, work)
        if isinstance(result, Denied):
            raise Forbidden(result.text)
        if isinstance(result, Unavailable):
            raise UnavailableError(result.dependency, result.text)
        return result

    async def _denied(self, act: Act, asker: Asker, said: Mapping[str, Any]) -> Denied | None:
        decision = await self._engine.permits(asker, act)
        if not isinstance(decision, policy_engine.Denied):
            return None
        self.metrics.denied(str(act))
        details = {**said, "denied_act": str(act), "denied_reason": decision.reason}
        ledger_id = await self._record(Kind.DENIED, asker, "Denied", details)
        return Denied(
            text=f"Policy does not allow you to {act} (by your {decision.reason}).",
            reason=decision.reason,
            ledger_id=ledger_id,
        )

    async def _failed(
        self, act: Act, asker: Asker, said: Mapping[str, Any], error: CopilotError
    ) -> Unavailable:
        """Records the failure; gives it as a result where a dependency is at fault, else raises it."""
        self.metrics.outcome(str(act), error.code)
        details = {**said, "failed_act": str(act), "error": error.code, "message": error.message}
        ledger_id = None  # where it cannot be recorded either, nothing was released
        patience = _FAILURE_S if isinstance(error, UnavailableError) else None
        with anyio.move_on_after(patience), suppress(UnavailableError):
            ledger_id = await self._record(Kind.FAILED, asker, error.code, details)
        if not isinstance(error, UnavailableError):
            raise error
        return Unavailable(text=error.message, dependency=error.dependency, ledger_id=ledger_id)

    async def _switched_off(self, asker: Asker, said: Mapping[str, Any]) -> Unavailable:
        details = {**said, "failed_act": str(Act.ASK), "error": "copilot.enabled"}
        ledger_id = await self._record(Kind.FAILED, asker, "Disabled", details)
        return Unavailable(
            text="Asking is switched off by the operator (copilot.enabled); search still works.",
            dependency="copilot.enabled",
            ledger_id=ledger_id,
        )

    async def _record(
        self,
        kind: Kind,
        asker: Asker,
        outcome: str,
        details: Mapping[str, Any],
        read: Iterable[Label] = (),
    ) -> str:
        """Records an act outside of the pipeline; its label joins all that was read."""
        try:
            scope = await self._scoper.scope(asker)
        except CopilotError:
            scope = None  # the failure itself has to be recorded all the same
        record = Record(
            kind=kind,
            asker=asker,
            outcome=outcome,
            policy_revision=self._engine.bundle_hash,
            label=join_all([high_water(asker, scope), *read]),
            details=_recordable(details),
        )
        return await self._ledger.record(record)


def _recordable(details: Mapping[str, Any]) -> dict[str, Any]:
    """With `?` for halves of characters, which no bytes stand for."""
    text = json.dumps(dict(details), ensure_ascii=False).encode("utf-8", "replace").decode()
    return dict(json.loads(text))


async def _check(work: Callable[[], Awaitable[None]]) -> str:
    try:
        await work()
    except CopilotError as error:
        return error.message
    return "ok"
