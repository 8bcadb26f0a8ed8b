"""The GraphQL endpoint: HTTP and websocket around strawberry's view, closed at each edge."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import (  # type: ignore[attr-defined]  # of a package that is strawberry's own affair
    GraphQL,
    HTTPException,
)
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
from strawberry.types import ExecutionResult, SubscriptionExecutionResult

from copilot.api.context import Authenticator, Context
from copilot.api.errors import Refused, as_response
from copilot.api.limits import Limits
from copilot.api.origin import check_origin
from copilot.api.port import Copilot
from copilot.api.request import Requests
from copilot.api.schema import GovernedSchema
from copilot.api.socket import SocketAdapter, SocketHandler
from copilot.api.trusted import TrustedDocuments
from copilot.tokens import Identity
from policy.errors import CopilotError


class Endpoint(GraphQL[Context, None]):
    """Answers POST with a JSON body and graphql-transport-ws; streams over the latter, SSE or multipart."""

    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = SocketAdapter

    def __init__(
        self,
        copilot: Copilot,
        authenticator: Authenticator,
        limits: Limits,
        documents: TrustedDocuments,
        *,
        demo: bool,
    ) -> None:
        settings = copilot.settings
        super().__init__(
            GovernedSchema(limits, introspection=demo),
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(
                GRAPHQL_TRANSPORT_WS_PROTOCOL,
                GRAPHQL_SSE_PROTOCOL,
                MULTIPART_SUBSCRIPTION_PROTOCOL,
            ),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=10,
            allowed_origins=settings.allowed_origins,
        )
        self._requests = Requests(
            limits, documents, trusted_only=settings.trusted_documents and not demo
        )
        self._copilot = copilot
        self._authenticator = authenticator
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            headers = Headers(scope=scope)
            check_origin(headers, self.allowed_origins)
            _check_headers(headers, self._limits.body_bytes)
            response = await self.run(Request(scope, _limited(receive, self._limits)))
        except HTTPException as error:
            response = as_response(Refused(error.reason, code="BAD_REQUEST"))
        except CopilotError as error:
            response = as_response(error)
        await response(scope, receive, send)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002
    ) -> Context:
        context = Context(
            copilot=self._copilot, limits=self._limits, headers=dict(request.headers.items())
        )
        if not self.is_websocket_request(request):
            context.identity = await self._identity(context.headers)
        return context

    async def on_ws_connect(self, context: Context) -> dict[str, object] | None:
        """The token comes with the handshake or, from a browser, in connection_init."""
        given = {
            name.lower(): value
            for name, value in (context.connection_params or {}).items()
            if isinstance(value, str) and name.lower() in ("authorization", "x-copilot-as")
        }
        context.identity = await self._identity({**context.headers, **given})
        return None

    async def _identity(self, headers: Mapping[str, str]) -> Identity:
        """Who asks, once their sign-in is in the ledger."""
        found = await self._authenticator.identify(headers)
        if found.token is not None:
            await self._copilot.sign_ins.note(found.principal, found.token, found.expires_at)
        return found

    async def execute_operation(
        self,
        request: Request,
        request_adapter: Any,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        result = await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )
        if context.turned_away:
            raise context.turned_away
        return result

    def parse_json(self, data: str | bytes) -> dict[str, Any]:
        try:
            return self.parse_request(self.decode_json(data))
        except json.JSONDecodeError as error:
            raise Refused(f"the body is no JSON: {error.msg}", code="BAD_REQUEST") from error

    def parse_request(self, body: object) -> dict[str, Any]:
        """The parameters of one request, from a body or from a message of a websocket."""
        return self._requests.read(body)

    def decode_json(self, data: str | bytes) -> object:
        try:
            return json.loads(data, parse_constant=_no_constant)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError("not text, not a number or too deep", "", 0) from error

    def encode_json(self, data: object) -> str | bytes:
        return json.dumps(data, separators=(",", ":"), default=_plain)


def _check_headers(headers: Headers, most: int) -> None:
    # Only this type makes a browser ask first before it sends another site's request.
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        message = "send the operation as JSON, with Content-Type: application/json"
        raise Refused(message, code="BAD_REQUEST", status=415)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise Refused("Content-Length must be a number of bytes", code="BAD_REQUEST")
    if int(length[:20]) > most:
        raise _too_large(most)


def _limited(receive: Receive, limits: Limits) -> Receive:
    """Receives a body that is neither too large nor too slow; afterwards, disconnects."""
    taken, complete = 0, False
    deadline = asyncio.get_running_loop().time() + limits.body_s

    async def take() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            message_ = f"the body did not arrive within {limits.body_s:g} s"
            raise Refused(message_, code="TIMEOUT", status=408) from error
        taken += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if taken > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        return message

    return take


def _too_large(most: int) -> Refused:
    message = (
        f"the request is larger than {most} bytes; send less at once (copilot ingest takes files)"
    )
    return Refused(message, code="TOO_LARGE", status=413)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
