"""The table of NumPy functions we answer, what their implementations are made with, and the way
through NumPy for all others."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable
from typing import Any

import numpy

from .. import _C
from ._info import check_device

np: Any = numpy  # called with Tensors, of which NumPy's stubs know nothing
Tensor = _C.Tensor
_ops: dict[str, Any] = _C.ops


class NotHere(TypeError):
    """An implementation does not cover these arguments: NumPy's own code does."""


# After these NumPy's own code is asked: it may know the dtype, and raises its own errors where it does not.
DECLINED = (NotHere, _C.DtypeError)


class Entry:
    """An implementation, with NumPy's names and order of parameters."""

    __slots__ = ("any_word", "function", "most", "names")

    def __init__(self, function: Callable[..., Any]) -> None:
        code = function.__code__
        self.function = function
        self.most = 1000 if code.co_flags & 4 else code.co_argcount
        self.names = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        self.any_word = bool(code.co_flags & 8)

    def takes(self, args: Any, kwargs: Any) -> bool:
        return len(args) <= self.most and (not kwargs or self.any_word or self.names.issuperset(kwargs))


TABLE: dict[Any, Entry] = {}


def implements(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function for the functions of these names in NumPy, as far as this NumPy has them."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            try:
                TABLE[operator.attrgetter(name)(np)] = Entry(function)
            except AttributeError:
                continue
        return function

    return enter


def op(name: str) -> Any:
    """The function of a row; NotHere when the table lacks it."""
    try:
        return _ops[name]
    except KeyError:
        raise NotHere from None


_PLAIN = (np.ndarray, np.memmap)


def tensor(x: Any) -> Any:
    """x as a Tensor: itself, or on the memory of what NumPy makes of it."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray) and type(x) not in _PLAIN:
        raise NotHere  # a masked array, a matrix: theirs to answer
    array = np.asarray(x)
    try:
        return _C.from_numpy(array)
    except TypeError:
        raise NotHere(f"rustorch has no arrays of dtype {array.dtype}") from None


_KNOWN = frozenset("?bBhHiIlLqQefdFD")


def is_known(dtype: Any) -> bool:
    """Is this dtype one of ours?"""
    return (dtype.char in _KNOWN and bool(dtype.isnative)) or dtype.name == "bfloat16"


def operand(x: Any) -> Any:
    """x as a Tensor, or as the ndarray that NumPy makes of it where its dtype is none of ours."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        return _C.from_numpy(x) if type(x) in _PLAIN and is_known(x.dtype) else x
    if isinstance(x, np.generic):
        return _C.from_numpy(np.asarray(x)) if is_known(x.dtype) else x
    if hasattr(type(x), "__array_ufunc__"):
        return x  # its own type answers
    array = np.asarray(x)
    return _C.from_numpy(array) if is_known(array.dtype) else array


def settled(x: Any) -> Any:
    """A Python number as it is, all else as a Tensor."""
    return x if isinstance(x, (int, float, complex)) and not isinstance(x, np.generic) else tensor(x)


def detached(x: Any) -> Any:
    """An ndarray to compute indices from."""
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


def is_tracked(x: Any) -> bool:
    """Would a result computed from x have to be recorded?"""
    return isinstance(x, Tensor) and x.requires_grad and _C.is_grad_enabled()


def deliver(result: Any, out: Any) -> Any:
    """The result, or `out` with the result written into it."""
    if isinstance(out, tuple):
        (out,) = out
    if out is None:
        return result
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(f"cannot write a result of dtype {result.dtype} into an output of dtype {out.dtype}")
    if tuple(out.shape) != tuple(result.shape):
        raise _C.ShapeMismatchError(f"the output has shape {tuple(out.shape)}, the result {tuple(result.shape)}")
    if isinstance(out, Tensor):
        _ops["copy"](result, out=out)
    elif is_tracked(result):
        raise TypeError("gradients cannot flow into an ndarray; give a Tensor as out=, or detach() the inputs")
    else:
        out[...] = result.numpy()
    return out


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Dimension numbers from 0, of None (all), an int or a tuple."""
    if axis is None:
        return tuple(range(ndim))
    given = (axis,) if hasattr(axis, "__index__") else tuple(axis)
    return tuple(np.lib.array_utils.normalize_axis_index(operator.index(a), ndim) for a in given)


def one_axis(axis: Any, ndim: int) -> int:
    """A dimension number from 0."""
    return int(np.lib.array_utils.normalize_axis_index(operator.index(axis), ndim))


def named(like: Any) -> Any:
    """Our function that is like this one of NumPy's: how ours are pickled."""
    if like.__module__.startswith("rustorch."):
        module = "rustorch.numpy"
    else:
        module = "rustorch.numpy" + like.__module__.removeprefix("numpy")
    return getattr(importlib.import_module(module), like.__name__)


# ---- through NumPy ----

_CONSTANT = {
    "histogram",
    "histogram_bin_edges",
    "histogram2d",
    "histogramdd",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
}
_WRITES_FIRST = {"copyto", "put", "place", "putmask", "fill_diagonal", "put_along_axis"}


def _to_arrays(x: Any, found: list[Any]) -> Any:
    if isinstance(x, Tensor):
        found.append(x)
        array = x.numpy()
        return array[()] if x.ndim == 0 and type(x) is _C.ndarray else array  # such an array is a scalar
    if type(x) in (list, tuple):
        return type(x)(_to_arrays(item, found) for item in x) if _C._holds_tensors(x) else x
    if type(x) is dict:
        return {key: _to_arrays(item, found) for key, item in x.items()}
    return x


def _all_arrays(args: Any, found: list[Any]) -> tuple[Any, ...]:
    return tuple(_to_arrays(x, found) for x in args)


def _to_tensors(x: Any, need: str) -> Any:
    if type(x) in _PLAIN or (isinstance(x, np.generic) and not isinstance(x, (str, bytes))):
        if need and x.dtype.kind in "fcO":
            raise TypeError(f"{need}: no derivative known; detach() the tensor, or compute under no_grad()")
        try:
            return _C.from_numpy(np.asarray(x))
        except (TypeError, _C.TensorError):  # a dtype that is none of ours, more dimensions than we have
            return x
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_to_tensors(item, need) for item in x))
    if type(x) in (list, tuple):
        return type(x)(_to_tensors(item, need) for item in x)
    return x


def _name_of(func: Any) -> str:
    module = getattr(func, "__module__", None) or "numpy"
    return f"{module}.{getattr(func, '__name__', func)}"


def _plainly(func: Any, name: str, args: Any) -> Any:
    found: list[Any] = []
    arrays = [_to_arrays(x, found) for x in args]
    with _C.Range(name or "numpy", True):
        result = func(*arrays)
    if type(result) in (bool, int, str, float):
        return result
    tracked = _C.is_grad_enabled() and name not in _CONSTANT and any(t.requires_grad for t in found)
    return _to_tensors(result, _name_of(func) if tracked else "")


def through_numpy(func: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's own code, on arrays that share the tensors' memory."""
    name = getattr(func, "__name__", "")
    if not kwargs and name not in _WRITES_FIRST:   # most calls
        return _plainly(func, name, args)
    if "device" in kwargs:
        check_device(kwargs["device"])
        kwargs = {key: value for key, value in kwargs.items() if key != "device"}
    out = kwargs.get("out")
    written = [o for o in (out if isinstance(out, tuple) else (out,)) if isinstance(o, Tensor)]
    if written:
        return _into(func, args, kwargs, written)
    if name in _WRITES_FIRST and args and isinstance(args[0], Tensor):
        return _write(func, args, kwargs)
    found: list[Any] = []
    arrays, words = _all_arrays(args, found), _to_arrays(dict(kwargs), found)
    tracked = _C.is_grad_enabled() and name not in _CONSTANT and any(t.requires_grad for t in found)
    with _C.Range(name or "numpy", True):
        result = func(*arrays, **words)
    if out is not None:
        if tracked:
            raise TypeError(f"{_name_of(func)}: gradients cannot flow into an ndarray; detach() the tensor")
        return out
    return _to_tensors(result, _name_of(func) if tracked else "")


def _into(func: Any, args: Any, kwargs: Any, written: list[Any]) -> Any:
    """NumPy writes into the tensors' memory."""
    out = kwargs["out"]
    found: list[Any] = []
    arrays, words = _all_arrays(args, found), _to_arrays({**kwargs, "out": None}, found)
    if any(map(is_tracked, (*written, *found))):
        raise TypeError(f"{_name_of(func)}: no derivative known; detach() the tensor, or compute under no_grad()")
    views = tuple(o.numpy() if isinstance(o, Tensor) else o for o in (out if isinstance(out, tuple) else (out,)))
    words["out"] = views if isinstance(out, tuple) else views[0]
    with _C.Range(_name_of(func), True):
        func(*arrays, **words)
    for o in written:
        _ops["copy"](o, out=o)  # notes the write
    return out


def _write(func: Any, args: Any, kwargs: Any) -> None:
    """Functions that write into their first argument."""
    target = args[0]
    found: list[Any] = []
    rest, words = _all_arrays(args[1:], found), _to_arrays(dict(kwargs), found)
    if any(map(is_tracked, (target, *found))):
        raise TypeError(f"{_name_of(func)}: no derivative known; detach() the tensor, or compute under no_grad()")
    copy = target.numpy().copy()
    with _C.Range(_name_of(func), True):
        func(copy, *rest, **words)
    _ops["copy"](_C.from_numpy(copy), out=target)
