"""What only an OPA server can do wrong: whatever it does, nobody gets an answer that our rules did not give."""

import asyncio
import random
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from opa_client import AsyncOpaClient

from policy import Act, Allowed, Asker, Label, Misconfigured, Unavailable
from policy.bundle import Bundle, installed, load_bundle
from policy.opa_server import OpaServerEngine
from policy.publish import main as publish_main
from policy.rego_engine import ENTRY_POINTS
from tests.contract import oracle
from tests.contract.vectors import NOW, NOW_NS, a_call, a_label, an_asker

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def server_that_says(
    *chunks: bytes, hang: bool = False, delay: float = 0.0
) -> AsyncIterator[str]:
    """Answers every request with the same bytes; with `hang` it then says no more and stays."""
    stop = asyncio.Event()
    handlers = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        await reader.read(1000)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), delay)
        writer.writelines(chunks)
        if hang:
            await stop.wait()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        stop.set()
        server.close()
        await asyncio.gather(*filter(None, handlers))


def http(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def assert_unavailable(url: str, fault: str = "") -> None:
    """Every method refuses, within its time, and says which setting to look at."""
    engine = OpaServerEngine(url, timeout=0.8)
    asker, label = an_asker(random.Random(1)), a_label(random.Random(1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        made = await asyncio.gather(
            engine.may_read(asker, [label]),
            engine.readable(asker, [label]),
            engine.obstacles(asker, label),
            engine.permits(asker, Act.ASK),
            engine.fields(asker),
            engine.may_use(asker, "search", "asker"),
            engine.may_route(asker, a_call(random.Random(1))),
            engine.may_release(asker, cited=True, findings=[], strict=True),
            engine.check(),
            return_exceptions=True,
        )
    finally:
        await engine.close()
    assert loop.time() - began < 2.8
    for refused in made:
        assert isinstance(refused, Unavailable)
        assert refused.dependency == "policy"
        assert re.search(fault, refused.message)


async def test_a_dead_server_is_unavailable() -> None:
    async with server_that_says(b"") as url:
        pass
    await assert_unavailable(url, "cannot be reached.*OPA_URL")


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", http(b"1" * 99)[:80]])
async def test_a_hanging_server_is_unavailable(begun: bytes) -> None:
    async with server_that_says(begun, hang=True) as url:
        await assert_unavailable(url, "did not answer in time.*OPA_URL")


async def test_the_time_limit_covers_the_retry() -> None:
    async with server_that_says(b"", delay=0.5) as url:
        await assert_unavailable(url, "did not answer in time")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00\xff garbage \r\n\r\n",
        http(b"<html>hello</html>", kind="text/html"),
        http(b"allow"),
        http(b"\xff\xfe"),
        http(b"true"),
        http(b"[]"),
        http(b"{}"),
        http(b'{"result": null}'),
        http(b'{"result": true}'),
        http(b'{"result": [0]}'),
        http(b'{"result": {"allow": true}}'),
        http(b'{"result": {"revision": "x", "value": {"allow": true}}}'),
        http(b'{"result": {"value": {"allow": true}}}'),
        http(b'{"error": "x"}', "500 Internal Server Error"),
        http(b'{"code": "unauthorized"}', "401 Unauthorized"),
        http(b"", "302 Found"),
    ],
)
async def test_a_server_that_talks_nonsense_is_unavailable(said: bytes) -> None:
    async with server_that_says(said) as url:
        await assert_unavailable(url)


@pytest.fixture
async def published(opa_server_url: str) -> AsyncIterator[OpaServerEngine]:
    """Our policy on the real server; the test may spoil it."""
    engine = OpaServerEngine(opa_server_url, timeout=10)
    await engine.publish()
    yield engine
    await engine.close()


async def test_a_server_with_another_revision_is_unavailable(published: OpaServerEngine) -> None:
    sources = load_bundle(installed()).sources
    lax = Bundle(sources={**sources, "read.rego": sources["read.rego"] + b"\n# another revision\n"})
    other = OpaServerEngine(url_of(published), timeout=10, bundle=lax)
    await other.publish()
    await other.check()
    await other.close()
    await assert_unavailable(url_of(published), r"revision|other rules.*policy\.publish")


@pytest.mark.parametrize("entry", ENTRY_POINTS)
async def test_a_server_without_the_policy_is_unavailable(
    published: OpaServerEngine, entry: str
) -> None:
    async with published._server() as client:
        await client.delete_data("copilot/revision")
    with pytest.raises(Unavailable, match=r"OPA_URL.*policy\.publish"):
        await published._evaluate(entry, {})
    with pytest.raises(Unavailable, match=r"OPA_URL.*policy\.publish"):
        await published.check()


@pytest.mark.parametrize(
    "package",
    ["copilot", "copilot.read", "copilot.more.still", "intelgraph", "intelgraph.llm.route"],
)
async def test_a_rule_that_somebody_added_is_noticed_and_published_away(
    published: OpaServerEngine, package: str
) -> None:
    rule = f"package {package}\n\nextra := true\n"
    async with published._server() as client:
        await client.update_policy_from_string(rule, quote("some/wh?re #1.rego", safe=""))
    with pytest.raises(Unavailable, match="holds other rules"):
        await published.check()
    await published.publish()
    await published.check()


async def test_a_rule_that_somebody_removed_is_noticed(published: OpaServerEngine) -> None:
    async with published._server() as client:
        await client.delete_policy("copilot/acts.rego")
    with pytest.raises(Unavailable, match="holds other rules"):
        await published.check()


async def test_other_packages_of_a_shared_server_are_left_alone(
    published: OpaServerEngine,
) -> None:
    async with published._server() as client:
        await client.update_policy_from_string("package copilots\n\nx := 1\n", "others.rego")
    await published.publish()
    await published.check()
    async with published._server() as client:
        assert await client.delete_policy("others.rego")


async def test_nobody_gets_an_answer_until_a_policy_is_published_in_full(
    published: OpaServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = AsyncOpaClient.update_or_create_data

    async def break_off(client: AsyncOpaClient, data: dict[str, str], path: str) -> None:
        if data["bundle_hash"] == published.revision("t1"):
            raise ConnectionResetError
        await put(client, data, path)

    monkeypatch.setattr(AsyncOpaClient, "update_or_create_data", break_off)
    with pytest.raises(Unavailable):
        await published.publish()
    with pytest.raises(Unavailable):
        await published.fields(an_asker(random.Random(1)))


async def test_a_server_that_loads_our_folder_needs_no_publishing(opa_binary: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ["--log-level=error", "--ignore=*_test.rego", f"--addr={address}", str(installed())]
    server = await asyncio.create_subprocess_exec(opa_binary, "run", "--server", *options)
    engine = OpaServerEngine(f"http://{address}", clock=lambda: NOW_NS)
    try:
        await become_ready(engine)
        asker, label = readable_vector()
        assert await engine.may_read(asker, [label]) == [Allowed()]
    finally:
        await engine.close()
        server.terminate()
        await server.wait()


async def become_ready(engine: OpaServerEngine) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await engine.check()
            except Unavailable:
                await asyncio.sleep(0.05)


def readable_vector() -> tuple[Asker, Label]:
    draw = random.Random(13)
    while True:
        vector = an_asker(draw), a_label(draw)
        if oracle.may_read(*vector, NOW) == Allowed():
            return vector


async def test_a_closed_engine_connects_again(published: OpaServerEngine) -> None:
    await published.close()
    await published.close()
    await published.check()


def test_the_operator_publishes_by_command(
    opa_server_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish_main([opa_server_url]) == 0
    assert capsys.readouterr().out.strip() == load_bundle(installed()).hash
    assert publish_main(["http://127.0.0.1:1"]) == 1
    assert "OPA_URL" in capsys.readouterr().err
    assert publish_main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8181",
        "localhost",
        "ftp://localhost:8181",
        "http://",
        "http://localhost:99999",
        "http://localhost:8181/v1",
        "http://localhost:8181?x=1",
        "http://user:pass@localhost:8181",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="OPA_URL must be"):
        OpaServerEngine(url)


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://localhost", "http://localhost:8181/v1"),
        ("https://opa.example/", "https://opa.example:8181/v1"),
        ("http://[::1]:9000", "http://[::1]:9000/v1"),
    ],
)
async def test_the_address_is_taken_as_given(url: str, root: str) -> None:
    engine = OpaServerEngine(url)
    assert (await engine._connected()).root_url == root
    await engine.close()


def url_of(engine: OpaServerEngine) -> str:
    return f"http://{engine._address['host']}:{engine._address['port']}"
