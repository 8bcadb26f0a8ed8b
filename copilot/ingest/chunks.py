"""Chunks of a part: what is embedded, indexed and ranked as one."""

import re
from collections.abc import Iterator, Sequence

from retrieval.sentences import split
from retrieval.transfer_line import ROW
from retrieval.types import Span

MOST_WORDS = 150
"""The embedder reads 256 word pieces; English prose with names and numbers has about 1.6 a word."""
MOST_CHARS = 1_100
"""The same limit where words are long: some 4.3 characters a word piece."""
WHOLE_WORDS = 220
"""A part up to this long stays one chunk: cutting an encyclopedia's paragraph in two loses more, since
each half lacks the other's names, than the tail that the embedder does not read; keywords see it all."""
WHOLE_CHARS = 1_600
ROWS = 6
"""Transfers a chunk: each row has some 60 word pieces, and one row alone has no neighbour to compare."""
_LONGEST_WORD = 2_000
"""What is longer is no word but data without blanks, and may be cut."""
_PIECE = re.compile(rf"\S{{1,{_LONGEST_WORD}}}")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def chunk(text: str, *, most: int = MOST_WORDS) -> list[Span]:
    """Spans of whole sentences in order, trimmed and disjoint, that hold all of `text` but white space.

    At most `most` words and `MOST_CHARS` characters each. The text alone decides: one whose lines are all
    rendered transfers is cut after every `ROWS` lines, a short one not at all.
    """
    sentences = split(text)
    if not sentences:
        return []
    if all(ROW.fullmatch(sentence.of(text)) for sentence in sentences):
        return [_around(sentences[i : i + ROWS]) for i in range(0, len(sentences), ROWS)]
    whole = _around(sentences)
    if (
        most >= MOST_WORDS
        and whole.end - whole.start <= WHOLE_CHARS
        and _words(text, whole) <= WHOLE_WORDS
    ):
        return [whole]
    return list(
        _packed(text, [piece for s in sentences for piece in _fitting(text, s, most)], most)
    )


def _around(spans: Sequence[Span]) -> Span:
    return Span(start=spans[0].start, end=spans[-1].end)


def _words(text: str, span: Span) -> int:
    return len(span.of(text).split())


def _fitting(text: str, sentence: Span, most: int) -> Iterator[Span]:
    """The sentence, or its pieces between words where it is too long for any chunk."""
    if sentence.end - sentence.start <= MOST_CHARS and _words(text, sentence) <= most:
        yield sentence
        return
    start, count, end = sentence.start, 0, sentence.start
    for word in _PIECE.finditer(text, sentence.start, sentence.end):
        if count and (count == most or word.end() - start > MOST_CHARS):
            yield Span(start=start, end=end)
            start, count = word.start(), 0
        count, end = count + 1, word.end()
    yield Span(start=start, end=end)


def _packed(text: str, pieces: list[Span], most: int) -> Iterator[Span]:
    held: list[Span] = []
    words = 0
    for piece in pieces:
        size = _words(text, piece)
        if held and (words + size > most or piece.end - held[0].start > MOST_CHARS):
            kept = _break(text, held)
            yield _around(held[:kept])
            held = held[kept:]
            words = sum(_words(text, span) for span in held)
            if held and (words + size > most or piece.end - held[0].start > MOST_CHARS):
                yield _around(held)
                held, words = [], 0
        held.append(piece)
        words += size
    yield _around(held)


def _break(text: str, held: list[Span]) -> int:
    """How many of the sentences go out: up to the last blank line past the middle, never ending on a heading."""
    middle = (held[0].start + held[-1].end) / 2
    for at in range(len(held) - 1, 0, -1):
        if held[at].start > middle and _BLANK_LINE.search(text, held[at - 1].end, held[at].start):
            return at - 1 if at > 1 and _heads(text, held[at - 1]) else at
    return len(held) - 1 if len(held) > 1 and _heads(text, held[-1]) else len(held)


def _heads(text: str, span: Span) -> bool:
    return text.startswith("#", span.start)
