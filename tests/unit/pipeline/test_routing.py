"""The labels of what an answer would rest on decide which model may be given it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from copilot.generation.port import Claim, Finished, Prompt
from copilot.generation.providers import OFFLINE, Choice, Provider, Providers
from copilot.results import Answer, NotFound
from copilot.testing import MemoryCorpus
from policy.embedded import EmbeddedEngine
from policy.engine import Allowed, Call, Decision
from policy.errors import Unavailable
from policy.installation import Installation
from policy.labels import Label
from policy.principal import Asker
from retrieval.types import Context
from tests.unit.bench import QUESTION, SIGNED, Bench, document
from tests.unit.governed import asker, label
from tests.unit.policy.fakes import ListedLabels

pytestmark = pytest.mark.anyio

SOURCE = replace(label("S"), handling=frozenset(["SOURCE"]))
CLEARED = asker("TS", "ORION")


class Remote:
    """A model elsewhere, which nothing may reach that its provider may not have."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.given: list[Context] = []
        self.routing: list[Any] = []

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        self.given += contexts
        self.routing.append(self.bench.ledger.records[-1].details["routing"])
        async for item in self.bench.generator.stream(prompt, contexts):
            yield item


async def ask(
    bench: Bench, *names: str, who: Asker = CLEARED
) -> tuple[dict[str, Any], dict[str, Remote], Answer]:
    """The routing as the opening record has it, the models by name, and the answer."""
    models = {name: Remote(bench) for name in names}
    preferred = [Provider(name=n, model=f"{n}-1", generator=m) for n, m in models.items()]
    outcome = await bench.pipeline(preferred=preferred).ask(who, QUESTION)
    assert isinstance(outcome, Answer), outcome
    assert bench.ledger.outcomes == ["Opened", "Answer"]
    opening, closing = bench.ledger.records
    assert opening.details["routing"] == closing.details["routing"]
    return opening.details["routing"], models, outcome


async def on(engine: EmbeddedEngine, *labels: Label) -> Bench:
    """A bench whose corpus tells of the charter under each of these labels."""
    corpus = MemoryCorpus()
    for number, of in enumerate(labels):
        await corpus.put(document(f"d{number}", f"{SIGNED} Folio {number}.", of))
    return Bench(corpus, engine)


async def test_the_record_names_the_provider_before_it_is_given_anything(
    engine: EmbeddedEngine,
) -> None:
    routing, models, _ = await ask(await on(engine, label("U")), "anthropic")
    assert routing == {"provider": "anthropic", "model": "anthropic-1", "refused": []}
    assert models["anthropic"].routing == [routing]


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (label("TS"), "TS requires US-resident provider, classification"),
        (label("S", "ORION"), "compartments"),
        (replace(label("C"), handling=frozenset(["PII"])), "handling"),
        (replace(label("C"), releasable_to=frozenset(["DE"])), "releasability"),
    ],
)
async def test_who_may_not_have_a_label_is_passed_over_with_the_reason_recorded(
    engine: EmbeddedEngine, of: Label, why: str
) -> None:
    routing, models, answer = await ask(await on(engine, of), "perplexity")
    assert routing["refused"] == [{"provider": "perplexity", "reason": why}]
    assert (routing["provider"], routing["model"]) == (OFFLINE.name, OFFLINE.model)
    assert models["perplexity"].given == []
    assert answer.model == OFFLINE.model


async def test_the_first_that_may_is_taken(engine: EmbeddedEngine) -> None:
    bench = await on(engine, label("S", "ORION"))
    routing, models, _ = await ask(bench, "perplexity", "nobody-knows", "anthropic", "openai")
    assert [one["provider"] for one in routing["refused"]] == ["perplexity", "nobody-knows"]
    assert routing["refused"][1]["reason"].startswith("classification, compartments, handling")
    assert routing["provider"] == "anthropic"
    assert [name for name, model in models.items() if model.given] == ["anthropic"]


async def test_what_protects_a_source_leaves_the_house_for_nobody(engine: EmbeddedEngine) -> None:
    names = ("anthropic", "openai", "google", "perplexity")
    routing, models, answer = await ask(await on(engine, SOURCE), *names)
    assert [one["provider"] for one in routing["refused"]] == list(names)
    assert not [model for model in models.values() if model.given]
    assert (answer.model, SIGNED in answer.text) == (OFFLINE.model, True)


async def test_all_contexts_together_decide_not_each_by_itself(engine: EmbeddedEngine) -> None:
    routing, models, _ = await ask(await on(engine, label("U"), SOURCE, label("C")), "anthropic")
    assert routing["refused"] == [{"provider": "anthropic", "reason": "handling"}]
    assert models["anthropic"].given == []


async def test_what_the_asker_may_not_read_decides_nothing(engine: EmbeddedEngine) -> None:
    routing, models, _ = await ask(await on(engine, label("U"), SOURCE), "anthropic", who=asker())
    assert (routing["provider"], routing["refused"]) == ("anthropic", [])
    assert {one.label for one in models["anthropic"].given} == {label("U")}


async def test_the_operator_states_what_a_provider_is_accredited_for() -> None:
    lower = {"residency": "USA", "classification": "C", "compartments": [], "handling": []}
    engine = EmbeddedEngine(installation=Installation(accreditations={"anthropic": lower}))
    routing, models, _ = await ask(await on(engine, label("S")), "anthropic")
    await engine.close()
    assert routing["refused"] == [{"provider": "anthropic", "reason": "classification"}]
    assert models["anthropic"].given == []


async def test_nobody_is_chosen_where_nothing_would_be_given(bench: Bench) -> None:
    outcome = await bench.pipeline().ask(asker(), "Why did Dorrance sign the charter?")
    assert isinstance(outcome, NotFound)
    assert [record.details["routing"] for record in bench.ledger.records] == [None, None]


class Refusing(ListedLabels):
    """Lets nobody have anything."""


class Deciding(ListedLabels):
    """Notes what it is asked, and lets everybody have everything."""

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        self.asked.append(call)
        return Allowed()


class Down(EmbeddedEngine):
    """Cannot decide on routes."""

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        raise Unavailable("policy", "no policy")


async def test_where_policy_lets_nobody_have_it_there_is_no_answer() -> None:
    with pytest.raises(Unavailable, match="policy lets no language model have") as failure:
        await Providers(Refusing(set())).choose(asker(), label("U"))
    assert failure.value.dependency == "model"


async def test_policy_is_asked_about_the_very_call_that_is_made() -> None:
    engine = Deciding(set())
    chosen = await Providers(engine).choose(asker(), SOURCE)
    assert chosen == Choice(provider=OFFLINE)
    assert engine.asked == [Call(provider=OFFLINE.name, model=OFFLINE.model, label=SOURCE)]


async def test_where_policy_cannot_decide_no_model_is_given_anything(corpus: MemoryCorpus) -> None:
    engine = Down()
    bench = Bench(corpus, engine)
    with pytest.raises(Unavailable, match="no policy"):
        await bench.pipeline().ask(asker(), QUESTION)
    await engine.close()
    assert (bench.generator.recorded_before, bench.ledger.records) == ([], [])
