"""The CUDA device: absent in this build.  Programs that ask first, or that only set things up for it, run.

>>> import rustorch as rt
>>> rt.cuda.is_available(), rt.cuda.device_count()
(False, 0)
>>> rt.cuda.manual_seed_all(3)
"""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

from .._C import DeviceError
from .._device import device as device
from .._environment import cuda_device


def _absent(what: str) -> NoReturn:
    number = cuda_device()  # DeviceError when RUSTORCH_CUDA_DEVICE is none
    raise DeviceError(
        f"cuda.{what}: this build has no CUDA backend (device {number} was meant); ask cuda.is_available() before, and"
        " leave tensors on the CPU"
    )


def is_available() -> bool:
    """False: there is no CUDA backend in this build."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Nothing to give back."""


def ipc_collect() -> None:
    """Nothing to give back."""


def manual_seed(seed: int) -> None:
    """Accepted: there are no devices to seed."""


def manual_seed_all(seed: int) -> None:
    """Accepted: there are no devices to seed."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing to reset."""


def matmul(x: Any, y: Any) -> Any:
    """Raises DeviceError: there is no CUDA backend in this build; rustorch.matmul multiplies on the CPU."""
    _absent("matmul")


def synchronize(device: Any = None) -> None:
    """Raises DeviceError: there is nothing to wait for."""
    _absent("synchronize")


def current_device() -> int:
    """Raises DeviceError: there is none."""
    _absent("current_device")


def set_device(device: Any) -> None:
    """Raises DeviceError: there is none."""
    _absent("set_device")


def get_device_name(device: Any = None) -> str:
    """Raises DeviceError: there is none."""
    _absent("get_device_name")


def get_device_properties(device: Any = None) -> Any:
    """Raises DeviceError: there is none."""
    _absent("get_device_properties")


def get_device_capability(device: Any = None) -> Any:
    """Raises DeviceError: there is none."""
    _absent("get_device_capability")


def Stream(*args: Any, **kwargs: Any) -> Any:
    """Raises DeviceError: there is no device to have streams."""
    _absent("Stream")


def Event(*args: Any, **kwargs: Any) -> Any:
    """Raises DeviceError: there is no device to have events."""
    _absent("Event")


def __getattr__(name: str) -> Any:
    """torch.cuda.amp is loaded when first asked for."""
    if name == "amp":
        return importlib.import_module(".amp", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
