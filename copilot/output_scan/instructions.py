"""Orders to a model, and marks of a role, that stand where a statement should."""

import re
from collections.abc import Iterator

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View

_AT_A_START = (
    r"(?:^|(?<=[\n.:;!?\"'>*-])|(?<=[\n.:;!?\"'>*-] )|(?<=\bplease )|(?<=\bmust )|(?<=\bnow ))"
)
_MARK_OF_A_ROLE = (
    r"<\|\w{2,20}\|>|\[/?inst\]|<</?sys>>|</?(?:system|assistant|human|user|tool)>"
    r"|<(?:function_calls|tool_call|tool_use|invoke)\b"
)
_INSTRUCTIONS = [
    (signs, re.compile(form))
    for signs, form in (
        (
            ("ignore", "disregard", "forget", "override"),
            rf"{_AT_A_START}(?:ignore|disregard|forget|override) (?:\w{{1,12}} ){{0,3}}"
            r"(?:instructions?|prompts?|rules|guidelines|directions)\b",
        ),
        (("<", "[inst", "[/inst"), _MARK_OF_A_ROLE),
        (("assistant", "human"), rf"{_AT_A_START}(?:assistant|human) ?:(?= )"),
        (("system",), rf"{_AT_A_START}system ?: (?:you|prompt|override|new)\b"),
        (("##",), r"(?:^|(?<=\n))#{2,6} ?(?:system|instructions?|assistant|human|user)\b ?:"),
        (
            ("you are now",),
            r"\byou are now (?:an?|the|in) [\w -]{0,30}(?:mode|assistant|model|ai)\b",
        ),
        (("my ",), r"\bmy (?:system prompt|instructions) (?:is|are|says?)\b"),
    )
]
"""What a form has in it, so that most texts are not looked through for it, and the form."""


def find(view: View) -> Iterator[Finding]:
    """Each order or mark of a role in the text."""
    text = view.text.lower()
    for signs, form in _INSTRUCTIONS:
        if any(sign in text for sign in signs):
            for match in form.finditer(text):
                yield view.finding(Kind.INSTRUCTION, match.start(), match.end())
