"""`provenance`: how an answer came about, for whoever may read it and for auditors; reading it is itself recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from copilot import answers
from copilot.gate import Admitted, Gate
from copilot.ledger.opened import changed
from copilot.ledger.prove import Prover
from copilot.ledger.records import Kind
from copilot.provenance import recorded
from copilot.provenance.account import Account, Audience
from copilot.provenance.page import page
from copilot.provenance.prov import prov_json
from copilot.provenance.recorded import Place, Recorded, Stored
from copilot.provenance.results import Provenance, ProvenanceOutcome
from copilot.provenance.told import Reader, account
from copilot.recorder import Recorder
from copilot.results import Denied, NotFound, StepUpRequired
from copilot.telemetry import Metrics
from copilot.texts import plain
from policy.engine import Act, PolicyEngine
from policy.labels import Label
from policy.markings import banner
from policy.principal import Asker
from policy.recheck import opened
from policy.scope import Scope, Scoper
from retrieval.ports import PassageStore
from retrieval.stores.postgres.database import Database

Nothing = NotFound | StepUpRequired


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """Both forms of an account, in bytes that are hashed before they are given."""

    account: Account
    prov: bytes
    page: bytes

    def hashes(self) -> dict[str, str]:
        return {"prov": sha256(self.prov).hexdigest(), "page": sha256(self.page).hexdigest()}


class Provenances:
    """Tells from its entry how an answer came about. What the reader may not read takes no part in it."""

    def __init__(
        self,
        *,
        database: Database,
        engine: PolicyEngine,
        scoper: Scoper,
        gate: Gate,
        recorder: Recorder,
        passages: PassageStore,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder
        self._passages = passages
        self._prover = Prover(database)
        self._metrics = metrics

    async def provenance(self, asker: Asker, given_id: str) -> ProvenanceOutcome:
        """Of the answer with this id, or of the one that the entry with this ledger id recorded.

        Auditors are shown what their labels open of it; others the whole or nothing, as when they read the answer.
        Raises BadInput where an auditor names an entry that is none of an answer.
        """
        said = {"provenance": given_id}
        audits = "auditor" in asker.principal.roles
        act = Act.AUDIT if audits else Act.READ

        async def work(admitted: Admitted) -> Provenance | Nothing | Denied:
            scope = await self._scoper.scope(admitted.asker)
            find = self._for_auditor if audits else self._for_reader
            found = await find(admitted.asker, scope, plain(given_id))
            now = await self._gate.again(act, admitted, said)
            if now is not admitted:
                return now if isinstance(now, Denied) else await work(now)
            return await self._given(admitted, said, found)

        return await self._gate.governed(act, asker, said, work)

    async def _for_auditor(self, asker: Asker, scope: Scope, given_id: str) -> Account | None:
        stored = await recorded.stored(self._database, scope, given_id)
        ledger_id = stored.ledger_id if stored else given_id
        entry = await recorded.read(self._database, scope, ledger_id)
        if entry is None:
            return None
        reader = Reader(
            audience=Audience.AUDITOR,
            labels=frozenset(scope.labels.values()),
            fields=await self._engine.fields(asker),
        )
        quotes = await self._open_quotes(scope, stored) if stored else {}
        return await self._proved(scope, account(entry, reader, quotes))

    async def _open_quotes(self, scope: Scope, stored: Stored) -> Mapping[Place, str]:
        """Those of passages that the auditor may read today: since then they may have been put out of reach."""
        ids = sorted({chunk_id for chunk_id, _, _ in stored.quotes})
        chunks = await self._passages.chunks(ids, scope=scope)
        return {place: quote for place, quote in stored.quotes.items() if place[0] in chunks}

    async def _proved(self, scope: Scope, told: Account) -> Account:
        """With its proof, where it is sealed; Unavailable where the log has another leaf in its place."""
        proof = await self._prover.proof(scope, told.ledger_id, under="first")
        if proof is not None and proof.leaf_hash != told.leaf_hash:
            raise changed(told.ledger_id)
        return replace(told, proof=proof)

    async def _for_reader(self, asker: Asker, scope: Scope, given_id: str) -> Account | None:
        """None unless they may read the answer as it stands, with all that it rests on."""
        stored = await recorded.stored(self._database, scope, given_id)
        if stored is None or not await self._readable(asker, scope, stored):
            return None
        entry = await recorded.read(self._database, scope, stored.ledger_id)
        if entry is None:
            return None
        asked = entry.sub == asker.principal.sub
        reader = Reader(
            audience=Audience.ASKER if asked else Audience.READER,
            labels=frozenset(scope.labels.values()),
            fields=await self._engine.fields(asker),
            known_as=await self._known_as(scope, entry),
        )
        return account(entry, reader, stored.quotes)

    async def _readable(self, asker: Asker, scope: Scope, stored: Stored) -> bool:
        answer = await answers.read(
            self._database, self._passages, scope, stored.answer_id, asker.principal.sub
        )
        return answer is not None

    async def _known_as(self, scope: Scope, entry: Recorded) -> Mapping[str, str]:
        """By which ids this reader may know the documents: the asker may have known more."""
        ids = [one["chunk_id"] for one in entry.details.get("contexts", ())]
        chunks = await self._passages.chunks(ids, scope=scope)
        return {chunk_id: one.document_id for chunk_id, one in chunks.items()}

    async def _given(
        self, admitted: Admitted, said: Mapping[str, Any], found: Account | None
    ) -> Provenance | Nothing:
        refused = await self._refused(admitted.asker, found)
        if found is None or refused:
            said = {**said, "labels_dropped": [one.to_json() for one in refused]}
            return await self._gate.nothing(admitted, said, Kind.READ)
        written = _Written(account=found, prov=prov_json(found), page=page(found))
        details = {
            **said,
            "entry": found.ledger_id,
            "read": [one.to_json() for one in found.reads()],
            "sha256": written.hashes(),
        }
        ledger_id = await self._recorder.record(
            Kind.READ, admitted.asker, Provenance.kind, details, found.labels()
        )
        return Provenance(
            entry=found.ledger_id,
            answer_id=found.answer_id,
            banner=banner(found.label),
            prov=written.prov.decode(),
            page=written.page.decode(),
            ledger_id=ledger_id,
        )

    async def _refused(self, asker: Asker, found: Account | None) -> Sequence[Label]:
        """What the double check closes of what is about to be shown: an incident, and nothing is shown."""
        labels = found.labels() if found else []
        open_labels = await opened(self._engine, asker, labels)
        refused = [one for one in labels if one not in open_labels]
        if refused:
            self._metrics.recheck_mismatches(len(refused))
        return refused
