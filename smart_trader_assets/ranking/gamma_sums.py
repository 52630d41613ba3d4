"""The sign of a sum of gamma variables, by numerical inversion.

For independent gamma variables g_k of shape a_k and numbers v_k, Q = sum g_k v_k has the moment generating
function exp(K(t)) with K(t) = -sum a_k log(1 - t v_k), for 1 / min v < t < 1 / max v. For any s < 0 in there,

    P(Q < 0) = -1 / (2 pi i) times the integral of exp(K(t)) / t along s + iy, for all real y.

J. P. Imhof (Biometrika 48, 1961) integrates at s = 0. The line through the saddle point, where K'(s) = 0, is
the one on which the integrand is smallest and oscillates least (S. O. Rice, SIAM Journal on Scientific and
Statistical Computing 1, 1980), and the one that gives small probabilities to as many digits as large ones.
With y = b w sinh(x / b) the integrand decays doubly exponentially and is analytic in a strip around the real
line, so that the trapezoidal rule converges geometrically: some forty points give ten digits (L. N. Trefethen
and J. A. C. Weideman, SIAM Review 56, 2014). b = 3 keeps the points close together for as long as many values
make the integrand oscillate.

All functions take rows of values and shapes; a shape or a value of 0 adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP: Final = 0.25
_POINTS: Final = 160
_MOST_AT_ONCE: Final = 16
_CELLS_AT_ONCE: Final = 5_000
_STRETCH: Final = 3.0
_NEGLIGIBLE: Final = 1e-13
_SADDLE_STEPS: Final = 50
_NEAR_ENOUGH: Final = 0.02
"""In widths of the integrand."""
_NEAREST_TO_EDGE: Final = 0.95
_QUANTILE_STEPS: Final = 60
_QUANTILE_ERROR: Final = 1e-9


@dataclass(frozen=True)
class GammaRows:
    """Values and shapes by row."""

    values: Floats
    shapes: Floats

    def above(self, level: float) -> Floats:
        """P(sum g_k (v_k - level) > 0) by row."""
        shifted = self._less(np.full(len(self.values), level))
        chance: Floats = np.clip(1.0 - self._below(shifted)[0], 0.0, 1.0)
        return chance

    def means(self) -> Floats:
        """Sum a_k v_k / sum a_k by row: the mean of sum g_k v_k / sum g_k."""
        mean: Floats = _sums(self.shapes, self.values) / self.shapes.sum(axis=1)
        return mean

    def quantiles(self, chance: float) -> Floats:
        """The level by row that sum g_k v_k / sum g_k is below with `chance`.

        Newton's method on the logarithm of the probability, kept within a bracket that shrinks.
        """
        mean, total = self.means(), self.shapes.sum(axis=1)
        spread = _sums(self.shapes, (self.values - mean[:, None]) ** 2)
        error = np.sqrt(spread / (total * (total + 1.0)))
        low = np.where(self.shapes > 0, self.values, np.inf).min(axis=1)
        high = np.where(self.shapes > 0, self.values, -np.inf).max(axis=1)
        level = np.clip(mean + NormalDist().inv_cdf(chance) * error, low, high)
        open_rows = np.flatnonzero(high > low)
        for _ in range(_QUANTILE_STEPS):
            if not len(open_rows):
                break
            rows, at = self._only(open_rows), level[open_rows]
            found, slope = rows._below(rows._less(at), with_slope=True)
            too_low = found < chance
            low[open_rows] = np.where(too_low, at, low[open_rows])
            high[open_rows] = np.where(too_low, high[open_rows], at)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.log(found / chance) * found / slope
            next_at = at - step
            inside = (next_at > low[open_rows]) & (next_at < high[open_rows])
            middle = (low[open_rows] + high[open_rows]) / 2
            level[open_rows] = np.where(inside, next_at, middle)
            open_rows = open_rows[np.abs(level[open_rows] - at) > _QUANTILE_ERROR]
        levels: Floats = level
        return levels

    def _only(self, rows: NDArray[Any]) -> GammaRows:
        return GammaRows(self.values[rows], self.shapes[rows])

    def _less(self, level: Floats) -> Floats:
        """The values less a level by row; those without a shape stay 0."""
        shifted: Floats = np.where(self.shapes > 0, self.values - level[:, None], 0.0)
        return shifted

    def _below(self, values: Floats, *, with_slope: bool = False) -> tuple[Floats, Floats]:
        """P(sum g_k v_k < 0), and its derivative by a level that all values are less by.

        The tail on the other side of the mean is the smaller one, which is computed.
        """
        other = _sums(self.shapes, values) < 0
        values = np.where(other[:, None], -values, values)
        chance, slope = np.zeros(len(values)), np.zeros(len(values))
        rows = np.flatnonzero(values.min(axis=1) < 0)
        if len(rows):
            chance[rows], slope[rows] = _inverted(
                values[rows], self.shapes[rows], with_slope=with_slope
            )
        return np.where(other, 1.0 - chance, chance), slope


def _inverted(values: Floats, shapes: Floats, *, with_slope: bool) -> tuple[Floats, Floats]:
    """The integral along each row's line, and that of its derivative.

    With t = line + i height, 1 - t v is (1 - line v) (1 - i u) for u = height v / (1 - line v).
    """
    line = _lines(values, shapes)
    decay = 1.0 - line[:, None] * values
    ratio = values / decay
    part = shapes / decay
    width = 1.0 / np.sqrt(_sums(shapes, ratio**2))
    width = np.minimum(np.minimum(width, -line), line - 1.0 / values.min(axis=1))
    scale = np.exp(-_sums(shapes, np.log(decay))) / np.pi
    integral, slope = np.zeros(len(values)), np.zeros(len(values))
    # Each row ends by itself, whatever the others need.
    going_on = np.arange(len(values))
    point = 0
    while point < _POINTS and len(going_on):
        # Of few and short rows many points at once: a call costs more than its numbers.
        together = min(_MOST_AT_ONCE, max(1, _CELLS_AT_ONCE // ratio.size))
        x = (_STEP * np.arange(point, point + together) / _STRETCH)[:, None]
        height = width * _STRETCH * np.sinh(x)
        weight = width * np.cosh(x) * np.where(x == 0, _STEP / 2, _STEP)
        turned = height[:, :, None] * ratio
        square = turned**2
        size = weight * np.exp(-_sums(shapes, np.log1p(square)) / 2)
        angle = _sums(shapes, np.arctan(turned))
        real, imaginary = size * np.cos(angle), size * np.sin(angle)
        terms = (real * line + imaginary * height) / (line**2 + height**2)
        reached = _running(integral[going_on], terms)
        negligible = size <= _NEGLIGIBLE * np.abs(line * reached)
        ended = negligible.any(axis=0)
        last = np.where(ended, negligible.argmax(axis=0), together - 1), np.arange(len(going_on))
        integral[going_on] = reached[last]
        if with_slope:
            share = part / (1.0 + square)
            terms = real * share.sum(axis=-1) - imaginary * _sums(share, turned)
            slope[going_on] = _running(slope[going_on], terms)[last]
        point += together
        if ended.any():
            going_on = going_on[~ended]
            shapes, ratio, part, line, width = (
                of_rows[~ended] for of_rows in (shapes, ratio, part, line, width)
            )
    return -scale * integral, scale * slope


def _running(before: Floats, terms: Floats) -> Floats:
    """The sums so far, point by point, in the order of the points."""
    sums: Floats = np.cumsum(np.vstack([before[None], terms]), axis=0)[1:]
    return sums


def _sums(left: Floats, right: Floats) -> Floats:
    """The sum of products by row; of each point apart where one of them is by point."""
    sums: Floats = np.einsum("...j,...j->...", left, right)
    return sums


def _lines(values: Floats, shapes: Floats) -> Floats:
    """Where each row's line of integration crosses the real axis: at its saddle point, or left of 0 where
    that is near or beyond it. Any point between 1 / min v and 0 would do; Newton's steps need not converge."""
    weighted = shapes * values
    left = 1.0 / values.min(axis=1)
    right = np.zeros(len(values))
    spread = 1.0 / np.sqrt(_sums(weighted, values))
    at = np.clip(-weighted.sum(axis=1) * spread**2, left / 2, 0.0)
    for _ in range(_SADDLE_STEPS):
        ratio = values / (1.0 - at[:, None] * values)
        first = _sums(shapes, ratio)
        second = _sums(shapes, ratio**2)
        right = np.where(first > 0, at, right)
        left = np.where(first < 0, at, left)
        step = at - first / second
        # Where 0 is reached from the left, the saddle point lies beyond it.
        next_at = np.where((step > left) & (step < right), step, (left + right) / 2)
        near = np.abs(next_at - at) * np.sqrt(second) <= _NEAR_ENOUGH
        at = next_at
        if near.all():
            break
    # Close to the edge, where a small shape may draw the saddle point, the integrand has two scales.
    line: Floats = np.maximum(np.minimum(at, -spread / 2), _NEAREST_TO_EDGE / values.min(axis=1))
    return line


def blocks(sizes: NDArray[np.int64], most_cells: int) -> Iterator[NDArray[np.int64]]:
    """Rows of similar sizes, so that few cells of a rectangle stay empty: their places, block by block."""
    order = np.argsort(sizes, kind="stable")[::-1]
    start = 0
    while start < len(order):
        count = max(1, most_cells // max(1, int(sizes[order[start]])))
        yield order[start : start + count]
        start += count
