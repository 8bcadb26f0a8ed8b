"""Providers: who could write an answer, and who of them may be given its contexts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from copilot.generation.extractive import MODEL, PROVIDER, Extractive
from copilot.generation.port import Adviser, Generator
from policy.engine import Call, Denied, PolicyEngine
from policy.errors import Unavailable
from policy.labels import Label
from policy.principal import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A generator under the names by which policy knows it."""

    name: str
    model: str
    generator: Generator
    adviser: Adviser | None = None
    """Where it can judge as well: split questions, and mark which sources bear on them."""


OFFLINE = Provider(name=PROVIDER, model=MODEL, generator=Extractive())
"""Runs in this process: no label forbids it, since nothing leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The provider that is given the contexts, and why others before it are not."""

    provider: Provider
    refused: tuple[tuple[str, str], ...] = ()
    """Names of providers, each with policy's reason."""

    def to_json(self) -> dict[str, Any]:
        refused = [{"provider": name, "reason": reason} for name, reason in self.refused]
        return {
            "provider": self.provider.name,
            "model": self.provider.model,
            "refused": refused,
        }


class Providers:
    """The configured providers in order of preference; last of all, the offline one."""

    def __init__(self, engine: PolicyEngine, preferred: Sequence[Provider] = ()) -> None:
        self._engine = engine
        self._all = (*preferred, OFFLINE)

    async def choose(self, asker: Asker, label: Label) -> Choice:
        """The first that `intelgraph.llm.route` lets have what bears this label."""
        refused: list[tuple[str, str]] = []
        for provider in self._all:
            call = Call(provider=provider.name, model=provider.model, label=label)
            decision = await self._engine.may_route(asker, call)
            if not isinstance(decision, Denied):
                return Choice(provider=provider, refused=tuple(refused))
            refused.append((provider.name, decision.reason))
        raise Unavailable("model", "policy lets no language model have what this answer rests on")

    async def adviser(self, asker: Asker, label: Label) -> Choice | None:
        """The first that can judge and may have what bears this label; None where there is none."""
        refused: list[tuple[str, str]] = []
        for provider in self._all:
            if provider.adviser is None:
                continue
            decision = await self._engine.may_route(asker, _judgement(provider, label))
            if not isinstance(decision, Denied):
                return Choice(provider=provider, refused=tuple(refused))
            refused.append((provider.name, decision.reason))
        return None

    async def may_judge(self, asker: Asker, provider: Provider, label: Label) -> bool:
        """Whether policy lets this provider have what bears this label."""
        decision = await self._engine.may_route(asker, _judgement(provider, label))
        return not isinstance(decision, Denied)


def _judgement(provider: Provider, label: Label) -> Call:
    """Nothing of it is shown to anybody, so it cites nothing."""
    return Call(
        provider=provider.name,
        model=provider.model,
        label=label,
        purpose="default",
        requires_citations=False,
    )
