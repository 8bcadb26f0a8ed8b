"""What stands between a request and its execution: size, texts, a turn, and the cost that it is charged."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from graphql import DocumentNode, get_operation_ast
from strawberry.extensions import SchemaExtension

from copilot.api.context import Context
from copilot.api.cost import Size, measure
from copilot.api.errors import Refused, log, rate_limited, refusal
from copilot.api.limits import Limits
from copilot.api.shape import excess
from copilot.api.texts import plain, texts
from copilot.api.turns import Turns
from policy.errors import BadInput, CopilotError


class Admission(SchemaExtension):
    """Refuses an operation before it is executed, or holds a turn for it until it has ended."""

    def __init__(self, limits: Limits, turns: Turns) -> None:
        self._limits = limits
        self._turns = turns
        self._held = AsyncExitStack()

    async def on_operation(self) -> AsyncIterator[None]:
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        async with self._held:
            yield

    async def on_validate(self) -> AsyncIterator[None]:
        context = self.execution_context
        document = context.graphql_document
        if document is not None and (over := excess(document, self._limits)):
            error = _too_large(f"has {over[1]} {over[0]}", over[2])
            context.pre_execution_errors = [refusal(self._turned_away(error))]
        yield
        if context.pre_execution_errors:
            del context.pre_execution_errors[self._limits.errors :]  # the result has this very list

    async def on_execute(self) -> AsyncIterator[None]:
        try:
            await self._admit()
        except CopilotError as error:
            raise refusal(self._turned_away(error)) from error
        except Exception as error:
            log(error)
            raise refusal(error) from error
        yield

    async def _admit(self) -> None:
        context = self.execution_context
        document, variables = context.graphql_document, context.variables or {}
        if document is None:
            return
        if any(not plain(text) for text in texts(document, variables)):
            raise BadInput("a text holds a NUL character or half of a surrogate pair; remove it")
        size = self._size(document)
        self._check(size)
        person = self._asker.principal
        await self._held.enter_async_context(self._turns.turn((person.tenant, person.sub)))
        await self._charge(size.cost)

    def _size(self, document: DocumentNode) -> Size:
        context = self.execution_context
        operation = get_operation_ast(document, context.operation_name)
        if operation is None:
            return Size()
        schema = context.schema._schema  # noqa: SLF001
        return measure(schema, document, operation, context.variables or {})

    def _check(self, size: Size) -> None:
        limits = self._limits
        for what, is_, most in (
            ("is nested too deep: depth", size.depth, limits.depth),
            ("has too many aliases:", size.aliases, limits.aliases),
            ("has too many root fields:", size.width, limits.root_fields),
            ("selects too many fields:", size.fields, limits.fields),
            ("is too expensive: cost", size.cost, limits.cost),
        ):
            if is_ > most:
                raise _too_large(f"{what} {is_}", most)

    async def _charge(self, cost: int) -> None:
        """By what the operation may cost, never by what it finds: that would tell what is there."""
        wait_s = await self._asker.copilot.rate_limit.take(self._asker.principal, max(1, cost))
        if wait_s:
            raise rate_limited("you have asked for more than your rate allows", wait_s)

    def _turned_away(self, error: CopilotError) -> CopilotError:
        self._asker.turned_away = error
        return error

    @property
    def _asker(self) -> Context:
        context: Context = self.execution_context.context
        return context


def _too_large(what: str, most: int) -> Refused:
    return Refused(f"the operation {what}, limit {most}; ask for less at once", code="TOO_LARGE")
