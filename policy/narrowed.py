"""Tenants' own bundles: Rego that can only narrow what the release's own rules open.

A tenant's rules lie in package `tenant` and say what is closed, refused or not to be routed; they are
asked after ours have opened something, so nothing that they say can open anything.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from policy.basis import Basis
from policy.bundle import REVISION, Built, load_bundle, load_wasm, sha256
from policy.embedded import Evaluator
from policy.engine import Act, Allowed, Call, Decision, Denied, Readable, Release
from policy.errors import Misconfigured, Unavailable
from policy.labels import Label
from policy.principal import Asker
from policy.rego_engine import (
    RegoEngine,
    about,
    is_positions,
    is_texts,
    not_an_answer,
    routing,
    written,
)

CLOSED, REFUSED, UNROUTABLE = TENANT_RULES = (
    "tenant/closed",
    "tenant/refused",
    "tenant/unroutable",
)
"""Positions of labels that are closed; reasons not to allow an act; reasons not to route a call."""
_KEPT_S = 1
"""A tenant's rules may look at the clock, and do not tell when they will say something else."""


class FixedRules:
    """A tenant's rules as they were built once."""

    def __init__(self, built: Built, evaluator: Evaluator) -> None:
        self._built = built
        self._evaluator = evaluator

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the rules as they are now."""
        return self.built().rules

    def built(self) -> Built:
        """The rules as they are now, with their WASM."""
        self._refresh()
        return self._built

    async def closed(self, question: Mapping[str, Any], labels: Sequence[Label]) -> frozenset[int]:
        """The positions of the labels that the tenant closes."""
        asked = {**question, "labels": [*map(written, labels)]}
        self._refresh()
        answer = await self._evaluator.evaluate(CLOSED, asked)
        if not is_positions(answer, len(labels)):
            raise not_an_answer(CLOSED)
        return frozenset(answer)

    async def objections(self, rule: str, question: Mapping[str, Any]) -> list[str]:
        """The reasons that the tenant has against something; none leaves it as it is."""
        self._refresh()
        answer = await self._evaluator.evaluate(rule, question)
        if not is_texts(answer):
            raise not_an_answer(rule)
        return answer

    def close(self) -> None:
        self._evaluator.close()

    def _refresh(self) -> None:
        """Before each question."""


class TenantRules(FixedRules):
    """One tenant's bundle, as `python -m policy.build --tenant FOLDER` built it.

    A new build in the same folder holds from the next question on; one that cannot be used lets nobody pass.
    """

    def __init__(self, folder: Path, *, timeout: float = 5.0) -> None:
        self._folder = folder
        self._timeout = timeout
        self._built_at = self._when_built()
        super().__init__(*self._load())

    def _refresh(self) -> None:
        built_at = self._when_built()
        if built_at == self._built_at:
            return
        try:
            loaded = self._load()
        except Misconfigured as error:
            raise Unavailable(
                "policy", "the tenant's own policy was changed and cannot be used; build it again"
            ) from error
        self._evaluator.close()
        self._built_at, (self._built, self._evaluator) = built_at, loaded

    def _load(self) -> tuple[Built, Evaluator]:
        bundle = load_bundle(self._folder)
        built = Built(bundle=bundle, wasm=load_wasm(self._folder, bundle))
        return built, Evaluator(built, TENANT_RULES, self._timeout)

    def _when_built(self) -> int | None:
        """Of the file that the build writes last; None where there is none."""
        try:
            return (self._folder / REVISION).stat().st_mtime_ns
        except OSError:
            return None


class NarrowedEngine:
    """A PolicyEngine that asks `base`, then the rules of the asker's tenant where it has its own."""

    def __init__(
        self,
        base: RegoEngine,
        tenants: Mapping[str, FixedRules],
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._base = base
        self._tenants = tenants
        self._clock = clock

    def revision(self, tenant: str) -> str:
        """That of the base where the tenant has no rules; else SHA-256 (hex) over both hashes."""
        revision, rules = self._base.revision(tenant), self._tenants.get(tenant)
        return revision if rules is None else sha256(f"{revision}\0{rules.hash}".encode())

    def basis(self, tenant: str) -> Basis:
        """That of the base, with the tenant's own rules where it has some."""
        basis, rules = self._base.basis(tenant), self._tenants.get(tenant)
        if rules is None:
            return basis
        return replace(basis, revision=self.revision(tenant), own=rules.built())

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        opened = await self._base.readable(asker, labels)
        rules = self._rules(asker)
        if rules is None:
            return opened
        positions, asked = sorted(opened.positions), self._about(asker)
        closed = await rules.closed(asked, [labels[one] for one in positions])
        kept = frozenset(one for place, one in enumerate(positions) if place not in closed)
        soon = asked["now_ns"] // 1_000_000_000 + _KEPT_S
        return Readable(positions=kept, until_s=min(opened.until_s or soon, soon))

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        decisions = await self._base.may_read(asker, labels)
        rules = self._rules(asker)
        if rules is None:
            return decisions
        opened = [at for at, one in enumerate(decisions) if isinstance(one, Allowed)]
        closed = await rules.closed(self._about(asker), [labels[at] for at in opened])
        for place in closed:
            decisions[opened[place]] = Denied(reason="label")
        return decisions

    async def permits(
        self, asker: Asker, act: Act, subject: Mapping[str, Any] | None = None
    ) -> Decision:
        decision = await self._base.permits(asker, act, subject)
        about = {"act": str(act), "subject": dict(subject or {})}
        return await self._unless(REFUSED, asker, decision, about)

    async def fields(self, asker: Asker) -> frozenset[str]:
        return await self._base.fields(asker)

    async def may_use(self, asker: Asker, tool: str, origin: str) -> Decision:
        return await self._base.may_use(asker, tool, origin)

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        decision = await self._base.may_route(asker, call)
        return await self._unless(UNROUTABLE, asker, decision, routing(call, None))

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        return await self._base.may_release(asker, cited=cited, findings=findings, strict=strict)

    async def obstacles(self, asker: Asker, label: Label) -> frozenset[str]:
        """Why a label is closed to the asker; "tenant" where their own rules alone close it."""
        found = await self._base.obstacles(asker, label)
        [decision] = await self.may_read(asker, [label])
        if found or isinstance(decision, Allowed):
            return found
        return frozenset(["tenant"])

    async def check(self) -> None:
        """For readiness: Unavailable unless the base decides, from our revision of the policy."""
        await self._base.check()

    async def close(self) -> None:
        for rules in self._tenants.values():
            rules.close()
        await self._base.close()

    async def _unless(
        self, rule: str, asker: Asker, decision: Decision, subject: Mapping[str, Any]
    ) -> Decision:
        rules = self._rules(asker)
        if rules is None or isinstance(decision, Denied):
            return decision
        # Their wording stays inside: a reason may only tell what principal and policy determine.
        objections = await rules.objections(rule, self._about(asker) | dict(subject))
        return Denied(reason="tenant") if objections else Allowed(step_up=decision.step_up)

    def _rules(self, asker: Asker) -> FixedRules | None:
        return self._tenants.get(asker.principal.tenant)

    def _about(self, asker: Asker) -> dict[str, Any]:
        return about(asker, self._clock())


def tenant_rules(folders: Mapping[str, Path | None], *, timeout: float) -> dict[str, TenantRules]:
    """The rules of each tenant that has a folder; Misconfigured names the one that cannot be used."""
    return {tenant: _named(tenant, folder, timeout) for tenant, folder in folders.items() if folder}


def _named(tenant: str, folder: Path, timeout: float) -> TenantRules:
    try:
        return TenantRules(folder, timeout=timeout)
    except Misconfigured as error:
        raise Misconfigured(f"the policy of tenant {tenant!r}: {error.message}") from error
