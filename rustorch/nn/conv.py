"""Convolution layers of one, two and three dimensions, and transposed ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .._C import Tensor
from . import functional as F, init
from ._building import empty
from ._sizes import tupled
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    spatial: int
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def _set(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        Module.__init__(self)
        n = self.spatial
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in MODES:
            raise ValueError(f"padding_mode must be one of {set(MODES)}, but got padding_mode='{padding_mode}'")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = tupled(kernel_size, n)
        self.stride = tupled(stride, n)
        self.padding = padding if isinstance(padding, str) else tupled(padding, n)
        self.dilation = tupled(dilation, n)
        self.output_padding = tupled(output_padding, n)
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._frame()
        into, out = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (into, out // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_channels, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _frame(self) -> list[int]:
        """What F.pad needs before a convolution without padding: (before, after) from the last dimension on."""
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string '{self.padding}', should be one of 'valid', 'same'")
            if self.padding == "valid":
                return [0] * (2 * self.spatial)
            if any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [part for t in reversed(total) for part in (t // 2, t - t // 2)]
        return [p for p in reversed(self.padding) for _ in range(2)]

    def reset_parameters(self) -> None:
        """Draws weight and bias anew, uniformly within 1/sqrt(fan_in)."""
        if self.weight.numel() == 0:
            return
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan = math.prod(tuple(self.weight.shape)[1:])
            if fan:
                init.uniform_(self.bias, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.spatial:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.spatial:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self.spatial:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Convolution(_ConvNd):
    _function: Callable[..., Tensor]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, device,
            dtype,
        )  # fmt: skip

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
            padding = 0
        return type(self)._function(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Convolution):
    """Convolution of (N, C, L) or (C, L).

    Args:
        in_channels, out_channels: both divisible by groups.
        kernel_size, stride, dilation: numbers, or one for each dimension.
        padding: the same, or "valid" (none) or "same" (the length is kept; stride 1 only).
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Attributes: weight (out_channels, in_channels / groups, *kernel_size) and bias (out_channels), drawn uniformly
    within 1/sqrt(fan_in), as in PyTorch.
    """

    spatial = 1
    _function = staticmethod(lambda *a: F.conv1d(*a))


class Conv2d(_Convolution):
    """Convolution of (N, C, H, W) or (C, H, W); arguments as Conv1d's.

    >>> import rustorch as rt
    >>> rt.nn.Conv2d(3, 8, 3, padding=1)
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    spatial = 2
    _function = staticmethod(lambda *a: F.conv2d(*a))


class Conv3d(_Convolution):
    """Convolution of (N, C, D, H, W) or (C, D, H, W); arguments as Conv1d's."""

    spatial = 3
    _function = staticmethod(lambda *a: F.conv3d(*a))


class _ConvTransposeNd(_ConvNd):
    transposed = True
    _function: Callable[..., Tensor]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._set(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """What has to be added at the end for this size of the output."""
        n = self.spatial
        sizes = tuple(output_size)
        if len(sizes) == n + 2 or (len(sizes) == n + 1 and input.ndim == n + 1):
            sizes = sizes[-n:]
        if len(sizes) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.ndim}D input, output_size must have {n} or {input.ndim} elements"
                f" (got {len(sizes)})"
            )
        extra = []
        for d, (size, length) in enumerate(zip(sizes, tuple(input.shape)[-n:], strict=True)):
            least = (
                (length - 1) * self.stride[d] - 2 * self.padding[d] + self.dilation[d] * (self.kernel_size[d] - 1) + 1
            )
            if not least <= size < least + self.stride[d]:
                raise ValueError(
                    f"requested an output size of {list(sizes)}, but dimension {d} can only be from {least} to"
                    f" {least + self.stride[d] - 1} (for an input of {list(input.shape)[-n:]})"
                )
            extra.append(size - least)
        return tuple(extra)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        return type(self)._function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, C, L) or (C, L): the gradient of Conv1d, as a layer.

    Arguments as Conv1d's; output_padding: added at the end of each dimension of the result, which
    forward(input, output_size) works out.  weight has shape (in_channels, out_channels / groups, *kernel_size).
    """

    spatial = 1
    _function = staticmethod(lambda *a: F.conv_transpose1d(*a))


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of (N, C, H, W) or (C, H, W); arguments as ConvTranspose1d's."""

    spatial = 2
    _function = staticmethod(lambda *a: F.conv_transpose2d(*a))


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, C, D, H, W) or (C, D, H, W); arguments as ConvTranspose1d's."""

    spatial = 3
    _function = staticmethod(lambda *a: F.conv_transpose3d(*a))
