"""Dropout (Srivastava et al. 2014) and its kin: of elements, of channels, to SELU's limit."""

from __future__ import annotations

import math
import warnings

from .._C import Tensor, TensorError, bernoulli, full, ops

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

_dropout = ops["dropout"]
SELU_LIMIT = -1.7580993408473766  # what SELU tends to at minus infinity, -scale alpha


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zeroed with probability p, the others scaled by 1/(1-p); input itself when not training."""
    _check_probability(p)
    if not training or p == 0:
        return input
    return _dropout(input, p, out=input if inplace else None)


def _drop_channels(input: Tensor, kept: int, p: float, training: bool, inplace: bool) -> Tensor:
    """One draw for all that lies behind the first `kept` dimensions."""
    _check_probability(p)
    if not training or p == 0:
        return input
    shape = tuple(input.shape)
    mask = _dropout(full(shape[:kept] + (1,) * (len(shape) - kept), 1.0, dtype=input.dtype), p)
    return input.mul_(mask) if inplace else input * mask


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) zeroed with probability p."""
    if input.ndim not in (2, 3):
        raise TensorError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input.")
    return _drop_channels(input, input.ndim - 1, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W) zeroed with probability p; three dimensions are taken as (N, C, L), as
    PyTorch takes them."""
    if input.ndim not in (3, 4):
        warnings.warn(f"dropout2d: expects 3 or 4 dimensions, not {input.ndim}", stacklevel=2)
    if input.ndim < 2:
        raise TensorError("dropout2d: Feature dropout requires at least 2 dimensions in the input")
    return _drop_channels(input, 2, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) zeroed with probability p."""
    if input.ndim not in (4, 5):
        warnings.warn(f"dropout3d: expects 4 or 5 dimensions, not {input.ndim}", stacklevel=2)
    if input.ndim < 2:
        raise TensorError("dropout3d: Feature dropout requires at least 2 dimensions in the input")
    return _drop_channels(input, 1 if input.ndim == 4 else 2, p, training, inplace)


def _drop_to_limit(input: Tensor, p: float, shape: tuple[int, ...], inplace: bool) -> Tensor:
    if p == 1:
        return input.mul_(0.0) if inplace else input * 0.0
    scale = 1 / math.sqrt((SELU_LIMIT * SELU_LIMIT * p + 1) * (1 - p))
    keep = bernoulli(full(shape, 1.0 - p, dtype=input.dtype))
    shift = (1 - keep) * (SELU_LIMIT * scale) - SELU_LIMIT * scale * p
    return input.mul_(keep * scale).add_(shift) if inplace else input * (keep * scale) + shift


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean and variance of SELU networks (Klambauer et al. 2017)."""
    _check_probability(p)
    return _drop_to_limit(input, p, tuple(input.shape), inplace) if training and p > 0 else input


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout of whole channels (dimension 1)."""
    _check_probability(p)
    if not training or p == 0:
        return input
    if input.ndim < 2:
        raise TensorError("feature_alpha_dropout: needs at least 2 dimensions (N, C, ...)")
    return _drop_to_limit(input, p, tuple(input.shape)[:2] + (1,) * (input.ndim - 2), inplace)
