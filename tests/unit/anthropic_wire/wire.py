"""A model behind a transport that opens no socket: events in Anthropic's wire format, through the real SDK."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import anthropic
import httpx2

from copilot.generation.anthropic import Anthropic, Options
from copilot.generation.port import Begun, Claim, Failed, Finished, Prompt, Support
from retrieval.types import Context
from tests.unit.retrieval.contexts import context

MODEL = "claude-sonnet-5-5"
OPTIONS = Options()
PROMPT = Prompt(
    system="Quote only.", question="Who signed?", template="answer", version="1", sha256="0"
)
SIGNED, SAILED = "Halder signed the charter.", "The Kestrel sailed from Gdansk."
CONTEXTS = [context("c0", "The tug sank."), context("c1", f"{SIGNED} {SAILED}", title="Log")]
Event = dict[str, Any]


def start(**usage: object) -> Event:
    counted = {"input_tokens": 100, "output_tokens": 1} | usage
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": MODEL}
    return {"type": "message_start", "message": message | {"stop_reason": None, "usage": counted}}


def citation(result: int = 1, first: int = 0, last: int = 1, source: str = "c1") -> Event:
    return {
        "type": "search_result_location",
        "cited_text": "what the server says it was",
        "search_result_index": result,
        "source": source,
        "title": None,
        "start_block_index": first,
        "end_block_index": last,
    }


def block(text: str, *citations: Event) -> list[Event]:
    deltas: list[Event] = [
        {"type": "text_delta", "text": text[at : at + 7]} for at in range(0, len(text), 7)
    ]
    deltas += [{"type": "citations_delta", "citation": one} for one in citations]
    return [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
    ]


def end(reason: str = "end_turn", **usage: object) -> list[Event]:
    counted = {"output_tokens": 20} | usage
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": counted},
        {"type": "message_stop"},
    ]


def error(kind: str) -> Event:
    return {"type": "error", "error": {"type": kind, "message": "it quotes: Halder signed"}}


def body(events: Iterable[Event | str]) -> str:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    kinds = ["content_block_delta" if isinstance(one, str) else one["type"] for one in events]
    return "".join(f"event: {k}\ndata: {t}\n\n" for k, t in zip(kinds, texts, strict=True))


class Wire:
    """A model behind a transport: keeps the requests, what it cost to begin, and what came before an error."""

    def __init__(self, answer: Callable[[], httpx2.Response]) -> None:
        self._answer = answer
        self.requests: list[dict[str, Any]] = []
        self.given: list[Claim | Finished] = []
        self.begun: list[Begun] = []

    async def ask(
        self,
        prompt: Prompt = PROMPT,
        options: Options = OPTIONS,
        contexts: Sequence[Context] = CONTEXTS,
    ) -> list[Claim]:
        transport = httpx2.MockTransport(self._handle)
        async with anthropic.AsyncAnthropic(
            api_key="key",
            base_url="http://model.test",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=transport),
        ) as sdk:
            async for item in Anthropic(sdk, options).stream(prompt, contexts):
                if isinstance(item, Begun):
                    self.begun.append(item)
                elif not isinstance(item, Failed):
                    self.given.append(item)
        return [item for item in self.given if isinstance(item, Claim)]

    @property
    def finished(self) -> Finished:
        last = self.given[-1]
        assert isinstance(last, Finished)
        return last

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(json.loads(request.content))
        return self._answer()


def streams(*events: Event | str) -> Wire:
    headers = {"content-type": "text/event-stream"}
    return Wire(lambda: httpx2.Response(200, headers=headers, text=body(events)))


def answers(status: int, kind: str | None = None, **headers: str) -> Wire:
    if kind is None:
        return Wire(lambda: httpx2.Response(status, headers=headers, text="<html>gateway</html>"))
    return Wire(lambda: httpx2.Response(status, headers=headers, json=error(kind)))


def raises(failure: Exception) -> Wire:
    def answer() -> httpx2.Response:
        raise failure

    return Wire(answer)


def whole(text: str) -> Support:
    at = CONTEXTS[1].chunk.text.index(text)
    return Support(context=1, start=at, end=at + len(text))
