"""The offline generator: composes an answer from the sentences that fit the question best."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from copilot.generation.port import Claim, Finished, Prompt, Support
from copilot.results import Usage
from retrieval.copies import Wording
from retrieval.types import Context, ScoredSentence

PROVIDER = "offline"
MODEL = "extractive-1"
_LEAST = 0.41
"""Below this fit nothing is said; fitted on the tune half of the case file to tell "not found" apart."""
_SHARE_OF_BEST = 0.72
_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    context: int
    sentence: ScoredSentence


class Extractive:
    """Quotes, never writes: each claim is a sentence of a source, word for word."""

    async def stream(
        self,
        prompt: Prompt,  # noqa: ARG002 - relevance has weighed the sentences by the question
        contexts: Sequence[Context],
    ) -> AsyncIterator[Claim | Finished]:
        """The chosen sentences, best first; none where nothing fits well enough."""
        for candidate in choose(contexts):
            sentence = candidate.sentence
            support = Support(context=candidate.context, start=sentence.start, end=sentence.end)
            yield Claim(text=sentence.text, supports=(support,))
        yield Finished(provider=PROVIDER, model=MODEL, usage=Usage())


def choose(contexts: Sequence[Context]) -> list[_Candidate]:
    """Up to four sentences, best first, that do not repeat one another."""
    ranked = sorted(
        (
            _Candidate(context=number, sentence=sentence)
            for number, context in enumerate(contexts)
            for sentence in context.sentences
        ),
        key=lambda c: (-c.sentence.score, c.context, c.sentence.start),
    )
    if not ranked or ranked[0].sentence.score < _LEAST:
        return []
    least = ranked[0].sentence.score * _SHARE_OF_BEST
    chosen: list[_Candidate] = []
    told: list[Wording] = []
    for candidate in ranked:
        if candidate.sentence.score < least or len(chosen) == _MOST:
            break
        wording = Wording.of(candidate.sentence.text)
        if not any(one.repeats(wording) for one in told):
            chosen.append(candidate)
            told.append(wording)
    return chosen
