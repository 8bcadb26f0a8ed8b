"""The size of an operation: its depth, its aliases and what it may cost at most.

strawberry's depth and alias limiters follow every fragment spread anew, so that forty fragments which
spread each other twice keep them busy for years; here each fragment is measured once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

PAGE = 100
"""The longest list that an argument may ask for."""

FEW = 10
"""As long as a list is at most where nobody said how long it should be."""

COSTS: Mapping[str, int] = {
    "Query.ask": 200,
    "Query.search": 50,
    "Query.answer": 20,
    "Query.document": 20,
    "Query.entity": 50,
    "Query.entities": 50,
    "Query.paths": 100,
    "Query.ledger": 20,
    "Query.ledgerEntry": 20,
    "Query.ledgerProof": 20,
    "Query.checkpoints": 20,
    "Query.whoSaw": 50,
    "Query.whatDid": 50,
    "Query.accessGrants": 20,
    "Query.replay": 100,
    "Query.provenance": 50,
    "Query.certificate": 20,
    "Mutation.ingest": 200,
    "Mutation.deleteDocument": 100,
    "Mutation.relabelDocument": 200,
    "Mutation.holdDocument": 50,
    "Mutation.releaseHold": 50,
    "Mutation.rateAnswer": 20,
    "Mutation.revokePrincipal": 50,
    "Mutation.reinstatePrincipal": 50,
    "Mutation.requestAccess": 50,
    "Mutation.approveAccess": 50,
    "Mutation.endAccess": 50,
    "Subscription.ask": 200,
}
"""Acts, by what they make the servers do. Other fields that have fields cost 1, plain values nothing."""

SIZES: Mapping[str, str] = {
    "Query.search": "k",
    "Query.entities": "first",
    "Query.paths": "first",
    "Query.ledger": "first",
    "Query.checkpoints": "first",
    "Query.whoSaw": "first",
    "Query.whatDid": "first",
    "Query.accessGrants": "first",
}
"""The arguments that say how long the lists below will be."""

LENGTHS: Mapping[str, int | None] = {
    "SearchResult.contexts": None,
    "EntityConnection.edges": None,
    "EntityPaths.paths": None,
    "LedgerConnection.edges": None,
    "Checkpoints.heads": None,
    "WhoSaw.people": None,
    "WhatDid.kinds": 10,
    "AccessGrants.grants": None,
    "Answer.redactions": 10,
    "NotFound.redactions": 10,
    "SearchContext.arms": 3,
    "Answer.sentences": 6,
    "Sentence.citations": 3,
    "Document.parts": 20,
    "Entity.mentions": 50,
    "Entity.relations": 50,
    "EntityPath.entities": 5,
    "EntityPath.steps": 4,
    "PathStep.relations": 3,
    "IngestReport.rejected": 10,
    "Replay.contexts": 12,
    "Replay.labels": 30,
    "Replay.routing": 3,
    "Replay.dropped": 6,
    "Replay.differences": 10,
}
"""Assumed lengths of lists; None is the length that the argument in SIZES gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a selection is."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0
    fields: int = 0
    """Each time that one is selected, through fragments too."""
    width: int = 0
    """Of those, the fields at the top."""

    @classmethod
    def together(cls, sizes: Iterable["Size"]) -> "Size":
        each = list(sizes)
        return cls(
            depth=max((size.depth for size in each), default=0),
            aliases=sum(size.aliases for size in each),
            cost=sum(size.cost for size in each),
            fields=sum(size.fields for size in each),
            width=sum(size.width for size in each),
        )


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Size:
    """The size of a validated operation; introspection counts nothing."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return Size()
    defaults = {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }
    meter = _Meter(schema, document, defaults | dict(variables))
    return meter.selection(operation.selection_set, root, PAGE)


class _Meter:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[tuple[str, int], Size] = {}

    def selection(
        self, selection: SelectionSetNode | None, parent: GraphQLCompositeType, length: int
    ) -> Size:
        sizes = []
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                sizes.append(self._field(node, parent, length))
            elif isinstance(node, FragmentSpreadNode):
                sizes.append(self._spread(node.name.value, length))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self._type(condition.name.value) if condition else parent
                sizes.append(self.selection(node.selection_set, inner, length))
        return Size.together(sizes)

    def _spread(self, name: str, length: int) -> Size:
        if (name, length) not in self._measured:
            fragment = self._fragments[name]
            self._measured[name, length] = self.selection(
                fragment.selection_set, self._type(fragment.type_condition.name.value), length
            )
        return self._measured[name, length]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType, length: int) -> Size:
        alone = Size(aliases=1 if node.alias else 0, fields=1, width=1)
        if node.name.value.startswith("__"):
            return alone
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return replace(alone, depth=1)
        field = parent.fields[node.name.value]
        type_ = get_named_type(field.type)
        if not is_composite_type(type_):
            return replace(alone, depth=1)
        place = f"{parent.name}.{node.name.value}"
        if name := SIZES.get(place):
            length = self._argument(node, name, field.args[name].default_value)
        below = self.selection(node.selection_set, type_, length)
        times = LENGTHS.get(place, 1)
        cost = COSTS.get(place, 1) + below.cost
        return Size(
            depth=1 + below.depth,
            aliases=alone.aliases + below.aliases,
            cost=cost * (length if times is None else times),
            fields=1 + below.fields,
            width=1,
        )

    def _argument(self, node: FieldNode, name: str, default: object) -> int:
        """The number given for an argument, else its default; the longest page where it is no number."""
        given: object = None
        for argument in node.arguments or ():
            if argument.name.value != name:
                continue
            if isinstance(argument.value, IntValueNode):
                given = int(argument.value.value)
            elif isinstance(argument.value, VariableNode):
                given = self._variables.get(argument.value.name.value)
        if given is None:
            given = default if isinstance(default, int) else FEW
        return max(0, given) if isinstance(given, int) else PAGE

    def _type(self, name: str) -> GraphQLCompositeType:
        type_ = self._schema.type_map[name]
        if not is_composite_type(type_):
            raise TypeError(f"{name} has no fields")
        return type_
