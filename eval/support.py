"""Calibration of φ: how precise and how complete it is at each τ, on pairs labelled by hand.

python -m eval.support    prints a row for each τ, and what φ gets wrong at ours
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from copilot.support import TAU, Supported, support

PAIRS = Path(__file__).with_name("support_pairs.jsonl")
_GRID = tuple(step / 20 for step in range(8, 21))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A premise, a claim, and whether a reader says that the one supports the other."""

    id: str
    premise: str
    claim: str
    supported: bool
    kind: str
    """How the claim was made from the premise, such as "paraphrase" or "negation"."""

    @property
    def tuning(self) -> bool:
        """True for the half on which τ is chosen; all pairs of one premise fall on one side."""
        return int(self.id[1:3]) % 2 == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Shares of 1: of what φ accepts, how much is right; of what is right, how much it accepts."""

    precision: float
    recall: float

    @property
    def f_half(self) -> float:
        """Precision counts double: a false sentence harms more than a missing one."""
        weighted = 0.25 * self.precision + self.recall
        return 1.25 * self.precision * self.recall / weighted if weighted else 0.0


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The labelled pairs, in the order of the file."""
    return [Pair(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def calibrate(pairs: Sequence[Pair], grid: Iterable[float] = _GRID) -> dict[float, Quality]:
    """Precision and recall of φ at each τ."""
    return {tau: _quality(pairs, tau) for tau in grid}


def best_tau(qualities: dict[float, Quality]) -> float:
    """The τ with the best F½; the highest among equals, for it lets least through."""
    return max(qualities, key=lambda tau: (round(qualities[tau].f_half, 6), tau))


def wrong(pairs: Iterable[Pair], tau: float = TAU) -> list[Pair]:
    """The pairs that φ gets wrong."""
    return [pair for pair in pairs if _accepted(pair, tau) != pair.supported]


def _quality(pairs: Sequence[Pair], tau: float) -> Quality:
    accepted = [pair for pair in pairs if _accepted(pair, tau)]
    right = sum(pair.supported for pair in accepted)
    positives = sum(pair.supported for pair in pairs)
    return Quality(
        precision=right / len(accepted) if accepted else 1.0,
        recall=right / positives if positives else 1.0,
    )


def _accepted(pair: Pair, tau: float) -> bool:
    return isinstance(support(pair.premise, pair.claim, tau=tau), Supported)


def main() -> None:
    pairs = read_pairs()
    tuning = [pair for pair in pairs if pair.tuning]
    held_out = [pair for pair in pairs if not pair.tuning]
    print(
        f"{len(pairs)} pairs; best τ on the {len(tuning)} tuning pairs: {best_tau(calibrate(tuning))}"
    )
    for name, part in (("tuning", tuning), ("held out", held_out), ("all", pairs)):
        for tau, quality in calibrate(part).items():
            print(
                f"{name:9} τ {tau:.2f}  precision {quality.precision:.3f}  recall {quality.recall:.3f}"
            )
    for pair in wrong(pairs):
        print(f"wrong at τ {TAU}: {pair.id} {pair.kind}: {pair.claim}")


if __name__ == "__main__":
    main()
