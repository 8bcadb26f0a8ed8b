"""graphql-transport-ws, closed where strawberry's own handling trusts what a client sends."""

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from copilot.api.context import Context
from copilot.api.errors import log, refusal
from policy.errors import CopilotError

FORBIDDEN = 4403
_CLOSE_REASON_BYTES = 120
"""A websocket's close frame holds 123."""


class SocketAdapter(ASGIWebSocketAdapter):
    """Closes with as much of the reason as a close frame holds."""

    async def close(self, code: int, reason: str) -> None:
        kept = reason.encode(errors="replace")[:_CLOSE_REASON_BYTES].decode(errors="ignore")
        await super().close(code, kept)


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Says why something is refused, where strawberry would only say that it is, or fail."""

    async def handle_message(self, message: Message) -> None:
        given: object = message
        if isinstance(given, dict) and isinstance(given.get("id", ""), str):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except CopilotError as error:
            log(error)
            await self.websocket.close(FORBIDDEN, error.message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self.connection_acknowledged:
            try:
                read = self.view.parse_request  # type: ignore[attr-defined]  # our Endpoint's
                message["payload"] = read(message["payload"])
            except CopilotError as error:
                log(error)
                said = refusal(error).formatted
                await self.send_message({"id": message["id"], "type": "error", "payload": [said]})
                return
        await super().handle_subscribe(message)
