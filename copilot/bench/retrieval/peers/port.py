"""What the bench asks of a peer, and what it gives it."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from retrieval.embedding import Vectors

DEPTH = 100
"""Passages of a ranking that are fused and scored."""


class AbsentError(Exception):
    """The peer cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as it lies in the product's store."""

    chunk_id: str
    document_id: str
    title: str
    text: str
    vector: Vectors

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Passage":
        vector = row["embedding"]
        values = vector.to_numpy() if hasattr(vector, "to_numpy") else vector
        return cls(
            chunk_id=row["chunk_id"],
            document_id=row["document_id"],
            title=row["title"] or "",
            text=row["text"],
            vector=np.asarray(values, np.float32),
        )

    @property
    def titled(self) -> str:
        """Title and text, as every peer indexes them."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class Peer(Protocol):
    """Something that ranks passages. Built over them, closed at the end."""

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        """Chunk ids, best first. The question's embedding is given, so that its time counts for nobody."""

    def close(self) -> None:
        """Gives back what it holds."""


def module(name: str) -> ModuleType:
    """Imported here and not above: peers are no dependencies of the product. AbsentError without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AbsentError("not installed (see requirements-bench.lock)") from error
