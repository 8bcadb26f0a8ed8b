"""The interference suite passes on the product, under narrower policies too, and fails where one is too wide."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from copilot.acts import CheckedEngine
from copilot.app import engine_of
from copilot.settings import Settings
from eval.interference.bench import Bench
from eval.interference.corpora import draw
from eval.interference.embedded_once import EmbeddedOnce
from eval.interference.pairs import compare
from eval.interference.run import Size, figures, interference, migrated
from eval.interference.timing import figures as timing_figures
from eval.interference.timing import timing
from eval.oracle import may_read
from policy.engine import Decision, Denied, Readable
from policy.labels import Label
from policy.principal import Asker
from retrieval.embedding import OnnxEmbedder, load

pytestmark = pytest.mark.anyio

CLOSED = "LANTERN"
"""A compartment that a narrower policy closes to everybody."""
CORPUS = 8


class Narrower:
    """The product's engine, which also closes one compartment."""

    def __init__(self, engine: CheckedEngine) -> None:
        self._engine = engine

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        found = await self._engine.readable(asker, labels)
        kept = (one for one in found.positions if CLOSED not in labels[one].compartments)
        return replace(found, positions=frozenset(kept))

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        decisions = await self._engine.may_read(asker, labels)
        return [
            Denied(reason="label") if CLOSED in label.compartments else decision
            for label, decision in zip(labels, decisions, strict=True)
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def narrower(person: Mapping[str, Any], label: Mapping[str, Any]) -> bool:
    return may_read(person, label) and CLOSED not in label["compartments"]


@pytest.fixture(scope="module")
def embedder(models_dir: Path) -> OnnxEmbedder:
    return load(models_dir)


@pytest.fixture(scope="module")
async def bench(models_dir: Path, embedder: OnnxEmbedder) -> AsyncIterator[Bench]:
    settings = Settings(models_dir=models_dir, database_timeout_s=30, policy_timeout_s=30)
    engine = engine_of(settings)
    yield Bench(settings=settings, engine=engine, embedder=EmbeddedOnce(embedder))
    await engine.close()
    embedder.close()


async def test_nothing_hidden_matters_however_the_corpus_came_in(
    bench: Bench, postgres: str
) -> None:
    size = Size(corpora=1, of_each=6, least=30)
    tally = await interference(bench, postgres, size, ingested=1)
    assert tally.wrong == []
    assert tally.corpora == 2
    failed = {name for name, one in figures(tally, size).items() if not one.passed}
    assert "random_corpora" in failed
    assert not failed & {"random_comparisons", "random_differences", "store_differences"}


async def test_a_narrower_policy_is_compared_by_a_narrower_rule(
    bench: Bench, postgres: str
) -> None:
    """And the same rule without that policy finds what is then readable too much."""
    closed = cast(CheckedEngine, Narrower(bench.engine))
    narrow = replace(bench, engine=closed, authors=bench.engine, rule=narrower)
    wide = replace(bench, rule=narrower)
    corpus = draw(CORPUS, may_read)
    assert any(
        may_read(who.attributes, label) and not narrower(who.attributes, label)
        for who in corpus.readers
        for one in corpus.documents
        for label in (part.label.to_json() for part in one.parts)
    )
    async with migrated(postgres) as template:
        assert (await compare(narrow, template, corpus, most=16)).wrong == []
        assert (await compare(wide, template, corpus, most=16)).differences


async def test_hidden_and_absent_things_are_timed_act_by_act(
    bench: Bench, postgres: str, embedder: OnnxEmbedder
) -> None:
    async with migrated(postgres) as template:
        aucs = await timing(bench, template, embedder, 20)
    assert set(aucs) == {"document", "part", "entity", "answer", "ask"}
    assert all(0.5 <= one <= 1 for one in aucs.values())
    assert timing_figures(aucs, 20, 1.0)["timing_auc"].passed
    assert not timing_figures({"ask": 0.58}, 20, 0.57)["timing_auc"].passed
