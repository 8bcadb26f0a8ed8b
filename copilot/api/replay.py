"""The field of Query that makes a recorded decision again."""

import strawberry

from copilot.api import replay_types as types
from copilot.api.declare import field, view
from copilot.api.limits import short
from copilot.api.permissions import Info
from copilot.replay import results


@view()
class ReplayQuery:
    """What auditors can have decided again."""

    @field(types.ReplayOutcome)
    async def replay(self, info: Info, entry: strawberry.ID) -> results.ReplayOutcome:
        """
        A recorded ask or search, or one that was refused, decided again by the policy of then and by today's: for
        each passage why it was shown or withheld, and what differs.
        """
        return await info.context.copilot.replay(
            info.context.asker(), short(entry, "the id of the entry")
        )
