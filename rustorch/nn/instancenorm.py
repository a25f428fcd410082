"""Instance normalisation: each channel of each sample by itself."""

from __future__ import annotations

import warnings
from typing import Any

from .._C import Tensor
from . import functional as F
from .batchnorm import _NormBase

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel of each sample (Ulyanov et al. 2016).

    Args:
        num_features: C, the number of channels.
        eps: added to the variance.
        momentum: how far running statistics move towards a batch's mean ones.
        affine: whether there are weight and bias (C); bias: whether there is a bias.
        track_running_stats: whether there are running statistics, used in evaluation mode.
    """

    _spatial = 0

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (self._spatial + 1, self._spatial + 2):
            raise ValueError(f"expected {self._spatial + 1}D or {self._spatial + 2}D input (got {input.ndim}D input)")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        alone = input.ndim == self._spatial + 1
        channels = input.shape[0 if alone else 1]
        if channels != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={0 if alone else 1} to match num_features"
                    f" ({self.num_features}), but got: {channels}."
                )
            warnings.warn(
                f"input's size at dim={0 if alone else 1} does not match num_features.  You can silence this warning"
                " by not passing in num_features, which is not used because affine=False",
                stacklevel=2,
            )
        result = F.instance_norm(
            input.unsqueeze(0) if alone else input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum or 0.0, self.eps,
        )  # fmt: skip
        return result.squeeze(0) if alone else result


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, L) or (C, L).

    {_InstanceNorm.__doc__}"""
    _spatial = 1


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, H, W) or (C, H, W).

    {_InstanceNorm.__doc__}"""
    _spatial = 2


class InstanceNorm3d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, D, H, W) or (C, D, H, W).

    {_InstanceNorm.__doc__}"""
    _spatial = 3
