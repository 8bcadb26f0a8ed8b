"""The port to whatever writes the answer: models and the offline extractive generator."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from copilot.results import Usage
from retrieval.types import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given besides the sources. `sha256` covers template, version and variables."""

    system: str
    question: str
    template: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Where a claim says it comes from: code points in the text of contexts[context].chunk."""

    context: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence as generated, before it is scanned and its support is checked."""

    text: str
    supports: tuple[Support, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of a generation: what it was and what it cost. Always the last thing yielded."""

    provider: str
    model: str
    usage: Usage
    attempts: int = 1
    seconds: float = 0.0
    """From the first attempt to the end, as whoever called it measured."""
    tool_calls: int = 0
    """Parts of the reply that were a tool's, though none is offered: ignored, and a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The model begins to answer. What it writes comes to the cost at the end, if there is one."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A call of the model that came to nothing, or broke off: another may follow."""

    why: str
    """As a client may be told."""
    usage: Usage | None = None
    """What it has cost all the same, as far as its service had counted; None where that had not begun."""
    seconds: float = 0.0
    """As whoever called it measured."""


Item: TypeAlias = Begun | Claim | Failed | Finished


class Generator(Protocol):
    """Writes an answer from contexts, sentence by sentence; no claims at all means "not found".

    Raises `policy.errors.Unavailable("model", …)` when it cannot finish.
    """

    def stream(self, prompt: Prompt, contexts: Sequence[Context]) -> AsyncIterator[Item]:
        """Yields claims in the order of the answer, then one Finished; before it, calls that began and that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a model wrote by a schema, which nobody has checked, and what it cost."""

    text: str
    """Should be JSON; empty where there was no whole reply."""
    finished: Finished


class Adviser(Protocol):
    """Judges instead of writing: what it gives decides only which of the visible sources are used.

    Raises `policy.errors.Unavailable("model", …)` when there is no reply.
    """

    async def advise(
        self, prompt: Prompt, contexts: Sequence[Context], schema: Mapping[str, Any]
    ) -> Advice:
        """The reply to the prompt over the contexts, which the model knows as source 1, 2, …"""
