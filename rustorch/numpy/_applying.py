"""Calling a function over parts of an array."""

from __future__ import annotations

import itertools
from typing import Any

from .. import _C
from ._registry import NotHere, Tensor, axes_of, detached, implements, is_tracked, np, one_axis, op, tensor


@implements("apply_along_axis")
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """The function sees vectors with their history, and its results are stacked."""
    if not is_tracked(arr):
        raise NotHere
    axis = one_axis(axis, arr.ndim)
    moved = np.moveaxis(arr, axis, -1)
    outer = tuple(moved.shape[:-1])
    if 0 in outer:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [tensor(func1d(moved[at], *args, **kwargs)) for at in itertools.product(*(range(n) for n in outer))]
    made = op("stack")(results, 0)
    made = op("reshape")(made, (*outer, *results[0].shape))
    n = len(outer)
    order = (*range(axis), *range(n, made.ndim), *range(axis, n))
    return op("permute")(made, order)


@implements("apply_over_axes")
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    x = tensor(a)
    ndim = x.ndim
    for axis in axes_of(tuple(axes) if np.ndim(axes) else axes, ndim):
        result = tensor(func(x, axis))
        if result.ndim == x.ndim - 1:
            result = op("unsqueeze")(result, axis)
        if result.ndim != x.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        x = result
    return x


@implements("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    if not is_tracked(x) and not any(map(is_tracked, funclist)):
        raise NotHere
    at = tensor(x)
    if isinstance(condlist, (bool, np.bool)) or (np.ndim(condlist[0]) == 0 and at.ndim):
        condlist = [condlist]
    masks = [detached(c).astype(bool) for c in condlist]
    if len(funclist) == len(masks) + 1:
        masks.append(~np.logical_or.reduce(masks))
    elif len(funclist) != len(masks):
        raise ValueError(
            f"with {len(masks)} condition(s), either {len(masks)} or {len(masks) + 1} functions are expected"
        )
    result = np.zeros_like(at)
    for mask, function in zip(masks, funclist, strict=True):
        chosen = tensor(np.broadcast_to(mask, tuple(at.shape)).copy())
        if not callable(function):
            result = op("where")(chosen, op("cast")(tensor(function), at.dtype), result)
        elif bool(mask.any()):
            values = tensor(function(op("masked_select")(at, chosen), *args, **kw))
            values = op("broadcast_to")(op("cast")(values, at.dtype), (int(detached(chosen).sum()),))
            result = op("masked_scatter")(result, chosen, values)
    return result


class vectorize(np.vectorize):  # type: ignore[misc]
    """NumPy's vectorize, whose results are arrays; with gradients, the function is called with values
    that have a history, and its results are stacked."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.pyfunc is np._NoValue:
            return super().__call__(*args, **kwargs)
        tracked = any(map(is_tracked, (*args, *kwargs.values())))
        if not tracked or self.signature is not None:
            return _C._as_arrays(_shown(super().__call__(*args, **kwargs)))
        return self._recorded(args, kwargs)

    def _recorded(self, args: Any, kwargs: Any) -> Any:
        names = [k for k in kwargs if k not in self.excluded]
        fixed = {k: v for k, v in kwargs.items() if k in self.excluded}
        loose = [i for i in range(len(args)) if i not in self.excluded]
        parts = np.broadcast_arrays(*(tensor(args[i]) for i in loose), *(tensor(kwargs[k]) for k in names))
        shape = tuple(parts[0].shape)
        results = []
        for at in itertools.product(*(range(n) for n in shape)):
            values = [p[at] for p in parts]
            given = list(args)
            for i, v in zip(loose, values, strict=False):
                given[i] = v
            results.append(self.pyfunc(*given, **fixed, **dict(zip(names, values[len(loose) :], strict=True))))
        if not results:
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        if isinstance(results[0], tuple):
            return tuple(_C._as_arrays(_assembled(column, shape)) for column in zip(*results, strict=True))
        return _C._as_arrays(_assembled(results, shape))


def _assembled(values: Any, shape: tuple[int, ...]) -> Any:
    return op("reshape")(op("stack")([tensor(v) for v in values], 0), shape)


def _shown(result: Any) -> Any:
    """NumPy's arrays as Tensors where they can be."""
    if isinstance(result, tuple):
        return tuple(map(_shown, result))
    if type(result) is not np.ndarray and not isinstance(result, np.generic):
        return result
    try:
        return tensor(result)
    except NotHere:
        return result


class _Indexed:
    """An object of NumPy's that is indexed to make arrays (r_, mgrid), giving ours."""

    def __init__(self, maker: Any, join: Any = None) -> None:
        self._maker, self._join = maker, join
        self.__doc__ = maker.__doc__

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if self._join and any(map(is_tracked, parts)):
            if any(isinstance(p, str) for p in parts):
                raise TypeError("no derivative known for directives in text; detach() the tensor")
            whole = [p if isinstance(p, Tensor) else self._maker[p] for p in parts]
            return _C._as_arrays(self._join([np.atleast_1d(tensor(p)) for p in whole]))
        plain = tuple(detached(p) if isinstance(p, Tensor) else p for p in parts)
        return _C._as_arrays(_shown(self._maker[plain if isinstance(key, tuple) else plain[0]]))

    def __len__(self) -> int:
        return len(self._maker)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._maker, name)


def _columns(parts: Any) -> Any:
    return op("cat")([op("unsqueeze")(p, 1) if p.ndim == 1 else p for p in parts], -1)


INDEXED = {
    "r_": _Indexed(np.r_, lambda parts: op("cat")(parts, 0)),
    "c_": _Indexed(np.c_, _columns),
    "mgrid": _Indexed(np.mgrid),
    "ogrid": _Indexed(np.ogrid),
}
