"""Anthropic's Messages API as an adviser: one reply by a JSON schema, without citations and without retries."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import anthropic
from anthropic.types import Message, SearchResultBlockParam, TextBlockParam, Usage

from copilot.generation.anthropic import Options, translated
from copilot.generation.neutralise import labelled, neutralise
from copilot.generation.port import Advice, Finished, Prompt
from copilot.generation.prices import cost_usd
from copilot.results import Usage as Counted
from policy.errors import Unavailable
from retrieval.types import Context

_MAX_TOKENS = 1024
LONGEST_S = 10.0
"""A reader waits for it before anything is searched or read; without it the question goes on as it is."""


class AnthropicAdviser:
    """Asks once, for at most `timeout_s` seconds: what it would say is a help, not a need."""

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        options: Options,
        *,
        timeout_s: float = LONGEST_S,
    ) -> None:
        self._client = client
        self._options = options
        self._timeout_s = timeout_s

    async def advise(
        self, prompt: Prompt, contexts: Sequence[Context], schema: Mapping[str, Any]
    ) -> Advice:
        """As the port says."""
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._message(prompt, contexts, schema)
            return Advice(text=_text(message), finished=_finished(message))
        except TimeoutError as error:
            raise Unavailable("model", "the language model took too long to judge") from error
        except Exception as error:
            raise translated(error) from error

    async def _message(
        self, prompt: Prompt, contexts: Sequence[Context], schema: Mapping[str, Any]
    ) -> Message:
        question: TextBlockParam = {"type": "text", "text": neutralise(prompt.question)}
        sources = [_source(number, one) for number, one in enumerate(contexts, start=1)]
        config: anthropic.types.OutputConfigParam = {
            "format": {"type": "json_schema", "schema": dict(schema)}
        }
        if self._options.effort is not None:
            config["effort"] = self._options.effort
        return await self._client.messages.create(
            model=self._options.model,
            max_tokens=_MAX_TOKENS,
            system=prompt.system,
            messages=[{"role": "user", "content": [*sources, question]}],
            output_config=config,
        )


def _source(number: int, context: Context) -> SearchResultBlockParam:
    return {
        "type": "search_result",
        "source": str(number),
        "title": labelled(number, context.chunk.title),
        "content": [{"type": "text", "text": neutralise(context.chunk.text)}],
        "citations": {"enabled": False},
    }


def _text(message: Message) -> str:
    """The one block of text of a whole reply; of half a reply, a refusal or a tool's call nothing."""
    texts = [block.text for block in message.content if block.type == "text"]
    return texts[0] if message.stop_reason == "end_turn" and len(texts) == 1 else ""


def _finished(message: Message) -> Finished:
    return Finished(
        provider="anthropic", model=message.model, usage=_counted(message.model, message.usage)
    )


def _counted(model: str, usage: Usage) -> Counted:
    tokens = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_input_tokens or 0,
        "cache_write_tokens": usage.cache_creation_input_tokens or 0,
    }
    return Counted(**tokens, cost_usd=cost_usd(model, **tokens))
