"""Assertions for tests of code that uses tensors, and tensors to test with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import _C

__all__ = ["assert_close", "assert_tensor_equal", "make_tensor"]

# dtype -> relative and absolute tolerance
_TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


def _array(value: Any) -> Any:
    t = _C.as_tensor(value).detach()
    return t.to("float32").numpy() if str(t.dtype) == "bfloat16" else t.numpy()


def assert_tensor_equal(actual: Any, expected: Any) -> None:
    """Same shape and elements (NaN equals NaN); AssertionError shows where they differ.

    >>> import rustorch as rt
    >>> rt.testing.assert_tensor_equal(rt.tensor([1, 2]) + 1, [2, 3])
    """
    np.testing.assert_array_equal(_array(actual), _array(expected))


def _tolerances(
    one: Any, other: Any, rtol: float | None, atol: float | None
) -> tuple[float, float]:
    pairs = [_TOLERANCES.get(str(t.dtype), (0.0, 0.0)) for t in (one, other)]
    return (
        max(p[0] for p in pairs) if rtol is None else rtol,
        max(p[1] for p in pairs) if atol is None else atol,
    )


def _compare_tensors(a: Any, b: Any, rtol: Any, atol: Any, options: dict[str, bool]) -> str | None:
    """What is wrong, or None."""
    if tuple(a.shape) != tuple(b.shape):
        return f"The values for attribute 'shape' do not match: {tuple(a.shape)} != {tuple(b.shape)}."
    if options["check_dtype"] and a.dtype != b.dtype:
        return f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}."
    if options["check_stride"] and a.stride() != b.stride():
        return f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}."
    relative, absolute = _tolerances(a, b, rtol, atol)
    x, y = np.atleast_1d(_array(a)), np.atleast_1d(_array(b))
    if x.dtype != y.dtype:
        kind = np.result_type(x.dtype, y.dtype)
        x, y = x.astype(kind), y.astype(kind)
    with np.errstate(all="ignore"):
        one, other = (v.astype("float64") if v.dtype.kind in "bf" else v for v in (x, y))
        away = np.abs(one - other) if x.dtype.kind != "u" else np.maximum(x, y) - np.minimum(x, y)
        near = np.isfinite(one) & np.isfinite(other) & (away <= absolute + relative * np.abs(other))
        wrong = ~((x == y) | near)
        if options["equal_nan"]:
            wrong &= ~((x != x) & (y != y))
        if not wrong.any():
            return None
        far = np.where(wrong, away, -1.0)
        at = np.unravel_index(int(np.argmax(np.nan_to_num(far, nan=math.inf))), x.shape)
        ratio = np.where(wrong, away / np.abs(other), -1.0)
        where = np.unravel_index(int(np.argmax(np.nan_to_num(ratio, nan=math.inf))), x.shape)
    head = "Tensor-likes are not equal!" if relative == absolute == 0 else "Tensor-likes are not close!"
    if a.ndim == 0:
        head = "Scalars are not equal!" if relative == absolute == 0 else "Scalars are not close!"
        return f"{head}\n\nExpected {y[0]} but got {x[0]}.\nAbsolute difference: {away[0]} (up to {absolute} allowed)"
    return (
        f"{head}\n\nMismatched elements: {int(wrong.sum())} / {x.size} ({100 * wrong.mean():.1f}%)\n"
        f"Greatest absolute difference: {away[at]} at index {tuple(map(int, at))} (up to {absolute} allowed)\n"
        f"Greatest relative difference: {ratio[where]} at index {tuple(map(int, where))} (up to {relative} allowed)"
    )


def _compare(a: Any, b: Any, rtol: Any, atol: Any, options: dict[str, bool], path: str) -> str | None:
    place = f"\n\nThe failure occurred for item {path}" if path else ""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            missing = [k for k in b if k not in a] + [k for k in a if k not in b]
            return f"The keys of the mappings do not match: {missing} are in one only{place}"
        items: Any = [(k, a[k], b[k]) for k in sorted(a, key=str)]
    elif _is_list(a) and _is_list(b):
        if len(a) != len(b):
            return f"The length of the sequences mismatch: {len(a)} != {len(b)}{place}"
        items = [(k, x, y) for k, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        if a is None or b is None:
            return None if a is b else f"None mismatch: {a} is not {b}{place}"
        numbers = [isinstance(v, (bool, int, float, complex)) and not isinstance(v, np.generic) for v in (a, b)]
        loose = {**options, "check_dtype": options["check_dtype"] and not all(numbers), "check_stride": False}
        if not all(numbers) and type(a) is not type(b) and not (
            isinstance(a, _C.Tensor) and isinstance(b, _C.Tensor) and options["allow_subclasses"]
        ):
            raise TypeError(
                f"assert_close: cannot compare {type(a).__name__} and {type(b).__name__}; both must be tensors, arrays,"
                " numbers, or sequences and mappings of them"
            )
        try:
            one, other = (_C.as_tensor(v, dtype="float64" if isinstance(v, float) else None).detach() for v in (a, b))
        except (TypeError, ValueError):
            raise TypeError(f"assert_close: {type(a).__name__} is neither a tensor nor a number") from None
        found = _compare_tensors(one, other, rtol, atol, options if isinstance(a, _C.Tensor) else loose)
        return None if found is None else found + place
    for key, x, y in items:
        found = _compare(x, y, rtol, atol, options, f"{path}[{key!r}]")
        if found is not None:
            return found
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Elements within atol + rtol * |expected|; AssertionError, with the largest differences, when they are not.

    actual, expected: tensors, arrays, numbers, or sequences and mappings of them, alike in structure.  rtol and atol:
    both or none; the default follows the dtypes and is 0 for integers.  equal_nan: NaN equals NaN.  check_dtype,
    check_stride: these must agree, too.  msg: a message instead, or a function from ours to another.

    >>> import rustorch as rt
    >>> rt.testing.assert_close(rt.tensor([1.0, 2.0]), rt.tensor([1.0, 2.000001]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: give both rtol and atol, or none of them")
    options = {
        "equal_nan": equal_nan, "check_dtype": check_dtype, "check_stride": check_stride,
        "allow_subclasses": allow_subclasses,
    }  # fmt: skip
    found = _compare(actual, expected, rtol, atol, options, "")
    if found is not None:
        raise AssertionError(found if msg is None else msg(found) if callable(msg) else msg)


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor of uniformly drawn elements from low (included) to high, for tests.

    low and high: -9 and 9 for floating and complex dtypes, -9 and 10 for integers (0 for unsigned ones), 0 and 2 for
    bool.  exclude_zero: zeros become the smallest positive number.  noncontiguous: every second element of a larger
    tensor."""
    from .random import rand, randint

    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else tuple(shape)
    kind = _C.dtype(dtype)
    full = (*size[:-1], 2 * size[-1]) if noncontiguous and size else size
    if kind.kind == "b":
        t = randint(0 if low is None else int(low), 2 if high is None else int(high), full).to(kind)
    elif kind.kind in "iu":
        first = (0 if kind.kind == "u" else -9) if low is None else math.ceil(low)
        t = randint(first, max(first + 1, 10 if high is None else math.ceil(high)), full).to(kind)
    else:
        begin = -9.0 if low is None else float(low)
        span = (9.0 if high is None else float(high)) - begin
        t = rand(*full, dtype="float64") * span + begin
        if kind.kind == "c":
            t = _C.ops["view_as_complex"](_C.ops["stack"]([t, rand(*full, dtype="float64") * span + begin], -1))
        t = t.to(kind)
    if exclude_zero:
        t[t == 0] = 1 if kind.kind in "biu" else 1e-5
    if noncontiguous and size:
        t = t[..., ::2]
    if memory_format is not None:
        t = t.contiguous(memory_format=memory_format)
    if device is not None:
        t = t.to(device)
    return t.requires_grad_() if requires_grad else t
