"""Mixed precision under its older name: torch.cuda.amp.  There is no CUDA backend in this build, so that both classes
warn and do nothing; `rustorch.amp` has those for the CPU."""

from __future__ import annotations

import sys
from typing import Any

from ... import amp as _amp
from ...amp import custom_bwd as custom_bwd, custom_fwd as custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(_amp.autocast):
    """rustorch.amp.autocast("cuda", ...)."""

    def __init__(self, enabled: bool = True, dtype: Any = "float16", cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_amp.GradScaler):
    """rustorch.amp.GradScaler("cuda", ...)."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


# PyTorch has a module for each of them
sys.modules[f"{__name__}.autocast_mode"] = sys.modules[f"{__name__}.grad_scaler"] = sys.modules[__name__]
