"""How far a number can be trusted when its observations hang together: the circular block bootstrap.

Owns the resampling. Observations near in time share what they tell: labels overlap, features last. Blocks longer than
that are drawn instead of observations (Politis and Romano 1992, "A circular block-resampling procedure"), and the spread
of the number over the draws is its standard error. Every statistic here is a function of sums, so a draw costs a few
additions a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from consumers.evaluation.series import Floats

DRAWS: Final = 500

MIN_BLOCKS: Final = 10
"""With fewer blocks an interval says nothing: this is what "too little data" means."""

_MAX_BLOCKS: Final = 400
"""More blocks make nothing better; longer ones are always safe."""

_ROUNDING: Final = 1e-12

Statistic: TypeAlias = Callable[[Floats], Floats]
"""Sums (..., columns) to values (..., values)."""


@dataclass(frozen=True)
class Estimate:
    """A number and the interval that covers the truth at the chosen level."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """Values of a statistic, their standard errors, and the blocks that those come from."""

    values: Floats
    errors: Floats
    blocks: float

    def estimate(self, index: int, level: float) -> Estimate | None:
        """Value ``index`` and its interval, by Student's t with as many degrees of freedom as there are blocks, less 1."""
        value, error = float(self.values[index]), float(self.errors[index])
        if not np.isfinite(value):
            return None
        reach = error * float(stats.t.isf(level / 2, max(self.blocks - 1, 1)))
        return Estimate(value, value - reach, value + reach)

    def p_above_zero(self, index: int) -> float:
        """One-sided probability of such a value, were the truth 0 or less."""
        return self._above(float(self.values[index]), float(self.errors[index]))

    def p_below_zero(self, index: int) -> float:
        """One-sided probability of such a value, were the truth 0 or more."""
        return self._above(-float(self.values[index]), float(self.errors[index]))

    def _above(self, value: float, error: float) -> float:
        if not np.isfinite(value) or error <= 0:
            return 1.0
        return float(stats.t.sf(value / error, max(self.blocks - 1, 1)))


def memory(values: Floats) -> float:
    """Integrated autocorrelation time in observations: 1 when they are independent.

    Autocorrelations are summed in pairs of lags up to the first pair that is not positive (Geyer 1992, "Practical Markov
    chain Monte Carlo", the initial positive sequence).
    """
    centred = values - values.mean()
    count = len(centred)
    # Where all values are equal the mean may be off by a rounding, and what is left is no memory.
    if count < 2 or np.abs(centred).max() <= _ROUNDING * np.abs(values).max():
        return 1.0
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), size)[: count // 2 + 1]
    correlation = covariance / covariance[0]
    paired = correlation[: len(correlation) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(paired <= 0)
    return max(1.0, 2 * float(paired[: ends[0] if len(ends) else None].sum()) - 1)


def block_length(values: Floats, overlap: float, at_least: float = 1) -> int:
    """Observations in a block: twice what labels overlap, four times what ``values`` remember, and not too few."""
    count = len(values)
    return int(np.ceil(max(2 * overlap, 4 * memory(values), count ** (1 / 3), count / _MAX_BLOCKS, at_least)))


def resample(sums: Floats, statistic: Statistic, length: int, seed: int) -> Resampled:
    """Values and standard errors of a statistic.

    Args:
        sums: (observations, columns) whose column sums the statistic takes.
        statistic: the function of those sums.
        length: observations in a block; more than there are count as one block.
        seed: of the draws; equal seeds give equal draws.
    """
    count = len(sums)
    length = min(length, count)
    blocks = count / length
    running = np.concatenate([np.zeros((1, sums.shape[1])), np.cumsum(np.concatenate([sums, sums[:length]]), axis=0)])
    of_block = running[length : length + count] - running[:count]
    draws = np.random.default_rng(seed).integers(0, count, (DRAWS, max(round(blocks), 1)))
    drawn: npt.NDArray[np.float64] = of_block[draws].sum(axis=1)
    values = statistic(sums.sum(axis=0))
    errors = _spread(statistic(drawn)) * np.sqrt(blocks / max(blocks - 1, 0.5))
    return Resampled(values, errors, blocks)


def shift_p(first: Floats, second: Floats, margin: int) -> float:
    """Probability of so large a correlation, were the two series what they are but unrelated (two-sided).

    One is moved along the other, around the end, by every distance from ``margin`` on: what each remembers stays as it is,
    what binds them is gone. The share of distances with as large a correlation is the answer. Where both are slow, as a
    trend and a drifting feature, large correlations are frequent, and resampling blocks of a short sample does not see it.

    Args:
        first: centred values.
        second: centred values, of the same length.
        margin: shorter distances are left out, since the two are still bound there.
    """
    count = len(first)
    moved = np.abs(np.fft.irfft(np.fft.rfft(first) * np.conj(np.fft.rfft(second)), count))
    others = moved[margin : count - margin + 1]
    return float((1 + (others >= moved[0] * (1 - 1e-12)).sum()) / (1 + len(others)))


def _spread(drawn: Floats) -> Floats:
    """Standard deviation over the draws in which a value was defined."""
    there = np.isfinite(drawn)
    count = there.sum(axis=0)
    mean = np.where(there, drawn, 0).sum(axis=0) / np.maximum(count, 1)
    squares: Floats = np.where(there, (drawn - mean) ** 2, 0).sum(axis=0)
    spread: Floats = np.sqrt(squares / np.maximum(count - 1, 1))
    return spread
