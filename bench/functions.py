"""Functions and activations, forward and with their gradient, beside PyTorch and NumPy.

`python -m bench functions [--threads=N]`: every transcendental row of the op table in float32 and float64 at 10^5
elements, the common ones from 10^3 to 10^7, and float16 and bfloat16 beside PyTorch and beside our own float32, which
they must not be slower than.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show_all, threads

WIDE = (-4.0, 4.0)
ABOVE = (0.01, 9.0)
UNIT = (0.01, 0.99)
BETWEEN = (-0.99, 0.99)
# PyTorch's name: the interval of the arguments, NumPy's name or ""
UNARY: dict[str, tuple[tuple[float, float], str]] = {
    "exp": (WIDE, "exp"), "exp2": (WIDE, "exp2"), "expm1": (WIDE, "expm1"), "log": (ABOVE, "log"),
    "log2": (ABOVE, "log2"), "log10": (ABOVE, "log10"), "log1p": (ABOVE, "log1p"), "sqrt": (ABOVE, "sqrt"),
    "rsqrt": (ABOVE, ""), "sin": (WIDE, "sin"), "cos": (WIDE, "cos"), "tan": (BETWEEN, "tan"),
    "asin": (BETWEEN, "arcsin"), "acos": (BETWEEN, "arccos"), "atan": (WIDE, "arctan"), "sinh": (WIDE, "sinh"),
    "cosh": (WIDE, "cosh"), "tanh": (WIDE, "tanh"), "asinh": (WIDE, "arcsinh"), "acosh": ((1.01, 9.0), "arccosh"),
    "atanh": (BETWEEN, "arctanh"), "erf": (WIDE, ""), "erfc": (WIDE, ""), "erfinv": (BETWEEN, ""),
    "lgamma": (ABOVE, ""), "digamma": (ABOVE, ""), "sigmoid": (WIDE, ""), "logit": (UNIT, ""), "sinc": (WIDE, ""),
    "special.ndtr": (WIDE, ""), "special.ndtri": (UNIT, ""), "special.log_ndtr": (WIDE, ""),
    "special.erfcx": (WIDE, ""), "special.entr": (ABOVE, ""), "special.i0": (WIDE, ""), "special.i0e": (WIDE, ""),
    "special.i1": (WIDE, ""), "special.i1e": (WIDE, ""), "special.bessel_j0": (ABOVE, ""),
    "special.bessel_j1": (ABOVE, ""), "special.bessel_y0": (ABOVE, ""), "special.bessel_y1": (ABOVE, ""),
    "special.modified_bessel_k0": (ABOVE, ""), "special.modified_bessel_k1": (ABOVE, ""),
    "special.airy_ai": (WIDE, ""), "special.spherical_bessel_j0": (ABOVE, ""),
    "nn.functional.relu": (WIDE, ""), "nn.functional.elu": (WIDE, ""), "nn.functional.selu": (WIDE, ""),
    "nn.functional.celu": (WIDE, ""), "nn.functional.gelu": (WIDE, ""), "nn.functional.silu": (WIDE, ""),
    "nn.functional.mish": (WIDE, ""), "nn.functional.softplus": (WIDE, ""), "nn.functional.logsigmoid": (WIDE, ""),
    "nn.functional.softsign": (WIDE, ""), "nn.functional.tanhshrink": (WIDE, ""),
    "nn.functional.hardswish": (WIDE, ""), "nn.functional.hardsigmoid": (WIDE, ""),
    "nn.functional.leaky_relu": (WIDE, ""),
}  # fmt: skip
BINARY: dict[str, tuple[tuple[float, float], str]] = {
    "pow": (ABOVE, "power"), "atan2": (WIDE, "arctan2"), "hypot": (WIDE, "hypot"), "logaddexp": (WIDE, "logaddexp"),
    "logaddexp2": (WIDE, "logaddexp2"), "xlogy": (ABOVE, ""), "special.xlog1py": (ABOVE, ""), "fmod": (ABOVE, "fmod"),
    "remainder": (ABOVE, "remainder"), "special.zeta": ((1.1, 9.0), ""), "special.gammainc": (ABOVE, ""),
    "special.gammaincc": (ABOVE, ""),
}  # fmt: skip
ONLY_NUMPY = {"cbrt": (WIDE, "cbrt")}
SPECIAL = {  # rows of the table whose gradient PyTorch has not, or is not a function of its own
    "special.bessel_j0", "special.bessel_j1", "special.bessel_y0", "special.bessel_y1", "special.modified_bessel_k0",
    "special.modified_bessel_k1", "special.airy_ai", "special.spherical_bessel_j0", "special.zeta", "special.gammainc",
    "special.gammaincc",
}  # fmt: skip
COMMON = ("exp", "log", "sin", "tanh", "erf", "sigmoid", "nn.functional.gelu", "nn.functional.silu")
POWERS = (3, 4, 5, 10, -2, 0.5, -0.5, 1.5)
NARROW = ("exp", "log", "sin", "tanh", "sigmoid", "sqrt", "erf", "nn.functional.gelu", "nn.functional.silu",
          "nn.functional.relu", "neg", "abs")  # fmt: skip
NARROW_BINARY = ("add", "mul", "div", "lt", "maximum")


def found(library: Any, name: str) -> Callable[..., Any]:
    for part in name.split("."):
        library = getattr(library, part)
    return library  # type: ignore[no-any-return]


def operands(count: int, interval: tuple[float, float], size: int, dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.uniform(*interval, size).astype(dtype) for _ in range(count)]


def plain(name: str, numpy: str, count: int, interval: tuple[float, float], size: int, dtype: str) -> Row:
    arrays = operands(count, interval, size, dtype)
    names: dict[str, Any] = {"t": [rt.tensor(a) for a in arrays], "f": found(rt if name != "cbrt" else rt.numpy, name)}
    jobs: dict[str, Any] = {"rustorch": "f(*t)"}
    if name != "cbrt":
        names |= {"u": [torch.tensor(a) for a in arrays], "g": found(torch, name)}
        jobs["torch"] = "g(*u)"
    if numpy:
        names |= {"a": arrays, "h": getattr(np, numpy)}
        jobs["numpy"] = "h(*a)"
    return Row(f"{name} {size:g} {dtype}", jobs, dict.fromkeys([k for k in jobs if k != "rustorch"], 1.0), names, 0.06)


def graded(name: str, count: int, interval: tuple[float, float], size: int, dtype: str) -> Row:
    arrays = operands(count, interval, size, dtype)

    def job(library: Any) -> Callable[[], None]:
        given = [library.tensor(a).requires_grad_() for a in arrays]
        f, one = found(library, name), library.ones_like(library.tensor(arrays[0]))

        def run() -> None:
            for x in given:
                x.grad = None
            f(*given).backward(one)

        return run

    return Row(f"{name} {size:g} {dtype} +grad", {"rustorch": job(rt), "torch": job(torch)}, {"torch": 1.0}, {}, 0.06)


def power(exponent: float, size: int, dtype: str) -> Row:
    (a,) = operands(1, ABOVE, size, dtype)
    names = {"t": rt.tensor(a), "u": torch.tensor(a), "a": a}
    jobs: dict[str, Any] = {"rustorch": f"t**{exponent}", "torch": f"u**{exponent}", "numpy": f"a**{exponent}"}
    # PyTorch multiplies with the exponents 3 and -2, and so rounds twice.
    goals = {"torch": 1.0} if exponent not in (3, -2) else {}
    return Row(f"pow({exponent}) {size:g} {dtype}", jobs, goals, names, 0.06)


def narrow(name: str, count: int, size: int) -> Iterator[Row]:
    interval = UNARY[name][0] if name in UNARY else ABOVE
    arrays = operands(count, interval, size, "float32")
    f, g = found(rt, name), found(torch, name)
    for dtype in ("float16", "bfloat16"):
        names = {"f": f, "g": g, "t": [rt.tensor(a).to(getattr(rt, dtype)) for a in arrays],
                 "u": [torch.tensor(a).to(getattr(torch, dtype)) for a in arrays],
                 "w": [rt.tensor(a) for a in arrays]}  # fmt: skip
        jobs: dict[str, Any] = {"rustorch": "f(*t)", "torch": "g(*u)", "our float32": "f(*w)"}
        yield Row(f"{name} {size:g} {dtype}", jobs, {"torch": 1.0, "our float32": 1.0}, names, 0.06)


def rows() -> Iterator[Row]:
    table = [(n, 1, *v) for n, v in (UNARY | ONLY_NUMPY).items()] + [(n, 2, *v) for n, v in BINARY.items()]
    for dtype in ("float32", "float64"):
        for name, count, interval, numpy in table:
            yield plain(name, numpy, count, interval, 10**5, dtype)
        for name, count, interval, _ in table:
            if name not in SPECIAL and name not in ONLY_NUMPY:
                yield graded(name, count, interval, 10**5, dtype)
        for exponent in POWERS:
            yield power(exponent, 10**5, dtype)
        for name in COMMON:
            for size in (10**3, 10**4, 10**7):
                yield plain(name, UNARY[name][1], 1, UNARY[name][0], size, dtype)
    for name in NARROW:
        yield from narrow(name, 1, 10**5)
    for name in NARROW_BINARY:
        yield from narrow(name, 2, 10**5)


def main(*options: str) -> bool:
    warnings.simplefilter("ignore")
    count = next((int(o.partition("=")[2]) for o in options if o.startswith("--threads=")), 1)
    only = next((o.partition("=")[2] for o in options if o.startswith("--only=")), "")
    with threads(count), np.errstate(all="ignore"):
        return show_all((row for row in rows() if only in row.title), torch=1.5, numpy=1.5)
