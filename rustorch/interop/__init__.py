"""Models and tensors to and from other libraries.

`from_pytorch` and `to_pytorch` convert models; `Program` is what a model with a forward of its own becomes, wherever
it came from; `from_torch`, `from_numpy` and `from_dlpack` share the memory of single tensors.

>>> from rustorch import interop
>>> import torch
>>> theirs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
>>> ours = interop.from_pytorch(theirs)
>>> ours
Sequential(
  (0): Linear(in_features=4, out_features=3, bias=True)
  (1): Tanh()
)
"""

from __future__ import annotations

from .. import from_torch
from .._C import from_dlpack, from_numpy
from .program import DescriptionError, Graph, Program, Ref, Step
from .pytorch import ConversionError, from_pytorch, to_pytorch

__all__ = [
    "ConversionError", "DescriptionError", "Graph", "Program", "Ref", "Step", "from_dlpack", "from_numpy",
    "from_pytorch", "from_torch", "to_pytorch",
]  # fmt: skip
