"""The end of what an answer has said so far: a secret cut in two by the end of a sentence is one."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 300
"""Characters on each side of a boundary in which something may be split."""
LONGEST_ENCODED = 900
"""The same where each character may be written with several."""
_END = " \t\n.,;:!?…\"'()[]{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The end of what was said and the beginning of what is to be said."""

    text: str
    boundary: int
    """Where in the text the new sentence begins."""
    spaced: bool
    """Whether a blank stands there, as in the answer: only so it has words in a row."""
    whole: bool
    """Whether nothing was left out between them, so that encoded text goes on."""


class Tail:
    """What was said, joined in each way in which a reader could put it together again."""

    def __init__(self) -> None:
        self._glued = self._bare = self._spaced = ""

    def windows(self, text: str) -> Iterator[Window]:
        """The boundary with the next sentence, in each of these ways; none before the first one."""
        if not self._spaced:
            return
        bare = self._bare.rstrip(_END)
        glued = self._glued + text[:LONGEST_ENCODED]
        yield Window(text=glued, boundary=len(self._glued), spaced=False, whole=True)
        yield _window(bare, text.lstrip(_END), spaced=False)
        yield _window(f"{self._spaced} ", text, spaced=True)

    def add(self, text: str) -> None:
        """Takes a sentence in that is going out."""
        self._glued = (self._glued + text)[-LONGEST_ENCODED:]
        self._bare = (self._bare.rstrip(_END) + text.lstrip(_END))[-LONGEST:]
        self._spaced = f"{self._spaced} {text}"[-LONGEST:]


def _window(said: str, text: str, *, spaced: bool) -> Window:
    return Window(text=said + text[:LONGEST], boundary=len(said), spaced=spaced, whole=False)
