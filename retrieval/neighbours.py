"""Neighbours: the passage before one that cannot be understood by itself."""

import re
from collections.abc import Sequence
from dataclasses import replace

from policy.scope import Scope
from retrieval.ports import PassageStore
from retrieval.types import Context

_BACKWARD = re.compile(
    r"[\"'“‘(]*(?:(?:He|She|It|They|Him|Her|His|Hers|Its|Their|Theirs|Both|Neither|Such)\b"
    r"|(?:This|That|These|Those)\b"
    r"|(?:However|Therefore|Thus|Hence|Moreover|Furthermore|Nevertheless|Otherwise|Instead|Also|Then|But|And|Or"
    r"|Yet|So|In addition|As a result|For (?:this|that) reason|Because of (?:this|that)|After (?:this|that)"
    r"|The (?:same|latter|former|other|others|following day|next day))\b"
    r"|[a-z])"
)
_DEFINITE = re.compile(r"[\"'“‘(]*The (?P<rest>(?:\S+\s+){0,3}\S+)")
_NAMED = re.compile(r"[A-Z\d]")


class Neighbours:
    """Reads what comes before a passage: in the same part, so under the same label, and inside the scope."""

    def __init__(self, passages: PassageStore) -> None:
        self._passages = passages

    async def before(self, contexts: Sequence[Context], *, scope: Scope) -> dict[str, Context]:
        """Chunk id → the passage before it, for those of the contexts that lean on one."""
        leaning = {one.chunk.chunk_id: one for one in contexts if leans(one)}
        if not leaning:
            return {}
        found = await self._passages.preceding(sorted(leaning), scope=scope)
        return {
            after: replace(leaning[after], chunk=chunk, sentences=(), precedes=after)
            for after, chunk in found.items()
        }


def leans(context: Context) -> bool:
    """Whether the way back from its best sentence, over all that refer back, ends before its beginning."""
    if context.chunk.start == 0 or not context.sentences:
        return False
    best = max(context.sentences, key=lambda one: (one.score, -one.start))
    upto = [one for one in context.sentences if one.start <= best.start]
    return all(refers_back(one.text) for one in upto)


def refers_back(sentence: str) -> bool:
    """Whether it begins with a pronoun, a connective or a definite thing without a name, or in the middle."""
    if _BACKWARD.match(sentence):
        return True
    definite = _DEFINITE.match(sentence)
    return definite is not None and not _NAMED.search(definite["rest"])
