"""autocast: while it is on, products (linear, matmul, convolutions, attention) are computed from 16-bit copies of
their float32 operands, losses and linear algebra in float32, and everything else in the dtype it gets: the lists are
those PyTorch has for the CPU."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .. import _C

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_DEVICES = ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "xla")


def is_autocast_available(device_type: str) -> bool:
    """Is there autocast for a kind of device: for "cpu"."""
    return device_type == "cpu"


class autocast:
    """A context manager and decorator within which products are computed in a 16-bit dtype.

    device_type: "cpu"; for others there is a warning, and nothing changes.  dtype: bfloat16 (None) or float16.
    enabled: False switches autocast off within the block.  RuntimeError for an unknown device_type or dtype.
    """

    def __init__(
        self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: device_type must be a str such as 'cpu', not {type(device_type).__name__}")
        self.device = device_type.partition(":")[0]
        if self.device not in _DEVICES:
            raise RuntimeError(f"autocast: {device_type!r} is not a kind of device; use 'cpu'")
        if enabled and self.device != "cpu":
            warnings.warn(f"autocast: device {self.device} is not available in this build; disabled", stacklevel=2)
        chosen = None if dtype is None else _C.dtype(dtype)
        if enabled and chosen is not None and str(chosen) not in ("bfloat16", "float16"):
            warnings.warn(f"autocast: the dtype must be bfloat16 or float16, not {chosen}; disabled", stacklevel=2)
            enabled, chosen = False, None
        self.fast_dtype = get_autocast_dtype() if chosen is None else chosen
        self._enabled = enabled
        self._before: list[Any] = []

    def __enter__(self) -> autocast:
        if self.device == "cpu":
            self._before.append(_C._set_autocast(self._enabled, self.fast_dtype))
        return self

    def __exit__(self, *exc: object) -> None:
        if self.device == "cpu":
            _C._set_autocast(*self._before.pop())

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return wrapped


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Is autocast on, in this thread?"""
    return device_type == "cpu" and bool(_C._autocast()[0])


def get_autocast_dtype(device_type: str = "cpu") -> Any:
    """The 16-bit dtype autocast uses."""
    return _C._autocast()[1]


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switches autocast on or off; set_autocast_enabled("cpu", True), or the flag alone."""
    if enabled is None:
        device_type, enabled = "cpu", device_type
    if device_type == "cpu":
        _C._set_autocast(enabled, None)


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Chooses the 16-bit dtype that autocast uses."""
    if device_type == "cpu":
        _C._set_autocast(_C._autocast()[0], dtype)


def clear_autocast_cache() -> None:
    """Nothing to forget: casts are not kept."""


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str = "cpu", cast_inputs: Any = None
) -> Callable[..., Any]:
    """Decorates the forward of an autograd.Function: with cast_inputs its floating Tensors are converted to that
    dtype and autocast is off within; custom_bwd then does in backward as was done here."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = is_autocast_enabled(device_type)
        if cast_inputs is None or not ctx._fwd_used_autocast:
            return fwd(ctx, *args, **kwargs)
        ctx._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(ctx, *(_converted(a, cast_inputs) for a in args),
                       **{k: _converted(v, cast_inputs) for k, v in kwargs.items()})  # fmt: skip

    return decorated


def _converted(value: Any, dtype: Any) -> Any:
    if not isinstance(value, _C.Tensor) or not value.is_floating_point() or str(value.dtype) == "float64":
        return value
    return value.to(dtype)


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str = "cpu") -> Callable[..., Any]:
    """Decorates the backward of an autograd.Function whose forward has custom_fwd: autocast is on there if it was."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(ctx, *args, **kwargs)

    return decorated
