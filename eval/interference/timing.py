"""Timing: whether what is hidden takes another time than what is absent."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

import numpy as np

from copilot.acts import Copilot
from eval import reduced
from eval.interference.bench import Bench
from eval.interference.corpora import Corpus, draw
from eval.interference.holdings import Holdings, divided, held
from eval.interference.inquiries import ask
from eval.interference.people import HOME, Reader, author
from eval.interference.world import invented
from eval.results import Figure, at_most, count
from retrieval.embedding import Embedder

_CORPUS = 38
_EACH = 40
"""Hidden things of a kind at most, and as many absent ones: both are asked for again. Many, because words differ in
the time they take wherever they stand: the embedding of a rarer name has more tokens."""
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
    corpus = draw(_CORPUS, bench.rule)
    url = await reduced.clone(template)
    try:
        await bench.write(url, corpus.documents)
        async with replace(bench, embedder=embedder).opened(url) as opened:
            things = await _things(bench, opened.copilot, corpus, url)
            times = await _measured(opened.copilot, things, pairs // len(things))
    finally:
        await reduced.drop(url)
    return {name: auc(one.hidden, one.absent) for name, one in times.items()}


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
    copilot: Copilot, things: Mapping[str, Things], each: int
) -> Mapping[str, Times]:
    """Pairs of all acts in turn, within a pair in random order."""
    rng = Random("timing")
    times = {name: Times() for name in things}
    for number in range(_WARM + each):
        for name, one in things.items():
            kept = times[name] if number >= _WARM else Times()
            pair = [(kept.hidden, rng.choice(one.hidden)), (kept.absent, rng.choice(one.absent))]
            rng.shuffle(pair)
            for into, call in pair:
                begun = time.perf_counter_ns()
                await call(copilot)
                into.append(time.perf_counter_ns() - begun)
    return times


async def _things(bench: Bench, copilot: Copilot, corpus: Corpus, url: str) -> Mapping[str, Things]:
    rng = Random("things")
    who = corpus.readers[0]
    names = _hidden_names(divided(await held(url), who.attributes, bench.rule))
    absent = [" ".join(invented(rng) for _ in name.split()) for name in names]
    for name in names:
        await copilot.ask(author(HOME).asker, _question(name))
    holdings = divided(await held(url), who.attributes, bench.rule)
    return {
        "document": _documents(rng, who, holdings),
        "part": _parts(rng, who, holdings),
        "entity": _entities(who, names, absent),
        "answer": _answers(rng, who, holdings),
        "ask": _questions(who, names, absent),
    }


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
