"""Ufuncs of NumPy that are several ops of ours."""

from __future__ import annotations

from typing import Any

from ._registry import _ops, np, tensor


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return _ops["floor_divide"](x, y), np.remainder(x, y)


def _modf(x: Any) -> tuple[Any, Any]:
    x = tensor(x)
    if x.dtype.kind in "iub":
        x = _ops["cast"](x, np.result_type(x.dtype, np.float16))
    whole = np.trunc(x)
    return np.where(np.isinf(x), np.copysign(0.0, x), np.copysign(x - whole, x)), whole


def _float_power(x: Any, y: Any) -> Any:
    x, y = (_ops["cast"](v, "complex128" if v.dtype.kind == "c" else "float64") for v in map(tensor, (x, y)))
    return np.power(x, y)


def _ldexp(x: Any, y: Any) -> Any:
    if isinstance(y, int) and not -(2**31) <= y < 2**31:
        raise OverflowError(f"ldexp: the exponent {y} does not fit a C int")
    x, y = tensor(x), tensor(y)
    if x.dtype.kind == "c" or y.dtype.kind not in "bi" and y.dtype.itemsize > (4 if y.dtype.kind == "u" else 0):
        raise TypeError(f"ldexp: no loop for a number of dtype {x.dtype} and an exponent of dtype {y.dtype}")
    if x.dtype.kind != "f":
        x = _ops["cast"](x, np.result_type(x.dtype, np.float16))
    return _ops["ldexp"](x, _ops["cast"](y, x.dtype))


def _vecdot(x: Any, y: Any) -> Any:
    product = np.multiply(np.conjugate(x) if _is_complex(x) else x, y)
    if product.dtype.kind == "b":
        return np.logical_or.reduce(product, axis=-1)
    return np.add.reduce(product, axis=-1, dtype=product.dtype)


def _matvec(a: Any, x: Any) -> Any:
    return np.matmul(a, tensor(x).unsqueeze(-1)).squeeze(-1)


def _vecmat(x: Any, a: Any) -> Any:
    row = np.conjugate(x) if _is_complex(x) else tensor(x)
    return np.matmul(row.unsqueeze(-2), a).squeeze(-2)


def _is_complex(x: Any) -> bool:
    return bool(tensor(x).dtype.kind == "c")


_BY_NAME = {
    "divmod": _divmod,
    "modf": _modf,
    "float_power": _float_power,
    "ldexp": _ldexp,
    "degrees": np.rad2deg,
    "radians": np.deg2rad,
    "vecdot": _vecdot,
    "matvec": _matvec,
    "vecmat": _vecmat,
}

COMPOSED_UFUNCS = {getattr(np, name): function for name, function in _BY_NAME.items() if hasattr(np, name)}
