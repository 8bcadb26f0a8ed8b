"""Declarations for the schema, so that each type and field stands with its docstring as description."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry
from strawberry.permission import PermissionExtension

from copilot.api.permissions import RoleOpens

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def view(value_type: type | None = None) -> Callable[[type], type]:
    """Declares a GraphQL type. In a union, `value_type` is the type of the values that it shows."""

    def declare(cls: type) -> type:
        def is_type_of(_: type, value: object, __: Any) -> bool:
            return value_type is not None and isinstance(value, value_type)

        if value_type is not None:
            cls.is_type_of = classmethod(is_type_of)  # type: ignore[attr-defined]
        return strawberry.type(cls, description=inspect.getdoc(cls))

    return declare


def field(
    graphql_type: Any = None, kind: Callable[..., Any] = strawberry.field
) -> Callable[[Resolver], Resolver]:
    """Declares the field that a method resolves; `graphql_type` where it returns another's value."""

    def declare(resolver: Resolver) -> Resolver:
        declared = kind(
            resolver=resolver, graphql_type=graphql_type, description=inspect.getdoc(resolver)
        )
        return cast("Resolver", declared)

    return declare


def restricted(name: str) -> Any:
    """A field that only some roles open: null with an error for the others."""
    return strawberry.field(extensions=[PermissionExtension([RoleOpens(name)])])


def names(attribute: str) -> Any:
    """A field for a set of names, in a stable order."""

    def resolve(root: strawberry.Parent[Any]) -> list[str]:
        return sorted(getattr(root, attribute))

    return strawberry.field(resolver=resolve)
