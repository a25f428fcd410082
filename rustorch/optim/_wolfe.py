"""A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._C import Tensor

SUFFICIENT, CURVATURE = 1e-4, 0.9  # c1, c2


@dataclass
class Point:
    """A length that was tried: the loss, the gradient and the slope along the direction there."""

    t: float
    f: float
    g: Tensor
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Minimum of the cubic through two points with their slopes (equation 3.59), kept within bounds."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    below = b.slope - a.slope + 2 * d2
    if below == 0:
        return (low + high) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / below), low), high)


def strong_wolfe(
    at: Callable[[float], tuple[float, Tensor]], d: Tensor, t: float, f: float, g: Tensor, slope: float,
    most: int, tolerance: float = 1e-9,
) -> tuple[float, Tensor, Any, int]:  # fmt: skip
    """A length along d with the strong Wolfe conditions, or the best found in `most` trials.

    Args:
        at: loss and gradient at a length.
        d: the direction; t: the first trial; f, g, slope: loss, gradient and slope at 0.
        most: trials after the first; tolerance: the bracket times max |d| is not made smaller.

    Returns:
        loss, gradient, length, number of trials.
    """
    start = Point(0.0, f, g, slope)

    def evaluate(length: float) -> Point:
        value, gradient = at(length)
        return Point(length, value, gradient, gradient.dot(d).item())

    def too_high(p: Point) -> bool:
        return p.f > f + SUFFICIENT * p.t * slope

    before, here, trials, rounds = start, evaluate(t), 1, 0
    bracket: list[Point] = []
    while rounds < most:
        if too_high(here) or (rounds > 1 and here.f >= before.f):
            bracket = [before, here]
            break
        if abs(here.slope) <= -CURVATURE * slope:
            return here.f, here.g, here.t, trials
        if here.slope >= 0:
            bracket = [before, here]
            break
        bounds = (here.t + 0.01 * (here.t - before.t), here.t * 10)
        following = cubic_minimum(before, here, bounds)
        before, here = here, evaluate(following)
        trials += 1
        rounds += 1
    if not bracket:
        bracket = [start, here]
    best, trials = _zoom(evaluate, too_high, bracket, slope, d.abs().max().item(), trials, rounds, most, tolerance)
    return best.f, best.g, best.t, trials


def _zoom(
    evaluate: Callable[[float], Point], too_high: Callable[[Point], bool], bracket: list[Point], slope: float,
    reach: float, trials: int, rounds: int, most: int, tolerance: float,
) -> tuple[Point, int]:  # fmt: skip
    """Shrinks the bracket until a point fulfils the conditions; the lowest point and the trials."""
    low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
    stuck = False
    while rounds < most:
        left, right = sorted(p.t for p in bracket)
        if (right - left) * reach < tolerance:
            break
        t = cubic_minimum(bracket[0], bracket[1])
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # close to an end: step off, the second time or at the end itself
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        here = evaluate(t)
        trials += 1
        rounds += 1
        if too_high(here) or here.f >= bracket[low].f:
            bracket[high] = here
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
            continue
        done = abs(here.slope) <= -CURVATURE * slope
        if not done and here.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = here
        if done:
            break
    return bracket[low], trials
