"""Names and reasons that people give: checked before they are kept."""

from collections.abc import Sequence

from copilot.texts import plain
from policy.errors import BadInput
from policy.labels import is_name

_LONGEST_NAME = 400
LONGEST_REASON = 2000
"""Characters of what people write to be kept with an act."""
_MOST_NAMES = 50


def named(name: str, what: str) -> str:
    """The name; BadInput where it is empty, longer than any name or more than one line."""
    if not is_name(plain(name)) or len(name) > _LONGEST_NAME:
        raise BadInput(f"{what} must be one line of 1 to {_LONGEST_NAME} characters")
    return name


def names(given: Sequence[str], what: str) -> frozenset[str]:
    """The names; BadInput where one is none, or there are more than anybody would ask for."""
    if len(given) > _MOST_NAMES:
        raise BadInput(f"{what}: {len(given)} names; at most {_MOST_NAMES} are taken")
    return frozenset(named(one, f"each of {what}") for one in given)


def stated(reason: str) -> str:
    """The reason; BadInput where there is none, or it is a whole report."""
    if not plain(reason).strip():
        raise BadInput("say why: a reason is wanted")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"the reason has {len(reason)} characters; the most is {LONGEST_REASON}")
    return reason
