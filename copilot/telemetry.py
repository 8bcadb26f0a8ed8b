"""What operators see of the running program: Prometheus metrics, JSON logs and trace ids."""

import json
import logging
import os
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TextIO

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from copilot.generation.port import Finished
from copilot.projection.backlog import Backlog
from copilot.results import Usage
from policy.errors import CopilotError

OWN_LOGGERS = ("copilot", "policy", "retrieval", "eval")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOGETHER = "PROMETHEUS_MULTIPROC_DIR"
_trace_id: ContextVar[str] = ContextVar("trace_id", default="")


class Metrics:
    """Counters and histograms of one program. No label names a person, a tenant or a text."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "copilot_stage_seconds",
            "Time of each stage of a question",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._requests = Histogram(
            "copilot_http_request_seconds",
            "Time of each HTTP request",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._outcomes = self._counter("copilot_outcomes", "Acts by what they gave", "act", "kind")
        self._tokens = self._counter(
            "copilot_tokens", "Tokens of models", "provider", "model", "direction"
        )
        self._cost = self._counter("copilot_cost_usd", "Cost of models", "provider", "model")
        self._unpriced = self._counter(
            "copilot_unpriced_calls", "Model calls whose price is not known", "provider", "model"
        )
        self._denials = self._counter("copilot_policy_denials", "Acts that policy refused", "act")
        self._mismatches = self._counter(
            "copilot_recheck_mismatches", "Contexts that the double check refused: an incident"
        )
        self._degraded = self._counter(
            "copilot_degraded_searches", "Searches in which an arm did not answer", "arm"
        )
        self._dropped = self._counter(
            "copilot_dropped_sentences", "Sentences that were not released", "reason"
        )
        self._consulted = self._counter(
            "copilot_consultations", "Judgements that models were asked for", "task", "outcome"
        )
        self._findings = self._counter(
            "copilot_scan_findings", "What the output scan found, by kind", "kind"
        )
        self._unsealed = Gauge(
            "copilot_ledger_oldest_unsealed_seconds",
            "Age of the oldest ledger record that is not sealed yet; 0 where all are",
            registry=self.registry,
            multiprocess_mode="livemostrecent",
        )
        self._waiting = self._gauge(
            "copilot_graph_waiting", "What Neo4j lacks: changes of content, records of the ledger"
        )
        self._behind = self._gauge(
            "copilot_graph_behind_seconds", "Age of the oldest of what Neo4j lacks"
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)

    def _gauge(self, name: str, description: str) -> Gauge:
        """Every process tells the same of the one graph, so the newest holds."""
        return Gauge(
            name, description, ["what"], registry=self.registry, multiprocess_mode="mostrecent"
        )

    def stage(self, name: str, seconds: float) -> None:
        """One stage of a question took so long."""
        self._stages.labels(name).observe(seconds)

    def request(self, route: str, status: int, seconds: float) -> None:
        """One HTTP request was answered."""
        self._requests.labels(route, str(status)).observe(seconds)

    def outcome(self, act: str, kind: str) -> None:
        """An act gave a result of this kind, or failed."""
        self._outcomes.labels(act, kind).inc()

    def tokens(self, provider: str, model: str, usage: Usage) -> None:
        """A model call ended: counts its tokens and, where the price is known, its cost."""
        for direction, amount in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            self._tokens.labels(provider, model, direction).inc(amount)
        if usage.cost_usd is None:
            self._unpriced.labels(provider, model).inc()
        else:
            self._cost.labels(provider, model).inc(usage.cost_usd)

    def consulted(self, task: str, outcome: str, finished: Finished) -> None:
        """A model was asked to judge: "used" or "failed", and what it took."""
        self._consulted.labels(task, outcome).inc()
        if finished.model:
            self.tokens(finished.provider, finished.model, finished.usage)

    def denied(self, act: str) -> None:
        """Policy refused an act."""
        self._denials.labels(act).inc()

    def recheck_mismatches(self, n: int) -> None:
        """The double check refused contexts that the scope had let through."""
        self._mismatches.inc(n)

    def dropped(self, reason: str, n: int) -> None:
        """Sentences were held back: "scan" or "citation"."""
        self._dropped.labels(reason).inc(n)

    def degraded(self, arm: str) -> None:
        """A search went on without an arm."""
        self._degraded.labels(arm).inc()

    def finding(self, kind: str, count: int) -> None:
        """The output scan found something of this kind."""
        self._findings.labels(kind).inc(count)

    def unsealed(self, oldest_s: float) -> None:
        """The oldest record that waits to be sealed is so old."""
        self._unsealed.set(oldest_s)

    def graph_behind(self, found: Backlog) -> None:
        """How far the graph in Neo4j is behind."""
        for what, count, seconds in (
            ("changes", found.changes, found.seconds),
            ("records", found.records, found.records_seconds),
        ):
            self._waiting.labels(what).set(count)
            self._behind.labels(what).set(seconds)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format; of all processes that count together."""
        if _TOGETHER not in os.environ:
            return generate_latest(self.registry)
        every = CollectorRegistry()
        MultiProcessCollector(every)  # type: ignore[no-untyped-call]
        return generate_latest(every)


@contextmanager
def counted_together() -> Iterator[None]:
    """What is counted within, in this process and its forks, is shown by each as the sum of all."""
    with TemporaryDirectory(prefix="copilot-metrics-") as folder, ExitStack() as stack:
        os.environ[_TOGETHER] = folder
        stack.callback(os.environ.pop, _TOGETHER)
        # The library chooses while it is imported, which is over.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        stack.callback(setattr, values, "ValueClass", values.MutexValue)
        yield


def trace_id() -> str:
    """The id of the request that is being served; empty outside of one."""
    return _trace_id.get()


def new_trace_id() -> str:
    """Begins a trace in the current task and the tasks that it starts."""
    value = secrets.token_hex(16)
    _trace_id.set(value)
    return value


def configure_logging(stream: TextIO | None = None, level: int | str = logging.INFO) -> None:
    """Sends the program's log as JSON lines to `stream` (standard error by default).

    `level` is that of our own loggers; of other packages only warnings are kept.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # It warns of each connection that we cut, also where a program ends; whoever waited for it says so already.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level)


class JsonFormatter(logging.Formatter):
    """One JSON object a line. What could carry a question or a text is left out.

    Of other packages' records only the template is kept, of exceptions the types and places:
    their arguments and messages may quote what was being processed.
    """

    def format(self, record: logging.LogRecord) -> str:
        own = record.name.split(".")[0] in OWN_LOGGERS
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if own else str(record.msg),
        }
        if trace := trace_id():
            line["trace_id"] = trace
        if isinstance(fields := getattr(record, "fields", None), dict):
            line.update(fields)
        if record.exc_info and record.exc_info[1]:
            line["exception"] = describe(record.exc_info[1])
        return json.dumps(line, default=str)


def describe(error: BaseException) -> list[dict[str, object]]:
    """The chain of an exception without its messages, those of CopilotErrors excepted."""
    chain: list[dict[str, object]] = []
    link: BaseException | None = error
    while link is not None and len(chain) < 10:
        entry: dict[str, object] = {
            "type": f"{type(link).__module__}.{type(link).__qualname__}",
            "at": [
                f"{f.filename}:{f.lineno} {f.name}"
                for f in traceback.extract_tb(link.__traceback__)
            ],
        }
        if isinstance(link, CopilotError):
            entry["message"] = link.message
        if isinstance(state := getattr(link, "sqlstate", None), str):
            entry["sqlstate"] = state
        chain.append(entry)
        link = link.__cause__ or link.__context__
    return chain
