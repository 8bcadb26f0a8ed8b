"""Citations: from what a claim says it rests on to a sentence whose every citation is checked."""

import hashlib
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from copilot.generation.port import Claim, Support
from copilot.orders import reports, statements
from copilot.results import Citation, Sentence
from copilot.support import TAU, Supported, held, missing, plain, support
from policy.labels import Label, join_all
from policy.markings import portion
from retrieval.types import Chunk, Context, Span

Entities = Callable[[Chunk, Span], tuple[str, ...]]
"""The names of the entities in a span of the chunk's text, as this reader may see them."""
Relation = Callable[[Chunk, Span], str | None]
"""The type of the relation that a span of the chunk's text states, if there is one."""


class DropReason(StrEnum):
    """Why a sentence was not given out."""

    UNCITED = "it cites nothing"
    NO_SUCH_SPAN = "what it cites does not exist"
    UNSUPPORTED = "what it cites does not support it"
    UNDERMARKED = "it says what a source that it does not cite says"
    TENANTS = "it rests on texts of two tenants"
    ADDRESS = "it holds a link, an image or markup that what it cites does not"
    MARKED = "it bears a marking that what it cites does not"
    SPELT = "it spells out letters that what it cites does not"
    ORDER = "what it cites asks for something and states nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A claim that does not become a sentence."""

    reason: DropReason


def cite(
    claim: Claim,
    contexts: Sequence[Context],
    *,
    shown: str | None = None,
    entities: Entities = lambda *_: (),
    relation: Relation = lambda *_: None,
    tau: float = TAU,
) -> Sentence | Dropped:
    """The claim as a cited sentence, or why there is none.

    `shown` is what the output scan left of the text; support is judged on what was generated.
    """
    if not claim.supports:
        return Dropped(reason=DropReason.UNCITED)
    cited = [
        (contexts[s.context].chunk, span) for s in claim.supports if (span := _span(s, contexts))
    ]
    if not cited:
        return Dropped(reason=DropReason.NO_SUCH_SPAN)
    if len({chunk.label.tenant for chunk, _ in cited}) > 1:
        return Dropped(reason=DropReason.TENANTS)
    if made_up := _made_up(claim.text if shown is None else shown, claim.text, cited):
        return Dropped(reason=made_up)
    needed = _needed(_distinct(cited), claim.text, tau)
    if not needed:
        return Dropped(reason=DropReason.UNSUPPORTED)
    if not _stated(claim.text, needed, tau):
        return Dropped(reason=DropReason.ORDER)
    label = join_all(chunk.label for chunk, _ in needed)
    if _undermarked(claim.text, needed, contexts, label):
        return Dropped(reason=DropReason.UNDERMARKED)
    return Sentence(
        text=claim.text if shown is None else shown,
        marking=portion(label),
        citations=tuple(
            _citation(chunk, span, entities(chunk, span), relation(chunk, span))
            for chunk, span in needed
        ),
    )


def holds(citation: Citation, part_text: str) -> bool:
    """Whether a citation, perhaps an old one, still is what the part says at that place."""
    span = Span(start=citation.start, end=citation.end)
    inside = 0 <= span.start < span.end <= len(part_text)
    same_text = inside and span.of(part_text) == citation.quote
    return same_text and sha256(citation.quote) == citation.quote_sha256


def sha256(quote: str) -> str:
    """The hash that a citation carries."""
    return hashlib.sha256(quote.encode()).hexdigest()


_Cited = tuple[Chunk, Span]


def _span(support: Support, contexts: Sequence[Context]) -> Span | None:
    """The place in the chunk's text without the blanks around it; None where there is none."""
    if not 0 <= support.context < len(contexts):
        return None
    chunk = contexts[support.context].chunk
    # A chunk whose offsets do not fit its text would give quotes that the part does not have.
    if chunk.end - chunk.start != len(chunk.text):
        return None
    if not 0 <= support.start < support.end <= len(chunk.text):
        return None
    text = chunk.text[support.start : support.end]
    start = support.start + len(text) - len(text.lstrip())
    return Span(start=start, end=start + len(text.strip())) if text.strip() else None


def _distinct(cited: list[_Cited]) -> list[_Cited]:
    return list(
        {(chunk.part_id, chunk.chunk_id, span): (chunk, span) for chunk, span in cited}.values()
    )


def _needed(cited: list[_Cited], text: str, tau: float) -> list[_Cited]:
    """The citations that the claim rests on; none where all of them together do not support it.

    One is left out only where it neither supports the claim by itself nor holds any word of it that
    the others lack: what flowed into a sentence must stay in its marking.
    """
    whole = support(_premise(cited), text, tau=tau)
    if not isinstance(whole, Supported):
        return []
    for one in reversed(list(cited)):
        others = [other for other in cited if other is not one]
        without = support(_premise(others), text, tau=tau)
        alone = isinstance(support(_premise([one]), text, tau=tau), Supported)
        if not alone and isinstance(without, Supported) and without.covered == whole.covered:
            cited = others
    return cited


def _undermarked(text: str, cited: list[_Cited], contexts: Sequence[Context], label: Label) -> bool:
    """Whether words that no citation holds stand in a text that the sentence's label does not cover.

    Support asks for most words of a claim, not for all: what a model has read elsewhere fits in between.
    """
    words = missing(_premise(cited), text)
    return bool(words) and any(
        held(words, context.chunk.text)
        for context in contexts
        if not label.dominates(context.label)
    )


_ADDRESS = re.compile(
    r"(?://|\\\\|\]\s{0,3}[(\[]|!\[|\]:|\b(?:https?|ftp|data|mailto|javascript|vbscript):(?=\S)"
    r"|\bwww\.|\w\.[a-z]{2,12}/)\S*|!\[|<(?=[a-z/!?])\S*",
    re.IGNORECASE,
)
_MARK = re.compile(
    r"[(\[]\s?(?:TS|S|C|U)\s?(?://[^()\[\]\n]{0,120})?[)\]]"
    r"|\b(?:TS|S|C|U|TOP SECRET|SECRET|CONFIDENTIAL|UNCLASSIFIED) ?//\s?[A-Z]+"
    r"|\b(?:TOP SECRET|UNCLASSIFIED)\b|\bTLP: ?[A-Z]+"
)
_LIVE = re.compile(r"\]\((?!\s*<?(?:hxxps?|fxp):)(?=[^)])|^\s{0,3}\[[^\]\n]+\]:\s*\S", re.MULTILINE)
"""A link or image of Markdown that the output scan has not taken apart, also where a source has it."""
_SPELT = re.compile(r"(?:(?<![^\W_])[^\W_](?:[\W_]{1,3}|$)){6,}")
"""Letters one by one are no words to φ, and could say anything."""


def _made_up(shown: str, text: str, cited: list[_Cited]) -> DropReason | None:
    """What a model never writes unless a source has it: addresses, markup, markings, letters one by one.

    Addresses are looked for in what was generated, as a dead link too carries what was put into it;
    markings in what is shown, since the output scan may have cut them.
    """
    source, said = plain(_premise(cited)), plain(text)
    if not _all_stand(_MARK, plain(shown), source):
        return DropReason.MARKED
    if _LIVE.search(shown):
        return DropReason.ADDRESS
    if not _all_stand(_SPELT, said, source):
        return DropReason.SPELT
    # "S//NF" is a marking and no address.
    unmarked = _MARK.sub(" ", html.unescape(html.unescape(said)))
    return None if _all_stand(_ADDRESS, unmarked, source) else DropReason.ADDRESS


def _all_stand(pattern: re.Pattern[str], text: str, source: str) -> bool:
    return all(match[0].rstrip(" .,;:!?") in source for match in pattern.finditer(text))


def _stated(text: str, cited: list[_Cited], tau: float) -> bool:
    """Whether the claim rests on what its sources state, not on what they ask for.

    A quote of a whole sentence, and a report of who asked what, are true of an order as well.
    """
    said = plain(text)
    if any(said == plain(span.of(chunk.text)) for chunk, span in cited):
        return True
    if reports(text, _premise(cited)):
        return True
    premise = "\n\n".join(statements(span.of(chunk.text)) for chunk, span in cited)
    return isinstance(support(premise, text, tau=tau), Supported)


def _premise(cited: list[_Cited]) -> str:
    return "\n\n".join(span.of(chunk.text) for chunk, span in cited)


def _citation(
    chunk: Chunk, span: Span, entities: tuple[str, ...], relation: str | None
) -> Citation:
    quote = span.of(chunk.text)
    return Citation(
        document_id=chunk.document_id,
        part_id=chunk.part_id,
        chunk_id=chunk.chunk_id,
        start=chunk.start + span.start,
        end=chunk.start + span.end,
        quote=quote,
        quote_sha256=sha256(quote),
        label=chunk.label,
        entities=entities,
        relation=relation,
    )
