"""Who may see what: labels, principals, Rego's decisions on them, and the scopes of searches.

The two engines are imported from their own modules, since each brings a runtime with it:
`policy.embedded.EmbeddedEngine` and `policy.opa_server.OpaServerEngine`.
"""

from policy.engine import Act, Allowed, Call, Decision, Denied, PolicyEngine, Readable, Release
from policy.errors import (
    BadInput,
    CopilotError,
    Forbidden,
    Misconfigured,
    Unauthenticated,
    Unavailable,
)
from policy.labels import Classification, Label, join_all
from policy.markings import banner, parse_portion, portion, split_portion
from policy.principal import ROLES, Asker, Authority, Grant, Principal
from policy.recheck import Labelled, Rechecked, double_check
from policy.scope import LabelCatalog, LabelSource, Scope, Scoper

__all__ = [
    "ROLES",
    "Act",
    "Allowed",
    "Asker",
    "Authority",
    "BadInput",
    "Call",
    "Classification",
    "CopilotError",
    "Decision",
    "Denied",
    "Forbidden",
    "Grant",
    "Label",
    "LabelCatalog",
    "LabelSource",
    "Labelled",
    "Misconfigured",
    "PolicyEngine",
    "Principal",
    "Readable",
    "Rechecked",
    "Release",
    "Scope",
    "Scoper",
    "Unauthenticated",
    "Unavailable",
    "banner",
    "double_check",
    "join_all",
    "parse_portion",
    "portion",
    "split_portion",
]
