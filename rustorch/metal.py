"""The Metal device: absent in this build.  Programs that ask first run.

>>> import rustorch as rt
>>> rt.metal.is_available(), rt.metal.device_count()
(False, 0)
"""

from __future__ import annotations

from typing import Any, NoReturn

from ._C import DeviceError
from ._device import device as device


def _absent(what: str) -> NoReturn:
    raise DeviceError(
        f"metal.{what}: this build has no Metal backend; ask metal.is_available() before, and leave tensors on the CPU"
    )


def is_available() -> bool:
    """False: there is no Metal backend in this build."""
    return False


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Nothing to give back."""


def manual_seed(seed: int) -> None:
    """Accepted: there is no device to seed."""


def matmul(x: Any, y: Any) -> Any:
    """Raises DeviceError: there is no Metal backend in this build; rustorch.matmul multiplies on the CPU."""
    _absent("matmul")


def synchronize() -> None:
    """Raises DeviceError: there is nothing to wait for."""
    _absent("synchronize")
