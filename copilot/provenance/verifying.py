"""What the page says of proofs: how an outsider checks the record without us."""

from copilot.ledger.prove import LedgerProof
from copilot.provenance.account import Account, Audience
from copilot.provenance.markup import Markup, element, facts


def proof(account: Account) -> Markup:
    """The inclusion proof, or who is given one and when."""
    if account.proof is not None:
        return _proof(account.proof)
    if account.audience is Audience.AUDITOR:
        return element(
            "p",
            "The entry is not sealed yet. A service seals it within a second; without one ",
            element("code", "copilot ledger checkpoint"),
            " does. Make this page again then.",
        )
    return element("p", "Proofs are given to auditors.")


def _proof(given: LedgerProof) -> Markup:
    return facts(
        "Inclusion proof (RFC 9162, section 2.1.3)",
        [
            ("Leaf index", str(given.leaf_index)),
            ("Size of the tree", str(given.tree_size)),
            ("Root (SHA-256)", element("span", given.root_hash, class_="hash")),
            ("Path, from the leaf to the root", element("pre", "\n".join(given.inclusion_path))),
            ("Signed checkpoint (C2SP tlog-checkpoint)", element("pre", given.checkpoint)),
        ],
    )


def verifying(account: Account) -> Markup:
    """Steps that need no word of ours; only the public key and an earlier checkpoint must come from elsewhere."""
    return element(
        "ol",
        _step(
            "Let an operator write the log to a folder: ",
            element("code", "copilot ledger export FOLDER"),
            ".",
        ),
        _step(
            "On any machine, with the log's public key and a checkpoint that came to you by another way, run ",
            element("code", "copilot ledger verify FOLDER --key KEY --checkpoint FILE"),
            ". It needs no database and no network.",
        ),
        _step(
            "In FOLDER/records.ndjson find the line with the ledger entry ",
            element("code", account.ledger_id),
            ". Its leaf must be the one above. For each name in it the SHA-256 of the bytes of the salt, which is "
            "written in hexadecimal, with those of the value after them is the commitment above, and the value is "
            "what this page tells.",
        ),
        _step(
            "Or follow the inclusion proof, where there is one, from the SHA-256 of a zero byte and the leaf to the "
            "root that the checkpoint signs."
        ),
        _step(
            "That this very page was given is recorded too: an auditor finds its SHA-256 in the read entry that names "
            "this ledger entry."
        ),
    )


def _step(*content: str) -> Markup:
    return element("li", *content)
