"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

import sys

from .. import _methods
from . import checkpoint, data, dlpack
from ._models import load_checkpoint, load_model, save_checkpoint, save_model

# PyTorch's module of RemovableHandle
hooks = sys.modules[f"{__name__}.hooks"] = _methods

__all__ = [
    "checkpoint", "data", "dlpack", "hooks", "load_checkpoint", "load_model", "save_checkpoint", "save_model",
]  # fmt: skip
