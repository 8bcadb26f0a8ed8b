"""Fields that only some roles open: declared on the field, decided by policy."""

from typing import Any

import strawberry
from strawberry.permission import BasePermission

from copilot.api.context import Context
from policy.errors import Forbidden

Info = strawberry.Info[Context, None]


class RoleOpens(BasePermission):
    """Lets a field through where the asker's roles open the output field `name`."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def has_permission(self, source: Any, info: Info, **_: Any) -> bool:  # noqa: ARG002
        context = info.context
        return self._name in await context.copilot.fields(context.asker())

    def on_unauthorized(self) -> None:
        raise Forbidden(f"your roles do not open the field {self._name}; leave it out")
