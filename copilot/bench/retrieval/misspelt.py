"""Questions with a slip in one of their names, as somebody might make it who has only heard it."""

import random
import re
from string import ascii_lowercase

from copilot.bench.retrieval.questions import Question
from retrieval.grounding import names
from retrieval.spelling import may_be_misspelt


def misspelt(question: Question) -> str | None:
    """The same on every run; None where it names nothing of five letters or more."""
    lots = random.Random(question.id)  # noqa: S311  lots, not secrets
    every = [name for name in names(question.text) if may_be_misspelt(name)]
    if not every:
        return None
    name = lots.choice(every)
    wrong = name
    while wrong == name:
        wrong = _slipped(name, lots)
    return re.sub(rf"\b{name}\b", wrong.capitalize(), question.text, flags=re.IGNORECASE)


def _slipped(name: str, lots: random.Random) -> str:
    """One letter left out, put in, taken for another, or two exchanged; the first stays."""
    at, letter = lots.randrange(1, len(name) - 1), lots.choice(ascii_lowercase)
    before, after = name[:at], name[at:]
    ways = [after[1:], letter + after, letter + after[1:], after[1] + after[0] + after[2:]]
    return before + lots.choice(ways)
