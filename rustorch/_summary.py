"""Numbers that describe a tensor's values, counted without copying it: what notebooks show beside its elements.

Looks at memory alone: nothing is recorded, no op is run, and a tensor with 10^8 elements takes a tenth of a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

EXACT = 1 << 22  # elements up to which all are counted
CHECKED = 1 << 28  # elements up to which all are looked at for NaN and infinity
SAMPLE = 1 << 18  # elements of which larger tensors' statistics are made
_PIECE, _BLOCK = 1 << 18, 1 << 10


@dataclass
class Summary:
    """Statistics of a tensor's finite elements (of absolute values, when complex), and what is not finite."""

    minimum: float = math.nan
    maximum: float = math.nan
    mean: float = math.nan
    std: float = math.nan  # divided by n
    nan: int = 0
    infinite: int = 0
    sampled: int = 0  # elements that the statistics are made of, when not all
    unchecked: bool = False  # NaN and infinity were looked for in the sample only
    values: Any = None  # finite values, at most SAMPLE of them, for a histogram


def memory(t: Any) -> tuple[Any, bool]:
    """(an ndarray on a tensor's memory, whether it holds the bits of bfloat16)."""
    if isinstance(t, np.ndarray):
        return t, False
    plain = t.detach()
    if str(plain.dtype) == "bfloat16":
        return plain.view("int16").numpy().view(np.uint16), True
    return plain.numpy(), False


def numbers(part: Any, bfloat: bool) -> Any:
    """A part of `memory` as numbers."""
    return (part.astype(np.uint32) << 16).view(np.float32) if bfloat else part


def _pieces(array: Any) -> Iterator[Any]:
    """The array cut into parts of at most _PIECE elements, no copies."""
    if array.size <= _PIECE:
        yield array
        return
    axis = int(np.argmax(array.shape))
    length = max(1, array.shape[axis] * _PIECE // array.size)
    for start in range(0, array.shape[axis], length):
        at = [slice(None)] * array.ndim
        at[axis] = slice(start, start + length)
        yield from _pieces(array[tuple(at)])


def _sample(array: Any) -> Any:
    """SAMPLE elements of a larger array: blocks of neighbours, evenly spread."""
    count = SAMPLE // _BLOCK
    starts = np.linspace(0, array.size - _BLOCK, count).astype(np.int64)
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        return np.concatenate([flat[s : s + _BLOCK] for s in starts])
    at = (starts[:, None] + np.arange(_BLOCK)).reshape(-1)
    return array[np.unravel_index(at, array.shape)]


@np.errstate(over="ignore", invalid="ignore")
def summarize(t: Any) -> Summary:
    """The Summary of a tensor; of more than EXACT elements from a sample, and NaN and infinity counted in all."""
    array, bfloat = memory(t)
    whole = array.size
    # broadcast dimensions repeat what one element of them says; order does not matter
    array = array[tuple(slice(0, 1) if s == 0 and n > 1 else slice(None) for s, n in zip(array.strides, array.shape))]
    array = array.transpose(sorted(range(array.ndim), key=lambda d: -abs(array.strides[d])))
    found = Summary()
    if not array.size:
        return found
    repeated = whole // array.size
    exact = array.size <= EXACT
    looked_at = [array] if exact else [_sample(array)]
    count, mean, spread = 0, 0.0, 0.0
    low, high = math.inf, -math.inf
    for piece in (p for part in looked_at for p in _pieces(part)):
        values, nans, infinities = _finite(numbers(piece, bfloat))
        found.nan += nans
        found.infinite += infinities
        if not values.size:
            continue
        n, here = values.size, float(values.mean())
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        # Chan, Golub and LeVeque 1979: means and squared deviations of parts, joined
        step = here - mean
        spread += float(np.square(values - here).sum()) + step * step * count * n / (count + n)
        mean += step * n / (count + n)
        count += n
    if not exact:
        found.sampled = SAMPLE
        found.unchecked = array.size > CHECKED
        if not found.unchecked and (array.dtype.kind in "fc" or bfloat):
            found.nan, found.infinite = _count_all(array, bfloat)
    found.nan, found.infinite = found.nan * repeated, found.infinite * repeated
    if count:
        found.minimum, found.maximum, found.mean, found.std = low, high, mean, math.sqrt(spread / count)
    small = array if array.size <= SAMPLE else _sample(array)
    found.values = _finite(numbers(small, bfloat))[0]
    return found


def _finite(values: Any) -> tuple[Any, int, int]:
    """(finite values as a vector of float64, NaN among them, infinities among them)."""
    values = np.abs(values) if values.dtype.kind == "c" else values
    values = values.reshape(-1).astype(np.float64)
    good = np.isfinite(values)
    if good.all():
        return values, 0, 0
    nans = int(np.isnan(values).sum())
    kept = values[good]
    return kept, nans, values.size - kept.size - nans


def _count_all(array: Any, bfloat: bool) -> tuple[int, int]:
    nans = infinities = 0
    for piece in _pieces(array):
        values = numbers(piece, bfloat)
        if not np.isfinite(values).all():
            here = int(np.isnan(values).sum())
            nans += here
            infinities += int((~np.isfinite(values)).sum()) - here
    return nans, infinities
