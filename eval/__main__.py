"""`python -m eval SUITE`: measures the product on the case file and says whether its gates hold."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from copilot.acts import Copilot
from copilot.app import build
from copilot.settings import Settings
from copilot.telemetry import configure_logging
from eval import gates, generation, junit, policy, retrieval
from eval.cases import FOLDER, pairs, read_people, read_questions
from eval.controls import control
from eval.injection import suite as injection
from eval.interference import suite as interference
from eval.interference.graphs import scratch
from eval.interference.suite import CI, NEO4J, SOAK
from eval.results import Result, environment
from eval.stage import PATIENCE_S, askers, ingested
from eval.table import table
from policy.errors import CopilotError

SUITES = ("retrieval", "generation", "policy", "injection")
ACCEPTED = ("retrieval", "generation")
"""Suites whose shares are compared with the last accepted ones."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 where every gate holds, 1 where one fails or nothing could be measured, 2 for wrong usage."""
    options = _options(arguments)
    configure_logging()
    try:
        result = asyncio.run(measured(options))
        if options.accept:
            gates.accept(result, options.accepted)
            result = gates.compared(result, options.accepted)
    except CopilotError as error:
        print(f"eval: {error.message}", file=sys.stderr)
        return 1
    if options.junit:
        junit.write(result, options.junit)
    print(json.dumps(result.to_json(), ensure_ascii=False) if options.json else table(result))
    return 0 if result.passed else 1


async def measured(options: argparse.Namespace) -> Result:
    """One suite over a database of its own."""
    begun = time.monotonic()
    if options.suite == "injection":
        result = await injection.run(options.attacks, options.models)
        return _described(result, options, time.monotonic() - begun)
    async with ingested(options.casefile, options.models) as settings:
        if options.suite == "policy":
            result = await _policed(settings, options)
        else:
            generator = control(options.control) if options.control else None
            async with build(settings, generator=generator) as copilot:
                result = await _scored(copilot, options)
    return _described(_gated(result, options), options, time.monotonic() - begun)


async def _policed(settings: Settings, options: argparse.Namespace) -> Result:
    """The policy suite; with `--neo4j` all that is compared is read from the Neo4j of the environment."""
    questions = read_questions(options.casefile / "questions.jsonl", options.split)
    if not options.neo4j:
        result = await policy.run(settings, options.casefile, questions)
        return await interference.extended(result, settings, SOAK if options.soak else CI)
    given = Settings.from_environment(os.environ)
    over = replace(
        settings,
        neo4j_url=given.neo4j_url,
        neo4j_user=given.neo4j_user,
        neo4j_password=given.neo4j_password,
        neo4j_timeout_s=max(given.neo4j_timeout_s, PATIENCE_S),
    )
    async with scratch(over) as graphs:
        result = await policy.run(over, options.casefile, questions)
        return await interference.extended(result, settings, NEO4J, graphs)


async def _scored(copilot: Copilot, options: argparse.Namespace) -> Result:
    folder = options.casefile
    asked = pairs(read_questions(folder / "questions.jsonl", options.split))
    who = askers(folder)
    if options.suite == "retrieval":
        return await retrieval.run(copilot, who, asked)
    near = pairs(read_questions(folder / "near_misses.jsonl", options.split))
    return await generation.run(copilot, who, read_people(folder), asked, near)


def _gated(result: Result, options: argparse.Namespace) -> Result:
    """Only the gate half, as it is, has an accepted result to compare with."""
    if options.split != "gate" or options.control or options.suite not in ACCEPTED:
        return result
    return gates.compared(result, options.accepted)


def _described(result: Result, options: argparse.Namespace, seconds: float) -> Result:
    about = {"split": options.split, "control": options.control, "seconds": round(seconds, 1)}
    return replace(result, environment=environment(**about))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--json", action="store_true", help="print one JSON document alone")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--split", choices=["gate", "tune"], default="gate", help="half of the questions"
    )
    parser.add_argument(
        "--control", choices=["random", "top-chunk"], help="a generator that must fail"
    )
    parser.add_argument(
        "--soak", action="store_true", help="of `policy`: ten times as much, for the night"
    )
    parser.add_argument(
        "--neo4j",
        action="store_true",
        help="of `policy`: with the graph in the Neo4j of NEO4J_URL, which must be empty and is left so",
    )
    parser.add_argument(
        "--accept", action="store_true", help="keep this result to compare later ones with"
    )
    parser.add_argument("--accepted", type=Path, default=gates.ACCEPTED, help=argparse.SUPPRESS)
    parser.add_argument("--casefile", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    parser.add_argument("--attacks", type=Path, default=_attacks(), help=argparse.SUPPRESS)
    parser.add_argument("--models", type=Path, default=_models(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.control and options.suite != "generation":
        parser.error("a control stands in for the generator: it goes with `generation` alone")
    if (options.soak or options.neo4j) and options.suite != "policy":
        parser.error("only `policy` has a long form, and one over Neo4j")
    if options.soak and options.neo4j:
        parser.error("the long form is that over Postgres")
    if options.accept and (
        options.control or options.split != "gate" or options.suite not in ACCEPTED
    ):
        parser.error("only `retrieval` and `generation` on the gate half are accepted")
    return options


def _attacks() -> Path:
    """The folder of the shared data that holds the planted texts and the harmless mail."""
    return Path(os.environ.get("COPILOT_SHARED_DATA") or "../shared/data") / "injection-dev"


def _models() -> Path:
    """The exported embedder of the default data directory, so that no run exports it again."""
    return Settings.from_environment(os.environ).models_dir


if __name__ == "__main__":
    sys.exit(main())
