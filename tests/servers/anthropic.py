"""A local server that speaks Anthropic's Messages API, for tests of everything that calls it.

It answers from the search results of the request itself: the sentences that share most words with
the question, quoted and cited. `behaviour` says how it goes wrong, `delay_s` how slow it is.

    with AnthropicServer(delay_s=2.0) as server:
        client = anthropic.AsyncAnthropic(api_key="test", base_url=server.url)
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from eval.local_server import LocalServer

Event = dict[str, Any]
_WORD = re.compile(r"\w+")
_COMMON = frozenset("a an and are at by did do does for from how in is it of on or the to was were "
                    "what when where which who whom whose why will with".split())  # fmt: skip
_INJECTED = re.compile(r"(?i)(?:reply|answer|respond|write|say)[^:\n]{0,60}:\s*(.+)")


class Behaviour(StrEnum):
    """How the server answers: well, or wrong in one way."""

    QUOTE = "quote"
    FRAGMENTS = "fragments"
    """Splits each sentence over blocks, only the middle one cited, as the real API often does."""
    NO_CITATIONS = "no citations"
    WRONG_CITATIONS = "wrong citations"
    """Cites another sentence than the one it quotes."""
    FOREIGN_CITATIONS = "foreign citations"
    """Cites places that were not in the request."""
    OBEY = "obey"
    """Does what a source tells it to do, citing that source."""
    REFUSE = "refuse"
    TOKEN_LIMIT = "token limit"
    """Stops in the middle of its last sentence."""
    ERROR_IN_STREAM = "error in stream"
    """After `break_after` sentences."""
    ERROR_AT_ONCE = "error at once"
    """Status 200, then an error instead of a first sentence."""
    CUT_OFF = "cut off"
    """The connection ends after `break_after` sentences."""
    CUT_OFF_AT_ONCE = "cut off at once"
    MALFORMED = "malformed"
    """An event whose data is no JSON."""
    WRONG_SHAPE = "wrong shape"
    """Events that are JSON and not what they must be."""
    HANG = "hang"
    """Sends `break_after` sentences and then nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An HTTP error in place of an answer."""

    status: int
    type: str | None = None
    """None sends a body that is not the API's, as a proxy would."""
    retry_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request as it came in."""

    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class AnthropicServer(LocalServer):
    """The server. Change `behaviour` and `failures` between requests."""

    behaviour: Behaviour = Behaviour.QUOTE
    delay_s: float = 0.0
    pause_s: float = 0.0
    """Between two sentences."""
    sentences: int = 2
    break_after: int = 1
    """How many sentences come before what breaks within a stream."""
    failures: list[Failure] = field(default_factory=list)
    """Taken one by one, first to last, before any answer."""
    requests: list[Recorded] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    """What requests for JSON are answered with, first to last; then with the first list that the schema allows."""

    def routes(self) -> list[Route]:
        return [Route("/v1/messages", self._messages, methods=["POST"])]

    def reset(self) -> None:
        """As if just started, for a server that serves many tests."""
        self.behaviour, self.delay_s, self.pause_s = Behaviour.QUOTE, 0.0, 0.0
        self.sentences, self.break_after = 2, 1
        self.failures, self.requests, self.advice = [], [], []

    async def _messages(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(Recorded(headers=dict(request.headers), body=body))
        await asyncio.sleep(self.delay_s)
        if self.failures:
            return _failed(self.failures.pop(0))
        if refusal := _invalid(body):
            return _failed(Failure(status=400, type="invalid_request_error"), refusal)
        if not body.get("stream"):
            return self._message(body)
        return StreamingResponse(self._stream(body), media_type="text/event-stream")

    def _message(self, body: dict[str, Any]) -> Response:
        """A whole reply at once, to a request for JSON by a schema."""
        if self.behaviour is Behaviour.MALFORMED:
            return Response('{"id": "msg_test", "content": [', media_type="application/json")
        text = self.advice.pop(0) if self.advice else _advised(body)
        message: dict[str, Any] = _start(body)["message"]
        message["usage"]["output_tokens"] = max(1, len(text) // 4)
        message["content"] = [{"type": "text", "text": text}]
        message["stop_reason"] = _REASONS.get(self.behaviour, "end_turn")
        return JSONResponse(message)

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        for event in _events(body, self.behaviour, self.sentences, self.break_after):
            if event["type"] == "!hang":
                await asyncio.sleep(30)
            elif event["type"] == "!cut":
                return
            elif event["type"] == "!malformed":
                yield b'event: content_block_delta\ndata: {"type": "content_block_del\n\n'
            else:
                yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
                if event["type"] == "content_block_stop":
                    await asyncio.sleep(self.pause_s)


_REASONS = {Behaviour.REFUSE: "refusal", Behaviour.TOKEN_LIMIT: "max_tokens"}


def _advised(body: dict[str, Any]) -> str:
    """Every source, or no question: what changes nothing."""
    [name] = body["output_config"]["format"]["schema"]["properties"]
    count = len(_results(body))
    return json.dumps({name: list(range(1, count + 1))})


def _failed(failure: Failure, message: str = "as the test asked for") -> Response:
    headers = {} if failure.retry_after is None else {"retry-after": failure.retry_after}
    if failure.type is None:
        return Response("<html>bad gateway</html>", failure.status, headers, "text/html")
    error = {"type": failure.type, "message": message}
    return JSONResponse({"type": "error", "error": error}, failure.status, headers)


def _invalid(body: dict[str, Any]) -> str | None:
    """What the real API refuses with 400, as far as it concerns us."""
    if unknown := {"temperature", "top_p", "top_k"} & set(body):
        return f"unknown field {min(unknown)}"
    results = _results(body)
    if len({result.get("citations", {}).get("enabled", False) for result in results}) > 1:
        return "citations must be enabled for all search results or for none"
    formatted = "format" in body.get("output_config", {})
    if formatted and any(result.get("citations", {}).get("enabled") for result in results):
        return "citations and a format of the output exclude each other"
    texts = [block["text"] for result in results for block in result["content"]]
    if not all(text.strip() for text in texts) or not all(r["content"] for r in results):
        return "text content blocks must be non-empty"
    return None


def _results(body: dict[str, Any]) -> list[dict[str, Any]]:
    contents = [message["content"] for message in body["messages"]]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return [block for block in blocks if block["type"] == "search_result"]


def _question(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content if block["type"] == "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quote:
    text: str
    result: int
    block: int


def _quotes(body: dict[str, Any], most: int) -> list[_Quote]:
    """The sentences that share most words with the question, best first; none without a word."""
    asked = _words(_question(body))
    scored = [
        (-len(asked & _words(block["text"])), r, b, block["text"])
        for r, result in enumerate(_results(body))
        for b, block in enumerate(result["content"])
    ]
    best = sorted(item for item in scored if item[0] < 0)[:most]
    return [_Quote(text=text, result=r, block=b) for _, r, b, text in best]


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)} - _COMMON


def _obeyed(body: dict[str, Any]) -> list[_Quote]:
    """What sources order to be said, with the place of the order."""
    return [
        _Quote(text=order[1].strip(), result=r, block=b)
        for r, result in enumerate(_results(body))
        for b, block in enumerate(result["content"])
        if (order := _INJECTED.search(block["text"]))
    ]


def _events(
    body: dict[str, Any], behaviour: Behaviour, most: int, break_after: int
) -> Iterator[Event]:
    quotes = _obeyed(body) if behaviour is Behaviour.OBEY else _quotes(body, most)
    yield _start(body)
    yield {"type": "ping"}
    yield from _broken(behaviour, at_once=True)
    for index, block in enumerate(_blocks(quotes, body, behaviour)):
        yield from _block_events(index, *block)
        if index + 1 == break_after:
            yield from _broken(behaviour, at_once=False)
    yield from _end(body, quotes, behaviour)


def _broken(behaviour: Behaviour, *, at_once: bool) -> Iterator[Event]:
    match behaviour, at_once:
        case (Behaviour.ERROR_AT_ONCE, True) | (Behaviour.ERROR_IN_STREAM, False):
            yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        case (Behaviour.CUT_OFF_AT_ONCE, True) | (Behaviour.CUT_OFF, False):
            yield {"type": "!cut"}
        case Behaviour.MALFORMED, False:
            yield {"type": "!malformed"}
        case Behaviour.WRONG_SHAPE, True:
            delta = {"type": "text_delta", "text": 7}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        case Behaviour.HANG, False:
            yield {"type": "!hang"}


def _blocks(
    quotes: list[_Quote], body: dict[str, Any], behaviour: Behaviour
) -> Iterator[tuple[str, list[Event]]]:
    """Text blocks with their citations."""
    if not quotes and behaviour is not Behaviour.REFUSE:
        yield _not_found(body), []
    for quote in quotes:
        text = quote.text.strip()
        if behaviour is Behaviour.FRAGMENTS:
            first, rest = text.split(" ", 1) if " " in text else ("", text)
            yield f"{first} ", []
            yield rest.rstrip("."), [_citation(body, quote.result, quote.block)]
            yield ". ", []
        elif behaviour is Behaviour.TOKEN_LIMIT and quote is quotes[-1]:
            yield text[: len(text) // 2], [_citation(body, quote.result, quote.block)]
        else:
            ended = text if text.endswith((".", "!", "?")) else f"{text}."
            yield f"{ended} ", _cited(body, quote, behaviour)


def _cited(body: dict[str, Any], quote: _Quote, behaviour: Behaviour) -> list[Event]:
    match behaviour:
        case Behaviour.NO_CITATIONS:
            return []
        case Behaviour.WRONG_CITATIONS:
            others = [
                (r, b)
                for r, result in enumerate(_results(body))
                for b in range(len(result["content"]))
                if (r, b) != (quote.result, quote.block)
            ]
            return [_citation(body, *others[-1])] if others else []
        case Behaviour.FOREIGN_CITATIONS:
            real = _citation(body, quote.result, quote.block)
            return [
                real | {"search_result_index": 9_999},
                real | {"start_block_index": 500, "end_block_index": 501},
                real | {"start_block_index": -1, "end_block_index": 1},
                real | {"source": "another-source"},
            ]
        case _:
            return [_citation(body, quote.result, quote.block)]


def _citation(body: dict[str, Any], result: int, block: int) -> Event:
    found = _results(body)[result]
    return {
        "type": "search_result_location",
        "cited_text": found["content"][block]["text"],
        "search_result_index": result,
        "source": found["source"],
        "title": found["title"],
        "start_block_index": block,
        "end_block_index": block + 1,
    }


def _not_found(body: dict[str, Any]) -> str:
    """What the system prompt says to write when nothing answers, in quotes there."""
    told = re.search(r'write exactly "([^"]+)"', str(body.get("system", "")))
    return told[1] if told else "I do not know."


def _start(body: dict[str, Any]) -> Event:
    usage = {
        "input_tokens": len(json.dumps(body)) // 4,
        "output_tokens": 1,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    message = {"id": "msg_test", "type": "message", "role": "assistant", "content": []}
    rest = {"model": body["model"], "stop_reason": None, "stop_sequence": None, "usage": usage}
    return {"type": "message_start", "message": message | rest}


def _block_events(index: int, text: str, citations: list[Event]) -> Iterator[Event]:
    block = {"type": "text", "text": "", "citations": []}
    yield {"type": "content_block_start", "index": index, "content_block": block}
    middle = len(text) // 2
    for piece in (text[:middle], text[middle:]):
        yield _delta(index, {"type": "text_delta", "text": piece})
    for citation in citations:
        yield _delta(index, {"type": "citations_delta", "citation": citation})
    yield {"type": "content_block_stop", "index": index}


def _delta(index: int, delta: Event) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _end(body: dict[str, Any], quotes: list[_Quote], behaviour: Behaviour) -> Iterator[Event]:
    reason = _REASONS.get(behaviour, "end_turn")
    words = sum(len(quote.text.split()) for quote in quotes)
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": max(1, words)},
    }
    yield {"type": "message_stop"}
