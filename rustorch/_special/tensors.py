"""SciPy's names in rustorch.special: functions on Tensors, made when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import scipy.special

from .. import _C
from ..numpy._registry import NotHere, through_numpy
from ._rules import np, sp
from .functions import FUNCTIONS

Tensor = _C.Tensor
_SHORT = ("float16", "bfloat16")


def _wanted_dtype(tensors: list[Any]) -> Any:
    """Of a result: what floating tensors promote to, else the default dtype."""
    floating = [t for t in tensors if t.dtype.kind in "fcV"]
    if not floating:
        return _C.get_default_dtype()
    wanted = floating[0].dtype
    for t in floating[1:]:
        wanted = _C.promote_types(wanted, t.dtype)
    return wanted


def _fitted(result: Any, wanted: Any) -> Any:
    """Real floating results in the wanted dtype, complex ones in its complex kin."""
    if isinstance(result, tuple):
        parts = [_fitted(r, wanted) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if not isinstance(result, Tensor) or result.dtype.kind not in "fc" or result.dtype == wanted:
        return result
    if result.dtype.kind == "f":
        return result if wanted.kind == "c" else result.to(wanted)
    return result.to("complex64") if wanted == "float32" else result


def _longer(x: Any) -> Any:
    return x.to("float32") if isinstance(x, Tensor) and str(x.dtype) in _SHORT else x


def function(name: str) -> Callable[..., Any]:
    """The function of SciPy's name on Tensors.  AttributeError when SciPy has none."""
    value = getattr(sp, name, None) or getattr(scipy.special, name, None)
    if value is None or name.startswith("_") or name not in scipy.special.__all__:
        raise AttributeError(f"rustorch.special has no {name!r}")
    if isinstance(value, type) or name in ("errstate", "geterr", "seterr"):
        return value
    own: Any = value if isinstance(value, np.ufunc) else FUNCTIONS.get(name, partial(through_numpy, value))

    @wraps(value, assigned=("__doc__",), updated=())
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        tensors = [a for a in args if isinstance(a, Tensor)]
        if not tensors and isinstance(value, np.ufunc):
            args = tuple(_C.as_tensor(a) if isinstance(a, (int, float, complex)) else a for a in args)
        given = tuple(map(_longer, args))
        try:
            result = own(*given, **kwargs) if name in FUNCTIONS or isinstance(value, np.ufunc) else own(given, kwargs)
        except NotHere:
            result = through_numpy(value, given, kwargs)
        if tensors or isinstance(value, np.ufunc):
            result = _fitted(result, _wanted_dtype(tensors))
        return result if out is None else _C.ops["copy"](result, out=out)

    call.__name__ = call.__qualname__ = name
    return _C._guard(call)


def names() -> list[str]:
    """Public names of scipy.special."""
    return [name for name in scipy.special.__all__ if not name.startswith("_")]
