"""A model's judgement: nothing is given before it is recorded, and only what was asked for is taken from the reply."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot import consult
from copilot.consult import Consultant, Consultation
from copilot.generation.extractive import Extractive
from copilot.generation.port import Advice, Finished, Prompt
from copilot.generation.providers import Provider, Providers
from copilot.ledger.records import Kind
from copilot.prompts import Prompts
from copilot.results import Usage
from copilot.telemetry import Metrics
from copilot.testing import MemoryLabels
from policy.embedded import EmbeddedEngine
from policy.engine import Allowed, Call, Decision, Denied
from policy.errors import Unavailable
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scoper
from retrieval.types import Context
from tests.unit.governed import KeptLedger, asker, label
from tests.unit.retrieval.contexts import context

pytestmark = pytest.mark.anyio

ANN = asker("S")


@dataclass
class Adviser:
    """Says what it is told to, and keeps what it was given."""

    text: str | None = "{}"
    given: list[list[str]] = field(default_factory=list)

    async def advise(
        self, prompt: Prompt, contexts: Sequence[Context], schema: Mapping[str, Any]
    ) -> Advice:
        self.given.append([one.chunk.chunk_id for one in contexts])
        if self.text is None:
            raise Unavailable("model", "down")
        finished = Finished(provider="anthropic", model="m", usage=Usage(input_tokens=7))
        return Advice(text=self.text, finished=finished)


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine()
    yield engine
    await engine.close()


@dataclass
class Desk:
    """A consultant, whom it asks, and where that is written down."""

    engine: EmbeddedEngine
    adviser: Adviser = field(default_factory=Adviser)
    ledger: KeptLedger = field(default_factory=lambda: KeptLedger(MemoryLabels()))
    remote: bool = True

    def consultant(self) -> Consultant:
        adviser = self.adviser if self.remote else None
        provider = Provider(name="anthropic", model="m", generator=Extractive(), adviser=adviser)
        return Consultant(
            providers=Providers(self.engine, [provider]),
            prompts=Prompts.load(),
            ledger=self.ledger,
            metrics=Metrics(),
            decompose=lambda _: True,
            filter_facts=lambda _: True,
        )

    async def about(self) -> Consultation:
        self.ledger.labels.intern(OPEN)  # with nothing to read, the question goes to nobody abroad
        scope = await Scoper(self.engine, self.ledger.labels).scope(ANN)
        return Consultation(asker=ANN, question="Who?", scope=scope, kind=Kind.ASK)


def contexts(*labels: Label) -> list[Context]:
    return [
        context(str(at), f"Text {at}.", best=1 - at / 100, of=one) for at, one in enumerate(labels)
    ]


OPEN, SOURCE = label("U"), replace(label("U"), handling=frozenset(["SOURCE"]))


async def test_without_a_record_nothing_is_given_to_anybody(engine: EmbeddedEngine) -> None:
    desk = Desk(engine)
    desk.ledger.broken_for = "Consulting"
    with pytest.raises(Unavailable, match="ledger"):
        await desk.consultant().subquestions(await desk.about())
    with pytest.raises(Unavailable, match="ledger"):
        await desk.consultant().bearing(await desk.about(), contexts(OPEN, OPEN))
    assert desk.adviser.given == []


async def test_of_whom_nothing_is_known_to_be_released_abroad_no_question_goes_abroad(
    engine: EmbeddedEngine,
) -> None:
    desk = Desk(engine)
    scope = await Scoper(engine, desk.ledger.labels).scope(ANN)
    about = Consultation(asker=ANN, question="Who?", scope=scope, kind=Kind.ASK)
    assert await desk.consultant().subquestions(about) == ()
    assert desk.adviser.given == []


async def test_without_a_model_that_can_judge_nobody_is_asked(engine: EmbeddedEngine) -> None:
    desk = Desk(engine, remote=False)
    some = contexts(OPEN, OPEN)
    assert await desk.consultant().subquestions(await desk.about()) == ()
    assert await desk.consultant().bearing(await desk.about(), some) == some
    assert desk.ledger.records == []


async def test_only_what_the_provider_may_have_is_given_and_only_that_is_left_out(
    engine: EmbeddedEngine,
) -> None:
    desk = Desk(engine, adviser=Adviser('{"relevant": [2]}'))
    kept = await desk.consultant().bearing(await desk.about(), contexts(OPEN, SOURCE, OPEN, OPEN))
    assert desk.adviser.given == [["0", "2", "3"]]
    assert [one.chunk.chunk_id for one in kept] == ["1", "2"]
    [record] = desk.ledger.records
    assert [one["chunk_id"] for one in record.details["contexts"]] == ["0", "2", "3"]
    assert record.label.dominates(OPEN)


async def test_where_the_best_may_not_be_given_nobody_judges_the_rest(
    engine: EmbeddedEngine,
) -> None:
    desk = Desk(engine)
    some = contexts(SOURCE, OPEN, OPEN)
    assert await desk.consultant().bearing(await desk.about(), some) == some
    assert desk.adviser.given == []


class Apart(EmbeddedEngine):
    """A tenant's rule may let a provider have two things, and not both at once."""

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        return Denied(reason="both") if len(call.label.compartments) > 1 else Allowed()


async def test_what_may_not_be_given_together_is_not_given() -> None:
    engine = Apart()
    desk, some = Desk(engine), contexts(label("U", "HARBOR"), label("U", "LANTERN"))
    assert await desk.consultant().bearing(await desk.about(), some) == some
    await engine.close()
    assert desk.adviser.given == []


async def test_no_more_is_given_than_the_bound_on_tokens(engine: EmbeddedEngine) -> None:
    desk = Desk(engine)
    some = [context(str(at), "word " * 1_500, best=1 - at / 100) for at in range(4)]
    await desk.consultant().bearing(await desk.about(), some)
    assert desk.adviser.given == [["0", "1"]]


async def test_the_order_in_which_sources_come_changes_nothing_that_is_given(
    engine: EmbeddedEngine,
) -> None:
    some = contexts(OPEN, OPEN, OPEN)
    for order in (some, some[::-1]):
        desk = Desk(engine)
        await desk.consultant().bearing(await desk.about(), order)
        assert desk.adviser.given == [["0", "1", "2"]]


async def test_a_failed_judgement_costs_what_it_cost(engine: EmbeddedEngine) -> None:
    desk, some = Desk(engine, adviser=Adviser("nonsense")), contexts(OPEN, OPEN)
    about = await desk.about()
    assert await desk.consultant().bearing(about, some) == some
    [consulted] = about.consulted
    assert (consulted.outcome, consulted.finished.usage.input_tokens) == ("failed", 7)


async def test_one_that_gave_nothing_is_recorded_by_its_name(engine: EmbeddedEngine) -> None:
    desk, some = Desk(engine, adviser=Adviser(None)), contexts(OPEN, OPEN)
    about = await desk.about()
    assert await desk.consultant().bearing(about, some) == some
    [consulted] = about.consulted
    provider = consulted.choice.provider
    assert consulted.outcome == "failed"
    assert (consulted.finished.provider, consulted.finished.model) == (
        provider.name,
        provider.model,
    )
    assert provider.name != "none"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["questions", "relevant", "x"]), inner, max_size=2)
    ),
)


@settings(deadline=None)
@given(JSON)
def test_of_any_json_only_a_few_plain_questions_are_taken(value: object) -> None:
    with suppress(ValueError):
        questions = consult._questions(json.loads(json.dumps(value)))
        assert list(value) == ["questions"]  # type: ignore[call-overload]
        assert len(questions) <= 4
        assert all(one.strip() == one and one.isprintable() and one for one in questions)


NUMBERS = st.fixed_dictionaries({"relevant": st.lists(st.integers(-2, 7) | st.booleans())})


@settings(deadline=None)
@given(JSON | NUMBERS, st.integers(0, 5))
def test_of_any_json_only_numbers_of_sources_are_taken(value: object, most: int) -> None:
    with suppress(ValueError):
        numbers = consult._numbers(json.loads(json.dumps(value)), most)
        assert all(type(one) is int and 1 <= one <= most for one in numbers)
        assert len(set(numbers)) == len(numbers)
