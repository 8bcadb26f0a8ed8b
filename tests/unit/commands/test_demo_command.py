"""The demo: loads a case file, asks as each of its people, verifies, and serves this machine alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot.commands import demo
from copilot.ledger.verify import Verification
from copilot.settings import Settings
from policy.errors import BadInput, CopilotError
from tests.unit.api.fakes import ANN, LEE
from tests.unit.commands.product import NOTHING, Product, typed

pytestmark = pytest.mark.anyio


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small case file, and a ledger that verifies."""
    folder = tmp_path / "case"
    (folder / "documents").mkdir(parents=True)
    text = '---\nlabel: {"classification": "U"}\n---\nA text.'
    (folder / "documents" / "one.md").write_text(text, "utf-8")
    people = {"ann": ANN.to_json(), "lee": LEE.to_json()}
    (folder / "principals.json").write_text(json.dumps(people), "utf-8")
    plan = {"principals": ["lee", "ann"], "questions": ["Who?", "When?"]}
    (folder / "demo.json").write_text(json.dumps(plan), "utf-8")
    found(monkeypatch, Verification(entries=3))
    return folder


def found(monkeypatch: pytest.MonkeyPatch, result: Verification) -> None:
    async def verify(url: str) -> Verification:
        return result

    async def seal_now(settings: Settings, url: str) -> None:
        assert url == "postgres://db"

    monkeypatch.setattr(demo, "verify", verify)
    monkeypatch.setattr(demo, "seal_now", seal_now)
    monkeypatch.setattr(demo, "database_url", lambda settings: "postgres://db")


async def test_the_demo_loads_asks_as_each_person_verifies_and_ends_where_told(
    product: Product,
    case: Path,
    listening: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    product.told = {"When?": NOTHING}
    assert await demo.demo(Settings(), typed("demo", case, "--once")) == 0
    assert [(who.principal.sub, what) for who, what in product.asked] == [
        ("ann", "ingest"),
        ("lee", "Who?"),
        ("ann", "Who?"),
        ("lee", "When?"),
        ("ann", "When?"),
    ]
    printed = capsys.readouterr().out
    assert "1 documents ingested, 2 already there" in printed
    assert " ann (S, HARBOR, USA):\n  [S//HARBOR]" in printed
    assert " lee (C, no compartments, GBR):" in printed
    assert "ledger verified: 3 entries" in printed
    assert listening == []


async def test_the_demo_serves_this_machine_alone_with_its_people(
    product: Product,
    case: Path,
    listening: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await demo.demo(Settings(), typed("demo", case, "--port", "9000")) == 0
    ((app, host, port),) = listening
    assert (host, port) == ("127.0.0.1", 9000)
    assert app == (product, {"demo_principals": {"ann": ANN, "lee": LEE}})
    assert "http://127.0.0.1:9000/graphql" in capsys.readouterr().out


async def test_the_demo_names_what_it_could_not_load(
    product: Product, case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case / "documents" / "two.exe").write_text("", "utf-8")
    assert await demo.demo(Settings(), typed("demo", case, "--once")) == 0
    assert "two.exe: not a kind of file" in capsys.readouterr().err


async def test_the_demo_needs_somebody_who_may_ingest(product: Product, case: Path) -> None:
    (case / "principals.json").write_text(json.dumps({"lee": LEE.to_json()}), "utf-8")
    with pytest.raises(BadInput, match="nobody has the role ingester"):
        await demo.demo(Settings(), typed("demo", case, "--once"))


async def test_the_demo_fails_where_the_ledger_does_not_verify(
    product: Product, case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, Verification(problems=["entry 1 is out of order"]))
    with pytest.raises(CopilotError, match="does not verify: entry 1 is out of order"):
        await demo.demo(Settings(), typed("demo", case, "--once"))
