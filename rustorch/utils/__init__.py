"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

import sys
from typing import Any as _Any

from .. import _methods
from . import checkpoint, data, dlpack
from ._models import load_checkpoint, load_model, save_checkpoint, save_model

# PyTorch's module of RemovableHandle
hooks = sys.modules[f"{__name__}.hooks"] = _methods

__all__ = [
    "Profiler", "checkpoint", "data", "dlpack", "hooks", "load_checkpoint", "load_model", "save_checkpoint",
    "save_model",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    """Profiler is loaded when first asked for."""
    if name != "Profiler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .profiling import Profiler

    return Profiler
