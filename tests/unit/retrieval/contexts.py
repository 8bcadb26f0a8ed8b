"""Contexts by hand, for the tests of what comes after retrieval."""

from policy.labels import Classification, Label
from retrieval.types import Chunk, Context, ScoredSentence


def label(level: str, *compartments: str) -> Label:
    return Label(
        tenant="t1",
        classification=Classification(level),
        compartments=frozenset(compartments),
    )


def context(
    chunk_id: str,
    text: str = "A text.",
    *,
    title: str | None = None,
    best: float | None = None,
    score: float = 1.0,
    of: Label | None = None,
) -> Context:
    """One chunk; `best` is what its best sentence scored, None where none was weighed."""
    chunk = Chunk(
        chunk_id=chunk_id,
        part_id=f"part of {chunk_id}",
        document_id=f"document of {chunk_id}",
        title=title,
        text=text,
        start=0,
        end=len(text),
        label_id=1,
        label=of or label("U"),
    )
    weighed = ScoredSentence(start=0, end=len(text), text=text, score=best or 0.0)
    return Context(chunk=chunk, score=score, arms=(), sentences=() if best is None else (weighed,))
