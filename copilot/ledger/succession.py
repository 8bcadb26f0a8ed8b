"""Keys of the log, one after the other: in which order they came, what states each change, and which to believe."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.rotation import KeyTerm, Rotation, trusted
from policy.errors import BadInput, Misconfigured


def in_order(known: Sequence[VerifierKey], stated: Sequence[Rotation]) -> list[VerifierKey]:
    """The oldest first: as the rotations say, and between keys of which none says anything, as they came."""
    following = {one.old: one.new for one in stated}
    later = set(following.values())
    ordered: list[VerifierKey] = []
    for key in known:
        if key in later or key in ordered:
            continue
        ordered.append(key)
        while (key := following.get(key, key)) not in ordered:
            ordered.append(key)
    return [*ordered, *(key for key in known if key not in ordered)]


def believed(
    held: VerifierKey | None, listed: Sequence[VerifierKey], stated: Sequence[Rotation]
) -> tuple[tuple[KeyTerm, ...], list[str]]:
    """The keys to believe for the sake of the held one, or else of the log's first; and what is wrong with the others.

    `listed` are those that the log names as its own, in order: whoever owns the database can list any.
    """
    anchor = held or next(iter(listed), None)
    if anchor is None:
        return (), []
    terms: tuple[KeyTerm, ...] = (KeyTerm(key=anchor),)
    problems = list[str]()
    try:
        terms = trusted(anchor, stated)
    except BadInput as error:
        problems.append(f"changes of the log's key: {error.message}")
    if any(one.origin != anchor.name for one in stated):
        problems.append("a change of the log's key is of another log")
    keys = [one.key for one in terms]
    strangers = [one.label for one in listed if one not in keys]
    problems += [f"{one} is among the log's keys, and nothing vouches for it" for one in strangers]
    unlisted = [one.label for one in keys if one not in listed]
    return terms, [*problems, *(f"{one} is none of the log's keys" for one in unlisted)]


def agreed(held: Sequence[Signer], known: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The held keys that the log does not know yet; `known` in order.

    Misconfigured where the log's newest key is not held: what an older one alone signs now, nobody believes.
    """
    mine = [one.verifier_key for one in held]
    if known and known[-1] not in mine:
        raise Misconfigured(
            f"the log is signed by {', '.join(one.label for one in known)}, the last of them now, and "
            f"this process holds {', '.join(one.label for one in mine)}: set COPILOT_LEDGER_KEY to the log's key"
        )
    return tuple(one for one in mine if one not in known)


def missing(
    held: Sequence[Signer],
    keys: Mapping[VerifierKey, int],
    stated: Sequence[Rotation],
) -> list[tuple[Rotation, bytes]]:
    """The changes that nothing states yet, as far as both keys are held, each with its signed envelope.

    `keys` are all of the log in order, each with the size from which it signs.
    """
    signers = {one.verifier_key: one for one in held}
    done = {one.old for one in stated}
    found = []
    for old, new in pairwise(keys):
        if old not in done and {old, new} <= signers.keys():
            one = Rotation(origin=new.name, old=old, new=new, size=keys[new])
            found.append((one, one.sign(signers[old], signers[new])))
    return found
