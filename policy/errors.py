"""The tree of every error that this product raises on purpose.

    CopilotError
    ├── BadInput           what was given is wrong: says which input, where, and the remedy
    ├── Misconfigured      a setting, a migration or a file of the installation is wrong
    ├── Unauthenticated    nobody, or nobody we can name, is asking
    ├── Forbidden          somebody we know asks for what their roles or purposes do not allow
    └── Unavailable        a dependency is down, slow or talking nonsense; nothing was released

The message of each is safe to show to a client; what is not safe goes into `__cause__` and the log.
"""

from typing import ClassVar


class CopilotError(Exception):
    """The root. `code` is stable and part of the interface; the message is for people."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(CopilotError):
    """What was given is wrong: the message names the input, the place and the remedy."""

    code = "BAD_INPUT"


class Misconfigured(CopilotError):
    """A setting, a migration or a file of the installation is wrong; the operator must act."""

    code = "MISCONFIGURED"


class Unauthenticated(CopilotError):
    """There is no valid proof of who is asking."""

    code = "UNAUTHENTICATED"


class Forbidden(CopilotError):
    """The asker is known, and their roles or purposes do not allow this act."""

    code = "FORBIDDEN"


class Unavailable(CopilotError):
    """A dependency is down, slow or answers nonsense; nothing ungoverned was released.

    `dependency` is one of "postgres", "neo4j", "policy", "model", "ledger", "embedding" (the model
    of the stored vectors), "identity" (the key server). `refused` says that it did answer, and took this
    one request for wrong.
    """

    code = "UNAVAILABLE"

    def __init__(self, dependency: str, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.dependency = dependency
        self.refused = refused
