"""The case file through the output scan, sentence by sentence: what is found there wrongly, and how fast."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from copilot.generation.port import Claim, Support
from copilot.ingest.documents import Document, Part
from copilot.ingest.reader import read
from copilot.output_scan import Clean, Kind, OutputScan
from eval.personal_labels import LISTED, Listed
from eval.results import Failure, Figure, at_least, at_most, count, percentile
from retrieval.sentences import split
from retrieval.types import Chunk, Context

_CONTEXTS = 3
"""As many chunks as an ordinary answer is given."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    sentences: int = 0
    flagged: int = 0
    """Sentences in which something was found that is not listed."""
    wrong: Counter[Kind] = field(default_factory=Counter)
    found: set[Listed] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)


def on_the_case_file(folder: Path) -> tuple[dict[str, Figure], list[Failure]]:
    """The figures, and each sentence in which something was found that is not there."""
    scan, tally = OutputScan(), _Tally()
    taken: dict[bool, list[float]] = {True: [], False: []}
    scan.request([], personal_open=False)(Claim(text="Loads the recognisers: 1", supports=()))
    for document, part in _parts(folder):
        for personal_open in (True, False):
            check = scan.request(_contexts(part), personal_open=personal_open)
            for claim in _claims(part):
                # Of the processor: a machine that is busy with other things does not slow a rule down.
                begun = time.thread_time()
                outcome = check(claim)
                taken[personal_open].append((time.thread_time() - begun) * 1000)
                if not personal_open:
                    found = (
                        set()
                        if isinstance(outcome, Clean)
                        else {one.kind for one in outcome.findings}
                    )
                    _count(tally, document.document_id, claim.text, found)
    return {**_figures(tally), **_times(taken)}, tally.failures


def _count(tally: _Tally, document_id: str, text: str, found: set[Kind]) -> None:
    expected = {one for one in LISTED if one.document_id == document_id and one.words in text}
    false = found - {one.kind for one in expected}
    tally.sentences += 1
    tally.flagged += bool(false)
    tally.wrong.update(false)
    tally.found |= {one for one in expected if one.kind in found}
    if false:
        reason = f"false positive: {', '.join(sorted(kind.name for kind in false))}"
        tally.failures.append(Failure(name=text, reason=reason))


def _figures(tally: _Tally) -> dict[str, Figure]:
    shares = {kind: tally.wrong[kind] / tally.sentences for kind in Kind}
    return {
        "false positives": Figure(
            value=tally.flagged / tally.sentences, unit="share", goal=at_most(0.01)
        ),
        **{
            f"false {kind.name.lower()}": Figure(value=one, unit="share")
            for kind, one in shares.items()
        },
        "recall case file": Figure(
            value=len(tally.found) / len(LISTED), unit="share", goal=at_least(0.95)
        ),
        "sentences of the case file": count(tally.sentences, "count"),
    }


def _times(taken: dict[bool, list[float]]) -> dict[str, Figure]:
    return {
        "p95 open": Figure(value=percentile(taken[True], 95), unit="ms", goal=at_most(2)),
        "p95 personal": Figure(value=percentile(taken[False], 95), unit="ms", goal=at_most(10)),
    }


def _parts(folder: Path) -> Iterator[tuple[Document, Part]]:
    for document in read([folder / "documents"], tenant="t1", default_label=None):
        if isinstance(document, Document):
            for part in document.parts:
                yield document, part


def _claims(part: Part) -> Iterator[Claim]:
    """Each sentence of the part, quoted as the offline generator does."""
    for span in split(part.text):
        support = Support(context=0, start=span.start, end=span.end)
        yield Claim(text=span.of(part.text), supports=(support,))


def _contexts(part: Part) -> list[Context]:
    chunk = Chunk(
        chunk_id="c",
        part_id="p",
        document_id="d",
        title=None,
        text=part.text,
        start=0,
        end=len(part.text),
        label_id=1,
        label=part.label,
    )
    return [Context(chunk=chunk, score=1.0, arms=())] * _CONTEXTS
