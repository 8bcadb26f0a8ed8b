"""The shape of a document: what can be counted without a schema, before it is validated.

Validation compares fields of the same name in pairs and reports every mistake on its own, so that a
small document could otherwise keep it busy, or make the answer many times as large as the request.
"""

from collections import Counter

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

from copilot.api.limits import Limits

Excess = tuple[str, int, int]
"""What there is too much of, how much there is, and the limit."""


def excess(document: DocumentNode, limits: Limits) -> Excess | None:
    """The first limit that the document goes over; None where it keeps them all."""
    found = _Counts()
    visit(document, found)
    checked: list[Excess] = [
        ("operations", found.kinds[OperationDefinitionNode], limits.operations),
        ("fragments", found.kinds[FragmentDefinitionNode], limits.fragments),
        ("fields", found.kinds[FieldNode], limits.fields),
        ("directives", found.kinds[DirectiveNode], limits.directives),
        ("directives in one place", found.directives_at_once, limits.directives_at_once),
        ("fields of one name in one place", found.repeated, limits.repeated_fields),
    ]
    return next((one for one in checked if one[1] > one[2]), None)


class _Counts(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[type[Node]] = Counter()
        self.directives_at_once = 0
        self.repeated = 0

    def enter(self, node: Node, *_: object) -> None:
        self.kinds[type(node)] += 1
        directives = getattr(node, "directives", None) or ()
        self.directives_at_once = max(self.directives_at_once, len(directives))
        if isinstance(node, SelectionSetNode):
            names = Counter(
                (one.alias or one.name).value
                for one in node.selections
                if isinstance(one, FieldNode)
            )
            self.repeated = max([self.repeated, *names.values()])
