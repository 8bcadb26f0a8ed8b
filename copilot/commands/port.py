"""Whether a port can be listened on, found out before anything else is done."""

import socket

from copilot.api.server import family
from policy.errors import BadInput


def require_free(host: str, port: int) -> None:
    """BadInput where the address cannot be bound: it is taken, or is none of this machine's."""
    try:
        with socket.socket(family(host, port), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = error.strerror or "no such address"
        raise BadInput(
            f"cannot listen on {host}:{port} ({reason}); end what runs there, or give another --port"
        ) from error
