"""Sources are data: whatever a model could take for structure is made plain before it reads them.

Shared by every generator. Each character stays in its place: offsets into what is shown to the model are
offsets into the stored text. What is lost is punctuation; words and figures stay as they were written.
"""

import re
import unicodedata
from collections.abc import Mapping

from policy.folding import Folds

_NO_TITLE = "Untitled"


def neutralise(text: str) -> str:
    """The same text with nothing in it that could pass for structure, code point for code point.

    Equal length, so that offsets stay; done twice, it changes nothing more.
    """
    shown = "".join(map(_visible, _ESCAPE.sub(_blank, text)))
    # What one marker hid may complete another one: "System```:" is a role once its fence is gone.
    while (plainer := _plain(shown)) != shown:
        shown = plainer
    return shown


def labelled(number: int, title: str | None) -> str:
    """The title under which a model is given a source: says that it is data, whatever it is called."""
    shown = " ".join(neutralise(title or "").split())
    return f"Source {number}, quoted as data: {shown or _NO_TITLE}"


# --- characters ------------------------------------------------------------------------------

_ESCAPE = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]")
"""Colours and the cursor of a terminal. Of other sequences the text that they carry stays readable."""
_INVISIBLE = frozenset(
    map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x180F])
) | frozenset(
    chr(code)
    for first, last in ((0x180B, 0x180D), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))
    for code in range(first, last + 1)
)
"""What shows nothing and is no control or format character: fillers, variation selectors, tags."""


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _visible(char: str) -> str:
    if char in "\n\t" or (char.isascii() and char.isprintable()):
        return char
    match unicodedata.category(char):
        case "Cs":
            return "\ufffd"  # half a character, which JSON in UTF-8 cannot carry
        case "Cc" | "Cf" | "Zl" | "Zp":
            return " "
        case _:
            return " " if char in _INVISIBLE else char


# --- structure -------------------------------------------------------------------------------

_ROLES = (
    r"(?:human|assistant|system|user|developer|tool|function|ai|bot|chatbot|model|observation|thought|action"
    r"|instructions?|response|answer|prompt)"
)
_PARTS = (
    r"(?:system|sys|human|assistant|user|developer|ai|instructions?|inst|prompts?|messages?|conversation|chat"
    r"|search[ _-]?results?|results?|documents?|sources?|contexts?|quotes?|data|input|output|response|answer"
    r"|rules|polic(?:y|ies)|tools?|functions?|tool_\w{1,20}|available_tools|admin|override|begin|end|start|stop)"
)
_BRACKETS = str.maketrans("<>[]{}", "()()()")
_MARKS = str.maketrans(":`~", "-''")
_RULES = str.maketrans("#=-*_~+", "       ")

_STRUCTURE: tuple[tuple[re.Pattern[str], dict[int, int]], ...] = (
    # Tags of any name: <system>, </search_result>, <|im_start|>, <<SYS>>, <!-- -->, closed or not.
    (re.compile(r"<{1,3}[ \t]?(?=[a-z/|!?_])[^<>\n]{0,200}>{0,3}"), _BRACKETS),
    (re.compile(rf"\[{{1,3}}[ \t/#|]{{0,4}}{_PARTS}\b[^\[\]\n]{{0,80}}\]{{0,3}}"), _BRACKETS),
    # "Human:", "**System**:", "System message (urgent):" and "user" as a key of JSON.
    (
        re.compile(
            rf"(?<![^\W_]){_ROLES}(?:[ _-](?:prompt|message|note|notice|override|update|input|text))?"
            r"(?:[ \t]?\([^()\n]{0,30}\))?[ \t*_\"'\])]{0,6}:"
        ),
        _MARKS,
    ),
    (
        re.compile(
            r"[\"'](?:role|type|tool\w{0,20}|function\w{0,20}|arguments|parameters)[\"'][ \t]{0,4}:"
        ),
        _MARKS,
    ),
    (re.compile(r"`{3,}|~{3,}"), _MARKS),
    # "### Instruction", "=== END OF SOURCES ===", "-----BEGIN SYSTEM MESSAGE-----".
    (
        re.compile(
            r"(?m)^[ \t>]{0,8}(?:#{1,8}|[=*_~+-]{2,80})[ \t]{0,8}"
            rf"(?:[a-z]{{1,20}} ){{0,4}}?{_PARTS}\b[^\n]{{0,120}}"
        ),
        _RULES,
    ),
)
_FOLDS = Folds(dict(zip("‹›⟨⟩〈〉❮❯【】〔〕∶꞉׃∣ǀ", "<><><><>[][]:::||", strict=True)))


def _plain(text: str) -> str:
    """One pass: the structure that is found in the folded text is made plain in the text itself."""
    folded, places = _folded(text)
    shown = list(text)
    for pattern, replacement in _STRUCTURE:
        for match in pattern.finditer(folded):
            _replace(shown, match, places, replacement)
    return "".join(shown)


def _replace(
    shown: list[str], match: re.Match[str], places: list[int], replacement: Mapping[int, int]
) -> None:
    for at, char in enumerate(match[0], match.start()):
        if (other := replacement.get(ord(char))) is not None:
            shown[places[at]] = chr(other)


def _folded(text: str) -> tuple[str, list[int]]:
    """The text in one spelling, in lower case and without combining marks; and each character's place."""
    folded: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        plain = char if char.isascii() else char.translate(_FOLDS)
        folded += plain.lower()
        places += [place] * len(plain.lower())
    return "".join(folded), places
