"""Trusted documents: outside the demo only the operations of `graphql/operations` are executed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    parse,
    print_ast,
)

from copilot.api.errors import Refused
from policy.errors import Misconfigured

_ID_PREFIX = "sha256:"


class TrustedDocuments:
    """The clients' operations, by their text and by their id.

    An id is `sha256:` and the hex SHA-256 of a file's bytes, or of its printed form, which is what
    clients hash that rewrite their operations while they are built.
    """

    def __init__(self, documents: Iterable[tuple[str, DocumentNode]]) -> None:
        """Of each its text, and what it says."""
        self._by_form: dict[str, str] = {}
        self._by_id: dict[str, str] = {}
        for text, document in documents:
            form = print_ast(document)
            self._by_form |= {text: text, form: text}
            self._by_id |= {document_id(text): text, document_id(form): text}

    @classmethod
    def load(cls, operations: Path) -> "TrustedDocuments":
        """The operations of a folder; Misconfigured where a file does not hold exactly one."""
        return cls(_one_operation(file) for file in sorted(operations.glob("*.graphql")))

    def by_id(self, id_: str) -> str:
        """The text of the document with this id; Refused where none has it."""
        text = self._by_id.get(id_.lower())
        if text is None:
            raise untrusted("no operation has this id")
        return text

    def by_text(self, text: str, *, tokens: int) -> str:
        """The trusted text that differs at most in white space and comments, or Refused."""
        known = self._by_form.get(text)
        if known is None:
            known = self._by_form.get(_printed(text, tokens))
        if known is None:
            raise untrusted("only operations that this server knows are executed")
        return known


def document_id(text: str) -> str:
    """The id of a document, as in the appendix of GraphQL over HTTP."""
    return _ID_PREFIX + hashlib.sha256(text.encode()).hexdigest()


def untrusted(why: str) -> Refused:
    """The refusal. It says nothing of the schema, not even whether the text was valid."""
    message = (
        f"{why}; send one of graphql/operations, by its text or by the SHA-256 of its file,"
        " or let the operator set COPILOT_TRUSTED_DOCUMENTS=false"
    )
    return Refused(message, code="UNTRUSTED_DOCUMENT")


def _printed(text: str, tokens: int) -> str:
    try:
        return print_ast(parse(text, no_location=True, max_tokens=tokens))
    except GraphQLError:
        return ""


def _one_operation(file: Path) -> tuple[str, DocumentNode]:
    text = file.read_text("utf-8")
    try:
        document = parse(text, no_location=True)
    except GraphQLError as error:
        raise Misconfigured(f"{file} is no GraphQL document: {error.message}") from error
    nodes = document.definitions
    operations = sum(isinstance(node, OperationDefinitionNode) for node in nodes)
    fragments = sum(isinstance(node, FragmentDefinitionNode) for node in nodes)
    if operations != 1 or operations + fragments != len(nodes):
        raise Misconfigured(f"{file} must hold one operation and its fragments, nothing else")
    return text, document
