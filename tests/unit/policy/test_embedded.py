"""The embedded engine runs the build of the installed sources, or refuses to start or to answer."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from policy import Act, Allowed, Call, Denied, Misconfigured, Unavailable
from policy.bundle import Bundle, installed, load_bundle, sha256
from policy.embedded import EmbeddedEngine
from policy.rego_engine import ENTRY_POINTS, RegoEngine
from tests.unit.policy.fakes import asker, label

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine()
    yield engine
    await engine.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the installed bundle, to damage."""
    for file in installed().iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


async def test_it_is_ready_and_names_the_hash_of_its_sources(engine: EmbeddedEngine) -> None:
    await engine.check()
    assert engine.revision("t1") == load_bundle(installed()).hash


def test_the_hash_covers_names_and_contents_of_the_rules_and_not_of_their_tests(
    folder: Path,
) -> None:
    before = load_bundle(folder)
    assert not [name for name in before.sources if name.endswith("_test.rego")]
    (folder / "new_test.rego").write_bytes(b"package copilot.new_test")
    assert load_bundle(folder).hash == before.hash
    (folder / "read.rego").rename(folder / "lies.rego")
    assert load_bundle(folder).hash != before.hash
    moved = Bundle(sources={"a": b"bc", "d": b""}), Bundle(sources={"a": b"b", "cd": b""})
    assert moved[0].hash != moved[1].hash


def rewrite_wasm(folder: Path, wasm: bytes) -> None:
    """Puts another WASM in place, with a revision that vouches for it."""
    (folder / "policy.wasm").write_bytes(wasm)
    revision = json.loads((folder / "data.json").read_text())
    revision["copilot"]["revision"]["wasm_sha256"] = sha256(wasm)
    (folder / "data.json").write_text(json.dumps(revision))


@pytest.mark.parametrize("file", ["read.rego", "acts.rego", "policy.wasm"])
def test_a_wasm_of_other_sources_is_refused(folder: Path, file: str) -> None:
    with (folder / file).open("ab") as content:
        content.write(b"\n")
    with pytest.raises(Misconfigured, match=r"not built from .*`python -m policy\.build"):
        EmbeddedEngine(folder)


@pytest.mark.parametrize("file", ["policy.wasm", "data.json"])
def test_a_missing_file_is_refused(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(Misconfigured, match="missing or damaged"):
        EmbeddedEngine(folder)


@pytest.mark.parametrize("content", ["{}", "[]", '{"copilot": {"revision": {}}}', "null"])
def test_a_revision_that_names_nothing_is_refused(folder: Path, content: str) -> None:
    (folder / "data.json").write_text(content)
    with pytest.raises(Misconfigured, match="names no revision"):
        EmbeddedEngine(folder)


def test_a_damaged_revision_is_refused(folder: Path) -> None:
    (folder / "data.json").write_text("{")
    with pytest.raises(Misconfigured, match="missing or damaged"):
        EmbeddedEngine(folder)


def test_an_installation_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"has no sources \(\*\.rego\)"):
        EmbeddedEngine(tmp_path)


def test_what_is_no_wasm_is_refused(folder: Path) -> None:
    rewrite_wasm(folder, b"no wasm")
    with pytest.raises(Misconfigured, match="cannot be loaded"):
        EmbeddedEngine(folder)


def test_a_wasm_that_needs_the_host_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opapywasm.OpaWasmPolicy.builtins", {"http.send": 0})
    with pytest.raises(Misconfigured, match="host builtins"):
        EmbeddedEngine(folder)


async def test_it_serves_many_askers_at_once(engine: EmbeddedEngine) -> None:
    open_label, closed = label("S"), label("TS")
    answers = await asyncio.gather(
        *(engine.may_read(asker(), [closed if i % 3 else open_label]) for i in range(300))
    )
    assert answers == [[Denied(reason="label") if i % 3 else Allowed()] for i in range(300)]


async def test_a_closed_engine_answers_nobody() -> None:
    engine = EmbeddedEngine()
    await engine.close()
    with pytest.raises(Unavailable) as refused:
        await engine.fields(asker())
    assert refused.value.dependency == "policy"


async def test_an_evaluation_that_takes_too_long_is_unavailable() -> None:
    engine = EmbeddedEngine(timeout=0.01)
    with pytest.raises(Unavailable):
        await engine.readable(asker(), [label("S", f"C{i}") for i in range(20_000)])
    await engine.close()


async def test_the_time_limit_covers_the_wait_for_a_thread() -> None:
    engine = EmbeddedEngine(timeout=0.5)
    await engine.check()
    released = threading.Event()
    loop = asyncio.get_running_loop()
    for _ in range(2):  # both threads are held
        engine._evaluator._threads.submit(released.wait)
    began = loop.time()
    try:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(engine.may_read(asker(), [label("S")]), 5)
    finally:
        released.set()
    assert loop.time() - began < 2
    assert await engine.may_read(asker(), [label("S")]) == [Allowed()]
    await engine.close()


async def test_more_labels_than_it_takes_are_unavailable(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        await engine.readable(asker(), [label("S", "X" * 17_000_000)])
    assert await engine.may_read(asker(), [label("S")]) == [Allowed()]


CALL = Call(provider="anthropic", model="m", label=label("S"))


def questions(engine: RegoEngine) -> list[Coroutine[Any, Any, object]]:
    """One for each entry point, in the order of ENTRY_POINTS."""
    return [
        engine.readable(asker(), [label("S")]),
        engine.may_read(asker(), [label("S")]),
        engine.obstacles(asker(), label("S")),
        engine.permits(asker(), Act.ASK),
        engine.fields(asker()),
        engine.may_use(asker(), "search", "asker"),
        engine.may_route(asker(), CALL),
        engine.may_release(asker(), cited=True, findings=[], strict=True),
    ]


EXACT: dict[str, list[Any]] = {
    "readable": [{"positions": [0], "until_s": None}, {"positions": [], "until_s": 7}],
    "may_read": [[{"allow": True}], [{"allow": False, "reason": "label"}]],
    "obstacles": [[], ["clearance"]],
    "permits": [{"allow": True, "step_up": False}, {"allow": False, "reason": "purpose"}],
    "fields": [[], ["explanation"]],
    "may_use": [{"allow": True}, {"allow": False, "reason": "tool"}],
    "may_route": [{"allow": True, "reason": ""}, {"allow": False, "reason": "handling"}],
    "may_release": [{"action": "release"}, {"action": "redact"}, {"action": "refuse"}],
}
"""Every form that an answer may have, by entry point."""

VALUES: list[Any] = [
    *(None, True, 1, "", "explanation", [], {}, {"0": "explanation"}),
    *([{"allow": True}, {"allow": True}], [{"allow": True, "step_up": True}]),
    *([True], [False], [1], [-1], [0.0], [None], [["explanation"]], [0], ["explanation", 1]),
    *({"allow": "true"}, {"allow": 1}, {"allow": None}, {"allow": False}, {"allow": True}),
    *({"allow": True, "reason": "label"}, {"allow": True, "reason": None}),
    *({"allow": True, "step_up": "no"}, {"allow": True, "step_up": True, "more": 1}),
    *({"allow": True, "reason": "", "more": 1}, {"allow": False, "reason": ""}),
    *({"allow": False, "reason": "label", "more": 1}, {"allow": False, "reason": ["label"]}),
    {"positions": [0]},
    *({"positions": [at], "until_s": None} for at in (True, -1, 1, 0.0, "0", None)),
    *({"positions": [], "until_s": True}, {"positions": [], "until_s": 1.5}),
    *({"positions": [], "until_s": "7"}, {"positions": [], "until_s": []}),
    *({"positions": {"0": 0}, "until_s": None}, {"positions": [], "until_s": None, "more": 1}),
    *({"action": "allow"}, {"action": True}, {"action": None}, {"action": "release", "more": 1}),
]
"""What might come instead, of which each entry point takes but its own forms."""


def said(engine: RegoEngine, value: object) -> dict[str, object]:
    return {"revision": engine.revision("t1"), "value": value}


async def answers(
    engine: RegoEngine, answer: object, monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    """What each entry point makes of it; Unavailable where it makes nothing of it."""

    async def evaluate(*_: object) -> object:
        return answer

    monkeypatch.setattr(engine, "_evaluate", evaluate)
    made = await asyncio.gather(*questions(engine), return_exceptions=True)
    return dict(zip(ENTRY_POINTS, made, strict=True))


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_a_value_that_is_not_exactly_an_answer_is_unavailable(
    engine: EmbeddedEngine, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry, made in (await answers(engine, said(engine, value), monkeypatch)).items():
        if not any(json.dumps(value) == json.dumps(form) for form in _forms(entry)):
            assert isinstance(made, Unavailable), entry


def _forms(entry: str) -> list[Any]:
    if entry in ("obstacles", "fields"):
        return [[], ["explanation"]]
    # Why a provider is refused is told by the accreditation, which has words of its own.
    free = [{"allow": False, "reason": "label"}] if entry == "may_route" else []
    return EXACT[entry] + free


async def test_exact_answers_are_taken(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry, forms in EXACT.items():
        for form in forms:
            made = (await answers(engine, said(engine, form), monkeypatch))[entry]
            assert not isinstance(made, BaseException), (entry, form)
    open_to_more = {"allow": True, "step_up": True}
    made = await answers(engine, said(engine, open_to_more), monkeypatch)
    assert made["permits"] == Allowed(step_up=True)


@pytest.mark.parametrize("entry", ENTRY_POINTS)
async def test_an_answer_of_another_revision_or_shape_is_unavailable(
    engine: EmbeddedEngine, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = said(engine, EXACT[entry][0])
    strange: list[object] = [
        *(None, True, [], {}, [good], {"value": good["value"]}, {"revision": good["revision"]}),
        *({**good, "more": 1}, {**good, "revision": "another"}, {**good, "revision": None}),
    ]
    assert not isinstance((await answers(engine, good, monkeypatch))[entry], BaseException)
    for answer in strange:
        assert isinstance((await answers(engine, answer, monkeypatch))[entry], Unavailable), answer


async def test_what_the_rules_leave_undefined_is_unavailable(
    engine: EmbeddedEngine,
) -> None:
    engine._evaluator._policy.set_data({})
    for question in questions(engine):
        with pytest.raises(Unavailable):
            await question


async def test_rego_is_told_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = EmbeddedEngine(clock=lambda: 1_799_999_999_999_999_999)
    asked: list[Any] = []

    async def evaluate(entry: str, question: Any) -> object:
        asked.append(question)
        return {"revision": engine.revision("t1"), "value": []}

    monkeypatch.setattr(engine, "_evaluate", evaluate)
    await engine.fields(asker(purpose="audit"))
    await engine.close()
    assert asked[0]["now_ns"] == 1_799_999_999_999_999_999
    assert asked[0]["purpose"] == "audit"
    assert asked[0]["principal"] == asker().principal.to_input()
