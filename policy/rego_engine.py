"""What both engines share: the questions put to Rego, and the strict reading of its answers."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeGuard

from policy.basis import Basis
from policy.bundle import Built
from policy.engine import Act, Allowed, Call, Decision, Denied, Readable, Release
from policy.errors import Unavailable
from policy.installation import Installation
from policy.labels import Label
from policy.principal import Asker

READABLE = "readable"
MAY_READ = "may_read"
OBSTACLES = "obstacles"
PERMITS = "permits"
FIELDS = "fields"
MAY_USE = "may_use"
MAY_ROUTE = "may_route"
MAY_RELEASE = "may_release"
ENTRY_POINTS = (
    *(READABLE, MAY_READ, OBSTACLES, PERMITS, FIELDS),
    *(MAY_USE, MAY_ROUTE, MAY_RELEASE),
)
"""The rules of package `copilot.decide`."""

REASONS = frozenset(
    ["label", "revoked", "role", "purpose", "reason", "two_people", "time_limit", "tool"]
)
"""All that a denial may say: what principal and policy alone determine."""


class RegoEngine(ABC):
    """A PolicyEngine over an evaluator of the bundle. What is no exact answer is Unavailable."""

    def __init__(
        self,
        *,
        bundle_hash: str,
        installation: Installation | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._bundle_hash = bundle_hash
        self._installation = installation or Installation()
        self._clock = clock

    def revision(self, tenant: str) -> str:  # noqa: ARG002  the same rules for every tenant
        """SHA-256 (hex) over the Rego sources."""
        return self._bundle_hash

    def basis(self, tenant: str) -> Basis:
        """What decides for a tenant now; Misconfigured where the installation has no build of its rules."""
        return Basis(
            revision=self.revision(tenant),
            release=self.built(),
            reason_required=self._installation.reason_required(tenant),
            accreditations=self._installation.accreditations,
        )

    @abstractmethod
    def built(self) -> Built:
        """The rules that decide, with their WASM."""

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        """Which of `labels` the asker may read."""
        answer = await self._ask(READABLE, asker, {"labels": [*map(written, labels)]})
        match answer:
            case {"positions": positions, "until_s": until, **rest} if not rest:
                if is_positions(positions, len(labels)) and is_seconds(until):
                    return Readable(positions=frozenset(positions), until_s=until)
        raise not_an_answer(READABLE)

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        """Each label decided by itself, in their order."""
        answer = await self._ask(MAY_READ, asker, {"labels": [*map(written, labels)]})
        if not isinstance(answer, list) or len(answer) != len(labels):
            raise not_an_answer(MAY_READ)
        return [_decision(MAY_READ, one) for one in answer]

    async def obstacles(self, asker: Asker, label: Label) -> frozenset[str]:
        """Why a label is closed to the asker; empty exactly where it is open."""
        return await self._names(OBSTACLES, asker, {"label": label.to_json()})

    async def permits(
        self, asker: Asker, act: Act, subject: Mapping[str, Any] | None = None
    ) -> Decision:
        """Whether roles, purpose and stated reason allow the act."""
        settings = {"reason_required": self._installation.reason_required(asker.principal.tenant)}
        about = {"act": str(act), "settings": settings, "subject": dict(subject or {})}
        return _decision(PERMITS, await self._ask(PERMITS, asker, about))

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""
        return await self._names(FIELDS, asker, {})

    async def may_use(self, asker: Asker, tool: str, origin: str) -> Decision:
        """Whether a tool may be used; `origin` says who wants it used: "asker" or a "source"."""
        return _decision(MAY_USE, await self._ask(MAY_USE, asker, {"tool": tool, "origin": origin}))

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        """Whether the provider may be given what the call would give it."""
        accreditation = self._installation.accreditations.get(call.provider)
        answer = await self._ask(MAY_ROUTE, asker, routing(call, accreditation))
        match answer:
            case {"allow": True, "reason": "", **rest} if not rest:
                return Allowed()
            case {"allow": False, "reason": str(reason), **rest} if reason and not rest:
                return Denied(reason=reason)
        raise not_an_answer(MAY_ROUTE)

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        """What becomes of an answer in which the output scan found these kinds."""
        about = {"purpose": "synthesis", "citations": cited, "findings": sorted(findings)}
        answer = await self._ask(MAY_RELEASE, asker, about | {"strict": strict})
        match answer:
            case {"action": str(action), **rest} if action in list(Release) and not rest:
                return Release(action)
        raise not_an_answer(MAY_RELEASE)

    async def check(self) -> None:
        """For readiness: Unavailable unless the engine decides, from our revision of the policy."""
        _checked(await self._evaluate(FIELDS, {}), FIELDS, self._bundle_hash)

    @abstractmethod
    async def close(self) -> None:
        """Gives back what the engine holds; idempotent."""

    @abstractmethod
    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        """What the rule `copilot.decide.<entry>` says; Unavailable where it says nothing."""

    async def _names(self, entry: str, asker: Asker, subject: Mapping[str, Any]) -> frozenset[str]:
        answer = await self._ask(entry, asker, subject)
        if not is_texts(answer):
            raise not_an_answer(entry)
        return frozenset(answer)

    async def _ask(self, entry: str, asker: Asker, subject: Mapping[str, Any]) -> Any:
        question = about(asker, self._clock()) | dict(subject)
        return _checked(await self._evaluate(entry, question), entry, self._bundle_hash)


@lru_cache(maxsize=16_384)
def written(label: Label) -> dict[str, Any]:
    """A label as Rego takes it: kept, since a tenant's labels are asked about for each person. Do not change it."""
    return label.to_json()


def about(asker: Asker, now_ns: int) -> dict[str, Any]:
    """The part of every question that says who asks, what for, and when."""
    return {
        "principal": asker.principal.to_input(),
        "purpose": asker.purpose,
        "reason": asker.reason,
        "now_ns": now_ns,
    }


def routing(call: Call, accreditation: Mapping[str, Any] | None) -> dict[str, Any]:
    """The input of `intelgraph.llm.route`; None leaves the accreditation to the rules."""
    return {
        "classification": str(call.label.classification),
        "provider": call.provider,
        "model": call.model,
        "requiresCitations": call.requires_citations,
        "purpose": call.purpose,
        "label": call.label.to_json(),
        "accreditation": accreditation,
    }


def is_texts(answer: object) -> TypeGuard[list[str]]:
    return isinstance(answer, list) and all(isinstance(element, str) for element in answer)


def is_positions(answer: object, count: int) -> TypeGuard[list[int]]:
    """A list of places in a list of so many; `type`, because True is an int and would be the place 1."""
    return isinstance(answer, list) and all(type(p) is int and 0 <= p < count for p in answer)


def is_seconds(answer: object) -> bool:
    return answer is None or type(answer) is int


def not_an_answer(entry: str) -> Unavailable:
    return Unavailable(
        "policy", f"the policy engine gave no valid answer to {entry!r}; nothing was released"
    )


def _checked(document: object, entry: str, bundle_hash: str) -> Any:
    if not isinstance(document, dict) or document.keys() != {"revision", "value"}:
        raise not_an_answer(entry)
    if document["revision"] != bundle_hash:
        raise Unavailable(
            "policy",
            f"the policy engine runs another revision than this release ({bundle_hash[:12]}…); "
            "publish this one with `python -m policy.publish URL`",
        )
    return document["value"]


def _decision(entry: str, answer: object) -> Decision:
    match answer:
        case {"allow": True, **rest} if entry != PERMITS and not rest:
            return Allowed()
        case {"allow": True, "step_up": bool(step_up), **rest} if entry == PERMITS and not rest:
            return Allowed(step_up=step_up)
        case {"allow": False, "reason": str(reason), **rest} if reason in REASONS and not rest:
            return Denied(reason=reason)
        case _:
            raise not_an_answer(entry)
