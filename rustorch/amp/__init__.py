"""Mixed precision: autocast, which lets products run in 16 bits, and GradScaler, which keeps small gradients alive.

>>> import rustorch as rt
>>> layer, x = rt.nn.Linear(4, 2), rt.ones(3, 4)
>>> with rt.autocast("cpu", dtype=rt.bfloat16):
...     layer(x).dtype == rt.bfloat16
True
>>> layer.weight.dtype == layer(x).dtype == rt.float32
True
"""

from __future__ import annotations

from . import autocast_mode, grad_scaler
from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = [
    "GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler", "is_autocast_available",
]  # fmt: skip
