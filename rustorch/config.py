"""Settings of the process."""

from __future__ import annotations

from typing import Any

from . import _C
from ._device import check_cpu


def set_default_dtype(dtype: Any) -> None:
    """dtype of new floating tensors, and what integers become when they must float."""
    _C.set_default_dtype(dtype)


def set_default_device(device: Any) -> None:
    """Where new tensors go; only "cpu" in this build, else DeviceError."""
    check_cpu(device, "set_default_device")


def set_thread_pool_size(n: int) -> None:
    """How many threads loops may use, 1 to 256."""
    _C.set_num_threads(n)


def show_config() -> str:
    """What this build is made of and what it found, as text."""
    info = _C.build_info()
    memory = _C.memory_stats()
    lines = [
        f"instruction set        {info['isa']}",
        f"elementary functions   {info['math']}",
        f"matrix products        {info['blas']}",
        f"threads                {_C.get_num_threads()} of {_C.available_threads()} available",
        f"default dtype          {_C.get_default_dtype()}",
        f"memory cache           {memory['cached_bytes']} bytes waiting, at most {memory['limit_bytes']}",
    ]
    return "\n".join(lines)
