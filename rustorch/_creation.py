"""Functions that make tensors from numbers, and conversions to another dtype, device or order in memory."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from . import _C
from ._device import check_cpu
from ._layout import contiguous_format, layout, memory_format, preserve_format, strided
from ._shapes import into

_ops: dict[str, Any] = _C.ops
_cast: Any = vars(_C.Tensor)["_cast_to"]
_FORMATS = (None, preserve_format)


def _default(dtype: Any) -> Any:
    return _C.get_default_dtype() if dtype is None else dtype


def _is_complex(value: Any) -> bool:
    return isinstance(value, builtins.complex) or (isinstance(value, _C.Tensor) and value.is_complex())


def _ready(result: Any, dtype: Any, device: Any, layout: Any, requires_grad: bool) -> Any:
    if layout not in (None, strided):
        raise NotImplementedError(f"only the layout rustorch.strided is there, not {layout!r}")
    if device is not None:
        _check_device(device)
    if dtype is not None and result.dtype != _C.dtype(dtype):
        result = _ops["cast"](result, dtype)
    return result.requires_grad_() if requires_grad else result


def _check_device(device: Any) -> None:
    check_cpu(device)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """`steps` numbers from start to end, both included; start and end are numbers or 0-d tensors."""
    if dtype is None and out is not None:
        dtype = out.dtype
    if _is_complex(start) or _is_complex(end) or (dtype is not None and _C.dtype(dtype).kind == "c"):
        result = _complex_line(start, end, steps, dtype)
    else:
        result = _C.linspace(_number("linspace", start), _number("linspace", end), steps, dtype=dtype)
    return into("linspace", _ready(result, dtype, device, layout, requires_grad), out)


def _number(name: str, value: Any) -> Any:
    if not isinstance(value, _C.Tensor):
        return value
    if value.ndim:
        raise _C.TensorError(f"{name}: needs numbers or tensors without dimensions, not shape {tuple(value.shape)}")
    return value.item()


def _complex_line(start: Any, end: Any, steps: int, dtype: Any) -> Any:
    """From both ends, so that both are exact."""
    if steps < 0:
        raise _C.TensorError(f"linspace: steps must not be negative, got {steps}")
    a, b = builtins.complex(_number("linspace", start)), builtins.complex(_number("linspace", end))
    step = (b - a) / builtins.max(steps - 1, 1)
    if dtype is None:
        dtype = "complex128" if str(_C.get_default_dtype()) == "float64" else "complex64"
    half = steps // 2 if steps > 1 else steps
    up = _C.arange(half, dtype="float64") * step + a
    down = b - _C.arange(steps - half - 1, -1, -1, dtype="float64") * step
    return _ops["cast"](_ops["cat"]([up, down]), dtype)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """base to the powers linspace(start, end, steps)."""
    kind = _C.dtype(dtype) if dtype is not None else None if out is None else out.dtype
    if kind is not None and kind.kind in "iub":
        start, end = (builtins.int(_number("logspace", v)) for v in (start, end))
        exponents = _C.linspace(start, end, steps, dtype="float64")
    else:
        inexact = "complex128" if kind is not None and kind.kind == "c" else "float64"
        exponents = linspace(start, end, steps, dtype=None if _is_complex(start) or _is_complex(end) else inexact)
    powers = _ops["pow"](_C.full((), base, dtype="float64"), exponents)
    if kind is None:
        default = str(_C.get_default_dtype())
        wide = {"float64": "complex128"}.get(default, "complex64")
        kind = _C.dtype(wide if powers.is_complex() else default)
    return into("logspace", _ready(powers, kind, device, layout, requires_grad), out)


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor without dimensions holding a number, of the default dtype unless another is given."""
    return _ready(_C.full((), s, dtype=_default(dtype)), None, device, layout, requires_grad)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """An uninitialised tensor with these strides, in elements."""
    return _ready(_C._empty_strided(size, stride, _default(dtype)), None, device, layout, requires_grad)


def range(start: Any = 0, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, **kw: Any) -> Any:
    """Numbers from start to end, both included, by step; of the default dtype unless given.  arange is clearer.

    RuntimeError when step is 0 or leads away from end."""
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise _C.TensorError("range: step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise _C.TensorError(f"range: unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise _C.TensorError("range: upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    kind = out.dtype if out is not None and dtype is None else _C.dtype(_default(dtype))
    if kind.kind in "iu":
        start, step = int(start), int(step)
    made = _C.arange(count, dtype=kind if kind.kind in "iu" else "float64") * step + start
    made = _ready(made, kind, kw.get("device"), kw.get("layout"), kw.get("requires_grad", False))
    return into("range", made, out)


def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Any:  # fmt: skip
    """A tensor of this size, not set, whose dimensions lie in memory in the order physical_layout, outermost first."""
    lengths, order = list(size), list(physical_layout)
    if len(lengths) != len(order) or sorted(order) != list(builtins.range(len(lengths))):
        raise _C.TensorError(f"empty_permuted: layout {order} is not an order of the dimensions of size {lengths}")
    made = _C.empty([lengths[d] for d in order], dtype=dtype)
    made = _ops["permute"](made, [order.index(d) for d in builtins.range(len(order))])
    return _ready(made, None, device, layout, requires_grad)


def eye(n: int, m: int | None = None, *, out: Any = None, **kw: Any) -> Any:
    """(n, m) zeros with ones on the diagonal; m is n unless given."""
    if out is not None:
        kw.setdefault("dtype", out.dtype)
    return into("eye", _C.eye(n, m, **kw), out)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Any:
    """Indices (2, count) of the elements on and below a diagonal of a (row, col) matrix, row by row."""
    return _ready(_C._triangle_indices(row, col, offset, False), dtype, device, layout, False)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Any:
    """Indices (2, count) of the elements on and above a diagonal of a (row, col) matrix, row by row."""
    return _ready(_C._triangle_indices(row, col, offset, True), dtype, device, layout, False)


def clone(input: Any, *, memory_format: Any = preserve_format) -> Any:
    """A copy in memory of its own, in the given order of dimensions (its own order unless told otherwise)."""
    return input.clone() if memory_format is preserve_format else input.clone(memory_format=memory_format)


# ---- conversions ----


def _convert(x: Any, dtype: Any, copy: bool, memory_format: Any) -> Any:
    same = dtype is None or x.dtype == dtype
    if same and not copy and (memory_format in _FORMATS or _suggests(x, memory_format)):
        return x
    return _cast(x, x.dtype if dtype is None else dtype, memory_format)


def _suggests(x: Any, wanted: Any) -> bool:
    """Is x, where a copy is not forced, in the wanted order already?"""
    if wanted is contiguous_format:
        return not any(x.is_contiguous(memory_format=f) for f in _last(x)) or x.is_contiguous()
    return bool(x.is_contiguous(memory_format=wanted))


def _last(x: Any) -> tuple[Any, ...]:
    from ._layout import channels_last, channels_last_3d

    return (channels_last,) if x.ndim == 4 else (channels_last_3d,) if x.ndim == 5 else ()


def to(
    self: Any,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Any:
    """to(dtype), to(device), to(device, dtype), to(other), each then (non_blocking, copy) and memory_format=.

    Itself when nothing changes and copy is False; TypeError for what is neither a dtype nor a device."""
    rest = list(args)
    if rest and isinstance(rest[0], _C.Tensor):
        other = rest.pop(0)
        dtype = other.dtype
    elif rest and _names_device(rest[0]):
        device = rest.pop(0)
        if rest and not isinstance(rest[0], bool):
            dtype = rest.pop(0)
    elif rest and not isinstance(rest[0], bool):
        dtype = rest.pop(0)
    if len(rest) > 2 or not all(isinstance(flag, bool) for flag in rest):
        raise TypeError(f"to: cannot read the arguments {args!r}")
    copy = copy or (len(rest) > 1 and rest[1])
    if device is not None:
        _check_device(device)
    try:
        target = None if dtype is None else _C.dtype(dtype)
    except TypeError:
        raise TypeError(f"to: {dtype!r} is neither a dtype nor a device") from None
    return _convert(self, target, copy, memory_format)


def _names_device(value: Any) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0] in ("cpu", "cuda", "metal", "mps", "xpu", "meta")
    return hasattr(value, "type") and hasattr(value, "index")


def _caster(method_name: str, name: str) -> Callable[..., Any]:
    loaded = None if name == "bfloat16" else _C.dtype(name)  # its dtype object may need an import

    def method(self: Any, memory_format: Any = None) -> Any:
        target = _C.dtype(name) if loaded is None else loaded
        if memory_format is None:
            return self if self.dtype == target else _ops["cast"](self, target)
        return _convert(self, target, False, memory_format)

    method.__name__ = method.__qualname__ = method_name
    method.__doc__ = f"Itself as {name}."
    return method


_CASTS = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "char": "int8", "byte": "uint8", "bool": "bool", "bfloat16": "bfloat16", "cfloat": "complex64",
    "cdouble": "complex128",
}  # fmt: skip


# ---- tensors like another ----


def new_tensor(self: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A tensor of data with self's dtype unless another is given."""
    return _C.tensor(data, dtype=self.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad)


def new_full(self: Any, size: Any, fill_value: Any, *, dtype: Any = None, **kw: Any) -> Any:
    """A tensor of one value with self's dtype unless another is given."""
    return _C.full(size, fill_value, dtype=self.dtype if dtype is None else dtype, **kw)


def new_empty_strided(self: Any, size: Any, stride: Any, dtype: Any = None, **kw: Any) -> Any:
    """An uninitialised tensor with these strides, in elements, and self's dtype unless another is given."""
    return empty_strided(size, stride, dtype=self.dtype if dtype is None else dtype, **kw)


def _new(name: str) -> Callable[..., Any]:
    maker = getattr(_C, name)

    def method(self: Any, *size: Any, dtype: Any = None, **kw: Any) -> Any:
        return maker(*size, dtype=self.dtype if dtype is None else dtype, **kw)

    method.__name__ = method.__qualname__ = "new_" + name
    method.__doc__ = f"rustorch.{name} with self's dtype unless another is given."
    return method


def public() -> dict[str, Any]:
    """What `rustorch` shows of this file."""
    made = (
        _C.arange, linspace, logspace, scalar_tensor, empty_strided, empty_permuted, eye, range, tril_indices,
        triu_indices, clone,
    )  # fmt: skip
    return {f.__name__: f for f in made}


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    table: dict[str, Any] = {"to": _C._overload(_ops["cast"], to)}  # x.to(dtype) is that row
    table.update({f.__name__: f for f in (new_tensor, new_full, new_empty_strided)})
    table.update({name: _caster(name, dtype) for name, dtype in _CASTS.items()})
    table.update({"new_" + name: _new(name) for name in ("zeros", "ones", "empty")})
    table["layout"] = property(lambda self: strided, doc="How elements are stored: always rustorch.strided.")
    return table


__all__ = ["layout", "memory_format", "methods", "public"]
