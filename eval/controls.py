"""Controls: generators that answer badly on purpose, so that the gates are seen to catch them."""

import random
from collections.abc import AsyncIterator, Sequence

from copilot.generation.port import Claim, Finished, Generator, Prompt, Support
from copilot.results import Usage
from retrieval.sentences import split
from retrieval.types import Context

_SENTENCES = 4


class RandomSentences:
    """Quotes sentences of the contexts drawn by lot; the same question draws the same."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        """Up to four sentences, each with its citation."""
        everything = [
            (number, span)
            for number, context in enumerate(contexts)
            for span in split(context.chunk.text)
        ]
        lot = random.Random(f"{self._seed}:{prompt.question}")
        for number, span in lot.sample(everything, min(_SENTENCES, len(everything))):
            support = Support(context=number, start=span.start, end=span.end)
            yield Claim(text=span.of(contexts[number].chunk.text), supports=(support,))
        yield _finished("random")


class TopChunk:
    """Quotes the best context from beginning to end."""

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        """One claim, however long."""
        del prompt
        if contexts:
            text = contexts[0].chunk.text
            yield Claim(text=text, supports=(Support(context=0, start=0, end=len(text)),))
        yield _finished("top-chunk")


def control(name: str) -> Generator:
    """The control of this name: `random` or `top-chunk`."""
    return RandomSentences() if name == "random" else TopChunk()


def _finished(model: str) -> Finished:
    return Finished(provider="control", model=model, usage=Usage())
