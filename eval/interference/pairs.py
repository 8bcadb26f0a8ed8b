"""Pairs: one corpus with and without what a reader may not read, asked the same."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from eval import reduced
from eval.acts import Json, difference
from eval.interference.bench import Bench, Opened
from eval.interference.corpora import Corpus
from eval.interference.holdings import Held, divided, held
from eval.interference.inquiries import (
    Inquiry,
    ask,
    beyond,
    chosen,
    every_inquiry,
    output,
    questions,
)
from eval.interference.people import HOME, Reader, author
from eval.interference.ports import Probe, probes
from eval.interference.tally import Tally
from eval.leaks import unreadable
from eval.results import Failure

_SEEDED = 2
"""Questions whose answers are stored by each before the corpus is divided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one reader asks, of both databases alike."""

    where: str
    who: Reader
    inquiries: Sequence[Inquiry]
    beyond: Sequence[Inquiry]
    """What only the double check stands before, once the first layer is gone."""
    probes: Mapping[str, Probe]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What came back from one database, in the order of the plan."""

    outputs: Sequence[Json]
    probed: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A corpus in a database, and for each reader another without what that reader may not read."""

    full: str
    reduced: Sequence[tuple[Plan, str]]
    """Each reader's plan with the URL of their database."""


async def compare(bench: Bench, template: str, corpus: Corpus, *, most: int = 1000) -> Tally:
    """Writes the corpus, divides it for each reader, and compares up to `most` outputs of each."""
    async with prepared(bench, template, corpus, most=most) as pair:
        return await compared(bench, pair)


@asynccontextmanager
async def prepared(
    bench: Bench, template: str, corpus: Corpus, *, most: int = 1000
) -> AsyncIterator[Pair]:
    """The databases, gone at the end. `template` has been migrated and is empty."""
    async with AsyncExitStack() as stack:
        full = await reduced.clone(template)
        stack.push_async_callback(reduced.drop, full)
        await bench.write(full, corpus.documents)
        async with bench.opened(full) as opened:
            await _store_answers(bench, opened, corpus)
        everything = await held(full)
        plans = [_plan(bench, corpus, who, everything, most) for who in corpus.readers]
        people = {who.sub: who.attributes for who in corpus.readers}
        urls = await stack.enter_async_context(reduced.clones(full, people, bench.rule))
        yield Pair(full=full, reduced=[(plan, urls[plan.who.sub]) for plan in plans])


async def compared(bench: Bench, pair: Pair) -> Tally:
    """Asks everything of both, first of the full one: all readers in one process, as in life."""
    tally = Tally(corpora=1)
    async with bench.opened(pair.full) as opened:
        given = [await _perform(opened, plan) for plan, _ in pair.reduced]
        for plan, _ in pair.reduced:
            await _recheck(bench, opened, plan, tally)
        tally.degraded += opened.degraded
    for (plan, url), with_hidden in zip(pair.reduced, given, strict=True):
        async with bench.opened(url) as opened:
            _weigh(tally, plan, with_hidden, await _perform(opened, plan))
            tally.degraded += opened.degraded
    return tally


async def _store_answers(bench: Bench, opened: Opened, corpus: Corpus) -> None:
    """Everybody asks what the readers may ask: answers and records that are partly hidden from others."""
    rng = Random(f"answers {corpus.number}")
    for who in corpus.readers:
        answered, unanswered = questions(corpus, who, bench.rule)
        for question in rng.sample(answered, min(_SEEDED, len(answered))):
            await output(opened.copilot, ask(who.asker, question))
            await output(opened.copilot, ask(author(HOME).asker, question))
        for question in rng.sample(unanswered, min(_SEEDED, len(unanswered))):
            await output(opened.copilot, ask(author(HOME).asker, question))


def _plan(bench: Bench, corpus: Corpus, who: Reader, everything: Held, most: int) -> Plan:
    rng = Random(f"inquiries {corpus.number} {who.sub}")
    holdings = divided(everything, who.attributes, bench.rule)
    every = every_inquiry(rng, corpus, who, holdings, bench.rule)
    return Plan(
        where=f"corpus {corpus.number}/{who.sub}",
        who=who,
        inquiries=chosen(rng, every, most),
        beyond=beyond(rng, every, most),
        probes=probes(rng, holdings),
    )


async def _perform(opened: Opened, plan: Plan) -> _Given:
    outputs = [await output(opened.copilot, inquiry) for inquiry in plan.inquiries]
    scope = await opened.scoper.scope(plan.who.asker)
    probed = {name: await probe(opened, scope) for name, probe in plan.probes.items()}
    return _Given(outputs=outputs, probed=probed)


def _weigh(tally: Tally, plan: Plan, first: _Given, second: _Given) -> None:
    for inquiry, one, other in zip(plan.inquiries, first.outputs, second.outputs, strict=True):
        tally.compare(f"{plan.where}/{inquiry.name}", one, other)
    for name, found in first.probed.items():
        tally.probed += 1
        if reason := difference(found, second.probed[name]):
            tally.probe_differences.append(
                Failure(name=f"store/{plan.where}/{name}", reason=reason)
            )


async def _recheck(bench: Bench, opened: Opened, plan: Plan, tally: Tally) -> None:
    """With a scope that is far too wide, the double check alone has to hold."""
    for inquiry in plan.beyond:
        given = await output(opened.wide, inquiry)
        tally.rechecked += 1
        for reason in unreadable(given, plan.who.attributes, bench.rule):
            name = f"recheck/{plan.where}/{inquiry.name}"
            tally.recheck_leaks.append(Failure(name=name, reason=reason))
