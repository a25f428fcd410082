"""Settings of the process: number of threads, default dtype, instruction set; and what the library found here.

>>> import rustorch as rt
>>> with rt.config.context(num_threads=1, default_dtype=rt.float64):
...     rt.ones(2).dtype, rt.get_num_threads()
(dtype('float64'), 1)
>>> print(rt.config.show_config().splitlines()[0])
rustorch 0.1.0

The environment is described in docs/configuration.md: RUSTORCH_NUM_THREADS, RUSTORCH_LOG_LEVEL, RUSTORCH_ISA, ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import _C, _log
from ._device import check_cpu, get_default_device

__all__ = [
    "context", "enable_fast_math", "get", "is_fast_math_enabled", "is_simd_enabled", "set_debug_mode",
    "set_default_device", "set_default_dtype", "set_log_level", "set_num_threads", "set_simd_enabled",
    "set_thread_pool_size", "show_config",
]  # fmt: skip

_fast_math = False
_simd = True


def set_default_dtype(dtype: Any) -> None:
    """dtype of new floating tensors, and what integers become when they must float.

    Raises:
        TypeError: it is not a floating dtype.
    """
    _C.set_default_dtype(dtype)
    _log.debug("the default dtype is %s", _C.get_default_dtype())


def set_default_device(device: Any) -> None:
    """Where new tensors go.

    Raises:
        DeviceError: it is not "cpu": this build has no other.
    """
    check_cpu(device, "set_default_device")


def set_thread_pool_size(n: int) -> None:
    """How many threads loops may use, the calling one among them; the same as set_num_threads.

    Args:
        n: 1 to 256.  More than there are processors is allowed, and slower.

    Raises:
        TensorError: n is out of range.
    """
    _C.set_num_threads(n)
    _log.debug("%d threads", n)


set_num_threads = set_thread_pool_size


def enable_fast_math(enabled: bool = True) -> None:
    """Remembers the wish, which changes nothing: there is no faster and less exact arithmetic here to switch to.
    Elementary functions are right to one unit in the last place at full speed, and sums keep their order, so that the
    number of threads does not change a bit.

    Raises:
        TypeError: enabled is not a bool.
    """
    global _fast_math
    _fast_math = _flag("enable_fast_math", enabled)
    _log.debug("fast math is %s; nothing depends on it", "enabled" if enabled else "disabled")


def is_fast_math_enabled() -> bool:
    """What enable_fast_math was told."""
    return _fast_math


def set_simd_enabled(enabled: bool = True) -> None:
    """Lets loops use the widest vectors that the processor has (the default), or only those of the oldest supported
    one: x86-64-v2, vectors of 128 bits without fused multiply-add.  At once, for all threads; for comparing and for
    finding faults.  RUSTORCH_ISA chooses an instruction set from the start.

    Elementary functions may differ in the last place between instruction sets, and products of matrices in rounding:
    without wide vectors OpenBLAS, which has its own choice of instructions, computes them.  Where there is one build of
    the loops only (not x86-64) nothing changes.

    Raises:
        TypeError: enabled is not a bool.

    >>> import rustorch as rt
    >>> rt.set_simd_enabled(False)
    >>> rt.ones(3).exp().shape
    (3,)
    >>> rt.set_simd_enabled(True)
    """
    global _simd
    _simd = _flag("set_simd_enabled", enabled)
    _C._set_isa(None if enabled or _C.build_info()["isa"] == "portable" else "v2")
    _log.info("loops for %s", _C.build_info()["isa"])


def is_simd_enabled() -> bool:
    """What set_simd_enabled was told."""
    return _simd


def set_debug_mode(mode: bool = True) -> None:
    """Debug mode: ops that make NaN or infinity raise; see rustorch.debug.set_debug_mode."""
    from .debug import set_debug_mode as switch

    switch(mode)


def set_log_level(level: str) -> None:
    """From where on the logger "rustorch" speaks: trace, debug, info, warning, error, critical or off.

    Raises:
        ValueError: it is none of these.
    """
    _log.set_level(level)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: needs True or False, not {type(value).__name__}")
    return value


# ---- all of them ----


def _debug_mode() -> bool:
    from .debug import is_debug_mode_enabled

    return is_debug_mode_enabled()


_SETTINGS: dict[str, tuple[Any, Any]] = {
    "num_threads": (_C.get_num_threads, set_thread_pool_size),
    "default_dtype": (_C.get_default_dtype, set_default_dtype),
    "default_device": (get_default_device, set_default_device),
    "simd": (is_simd_enabled, set_simd_enabled),
    "fast_math": (is_fast_math_enabled, enable_fast_math),
    "debug_mode": (_debug_mode, set_debug_mode),
}


def get(name: str | None = None) -> Any:
    """All settings, {name: value}; or one of them.

    Raises:
        KeyError: there is no such setting.

    >>> import rustorch as rt
    >>> rt.config.get("default_dtype")
    dtype('float32')
    >>> sorted(rt.config.get())
    ['debug_mode', 'default_device', 'default_dtype', 'fast_math', 'num_threads', 'simd']
    """
    if name is None:
        return {key: read() for key, (read, _) in _SETTINGS.items()}
    if name not in _SETTINGS:
        raise KeyError(f"config.get: {name!r} is not a setting; there are {', '.join(_SETTINGS)}")
    return _SETTINGS[name][0]()


@contextmanager
def context(**settings: Any) -> Iterator[None]:
    """Settings for the length of a with block; they are the process's, so other threads see them, too.

    Args:
        settings: names of config.get(), with their values.

    Raises:
        TypeError: there is no such setting.
    """
    for name in settings:
        if name not in _SETTINGS:
            raise TypeError(f"config.context: {name!r} is not a setting; there are {', '.join(_SETTINGS)}")
    before = {name: get(name) for name in settings}
    try:
        for name, value in settings.items():
            _SETTINGS[name][1](value)
        yield
    finally:
        for name, value in before.items():
            _SETTINGS[name][1](value)


def show_config() -> str:
    """What this build is made of, what it found on this machine, and all settings: text for a bug report.

    >>> import rustorch as rt
    >>> "instruction set" in rt.config.show_config()
    True
    """
    from ._configuration import describe

    return describe()
