"""The policy suite: nothing unreadable shows, nothing unreadable matters, everything is recorded."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from copilot.acts import Copilot
from copilot.app import build
from copilot.ledger.verify import verify
from copilot.projection.opened import projector
from copilot.settings import Settings
from eval import reduced
from eval.acts import Act, Json, Kind, acts_about, difference, has_content, perform
from eval.cases import Attributes, Question, read_people
from eval.leaks import View, corpus, leaks, view
from eval.oracle import may_read
from eval.results import Failure, Figure, Result, count, exactly, share
from eval.stage import askers
from policy.errors import Forbidden
from policy.principal import Asker

COMPARED = 15
"""Questions that are also asked of the reduced database."""
_HIDDEN_READ = 20
"""Ids of unreadable parts and documents that each person tries to read."""
_OUTSIDER = "outsider"


@dataclass(slots=True, kw_only=True)
class Watched:
    """The product under watch: what it gave, what leaked, and what must stand in the ledger."""

    copilot: Copilot
    askers: Mapping[str, Asker]
    views: Mapping[str, View]
    given: dict[tuple[str, Act], Json] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    recorded: Counter[tuple[str, str]] = field(default_factory=Counter)
    ledger_ids: list[str] = field(default_factory=list)
    outputs: int = 0

    async def do(self, sub: str, acts: Iterable[Act]) -> None:
        """Does each act once and looks at what came back."""
        for act in acts:
            if (sub, act) in self.given:
                continue
            output = self.given[sub, act] = await perform(self.copilot, self.askers[sub], act)
            denied = output["kind"] == "Denied"
            self.recorded["denied" if denied else act.kind.recorded_as, sub] += 1
            self.ledger_ids.append(output["ledger_id"])
            self.look(sub, act, output)

    def look(self, sub: str, act: Act, output: Json) -> None:
        """Keeps the first leak of an output."""
        self.outputs += 1
        for reason in leaks(output, self.views[sub], f"{act.about} {act.told}")[:1]:
            self.failures.append(Failure(name=f"leak/{sub}/{act}", reason=reason))


async def run(settings: Settings, folder: Path, questions: Sequence[Question]) -> Result:
    """All four parts over a database that nothing is connected to yet."""
    assert settings.database_url is not None
    people = dict(read_people(folder))
    who = dict(askers(folder))
    asking = list(questions[0].gold)
    people[_OUTSIDER], who[_OUTSIDER] = _outsider(people["lead"], who["lead"])
    held = await corpus(settings.database_url)
    views = {sub: view(held, person) for sub, person in people.items()}
    chosen = telling(questions)[:COMPARED]
    async with reduced.clones(
        settings.database_url, {sub: people[sub] for sub in asking}
    ) as clones:
        before = await _acts_recorded(settings.database_url)
        async with _opened(settings) as copilot:
            watched = Watched(copilot=copilot, askers=who, views=views)
            await asyncio.gather(*(watched.do(sub, _acts(questions, views[sub])) for sub in asking))
            await watched.do(_OUTSIDER, [act for one in chosen[:2] for act in acts_about(one)])
            await _read_answers(watched, asking)
            undenied = await _denied(watched)
            degraded = degraded_searches(copilot)
        comparisons = [
            await _compare(watched, sub, chosen, replace(settings, database_url=clones[sub]))
            for sub in asking
        ]
        unrecorded = await _unrecorded(watched, before, settings.database_url)
    result = _result(watched, comparisons, unrecorded, undenied)
    counted = count(degraded, "searches", exactly(0))
    return replace(result, figures={**result.figures, "degraded_searches": counted})


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Copilot]:
    """The product; where there is a Neo4j, with the graph of this database in it."""
    if settings.neo4j_url is not None:
        async with projector(settings, settings.database_url or "") as keeper:
            await keeper.rebuild()
    async with build(settings) as copilot:
        yield copilot


def telling(questions: Sequence[Question]) -> list[Question]:
    """The questions whose right answer differs by person first: there the most could slip."""
    return sorted(questions, key=lambda one: -len(set(one.gold.values())))


def degraded_searches(copilot: Copilot) -> int:
    """Searches so far that went without the graph: what they gave says nothing of it."""
    name, labels = "copilot_degraded_searches_total", {"arm": "graph"}
    return round(copilot.metrics.registry.get_sample_value(name, labels) or 0)


def _outsider(person: Attributes, asker: Asker) -> tuple[Attributes, Asker]:
    """Somebody of another tenant with the same attributes: nothing here is theirs to read."""
    principal = replace(asker.principal, sub=_OUTSIDER, tenant=_OUTSIDER)
    return {**person, "tenant": _OUTSIDER}, replace(asker, principal=principal)


def _acts(questions: Sequence[Question], seen: View) -> list[Act]:
    acts = [act for one in questions for act in acts_about(one)]
    return acts + [Act(Kind.DOCUMENT, hidden) for hidden in seen.hidden_ids[:_HIDDEN_READ]]


async def _read_answers(watched: Watched, asking: Sequence[str]) -> None:
    """Everybody tries to read everybody's stored answers."""
    for sub in asking:
        stored = [
            (act.about, output["answer_id"])
            for (by, act), output in sorted(watched.given.items(), key=lambda one: one[0])
            if by == sub and act.kind is Kind.ASK and output["answer_id"]
        ]
        for question, answer_id in stored:
            for reader in asking:
                told = question if _may_know(watched.views, reader, sub) else ""
                act = Act(Kind.ANSWER, answer_id, f"{sub}'s to {question}", told)
                await watched.do(reader, [act])


def _may_know(views: Mapping[str, View], reader: str, asker: str) -> bool:
    """Whether one person may know what another asked: a question is as secret as its asker's clearance."""
    person = views[asker].person
    return may_read(views[reader].person, {**person, "classification": person["clearance"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How one person's outputs on the full and on the reduced database compare."""

    made: int
    with_content: int
    differences: tuple[Failure, ...]


async def _compare(
    watched: Watched, sub: str, chosen: Sequence[Question], settings: Settings
) -> Compared:
    acts = list(dict.fromkeys(act for one in chosen for act in acts_about(one)))
    differences, with_content = [], 0
    async with _opened(settings) as copilot:
        for act in acts:
            without = await perform(copilot, watched.askers[sub], act)
            with_hidden = watched.given[sub, act]
            with_content += has_content(with_hidden)
            if reason := difference(with_hidden, without):
                differences.append(Failure(name=f"interference/{sub}/{act}", reason=reason))
    return Compared(made=len(acts), with_content=with_content, differences=tuple(differences))


async def _denied(watched: Watched) -> int:
    """Acts that a role or a purpose does not open; gives how many were done all the same."""
    auditor, analyst = watched.askers["auditor"], watched.askers["analyst"]
    curious = replace(analyst, purpose="curiosity")
    question = next(act.about for _, act in watched.given if act.kind is Kind.ASK)
    done = 0
    for asker in (auditor, curious):
        for kind in (Kind.ASK, Kind.SEARCH, Kind.BEST, Kind.DOCUMENT, Kind.ENTITY):
            output = await perform(watched.copilot, asker, Act(kind, question))
            done += output["kind"] != "Denied"
            watched.recorded["denied", asker.principal.sub] += 1
            watched.ledger_ids.append(output["ledger_id"])
    for attempt in (watched.copilot.ingest(analyst, []), watched.copilot.ledger(analyst)):
        watched.recorded["denied", analyst.principal.sub] += 1
        try:
            await attempt
            done += 1
        except Forbidden:
            pass
    return done


async def _acts_recorded(url: str) -> Counter[tuple[str, str]]:
    query = "SELECT kind, sub, count(*) FROM ledger_acts GROUP BY 1, 2"
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(query)).fetchall()
    return Counter({(kind, sub): number for kind, sub, number in rows})


async def _unrecorded(watched: Watched, before: Counter[tuple[str, str]], url: str) -> int:
    """Acts without a record of their kind and person, and ledger ids that the ledger does not have."""
    now = await _acts_recorded(url)
    missing = watched.recorded - Counter({key: now[key] - before[key] for key in now})
    query = "SELECT count(*) FROM ledger_acts WHERE ledger_id = ANY(%s)"
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(query, [watched.ledger_ids])).fetchone()
    assert row is not None
    checked = await verify(url)
    watched.failures += [Failure(name="ledger", reason=problem) for problem in checked.problems]
    return missing.total() + len(watched.ledger_ids) - int(row[0])


def _result(
    watched: Watched, comparisons: Sequence[Compared], unrecorded: int, undenied: int
) -> Result:
    leaked = [one for one in watched.failures if one.name.startswith("leak/")]
    broken = [one for one in watched.failures if one.name == "ledger"]
    differences = [one for compared in comparisons for one in compared.differences]
    made = sum(one.made for one in comparisons)
    with_content = sum(one.with_content for one in comparisons)
    figures: dict[str, Figure] = {
        "leaks": count(len(leaked), "outputs", exactly(0)),
        "differences": count(len(differences), "outputs", exactly(0)),
        "unrecorded_acts": count(unrecorded, "acts", exactly(0)),
        "ledger_problems": count(len(broken), "entries", exactly(0)),
        "denied_acts_done": count(undenied, "acts", exactly(0)),
        "outputs_scanned": count(watched.outputs, "outputs"),
        "comparisons": count(made, "outputs"),
        "comparisons_with_content": share([("", (with_content, made))]),
        "acts_recorded": count(watched.recorded.total(), "acts"),
    }
    return Result(name="policy", figures=figures, failures=[*watched.failures, *differences])
