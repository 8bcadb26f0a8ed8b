"""The web application: GraphQL, health, readiness and metrics, and in the demo a query page."""

import asyncio
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from copilot.api import graphiql
from copilot.api.context import Authenticator
from copilot.api.endpoint import Endpoint
from copilot.api.errors import log, on_error
from copilot.api.limits import Limits
from copilot.api.port import Copilot
from copilot.api.shell import Shell
from copilot.api.trusted import TrustedDocuments
from copilot.data_files import folder
from copilot.readiness import serves
from copilot.tokens import Verifier
from policy.principal import Principal

READY_S = 5.0
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


def create_app(
    copilot: Copilot,
    *,
    demo_principals: Mapping[str, Principal] | None = None,
    limits: Limits | None = None,
) -> Starlette:
    """The application around an opened Copilot, which it does not close.

    With `demo_principals` it is a demo: requests without a token act as the principal that they
    choose, by default the first; introspection and the query page are there, and any operation is taken.
    """
    limits = limits or Limits()
    authenticator = Authenticator(Verifier.from_settings(copilot.settings), demo_principals)
    operations = folder("graphql") / "operations"
    documents = TrustedDocuments.load(operations)
    demo = demo_principals is not None
    endpoint = Endpoint(copilot, authenticator, limits, documents, demo=demo)
    page = graphiql.routes(operations, demo_principals) if demo_principals else []

    async def ready(_: Request) -> Response:
        return await _ready(copilot)

    async def metrics(_: Request) -> Response:
        return Response(copilot.metrics.exposition(), media_type=EXPOSITION)

    return Starlette(
        routes=[
            *page,
            Route("/graphql", endpoint, methods=["POST"]),
            WebSocketRoute("/graphql", endpoint),
            Route("/healthz", _alive),
            Route("/readyz", ready),
            Route("/metrics", metrics),
        ],
        middleware=[
            Middleware(Shell, metrics=copilot.metrics),
            *_cors(copilot.settings.allowed_origins),
        ],
        exception_handlers={HTTPException: on_error, Exception: on_error},
    )


def _cors(origins: Collection[str]) -> list[Middleware]:
    """Lets pages of these origins read what they asked for; tokens only, never cookies."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Trace-Id", "Retry-After"],
        )
    ]


async def serve(app: Starlette, host: str, port: int, *, together: bool = False) -> None:
    """Serves until the process is told to stop; requests under way get 10 seconds to end.

    `together` with others that do so: the system deals connections out among them.
    """
    server = uvicorn.Server(configure(app, host, port))
    with ExitStack() as stack:
        listening = (
            [stack.enter_context(_shared(host, port, server.config.backlog))] if together else None
        )
        await server.serve(listening)


def _shared(host: str, port: int, backlog: int) -> socket.socket:
    """Listens beside others of this user's processes that do so as well."""
    return socket.create_server(
        (host, port), family=family(host, port), backlog=backlog, reuse_port=True
    )


def family(host: str, port: int) -> socket.AddressFamily:
    """Of the first address that the name stands for; OSError where it stands for none."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


def configure(app: Starlette, host: str, port: int) -> uvicorn.Config:
    """uvicorn without its own logging: its access log would repeat what stands in URLs."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws_max_size=Limits().message_bytes,
        ws_max_queue=8,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        # Compressed together, what a client sent and what it may not read would show in the length.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=10,
    )


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _ready(copilot: Copilot) -> Response:
    try:
        async with asyncio.timeout(READY_S):
            found = await copilot.ready()
    except TimeoutError:
        found = {"readiness": f"no answer within {READY_S:g} s"}
    except Exception as error:  # noqa: BLE001  a probe that fails for whatever reason is not ready
        log(error)
        found = {"readiness": "the check itself failed; see the log"}
    ready = serves(found)
    return JSONResponse({"ready": ready, "dependencies": found}, 200 if ready else 503)
