"""The application on a real port, and a client that speaks to it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette

from copilot.api.server import configure
from copilot.tokens import issue
from policy.principal import Principal
from tests.unit.api.fakes import SECRET

OPERATIONS = Path(__file__).resolve().parents[3] / "graphql" / "operations"


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """The base URL of the application while it runs in a thread."""
    server = uvicorn.Server(configure(app, "127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def token(principal: Principal, **changes: Any) -> str:
    return issue(principal, **{"secret": SECRET, "audience": "copilot", **changes})


def bearer(principal: Principal, **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(principal, **changes)}"}


def post(
    base_url: str,
    query: str,
    variables: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    return post_json(base_url, {"query": query, "variables": variables or {}}, headers)


def post_json(
    base_url: str, body: object, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Any body, as JSON."""
    return httpx2.post(
        f"{base_url}/graphql",
        content=json.dumps(body),
        headers={"Content-Type": "application/json", **(headers or {})},
        timeout=20,
    )


def operation(name: str) -> str:
    return (OPERATIONS / f"{name}.graphql").read_text()
