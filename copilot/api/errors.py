"""What a client is told when something goes wrong: safe messages, stable codes and a trace id."""

import logging
import math
from typing import Any

from graphql import GraphQLError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from copilot.telemetry import trace_id
from policy.errors import BadInput, CopilotError, Forbidden, Unauthenticated, Unavailable

logger = logging.getLogger(__name__)

_STATUS: dict[type[CopilotError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    Unavailable: 503,
}

_CLIENTS = (CannotGetOperationTypeError, InvalidOperationTypeError)
"""What strawberry raises where the client names an operation that is not there, or not allowed here."""


class Refused(BadInput):
    """A request that is turned away before it is executed, with its own code and HTTP status."""

    def __init__(
        self, message: str, *, code: str, status: int = 400, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.refusal = code
        self.status = status
        self.retry_after_s = retry_after_s


def rate_limited(why: str, wait_s: float) -> Refused:
    """The refusal of somebody who asks for too much at a time."""
    seconds = max(1, math.ceil(wait_s))
    message = f"{why}; try again in {seconds} s"
    return Refused(message, code="RATE_LIMITED", status=429, retry_after_s=seconds)


class ClientErrors(MaskErrors):
    """Rewrites every error of a result for the client; unexpected ones keep nothing but the path.

    Without `hints` a message ends before it proposes names of the schema that resemble a wrong one.
    """

    def __init__(self, *, hints: bool) -> None:
        super().__init__()
        self._hints = hints

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return for_client(error, hints=self._hints)


def for_client(error: GraphQLError, *, hints: bool) -> GraphQLError:
    """The same error as a client may see it; what is already safe stays as it is."""
    if "code" in (error.extensions or {}):
        return error
    cause = cause_of(error)
    said = error.message if hints else error.message.partition(" Did you mean ")[0]
    return GraphQLError(
        said if cause is None else describe(cause)["message"],
        nodes=error.nodes,
        path=error.path,
        extensions={"code": "GRAPHQL_INVALID", "traceId": trace_id()}
        if cause is None
        else describe(cause)["extensions"],
    )


def refusal(error: Exception) -> GraphQLError:
    """An error that is safe for clients, for places where nothing rewrites it afterwards."""
    return GraphQLError(**describe(error))


def cause_of(error: GraphQLError) -> Exception | None:
    """What our code raised; None where GraphQL itself found the request wrong."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return None if isinstance(cause, _CLIENTS) else cause


def describe(error: Exception) -> dict[str, Any]:
    """Message and extensions for a client: those of a CopilotError, else only the trace id."""
    extensions: dict[str, Any] = {"code": "INTERNAL", "traceId": trace_id()}
    if not isinstance(error, CopilotError):
        return {
            "message": "internal error; name the trace id to the operator",
            "extensions": extensions,
        }
    extensions["code"] = error.refusal if isinstance(error, Refused) else error.code
    if isinstance(error, Refused) and error.retry_after_s is not None:
        extensions["retryAfter"] = error.retry_after_s
    if isinstance(error, Unavailable):
        extensions["dependency"] = error.dependency
    return {"message": error.message, "extensions": extensions}


def log(error: Exception) -> None:
    """Writes an error into the log: expected ones as a line, unexpected ones with their place."""
    if isinstance(error, CopilotError):
        level = logging.WARNING if isinstance(error, Unavailable) else logging.INFO
        logger.log(level, "%s: %s", error.code, error.message, exc_info=error.__cause__)
    else:
        logger.error("internal error", exc_info=error)


def status_of(error: Exception) -> int:
    """The HTTP status of an error that ends the whole request."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, CopilotError):
        return _STATUS.get(type(error), 400 if isinstance(error, BadInput) else 500)
    return 500


def as_response(error: Exception) -> Response:
    """An error that ends the whole request, in the shape of a GraphQL response."""
    log(error)
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Refused) and error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse({"errors": [describe(error)]}, status_of(error), headers)


async def on_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for what leaves a route: unknown paths, wrong methods, our own faults."""
    if isinstance(error, HTTPException):
        error = Refused(
            _HTTP.get(error.status_code, error.detail), code="HTTP", status=error.status_code
        )
    return as_response(error)


_HTTP = {
    404: "there is nothing here; GraphQL is at /graphql",
    405: "GraphQL takes POST with a JSON body here; subscriptions also a websocket",
}
