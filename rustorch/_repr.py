"""How a tensor prints: NumPy's shortening and alignment, PyTorch's wrapping, `4.0` for four."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_BARE_POINT = re.compile(r"(\d)\.( |(?=[,\]\)ej+-]|$))")


def body(array: Any, prefix: str = "tensor(", separator: str = ", ") -> str:
    """The elements as text, continuation lines indented by len(prefix)."""
    text = np.array2string(array, separator=separator, prefix=prefix)
    return _BARE_POINT.sub(r"\1.0", text) if array.dtype.kind in "fcV" else text


def tensor_repr(t: Any) -> str:
    from . import _C

    array = t.detach()
    bfloat = str(t.dtype) == "bfloat16"
    array = array.to("float32").numpy() if bfloat else array.numpy()
    parts = []
    if array.size == 0 and array.ndim != 1:
        text = "[]"
        parts.append(f"size={tuple(t.shape)}")
    else:
        text = body(array) if array.ndim else _BARE_POINT.sub(r"\1.0", str(array[()]))
    default = {_C.get_default_dtype(), np.dtype("int64"), np.dtype("bool"), np.dtype("complex64")}
    if t.dtype not in default or (array.size == 0 and t.dtype != _C.get_default_dtype()):
        parts.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        parts.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        parts.append("requires_grad=True")
    name = "tensor"
    if type(t) is not _C.Tensor and type(t).__name__ == "Parameter":
        return "Parameter containing:\n" + ", ".join([f"tensor({text}", *parts]) + ")"
    return ", ".join([f"{name}({text}", *parts]) + ")"
