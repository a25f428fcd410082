"""ONNX operators that work element by element: arithmetic, comparison, activations, casts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch.nn import functional as F

from .registry import dtype_of, operator

Tensor = rt.Tensor


def _simple(name: str, function: Callable[..., Any], since: int = 1) -> None:
    operator(name, since)(function)


for _name, _function in {
    "Abs": rt.abs, "Neg": rt.neg, "Sign": rt.sign, "Reciprocal": rt.reciprocal, "Sqrt": rt.sqrt, "Exp": rt.exp,
    "Log": rt.log, "Floor": rt.floor, "Ceil": rt.ceil, "Round": rt.round, "Sin": rt.sin, "Cos": rt.cos, "Tan": rt.tan,
    "Asin": rt.asin, "Acos": rt.acos, "Atan": rt.atan, "Sinh": rt.sinh, "Cosh": rt.cosh, "Tanh": rt.tanh,
    "Asinh": rt.asinh, "Acosh": rt.acosh, "Atanh": rt.atanh, "Erf": rt.erf, "IsNaN": rt.isnan,
    "Sigmoid": rt.sigmoid, "Relu": rt.relu, "Mish": F.mish, "Softsign": F.softsign,
    "BitwiseAnd": rt.bitwise_and, "BitwiseOr": rt.bitwise_or, "BitwiseXor": rt.bitwise_xor,
    "BitwiseNot": rt.bitwise_not, "Not": rt.logical_not, "Where": rt.where,
}.items():  # fmt: skip
    _simple(_name, _function)


def _pair(name: str, function: Callable[..., Any]) -> None:
    """An operator on two tensors, which before version 7 aligned the second with `axis` of the first."""

    def old(x: Tensor, y: Tensor, broadcast: int = 0, axis: int | None = None) -> Tensor:
        if broadcast and axis is not None and y.ndim:
            first = axis % x.ndim
            y = y.reshape(tuple(y.shape) + (1,) * (x.ndim - first - y.ndim))
        return function(x, y)

    _simple(name, old)
    _simple(name, function, 7)


def _divided(x: Tensor, y: Tensor) -> Tensor:
    # of integers the quotient without its fraction
    return rt.div(x, y) if x.is_floating_point() or x.is_complex() else rt.div(x, y, rounding_mode="trunc")


def _power(x: Tensor, y: Tensor) -> Tensor:
    # the result has the base's dtype
    result = x.pow(y.to(x.dtype) if x.is_floating_point() and y.dtype != x.dtype else y)
    return result.to(x.dtype)


for _name, _function in {
    "Add": rt.add, "Sub": rt.sub, "Mul": rt.mul, "Div": _divided, "Pow": _power, "Equal": rt.eq, "Less": rt.lt,
    "Greater": rt.gt, "LessOrEqual": rt.le, "GreaterOrEqual": rt.ge, "And": rt.logical_and, "Or": rt.logical_or,
    "Xor": rt.logical_xor,
}.items():  # fmt: skip
    _pair(_name, _function)


@operator("Mod")
def mod(x: Tensor, y: Tensor, fmod: int = 0) -> Tensor:
    return rt.fmod(x, y) if fmod else rt.remainder(x, y)


@operator("BitShift")
def bit_shift(x: Tensor, y: Tensor, direction: str) -> Tensor:
    return rt.bitwise_left_shift(x, y) if direction == "LEFT" else rt.bitwise_right_shift(x, y)


def _many(name: str, function: Callable[..., Any]) -> None:
    def fold(*tensors: Tensor) -> Tensor:
        return functools.reduce(function, tensors) if len(tensors) > 1 else tensors[0].clone()

    _simple(name, fold)


_many("Sum", rt.add)
_many("Max", rt.maximum)
_many("Min", rt.minimum)


@operator("Mean")
def mean(*tensors: Tensor) -> Tensor:
    return functools.reduce(rt.add, tensors) / len(tensors)


@operator("Clip")
def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    if min is not None:
        x = rt.maximum(x, min) if isinstance(min, Tensor) else x.clamp(min=min)
    if max is not None:
        x = rt.minimum(x, max) if isinstance(max, Tensor) else x.clamp(max=max)
    return x


@operator("IsInf")
def is_inf(x: Tensor, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    if detect_negative and detect_positive:
        return rt.isinf(x)
    if detect_negative:
        return rt.isneginf(x)
    return rt.isposinf(x) if detect_positive else rt.zeros(tuple(x.shape), dtype=rt.bool)


@operator("Cast")
def cast(x: Tensor, to: Any, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.to(getattr(rt, to if isinstance(to, str) else dtype_of(to)))


@operator("CastLike")
def cast_like(x: Tensor, target: Tensor, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.to(target.dtype)


@operator("Identity")
def identity(x: Tensor) -> Tensor:
    return x


@operator("Dropout", several=True)
def _dropped(
    x: Tensor, ratio: Any = 0.5, training_mode: Any = None, seed: int | None = None, is_test: int = 0
) -> tuple[Tensor, Tensor]:  # fmt: skip
    # as ONNX's inference has it: the input, unless the model itself asks for training
    if training_mode is not None and bool(training_mode):
        rate = 0.5 if ratio is None else float(ratio)
        kept = rt.rand(tuple(x.shape)) >= rate
        return x * kept.to(x.dtype) / (1 - rate) if rate < 1 else x * 0, kept
    return x, rt.ones(tuple(x.shape), dtype=rt.bool)


@operator("Dropout")
def dropout(x: Tensor, *args: Any, **attributes: Any) -> Tensor:
    return _dropped(x, *args, **attributes)[0]


# ---- activations


@operator("LeakyRelu")
def leaky_relu(x: Tensor, alpha: float = 0.01) -> Tensor:
    return F.leaky_relu(x, alpha)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return rt.where(x < 0, slope * x, x)


@operator("PRelu", since=1)
def _prelu_channels(x: Tensor, slope: Tensor) -> Tensor:
    if slope.ndim == 1 and x.ndim > 2 and slope.shape[0] == x.shape[1] != x.shape[-1]:
        slope = slope.reshape((-1,) + (1,) * (x.ndim - 2))
    return prelu(x, slope)


operator("PRelu", 7)(prelu)


@operator("Elu")
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


@operator("Selu")
def selu(
    x: Tensor, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875
) -> Tensor:  # fmt: skip
    return gamma * F.elu(x, alpha)


@operator("Celu")
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    return F.celu(x, alpha)


@operator("Gelu")
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate)


@operator("HardSigmoid")
def hard_sigmoid(x: Tensor, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return (x * alpha + beta).clamp(0, 1)


@operator("HardSwish")
def hard_swish(x: Tensor) -> Tensor:
    return F.hardswish(x)


@operator("Swish")
def swish(x: Tensor, alpha: float = 1.0) -> Tensor:
    return F.silu(x) if alpha == 1 else x * rt.sigmoid(alpha * x)


@operator("Softplus")
def softplus(x: Tensor) -> Tensor:
    return rt.logaddexp(x, rt.zeros_like(x))


@operator("ThresholdedRelu")
def thresholded_relu(x: Tensor, alpha: float = 1.0) -> Tensor:
    return rt.where(x > alpha, x, rt.zeros_like(x))


@operator("Shrink")
def shrink(x: Tensor, bias: float = 0.0, lambd: float = 0.5) -> Tensor:
    return rt.where(x < -lambd, x + bias, rt.where(x > lambd, x - bias, rt.zeros_like(x))).to(x.dtype)


def _flattened(x: Tensor, axis: int, function: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Before version 13 these looked at x as a matrix whose columns begin at `axis`."""
    axis = axis % x.ndim if x.ndim else 0
    rows = 1
    for length in x.shape[:axis]:
        rows *= length
    return function(x.reshape(rows, -1), 1).reshape(tuple(x.shape))


def _hardmax(x: Tensor, axis: int) -> Tensor:
    place = x.argmax(dim=axis, keepdim=True)
    return rt.zeros_like(x).scatter(axis, place, 1.0)


def _row(name: str, function: Callable[[Tensor, int], Tensor]) -> None:
    _simple(name, lambda x, axis=1: _flattened(x, axis, function))
    _simple(name, lambda x, axis=-1: function(x, axis), 13)


_row("Softmax", lambda x, axis: F.softmax(x, axis))
_row("LogSoftmax", lambda x, axis: F.log_softmax(x, axis))
_row("Hardmax", _hardmax)
