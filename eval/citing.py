"""How well an answer is cited: validity, and recall and precision as ALCE defines them, decided by φ."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from copilot import figures
from copilot.support import Supported, plain, support

SentenceJson = Mapping[str, Any]
CitationJson = Mapping[str, Any]


def invalid(citation: CitationJson, part: Mapping[str, Any] | None, readable: bool) -> str | None:
    """Why a citation does not stand; `part` is what the asker reads under its part_id."""
    if part is None:
        return "the asker reads no such part"
    if not readable or part["label"] != citation["label"]:
        return "its label is not that of a part that the asker may read"
    start, end = citation["start"], citation["end"]
    if not 0 <= start < end <= len(part["text"]):
        return "its span lies outside of the part"
    if part["text"][start:end] != citation["quote"]:
        return "the part says something else at its span"
    if hashlib.sha256(citation["quote"].encode()).hexdigest() != citation["quote_sha256"]:
        return "its hash is not that of its quote"
    return None


def recall(sentences: Sequence[SentenceJson]) -> float:
    """Share of the sentences that all they cite, taken together, supports."""
    return sum(_supported(one) for one in sentences) / len(sentences) if sentences else 0.0


def precision(sentences: Sequence[SentenceJson]) -> float:
    """Share of the citations that count: needed by, or by themselves enough for, a supported sentence."""
    counted = [_counts(one, index) for one in sentences for index in range(len(_quotes(one)))]
    return sum(counted) / len(counted) if counted else 0.0


def figures_stand(sentence: SentenceJson) -> bool:
    """Whether each number, date, amount and identifier of the sentence stands in what it cites."""
    said = figures.read(plain(sentence["text"]))
    return figures.read(plain("\n\n".join(_quotes(sentence)))).hold(said)


def _counts(sentence: SentenceJson, index: int) -> bool:
    quotes = _quotes(sentence)
    alone, others = quotes[index : index + 1], quotes[:index] + quotes[index + 1 :]
    text = sentence["text"]
    return _holds(quotes, text) and (_holds(alone, text) or not _holds(others, text))


def _supported(sentence: SentenceJson) -> bool:
    return _holds(_quotes(sentence), sentence["text"])


def _holds(quotes: Sequence[str], text: str) -> bool:
    return bool(quotes) and isinstance(support("\n\n".join(quotes), text), Supported)


def _quotes(sentence: SentenceJson) -> list[str]:
    return [citation["quote"] for citation in sentence["citations"]]
