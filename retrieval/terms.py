"""Terms: how texts and questions are cut into stems for the keyword arm."""

import re

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?(?:[.\-/@:_][^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+")
STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being between both but
    by can could did do does doing down during each few for from further had has have having he her here
    hers him his how i if in into is it its itself just me more most my no nor not now of off on once only
    or other our out over own same she should so some such than that the their them then there these they
    this those through to too under until up very was we were what when where which while who whom whose
    why will with would you your s t""".split()
)


class Terms:
    """Splits, lower-cases, drops stop words and stems (Snowball English). One instance, one thread."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")

    def of(self, text: str) -> list[str]:
        """The terms in order, with repetitions; an identifier such as IR-2024-017 gives itself and its pieces."""
        terms: list[str] = []
        for match in _WORD.finditer(text.casefold()):
            word = match.group().replace("’", "'")
            pieces = _PIECE.findall(word.removesuffix("'s"))
            if len(pieces) > 1 and any(piece.isdigit() for piece in pieces):
                terms.append(word)
            terms += [piece for piece in pieces if piece not in STOP_WORDS]
        return list(self._stemmer.stemWords(terms))
