"""An embedder that follows the store: when its vectors have become another model's, that model takes over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from policy.errors import CopilotError, Unavailable
from retrieval.background import Background
from retrieval.embedding import Embedder, Model, Vectors

logger = logging.getLogger(__name__)
_PAUSE_S = 1.0


class Following:
    """`stored` tells whose vectors the store holds; `load` gives an embedder of that model, or says why not.

    What takes in documents finds out within a second; a search makes sure by itself, with `settled`.
    """

    def __init__(
        self,
        first: Embedder,
        *,
        stored: Callable[[], Awaitable[Model | None]],
        load: Callable[[Model], Embedder],
    ) -> None:
        self._now = first
        self._stored = stored
        self._load = load
        self._turning = asyncio.Lock()
        self._background = Background()

    @property
    def model(self) -> Model:
        return self._now.model

    @property
    def embedder(self) -> Embedder:
        """The one of now."""
        return self._now

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await self._now.embed(texts)

    async def embed_question(self, text: str) -> Vectors:
        return await self._now.embed_question(text)

    async def settled(self, model: Model) -> bool:
        """Whether the store's vectors are of this model; else the model that they are of takes over.

        Raises Unavailable where that one is not at hand. What was read before a True, and after `model` had
        become this one, was of this model: a store does not come back to one within a search.
        """
        found = await self._stored()
        if found is None or found.sha256 == model.sha256:
            return True
        await self._turn(found)
        return False

    def watch(self) -> None:
        """Begins to look every second."""
        self._background.begin(self._watch)

    async def close(self) -> None:
        """Ends what goes on in the background."""
        await self._background.stop()

    async def _turn(self, found: Model) -> None:
        async with self._turning:
            if self.model.sha256 == found.sha256:
                return
            logger.info("the stored vectors are of %s now, which takes over", found)
            try:
                self._now = await asyncio.to_thread(self._load, found)
            except CopilotError as error:
                raise Unavailable("embedding", error.message) from error

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE_S)
            try:
                await self.settled(self.model)
            except Unavailable as error:
                logger.warning("embedding model: %s", error.message)
