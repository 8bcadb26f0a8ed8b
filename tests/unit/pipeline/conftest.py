"""A bench with a small corpus, and the real rules over it."""

from collections.abc import AsyncIterator

import pytest

from copilot.testing import MemoryCorpus
from policy.embedded import EmbeddedEngine
from tests.unit.bench import Bench, small_corpus


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine()
    yield engine
    await engine.close()


@pytest.fixture
async def corpus() -> MemoryCorpus:
    return await small_corpus()


@pytest.fixture
def bench(corpus: MemoryCorpus, engine: EmbeddedEngine) -> Bench:
    return Bench(corpus, engine)
