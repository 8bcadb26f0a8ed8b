"""Relevance: how well each sentence of a context fits the question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from policy.scope import Scope
from retrieval.analysis import Expects, Plan
from retrieval.embedding import Vectors
from retrieval.entities import mentions
from retrieval.ports import EmbeddedSentence, PassageStore
from retrieval.terms import Terms
from retrieval.types import Chunk, Context, EntityKind, ScoredSentence

_MEANING, _WORDS, _KIND = 0.52, 0.31, 0.17
"""Weights of cosine, of covered question terms and of the expected kind of answer: a logistic regression on
the tune half of the case file, scaled to a sum of 1."""

_FITS: Mapping[Expects, frozenset[EntityKind]] = {
    Expects.PERSON: frozenset(
        [EntityKind.PERSON, EntityKind.ORGANISATION, EntityKind.NAME, EntityKind.VESSEL]
    ),
    Expects.TIME: frozenset([EntityKind.DATE]),
    Expects.PLACE: frozenset([EntityKind.PLACE, EntityKind.NAME]),
    Expects.AMOUNT: frozenset([EntityKind.AMOUNT]),
    Expects.IDENTIFIER: frozenset(
        [EntityKind.IDENTIFIER, EntityKind.ACCOUNT, EntityKind.PHONE, EntityKind.EMAIL]
    ),
}
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b\d{4} hours\b|\b(?:noon|midnight)\b", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|hundred|thousand)\b"
)
_CAUSE = re.compile(r"\b(?:because|since|due to|in order|so that|to avoid|owing|reason|purpose)\b")


class Relevance:
    """Weighs sentences by meaning, words and kind. Depends on the question and the visible part alone."""

    def __init__(self, passages: PassageStore) -> None:
        self._passages = passages
        self._terms = Terms()

    async def weigh(
        self,
        contexts: Sequence[Context],
        plan: Plan,
        question: Vectors,
        idf: Mapping[str, float],
        *,
        scope: Scope,
    ) -> list[Context]:
        """The contexts with their sentences scored, in the order given."""
        ids = [context.chunk.chunk_id for context in contexts]
        stored = await self._passages.sentences(ids, scope=scope)
        asked = question.astype(np.float64)
        return [
            replace(
                context,
                sentences=tuple(
                    self._scored(context.chunk, one, asked, plan, idf)
                    for one in stored.get(context.chunk.chunk_id, ())
                ),
            )
            for context in contexts
        ]

    def _scored(
        self,
        chunk: Chunk,
        sentence: EmbeddedSentence,
        question: npt.NDArray[np.float64],
        plan: Plan,
        idf: Mapping[str, float],
    ) -> ScoredSentence:
        text = chunk.text[sentence.start : sentence.end]
        cosine = float(sentence.vector.astype(np.float64) @ question)
        score = self._score(text, chunk.title, cosine, plan, idf)
        return ScoredSentence(start=sentence.start, end=sentence.end, text=text, score=score)

    def _score(
        self, text: str, title: str | None, cosine: float, plan: Plan, idf: Mapping[str, float]
    ) -> float:
        words = _coverage(set(self._terms.of(f"{title or ''} {text}")), idf)
        kind = 1.0 if _has_kind(text, plan) else 0.0
        return _MEANING * cosine + _WORDS * words + _KIND * kind


def _coverage(present: set[str], idf: Mapping[str, float]) -> float:
    """Share of the question's terms that the sentence has, each by its rarity."""
    total = sum(idf.values())
    return sum(weight for term, weight in idf.items() if term in present) / total if total else 0.0


def _has_kind(text: str, plan: Plan) -> bool:
    """Whether the sentence holds something of the expected kind that the question did not give."""
    lower = text.casefold()
    if plan.expects is Expects.REASON:
        return bool(_CAUSE.search(lower))
    if plan.expects is Expects.TIME and _CLOCK.search(text):
        return True
    if plan.expects is Expects.AMOUNT and _QUANTITY.search(lower):
        return True
    fitting = _FITS.get(plan.expects)
    if fitting is None:
        return True
    given = {mention.key for mention in plan.entities}
    return any(m.kind in fitting and m.key not in given for m in mentions(text))
