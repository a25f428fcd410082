"""Devices: what tensors may be asked to live on.  This build has the CPU; others can be named, not used.

>>> import rustorch as rt
>>> rt.device("cuda:1").index, rt.device("cpu") == rt.ones(2).device
(1, True)
>>> with rt.device("cpu"):
...     x = rt.zeros(2)
"""

from __future__ import annotations

from typing import Any

from . import _C

_KINDS = ("cpu", "cuda", "metal", "mps", "xpu", "hpu", "mtia", "xla", "meta")


class device:
    """Where a tensor lives: device("cpu"), device("cuda:0"), device("cuda", 0); an int is a CUDA device's number.

    Making one does not need the hardware.  Equal to its name.  As a context manager (and decorator) new tensors go
    there: DeviceError unless it is the CPU.  DeviceError for names of no device."""

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __new__(cls, device: Any = "cpu", index: int | None = None) -> device:
        if isinstance(device, cls):
            return device
        if isinstance(device, int) and not isinstance(device, bool):
            device, index = "cuda", device
        elif not isinstance(device, str):
            raise TypeError(f"device: needs a name such as 'cpu' or a number, not {_kind(device)}")
        kind, _, number = device.partition(":")
        if kind not in _KINDS or (":" in device and not number.isdigit()):
            raise _C.DeviceError(f"device: {device!r} is not a device; use 'cpu' or 'cuda:<number>'")
        if number and index is not None:
            raise _C.DeviceError(f"device: {device!r} names its index already, and index={index} is given")
        self = object.__new__(cls)
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "index", int(number) if number else index)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"device: {name} cannot be changed")

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return str(other) == str(self) if isinstance(other, (str, device)) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> Any:
        return device, (str(self),)

    def __copy__(self) -> device:
        return self

    def __deepcopy__(self, memo: Any) -> device:
        return self

    def __enter__(self) -> device:
        check_cpu(self, "device")
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __call__(self, fn: Any) -> Any:
        check_cpu(self, "device")
        return fn


def _kind(value: Any) -> str:
    return type(value).__name__


CPU = device()


def check_cpu(where: Any, name: str = "to") -> None:
    """DeviceError, in the name of a function, unless `where` is the CPU."""
    if device(where).type != "cpu":
        raise _C.DeviceError(
            f"{name}: device {where} is not available in this build; only 'cpu' is: ask "
            "rustorch.cuda.is_available() or metal.is_available() before"
        )


def get_default_device() -> device:
    """Where new tensors go: the CPU."""
    return CPU


def set_default_device(device: Any) -> None:
    """Where new tensors go; DeviceError unless that is the CPU (None: as at the start)."""
    if device is not None:
        check_cpu(device, "set_default_device")
