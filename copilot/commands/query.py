"""`copilot ask` and `copilot search`."""

import json
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from copilot.acts import Copilot
from copilot.commands.asker import asker
from copilot.commands.opened import opened
from copilot.commands.show import show_context, show_notice, show_outcome
from copilot.results import SearchResult
from copilot.serialise import outcome_json, search_json
from copilot.settings import Settings
from copilot.wording import NOT_FOUND
from policy.errors import BadInput
from policy.principal import Asker

Answerer = Callable[[Copilot, Asker, str], Awaitable[dict[str, Any]]]


async def ask(settings: Settings, options: Namespace) -> int:
    """Answers one question, or each of a file in order."""

    async def one(copilot: Copilot, who: Asker, question: str) -> dict[str, Any]:
        return outcome_json(await copilot.ask(who, question))

    return await _run(settings, options, one, show_outcome)


async def search(settings: Settings, options: Namespace) -> int:
    """Shows the contexts that an answer would be written from."""

    async def one(copilot: Copilot, who: Asker, question: str) -> dict[str, Any]:
        result = await copilot.search(who, question, options.k)
        return search_json(result) if isinstance(result, SearchResult) else outcome_json(result)

    def show(value: dict[str, Any]) -> None:
        if value["kind"] != "SearchResult":
            show_outcome(value)
        elif not value["contexts"]:
            show_outcome({"kind": "NotFound", "text": NOT_FOUND})
        for context in value.get("contexts", []):
            show_context(context)

    return await _run(settings, options, one, show)


async def _run(
    settings: Settings,
    options: Namespace,
    answer: Answerer,
    show: Callable[[dict[str, Any]], None],
) -> int:
    """Exit code 1 where a question was refused or a dependency failed; the others are answered all the same."""
    who = asker(settings, options)
    refused = 0
    failed: str | None = None
    async with opened(settings) as copilot:
        for name, question in _questions(options):
            try:
                value = await answer(copilot, who, question)
            except BadInput as error:
                if name is None:
                    raise
                refused, value = 1, {"kind": "BadInput", "text": error.message}
            if _failed(value):
                failed = value["text"]
            if name is not None:
                value = {"id": name, **value}
            if options.json:
                print(json.dumps(value), flush=True)
            else:
                if name is not None:
                    print(f"{name}:")
                show(value)
                show_notice(value)
    if failed is not None:
        print(f"copilot: {failed}", file=sys.stderr)
    return 1 if failed else refused


def _failed(value: dict[str, Any]) -> bool:
    """Whether a dependency failed. That asking is switched off is a decision and no failure."""
    return bool(value["kind"] == "Unavailable" and value["dependency"] != "copilot.enabled")


def _questions(options: Namespace) -> Iterator[tuple[str | None, str]]:
    if options.file is None:
        yield None, options.question
        return
    lines = sys.stdin if str(options.file) == "-" else _lines(options.file)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _question(line, f"{options.file}, line {number}")


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadInput(f"cannot read the questions in {path}: {reason}") from error


def _question(line: str, where: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadInput(f"{where}: not JSON; each line is an object with id and question") from error
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("question"), str)
        or "id" not in value
    ):
        raise BadInput(f"{where}: an object with id and question is wanted")
    return value["id"], value["question"]
