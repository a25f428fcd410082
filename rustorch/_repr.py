"""How a tensor prints: NumPy's shortening and alignment, PyTorch's wrapping, `4.0` for four."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_BARE_POINT = re.compile(r"(\d)\.( |(?=[,\]\)ej+-]|$))")
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
}
_options: dict[str, Any] = {}  # what set_printoptions was told; NumPy's print options for the rest


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from now on; what was never set prints as NumPy prints it.

    precision: digits after the point at most; threshold: elements that are printed before the middle is left out;
    edgeitems: how many are shown at each end then; linewidth: characters; sci_mode: exponents always (True), never
    (False) or where NumPy uses them; profile "default", "short" or "full" sets the first four as PyTorch has them.

    >>> import rustorch as rt
    >>> rt.set_printoptions(precision=2)
    >>> rt.tensor([1.23456, 10.0])
    tensor([ 1.23, 10.0 ])
    >>> rt.set_printoptions(precision=8)
    """
    if profile is not None:
        if not isinstance(profile, str) or profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile {profile!r} is none of 'default', 'short', 'full'")
        _options.update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {k: v for k, v in given.items() if v is not None}
    for name, value in given.items():
        kinds = (int, float) if name == "threshold" else int
        if not isinstance(value, kinds) or isinstance(value, bool) or not value >= 0:
            raise TypeError(f"set_printoptions: {name} must be a number that is not negative, not {value!r}")
        if name != "threshold" and value > (100 if name == "precision" else 2**31 - 1):
            raise ValueError(f"set_printoptions: {name} {value} is too large")
    _options.update(given)
    if sci_mode is not None:
        if not isinstance(sci_mode, bool):
            raise TypeError(f"set_printoptions: sci_mode must be True, False or None, not {sci_mode!r}")
        _options["sci_mode"] = sci_mode
    elif profile is not None:
        _options.pop("sci_mode", None)


def _settings(array: Any) -> dict[str, Any]:
    """array2string's arguments for set_printoptions' words."""
    chosen = {{"linewidth": "max_line_width"}.get(k, k): v for k, v in _options.items() if k != "sci_mode"}
    if chosen.get("threshold") == float("inf"):
        chosen["threshold"] = array.size + 1
    if array.dtype.kind == "f" and "sci_mode" in _options:
        digits = _options.get("precision", np.get_printoptions()["precision"])
        write = np.format_float_scientific if _options["sci_mode"] else np.format_float_positional
        chosen["formatter"] = {"float_kind": lambda v: write(v, precision=digits, trim="0")}
    return chosen


def body(array: Any, prefix: str = "tensor(", separator: str = ", ") -> str:
    """The elements as text, continuation lines indented by len(prefix)."""
    text = np.array2string(array, separator=separator, prefix=prefix, **_settings(array))
    return _BARE_POINT.sub(r"\1.0", text) if array.dtype.kind in "fcV" else text


def _single(array: Any) -> str:
    if not _options or array.dtype.kind not in "fc":
        return _BARE_POINT.sub(r"\1.0", str(array[()]))
    return _BARE_POINT.sub(r"\1.0", np.array2string(array, **_settings(array)))


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
        text = body(array) if array.ndim else _single(array)
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
