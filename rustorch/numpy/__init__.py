"""NumPy's namespace on tensors: `import rustorch.numpy as np`.

Functions, defaults, keywords and results are those of NumPy 2; what comes out are arrays
(`rustorch.numpy.ndarray`), Tensors that speak NumPy, on which gradients flow.  It is also the array API
namespace that `__array_namespace__()` of a Tensor gives.

>>> import rustorch.numpy as np
>>> x = np.linspace(0.0, 1.0, 3).requires_grad_()
>>> np.sum(np.sin(x) ** 2).backward()
>>> x.grad
array([0.        , 0.84147098, 0.90929743])
"""

from __future__ import annotations

import types as _types
from functools import partial as _partial
from typing import Any

from .. import _C
from . import _applying, _array_api, _dispatch, _methods  # noqa: F401  (its methods enter themselves)
from ._registry import DECLINED as _DECLINED, TABLE as _TABLE, np as _np, operand as _operand, through_numpy as _through

ndarray = _C.ndarray
ufunc = _C._ufunc_type
__version__: str = _np.__version__
__array_api_version__ = "2025.12"

# NumPy's own, which say nothing of arrays' memory.
_AS_THEY_ARE = (type, _types.ModuleType)
_FACTS = {"broadcast_shapes", "issubdtype", "iterable", "min_scalar_type", "mintypecode", "promote_types"}


_known: dict[int, Any] = {}  # NumPy's objects, by address, and ours: another name of one is another name of the other


def _wrapped(name: str, value: Any) -> Any:
    """NumPy's `value` in our namespace."""
    made = _known.get(id(value))
    if made is None:
        made = _known[id(value)] = _made(name, value)
    return made


def _made(name: str, value: Any) -> Any:
    if isinstance(value, _np.ufunc):
        return _C._array_ufunc(value, _operand)
    if name in _applying.INDEXED:
        return _applying.INDEXED[name]
    if value is _np.vectorize:
        return _applying.vectorize
    if isinstance(value, _AS_THEY_ARE) or not callable(value) or name in _FACTS:
        return value
    through = _partial(_through_call, value)
    through.__name__ = getattr(value, "__name__", name)  # type: ignore[attr-defined]
    entry = _TABLE.get(value)
    return _C._array_function(entry.function if entry else through, through, _DECLINED, value, name)


def _through_call(func: Any, /, *args: Any, **kwargs: Any) -> Any:
    return _through(func, args, kwargs)


_OF_OUR_OWN = {"fft", "linalg", "random"}  # submodules, imported when first used


def _own(function: Any, module: Any = _np) -> Any:
    """A function with a signature of its own, as one that gives arrays."""
    through = _partial(_through_call, getattr(module, function.__name__))
    return _C._array_function(function, through, _DECLINED, function, function.__name__)


def _fill(names: dict[str, Any], module: Any) -> None:
    """What NumPy has loaded; what it loads when first asked for (f2py, testing), __getattr__ asks for."""
    ours = _OF_OUR_OWN if module is _np else ()
    for name in module.__all__:
        if name in vars(module) and name not in names and not name.startswith("__") and name not in ours:
            names[name] = _wrapped(name, getattr(module, name))


globals().update(_array_api.AS_THEY_ARE)
globals().update({name: _own(function) for name, function in _array_api.OWN.items()})
_fill(globals(), _np)
__all__ = sorted({name for name in (*globals(), *_np.__all__) if not name.startswith("_")} | _OF_OUR_OWN)


def __getattr__(name: str) -> Any:
    if name in _OF_OUR_OWN or name in ("special", "testing"):
        import importlib

        return importlib.import_module("." + name, __name__)
    if name.startswith("__") or not hasattr(_np, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _wrapped(name, getattr(_np, name))
