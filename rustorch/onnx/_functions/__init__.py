"""The operators of ONNX as functions on tensors: what the steps of an imported model call.

`FUNCTIONS` has the newest form of an operator under its name and older ones under `<name>_<first version>`.

>>> import rustorch as rt
>>> FUNCTIONS["Concat"](rt.tensor([1.0]), rt.tensor([2.0]), axis=0)
tensor([1.0, 2.0])
"""

from . import attention, elementwise, indexing, layers, recurrent, reductions, resizing, shapes  # noqa: F401
from .registry import DTYPES, FUNCTIONS, dtype_of, find, unknown

__all__ = ["DTYPES", "FUNCTIONS", "dtype_of", "find", "unknown"]
