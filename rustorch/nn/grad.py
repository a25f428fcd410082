"""The gradients of convolutions as functions: by the input, whose size must be told, and by the weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._C import Tensor, zeros
from . import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _gradient(
    conv: Callable[..., Tensor], given: Tensor, size: Sequence[int], by_input: bool, g: Tensor, *how: Any
) -> Tensor:
    """A convolution is linear in each operand: its gradient does not depend on where it is taken."""
    from ..autograd import enable_grad, grad

    with enable_grad():
        free = zeros(tuple(size), dtype=given.dtype, device=given.device).requires_grad_()
        x, weight = (free, given) if by_input else (given, free)
        out = conv(x, weight, None, *how)
        found: Tensor = grad((out,), (free,), (g,), create_graph=given.requires_grad or g.requires_grad)[0]
    return found


def conv1d_input(
    input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv1d by an input of shape input_size, given the gradient by its result."""
    return _gradient(F.conv1d, weight, input_size, True, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv1d by a weight of shape weight_size, given the gradient by its result."""
    return _gradient(F.conv1d, input, weight_size, False, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d by an input of shape input_size, given the gradient by its result."""
    return _gradient(F.conv2d, weight, input_size, True, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d by a weight of shape weight_size, given the gradient by its result."""
    return _gradient(F.conv2d, input, weight_size, False, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv3d by an input of shape input_size, given the gradient by its result."""
    return _gradient(F.conv3d, weight, input_size, True, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of conv3d by a weight of shape weight_size, given the gradient by its result."""
    return _gradient(F.conv3d, input, weight_size, False, grad_output, stride, padding, dilation, groups)
