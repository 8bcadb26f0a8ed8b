"""Texts as they come in: plain Unicode, each letter with its accents as one character."""

import unicodedata

from policy.errors import BadInput


def plain(text: str) -> str:
    """The text; BadInput where neither a database nor a log could hold it."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput("a NUL or half a character stands in the text; write it in plain Unicode")
    return text


def composed(text: str) -> str:
    """The text in NFC: some file systems, keyboards and PDFs part letters from their accents.

    To Unicode both are the same text. Documents are kept so and questions read so, or one would not find the other,
    nor what is erased of the one be found in the other; words, offsets and quotes are of this text.
    """
    return unicodedata.normalize("NFC", text)
