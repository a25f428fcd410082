"""numpy.pad: frames of every mode."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, detached, implements, is_tracked, np, op, tensor
from ._shapes import pick

_BY_INDEX = ("edge", "reflect", "symmetric", "wrap")
_FOLDS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
_WORDS = {
    "constant": {"constant_values"},
    "linear_ramp": {"end_values"},
    "reflect": {"reflect_type"},
    "symmetric": {"reflect_type"},
    **{name: {"stat_length"} for name in _FOLDS},
}


def _widths(pad_width: Any, ndim: int) -> list[list[int]]:
    """(before, after) per dimension."""
    if isinstance(pad_width, dict):
        rows = [[0, 0] for _ in range(ndim)]
        for axis, width in pad_width.items():
            rows[axis] = list(width) if isinstance(width, (tuple, list)) else [width, width]
        pad_width = rows
    given = detached(pad_width)
    if given.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    try:
        rows = np.broadcast_to(given, (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: pad_width of shape {given.shape} does not broadcast to a pair for each of {ndim} dimensions"
        ) from None
    if any(n < 0 for row in rows for n in row):
        raise ValueError("index can't contain negative values")
    return rows


def _pairs(values: Any, ndim: int) -> list[Any]:
    """Two values per dimension, from a number, a pair, or a pair for each."""
    if is_tracked(values):
        wide = op("broadcast_to")(values, (ndim, 2))
        return [[op("select")(op("select")(wide, 0, i), 0, k) for k in (0, 1)] for i in range(ndim)]
    return np.broadcast_to(detached(values), (ndim, 2)).tolist()


def _beside(x: Any, axis: int, before: Any, after: Any) -> Any:
    return op("cat")([p for p in (before, x, after) if p is not None], axis)


def _spread(value: Any, x: Any, axis: int, n: int) -> Any:
    """n slices of one value, or of a slice."""
    if not n:
        return None
    shape = tuple(n if i == axis else length for i, length in enumerate(x.shape))
    return op("expand")(op("cast")(tensor(value), x.dtype), shape)


def _ramp(x: Any, axis: int, n: int, end: Any, edge: Any, back: bool) -> Any:
    if not n:
        return None
    shape = tuple(n if i == axis else 1 for i in range(x.ndim))
    along = np.arange(n) / n
    weights = op("cast")(tensor((along[::-1] if back else along).reshape(shape).copy()), x.dtype)
    return end + (edge - end) * weights


def _odd(x: Any, axis: int, ends: Any, mode: str) -> Any:
    """Reflections about the edges' values are linear in x: a product with what they make of a unit matrix."""
    made = np.pad(np.eye(x.shape[axis], dtype=x.dtype), ((0, 0), tuple(ends)), mode=mode, reflect_type="odd")
    return np.moveaxis(np.matmul(np.moveaxis(x, axis, -1), tensor(made)), -1, axis)


def _framed(x: Any, axis: int, ends: Any, mode: str, words: Any, ndim: int) -> Any:
    before, after = ends
    n = x.shape[axis]
    if mode == "constant":
        low, high = words["constant_values"][axis]
        return _beside(x, axis, _spread(low, x, axis, before), _spread(high, x, axis, after))
    if mode == "empty":
        return _beside(x, axis, _spread(0, x, axis, before), _spread(0, x, axis, after))
    if n == 0 and before + after:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode == "linear_ramp":
        low, high = words["end_values"][axis]
        first, last = op("narrow")(x, axis, 0, 1), op("narrow")(x, axis, n - 1, 1)
        return _beside(x, axis, _ramp(x, axis, before, low, first, False), _ramp(x, axis, after, high, last, True))
    if mode in _FOLDS:
        parts = []
        for width, most, at_end in zip(ends, words["stat_length"][axis], (False, True), strict=True):
            length = n if most is None else min(int(most), n)
            if length < 1 and mode in ("maximum", "minimum"):
                raise ValueError("stat_length of 0 yields no value for padding")
            piece = op("narrow")(x, axis, n - length if at_end else 0, length)
            parts.append(_spread(_FOLDS[mode](piece, axis=axis, keepdims=True), x, axis, width))
        return _beside(x, axis, *parts)
    if words.get("odd"):
        return _odd(x, axis, ends, mode)
    return pick(x, np.pad(np.arange(n), tuple(ends), mode=mode), axis)


@implements("pad")
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    x = tensor(array)
    if callable(mode) or mode not in ("constant", "empty", "linear_ramp", *_FOLDS, *_BY_INDEX):
        raise NotHere
    wrong = set(kwargs) - _WORDS.get(mode, set())
    if wrong:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {wrong}")
    tracked = is_tracked(x) or any(map(is_tracked, kwargs.values()))
    odd = kwargs.get("reflect_type", "even") == "odd"
    if not tracked and (mode in _FOLDS or mode in ("linear_ramp", "empty") or odd):
        raise NotHere
    words: dict[str, Any] = {"odd": odd}
    for name in ("constant_values", "end_values", "stat_length"):
        given = kwargs.get(name, None if name == "stat_length" else 0)
        words[name] = [[None, None]] * x.ndim if given is None else _pairs(given, x.ndim)
    for axis, ends in enumerate(_widths(pad_width, x.ndim)):
        if ends[0] or ends[1]:
            x = _framed(x, axis, ends, mode, words, x.ndim)
    return op("clone")(x) if x is array else x
