"""A small fake product for commands, and what is typed and printed."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from copilot.command_line import _parser
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.report import IngestReport
from copilot.provenance.results import ProvenanceOutcome
from copilot.results import AskOutcome, NotFound, SearchOutcome, SearchResult, Unavailable
from policy.errors import BadInput
from policy.principal import Asker
from tests.unit.api.fakes import ANSWER, CONTEXT, PROVENANCE

NOTHING = NotFound(text="Nothing that you may read.", ledger_id="l1")
DOWN = Unavailable(text="the model is down", dependency="model")
OFF = Unavailable(text="Asking is switched off.", dependency="copilot.enabled")


@dataclass
class Product:
    """Answers by what it is told for a question, else with an answer."""

    told: dict[str, AskOutcome | BadInput] = field(default_factory=dict)
    search_result: SearchOutcome = field(
        default_factory=lambda: SearchResult(contexts=(CONTEXT,), ledger_id="l2")
    )
    provenance_result: ProvenanceOutcome = PROVENANCE
    fault: BadInput | None = None
    """Raised where a provenance is asked for."""
    state: dict[str, str] = field(default_factory=lambda: {"postgres": "ok", "policy": "ok"})
    asked: list[tuple[Asker, str]] = field(default_factory=list)
    ks: list[int | None] = field(default_factory=list)
    taken: list[Document | Rejected] = field(default_factory=list)
    warmed: bool = False
    embedder: object = None
    """What it was opened with."""
    sealing: bool = False
    noted: list[str] = field(default_factory=list)
    """Databases of which was recorded what holds for them."""

    def warm(self) -> None:
        self.warmed = True

    async def ask(self, asker: Asker, question: str) -> AskOutcome:
        self.asked.append((asker, question))
        given = self.told.get(question, ANSWER)
        if isinstance(given, BadInput):
            raise given
        return given

    async def search(self, asker: Asker, question: str, k: int | None) -> SearchOutcome:
        self.asked.append((asker, question))
        self.ks.append(k)
        return self.search_result

    async def provenance(self, asker: Asker, given_id: str) -> ProvenanceOutcome:
        self.asked.append((asker, given_id))
        if self.fault:
            raise self.fault
        return self.provenance_result

    async def ingest(
        self, asker: Asker, documents: Iterable[Document | Rejected], progress: Callable[[], None]
    ) -> IngestReport:
        self.asked.append((asker, "ingest"))
        for one in documents:
            self.taken.append(one)
            progress()
        rejected = tuple(one for one in self.taken if isinstance(one, Rejected))
        count = len(self.taken) - len(rejected)
        return IngestReport(ingested=count, unchanged=2, rejected=rejected, ledger_ids=())

    async def ready(self) -> dict[str, str]:
        return self.state


def typed(*arguments: object) -> Namespace:
    return _parser().parse_args([str(one) for one in arguments])


def questions(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


def printed_json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
