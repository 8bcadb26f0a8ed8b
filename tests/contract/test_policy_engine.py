"""One contract for both policy engines: they agree with each other and with the rules in plain Python."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from opa_client import AsyncOpaClient

from policy import (
    Act,
    Allowed,
    Asker,
    Classification,
    Decision,
    Denied,
    Label,
    Misconfigured,
    Principal,
    Unavailable,
)
from policy.bundle import Bundle, installed, load_bundle
from policy.embedded import EmbeddedEngine
from policy.opa_server import OpaServerEngine
from policy.publish import main as publish_main
from policy.rego_engine import ENTRY_POINTS, RegoEngine

pytestmark = pytest.mark.anyio

RANKS = {"U": 0, "C": 1, "S": 2, "TS": 3}
ACTS = {
    "analyst": {Act.ASK, Act.SEARCH, Act.READ},
    "ingester": {Act.INGEST},
    "auditor": {Act.AUDIT},
    "admin": {Act.ADMINISTER},
}
FIELDS = {
    "analyst": {"explanation", "usage", "timings_ms"},
    "ingester": set(),
    "auditor": {"explanation", "usage", "timings_ms", "scope"},
    "admin": {"usage", "timings_ms"},
}


@pytest.fixture(params=["embedded", "server"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[RegoEngine]:
    if request.param == "embedded":
        embedded = EmbeddedEngine()
        yield embedded
        await embedded.close()
        return
    server = OpaServerEngine(request.getfixturevalue("opa_server_url"), timeout=10)
    await server.publish()
    yield server
    await server.close()


def some(draw: random.Random, names: list[str]) -> frozenset[str]:
    return frozenset(name for name in names if draw.random() < 0.35)


def any_label(draw: random.Random) -> Label:
    return Label(
        tenant=draw.choice(["t1", "t1", "t1", "t1", "t2"]),
        classification=draw.choice(list(Classification)),
        compartments=some(draw, ["HARBOR", "KITE", "ORBIT"]),
        releasable_to=draw.choice([None, None, some(draw, ["USA", "GBR", "FRA"])]),
        authorities=some(draw, ["LEGAL", "MEDICAL"]),
        handling=some(draw, ["PII"]),
    )


def any_asker(draw: random.Random) -> Asker:
    principal = Principal(
        sub=f"p{draw.randrange(9)}",
        tenant=draw.choice(["t1", "t1", "t1", "t1", "t2"]),
        clearance=draw.choice(list(Classification)),
        compartments=frozenset(draw.sample(["HARBOR", "KITE", "ORBIT"], draw.choice([1, 2, 3, 3]))),
        nationality=draw.choice(["USA", "GBR", "FRA"]),
        authorities=frozenset(draw.sample(["LEGAL", "MEDICAL"], draw.choice([0, 1, 2, 2]))),
        roles=some(draw, list(ACTS)),
        purposes=tuple(sorted(some(draw, ["investigation", "audit"]))),
    )
    return Asker(
        principal=principal, purpose=draw.choice(["investigation", "audit", "curiosity", ""])
    )


def expected_read(asker: Asker, label: Label) -> Decision:
    who = asker.principal
    held = (
        who.tenant == label.tenant
        and RANKS[who.clearance] >= RANKS[label.classification]
        and not label.compartments - who.compartments
        and not label.authorities - who.authorities
        and (label.releasable_to is None or who.nationality in label.releasable_to)
    )
    return Allowed() if held else Denied(reason="label")


def expected_act(asker: Asker, act: Act) -> Decision:
    if not any(act in ACTS[role] for role in asker.principal.roles):
        return Denied(reason="role")
    held = asker.purpose in asker.principal.purposes
    return Allowed() if held else Denied(reason="purpose")


async def test_each_label_is_decided_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(3)
    vectors = [(any_asker(draw), any_label(draw)) for _ in range(2000)]
    expected = [expected_read(*vector) for vector in vectors]
    assert [await engine.may_read(*vector) for vector in vectors] == expected
    assert 200 < expected.count(Allowed()) < 1800


async def test_readable_is_the_same_decision_over_many(engine: RegoEngine) -> None:
    draw = random.Random(5)
    for _ in range(60):
        asker, labels = any_asker(draw), [any_label(draw) for _ in range(50)]
        allowed = {i for i, x in enumerate(labels) if expected_read(asker, x) == Allowed()}
        assert await engine.readable(asker, labels) == allowed


async def test_no_labels_are_readable_among_none(engine: RegoEngine) -> None:
    assert await engine.readable(any_asker(random.Random(1)), []) == frozenset()


async def test_acts_and_fields_are_decided_as_the_rules_say(engine: RegoEngine) -> None:
    draw = random.Random(7)
    for _ in range(300):
        asker, act = any_asker(draw), draw.choice(list(Act))
        assert await engine.permits(asker, act) == expected_act(asker, act)
        opened = set[str]().union(*(FIELDS[role] for role in asker.principal.roles))
        assert await engine.fields(asker) == opened


NONSENSE: list[Any] = [None, True, 0, -1, 1.5, "", "S", "t1", [], [None], [[]], {}, {"0": "SI"}]


async def test_input_that_is_not_understood_is_denied(engine: RegoEngine) -> None:
    """Each field of label and principal in turn missing or of another type than it should be."""
    draw = random.Random(11)
    who = Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.TS,
        compartments=frozenset(["SI"]),
        nationality="USA",
        authorities=frozenset(["LEGAL"]),
    ).to_json()
    label = {
        "tenant": "t1",
        "classification": "S",
        "compartments": ["SI"],
        "releasable_to": ["USA"],
        "authorities": ["LEGAL"],
        "handling": [],
    }
    assert (await decided(engine, who, label))["allow"] is True
    for field in (*label, "caveat"):
        for value in NONSENSE:
            if (field, value) in OPEN_ALL_THE_SAME:
                continue
            closed = {"allow": False, "reason": "label"}
            assert await decided(engine, who, {**label, field: value}) == closed, (field, value)
    for field in ("tenant", "clearance", "compartments", "nationality", "authorities"):
        value = draw.choice([value for value in NONSENSE if value not in ("S", "t1")])
        assert not (await decided(engine, {**who, field: value}, label))["allow"], (field, value)


OPEN_ALL_THE_SAME: list[Any] = [
    ("tenant", "t1"),
    ("classification", "S"),
    ("compartments", []),
    ("authorities", []),
    ("handling", []),
]


async def decided(engine: RegoEngine, who: Any, label: Any) -> Any:
    answer: Any = await engine._evaluate("may_read", {"principal": who, "label": label})
    return answer["value"]


async def test_both_engines_name_the_same_revision(engine: RegoEngine) -> None:
    await engine.check()
    assert engine.bundle_hash == load_bundle(installed()).hash


# What only a server can do wrong.


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


async def assert_unavailable(url: str, fault: str | None = None) -> None:
    """Every method refuses, within its time, and says which setting to look at."""
    engine = OpaServerEngine(url, timeout=0.6)
    asker, label = any_asker(random.Random(1)), any_label(random.Random(1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    questions: list[Callable[[], Any]] = [
        lambda: engine.may_read(asker, label),
        lambda: engine.readable(asker, [label]),
        lambda: engine.permits(asker, Act.ASK),
        lambda: engine.fields(asker),
        engine.check,
    ]
    for question in questions:
        with pytest.raises(Unavailable, match=fault) as refused:
            await question()
        assert refused.value.dependency == "policy"
    await engine.close()
    assert loop.time() - began < len(questions) * 1.0


async def test_a_dead_server_is_unavailable() -> None:
    async with server_that_says(b"") as url:
        pass
    await assert_unavailable(url, "cannot be reached.*OPA_URL")


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", http(b"1" * 99)[:80]])
async def test_a_hanging_server_is_unavailable(begun: bytes) -> None:
    async with server_that_says(begun, hang=True) as url:
        await assert_unavailable(url, "did not answer in time.*OPA_URL")


async def test_the_time_limit_covers_the_retry() -> None:
    async with server_that_says(b"", delay=0.4) as url:
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


@pytest.mark.parametrize("package", ["copilot", "copilot.read", "copilot.more.still"])
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
        if data["bundle_hash"] == published.bundle_hash:
            raise ConnectionResetError
        await put(client, data, path)

    monkeypatch.setattr(AsyncOpaClient, "update_or_create_data", break_off)
    with pytest.raises(Unavailable):
        await published.publish()
    with pytest.raises(Unavailable):
        await published.fields(any_asker(random.Random(1)))


async def test_a_server_that_loads_our_folder_needs_no_publishing(opa_binary: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ["--log-level=error", "--ignore=*_test.rego", f"--addr={address}", str(installed())]
    server = await asyncio.create_subprocess_exec(opa_binary, "run", "--server", *options)
    engine = OpaServerEngine(f"http://{address}")
    try:
        await become_ready(engine)
        assert await engine.may_read(*readable_vector()) == Allowed()
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
        vector = any_asker(draw), any_label(draw)
        if expected_read(*vector) == Allowed():
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
