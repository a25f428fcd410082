"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

import importlib
import sys
from typing import Any as _Any

from .. import _methods
from . import checkpoint, data, dlpack
from ._models import load_checkpoint, load_model, save_checkpoint, save_model

# PyTorch's module of RemovableHandle
hooks = sys.modules[f"{__name__}.hooks"] = _methods

_ELSEWHERE = {"Profiler": "utils.profiling", "train_step": "training"}  # names -> the module of rustorch that has them

__all__ = [
    "Profiler", "checkpoint", "data", "dlpack", "hooks", "load_checkpoint", "load_model", "save_checkpoint",
    "save_model", "train_step",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    """Profiler and train_step are loaded when first asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"rustorch.{_ELSEWHERE[name]}"), name)
