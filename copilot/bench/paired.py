"""Paired bootstrap: whether two results over the same questions differ by more than chance."""

import numpy as np
import numpy.typing as npt

Parts = npt.NDArray[np.float64]
"""Shape (questions, 2): what each question adds to a figure's numerator and to its denominator."""
_SAMPLES = 2000
_SEED = 20261101
_BETWEEN = (2.5, 97.5)
"""Percentiles of the bootstrapped differences, with 95 % between them."""


def gain(now: Parts, then: Parts) -> tuple[float, float]:
    """The 95 % interval of how much higher the share is now, over questions drawn in pairs.

    The same inputs give the same bits. (0, 0) where no draw has anything in its denominators.
    """
    if now.shape != then.shape:
        raise ValueError(f"results of the same questions are wanted, not {now.shape}, {then.shape}")
    if not len(now):
        return 0.0, 0.0
    draws = np.random.default_rng(_SEED).integers(0, len(now), (_SAMPLES, len(now)))
    new, old = now[draws].sum(axis=1), then[draws].sum(axis=1)
    usable = (new[:, 1] > 0) & (old[:, 1] > 0)
    if not usable.any():
        return 0.0, 0.0
    gains = new[usable, 0] / new[usable, 1] - old[usable, 0] / old[usable, 1]
    low, high = np.percentile(gains, _BETWEEN)
    return float(low), float(high)
