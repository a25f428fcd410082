"""nn.functional's elementwise activations: rows of the op table with PyTorch's arguments."""

from __future__ import annotations

from typing import Any

from .._C import DtypeError, Tensor, _overload, ops


def _activation(name: str, row_name: str | None = None) -> Any:
    """The row's function with PyTorch's `inplace`."""
    row, row_ = ops[row_name or name], ops.get((row_name or name) + "_")

    def function(input: Tensor, inplace: bool = False) -> Tensor:
        return row_(input) if inplace and row_ else row(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = row.__doc__
    return _overload(row, function)


relu = _activation("relu")
relu6 = _activation("relu6")
selu = _activation("selu")
silu = _activation("silu")
mish = _activation("mish")
hardswish = _activation("hardswish")
hardsigmoid = _activation("hardsigmoid")
sigmoid = ops["sigmoid"]
tanh = ops["tanh"]
logsigmoid = ops["log_sigmoid"]
tanhshrink = ops["tanhshrink"]
hardshrink = ops["hardshrink"]
softplus = ops["softplus"]
relu_ = ops["relu_"]
selu_ = ops["selu_"]


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|); of complex numbers too."""
    return input / (1 + ops["abs"](input)) if input.is_complex() else ops["softsign"](input)


def softshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """input moved towards 0 by lambd, which must not be negative."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}")
    return ops["softshrink"](input, lambd, out=out)


def gelu(input: Tensor, approximate: str = "none", *, out: Tensor | None = None) -> Tensor:
    """x times the normal distribution function of x, or its tanh form (Hendrycks & Gimpel 2016)."""
    if approximate == "none":
        return ops["gelu"](input, out=out)
    if approximate == "tanh":
        return ops["gelu_tanh"](input, out=out)
    raise RuntimeError(f"gelu: approximate argument must be either none or tanh, not {approximate!r}")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else negative_slope x."""
    return ops["leaky_relu"](input, negative_slope, out=input if inplace else None)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu in place."""
    return leaky_relu(input, negative_slope, True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else alpha (exp(x) - 1)."""
    return ops["elu"](input, alpha, out=input if inplace else None)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """elu in place."""
    return elu(input, alpha, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else alpha (exp(x / alpha) - 1); alpha must not be 0."""
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return ops["celu"](input, alpha, out=input if inplace else None)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """celu in place."""
    return celu(input, alpha, True)


def _whole(name: str, input: Tensor, *numbers: float) -> tuple[float, ...]:
    """Numbers as integers for an integer tensor, so that its dtype stays."""
    if input.dtype.kind == "b":
        raise DtypeError(f"{name}: not defined for dtype bool")
    if input.dtype.kind == "u" and min(numbers) < 0:
        raise RuntimeError(f"{name}: negative limits {numbers} for a tensor of unsigned integers")
    return tuple(int(n) for n in numbers) if input.dtype.kind in "iu" else numbers


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x kept within min_val and max_val; integers stay integers."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return ops["hardtanh"](input, *_whole("hardtanh", input, min_val, max_val), out=input if inplace else None)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """hardtanh in place."""
    return hardtanh(input, min_val, max_val, True)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above threshold, else value; integers stay integers."""
    return ops["threshold"](input, *_whole("threshold", input, threshold, value), out=input if inplace else None)


def _threshold_in_place(input: Tensor, threshold: float, value: float) -> Tensor:
    """threshold in place."""
    return ops["threshold"](input, *_whole("threshold", input, threshold, value), out=input)


threshold_ = _threshold_in_place


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where it is positive, else weight x; weight has one element or one a channel (dimension 1)."""
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: weight must have at most one dimension, not shape {tuple(weight.shape)}")
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: type promotion not supported; got {input.dtype} and {weight.dtype}")
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if input.ndim == 0:
            raise RuntimeError("prelu: not allow zero-dim input tensor with several weights")
        if weight.numel() != channels:
            raise RuntimeError(
                f"prelu: mismatch of parameter numbers and input channel size, {weight.numel()} weights for {channels}"
                " channels"
            )
        weight = weight.reshape([1, -1] + [1] * (input.ndim - 2)) if input.ndim > 1 else weight
    elif weight.ndim == 1 and input.ndim == 0:
        weight = weight.reshape(())
    return ops["prelu"](input, weight)

