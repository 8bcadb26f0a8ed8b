"""What both engines share: the questions put to Rego, and the strict reading of its answers."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policy.engine import Act, Allowed, Decision, Denied
from policy.errors import Unavailable
from policy.labels import Label
from policy.principal import Asker

READABLE = "readable"
MAY_READ = "may_read"
PERMITS = "permits"
FIELDS = "fields"
ENTRY_POINTS = (READABLE, MAY_READ, PERMITS, FIELDS)
"""The rules of package `copilot.decide`."""

REASONS = frozenset(["label", "role", "purpose"])
"""All that a denial may say: what principal and policy alone determine."""


class RegoEngine(ABC):
    """A PolicyEngine over an evaluator of the bundle. What is no exact answer is Unavailable."""

    def __init__(self, *, bundle_hash: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._bundle_hash = bundle_hash
        self._clock = clock

    @property
    def bundle_hash(self) -> str:
        """SHA-256 (hex) over the Rego sources."""
        return self._bundle_hash

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> frozenset[int]:
        """The positions in `labels` that the asker may read."""
        answer = await self._ask(READABLE, asker, {"labels": [label.to_json() for label in labels]})
        if not _is_list_of(int, answer) or not all(0 <= p < len(labels) for p in answer):
            raise _not_an_answer(READABLE)
        return frozenset(answer)

    async def may_read(self, asker: Asker, label: Label) -> Decision:
        """One label, decided by itself."""
        return _decision(MAY_READ, await self._ask(MAY_READ, asker, {"label": label.to_json()}))

    async def permits(self, asker: Asker, act: Act) -> Decision:
        """Whether roles and purpose allow the act at all."""
        return _decision(PERMITS, await self._ask(PERMITS, asker, {"act": str(act)}))

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""
        answer = await self._ask(FIELDS, asker, {})
        if not _is_list_of(str, answer):
            raise _not_an_answer(FIELDS)
        return frozenset(answer)

    async def check(self) -> None:
        """For readiness: Unavailable unless the engine decides, from our revision of the policy."""
        _checked(await self._evaluate(FIELDS, {}), FIELDS, self._bundle_hash)

    @abstractmethod
    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        """What the rule `copilot.decide.<entry>` says; Unavailable where it says nothing."""

    async def _ask(self, entry: str, asker: Asker, subject: Mapping[str, Any]) -> Any:
        question = {
            "principal": asker.principal.to_json(),
            "purpose": asker.purpose,
            "now_ns": self._clock(),
            **subject,
        }
        return _checked(await self._evaluate(entry, question), entry, self._bundle_hash)


def _checked(document: object, entry: str, bundle_hash: str) -> Any:
    if not isinstance(document, dict) or document.keys() != {"revision", "value"}:
        raise _not_an_answer(entry)
    if document["revision"] != bundle_hash:
        raise Unavailable(
            "policy",
            f"the policy engine runs another revision than this release ({bundle_hash[:12]}…); "
            "publish this one with `python -m policy.publish URL`",
        )
    return document["value"]


def _decision(entry: str, answer: object) -> Decision:
    match answer:
        case {"allow": True, **rest} if not rest:
            return Allowed()
        case {"allow": False, "reason": str(reason), **rest} if reason in REASONS and not rest:
            return Denied(reason=reason)
        case _:
            raise _not_an_answer(entry)


def _is_list_of(kind: type, answer: object) -> bool:
    # `type`, because True is an int and would pass as the position 1.
    return isinstance(answer, list) and all(type(element) is kind for element in answer)


def _not_an_answer(entry: str) -> Unavailable:
    return Unavailable(
        "policy", f"the policy engine gave no valid answer to {entry!r}; nothing was released"
    )
