"""How each row of the op table is written as ONNX nodes."""

from . import elementwise, indexing, layers, reductions, shapes  # noqa: F401
from .layers import resamples
from .registry import RULES, Arguments

__all__ = ["RULES", "Arguments", "resamples"]
