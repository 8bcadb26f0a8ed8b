"""`copilot`: the command line."""

import argparse
import asyncio
import gc
import inspect
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from copilot.reported import reported
from copilot.settings import Settings
from copilot.telemetry import configure_logging

_COMMANDS = {
    "serve": "serve:serve",
    "ingest": "ingest:ingest",
    "delete": "access:delete",
    "relabel": "access:relabel",
    "revoke": "access:revoke",
    "reinstate": "access:reinstate",
    "hold": "disposal:hold",
    "release": "disposal:release",
    "certificate": "disposal:certificate",
    "retention apply": "disposal:apply",
    "ask": "query:ask",
    "search": "query:search",
    "provenance": "provenance:provenance",
    "token": "operate:token",
    "migrate": "operate:migrate",
    "schema": "operate:schema",
    "doctor": "operate:doctor",
    "ledger verify": "ledger:verify",
    "ledger export": "ledger:export",
    "ledger archive": "ledger:archive",
    "ledger checkpoint": "ledger:checkpoint",
    "ledger key": "ledger:key",
    "graph verify": "graph:verify",
    "graph rebuild": "graph:rebuild",
    "graph stop": "graph:stop",
    "policy test": "policy:test",
    "policy diff": "policy:diff",
    "policy explain": "policy:explain",
    "reembed": "reembed:reembed",
    "bench": "bench:bench",
    "demo": "demo:demo",
}
"""Imported only when called: `--help` and a usage error need no model and no driver."""
_MOST_PROCESSES = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Exit codes: 0, 2 for wrong usage, 1 for any other failure."""
    options = _parser().parse_args(arguments)
    # Ending by an exception runs what is registered for the end: the embedded Postgres stops with us.
    signal.signal(signal.SIGTERM, _terminated)
    name = " ".join(filter(None, [options.command, getattr(options, "action", None)]))
    return reported(lambda: _run(name, options))


def _run(name: str, options: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ)
    quiet = "INFO" if options.command == "serve" else "ERROR"
    configure_logging(level=settings.log_level or quiet)
    ended = _command(name)(settings, options)
    code: int | None = asyncio.run(ended) if inspect.iscoroutine(ended) else ended
    return code or 0


def _command(name: str) -> Callable[[Settings, argparse.Namespace], Any]:
    module, function = _COMMANDS[name].split(":")
    gc.disable()  # what an import makes stays: looking for what may go takes a tenth of the time
    try:
        found: Callable[[Settings, argparse.Namespace], Any] = getattr(
            import_module(f"copilot.commands.{module}"), function
        )
    finally:
        gc.enable()
    return found


def _terminated(*_: object) -> None:
    sys.exit(143)


def _upto(most: int, what: str) -> Callable[[str], int]:
    """Takes a whole number from 1 on."""

    def number(text: str) -> int:
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}: 1 to {most}")
        return int(text)

    return number


_port = _upto(65535, "port")
_count = _upto(_MOST_PROCESSES, "number of processes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="copilot", description="A governed GraphRAG copilot.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serving(commands)
    _content(commands)
    _access(commands)
    _disposal(commands)
    _questions(commands)
    _policy(commands)
    _operating(commands)
    return parser


# argparse has no public name for it.
Commands = argparse._SubParsersAction  # noqa: SLF001


def _serving(commands: "Commands[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="serve GraphQL")
    serve.add_argument("--host", default="127.0.0.1", help="127.0.0.1 where none is given")
    serve.add_argument("--port", type=_port, default=8000, help="8000 where none is given")
    serve.add_argument(
        "--processes",
        type=_count,
        default=1,
        help="1 where none is given; at best as many as cores",
    )
    demo = commands.add_parser("demo", help="load a case file, ask it, serve a query page")
    demo.add_argument("path", type=Path)
    demo.add_argument("--once", action="store_true", help="end after the printing")
    demo.add_argument("--port", type=_port, default=8000, help="8000 where none is given")


def _content(commands: "Commands[argparse.ArgumentParser]") -> None:
    ingest = commands.add_parser("ingest", help="take in files and folders")
    ingest.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    ingest.add_argument("--label", metavar="JSON", help="the label of what bears none")
    _as(ingest)
    _json(ingest)


def _access(commands: "Commands[argparse.ArgumentParser]") -> None:
    delete = commands.add_parser("delete", help="delete what one may read of a document")
    delete.add_argument("id", metavar="ID", help="of a document, or of a part of a hidden one")
    relabel = commands.add_parser("relabel", help="put a document under another label")
    relabel.add_argument("id", metavar="ID", help="of a document, or of a part of a hidden one")
    relabel.add_argument("--label", metavar="JSON", required=True, help="the new label")
    revoke = commands.add_parser("revoke", help="take all access from a principal")
    revoke.add_argument("sub", metavar="SUB")
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="why, for the ledger")
    reinstate = commands.add_parser("reinstate", help="give back what was revoked")
    reinstate.add_argument("sub", metavar="SUB")
    for parser in (delete, relabel, revoke, reinstate):
        _as(parser)
        _json(parser)


def _disposal(commands: "Commands[argparse.ArgumentParser]") -> None:
    texts = {
        "hold": "keep what one may read of a document from being deleted",
        "release": "end a legal hold",
        "certificate": "say what a deletion took, and what stands in its place",
    }
    for name, text in texts.items():
        parser = commands.add_parser(name, help=text)
        parser.add_argument("id", metavar="ID", help="of a document, or of a part of a hidden one")
        if name != "certificate":
            parser.add_argument("--reason", required=True, metavar="TEXT", help="for the ledger")
        _as(parser)
        _json(parser)
    retention = commands.add_parser("retention", help="delete what is past its tenant's rule")
    apply = retention.add_subparsers(dest="action", required=True).add_parser("apply")
    apply.add_argument("--dry-run", action="store_true", help="say what would go, and stop")
    _as(apply)
    _json(apply)


def _questions(commands: "Commands[argparse.ArgumentParser]") -> None:
    for name, text in {"ask": "answer a question", "search": "find passages"}.items():
        parser = commands.add_parser(name, help=text)
        given = parser.add_mutually_exclusive_group(required=True)
        given.add_argument("question", nargs="?", metavar="QUESTION")
        given.add_argument(
            "--file", type=Path, help="JSON lines with id and question; - reads standard input"
        )
        _as(parser)
        _json(parser)
        _why(parser)
        if name == "search":
            parser.add_argument("--k", type=int, metavar="N", help="the best N documents")

    provenance = commands.add_parser("provenance", help="say how an answer came about")
    provenance.add_argument("id", metavar="ANSWER", help="its id, or that of its ledger entry")
    form = provenance.add_mutually_exclusive_group()
    form.add_argument("--html", type=Path, metavar="FILE", help="write the page for a case file")
    form.add_argument("--json", type=Path, metavar="FILE", help="write W3C PROV-JSON")
    _as(provenance)
    _why(provenance)


def _policy(commands: "Commands[argparse.ArgumentParser]") -> None:
    policy = commands.add_parser("policy", help="test a policy, compare two, explain a decision")
    actions = policy.add_subparsers(dest="action", required=True)
    test = actions.add_parser("test", help="run the tests beside the rules (needs COPILOT_OPA)")
    test.add_argument("folder", nargs="?", type=Path, help="a bundle; the release's own if none")
    diff = actions.add_parser("diff", help="what a bundle would open or close, and for whom")
    diff.add_argument("folder", type=Path, help="the bundle's Rego; it is built, not installed")
    diff.add_argument("--tenant", metavar="T", help="the folder is this tenant's own bundle")
    _json(diff)
    explain = actions.add_parser("explain", help="why a label is open or closed to somebody")
    about = explain.add_mutually_exclusive_group(required=True)
    about.add_argument("--label", metavar="JSON")
    about.add_argument("--document", metavar="ID", help="the labels of a document, or of a part")
    _as(explain)
    _json(explain)


def _operating(commands: "Commands[argparse.ArgumentParser]") -> None:
    token = commands.add_parser("token", help="issue a bearer token")
    token.add_argument("--sub", required=True)
    token.add_argument("--claims", metavar="JSON")
    commands.add_parser("migrate", help="bring the database to this version")
    commands.add_parser("schema", help="print the GraphQL schema")
    commands.add_parser("doctor", help="say what works and what does not")
    _ledger(commands)
    _graph(commands)
    reembed = commands.add_parser("reembed", help="change the embedding model, beside serving")
    way = reembed.add_mutually_exclusive_group()
    way.add_argument("--model", metavar="MODEL", help="COPILOT_EMBEDDING_MODEL where none is given")
    way.add_argument("--abandon", action="store_true", help="take back what was not finished")
    bench = commands.add_parser("bench", help="measure")
    bench.add_argument("name")
    _json(bench)


def _ledger(commands: "Commands[argparse.ArgumentParser]") -> None:
    ledger = commands.add_parser("ledger", help="verify, export or checkpoint the ledger")
    actions = ledger.add_subparsers(dest="action", required=True)
    verify = actions.add_parser("verify", help="exit 1 where it is not what was written")
    verify.add_argument(
        "bundle", type=Path, nargs="?", metavar="BUNDLE", help="an export, instead of the database"
    )
    verify.add_argument("--key", metavar="KEY", help="a public key of the log, kept outside")
    verify.add_argument(
        "--whole",
        action="store_true",
        help="exit 1 for a bundle of a selection, or where an archived record is not given",
    )
    _held(verify, "one that was kept outside")
    verify.add_argument(
        "--archive",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="an archived month, to be checked with the database",
    )
    _json(verify)
    export = actions.add_parser("export", help="seal what waits; write a bundle for an outsider")
    export.add_argument("bundle", type=Path, metavar="FOLDER", help="it must not be there yet")
    _held(export, "one that somebody kept outside, who can then check it with the bundle")
    archive = actions.add_parser("archive", help="put a month into a bundle, out of the database")
    archive.add_argument("month", metavar="MONTH", help="as in 2026-03, and over")
    archive.add_argument("folder", type=Path, metavar="FOLDER", help="it must not be there yet")
    _held(archive, "one that somebody kept outside, who can then check it with the bundle")
    actions.add_parser("checkpoint", help="seal what waits; print the head, to be kept outside")
    key = actions.add_parser("key", help="print the log's public keys")
    key.add_argument("--new", metavar="NAME", help="make a secret key of that name instead")


def _held(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help=text)


def _graph(commands: "Commands[argparse.ArgumentParser]") -> None:
    graph = commands.add_parser("graph", help="compare, fill anew or end the graph in Neo4j")
    actions = graph.add_subparsers(dest="action", required=True)
    verify = actions.add_parser("verify", help="compare it with Postgres; exit 1 where it differs")
    _json(verify)
    actions.add_parser("rebuild", help="empty it and fill it from Postgres")
    actions.add_parser("stop", help="note no more changes for it; `rebuild` begins again")


def _as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as", dest="act_as", metavar="SUB", help="a principal of COPILOT_PRINCIPALS"
    )


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--purpose", help="one of the principal's purposes; the first where none is given"
    )
    parser.add_argument("--reason", help="why, for the ledger")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON alone on standard output")
