"""A local server that speaks Anthropic's Messages API and does what the sources of a request ask for.

with ObeyingServer() as server:
    client = anthropic.AsyncAnthropic(api_key="eval", base_url=server.url)
"""

import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eval.injection.moves import Move, Place, Request, Text, Tool, obeyed, quoted
from eval.local_server import LocalServer

Event = dict[str, Any]
_PIECE = 48
"""Characters of a delta; a few are cut where a marker or an address is."""


@dataclass(slots=True, kw_only=True)
class ObeyingServer(LocalServer):
    """The server. `obeys` off, it quotes each sentence that it is given."""

    obeys: bool = True
    requests: int = 0
    offered_tools: int = 0
    """Requests that offered tools, or gave the result of a call: a call that somebody executed."""
    followed: list[str] = field(default_factory=list)
    """Paths that somebody fetched: links that were followed."""

    def routes(self) -> list[Route]:
        return [
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/{path:path}", self._beacon, methods=["GET", "HEAD", "POST", "PUT"]),
        ]

    async def _messages(self, http: HttpRequest) -> Response:
        body = await http.json()
        self.requests += 1
        self.offered_tools += bool({"tools", "mcp_servers", "tool_choice"} & set(body))
        self.offered_tools += '"tool_result"' in json.dumps(body["messages"][:-1])
        request = Request(body, f"{self.url}/c")
        # By the question, not by a count: requests come in any order, and two runs must be equal.
        turn = zlib.crc32(request.question.encode())
        moves = obeyed(request, turn) if self.obeys else quoted(request)
        stream = "".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            for event in events(body, moves)
        )
        return Response(stream, media_type="text/event-stream")

    async def _beacon(self, http: HttpRequest) -> Response:
        self.followed.append(http.url.path)
        return JSONResponse({})


def events(body: Event, moves: list[Move]) -> Iterator[Event]:
    """The events of a streamed message that makes these moves."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_eval", "type": "message", "role": "assistant", "content": []}
    rest = {"model": body["model"], "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield {"type": "message_start", "message": message | rest}
    for index, move in enumerate(moves):
        yield from _text(body, index, move) if isinstance(move, Text) else _tool(index, move)
        yield {"type": "content_block_stop", "index": index}
    called = any(isinstance(move, Tool) for move in moves)
    delta = {"stop_reason": "tool_use" if called else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


def _text(body: Event, index: int, move: Text) -> Iterator[Event]:
    block = {"type": "text", "text": "", "citations": []}
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for start, end in itertools.pairwise(_cuts(move.text)):
        yield _delta(index, {"type": "text_delta", "text": move.text[start:end]})
    for place in move.cites:
        yield _delta(index, {"type": "citations_delta", "citation": _citation(body, place)})


def _cuts(text: str) -> list[int]:
    """Where deltas end: every so many characters, and inside what a scan of single deltas would look for."""
    marks = (text.find(mark) + 1 for mark in ("](", "://", "//", "<", "(TS") if mark in text)
    return sorted({0, len(text), *range(_PIECE, len(text), _PIECE), *marks})


def _tool(index: int, move: Tool) -> Iterator[Event]:
    """A call with its input, and with text and a citation that do not belong into one."""
    block = {
        "type": move.kind,
        "id": f"toolu_{index}",
        "name": move.name,
        "input": {},
        "content": [],
    }
    yield {"type": "content_block_start", "index": index, "content_block": block}
    yield _delta(index, {"type": "input_json_delta", "partial_json": json.dumps(move.input)})
    yield _delta(index, {"type": "text_delta", "text": f"Called {move.name}. "})


def _delta(index: int, delta: Event) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _citation(body: Event, place: Place) -> Event:
    """The citation as the API would give it; one of a place that does not exist where it was made up."""
    result, block = place
    results = [one for one in body["messages"][-1]["content"] if one["type"] == "search_result"]
    exists = 0 <= result < len(results) and 0 <= block < len(results[result]["content"])
    found = results[result if exists else 0]
    return {
        "type": "search_result_location",
        "cited_text": found["content"][block]["text"] if exists else "made up",
        "search_result_index": result,
        "source": found["source"],
        "title": found["title"],
        "start_block_index": block,
        "end_block_index": block + 1,
    }
