"""Functions whose signature in the array API standard holds more than NumPy's: both are taken.

They are entered in the namespace under their own signature; `np.f(tensor)` calls the same code with
NumPy's arguments.
"""

from __future__ import annotations

from typing import Any

from .. import _C
from . import _elements, _info, _sorting
from ._registry import Tensor, np, one_axis, op, tensor, through_numpy

_missing: Any = np._NoValue


def clip(
    a: Any,
    /,
    min: Any = None,
    max: Any = None,
    out: Any = None,
    *,
    a_min: Any = _missing,
    a_max: Any = _missing,
    **kwargs: Any,
) -> Any:
    """`a` with values below `min` and above `max` replaced by these, which are numbers, arrays or None.

    NumPy's names of the limits, `a_min` and `a_max`, do as well.  With NaN among value and limits the
    result is NaN.  ValueError for shapes that do not broadcast and for a limit given twice.
    """
    if (a_min is not _missing and min is not None) or (a_max is not _missing and max is not None):
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    low, high = min if a_min is _missing else a_min, max if a_max is _missing else a_max
    if kwargs:
        return through_numpy(np.clip, (a, low, high, out), kwargs)
    return _elements.clip(a, low, high, out)


def _along(a: Any, axis: Any) -> tuple[Any, int]:
    x = tensor(a)
    if axis is None:
        return op("reshape")(x, (-1,)), 0
    return x, one_axis(axis, x.ndim)


def sort(
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    descending: bool = False,
    stable: Any = None,
) -> Any:
    """A copy sorted along an axis (None: of the flattened array), NaN last, or first when descending.

    AxisError for an axis that is not there.
    """
    if not descending:
        return _sorting.sort(a, axis, kind, order, stable=stable)
    x, axis = _along(a, axis)
    return op("clone")(x) if x.ndim == 0 else op("sort")(x, axis, True, True)[0]


def argsort(
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    descending: bool = False,
    stable: Any = None,
) -> Any:
    """Indices that sort along an axis, equal values in their order when `stable` or descending.

    AxisError for an axis that is not there.
    """
    if not descending:
        return _sorting.argsort(a, axis, kind, order, stable=stable)
    x, axis = _along(a, axis)
    return op("argsort")(x, axis, True, True)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that all arrays and dtypes are promoted to; Python numbers take part by their kind alone.

    ValueError without arguments.
    """
    return np.result_type(*(a.dtype if isinstance(a, Tensor) else a for a in arrays_and_dtypes))


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """May a dtype, or that of an array, be cast to another by a casting rule of NumPy's?"""
    return bool(np.can_cast(from_.dtype if isinstance(from_, Tensor) else from_, to, casting))


def from_dlpack(x: Any, /, *, device: Any = None, copy: Any = None) -> Any:
    """An array on the memory of an object with `__dlpack__`, or a copy of it when `copy` is true.

    ValueError for a device that is not the CPU, BufferError for memory that cannot be shared, TypeError for an
    object of another kind.
    """
    _info.check_device(device)
    shared = _C.from_dlpack(x)
    return op("clone")(shared) if copy else shared


OWN: dict[str, Any] = {f.__name__: f for f in (clip, sort, argsort, result_type, can_cast, from_dlpack)}
AS_THEY_ARE: dict[str, Any] = {
    "finfo": _info.finfo,
    "iinfo": _info.iinfo,
    "isdtype": np.isdtype,
    "__array_namespace_info__": _info.NamespaceInfo,
}
