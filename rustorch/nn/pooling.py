"""Pooling layers: of windows, of windows fitted to an output size, of random windows, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._C import Tensor
from . import functional as F
from ._sizes import tupled
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip


class _MaxPoolNd(Module):
    _function: Callable[..., Any]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return type(self)._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding},"
            f" dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest element of each window of (N, C, L) or (C, L).

    Args:
        kernel_size, stride (kernel_size by default), padding (by minus infinity), dilation: numbers, or one for
            each dimension.
        return_indices: also gives where the elements stood, for MaxUnpool.
        ceil_mode: windows that begin inside but end outside count.
    """

    _function = staticmethod(lambda *a, **k: F.max_pool1d(*a, **k))


class MaxPool2d(_MaxPoolNd):
    """The largest element of each window of (N, C, H, W) or (C, H, W); arguments as MaxPool1d's."""

    _function = staticmethod(lambda *a, **k: F.max_pool2d(*a, **k))


class MaxPool3d(_MaxPoolNd):
    """The largest element of each window of (N, C, D, H, W) or (C, D, H, W); arguments as MaxPool1d's."""

    _function = staticmethod(lambda *a, **k: F.max_pool3d(*a, **k))


class _MaxUnpoolNd(Module):
    spatial: int
    _function: Callable[..., Tensor]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = tupled(kernel_size, self.spatial)
        self.stride = self.kernel_size if stride is None else tupled(stride, self.spatial)
        self.padding = tupled(padding, self.spatial)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return type(self)._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts what MaxPool1d found back to where it stood, zeros elsewhere: forward(input, indices, output_size)."""

    spatial = 1
    _function = staticmethod(lambda *a: F.max_unpool1d(*a))


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts what MaxPool2d found back to where it stood, zeros elsewhere: forward(input, indices, output_size)."""

    spatial = 2
    _function = staticmethod(lambda *a: F.max_unpool2d(*a))


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts what MaxPool3d found back to where it stood, zeros elsewhere: forward(input, indices, output_size)."""

    spatial = 3
    _function = staticmethod(lambda *a: F.max_unpool3d(*a))


class AvgPool1d(Module):
    """The mean of each window of (N, C, L) or (C, L).

    Args:
        kernel_size, stride (kernel_size by default), padding (by zeros): numbers.
        ceil_mode: windows that begin inside but end outside count; count_include_pad: the padding counts in the mean.
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = tupled(kernel_size, 1)
        self.stride = tupled(kernel_size if stride is None else stride, 1)
        self.padding = tupled(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    _function: Callable[..., Tensor]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return type(self)._function(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of (N, C, H, W) or (C, H, W); arguments as AvgPool1d's.

    divisor_override: what the sums are divided by instead of the window's size.
    """

    _function = staticmethod(lambda *a: F.avg_pool2d(*a))


class AvgPool3d(_AvgPoolNd):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W); arguments as AvgPool2d's."""

    _function = staticmethod(lambda *a: F.avg_pool3d(*a))


class _FractionalMaxPoolNd(Module):
    spatial: int
    _function: Callable[..., Any]

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        name, n = type(self).__name__, self.spatial
        self.kernel_size = tupled(kernel_size, n)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else tupled(output_size, n)
        self.output_ratio = None if output_ratio is None else tupled(output_ratio, n)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError(f"only one of output_size and output_ratio may be specified for {name}")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        samples: Any = self._random_samples
        if samples is not None and input.ndim == self.spatial + 1:
            samples = samples.narrow(0, 0, 1)  # a lone sample takes the first numbers
        return type(self)._function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=samples,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest elements of windows at random steps (Graham 2014), over (N, C, H, W) or (C, H, W).

    Args:
        kernel_size: the window; output_size: of the result, or output_ratio: its share of the input's size.
        return_indices: also gives where the elements stood.
    """

    spatial = 2
    _function = staticmethod(lambda *a, **k: F.fractional_max_pool2d(*a, **k))


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest elements of windows at random steps, over three dimensions; arguments as FractionalMaxPool2d's."""

    spatial = 3
    _function = staticmethod(lambda *a, **k: F.fractional_max_pool3d(*a, **k))


class _LPPoolNd(Module):
    _function: Callable[..., Tensor]

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return type(self)._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride},"
            f" ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, L) or (C, L)."""

    _function = staticmethod(lambda *a: F.lp_pool1d(*a))


class LPPool2d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, H, W) or (C, H, W)."""

    _function = staticmethod(lambda *a: F.lp_pool2d(*a))


class LPPool3d(_LPPoolNd):
    """The norm of order norm_type of each window of (N, C, D, H, W) or (C, D, H, W)."""

    _function = staticmethod(lambda *a: F.lp_pool3d(*a))


class _AdaptivePoolNd(Module):
    _function: Callable[..., Any]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return type(self)._function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(_AdaptivePoolNd):
    pass


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of windows that are fitted to output_size, a number, of (N, C, L) or (C, L)."""

    _function = staticmethod(lambda *a: F.adaptive_avg_pool1d(*a))


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows that are fitted to output_size, a number or (H, W); None keeps a dimension's length."""

    _function = staticmethod(lambda *a: F.adaptive_avg_pool2d(*a))


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows that are fitted to output_size, a number or (D, H, W); None keeps a dimension's length."""

    _function = staticmethod(lambda *a: F.adaptive_avg_pool3d(*a))


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return type(self)._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that are fitted to output_size, and on demand where they stood."""

    _function = staticmethod(lambda *a: F.adaptive_max_pool1d(*a))


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """AdaptiveMaxPool1d over two dimensions; None in output_size keeps a dimension's length."""

    _function = staticmethod(lambda *a: F.adaptive_max_pool2d(*a))


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """AdaptiveMaxPool1d over three dimensions; None in output_size keeps a dimension's length."""

    _function = staticmethod(lambda *a: F.adaptive_max_pool3d(*a))
