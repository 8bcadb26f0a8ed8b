"""A request as it comes in, over HTTP or a websocket: checked before its document is parsed."""

import re
from collections.abc import Mapping
from typing import Any

from copilot.api.errors import Refused
from copilot.api.limits import Limits
from copilot.api.trusted import TrustedDocuments, untrusted

_BRACKETS = re.compile(
    r'"""(?:\\"""|(?!""").)*(?:"""|$)|"(?:\\.|[^"\\\n\r])*"?|\#[^\n\r]*|[{(\[]|[})\]]', re.DOTALL
)
"""Brackets of a GraphQL document; texts and comments are skipped whole."""

_TYPES: Mapping[str, type] = {
    "query": str,
    "documentId": str,
    "operationName": str,
    "variables": dict,
    "extensions": dict,
}


class Requests:
    """Reads requests; with `trusted_only` their documents are exchanged for the trusted ones."""

    def __init__(self, limits: Limits, documents: TrustedDocuments, *, trusted_only: bool) -> None:
        self._limits = limits
        self._documents = documents
        self._trusted_only = trusted_only

    def read(self, body: object) -> dict[str, Any]:
        """The parameters of one request, its document in `query`; Refused says what is wrong."""
        if not isinstance(body, dict):
            raise _bad("send one operation as an object; several in one request are not taken")
        for name, type_ in _TYPES.items():
            if not isinstance(body.get(name), type_ | None):
                kind = "a string" if type_ is str else "an object"
                raise _bad(f"`{name}` must be {kind}, where it is given")
        _check_values(body.get("variables"), self._limits)
        return {**body, "query": self._document(body)}

    def _document(self, body: Mapping[str, Any]) -> str:
        text, id_ = body.get("query"), _id(body)
        if text is not None:
            _check_text(text, self._limits)
        if text and self._trusted_only:
            text = self._documents.by_text(text, tokens=self._limits.tokens)
        by_id = None if id_ is None else self._documents.by_id(id_)
        if text and by_id and text != by_id:
            raise untrusted("the id is that of another operation than the text")
        if not (text or by_id):
            raise _bad("No GraphQL query found in the request: send `query` or `documentId`")
        return text or by_id or ""


def _id(body: Mapping[str, Any]) -> str | None:
    """The id as the appendix of GraphQL over HTTP or as Apollo's clients give it."""
    if body.get("documentId") is not None:
        return str(body["documentId"])
    persisted = (body.get("extensions") or {}).get("persistedQuery")
    if not isinstance(persisted, dict):
        return None
    return f"sha256:{persisted.get('sha256Hash')}"


def _check_text(text: str, limits: Limits) -> None:
    if len(text) > limits.document_chars:
        most = limits.document_chars
        raise _too_large(
            f"the operation has {len(text)} characters, limit {most}; put values into variables"
        )
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(found[0], 0)
        if depth > limits.nesting:
            raise _too_large(f"the operation is nested deeper than {limits.nesting} brackets")


def _check_values(variables: object, limits: Limits) -> None:
    level: list[object] = [variables]
    for _ in range(limits.nesting):
        level = [inner for value in level for inner in _inside(value, limits)]
        if not level:
            return
    raise _too_large(f"the variables are nested deeper than {limits.nesting} levels")


def _inside(value: object, limits: Limits) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        return []
    if len(value) > limits.list_items:
        raise _too_large(
            f"a list in the variables has {len(value)} items, limit {limits.list_items};"
            " send them in several requests"
        )
    return value


def _bad(message: str) -> Refused:
    return Refused(message, code="BAD_REQUEST")


def _too_large(message: str) -> Refused:
    return Refused(message, code="TOO_LARGE")
