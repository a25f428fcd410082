"""What the namespace tells about itself: capabilities, devices, dtypes and their limits."""

from __future__ import annotations

from typing import Any

import numpy

from .. import _C
from .._device import CPU, device as _device

_MAX_NDIM = 32
_KINDS: dict[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


def check_device(where: Any) -> None:
    """ValueError unless `where` is None or the CPU, by name or as a device."""
    if where is None or where is CPU:
        return
    try:
        known = _device(where).type == "cpu"
    except (TypeError, _C.DeviceError):
        known = False
    if not known:
        raise ValueError(f'Device not understood. Only "cpu" is allowed, but received: {where}')


class NamespaceInfo:
    """What `rustorch.numpy.__array_namespace_info__()` returns, as the array API standard describes it.

    >>> import rustorch.numpy as np
    >>> np.__array_namespace_info__().default_dtypes()["real floating"]
    dtype('float64')
    """

    __module__ = "rustorch.numpy"

    def capabilities(self) -> dict[str, Any]:
        """What may be relied on: boolean indexing, shapes that depend on data, the number of dimensions."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": _MAX_NDIM}

    def default_device(self) -> Any:
        """Where new arrays are made."""
        return CPU

    def devices(self) -> tuple[Any, ...]:
        """All devices of this build."""
        return (CPU,)

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """{kind: dtype of new arrays}; ValueError for an unknown device."""
        check_device(device)
        names = {"real floating": "float64", "complex floating": "complex128"}
        names.update(integral="int64", indexing="int64")
        return {kind: numpy.dtype(name) for kind, name in names.items()}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """{name: dtype} of the standard's dtypes, all or those of a kind or of several (a tuple).

        ValueError for an unknown device or kind.
        """
        check_device(device)
        wanted = kind if isinstance(kind, tuple) else ("bool", "numeric") if kind is None else (kind,)
        for each in wanted:
            if not isinstance(each, str) or each not in _KINDS:
                raise ValueError(f"unsupported kind: {each!r}; there are {', '.join(map(repr, _KINDS))}")
        return {name: numpy.dtype(name) for each in wanted for name in _KINDS[each]}


def _dtype_of(source: Any) -> Any:
    return source.dtype if isinstance(source, (_C.Tensor, numpy.ndarray, numpy.generic)) else source


class finfo:
    """finfo(dtype): limits of a floating dtype, or of the dtype of an array; the attributes of NumPy's, as floats.

    ValueError for a dtype that is not floating.

    >>> import rustorch.numpy as np
    >>> np.finfo(np.ones(2, dtype="float32")).eps
    1.1920928955078125e-07
    """

    __module__ = "rustorch.numpy"
    __slots__ = ("_limits",)
    _limits: Any

    def __init__(self, dtype: Any, /) -> None:
        self._limits = numpy.finfo(_dtype_of(dtype))

    @property
    def dtype(self) -> Any:
        """The dtype; of a complex one that of its parts."""
        return self._limits.dtype

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._limits, name)
        return float(value) if isinstance(value, numpy.floating) else value

    def __repr__(self) -> str:
        return repr(self._limits)

    def __str__(self) -> str:
        return str(self._limits)

    def __reduce__(self) -> Any:
        return finfo, (self.dtype,)


class iinfo(numpy.iinfo):
    """iinfo(type): limits of an integer dtype, or of the dtype of an array.  ValueError for other dtypes.

    >>> import rustorch.numpy as np
    >>> np.iinfo(np.int8).max
    127
    """

    __module__ = "rustorch.numpy"

    def __init__(self, type: Any, /) -> None:
        super().__init__(_dtype_of(type))
