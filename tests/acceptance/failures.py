"""Each dependency times each way to fail: what comes of it, and how long that takes."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2

from copilot import tokens
from tests.servers.besieged import DATABASE_S, MODEL_S, POLICY_S, Besieged
from tests.servers.broken_ledger import BREAKAGES, broken
from tests.servers.chaos import Fault, Kind
from tests.unit.api.live import operation, post

SLACK_S = 2.0
"""What an error may take beyond the timeout of the dependency that fails."""
QUESTION = "Who is our informant PILOTFISH?"
ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ask": ("Ask", {"question": QUESTION}),
    "search": ("Search", {"question": QUESTION}),
    "document": ("Document", {"id": "IR-2024-030"}),
    "entity": ("Entity", {"name": "PILOTFISH"}),
}
RELEASED = frozenset(["Answer", "SearchResult", "Document", "Entity"])
UNCODED = "an error without a code"
_INSIDE = re.compile(
    r"Traceback|File \"|site-packages|127\.0\.0\.1|localhost|:\d{4,5}\b|psycopg|aiohttp"
)

TIMEOUTS: dict[str, float] = {
    "postgres": DATABASE_S,
    "policy": POLICY_S,
    "model": MODEL_S,
    "identity": tokens.JWKS_TIMEOUT_S,
    "ledger": DATABASE_S,
}
CELLS = [
    *((name, str(kind)) for name in TIMEOUTS if name != "ledger" for kind in Kind),
    *(("ledger", way) for way in BREAKAGES),
]
"""Every dependency with every way in which it fails."""

_EVENT = b'event: message_start\ndata: {"type": "message_start", "message": 7}\n\n'
_BODIES: dict[tuple[str, Kind], tuple[bytes, bytes]] = {
    ("policy", Kind.NONSENSE): (b"application/json", b'{"result": {"allow": "true"}}'),
    ("policy", Kind.HOLLOW): (b"application/json", b"{}"),
    ("model", Kind.NONSENSE): (b"text/event-stream", _EVENT),
    ("model", Kind.HOLLOW): (b"text/event-stream", b""),
    ("identity", Kind.NONSENSE): (b"application/json", b'{"keys": {"kid": 7}}'),
    ("identity", Kind.HOLLOW): (b"application/json", b'{"keys": []}'),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one act gave."""

    act: str
    status: int
    text: str
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        """The result, empty where there is an error in its place."""
        data = json.loads(self.text).get("data") or {}
        return next(iter(data.values()), None) or {}

    @property
    def kind(self) -> str:
        """The type of the result, or the code of the error; with the dependency that it names."""
        said = self.result or json.loads(self.text)["errors"][0].get("extensions", {})
        name = said.get("__typename") or said.get("code", UNCODED)
        return f"{name} ({said['dependency']})" if said.get("dependency") else str(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One dependency, one way to fail, and what came of every act that needs it."""

    dependency: str
    fault: str
    replies: tuple[Reply, ...]
    after: Reply
    """The first ask when the dependency is back."""

    @property
    def kinds(self) -> list[str]:
        return sorted({reply.kind for reply in self.replies})

    @property
    def seconds(self) -> float:
        """The slowest act's."""
        return max(reply.seconds for reply in self.replies)

    @property
    def bound(self) -> float:
        """The most that an act may take."""
        return TIMEOUTS[self.dependency] + SLACK_S

    def told(self, reply: Reply) -> bool:
        """Whether the reply names what failed; a read-only database takes nothing else either."""
        if self.fault == "read-only":
            return "read-only" in reply.text
        full = "disk is full" in reply.text or not self.fault.startswith("disk full")
        return full and f"({self.dependency})" in reply.kind

    def wrong(self, world: Besieged) -> Iterator[str]:
        """Every promise that was broken."""
        for reply in (*self.replies, self.after):
            yield from (f"{reply.act}: {one}" for one in _ungoverned(reply, world))
        for reply in self.replies:
            if reply.kind in RELEASED | {UNCODED}:
                yield f"{reply.act}: {reply.kind}, {reply.text}"
            if not self.told(reply):
                yield f"{reply.act}: does not say what is wrong: {reply.kind}, {reply.text}"
            if reply.seconds > self.bound:
                yield f"{reply.act}: took {reply.seconds:.2f} s of {self.bound:.1f}"
        if self.after.kind != "Answer":
            yield f"did not recover: {self.after.text}"


def measure(world: Besieged, dependency: str, fault: str) -> Cell:
    """Every act that needs the dependency at once while it fails, then an ask when it is back."""
    if dependency == "ledger":
        with broken(world.database_url, fault):
            replies = _all(world, dependency)
    else:
        world.proxies[dependency].strike(_fault(dependency, Kind(fault)))
        try:
            replies = _all(world, dependency)
        finally:
            world.heal()
    after = _act(world, "ask", _token(world, dependency))
    return Cell(dependency=dependency, fault=fault, replies=replies, after=after)


def _fault(dependency: str, kind: Kind) -> Fault:
    content_type, body = _BODIES.get((dependency, kind), (b"", b""))
    return Fault(kind=kind, body=body, content_type=content_type)


def _all(world: Besieged, dependency: str) -> tuple[Reply, ...]:
    token = _token(world, dependency)
    acts = ["ask"] if dependency == "model" else list(ACTS)
    with ThreadPoolExecutor(len(acts)) as pool:
        return tuple(pool.map(lambda act: _act(world, act, token), acts))


def _token(world: Besieged, dependency: str) -> str:
    return world.tokens["identity" if dependency == "identity" else "lead"]


def _act(world: Besieged, act: str, token: str) -> Reply:
    """One act of the lead, over HTTP."""
    name, variables = ACTS[act]
    headers = {"Authorization": f"Bearer {token}"}
    began = time.monotonic()
    response: httpx2.Response = post(world.base_url, operation(name), variables, headers)
    seconds = time.monotonic() - began
    return Reply(act=act, status=response.status_code, text=response.text, seconds=seconds)


def _ungoverned(reply: Reply, world: Besieged) -> Iterator[str]:
    kind = reply.kind
    if found := _INSIDE.search(reply.text):
        yield f"shows what is inside: {found[0]}"
    if kind in RELEASED | {"NotFound"}:
        if not world.recorded(str(reply.result["ledgerId"])):
            yield f"{kind} without a record"
    elif any(sentence in reply.text for sentence in world.corpus):
        yield f"{kind} with text of the corpus"
    lost = "(model)" in kind or "(policy)" in kind
    if lost and "ledgerId" in reply.result and not world.recorded(str(reply.result["ledgerId"])):
        yield "the failure is not recorded, and the ledger would have taken it"
