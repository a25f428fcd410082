"""Switches and questions about the process, as PyTorch spells them.  Some have nothing to switch here: results are
always the same for the same seed, float32 products are always computed in float32.

>>> import rustorch as rt
>>> rt.are_deterministic_algorithms_enabled(), rt.get_float32_matmul_precision()
(True, 'highest')
"""

from __future__ import annotations

from typing import Any

_precision = "highest"
_warn_only = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: everything is deterministic here, always."""
    global _warn_only
    _warn_only = warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """True: the same seed gives the same bits, for any number of threads."""
    return True


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What use_deterministic_algorithms was told."""
    return _warn_only


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """Accepted: "default" (0), "warn" (1) and "error" (2) mean the same here.  RuntimeError for others."""
    if not isinstance(debug_mode, (int, str)) or debug_mode not in (0, 1, 2, "default", "warn", "error"):
        raise RuntimeError(f"set_deterministic_debug_mode: {debug_mode!r} is none of 'default', 'warn', 'error'")


def get_deterministic_debug_mode() -> int:
    """2: everything is deterministic."""
    return 2


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers "highest", "high" or "medium"; float32 products keep float32's precision with each of them."""
    global _precision
    if not isinstance(precision, str) or precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"set_float32_matmul_precision: {precision!r} is none of 'highest', 'high', 'medium'"
        )
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What set_float32_matmul_precision was told."""
    return _precision


def set_flush_denormal(mode: bool) -> bool:
    """False: small numbers are never rounded to zero here."""
    return False


def get_num_interop_threads() -> int:
    """1: operations are run one after the other."""
    return 1


def set_num_interop_threads(num: int) -> None:
    """Accepted: operations are run one after the other."""
    if not isinstance(num, int) or num < 1:
        raise RuntimeError(f"set_num_interop_threads: needs a positive number, not {num}")


def set_warn_always(b: bool, /) -> None:
    """Accepted: Python's warnings filter decides."""


def is_warn_always_enabled() -> bool:
    """False."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """False: there is no C++ in here."""
    return False


def is_storage(obj: Any, /) -> bool:
    """Is obj the memory of a tensor, as Tensor.storage() gives it?"""
    from ._legacy import UntypedStorage

    return isinstance(obj, UntypedStorage)


def compile(model: Any = None, **options: Any) -> Any:
    """jit.script(model): calls are recorded once and replayed; there is no compiler.  Usable as a decorator; options
    are ignored."""
    if model is None:
        return lambda fn: compile(fn, **options)
    if not callable(model):
        raise TypeError(f"compile: needs a module or a function, not {type(model).__name__}")
    from .jit import script

    return script(model)
