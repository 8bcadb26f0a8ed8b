"""`replay`: a recorded decision made again, for auditors; reading it so is itself recorded."""

from dataclasses import replace

from copilot.gate import Admitted, Gate
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.replay import differences
from copilot.replay.again import Again, Moment
from copilot.replay.bundles import PolicyBundles
from copilot.replay.compared import Compared
from copilot.replay.decided import Deciding
from copilot.replay.entry import Entry, read
from copilot.replay.results import Difference, Left, Policy, Replay, ReplayOutcome, What
from copilot.results import Denied, NotFound
from copilot.texts import plain
from copilot.wording import NO_SUCH
from policy.basis import Basis
from policy.engine import Act
from policy.principal import Asker
from policy.recorded import RecordedPolicies
from policy.scope import Scope, Scoper
from retrieval.ports import PassageStore
from retrieval.stores.postgres.database import Database

_KEPT_NS = 1_000_000_000
"""How long a scope is kept that a tenant's own rules had a say in (`policy.narrowed`): it may be so much older."""


class Replays:
    """Makes recorded decisions again. What the auditor may not read takes no part in what they are shown."""

    def __init__(
        self,
        *,
        database: Database,
        engine: Deciding,
        scoper: Scoper,
        gate: Gate,
        recorder: Recorder,
        passages: PassageStore,
        bundles: PolicyBundles,
        policies: RecordedPolicies,
    ) -> None:
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder
        self._passages = passages
        self._bundles = bundles
        self._policies = policies

    async def replay(self, asker: Asker, ledger_id: str) -> ReplayOutcome:
        """The decision of an entry, made again; NotFound where the asker sees no such entry.

        Raises BadInput where the entry is no decision.
        """
        said = {"replay": ledger_id}

        async def work(admitted: Admitted) -> Replay | NotFound | Denied:
            scope = await self._scoper.scope(admitted.asker)
            entry = await read(self._database, scope, plain(ledger_id))
            if entry is None:
                nothing = await self._recorder.record(Kind.READ, admitted.asker, "NotFound", said)
                return NotFound(text=NO_SUCH, ledger_id=nothing)
            found = await self._replayed(scope, entry)
            now = await self._gate.again(Act.AUDIT, admitted, said)
            if now is not admitted:
                return now if isinstance(now, Denied) else await work(now)
            details = said | {"agrees": found.agrees, "differences": len(found.differences)}
            labels = [entry.label, *(one.label for one in found.contexts)]
            recorded = await self._recorder.record(
                Kind.READ, admitted.asker, found.kind, details, labels
            )
            return replace(found, ledger_id=recorded)

        return await self._gate.governed(Act.AUDIT, asker, said, work)

    async def _replayed(self, scope: Scope, entry: Entry) -> Replay:
        now = self._engine.basis(scope.tenant)
        compared = Compared(
            entry=entry,
            readable=frozenset(scope.labels.values()),
            stored=await self._passages.chunks(
                [one.chunk_id for one in entry.contexts], scope=scope
            ),
            then=await self._again(scope, entry, await self._basis(scope.tenant, entry)),
            now=await self._again(scope, entry, now),
        )
        return await _replay(compared, now)

    async def _basis(self, tenant: str, entry: Entry) -> Basis:
        """What the record says was decided by."""
        policy = entry.policy
        own = policy.own
        return Basis(
            revision=policy.revision,
            release=await self._bundles.load(tenant, policy.release),
            own=None if own is None else await self._bundles.load(tenant, own, own=True),
            reason_required=policy.reason_required,
            accreditations=policy.accreditations,
        )

    async def _again(self, scope: Scope, entry: Entry, basis: Basis) -> Again:
        first, last = entry.between_ns
        moments = []
        for at in (first, last, first - _KEPT_NS):
            engine = await self._policies.engine(scope.tenant, basis, at)
            moments.append(await Moment.at(engine, entry, scope.labels.values()))
        return Again(entry=entry, moments=moments)


async def _replay(compared: Compared, now: Basis) -> Replay:
    entry = compared.entry
    decision, contexts = await compared.act(), await compared.contexts()
    labels, routing = await compared.labels(), await compared.routing()
    release = await compared.release()
    revision = compared.then.moments[0].engine.revision(entry.asker.principal.tenant)
    differing: tuple[Difference, ...] = (
        *differences.of_policies(entry.policy, now),
        *differences.of_revisions(entry.policy.revision, revision),
        *differences.of_decisions(What.ACT, [decision]),
        *differences.of_decisions(What.CONTEXT, contexts),
        *differences.of_decisions(What.LABEL, labels),
        *differences.of_decisions(What.ROUTING, routing),
        *differences.of_decisions(What.RELEASE, [release] if release else []),
        *differences.of_contents(contexts),
    )
    return Replay(
        entry=entry.ledger_id,
        act=str(entry.act),
        sub=entry.asker.principal.sub,
        purpose=entry.asker.purpose,
        outcome=entry.outcome,
        recorded_at=entry.recorded_at,
        policy_then=_then(entry),
        policy_now=_now(now),
        decision=decision,
        contexts=contexts,
        labels=labels,
        routing=routing,
        release=release,
        dropped=tuple(Left(**one) for one in entry.dropped),
        differences=differing,
        ledger_id="",
    )


def _then(entry: Entry) -> Policy:
    policy = entry.policy
    return Policy(revision=policy.revision, release=policy.release, own=policy.own)


def _now(basis: Basis) -> Policy:
    own = basis.own.sha256 if basis.own else None
    return Policy(revision=basis.revision, release=basis.release.sha256, own=own)
