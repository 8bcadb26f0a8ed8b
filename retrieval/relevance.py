"""Relevance: how well each sentence of a context fits the question."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from policy.scope import Scope
from retrieval.analysis import Expects, Plan
from retrieval.entities import mentions
from retrieval.hybrid import Found
from retrieval.ports import EmbeddedSentence, PassageStore
from retrieval.terms import Terms
from retrieval.types import Arm, Chunk, Context, EntityKind, Mention, ScoredSentence

_SENTENCE, _KIND, _WORDS, _ASKED, _PASSAGE, _BM25 = 0.42, 0.15, 0.14, 0.09, 0.11, 0.09
"""Weights of the sentence's cosine, of the expected kind of answer, of covered question terms, of covered
terms besides names, of the passage's cosine and of its share of the best BM25. Chosen on the tune half of
the case file; many small signals carry over to other questions better than few large ones."""

_FITS: Mapping[Expects, frozenset[EntityKind]] = {
    Expects.PERSON: frozenset([EntityKind.PERSON, EntityKind.ORGANISATION, EntityKind.NAME]),
    Expects.TIME: frozenset([EntityKind.DATE]),
    Expects.PLACE: frozenset([EntityKind.PLACE, EntityKind.NAME]),
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
        self, contexts: Sequence[Context], found: Found, *, scope: Scope
    ) -> list[Context]:
        """The contexts with their sentences scored by the question that `found` them, in the order given."""
        stored = await self._passages.sentences(
            [context.chunk.chunk_id for context in contexts], scope=scope
        )
        best = max((_arm(context, Arm.KEYWORD) for context in contexts), default=0.0)
        asked = _Asked.of(found, self._terms)
        weighed = []
        for context in contexts:
            passage = _PASSAGE * _arm(context, Arm.VECTOR)
            passage += _BM25 * _arm(context, Arm.KEYWORD) / best if best else 0.0
            sentences = tuple(
                self._scored(context.chunk, one, passage, asked)
                for one in stored.get(context.chunk.chunk_id, ())
            )
            weighed.append(replace(context, sentences=sentences))
        return weighed

    def _scored(
        self, chunk: Chunk, sentence: EmbeddedSentence, passage: float, asked: "_Asked"
    ) -> ScoredSentence:
        text = chunk.text[sentence.start : sentence.end]
        cosine = float(sentence.vector.astype(np.float64) @ asked.vector)
        present = asked.present(
            self._terms.of(f"{chunk.title or ''} {text}", asked.found.plan.language)
        )
        kind = 1.0 if _has_kind(text, asked.found.plan) else 0.0
        score = passage + _SENTENCE * cosine + _KIND * kind
        score += _WORDS * _coverage(present, asked.found.idf)
        score += _ASKED * _coverage(present, asked.unnamed)
        return ScoredSentence(start=sentence.start, end=sentence.end, text=text, score=score)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as sentences are compared with it."""

    found: Found
    vector: npt.NDArray[np.float64]
    unnamed: Mapping[str, float]
    """The rarity of its terms that are no names."""

    @classmethod
    def of(cls, found: Found, terms: Terms) -> "_Asked":
        names = " ".join(mention.surface for mention in found.plan.entities)
        named = set(terms.of(names, found.plan.language))
        unnamed = {term: weight for term, weight in found.idf.items() if term not in named}
        return cls(found, found.vector.astype(np.float64), unnamed)

    def present(self, terms: Iterable[str]) -> set[str]:
        """The terms, and the beginnings of words in the question that one of them has."""
        there = set(terms)
        begun = {one for one, some in self.found.forms.items() if not there.isdisjoint(some)}
        return there | begun if begun else there


def _arm(context: Context, arm: Arm) -> float:
    """What the arm scored the passage; nothing where it did not propose it."""
    return next((hit.score for hit in context.arms if hit.arm is arm), 0.0)


def _coverage(present: set[str], idf: Mapping[str, float]) -> float:
    """Share of the question's terms that the sentence has, each by its rarity."""
    total = sum(idf.values())
    return sum(weight for term, weight in idf.items() if term in present) / total if total else 0.0


def _has_kind(text: str, plan: Plan) -> bool:
    """Whether the sentence holds something of the expected kind that the question did not give."""
    if plan.expects is Expects.REASON:
        return bool(_CAUSE.search(text.casefold()))
    if plan.expects is Expects.TIME and _CLOCK.search(text):
        return True
    found = mentions(text)
    if plan.expects is Expects.AMOUNT:
        return bool(_QUANTITY.search(_without_names_of_things(text, found)))
    fitting = _FITS.get(plan.expects)
    if fitting is None:
        return True
    given = {token for mention in plan.entities for token in mention.key.split()}
    return any(m.kind in fitting and not given.issuperset(m.key.split()) for m in found)


def _without_names_of_things(text: str, found: Sequence[Mention]) -> str:
    """The text with dates, numbers of files, accounts, phones and the like blanked: they count nothing."""
    for mention in found:
        if mention.kind is not EntityKind.AMOUNT:
            text = text[: mention.start] + " " * (mention.end - mention.start) + text[mention.end :]
    return text.casefold()
