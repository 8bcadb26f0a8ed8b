"""The GraphQL types of what auditors ask: views of the values in `copilot.ledger.records`."""

from datetime import datetime

import strawberry

from copilot.api.declare import field, view
from copilot.api.types import LedgerConnection
from copilot.ledger import records


@view()
class SeenBy:
    """
    A person to whom it was shown, from when to when and how often. Acts are counted up to 1,000; `more` says that
    there are more than that. The times hold for all of them.
    """

    acts: int
    more: bool
    first_at: datetime
    last_at: datetime

    @field()
    def sub(self, root: strawberry.Parent[records.Tally]) -> str:
        return root.name


@view()
class ActsOfKind:
    """What a person did of one kind. Acts are counted up to 1,000; the times hold for all of them."""

    acts: int
    more: bool
    first_at: datetime
    last_at: datetime

    @field()
    def kind(self, root: strawberry.Parent[records.Tally]) -> records.Kind:
        return records.Kind(root.name)


@view()
class WhoSaw:
    """The people to whom it was shown, by name, and the newest entries that showed it."""

    next_person: str | None

    @field(list[SeenBy])
    def people(self, root: strawberry.Parent[records.WhoSaw]) -> list[records.Tally]:
        return list(root.people)

    @field(LedgerConnection)
    def entries(self, root: strawberry.Parent[records.WhoSaw]) -> records.Page:
        return root.page


@view()
class WhatDid:
    """What a person did, by kind, and their newest entries."""

    @field(list[ActsOfKind])
    def kinds(self, root: strawberry.Parent[records.WhatDid]) -> list[records.Tally]:
        return list(root.kinds)

    @field(LedgerConnection)
    def entries(self, root: strawberry.Parent[records.WhatDid]) -> records.Page:
        return root.page
