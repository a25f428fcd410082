"""The CUDA device: absent in this build."""

from __future__ import annotations

from typing import Any

from ._methods import device as device


def is_available() -> bool:
    """False: there is no CUDA backend in this build."""
    return False


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Nothing to give back."""


def matmul(x: Any, y: Any) -> Any:
    """Raises DeviceError: there is no CUDA backend in this build."""
    from .errors import DeviceError

    raise DeviceError("cuda.matmul: this build has no CUDA backend; use rustorch.matmul")
