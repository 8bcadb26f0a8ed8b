"""One spelling for comparison: compatibility forms, accents, look-alike letters, what does not show.

Used wherever a text could be written so that we read it otherwise than its reader does.
"""

import unicodedata
from collections.abc import Mapping

LOOK_ALIKES: Mapping[str, str] = {
    **dict(
        zip(
            "АВЕЅІЈКМНОРСТУХԌаеѕіјорстухԁΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹοτυϲ",
            "ABESIJKMHOPCTYXGaesijopctyxdABEZHIKMNOPTYXCotuc",
            strict=True,
        )
    ),
    **dict(zip("ՍՏᏚᏟᎢꓢꓚꓔꓴⲤⲦꜱᴛᴄᴜ🅢🆂🅒🅲🅣🆃🅤🆄", "USSCTSCTUCTSTCUSSCCTTUU", strict=True)),
    **dict.fromkeys("⁄∕⧸╱⟋", "/"),
    **dict.fromkeys("⫽⑊", "//"),
}
"""What looks like a letter or a sign of ASCII and is another."""

_ENDS_OF_LINE = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_LETTERS_THAT_SHOW_NOTHING = "\u115f\u1160"
_SHOW_NOTHING = frozenset(["Cf", "Cc", "Mn", "Me"])


class Folds(dict[int, str]):
    """A table for `str.translate`: what stands for each character, worked out once for each.

    `special` and `categories` (of Unicode) are what one use folds beyond what all have in common.
    """

    def __init__(
        self, special: Mapping[str, str] | None = None, categories: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._table = {
            **LOOK_ALIKES,
            **dict.fromkeys(_ENDS_OF_LINE, "\n"),
            **dict.fromkeys(_LETTERS_THAT_SHOW_NOTHING, ""),
            **(special or {}),
        }
        self._categories = {**dict.fromkeys(_SHOW_NOTHING, ""), **(categories or {})}

    def __missing__(self, code: int) -> str:
        folded = "".join(map(self._folded, unicodedata.normalize("NFKD", chr(code))))
        return self.setdefault(code, folded)

    def _folded(self, char: str) -> str:
        plain = self._table.get(char, char)
        if plain in "\t\n" or plain != char:
            return plain
        return self._categories.get(unicodedata.category(char), char)
