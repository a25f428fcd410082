"""Linear layers."""

from __future__ import annotations

import math
from typing import Any

from .._C import Tensor, ops
from . import functional as F, init
from ._building import empty
from .module import Module
from .parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear", "NonDynamicallyQuantizableLinear"]

_linear = ops["linear"]


class Identity(Module):
    """Hands its input through; takes any arguments and ignores them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x W' + b.

    Args:
        in_features, out_features: lengths of the last dimension of x and y
            (input_size and output_size are taken as well).
        bias: whether there is a b.

    Attributes: weight (out_features, in_features) and bias (out_features), both drawn uniformly
    within 1/sqrt(in_features), as in PyTorch.

    >>> import rustorch as rt
    >>> layer = rt.nn.Linear(20, 30)
    >>> layer(rt.randn(128, 20)).shape
    (128, 30)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int | None = None, out_features: int | None = None, bias: bool = True,
        device: Any = None,
        dtype: Any = None, *, input_size: int | None = None, output_size: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        in_features = input_size if in_features is None else in_features
        out_features = output_size if out_features is None else out_features
        if in_features is None or out_features is None:
            raise TypeError("Linear: in_features and out_features (or input_size and output_size) are needed")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty((out_features, in_features), dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return _linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """Linear under the name that MultiheadAttention's last map has in PyTorch, where tools of quantisation
    must pass it over."""


class Bilinear(Module):
    """y[k] = x1' W[k] x2 + b[k]."""

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty((out_features, in1_features, in2_features), dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features},"
            f" out_features={self.out_features}, bias={self.bias is not None}"
        )
