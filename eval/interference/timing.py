"""Timing: whether what is hidden takes another time than what is absent.

Words differ in the time they take wherever they stand (the embedding of a rarer name has more tokens), so the same
names are asked for on two databases: what one of them hides is absent from the other.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

import numpy as np

from copilot.acts import Copilot
from copilot.ingest.documents import Document
from eval import reduced
from eval.interference.bench import Bench
from eval.interference.corpora import draw
from eval.interference.holdings import Holdings, divided, held
from eval.interference.inquiries import ask
from eval.interference.people import HOME, Reader, author
from eval.interference.world import invented
from eval.results import Figure, at_most, count
from retrieval.embedding import Embedder

_CORPUS = 38
_EACH = 40
"""Hidden things of a kind at most, and as many absent ones: both are asked for again."""
_WARM = 10
"""Pairs whose times are not kept."""

Call = Callable[[Copilot], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Calls about hidden and about absent things that look alike."""

    hidden: Sequence[Call]
    absent: Sequence[Call]


@dataclass(slots=True, kw_only=True)
class Times:
    """Nanoseconds, by what was asked for."""

    hidden: list[int] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)


async def timing(
    bench: Bench, template: str, embedder: Embedder, pairs: int
) -> Mapping[str, float]:
    """The AUC of each act over its share of `pairs`: 0.5 where nobody could tell them apart, at most 1.

    `embedder` is the product's own: one that remembers would know what was asked before.
    """
    corpus, bench = draw(_CORPUS, bench.rule), replace(bench, embedder=embedder)
    async with _stocked(bench, template, corpus.documents) as (url, copilot):
        who = corpus.readers[0]
        names = _hidden_names(divided(await held(url), who.attributes, bench.rule))
        absent = _invented(names)
        here = copilot, await _things(bench, copilot, who, url, names, absent)
        renamed = _renamed(corpus.documents, dict(zip(names, absent, strict=True)))
        async with _stocked(bench, template, renamed) as (other_url, other):
            there = other, await _things(bench, other, who, other_url, absent, names)
            times = await _measured([here, there], pairs // len(here[1]))
    return {name: auc(one.hidden, one.absent) for name, one in times.items()}


@asynccontextmanager
async def _stocked(
    bench: Bench, template: str, documents: Sequence[Document]
) -> AsyncIterator[tuple[str, Copilot]]:
    """The product over a database with these documents, and the database's address."""
    url = await reduced.clone(template)
    try:
        await bench.write(url, documents)
        async with bench.opened(url) as opened:
            yield url, opened.copilot
    finally:
        await reduced.drop(url)


def _renamed(documents: Sequence[Document], names: Mapping[str, str]) -> list[Document]:
    """The same texts about others: what was hidden is absent and the other way round."""

    def said(text: str) -> str:
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    return [
        replace(
            one,
            title=said(one.title),
            parts=tuple(replace(part, text=said(part.text)) for part in one.parts),
        )
        for one in documents
    ]


def auc(first: Sequence[int], second: Sequence[int]) -> float:
    """The chance to tell which is which by a threshold on time, whichever is the slower: 0.5 to 1.

    By ranks (Mann-Whitney), ties count half.
    """
    a, b = np.sort(np.asarray(first)), np.asarray(second)
    less = np.searchsorted(a, b, side="left").sum()
    equal = np.searchsorted(a, b, side="right").sum() - less
    share = float(less + equal / 2) / (len(a) * len(b))
    return max(share, 1 - share)


async def _measured(
    sides: Sequence[tuple[Copilot, Mapping[str, Things]]], each: int
) -> Mapping[str, Times]:
    """Pairs of all acts in turn, on one side and the other, within a pair in random order."""
    rng = Random("timing")
    times = {name: Times() for _, things in sides for name in things}
    for number in range(_WARM + each):
        copilot, things = sides[number % len(sides)]
        for name, one in things.items():
            kept = times[name] if number >= _WARM else Times()
            pair = [(kept.hidden, rng.choice(one.hidden)), (kept.absent, rng.choice(one.absent))]
            rng.shuffle(pair)
            for into, call in pair:
                begun = time.perf_counter_ns()
                await call(copilot)
                into.append(time.perf_counter_ns() - begun)
    return times


async def _things(
    bench: Bench,
    copilot: Copilot,
    who: Reader,
    url: str,
    hidden: Sequence[str],
    absent: Sequence[str],
) -> Mapping[str, Things]:
    rng = Random("things")
    for name in hidden:
        await copilot.ask(author(HOME).asker, _question(name))
    holdings = divided(await held(url), who.attributes, bench.rule)
    return {
        "document": _documents(rng, who, holdings),
        "part": _parts(rng, who, holdings),
        "entity": _entities(who, hidden, absent),
        "answer": _answers(rng, who, holdings),
        "ask": _questions(who, hidden, absent),
    }


def _invented(names: Sequence[str]) -> list[str]:
    """As many others, each of as many words."""
    rng = Random("absent")
    return [" ".join(invented(rng) for _ in name.split()) for name in names]


def _documents(rng: Random, who: Reader, holdings: Holdings) -> Things:
    hidden = holdings.hidden["document"][:_EACH]
    return _read(who, hidden, [f"{one[0]}-{rng.randrange(500, 1000)}" for one in hidden])


def _parts(rng: Random, who: Reader, holdings: Holdings) -> Things:
    hidden = holdings.hidden["part"][:_EACH]
    return _read(who, hidden, [f"{rng.getrandbits(128):032x}" for _ in hidden])


def _read(who: Reader, hidden: Sequence[str], absent: Sequence[str]) -> Things:
    def call(name: str) -> Call:
        return lambda copilot: copilot.document(who.asker, name)

    return Things(hidden=[call(one) for one in hidden], absent=[call(one) for one in absent])


def _entities(who: Reader, hidden: Sequence[str], absent: Sequence[str]) -> Things:
    def call(name: str) -> Call:
        return lambda copilot: copilot.entity(who.asker, name)

    return Things(hidden=[call(one) for one in hidden], absent=[call(one) for one in absent])


def _answers(rng: Random, who: Reader, holdings: Holdings) -> Things:
    def call(name: str) -> Call:
        return lambda copilot: copilot.answer(who.asker, name)

    hidden = holdings.hidden["answer"][:_EACH]
    absent = [f"{rng.getrandbits(128):032x}" for _ in hidden]
    return Things(hidden=[call(one) for one in hidden], absent=[call(one) for one in absent])


def _questions(who: Reader, hidden: Sequence[str], absent: Sequence[str]) -> Things:
    return Things(
        hidden=[ask(who.asker, _question(one)).call for one in hidden],
        absent=[ask(who.asker, _question(one)).call for one in absent],
    )


def _question(name: str) -> str:
    return f"What is known of {name}?"


def _hidden_names(holdings: Holdings) -> list[str]:
    """Names of two words of which the reader knows neither."""
    known = set(holdings.visible["token"])
    fitting = (
        name
        for name in holdings.hidden["name"]
        if name.istitle() and len(name.split()) == 2 and known.isdisjoint(name.lower().split())
    )
    return list(islice(fitting, _EACH))


def figures(aucs: Mapping[str, float], pairs: int, limit: float) -> dict[str, Figure]:
    """The mean over the acts is the gate, as the figure of all pairs; no single act may stand out either."""
    mean = sum(aucs.values()) / len(aucs)
    each = {f"timing_auc_{name}": Figure(value=one, unit="AUC") for name, one in aucs.items()}
    return {
        "timing_pairs": count(pairs, "pairs"),
        "timing_auc": Figure(value=mean, unit="AUC", goal=at_most(limit)),
        **each,
    }
