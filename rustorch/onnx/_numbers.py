"""Numbers that differ between runs on inputs of different sizes, and the one trace that stands for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._trace import Call, Ref, Trace

__all__ = ["Differing", "Many", "Unlike", "Varying", "unify"]


class Unlike(Exception):
    """Two runs did not compute the same thing."""


class Many(tuple[int, ...]):
    """An integer that depends on the sizes of the inputs: its value in each run."""

    def __repr__(self) -> str:
        return "/".join(map(str, self))


class Differing:
    """A number that differs between runs, as no function known of the sizes: a reason to refuse what uses it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Varying:
    """An array that depends on the sizes of the inputs: what it was in each run."""

    def __init__(self, arrays: list[np.ndarray[Any, Any]]) -> None:
        self.arrays = arrays


def _number(values: list[Any], what: str) -> Any:
    first = values[0]
    if all(type(v) is type(first) and (v == first or v != v) for v in values):
        return first
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        return Many(values)
    if all(isinstance(v, (int, float)) for v in values):
        return _real(values, what)
    raise Unlike(f"{what} is {first!r}, and for other inputs {values[1]!r}")


def _real(values: list[Any], what: str) -> Any:
    """A number as a power of a length: (lengths, exponent)."""
    for exponent in (1, -1, 0.5, -0.5):
        lengths = [round(abs(v) ** (1 / exponent)) if v else 0 for v in values]
        if all(n and abs(n**exponent - v) <= 1e-9 * abs(v) for n, v in zip(lengths, values)):
            return Many(lengths), exponent
    return Differing(f"{what} is {values[0]!r}, and for other inputs {values[1]!r}")


def _argument(values: list[Any], what: str) -> Any:
    first = values[0]
    if isinstance(first, (Ref, Call)):
        if isinstance(first, Call):
            return _call(values)
        if any(v != first for v in values):
            raise Unlike(f"{what} is another value for other inputs")
        return first
    if isinstance(first, tuple):
        if any(not isinstance(v, tuple) or len(v) != len(first) for v in values):
            raise Unlike(f"{what} is {first!r}, and for other inputs {values[1]!r}")
        return tuple(_argument([v[k] for v in values], what) for k in range(len(first)))
    if isinstance(first, (int, float)):
        return _number(values, what)
    if any(v != first for v in values):
        raise Unlike(f"{what} is {first!r}, and for other inputs {values[1]!r}")
    return first


def _call(calls: list[Call]) -> Call:
    first = calls[0]
    where = f"{first.row} in {first.path or 'the module'}"
    if any(c.row != first.row or c.outputs != first.outputs or c.args.keys() != first.args.keys() for c in calls):
        raise Unlike(f"{where}: other sizes compute {calls[1].row}")
    args = {name: _argument([c.args[name] for c in calls], f"{where}: {name}") for name in first.args}
    return Call(first.row, args, first.outputs, first.path, first.kind)


def unify(traces: list[Trace]) -> Trace:
    """One trace, whose shapes and arguments are Many where the runs differ; Unlike when they differ in more."""
    first = traces[0]
    for other in traces[1:]:
        if len(other.calls) != len(first.calls) or len(other.values) != len(first.values):
            raise Unlike(f"{len(first.calls)} ops are computed, and for other inputs {len(other.calls)}")
    calls = [_call([t.calls[k] for t in traces]) for k in range(len(first.calls))]
    whole = Trace([], calls, first.inputs, first.outputs)
    for k, value in enumerate(first.values):
        alike = [t.values[k] for t in traces]
        if any(
            (v.kind, v.name, v.dtype, len(v.shape)) != (value.kind, value.name, value.dtype, len(value.shape))
            for v in alike
        ):
            raise Unlike(
                f"a {value.dtype} of shape {value.shape} is {alike[1].dtype} of shape {alike[1].shape} for other inputs"
            )
        shape = tuple(_number([v.shape[d] for v in alike], "a length") for d in range(len(value.shape)))
        merged = type(value)(value.kind, value.name, shape, value.dtype, value.array, value.tensor, value.version)
        if value.kind == "constant":
            arrays = [v.array for v in alike if v.array is not None]
            if not all(a.shape == arrays[0].shape and _equal(a, arrays[0]) for a in arrays):
                merged.array = Varying(arrays)
        whole.values.append(merged)
    return whole


def _equal(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
