"""What a picture is made of, as ndarrays: Tensors with or without history, arrays, lists, other libraries' tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._C import Tensor

Array = NDArray[Any]


def array(value: Any, function: str, name: str) -> Array:
    """The value as an ndarray of numbers, nothing recorded.  TypeError, which names the function and its argument,
    for what holds no numbers."""
    if isinstance(value, Tensor):
        plain = value.detach()
        return np.asarray((plain.to("float32") if str(plain.dtype) == "bfloat16" else plain).numpy())
    if isinstance(value, (list, tuple)) and any(not isinstance(v, (int, float)) for v in value):
        parts = [array(v, function, name) for v in value]
        try:
            return np.stack(parts) if parts else np.empty(0)
        except ValueError:
            shapes = ", ".join(sorted({str(p.shape) for p in parts}))
            raise ValueError(f"{function}: the parts of {name} have different shapes: {shapes}") from None
    if hasattr(value, "detach") and hasattr(value, "numpy"):  # PyTorch's
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype).endswith("bfloat16") else value).numpy()
    elif hasattr(value, "toarray"):  # sparse
        value = value.toarray()
    found = np.asarray(value)
    if found.dtype.kind not in "biufc":
        if found.dtype.kind == "V" and found.dtype.names is None and "float" in found.dtype.name:
            return found.astype(np.float64)  # bfloat16 and its kin
        raise TypeError(f"{function}: {name} must be a tensor, an array or a list of numbers, not {_kind(value)}")
    return found


def vector(value: Any, function: str, name: str) -> Array:
    """The value as a vector of float64; a single number is a vector of one.  ValueError for more dimensions."""
    found = real(array(value, function, name))
    if found.ndim > 1 and max(found.shape) != found.size:
        raise ValueError(f"{function}: {name} must have one dimension, not the shape {found.shape}")
    return found.reshape(-1).astype(np.float64)


def real(found: Array) -> Array:
    """Complex numbers as their absolute values."""
    return np.abs(found) if found.dtype.kind == "c" else found


def _kind(value: Any) -> str:
    return type(value).__name__


def size_text(shape: Any) -> str:
    """A shape as a person writes it: 3 × 224 × 224."""
    return " × ".join(map(str, shape)) or "scalar"  # noqa: RUF001


def count_text(count: int) -> str:
    """1,234 in full up to a million; then 11.7 M."""
    for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M")):
        if count >= unit:
            return f"{count / unit:.1f} {letter}"
    return f"{count:,}"
