"""`copilot`: what is typed reaches its command, and every end is an exit code that can be told apart."""

import io
import json
import logging
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from copilot.command_line import main
from copilot.settings import Settings
from policy.errors import BadInput, CopilotError, Misconfigured, Unavailable

Command = Callable[[Settings, Namespace], Awaitable[int | None]]

TARGETS = [
    (["serve"], "serve", "serve"),
    (["ingest", "folder"], "ingest", "ingest"),
    (["ask", "Who?"], "query", "ask"),
    (["search", "Who?"], "query", "search"),
    (["provenance", "a1"], "provenance", "provenance"),
    (["token", "--sub", "ann"], "operate", "token"),
    (["migrate"], "operate", "migrate"),
    (["schema"], "operate", "schema"),
    (["doctor"], "operate", "doctor"),
    (["ledger", "verify"], "ledger", "verify"),
    (["ledger", "export", "folder"], "ledger", "export"),
    (["ledger", "key"], "ledger", "key"),
    (["ledger", "checkpoint"], "ledger", "checkpoint"),
    (["bench", "ask"], "bench", "bench"),
    (["demo", "folder"], "demo", "demo"),
]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment without our variables, with the signals of before put back."""
    for name in ("COPILOT_LOG", "DATABASE_URL", "OPA_URL", "COPILOT_JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    terminated = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, terminated)


def replaced(monkeypatch: pytest.MonkeyPatch, command: Command, name: str = "schema") -> None:
    module = "serve" if name == "serve" else "operate"
    monkeypatch.setattr(import_module(f"copilot.commands.{module}"), name, command)


def failing(error: BaseException) -> Command:
    async def command(settings: Settings, options: Namespace) -> int:
        raise error

    return command


def options_of(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> Namespace:
    """What the command of these arguments is given."""
    module, name = next((m, n) for typed, m, n in TARGETS if typed[0] == arguments[0])
    seen: list[Namespace] = []

    async def command(settings: Settings, options: Namespace) -> None:
        seen.append(options)

    monkeypatch.setattr(import_module(f"copilot.commands.{module}"), name, command)
    assert main(arguments) == 0
    return seen[0]


@pytest.mark.parametrize(("arguments", "module", "name"), TARGETS)
def test_each_command_reaches_its_function_and_returns_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], module: str, name: str
) -> None:
    seen: list[tuple[Settings, Namespace]] = []

    async def command(settings: Settings, options: Namespace) -> int:
        seen.append((settings, options))
        return 7

    monkeypatch.setattr(import_module(f"copilot.commands.{module}"), name, command)
    monkeypatch.setenv("COPILOT_AS", "ann")
    assert main(arguments) == 7
    settings, options = seen[0]
    assert settings.act_as == "ann"
    assert options.command == arguments[0]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["ask"],
        ["ask", "Who?", "--file", "questions.jsonl"],
        ["ask", "Who?", "--k", "3"],
        ["search", "Who?", "--k", "three"],
        ["ingest"],
        ["token"],
        ["ledger"],
        ["ledger", "forget"],
        ["bench"],
        ["demo"],
        ["serve", "--port", "http"],
        ["serve", "--processes", "0"],
        ["serve", "--processes", "65"],
        ["serve", "--processes", "two"],
        ["schema", "--colour"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so_on_standard_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: copilot")


def test_help_ends_with_0_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert all(arguments[0] in printed for arguments, _, _ in TARGETS)


def test_a_server_listens_to_this_machine_alone_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert options_of(monkeypatch, ["serve"]).host == "127.0.0.1"
    given = options_of(monkeypatch, ["serve", "--host", "0.0.0.0", "--port", "9000"])
    assert (given.host, given.port) == ("0.0.0.0", 9000)


def test_what_is_typed_with_a_question_reaches_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    options = options_of(
        monkeypatch,
        ["search", "Who?", "--as", "ann", "--purpose", "review", "--reason", "case 7", "--k", "3"],
    )
    assert (options.question, options.file, options.json) == ("Who?", None, False)
    assert (options.act_as, options.purpose, options.reason) == ("ann", "review", "case 7")
    assert options.k == 3
    filed = options_of(monkeypatch, ["ask", "--file", "-", "--json"])
    assert (filed.question, filed.file, filed.json) == (None, Path("-"), True)


@pytest.mark.parametrize(
    "error",
    [
        BadInput("there is no principal 'eve'"),
        Misconfigured("run: copilot migrate"),
        Unavailable("postgres", "the database does not answer"),
        CopilotError("the ledger does not verify"),
    ],
)
def test_an_error_of_ours_is_one_line_on_standard_error_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: CopilotError
) -> None:
    replaced(monkeypatch, failing(error))
    assert main(["schema"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"copilot: {error.message}\n"


def test_a_wrong_setting_is_told_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, failing(AssertionError("the command was run")))
    monkeypatch.setenv("DATABASE_URL", "mysql://db")
    assert main(["schema"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("copilot: DATABASE_URL must")
    assert message.count("\n") == 1


def test_a_defect_is_logged_as_json_and_told_without_traceback_or_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, failing(ZeroDivisionError("Halder owns it")))
    assert main(["schema"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    logged, told = printed.err.splitlines()
    entry: dict[str, Any] = json.loads(logged)
    assert (entry["level"], entry["logger"]) == ("CRITICAL", "copilot.reported")
    assert entry["exception"][0]["type"] == "builtins.ZeroDivisionError"
    assert told.startswith("copilot: internal error (ZeroDivisionError)")
    assert "Traceback" not in printed.err
    assert "Halder" not in printed.err


@pytest.mark.parametrize(
    ("command", "own", "level"),
    [("serve", None, logging.INFO), ("schema", None, logging.ERROR), ("schema", "debug", 10)],
)
def test_a_server_logs_and_a_command_is_quiet_unless_the_setting_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, command: str, own: str | None, level: int
) -> None:
    seen: list[int] = []

    async def told(settings: Settings, options: Namespace) -> None:
        seen.append(logging.getLogger("copilot").level)

    replaced(monkeypatch, told, command)
    if own:
        monkeypatch.setenv("COPILOT_LOG", own)
    assert main([command]) == 0
    assert seen == [level]


def test_an_interrupted_command_ends_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, failing(KeyboardInterrupt()))
    assert main(["schema"]) == 130


def test_a_reader_who_has_gone_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    replaced(monkeypatch, failing(BrokenPipeError()))
    assert main(["schema"]) == 1
    assert stderr.closed
