"""Policies that decided once, brought back to decide again, at the moment they decided then."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any

from policy.basis import Basis
from policy.bundle import Built
from policy.embedded import Evaluator, rule_of
from policy.errors import Misconfigured, Unavailable
from policy.installation import Installation, Tenant
from policy.narrowed import TENANT_RULES, FixedRules, NarrowedEngine
from policy.rego_engine import MAY_READ, MAY_RELEASE, MAY_ROUTE, OBSTACLES, PERMITS, RegoEngine

_NEEDED = tuple(map(rule_of, (MAY_READ, OBSTACLES, PERMITS, MAY_ROUTE, MAY_RELEASE)))
"""Entry points that a bundle must have to be asked again; later releases may know more of them, or fewer."""
_MOST = 4


class RecordedPolicies:
    """Brings bundles back, and keeps the last few loaded: loading one takes half a second."""

    def __init__(self, *, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._loaded: OrderedDict[str, Evaluator] = OrderedDict()
        self._loading = asyncio.Lock()

    async def engine(self, tenant: str, basis: Basis, now_ns: int) -> NarrowedEngine:
        """An engine that decides for this tenant alone, on this basis, as if it were `now_ns`.

        It need not be closed. Unavailable where a bundle cannot be loaded any more.
        """

        def clock() -> int:
            return now_ns

        installation = Installation(
            tenants={tenant: Tenant(reason_required=basis.reason_required)},
            accreditations=basis.accreditations,
        )
        release = await self._evaluator(basis.release, _NEEDED)
        rules = {}
        if basis.own is not None:
            evaluator = await self._evaluator(basis.own, TENANT_RULES)
            rules[tenant] = _RecordedRules(basis.own, evaluator)
        base = _Recorded(basis.release, release, installation=installation, now_ns=now_ns)
        return NarrowedEngine(base, rules, clock=clock)

    def close(self) -> None:
        """Ends every evaluation; whoever asks one of the engines afterwards gets Unavailable."""
        while self._loaded:
            self._loaded.popitem()[1].close()

    async def _evaluator(self, built: Built, rules: Collection[str]) -> Evaluator:
        async with self._loading:
            if built.sha256 not in self._loaded:
                self._loaded[built.sha256] = await self._load(built, rules)
                if len(self._loaded) > _MOST:
                    self._loaded.popitem(last=False)[1].close()
            self._loaded.move_to_end(built.sha256)
            return self._loaded[built.sha256]

    async def _load(self, built: Built, rules: Collection[str]) -> Evaluator:
        try:
            return await asyncio.to_thread(Evaluator, built, rules, self._timeout, exactly=False)
        except Misconfigured as error:
            raise Unavailable(
                "policy", f"the policy bundle {built.sha256} cannot be loaded by this release"
            ) from error


class _RecordedRules(FixedRules):
    """A tenant's rules of some time, over an evaluator that others use as well."""

    def close(self) -> None:
        """Nothing is held."""


class _Recorded(RegoEngine):
    """The release's rules of some time, over an evaluator that others use as well."""

    def __init__(
        self, built: Built, evaluator: Evaluator, *, installation: Installation, now_ns: int
    ) -> None:
        super().__init__(bundle_hash=built.rules, installation=installation, clock=lambda: now_ns)
        self._built = built
        self._evaluator = evaluator

    def built(self) -> Built:
        return self._built

    async def close(self) -> None:
        """Nothing is held."""

    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        return await self._evaluator.evaluate(rule_of(entry), question)
