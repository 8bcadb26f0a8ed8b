"""The GraphQL types of proofs: views of the values in `copilot.ledger.prove`."""

from datetime import datetime

import strawberry

from copilot.api.declare import field, view
from copilot.ledger import prove


@view()
class LedgerProof:
    """
    An inclusion proof as RFC 9162 has it: `leafHash` stands at `leafIndex` of the tree of `treeSize` entries whose
    root is `rootHash`; the checkpoint signs size and root. Hashes are SHA-256 in hex.
    """

    ledger_id: str
    leaf_index: int
    leaf_hash: str
    tree_size: int
    root_hash: str
    checkpoint: str

    @field()
    def inclusion_path(self, root: strawberry.Parent[prove.LedgerProof]) -> list[str]:
        return list(root.inclusion_path)


@view()
class Checkpoint:
    """A signed state of the log (C2SP tlog-checkpoint), and where else it lies."""

    size: int
    checkpoint: str
    sealed_at: datetime

    @field()
    def published(self, root: strawberry.Parent[prove.SignedHead]) -> list[str]:
        return list(root.published)


@view()
class Checkpoints:
    """Signed states, the newest first; `nextSize` as `before` goes on after them."""

    next_size: int | None

    @field(list[Checkpoint])
    def heads(self, root: strawberry.Parent[prove.Checkpoints]) -> list[prove.SignedHead]:
        return list(root.heads)
