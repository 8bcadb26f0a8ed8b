"""Serving: in this process, or in forks of it that share what it has loaded."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from copilot import processes
from copilot.commands import serve
from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured
from tests.unit.commands.product import Product, typed


def test_nobody_is_served_who_could_not_prove_who_they_are(product: Product) -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET or COPILOT_JWKS_URL"):
        serve.serve(Settings(), typed("serve"))


def test_serve_listens_where_it_is_told(
    product: Product, settings: Settings, listening: list[tuple[Any, ...]]
) -> None:
    assert serve.serve(settings, typed("serve", "--port", "9000")) == 0
    assert listening == [((product, {}), "127.0.0.1", 9000)]
    assert product.warmed
    assert product.sealing
    assert product.noted == [str(settings.database_url)]  # what holds from now on is recorded first


def test_several_processes_listen_together_with_one_embedder(
    monkeypatch: pytest.MonkeyPatch,
    product: Product,
    settings: Settings,
    listening: list[tuple[Any, ...]],
) -> None:
    done: list[str] = []
    embedder = object()

    async def ready_url(given: Settings) -> str:
        done.append("migrated")
        return str(given.database_url)

    async def embedder_of(_: Settings) -> object:
        done.append("loaded")
        return embedder

    def run(count: int, work: processes.Work) -> int:
        done.append(f"{count} forks")
        asyncio.run(work())
        return 5 if count == 3 else 0

    monkeypatch.setattr(serve, "ready_url", ready_url)
    monkeypatch.setattr(serve, "embedder_of", embedder_of)
    monkeypatch.setattr(processes, "run", run)
    assert serve.serve(settings, typed("serve", "--processes", "3")) == 5
    assert done == ["migrated", "1 forks", "loaded", "3 forks"]
    assert listening == [((product, {}), "127.0.0.1", 8000, True)]
    assert product.embedder is embedder
    assert len(product.noted) == 1


def test_nobody_is_served_by_several_where_it_cannot_be_recorded_by_what(
    monkeypatch: pytest.MonkeyPatch, product: Product, settings: Settings
) -> None:
    monkeypatch.setattr(processes, "run", lambda count, _: 1 if count == 1 else 0)
    assert serve.serve(settings, typed("serve", "--processes", "3")) == 1


def test_a_port_that_is_taken_is_said_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    def taken(host: str, port: int) -> None:
        raise BadInput(f"cannot listen on {host}:{port}")

    monkeypatch.setattr(serve, "require_free", taken)
    with pytest.raises(BadInput, match=r"cannot listen on 127\.0\.0\.1:8000"):
        serve.serve(settings, typed("serve", "--processes", "2"))
