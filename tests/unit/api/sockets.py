"""graphql-transport-ws, as a client speaks it."""

import json
from typing import Any

from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol


def connect(base_url: str, headers: dict[str, str] | None = None) -> ClientConnection:
    url = base_url.replace("http://", "ws://") + "/graphql"
    return open_socket(
        url, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers or {}
    )


def initialise(socket: ClientConnection, payload: dict[str, object]) -> dict[str, Any]:
    return exchange(socket, {"type": "connection_init", "payload": payload})


def exchange(socket: ClientConnection, message: dict[str, object]) -> dict[str, Any]:
    socket.send(json.dumps(message))
    received: dict[str, Any] = json.loads(socket.recv(timeout=5))
    return received


def subscribe(
    socket: ClientConnection, query: str, variables: dict[str, Any], id_: str = "1"
) -> None:
    payload = {"query": query, "variables": variables}
    socket.send(json.dumps({"type": "subscribe", "id": id_, "payload": payload}))


def until_complete(socket: ClientConnection) -> list[dict[str, Any]]:
    """The payloads of `next`, until the operation is complete."""
    payloads = []
    while (message := json.loads(socket.recv(timeout=10)))["type"] != "complete":
        payloads.append(message["payload"])
    return payloads
