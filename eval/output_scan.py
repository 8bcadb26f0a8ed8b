"""How well the output scan finds what must not leave, on invented texts, and how often it is wrong.

`python -m eval.output_scan [--json]`. Recall is over generated sentences (`synthetic`, `disguises`).
A false positive is a sentence of the case file, scanned as an answer that quotes a document from its
beginning to its end, in which something was found that `personal_labels` does not list.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from copilot.generation.port import Claim
from copilot.output_scan import Clean, Kind, OutputScan, Redacted, Withheld
from eval.cases import FOLDER
from eval.disguises import DISGUISES, cut, nested
from eval.results import Failure, Figure, Goal, Result, at_least, environment, exactly
from eval.scanned import on_the_case_file
from eval.synthetic import CHECKSUMMED, PERSONAL, SECRETS, Sample, samples, some
from eval.table import table

SEED = 20261121
EACH = 400
"""Sentences of each type, and of each disguise."""
Outcome = Clean | Redacted | Withheld
_KINDS: Mapping[str, Kind] = {
    "email": Kind.EMAIL,
    "ip_address": Kind.IP_ADDRESS,
    "ssn": Kind.NATIONAL_ID,
    "card": Kind.CARD,
    "iban": Kind.BANK_ACCOUNT,
    "bitcoin": Kind.CRYPTO,
    "phone": Kind.PHONE,
}
_REST = 5
"""Characters of a value in a row, a digit among them, that must not be left in a redacted text."""
_CUT = ("plain", "base64", "base64 urlsafe, no padding", "hex", "percent", "zero-width")
_KEYS = [SECRETS[name] for name in ("aws", "github", "openai", "slack", "stripe", "google", "jwt")]
"""Credentials that are one word, so that a disguise holds all of it."""

Scored = tuple[str, bool, str]
"""The figure that an attempt counts for, whether it was caught, and what was tried."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 where every goal is met, 1 where one is not."""
    parser = argparse.ArgumentParser(prog="python -m eval.output_scan", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document alone")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--each", type=int, default=EACH, help="sentences of each type")
    parser.add_argument("--casefile", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    result = run(options.casefile, seed=options.seed, each=options.each)
    print(json.dumps(result.to_json(), ensure_ascii=False) if options.json else table(result))
    return 0 if result.passed else 1


def run(folder: Path = FOLDER, *, seed: int = SEED, each: int = EACH) -> Result:
    """All figures of the output scan."""
    scored = [*_by_type(seed, each), *_disguised(seed, each), *_cut_in_pieces(seed, each)]
    missed = [
        Failure(name=tried, reason=f"missed: {name}")
        for name, caught, tried in scored
        if not caught
    ]
    figures, wrong = on_the_case_file(folder)
    return Result(
        name="output_scan",
        figures={**_shares(scored), **figures},
        failures=[*missed, *wrong],
        environment=environment(seed=seed, each=each),
    )


def _shares(scored: Sequence[Scored]) -> dict[str, Figure]:
    hits: dict[str, list[bool]] = {}
    for name, caught, _ in scored:
        hits.setdefault(name, []).append(caught)
    return {
        name: Figure(value=sum(each) / len(each), unit="share", goal=_goal(name))
        for name, each in hits.items()
    }


def _goal(name: str) -> Goal:
    if name.startswith("caught"):
        return exactly(1)
    return at_least(0.99 if name.removeprefix("recall ") in CHECKSUMMED else 0.95)


# --- recall by type --------------------------------------------------------------------------


def _by_type(seed: int, each: int) -> Iterator[Scored]:
    scan = OutputScan()
    for sample in samples(seed, each):
        outcome = scan.request([], personal_open=False)(_claim(sample.text))
        yield f"recall {sample.type}", _caught(sample, outcome), sample.text


def _caught(sample: Sample, outcome: Outcome) -> bool:
    """Whether it was found as what it is, and nothing of it is let out."""
    if isinstance(outcome, Clean):
        return False
    kind = _KINDS.get(sample.type, Kind.CREDENTIAL)
    if kind not in {one.kind for one in outcome.findings}:
        return False
    return isinstance(outcome, Withheld) or not _is_left(sample.value, outcome.text)


def _is_left(value: str, text: str) -> bool:
    pieces = (value[place : place + _REST] for place in range(len(value) - _REST + 1))
    return any(piece in text for piece in pieces if any(map(str.isdigit, piece)))


# --- disguises, and sentences cut in pieces --------------------------------------------------


def _disguised(seed: int, each: int) -> Iterator[Scored]:
    """A canary and a credential in each disguise, inside a sentence."""
    for name, disguise in {**DISGUISES, "nested": nested}.items():
        rng = random.Random(f"{seed}:{name}")
        for _ in range(each):
            canary = _canary(rng)
            for value in (canary, rng.choice(_KEYS)(rng)):
                text = f"The note reads {disguise(value, rng)} and ends there."
                outcome = OutputScan([canary]).request([])(_claim(text))
                yield f"caught {name}", isinstance(outcome, Withheld), repr(text)


def _cut_in_pieces(seed: int, each: int) -> Iterator[Scored]:
    """A canary, a credential or the number of a card over two or three sentences."""
    for name in _CUT:
        rng = random.Random(f"{seed}:cut:{name}")
        for _ in range(each):
            canary = _canary(rng)
            value = rng.choice([canary, rng.choice(_KEYS)(rng), PERSONAL["card"](rng)])
            hidden = value if name == "plain" else DISGUISES[name](value, rng)
            pieces = cut(f"The note reads {hidden} and ends there.", rng, hidden)
            scan = OutputScan([canary]).request([], personal_open=False)
            outcomes = [scan(_claim(piece)) for piece in pieces]
            caught = any(not isinstance(outcome, Clean) for outcome in outcomes)
            yield f"caught cut {name}", caught, repr(pieces)


def _canary(rng: random.Random) -> str:
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "-".join(some(rng, alphabet, rng.randint(4, 7)) for _ in range(rng.randint(2, 4)))


def _claim(text: str) -> Claim:
    return Claim(text=text, supports=())


if __name__ == "__main__":
    sys.exit(main())
