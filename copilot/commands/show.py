"""How results look on a terminal."""

import sys
import textwrap
from typing import Any

_WIDTH = 100


def show_outcome(value: dict[str, Any]) -> None:
    """An answer with its markings and numbered sources, or why there is none."""
    if value["kind"] != "Answer":
        print(_wrapped(f"{value['kind']}: {value['text']}", "  "))
        return
    print(f"  [{value['banner']}]")
    sources: list[dict[str, Any]] = []
    for sentence in value["sentences"]:
        numbers = []
        for citation in sentence["citations"]:
            sources.append(citation)
            numbers.append(f"[{len(sources)}]")
        print(_wrapped(f"{sentence['marking']} {sentence['text']} {''.join(numbers)}", "  "))
    for number, citation in enumerate(sources, start=1):
        place = f"{citation['document_id']}, characters {citation['start']} to {citation['end']}"
        print(f"    [{number}] {place}, sha256 {citation['quote_sha256'][:12]}…")


def show_notice(value: dict[str, Any]) -> None:
    """What is to be noticed of a result, such as an arm that did not answer: beside it, on standard error."""
    if notice := value.get("notice"):
        print(_wrapped(f"note: {notice}", ""), file=sys.stderr)


def show_context(context: dict[str, Any]) -> None:
    """One search hit: marking, document, title, the beginning of the text."""
    title = context["title"] or "(untitled)"
    print(f"  {context['marking']} {context['document_id']}: {title}  score {context['score']:.3f}")
    print(_wrapped(textwrap.shorten(context["text"], 240, placeholder=" …"), "    "))


def _wrapped(text: str, indent: str) -> str:
    """Folded for the terminal, without the control sequences that a document may hold."""
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
