"""The embedded engine runs the build of the installed sources, or refuses to start or to answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policy import Act, Allowed, Denied, Misconfigured, Unavailable
from policy.bundle import Bundle, installed, load_bundle, sha256
from policy.embedded import EmbeddedEngine
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
    assert engine.bundle_hash == load_bundle(installed()).hash


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
    with pytest.raises(Misconfigured, match="no policy sources"):
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
        *(engine.may_read(asker(), closed if i % 3 else open_label) for i in range(300))
    )
    assert answers == [Denied(reason="label") if i % 3 else Allowed() for i in range(300)]


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


async def test_more_labels_than_it_takes_are_unavailable(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        await engine.readable(asker(), [label("S", "X" * 17_000_000)])
    assert await engine.may_read(asker(), label("S")) == Allowed()


NOT_ANSWERS: list[Any] = [
    None,
    True,
    [],
    {},
    {"value": {"allow": True}},
    {"revision": "OURS"},
    {"revision": "OURS", "value": True},
    {"revision": "OURS", "value": None},
    {"revision": "OURS", "value": {"allow": "true"}},
    {"revision": "OURS", "value": {"allow": 1}},
    {"revision": "OURS", "value": {"allow": True, "reason": "label"}},
    {"revision": "OURS", "value": {"allow": False}},
    {"revision": "OURS", "value": {"allow": False, "reason": "because HARBOR exists"}},
    {"revision": "OURS", "value": {"allow": False, "reason": "label", "more": 1}},
    {"revision": "OURS", "value": [True]},
    {"revision": "OURS", "value": [False]},
    {"revision": "OURS", "value": [1]},
    {"revision": "OURS", "value": [-1]},
    {"revision": "OURS", "value": [0.0]},
    {"revision": "OURS", "value": [["explanation"]]},
    {"revision": "OURS", "value": "explanation"},
    {"revision": "OURS", "value": {"0": "explanation"}},
    {"revision": "OURS", "value": {"allow": True}, "more": 1},
    {"revision": "another", "value": {"allow": True}},
    {"revision": "another", "value": [0]},
    {"revision": None, "value": ["explanation"]},
]


@pytest.mark.parametrize("answer", NOT_ANSWERS, ids=repr)
async def test_what_is_not_exactly_an_answer_is_unavailable(
    engine: EmbeddedEngine, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(answer, dict) and answer.get("revision") == "OURS":
        answer = {**answer, "revision": engine.bundle_hash}

    async def evaluate(*_: object) -> object:
        return answer

    monkeypatch.setattr(engine, "_evaluate", evaluate)
    with pytest.raises(Unavailable):
        await engine.may_read(asker(), label("S"))
    with pytest.raises(Unavailable):
        await engine.permits(asker(), Act.ASK)
    if answer != {"revision": engine.bundle_hash, "value": []}:
        with pytest.raises(Unavailable):
            await engine.readable(asker(), [label("S")])
        with pytest.raises(Unavailable):
            await engine.fields(asker())


async def test_what_the_rules_leave_undefined_is_unavailable(
    engine: EmbeddedEngine,
) -> None:
    engine._policy.set_data({})
    with pytest.raises(Unavailable):
        await engine.may_read(asker(), label("U"))


async def test_rego_is_told_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = EmbeddedEngine(clock=lambda: 1_799_999_999_999_999_999)
    asked: list[Any] = []

    async def evaluate(entry: str, question: Any) -> object:
        asked.append(question)
        return {"revision": engine.bundle_hash, "value": []}

    monkeypatch.setattr(engine, "_evaluate", evaluate)
    await engine.fields(asker(purpose="audit"))
    await engine.close()
    assert asked[0]["now_ns"] == 1_799_999_999_999_999_999
    assert asked[0]["purpose"] == "audit"
    assert asked[0]["principal"] == asker().principal.to_json()
