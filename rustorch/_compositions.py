"""Functions made of other functions: joining, splitting, comparing whole tensors, and the like.
Gradients follow from what they call."""

from __future__ import annotations

from typing import Any

from . import _C
from ._statistics import tensordot

_ops: dict[str, Any] = _C.ops
_METHODS = {"allclose", "isclose", "equal", "outer", "inner", "type_as"}


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """|input - other| <= atol + rtol * |other|, elementwise; infinities are close to themselves.  rtol and
    atol must not be negative (RuntimeError)."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {value}")
    x, y = _C.as_tensor(input).detach(), _C.as_tensor(other).detach()
    if x.dtype.kind in "iub" and y.dtype.kind in "iub":
        x, y = x.to("float64"), y.to("float64")
    near = (x - y).abs() <= atol + rtol * y.abs()
    near = (near & _ops["isfinite"](y)) | (x == y)
    return near | (_ops["isnan"](x) & _ops["isnan"](y)) if equal_nan else near


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Is every element close?  (isclose)"""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input: Any, other: Any) -> bool:
    """Same shape and elements?"""
    return tuple(input.shape) == tuple(other.shape) and bool((input == other).all())


def outer(x: Any, y: Any) -> Any:
    """Products of all pairs of two 1-d tensors."""
    if x.ndim != 1 or y.ndim != 1:
        raise _C.ShapeMismatchError(f"outer: needs 1-d tensors, not shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return x.unsqueeze(1) * y


def inner(x: Any, y: Any) -> Any:
    """Sum of products over the last dimensions."""
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, ([-1], [-1]))


def is_tensor(obj: Any) -> bool:
    """Is obj a Tensor?"""
    return isinstance(obj, _C.Tensor)


def is_floating_point(input: Any) -> bool:
    """Is input's dtype a floating one?"""
    return bool(input.is_floating_point())


def numel(input: Any) -> int:
    """Number of elements."""
    return int(input.numel())


def from_torch(x: Any) -> Any:
    """A Tensor on the memory of a PyTorch tensor (detached)."""
    x = x.detach() if x.requires_grad else x
    return _C.from_dlpack(x.resolve_conj().resolve_neg() if x.is_conj() or x.is_neg() else x)


def create_tensor(data: Any, shape: Any = None, dtype: Any = None) -> Any:
    """A tensor of data, a flat or nested sequence, in the given shape; TensorError when sizes differ."""
    made = _C.tensor(data, dtype=dtype)
    if made.dtype.kind in "iub" and dtype is None:
        made = made.to(_C.get_default_dtype())
    return made if shape is None else made.reshape(shape)


def create_variable(data: Any, requires_grad: bool = False) -> Any:
    """A floating tensor of data that may require grad."""
    return create_tensor(data).requires_grad_(requires_grad)


def public() -> dict[str, Any]:
    """All functions of this file."""
    skip = {"public", "methods"}
    return {
        n: f for n, f in globals().items() if callable(f) and getattr(f, "__module__", "") == __name__ and n not in skip
    }


def methods() -> dict[str, Any]:
    """Those that are methods of Tensor, too."""
    return {n: globals()[n] for n in _METHODS if n in globals()}
