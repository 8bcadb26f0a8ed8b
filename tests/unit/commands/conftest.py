"""What every command opens in place of the real product, and its settings."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from copilot import processes
from copilot.commands import demo, ingest, operate, provenance, query, serve
from copilot.settings import Settings
from tests.unit.api.fakes import ANN, LEE, SECRET
from tests.unit.commands.product import Product


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server or a bench does to its own process is not done to the one that runs the tests."""
    for name in ("collect_seldom", "share_heaps"):
        monkeypatch.setattr(processes, name, lambda: None)


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Product:
    """What every command opens in place of the real product."""
    made = Product()

    @asynccontextmanager
    async def opened(
        settings: Settings,
        embedder: object = None,
        *,
        sealing: bool = False,
        noting: bool = False,
    ) -> AsyncIterator[Product]:
        made.embedder, made.sealing = embedder, sealing
        if noting:
            await note_changes(settings, str(settings.database_url))
        yield made

    async def ready_url(settings: Settings) -> str:
        return str(settings.database_url)

    async def note_changes(settings: Settings, url: str) -> None:
        assert not made.warmed
        made.noted += [url]

    for module in (query, ingest, operate, demo, serve, provenance):
        monkeypatch.setattr(module, "opened", opened)
    monkeypatch.setattr(serve, "ready_url", ready_url)
    monkeypatch.setattr(serve, "note_changes", note_changes)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "principals.json"
    path.write_text(json.dumps({"ann": ANN.to_json(), "lee": LEE.to_json()}), "utf-8")
    return Settings(principals=path, act_as="ann", jwt_secret=SECRET, database_url="postgres://db")


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Where servers listened, and over what."""
    seen: list[tuple[Any, ...]] = []

    async def listen(app: object, host: str, port: int, *, together: bool = False) -> None:
        seen.append((app, host, port, *([together] if together else [])))

    for module in (serve, demo):
        monkeypatch.setattr(module, "listen", listen)
        monkeypatch.setattr(module, "require_free", lambda host, port: None, raising=False)
        monkeypatch.setattr(module, "create_app", lambda copilot, **more: (copilot, more))
    return seen
