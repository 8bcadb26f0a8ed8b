"""Languages: which one a text is in, told by its small words, and which words of it say nothing by themselves."""

import re
from collections.abc import Mapping

ENGLISH = "english"
STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being between both but
    by can could did do does doing down during each few for from further had has have having he her here
    hers him his how i if in into is it its itself just me more most my no nor not now of off on once only
    or other our out over own same she should so some such than that the their them then there these they
    this those through to too under until up very was we were what when where which while who whom whose
    why will with would you your s t""".split()
)
_OTHERS: Mapping[str, frozenset[str]] = {
    "german": frozenset(
        """aber alle als also am an auch auf aus bei beim bis da damit dann das dass dem den der des die dies
        diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es für gegen
        hat hatte hatten haben hier ich ihm ihn ihr ihre ihrem ihren ihrer im in ins ist ja kann kein keine
        man mit nach nicht noch nur ob oder ohne sein seine seinem seinen seiner sich sie sind so über um und
        uns unter vom von vor wann war waren warum was welche welchem welchen welcher welches wem wen wenn wer
        werden wessen wie wird wo wurde wurden zu zum zur zwischen""".split()
    ),
    "french": frozenset(
        """à au aux avec ce ces cet cette ceux chez comme comment d dans de des donc dont du elle elles en
        entre est et été était étaient être eu il ils j je l la le les leur leurs lui m mais même n ne nous
        on ont ou où par pas plus pour pourquoi qu quand que quel quelle quelles quels qui sa sans se ses si
        son sont sous sur ta te tu un une vers vous y a ai aussi avait avaient combien""".split()
    ),
    "spanish": frozenset(
        """a al ante como cómo con contra cuál cuáles cuándo cuando cuánto de del desde donde dónde durante e
        el él ella ellas ellos en entre era eran es esa ese eso esta está estaba estas este esto estos fue
        fueron ha había han hasta la las le les lo los más me mi muy ni no nos o para pero por porque qué que
        quién quien quiénes se según ser si sí sin sobre son su sus también te tiene un una unas uno unos y
        ya""".split()
    ),
    "italian": frozenset(
        """a ad agli ai al alla alle allo anche che chi ci come con contro cui da dagli dai dal dalla dalle
        dallo degli dei del dell della delle dello di dopo dove e è ed era erano fra gli ha hanno i il in io
        la le lei li lo loro lui ma nei nel nell nella nelle nello noi non o per perché più quale quali
        quando quanto quello questa queste questi questo se senza si sono sta stato su sua sue sugli sui sul
        sulla sulle suo suoi tra un una uno""".split()
    ),
    "dutch": frozenset(
        """aan al als bij dan dat de der deze die dit door een en er had hadden hebben heeft hem het hij hoe
        hun ik in is je kan maar me met mijn naar niet nog nu of om omdat onder ons ook op over te tegen toen
        tot uit van veel voor waar waarom wanneer waren was wat we welk welke werd werden wie wiens wordt
        worden zal ze zich zij zijn zo zonder zou""".split()
    ),
    "portuguese": frozenset(
        """à ao aos as até com como contra da das de dela dele deles depois do dos e é ela elas ele eles em
        entre era eram essa esse esta está este eu foi foram há isso isto já lhe mais mas me mesmo na não nas
        nem no nos o onde os ou para pela pelas pelo pelos por porque qual quais quando quanto que quem se
        sem ser seu seus só sobre sua suas são também tem um uma""".split()
    ),
}
_ALL: Mapping[str, frozenset[str]] = {ENGLISH: STOP_WORDS, **_OTHERS}
LANGUAGES = tuple(sorted(_ALL))
_CODES = {
    "en": ENGLISH,
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
}
_WORD = re.compile(r"[^\W\d_]+")
_CERTAIN = 2
"""Different small words from which a text may be in another language than English …"""
_AHEAD = 1.5
"""… if it has so many times as many of them as of the English ones."""


def detect(text: str) -> str:
    """The language of a text, by its own words alone; English where they leave it open."""
    words = set(_WORD.findall(text.casefold()))
    english = len(words & STOP_WORDS)
    found = {language: len(words & small) for language, small in _OTHERS.items()}
    best = max(sorted(found), key=lambda one: found[one])
    return best if found[best] >= max(_CERTAIN, _AHEAD * english) else ENGLISH


def named(value: object) -> str | None:
    """The language that metadata name, by its English name or its ISO 639-1 code; None for any other."""
    name = str(value).strip().casefold() if isinstance(value, str) else ""
    known = _CODES.get(name.split("-")[0], name)
    return known if known in _ALL else None


def is_small(word: str) -> bool:
    """Whether some language leaves the word out."""
    return any(word in small for small in _ALL.values())


def small_words(language: str) -> frozenset[str]:
    """The words of a language that are in no index."""
    return _ALL[language]
