"""Anthropic's Messages API as a generator, with its native citations of search results."""

import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anthropic
import httpx2
from anthropic.types import (
    CitationsDelta,
    CitationsSearchResultLocation,
    RawMessageStreamEvent,
    SearchResultBlockParam,
    TextBlockParam,
    TextDelta,
)

from copilot.generation.neutralise import labelled, neutralise
from copilot.generation.port import Begun, Claim, Finished, Item, Prompt, Support
from copilot.generation.prices import cost_usd
from copilot.generation.router import Busy
from copilot.results import Usage
from policy.errors import CopilotError, Misconfigured, Unavailable
from retrieval.sentences import split
from retrieval.types import Context, Span

DEFAULT_MODEL = "claude-sonnet-5-5"
DEFAULT_BASE_URL = "https://api.anthropic.com"
_PROVIDER = "anthropic"
_log = logging.getLogger(__name__)

Effort = Literal["low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the model is asked. Low effort: to quote needs little thought, and the reader waits."""

    model: str = DEFAULT_MODEL
    max_tokens: int = 2048
    effort: Effort | None = "low"
    """None for models that know no effort."""


def client(
    api_key: str, *, base_url: str | None = None, timeout_s: float = 60.0
) -> anthropic.AsyncAnthropic:
    """The SDK's client as we use it; whoever builds it closes it. Misconfigured without a key."""
    if not api_key.strip():
        raise Misconfigured("the Anthropic API key is empty; set ANTHROPIC_API_KEY")
    return anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or DEFAULT_BASE_URL,
        timeout=httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        max_retries=0,
        # Given, so that no variable of the environment can put questions and sources into traces.
        open_telemetry={"traces": {"content_mode": "metadata_only"}},
    )


class Anthropic:
    """Asks one model once; the router retries. Sentences come as soon as they are complete."""

    def __init__(self, client: anthropic.AsyncAnthropic, options: Options = Options()) -> None:
        self._client = client
        self._options = options

    async def stream(self, prompt: Prompt, contexts: Sequence[Context]) -> AsyncIterator[Item]:
        """As the port says. Busy where another attempt may help, Unavailable where it will not."""
        sources = _Sources(contexts)
        reply = _Reply(sources)
        try:
            async with await self._open(prompt, sources) as events:
                async for event in events:
                    for item in reply.take(event):
                        yield item
        except Exception as error:
            raise translated(error) from error
        for claim in reply.rest():
            yield claim
        yield reply.finished()

    async def _open(
        self, prompt: Prompt, sources: "_Sources"
    ) -> anthropic.AsyncStream[RawMessageStreamEvent]:
        question: TextBlockParam = {"type": "text", "text": neutralise(prompt.question)}
        effort = self._options.effort
        return await self._client.messages.create(
            model=self._options.model,
            max_tokens=self._options.max_tokens,
            system=prompt.system,
            messages=[{"role": "user", "content": [*sources.blocks, question]}],
            output_config=anthropic.omit if effort is None else {"effort": effort},
            stream=True,
        )


# --- sources ---------------------------------------------------------------------------------


class _Sources:
    """The contexts as search results, one block a sentence, and the way back from a citation."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        self.blocks: list[SearchResultBlockParam] = []
        self._origins: list[tuple[int, str, list[Span]]] = []
        for index, context in enumerate(contexts):
            # Neutralised as a whole: a marker at the start of a line must not hide behind a cut.
            text = neutralise(context.chunk.text)
            # A sentence of invisible characters is blank now, and a blank block has the request refused.
            if spans := [span for span in split(context.chunk.text) if span.of(text).strip()]:
                self._origins.append((index, context.chunk.chunk_id, spans))
                self.blocks.append(_block(len(self._origins), context, text, spans))

    def supports(self, citation: object) -> list[Support]:
        """One support a cited sentence; none for a place that we did not send."""
        if not isinstance(citation, CitationsSearchResultLocation):
            return []
        place = citation.search_result_index
        if not 0 <= place < len(self._origins):
            return []
        index, source, spans = self._origins[place]
        first, last = citation.start_block_index, citation.end_block_index
        if citation.source != source or not 0 <= first < last <= len(spans):
            return []
        return [Support(context=index, start=s.start, end=s.end) for s in spans[first:last]]


def _block(
    number: int, context: Context, text: str, spans: Sequence[Span]
) -> SearchResultBlockParam:
    return {
        "type": "search_result",
        "source": context.chunk.chunk_id,
        "title": labelled(number, context.chunk.title),
        "content": [{"type": "text", "text": span.of(text)} for span in spans],
        "citations": {"enabled": True},
    }


# --- reply -----------------------------------------------------------------------------------

_DECORATION = re.compile(r"^\s*(?:[-*•]\s+|#{1,6}\s+|\d{1,2}[.)]\s+)?|[*_`]{2,}")
_THOUGHTS = frozenset(["thinking", "redacted_thinking"])
"""Blocks that are neither said nor a tool's, of which there should be none: no tools are offered."""


@dataclass(slots=True)
class _Piece:
    """A text block: its text, where it begins in what is pending, and what it cites."""

    start: int
    text: str = ""
    supports: list[Support] = field(default_factory=list)

    def touches(self, span: Span, pending: str) -> bool:
        """Whether a word of this piece stands in the span: a lone full stop cites nothing."""
        left, right = max(self.start, span.start), min(self.start + len(self.text), span.end)
        return any(char.isalnum() for char in pending[left:right])


class _Reply:
    """Puts the events of one message together again, and cuts them into cited sentences.

    The API cites blocks of text, and blocks end anywhere in a sentence: a sentence rests on all
    that is cited by the blocks it has a word in, and it is complete when the next one has begun.
    """

    def __init__(self, sources: _Sources) -> None:
        self._sources = sources
        self._pieces: list[_Piece] = []
        self._blocks: dict[int, _Piece | None] = {}
        """The open ones by index; None for one that is no text: what comes in it was not said."""
        self._tool_calls = 0
        self._model = ""
        self._usage: dict[str, int] = {}
        self._stop: str | None = None
        self._ended = False

    def take(self, event: RawMessageStreamEvent) -> Iterator[Begun | Claim]:
        """That it begins, and the claims that this event completes."""
        match event.type:
            case "message_start":
                self._model = event.message.model
                self._count(event.message.usage)
                if (written := event.message.usage.cache_creation) is not None:
                    self._usage["hour_writes"] = int(written.ephemeral_1h_input_tokens or 0)
                yield Begun(usage=self._priced())
            case "content_block_start":
                self._begin(event.index, event.content_block.type)
            case "content_block_delta":
                self._extend(event.index, event.delta)
            case "content_block_stop":
                del self._blocks[event.index]
                yield from self._complete()
            case "message_delta":
                self._stop = event.delta.stop_reason
                self._count(event.usage)
            case "message_stop":
                self._ended = True

    def rest(self) -> Iterator[Claim]:
        """The last sentence; Busy where the stream was cut off, Unavailable where it was refused."""
        if not self._ended or not self._model:
            raise Busy("the language model broke off its answer")
        if self._stop == "refusal":
            raise Unavailable("model", "the language model declined to answer this question")
        whole = self._stop in ("end_turn", "stop_sequence")
        for span in split(self._pending):
            # Cut at the token limit, what is left is half a sentence, which may say the opposite.
            if whole or span.of(self._pending).endswith((".", "!", "?")):
                yield from self._claim(span)

    def finished(self) -> Finished:
        """What it was and what it cost."""
        return Finished(
            provider=_PROVIDER,
            model=self._model,
            usage=self._priced(),
            tool_calls=self._tool_calls,
        )

    @property
    def _pending(self) -> str:
        return "".join(piece.text for piece in self._pieces)

    def _begin(self, index: int, kind: str) -> None:
        """A block of text is a piece; of any other nothing is taken, and a tool's is counted."""
        piece = _Piece(start=len(self._pending)) if kind == "text" else None
        self._blocks[index] = piece
        if piece is not None:
            self._pieces.append(piece)
        elif kind not in _THOUGHTS:
            self._tool_calls += 1

    def _extend(self, index: int, delta: object) -> None:
        piece = self._blocks[index]
        if piece is None:
            return
        if piece is not self._pieces[-1]:
            raise ValueError("two blocks of text at a time")
        if isinstance(delta, TextDelta):
            piece.text += delta.text
        elif isinstance(delta, CitationsDelta):
            piece.supports += self._sources.supports(delta.citation)

    def _complete(self) -> list[Claim]:
        pending = self._pending
        spans = split(pending)
        claims = [claim for span in spans[:-1] for claim in self._claim(span)]
        if len(spans) > 1:
            self._forget(spans[-1].start)
        return claims

    def _forget(self, until: int) -> None:
        kept = [piece for piece in self._pieces if piece.start + len(piece.text) > until]
        for piece in kept:
            cut = max(0, until - piece.start)
            piece.text, piece.start = piece.text[cut:], max(0, piece.start - until)
        self._pieces = kept

    def _claim(self, span: Span) -> Iterator[Claim]:
        pending = self._pending
        pieces = [piece for piece in self._pieces if piece.touches(span, pending)]
        if pieces:
            cited = dict.fromkeys(support for piece in pieces for support in piece.supports)
            text = _DECORATION.sub("", span.of(pending)).strip()
            yield Claim(text=text, supports=tuple(cited))

    def _count(self, usage: object) -> None:
        """Counts are cumulative; a later event may leave out what it does not change."""
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            if (count := getattr(usage, name, None)) is not None:
                self._usage[name] = max(0, int(count))

    def _priced(self) -> Usage:
        tokens = {
            "input_tokens": self._usage.get("input_tokens", 0),
            "output_tokens": self._usage.get("output_tokens", 0),
            "cache_read_tokens": self._usage.get("cache_read_input_tokens", 0),
            "cache_write_tokens": self._usage.get("cache_creation_input_tokens", 0),
        }
        cost = cost_usd(self._model, **tokens, hour_writes=self._usage.get("hour_writes", 0))
        return Usage(**tokens, cost_usd=cost)


# --- errors ----------------------------------------------------------------------------------

_BUSY = {
    "overloaded_error": "the language model is overloaded; ask again in a moment",
    "rate_limit_error": "the language model's rate limit is reached; ask again in a moment",
    "timeout_error": "the language model took too long; ask again in a moment",
    "api_error": "the language model's service failed; ask again in a moment",
}
_FINAL = {
    "authentication_error": "the language model's service refuses our key; the operator must act",
    "permission_error": "the language model's service refuses our key; the operator must act",
    "billing_error": "the language model's service refuses our account; the operator must act",
    "not_found_error": "the configured language model does not exist; the operator must act",
    "invalid_request_error": "the language model's service refused the request",
}
_BY_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def translated(error: Exception) -> CopilotError:
    """The error in our words: the provider's may quote the sources, so they stay in the cause."""
    _log.warning("model call failed: %s", type(error).__name__)
    match error:
        case CopilotError():
            return error
        case anthropic.APIStatusError():
            return _refused(error)
        case anthropic.APITimeoutError() | httpx2.TimeoutException():
            return Busy(_BUSY["timeout_error"])
        case anthropic.APIConnectionError() | httpx2.HTTPError():
            return Busy("the language model cannot be reached; ask again in a moment")
        case _:
            return Unavailable("model", "the language model's service answered nonsense")


def _refused(error: anthropic.APIStatusError) -> CopilotError:
    kind = _kind(error)
    if kind in _BUSY:
        return Busy(_BUSY[kind], retry_after=_retry_after(error.response))
    return Unavailable("model", _FINAL[kind])


def _kind(error: anthropic.APIStatusError) -> str:
    """By type first: an error inside a stream comes under status 200. An unknown type says nothing."""
    if error.type in _BUSY or error.type in _FINAL:
        return error.type
    refused = 400 <= error.status_code < 500
    return _BY_STATUS.get(error.status_code, "invalid_request_error" if refused else "api_error")


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds; the form with a date is not taken, since it trusts the clocks of two machines."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None
