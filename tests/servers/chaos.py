"""A TCP proxy before a real server, which at run time turns into one that is down, slow or talks nonsense.

    with Proxy(Http(), "127.0.0.1", 8181) as proxy:
        proxy.strike(Fault(kind=Kind.HANG, after=2))  # the third answer never comes
        proxy.heal()

What was struck stays struck: a connection that hangs does so for ever, as behind a router that forgot it.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol

_GARBAGE = random.Random(4711).randbytes(512)
_METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ", b"PATCH ")


class Kind(StrEnum):
    """How a dependency fails."""

    DOWN = "down"
    """Refuses connections, and breaks off those that it has."""
    HANG = "slow: never answers"
    TRICKLE = "slow: one byte a second"
    PARTIAL = "partial: cut within the answer"
    GARBAGE = "garbage: random bytes"
    NONSENSE = "garbage: well-formed, wrong content"
    EMPTY = "empty: closes without a byte"
    HOLLOW = "empty: well-formed, no content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to each answer after the first `after` requests since the strike."""

    kind: Kind
    after: int = 0
    keep: int = 12
    """Bytes that still come of an answer that is cut."""
    body: bytes = b""
    """What an HTTP answer becomes that is NONSENSE or HOLLOW."""
    content_type: bytes = b"application/json"


class Wire(Protocol):
    """One connection of a protocol: how its requests are counted and its answers falsified."""

    def requests(self, sent: bytes) -> int:
        """How many requests are complete with these bytes of the client."""

    def falsified(self, answer: bytes, fault: Fault) -> bytes:
        """These bytes of the server, as NONSENSE or HOLLOW."""


@dataclass(slots=True)
class Http:
    """HTTP/1.1 without pipelining: a request begins a packet."""

    _told: bool = False

    def requests(self, sent: bytes) -> int:
        begun = sent.startswith(_METHODS)
        self._told = self._told and not begun
        return int(begun)

    def falsified(self, answer: bytes, fault: Fault) -> bytes:
        if self._told:  # further packets of an answer that was replaced as a whole
            return b""
        self._told = True
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
        return head % (fault.content_type, len(fault.body)) + fault.body


@dataclass(slots=True)
class Postgres:
    """The frontend/backend protocol, version 3, without TLS."""

    _sent: bytearray = field(default_factory=bytearray)
    _answered: bytearray = field(default_factory=bytearray)
    _started: bool = False

    def requests(self, sent: bytes) -> int:
        """Simple queries and Syncs; the start of the connection is none."""
        self._sent += sent
        if not self._started:
            length = int.from_bytes(self._sent[:4])
            if len(self._sent) < 4 or len(self._sent) < length:
                return 0
            del self._sent[:length]
            self._started = True
        return sum(message[:1] in (b"Q", b"S") for message in _messages(self._sent))

    def falsified(self, answer: bytes, fault: Fault) -> bytes:
        self._answered += answer
        change = _scrambled if fault.kind is Kind.NONSENSE else _without_rows
        return b"".join(change(message) for message in _messages(self._answered))


def _messages(buffer: bytearray) -> list[bytes]:
    """Takes the complete messages off the buffer: a type, a length that counts itself, a body."""
    found = []
    while len(buffer) >= 5 and len(buffer) > (length := int.from_bytes(buffer[1:5])):
        found.append(bytes(buffer[: length + 1]))
        del buffer[: length + 1]
    return found


def _scrambled(message: bytes) -> bytes:
    """A row whose values have their length and other bytes."""
    if message[:1] != b"D":
        return message
    changed, at = bytearray(message), 7
    while at < len(changed):
        length = int.from_bytes(changed[at : at + 4], signed=True)
        at += 4
        for place in range(at, at + max(length, 0)):
            changed[place] ^= 0x15
        at += max(length, 0)
    return bytes(changed)


def _without_rows(message: bytes) -> bytes:
    return b"" if message[:1] == b"D" else message


Connect = Callable[[], Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass(slots=True, eq=False, kw_only=True)
class _Link:
    """One connection through the proxy."""

    task: asyncio.Task[None]
    wire: Wire
    hangs: bool = False
    """Neither side hears anything more, not even that the other has left."""


class Proxy:
    """The proxy, in a thread of its own, at `host`:`port`. `requests` counts since the last strike."""

    host = "127.0.0.1"

    def __init__(self, wire: Callable[[], Wire], connect: Connect) -> None:
        self.port = 0
        self.requests = 0
        self._wire = wire
        self._connect = connect
        self._fault: Fault | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def strike(self, fault: Fault) -> None:
        """From now on, also for connections that are open."""
        self._do(self._struck(fault))

    def heal(self) -> None:
        """As if nothing had been; what was struck meanwhile stays as it is."""
        self._do(self._healed())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _struck(self, fault: Fault) -> None:
        self._fault, self.requests = fault, 0
        if fault.after:
            return
        if fault.kind is Kind.DOWN:
            await self._refuse()
        elif fault.kind is Kind.HANG:
            for link in self._links:
                link.hangs = True

    async def _healed(self) -> None:
        self._fault, self.requests = None, 0
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accepted, self.host, self.port, backlog=256, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        ours = asyncio.current_task()
        ended = [link.task for link in self._links if link.task is not ours]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link = _Link(task=task, wire=self._wire(), hangs=self._at_once(Kind.HANG))
        self._links.add(link)
        try:
            if not self._at_once(Kind.EMPTY):
                await self._serve(link, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone, or we are to be down
        finally:
            self._links.discard(link)
            writer.transport.abort()

    async def _serve(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up_reader, up_writer = await self._connect()
        try:
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(self._ask(link, reader, up_writer))
                await self._answer(link, up_reader, writer)
                asking.cancel()
        except* OSError:
            pass
        finally:
            up_writer.transport.abort()

    async def _ask(
        self, link: _Link, reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            self.requests += link.wire.requests(data)
            if not link.hangs:
                server.write(data)
                await server.drain()
        if not link.hangs:
            server.transport.abort()

    async def _answer(
        self, link: _Link, server: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while data := await server.read(65536):
            fault = self._fault
            if link.hangs:
                continue
            if fault is None or (fault.after and self.requests <= fault.after):
                client.write(data)
            elif not await self._falsify(link, data, client, fault):
                return
            await client.drain()
        if link.hangs:
            await asyncio.Event().wait()

    def _at_once(self, kind: Kind) -> bool:
        return self._fault is not None and self._fault.kind is kind and self._fault.after == 0

    async def _falsify(
        self, link: _Link, data: bytes, client: asyncio.StreamWriter, fault: Fault
    ) -> bool:
        """Whether the connection goes on after what becomes of this answer."""
        match fault.kind:
            case Kind.DOWN:
                await self._refuse()
                return False
            case Kind.EMPTY:
                return False
            case Kind.HANG:
                link.hangs = True
            case Kind.TRICKLE:
                for byte in data:
                    if client.is_closing():
                        return False
                    client.write(bytes([byte]))
                    await asyncio.sleep(1)
            case Kind.PARTIAL:
                await _last(client, data[: fault.keep])
                return False
            case Kind.GARBAGE:
                await _last(client, _GARBAGE)
                return False
            case Kind.NONSENSE | Kind.HOLLOW:
                client.write(link.wire.falsified(data, fault))
        return True


async def _last(client: asyncio.StreamWriter, data: bytes) -> None:
    """Sends, and ends in good order: an abort could take back what was sent."""
    client.write(data)
    await client.drain()
    with suppress(OSError):
        client.write_eof()
    await asyncio.sleep(0.05)


def tcp(url_host: str, port: int) -> Connect:
    """The way to a server at an address."""
    return lambda: asyncio.open_connection(url_host, port)


def unix(folder: str, port: int = 5432) -> Connect:
    """The way to a Postgres whose socket lies in a folder."""
    return lambda: asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
