"""What lies beneath, as PyTorch names it: switches that programs set and questions that they ask.

>>> import rustorch as rt
>>> rt.backends.mps.is_available(), rt.backends.cudnn.is_available()
(False, False)
>>> rt.backends.cudnn.benchmark = True
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _Backend(ModuleType):
    """A library that is not used here: its switches are remembered and change nothing."""

    def __init__(self, name: str, available: bool = False, **switches: Any) -> None:
        super().__init__(f"{__name__}.{name}", f"Switches of {name}: remembered, without effect.")
        self._available = available
        self._switches = tuple(switches)
        self.__dict__.update(switches)
        sys.modules[self.__name__] = self

    def is_available(self) -> bool:
        """Does this build use the library?"""
        return self._available

    is_built = is_available

    def version(self) -> None:
        """None: there is no such library here."""
        return

    def is_acceptable(self, tensor: Any) -> bool:
        """Would the library be used for the tensor?"""
        return self._available

    @contextmanager
    def flags(self, **switches: Any) -> Any:
        """Sets switches within a with block."""
        for name in switches:
            if name not in self._switches:
                raise TypeError(f"{self.__name__}.flags: there is no switch {name!r}")
        before = {name: getattr(self, name) for name in switches}
        self.__dict__.update(switches)
        try:
            yield
        finally:
            self.__dict__.update(before)


cudnn = _Backend(
    "cudnn", enabled=False, benchmark=False, benchmark_limit=10, deterministic=True, allow_tf32=False,
    fp32_precision="ieee",
)  # fmt: skip
cuda = _Backend("cuda")
cuda.matmul = _Backend(  # type: ignore[attr-defined]
    "cuda.matmul", allow_tf32=False, allow_fp16_reduced_precision_reduction=False,
    allow_bf16_reduced_precision_reduction=False, fp32_precision="ieee",
)  # fmt: skip
mps = _Backend("mps")
mkl = _Backend("mkl")
mkldnn = _Backend("mkldnn", enabled=False, deterministic=True, allow_tf32=False)
openmp = _Backend("openmp")
quantized = _Backend("quantized", engine="none", supported_engines=["none"])
opt_einsum = _Backend("opt_einsum", enabled=False, strategy=None)


def _sdp_enabled(self: Any = None) -> bool:
    """Is this way of computing attention used?"""
    return False


for _name in ("flash", "mem_efficient", "cudnn"):
    setattr(cuda, f"{_name}_sdp_enabled", _sdp_enabled)
    setattr(cuda, f"enable_{_name}_sdp", lambda enabled: None)
cuda.math_sdp_enabled = lambda: True  # type: ignore[attr-defined]
cuda.enable_math_sdp = lambda enabled: None  # type: ignore[attr-defined]

fp32_precision = "ieee"

__all__ = ["cuda", "cudnn", "fp32_precision", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]
