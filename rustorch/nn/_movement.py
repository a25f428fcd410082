"""Changing dtype and device of all that a Module holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .._C import DeviceError, Tensor, dtype, empty_like
from .._layout import memory_format
from .._modes import no_grad
from .parameter import Buffer

if TYPE_CHECKING:
    from .module import Module

S = TypeVar("S", bound="Movement")


def _is_device(value: Any) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0] in ("cpu", "cuda", "metal", "mps")
    return hasattr(value, "type") and hasattr(value, "index")


def _is_dtype(name: str) -> bool:
    try:
        dtype(name)
    except TypeError:
        return False
    return True


class Movement:
    """`to` and its short forms; part of Module."""

    def _apply(self: S, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> S:
        """Puts fn(t) in the place of every parameter, gradient and buffer; parameters keep their identity."""
        module: Module = self  # type: ignore[assignment]
        if recurse:
            for child in module.children():
                child._apply(fn)
        with no_grad():
            for parameter in module._parameters.values():
                if parameter is None:
                    continue
                grad = parameter.grad
                parameter.grad = None
                parameter.data = fn(parameter.data)
                if grad is not None:
                    parameter.grad = fn(grad)
            for name, buffer in module._buffers.items():
                if isinstance(buffer, Buffer):
                    buffer.data = fn(buffer.data)
                elif buffer is not None:
                    module.__dict__[name] = fn(buffer)
        return self

    def to(self: S, *args: Any, **kwargs: Any) -> S:
        """to(device), to(dtype), to(device, dtype), to(tensor): floating parameters and buffers follow.

        memory_format: how parameters and buffers of four and five dimensions shall lie in memory."""
        device, wanted = kwargs.pop("device", None), kwargs.pop("dtype", None)
        kwargs.pop("non_blocking", None)
        layout = kwargs.pop("memory_format", None)
        if layout is not None and not isinstance(layout, memory_format):
            raise TypeError(f"to: argument 'memory_format' must be a memory format, not {layout!r}")
        if kwargs:
            raise TypeError(f"to() got an unexpected keyword argument {next(iter(kwargs))!r}")
        for value in args:
            if isinstance(value, Tensor):
                wanted = value.dtype
            elif _is_device(value):
                device = value
            elif isinstance(value, str) and not _is_dtype(value):
                raise DeviceError(f"to: {value!r} is neither a device, as 'cpu' or 'cuda:0', nor a dtype")
            elif value is not None and not isinstance(value, bool):
                wanted = value
        if wanted is not None:
            wanted = dtype(wanted)
            if wanted.kind not in "fcV":
                raise TypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired"
                    f" dtype={wanted}"
                )

        def move(tensor: Tensor) -> Tensor:
            if device is not None:
                tensor = tensor.to(device)
            if wanted is not None and (tensor.is_floating_point() or tensor.is_complex()):
                tensor = tensor.to(wanted)
            return tensor.to(memory_format=layout) if layout is not None and tensor.ndim in (4, 5) else tensor

        return self._apply(move)

    def to_empty(self: S, *, device: Any, recurse: bool = True) -> S:
        """Parameters and buffers on a device, with memory of their own and undefined values."""
        return self._apply(lambda t: empty_like(t).to(device) if device is not None else empty_like(t), recurse)

    def type(self: S, dst_type: Any) -> S:
        """All parameters and buffers in a dtype."""
        return self._apply(lambda t: t.to(dtype(dst_type)))

    def float(self: S) -> S:
        """Floating parameters and buffers as float32."""
        return self._apply(lambda t: t.to(dtype("float32")) if t.is_floating_point() else t)

    def double(self: S) -> S:
        """Floating parameters and buffers as float64."""
        return self._apply(lambda t: t.to(dtype("float64")) if t.is_floating_point() else t)

    def half(self: S) -> S:
        """Floating parameters and buffers as float16."""
        return self._apply(lambda t: t.to(dtype("float16")) if t.is_floating_point() else t)

    def bfloat16(self: S) -> S:
        """Floating parameters and buffers as bfloat16."""
        return self._apply(lambda t: t.to(dtype("bfloat16")) if t.is_floating_point() else t)

    def cpu(self: S) -> S:
        """All parameters and buffers in main memory."""
        return self._apply(lambda t: t.cpu())

    def cuda(self: S, device: Any = None) -> S:
        """All parameters and buffers on a CUDA device."""
        place = "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device
        return self._apply(lambda t: t.to(place))
