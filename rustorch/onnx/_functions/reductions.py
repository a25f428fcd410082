"""ONNX operators that reduce: sums, means, norms, extremes, running sums, the largest and sorted elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rustorch as rt

from .registry import operator

Tensor = rt.Tensor


def axes_of(axes: Any) -> tuple[int, ...] | None:
    """Axes given as attribute or as a tensor; None for none."""
    if axes is None:
        return None
    found = axes.reshape(-1).tolist() if isinstance(axes, Tensor) else [axes] if isinstance(axes, int) else list(axes)
    return tuple(int(k) for k in found)


def _over(x: Tensor, axes: Sequence[int], keep: bool, function: Callable[[Tensor, int, bool], Tensor]) -> Tensor:
    """One dimension after another, from the last on."""
    for axis in sorted((k % x.ndim for k in axes), reverse=True):
        x = function(x, axis, keep)
    return x


def _amax(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    if any(x.shape[k] == 0 for k in axes):
        return _of_nothing(x, axes, keep, -1)
    return x.amax(axes, keep)


def _amin(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    if any(x.shape[k] == 0 for k in axes):
        return _of_nothing(x, axes, keep, 1)
    return x.amin(axes, keep)


def _of_nothing(x: Tensor, axes: tuple[int, ...], keep: bool, sign: int) -> Tensor:
    """What the largest (-1) or smallest (1) of no elements is: the dtype's own extreme."""
    gone = {k % x.ndim for k in axes}
    shape = [1 if k in gone else n for k, n in enumerate(x.shape) if keep or k not in gone]
    if x.dtype == rt.bool:
        value: Any = sign > 0
    elif x.is_floating_point():
        value = sign * float("inf")
    else:
        value = rt.iinfo(x.dtype).max if sign > 0 else rt.iinfo(x.dtype).min
    return rt.full(shape, value, dtype=x.dtype)


def _kept(x: Tensor, result: Tensor) -> Tensor:
    return result if result.dtype == x.dtype else result.to(x.dtype)


def _sum(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return _kept(x, x.sum(axes, keep))


def _mean(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return _kept(x, x.mean(axes, keep))


_REDUCTIONS: dict[str, Callable[[Tensor, tuple[int, ...], bool], Tensor]] = {
    "ReduceSum": _sum,
    "ReduceMean": _mean,
    "ReduceMax": _amax,
    "ReduceMin": _amin,
    "ReduceProd": lambda x, axes, keep: _kept(x, _over(x, axes, keep, lambda t, k, kept: t.prod(k, kept))),
    "ReduceL1": lambda x, axes, keep: _sum(x.abs(), axes, keep),
    "ReduceL2": lambda x, axes, keep: _kept(x, _sum(x * x, axes, keep).sqrt()),
    "ReduceLogSum": lambda x, axes, keep: _kept(x, _sum(x, axes, keep).log()),
    "ReduceLogSumExp": lambda x, axes, keep: _kept(x, x.logsumexp(axes, keep)),
    "ReduceSumSquare": lambda x, axes, keep: _sum(x * x, axes, keep),
}


def _reduction(name: str, function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> None:
    def reduce(x: Tensor, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        over = axes_of(axes)
        if not over:
            # of each element alone, or of all of them
            over = () if noop_with_empty_axes else tuple(range(x.ndim))
        if not over:
            return function(x.unsqueeze(-1), (-1,), False)
        return function(x, over, bool(keepdims))

    operator(name)(reduce)


for _name, _function in _REDUCTIONS.items():
    _reduction(_name, _function)


def _arg(x: Tensor, axis: int, keepdims: int, select_last_index: int, name: str) -> Tensor:
    axis %= x.ndim
    if not select_last_index:
        return getattr(x, name)(dim=axis, keepdim=bool(keepdims))
    return x.shape[axis] - 1 - getattr(x.flip(axis), name)(dim=axis, keepdim=bool(keepdims))


@operator("ArgMax")
def arg_max(x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return _arg(x, axis, keepdims, select_last_index, "argmax")


@operator("ArgMin")
def arg_min(x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return _arg(x, axis, keepdims, select_last_index, "argmin")


def _running(x: Tensor, axis: Any, exclusive: int, reverse: int, first: int, function: Callable[..., Tensor]) -> Tensor:
    dim = int(axis) % x.ndim
    if reverse:
        x = x.flip(dim)
    result = _kept(x, function(x, dim))
    if exclusive:
        start = rt.full_like(x.narrow(dim, 0, 1), first)
        result = rt.cat([start, result.narrow(dim, 0, x.shape[dim] - 1)], dim)
    return result.flip(dim) if reverse else result


@operator("CumSum")
def cum_sum(x: Tensor, axis: Any, exclusive: int = 0, reverse: int = 0) -> Tensor:
    return _running(x, axis, exclusive, reverse, 0, rt.cumsum)


@operator("CumProd")
def cum_prod(x: Tensor, axis: Any, exclusive: int = 0, reverse: int = 0) -> Tensor:
    return _running(x, axis, exclusive, reverse, 1, rt.cumprod)


@operator("TopK", several=True)
def top_k(x: Tensor, k: Any, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Tensor, Tensor]:
    count = int(k.reshape(-1)[0]) if isinstance(k, Tensor) else int(k)
    values, index = x.topk(count, axis, bool(largest), True)
    return values, index


@operator("Det")
def det(x: Tensor) -> Tensor:
    return rt.linalg.det(x)


@operator("Einsum")
def einsum(*tensors: Tensor, equation: str) -> Tensor:
    return rt.einsum(equation, *tensors)


@operator("LpNormalization")
def lp_normalization(x: Tensor, axis: int = -1, p: int = 2) -> Tensor:
    size = x.abs().sum(axis, True) if p == 1 else (x * x).sum(axis, True).sqrt()
    return rt.where(size == 0, rt.zeros_like(x), x / rt.where(size == 0, rt.ones_like(size), size))
