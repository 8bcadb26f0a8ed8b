"""The schema: the types and resolvers, with every limit that holds for all operations."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from copilot.api.admission import Admission
from copilot.api.errors import ClientErrors, Refused, cause_of, log, refusal
from copilot.api.limits import Limits
from copilot.api.resolvers import Mutation, Query, Subscription
from copilot.api.turns import Turns

_OF_ONE_RESULT = frozenset([OperationType.QUERY, OperationType.MUTATION])


class GovernedSchema(strawberry.Schema):
    """A schema whose operations end in time and whose errors are logged without their texts."""

    def __init__(self, limits: Limits, *, introspection: bool) -> None:
        turns = Turns(limits)
        super().__init__(
            Query,
            Mutation,
            Subscription,
            config=StrawberryConfig(disable_field_suggestions=not introspection),
            extensions=[
                lambda: ClientErrors(hints=introspection),
                lambda: Admission(limits, turns),
                *([] if introspection else [DisableIntrospection]),
            ],
        )
        self._limit_s = limits.operation_s

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        kwargs["allowed_operation_types"] = _OF_ONE_RESULT
        try:
            async with asyncio.timeout(self._limit_s):
                return await super().execute(*args, **kwargs)
        except TimeoutError:
            return self._too_late()
        except InvalidOperationTypeError as error:
            message = "a subscription needs a websocket, or the header Accept: text/event-stream"
            raise Refused(message, code="BAD_REQUEST") from error

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        return self._in_time(await super().stream(*args, **kwargs))

    async def _in_time(self, source: Any) -> AsyncGenerator[Any, None]:
        deadline = asyncio.get_running_loop().time() + self._limit_s
        async with aclosing(source):
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        result = await anext(source)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    yield self._too_late()
                    return
                yield result

    def _too_late(self) -> ExecutionResult:
        message = f"stopped after {self._limit_s:g} s; ask for less at once, or try again later"
        return ExecutionResult(
            data=None, errors=[refusal(Refused(message, code="TIMEOUT"))], extensions=None
        )

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002
    ) -> None:
        for error in errors:
            if cause := cause_of(error):
                log(cause)


def sdl() -> str:
    """The schema in GraphQL's own language, as `graphql/schema.graphql` has it."""
    return GovernedSchema(Limits(), introspection=True).as_str() + "\n"
