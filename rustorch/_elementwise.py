"""Elementwise functions whose PyTorch call is more than a row of the op table: numbers that scale an
operand, limits that may be missing, parts of numbers.  No arithmetic loops: the rows compute."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from . import _C
from ._shapes import broadcast_tensors

_ops: dict[str, Any] = _C.ops
Tensor = _C.Tensor


_FLOAT16, _FLOAT32, _FLOAT64 = map(_C.dtype, ("float16", "float32", "float64"))
_KINDS = {bool: "b", int: "i", float: "f", builtins.complex: "c"}


def _kind(x: Any) -> str:
    """NumPy's letter of an operand's dtype, or of a Python number: b, i, u, f or c."""
    if isinstance(x, Tensor):
        kind = x.dtype.kind
        return "f" if kind == "V" else kind     # bfloat16
    return _KINDS.get(type(x)) or _kind(_C.as_tensor(x))


def _is_integral(x: Any, other: Any) -> bool:
    return _kind(x) in "biu" and _kind(other) in "biu"


# ---- arithmetic with a factor or a rounding ----


def _scaled_sum(name: str, x: Any, other: Any, alpha: Any, sign: int, out: Any) -> Any:
    """x + sign * alpha * other in one pass."""
    row = _ops["add" if sign > 0 else "sub"]
    if type(alpha) is int and alpha == 1:
        return row(x, other, out=out)
    bools = _kind(x) == "b" and _kind(other) == "b"
    if isinstance(alpha, bool) and not bools:
        raise RuntimeError(f"{name}: Boolean alpha only supported for Boolean results.")
    if bools and isinstance(alpha, int):
        return row(x, _ops["mul"](other, bool(alpha)), out=out)
    if isinstance(alpha, float) and _is_integral(x, other):
        raise RuntimeError(f"{name}: For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, builtins.complex) and _kind(x) != "c" and _kind(other) != "c":
        raise RuntimeError(f"{name}: For non-complex input tensors, argument alpha must not be a complex number.")
    factor = alpha if sign > 0 else -alpha
    if isinstance(factor, int) and factor < 0 and _kind(other) == "u":
        factor %= 2 ** (8 * _C.as_tensor(other).dtype.itemsize)  # as unsigned numbers wrap
    try:
        return _ops["addcmul"](x, other, factor, out=out)
    except (RuntimeError, TypeError, ValueError):
        row(x, other)      # what is wrong with the operands is said in the name of the row
        raise


def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """input + alpha * other, broadcast; RuntimeError for a floating alpha of integers."""
    return _scaled_sum("add", input, other, alpha, 1, out)


def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """input - alpha * other, broadcast; RuntimeError for bools and for a floating alpha of integers."""
    return _scaled_sum("sub", input, other, alpha, -1, out)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other - alpha * input, broadcast."""
    return _scaled_sum("rsub", other, input, alpha, -1, None)


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """input / other; rounding_mode "trunc" or "floor" rounds the quotient and keeps integers integers."""
    if rounding_mode is None:
        return _ops["div"](input, other, out=out)
    if rounding_mode == "floor":
        return _ops["floor_divide"](input, other, out=out)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div: rounding_mode must be None, 'trunc' or 'floor', not {rounding_mode!r}")
    if _is_integral(input, other):
        if _kind(input) == "b" and _kind(other) == "b":
            raise RuntimeError("div: rounding_mode='trunc' is not implemented for bool")
        return _ops["floor_divide"](_ops["sub"](input, _ops["fmod"](input, other)), other, out=out)
    return _ops["trunc"](_ops["div"](input, other), out=out)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """input + value * tensor1 * tensor2, broadcast; value must be whole for integers."""
    if value != 1:
        if not isinstance(value, int) and _is_integral(input, tensor1) and _kind(tensor2) in "biu":
            if value != int(value):
                raise RuntimeError(f"addcmul: value {value} cannot be converted to an integer without loss")
            value = int(value)
        tensor1 = _ops["mul"](tensor1, value)
    return _ops["addcmul"](input, tensor1, tensor2, out=out)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """input + value * tensor1 / tensor2, broadcast; RuntimeError when the quotient is one of integers."""
    if _is_integral(tensor1, tensor2):
        raise RuntimeError(
            "addcdiv: Integer division with addcdiv is not supported; divide with rounding_mode='trunc', or make the"
            " operands floating"
        )
    return _ops["addcdiv"](input, tensor1 if value == 1 else _ops["mul"](tensor1, value), tensor2, out=out)


def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """input to the power exponent in float64, or in complex128 when one of them is complex."""
    wide = _C.dtype("complex128") if "c" in (_kind(input), _kind(exponent)) else _FLOAT64
    if out is not None and out.dtype != wide:
        raise RuntimeError(f"float_power: the result is {wide}, but out has dtype {out.dtype}")

    def widened(x: Any) -> Any:
        return _C.as_tensor(x).to(wide) if not isinstance(x, (int, float, builtins.complex)) else x

    if not isinstance(input, (Tensor, int, float, builtins.complex)) or not isinstance(exponent, Tensor):
        return _ops["pow"](_C.as_tensor(input).to(wide), widened(exponent), out=out)
    return _ops["pow"](widened(input), widened(exponent), out=out)


def round(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    """The nearest integer, halves to even; decimals shifts the point (to the left when negative)."""
    if decimals == 0:
        return _ops["round"](input, out=out)
    if _kind(input) in "biu":
        raise RuntimeError(f"round: decimals must be 0 for {_C.as_tensor(input).dtype}, not {decimals}")
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return _ops["div"](_ops["round"](input * scale), scale, out=out)
    return _ops["mul"](_ops["round"](input / scale), scale, out=out)


# ---- limits ----


def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """input kept between min and max (numbers or tensors, broadcast); either may be None, max wins over min."""
    if min is None:
        if max is None:
            raise _C.TensorError("clamp: at least one of min and max must be given")
        return _ops["clamp_max"](input, max, out=out)
    if max is None:
        return _ops["clamp_min"](input, min, out=out)
    return _ops["clamp"](input, min, max, out=out)


def clamp_min(input: Any, min: Any, *, out: Any = None) -> Any:
    """input, not below min (a number or a tensor, broadcast)."""
    return _ops["clamp_min"](input, min, out=out)


def clamp_max(input: Any, max: Any, *, out: Any = None) -> Any:
    """input, not above max (a number or a tensor, broadcast)."""
    return _ops["clamp_max"](input, max, out=out)


def nan_to_num(
    input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None, *, out: Any = None
) -> Any:
    """input with nan for NaN, and posinf and neginf for the infinities (None: the dtype's largest and
    smallest number); of complex numbers in both parts.  Integers are copied."""
    x = _C.as_tensor(input)
    if x.is_complex():
        parts = nan_to_num(_ops["view_as_real"](x), nan, posinf, neginf)
        result = _ops["view_as_complex"](parts)
        return result if out is None else _ops["copy"](result, out=out)
    if not x.is_floating_point():
        return _ops["clone"](x) if out is None else _ops["copy"](x, out=out)
    high = _LARGEST.get(x.dtype, 3.3895313892515355e38)     # bfloat16, whose dtype object costs an import
    bounded = _ops["replace_inf"](x, high if posinf is None else posinf, -high if neginf is None else neginf)
    return _ops["where"](_ops["isnan"](x), 0.0 if nan is None else nan, bounded, out=out)


_LARGEST = {_FLOAT16: 65504.0, _FLOAT32: 3.4028234663852886e38, _FLOAT64: 1.7976931348623157e308}


def heaviside(input: Any, values: Any, *, out: Any = None) -> Any:
    """0 where input is below 0 or NaN, 1 above, values at 0.  Both have one dtype, integers too."""
    if isinstance(values, Tensor) and isinstance(input, Tensor) and input.dtype != values.dtype:
        raise RuntimeError(f"heaviside: needs tensors of one dtype, not {input.dtype} and {values.dtype}")
    if _kind(input) == "c":
        raise _C.DtypeError("heaviside: not defined for complex tensors")
    if not _is_integral(input, values):
        x = _C.as_tensor(input)
        return _ops["heaviside"](_ops["where"](_ops["isnan"](x), -1.0, x), values, out=out)
    x = _C.as_tensor(input)
    result = _ops["where"](x < 0, 0, _ops["where"](x > 0, 1, _C.as_tensor(values))).to(x.dtype)
    return result if out is None else _ops["copy"](result, out=out)


# ---- parts of numbers ----


class frexp_result(NamedTuple):
    """What frexp returns."""

    mantissa: Any
    exponent: Any


def frexp(input: Any, *, out: Any = None) -> frexp_result:
    """(mantissa, exponent) with input = mantissa * 2**exponent and |mantissa| within 1/2 and 1; the exponent
    is int32.  Zeros, infinities and NaN are their own mantissa with exponent 0."""
    if not _C.as_tensor(input).is_floating_point():
        raise RuntimeError("frexp: only supports floating-point dtypes")
    exponent = _ops["frexp_exponent"](input)
    mantissa, whole = (None, None) if out is None else out
    return frexp_result(
        _ops["ldexp"](input, -exponent, out=mantissa),
        exponent.to("int32") if whole is None else _ops["copy"](exponent, out=whole),
    )


def _check_parts(name: str, first: Any, second: Any) -> None:
    for part in (first, second):
        if not isinstance(part, Tensor) or part.dtype not in (_FLOAT32, _FLOAT64, _FLOAT16):
            raise RuntimeError(f"{name}: expected both inputs to be Half, Float or Double tensors, not {_named(part)}")
    if first.dtype != second.dtype:
        raise RuntimeError(f"{name}: needs two tensors of one dtype, not {first.dtype} and {second.dtype}")


def _named(x: Any) -> str:
    return str(x.dtype) if isinstance(x, Tensor) else type(x).__name__


def complex(real: Any, imag: Any, *, out: Any = None) -> Any:
    """real + i imag, broadcast, of two float tensors of one dtype."""
    _check_parts("complex", real, imag)
    if real.dtype == _FLOAT16:
        real, imag = real.to(_FLOAT32), imag.to(_FLOAT32)
    if real.shape != imag.shape:
        real, imag = broadcast_tensors(real, imag)
    result = _ops["view_as_complex"](_ops["stack"]((real, imag), -1))
    if out is not None and out.dtype != result.dtype:
        raise RuntimeError(f"complex: the result is {result.dtype}, but out has dtype {out.dtype}")
    return result if out is None else _ops["copy"](result, out=out)


def polar(abs: Any, angle: Any, *, out: Any = None) -> Any:
    """abs (cos(angle) + i sin(angle)), broadcast, of two float tensors of one dtype."""
    _check_parts("polar", abs, angle)
    return complex(abs * _ops["cos"](angle), abs * _ops["sin"](angle), out=out)


def isreal(input: Any) -> Any:
    """Is the imaginary part 0?  All of a real tensor is."""
    x = _C.as_tensor(input)
    return _ops["imag"](x) == 0 if x.is_complex() else _C.full(tuple(x.shape), True, dtype="bool")


def nextafter(input: Any, other: Any, *, out: Any = None) -> Any:
    """The next number after input towards other, in their dtype."""
    x, y = _C.as_tensor(input), _C.as_tensor(other)
    dtype = _C.promote_types(x.dtype, y.dtype)
    if dtype.kind != "V" and dtype != _FLOAT16:
        return _ops["nextafter"](input, other, out=out)
    x, y = x.to(dtype), y.to(dtype)
    return _tied_like(_nextafter_short(x.detach(), y.detach()), x, out)


def _nextafter_short(x: Any, y: Any) -> Any:
    """By the bits: a step away from 0 adds one to them, a step towards it takes one."""
    where = _ops["where"]
    x, y = broadcast_tensors(x, y)
    bits = _ops["contiguous"](x).view("int16")
    away = (y > x) == (x > 0)
    stepped = where(x == 0, where(y > 0, 1, -32767).to("int16"), bits + where(away, 1, -1).to("int16"))
    moved = _ops["contiguous"](where(x == y, _ops["contiguous"](y).view("int16"), stepped)).view(x.dtype)
    return where(_ops["isnan"](x), x, where(_ops["isnan"](y), y, moved))


def _tied_like(value: Any, x: Any, out: Any) -> Any:
    """value with the derivative 1 by x."""
    if out is not None:
        return _ops["copy"](value, out=out)
    return x + (value - x.detach()) if x.requires_grad else value


# ---- special functions with parameters ----


def logit(input: Any, eps: float | None = None, *, out: Any = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid, of x = input kept between eps and 1 - eps."""
    return _ops["logit"](input if eps is None else clamp(input, eps, 1 - eps), out=out)


def polygamma(n: int, input: Any, *, out: Any = None) -> Any:
    """The n-th derivative of digamma at input; n is an integer of 0 or more."""
    if not isinstance(n, int):
        raise TypeError(f"polygamma: n must be an integer, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError(f"polygamma: polygamma(n, x) does not support negative n, here {n}")
    return _ops["polygamma"](input, n, out=out)


def mvlgamma(input: Any, p: int, *, out: Any = None) -> Any:
    """The logarithm of the gamma function of p variables, p (p - 1) / 4 log(pi) + sum lgamma(x - j / 2) over
    0 <= j < p; NaN or inf where x is not above (p - 1) / 2."""
    if not isinstance(p, int):
        raise TypeError(f"mvlgamma: p must be an integer, not {type(p).__name__}")
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, not {p}")
    if _kind(input) == "c":
        raise _C.DtypeError("mvlgamma: not defined for complex tensors")
    x = _C.as_tensor(input)
    if not x.is_floating_point():
        x = x.to(_C.get_default_dtype())
    steps = _C.arange(p).to(x.dtype) * 0.5
    total = _ops["lgamma"](x.unsqueeze(-1) - steps).sum(-1)
    return _ops["add"](total, p * (p - 1) / 4 * math.log(math.pi), out=out)


# ---- methods ----


def _rdiv(self: Any, other: Any) -> Any:
    """other / self."""
    return _ops["div"](other, self)


def _polygamma_method(self: Any, n: int) -> Any:
    """The n-th derivative of digamma."""
    return polygamma(n, self)


def _polygamma_in_place(self: Any, n: int) -> Any:
    """polygamma in place."""
    return polygamma(n, self, out=self)


def _logic_in_place(name: str) -> Callable[..., Any]:
    """A comparison whose answers, 0 and 1, replace the elements of self."""
    row, copy = _ops[name], _ops["copy"]

    def method(self: Any, *operands: Any) -> Any:
        return copy(row(self, *operands), out=self)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"{name} in place: 0 and 1 in self's dtype."
    return method


_LOGIC = {
    "eq": None, "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "logical_and": None, "logical_or": None, "logical_xor": None, "logical_not": None,
}  # fmt: skip


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        return function(self, *args, **kw, out=self)

    method.__name__ = method.__qualname__ = function.__name__ + "_"
    method.__doc__ = f"{function.__name__} in place."
    return method


_MORE_THAN_ROWS: tuple[Any, ...] = (add, sub, div, addcmul, round, clamp, clamp_min, clamp_max)
_OVERLOADED: dict[Any, Any] = {f: _C._overload(_ops[f.__name__], f) for f in _MORE_THAN_ROWS}
_OVERLOADED_IN_PLACE: dict[Any, Any] = {
    f: _C._overload(_ops[f.__name__ + "_"], _in_place(f)) for f in _MORE_THAN_ROWS
}
_PUBLIC = (
    add, sub, rsub, div, addcmul, addcdiv, float_power, round, clamp, clamp_min, clamp_max, nan_to_num, heaviside,
    frexp, complex, polar, isreal, nextafter, logit, polygamma, mvlgamma,
)  # fmt: skip
_IN_PLACE = (
    add, sub, div, addcmul, addcdiv, float_power, round, clamp, clamp_min, clamp_max, nan_to_num, heaviside, nextafter,
    logit, mvlgamma,
)  # fmt: skip
_SYNONYMS = {
    "subtract": "sub", "divide": "div", "true_divide": "div", "clip": "clamp", "gammainc": "igamma",
    "gammaincc": "igammac", "gammaln": "lgamma",
}  # fmt: skip


def public() -> dict[str, Any]:
    """The functions of `rustorch` that are defined here."""
    names: dict[str, Any] = {f.__name__: _OVERLOADED.get(f, f) for f in _PUBLIC}
    names.update({s: names[n] for s, n in _SYNONYMS.items() if n in names})
    names["nan_to_num_"], names["clamp_"], names["clip_"] = (_in_place(f) for f in (nan_to_num, clamp, clamp))
    names.update({"clamp_min_": _in_place(clamp_min), "clamp_max_": _in_place(clamp_max), "logit_": _in_place(logit)})
    return names


def methods() -> dict[str, Any]:
    """The methods of Tensor that are defined here."""
    names: dict[str, Any] = {
        f.__name__: _OVERLOADED.get(f, f) for f in _PUBLIC if f not in (rsub, polygamma, complex, polar)
    }
    names.update({f.__name__ + "_": _OVERLOADED_IN_PLACE.get(f) or _in_place(f) for f in _IN_PLACE})
    for logic, long_name in _LOGIC.items():
        names[logic + "_"] = _logic_in_place(logic)
        if long_name:
            names[long_name + "_"] = names[logic + "_"]
    for synonym, name in _SYNONYMS.items():
        for end in ("", "_"):
            if name + end in names:
                names[synonym + end] = names[name + end]
    names.update({
        "__rdiv__": _rdiv, "polygamma": _polygamma_method, "polygamma_": _polygamma_in_place, "sgn_": _ops["sgn_"],
    })  # fmt: skip
    return names
