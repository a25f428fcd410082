"""NumPy's random numbers as arrays: the names, arguments and streams of `numpy.random`.

NumPy's generators draw, so a seed gives the very numbers that it gives there; their memory becomes the
array without a copy.  `Generator` and `RandomState` are subclasses of NumPy's, and what takes those takes
these.  The functions of the module draw from NumPy's own global state.

Parameters may be tensors.  Where a draw is a place and a scale applied to a standard draw (normal, uniform,
exponential, laplace, logistic, gumbel, lognormal, rayleigh, gamma by its scale) gradients flow to them, and
`choice` and `permutation` hand gradients to what they take from; other draws refuse tensors that require grad.

>>> import rustorch.numpy as np
>>> np.random.default_rng(0).normal(size=2)
array([ 0.12573022, -0.13210486])
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy.random as _random
from numpy.random import (
    MT19937,
    PCG64,
    PCG64DXSM,
    SFC64,
    BitGenerator,
    Philox,
    SeedSequence,
    bytes,
    get_state,
    seed,
    set_state,
)

from .. import _C
from ._registry import is_tracked, np

Tensor = _C.Tensor
_AS_THEY_ARE = {"bit_generator", "bytes", "get_state", "seed", "set_state", "spawn"}


def _plain(x: Any) -> Any:
    """Tensors, also those in lists and tuples, as ndarrays on their memory."""
    if isinstance(x, Tensor):
        return x.detach().numpy()
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else x


def _ours(x: Any) -> Any:
    """ndarrays as arrays on their memory, where we have the dtype."""
    if not isinstance(x, np.ndarray):
        return x
    try:
        return _C._as_arrays(_C.from_numpy(x))
    except TypeError:
        return x


def _may_write(name: str, x: Any) -> None:
    if is_tracked(x):
        raise TypeError(f"numpy.random.{name}: it writes into a tensor that requires grad; give it t.detach()")


def _wrote(x: Any) -> Any:
    """NumPy wrote into x's memory."""
    x._touch()
    return x


# ---- a place and a scale ----


def _shape(size: Any, *parameters: Any) -> Any:
    return np.broadcast_shapes(*map(np.shape, parameters)) if size is None else _plain(size)


def _normal(draw: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
    return loc + scale * draw("standard_normal", _shape(size, loc, scale))


def _lognormal(draw: Any, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None) -> Any:
    return np.exp(_normal(draw, mean, sigma, size))


def _uniform(draw: Any, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    return low + (high - low) * draw("random", _shape(size, low, high))


def _exponential(draw: Any, scale: Any = 1.0, size: Any = None) -> Any:
    return scale * draw("standard_exponential", _shape(size, scale))


def _rayleigh(draw: Any, scale: Any = 1.0, size: Any = None) -> Any:
    return scale * draw("rayleigh", 1.0, _shape(size, scale))


def _gamma(draw: Any, shape: Any, scale: Any = 1.0, size: Any = None) -> Any:
    if is_tracked(shape):
        raise TypeError("numpy.random.gamma: no derivative by 'shape' known; detach() it")
    return scale * draw("standard_gamma", _plain(shape), _shape(size, shape, scale))


def _placed(name: str) -> Callable[..., Any]:
    def place(draw: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return loc + scale * draw(name, 0.0, 1.0, _shape(size, loc, scale))

    return place


_DIFFERENTIABLE: dict[str, Callable[..., Any]] = {
    "normal": _normal,
    "lognormal": _lognormal,
    "uniform": _uniform,
    "exponential": _exponential,
    "rayleigh": _rayleigh,
    "gamma": _gamma,
    "laplace": _placed("laplace"),
    "logistic": _placed("logistic"),
    "gumbel": _placed("gumbel"),
}

# ---- taking from a tensor, and moving its elements ----


def _choice(function: Any, a: Any, size: Any = None, replace: Any = True, p: Any = None, **words: Any) -> Any:
    """Positions are drawn, and taken from a tensor."""
    size, p = _plain(size), _plain(p)
    if not isinstance(a, Tensor) or a.ndim == 0:
        return function(_plain(a), size, replace, p, **words)
    axis = words.get("axis", 0)
    if "axis" not in words and a.ndim != 1 and function.args_are_legacy:
        raise ValueError(f"choice: a must be 1-dimensional, it has {a.ndim} dimensions")
    words.pop("axis", None)
    index = function(a.shape[axis], size, replace, p, **words)
    return np.take(a, index, axis=axis)


def _permutation(function: Any, x: Any, axis: int = 0) -> Any:
    if not isinstance(x, Tensor) or x.ndim == 0:
        return function(_plain(x))
    return np.take(x, function(x.shape[axis]), axis=axis)


def _shuffle(function: Any, x: Any, *args: Any, **words: Any) -> None:
    if not isinstance(x, Tensor):
        function(x, *args, **words)
    elif is_tracked(x):
        axis = args[0] if args else words.get("axis", 0)
        index = np.arange(x.shape[axis])
        function(index)
        x[...] = np.take(x, index, axis=axis)
    else:
        function(x.detach().numpy(), *args, **words)
        _wrote(x)


def _permuted(function: Any, x: Any, *, axis: Any = None, out: Any = None) -> Any:
    if is_tracked(x):
        if out is not None:
            raise TypeError("numpy.random.permuted: gradients cannot flow into out=; detach() the tensor")
        if axis is None:
            places = function(np.arange(x.size).reshape(x.shape))
            return np.take(np.ravel(x), places)
        shape = [-1 if d == axis % x.ndim else 1 for d in range(x.ndim)]
        places = np.broadcast_to(np.arange(x.shape[axis]).reshape(shape), x.shape)
        return np.take_along_axis(x, function(places, axis=axis), axis)
    if out is not None and out is not x:
        return _generic("permuted", function, (x,), {"axis": axis, "out": out})
    if out is None:
        return function(_plain(x), axis=axis)
    _may_write("permuted", x)
    memory = x.detach().numpy()
    function(memory, axis=axis, out=memory)
    return _wrote(x)


_TAKING: dict[str, Callable[..., Any]] = {
    "choice": _choice,
    "permutation": _permutation,
    "shuffle": _shuffle,
    "permuted": _permuted,
}


class _Bound:
    """NumPy's function of the module or of a generator, which then is its first argument."""

    def __init__(self, function: Any, owner: Any, legacy: bool) -> None:
        self.call = partial(function, owner) if owner is not None else function
        self.args_are_legacy = legacy

    def __call__(self, *args: Any, **words: Any) -> Any:
        return self.call(*args, **words)


def _generic(name: str, function: Any, args: Any, words: Any) -> Any:
    """Draws with parameters, and perhaps an output, that are tensors."""
    tracked = [x for x in (*args, *words.values()) if is_tracked(x)]
    out = words.get("out")
    if isinstance(out, Tensor):
        _may_write(name, out)
    if tracked:
        raise TypeError(f"numpy.random.{name}: no derivative known; detach() the tensor, or compute under no_grad()")
    drawn = function(*map(_plain, args), **{key: _plain(value) for key, value in words.items()})
    return _wrote(out) if isinstance(out, Tensor) else drawn


def _with_tensors(name: str, function: Any, source: Any, /, *args: Any, **words: Any) -> Any:
    """A call with tensors among its arguments; `source` is None for a method, whose owner is the first."""
    owner = None
    if source is None:
        owner, *args = args  # type: ignore[assignment]
        source = owner
    legacy = not isinstance(source, _random.Generator)
    bound = _Bound(function, owner, legacy)
    if name in _TAKING:
        return _C._as_arrays(_ours(_TAKING[name](bound, *args, **words)))
    rule = _DIFFERENTIABLE.get(name)
    if rule is not None and any(map(is_tracked, (*args, *words.values()))):
        return _C._as_arrays(rule(partial(_drawn, source), *args, **words))
    return _ours(_generic(name, bound, args, words))


def _drawn(source: Any, name: str, *args: Any) -> Any:
    """A standard draw, as an array."""
    return _ours(np.asarray(getattr(source, name)(*args)))


# ---- the names ----


_CALL_OTHERS = {"choice", "multivariate_normal"}  # by way of self, and count on ndarrays


def _as_numpys(name: str, owner: Any) -> Callable[..., Any]:
    """A method of NumPy's class that calls others: on a generator of NumPy's with the same state."""

    @wraps(getattr(owner, name))
    def method(self: Any, *args: Any, **words: Any) -> Any:
        if owner is _random.Generator:
            return getattr(owner(self.bit_generator), name)(*args, **words)
        twin = owner(self._bit_generator)
        twin.set_state(self.get_state(legacy=False))
        try:
            return getattr(twin, name)(*args, **words)
        finally:
            self.set_state(twin.get_state(legacy=False))

    return method


def _methods(owner: type) -> dict[str, Any]:
    """The drawing methods of NumPy's class."""
    found = {}
    for name in dir(owner):
        if not name.startswith("_") and name not in _AS_THEY_ARE:
            function = _as_numpys(name, owner) if name in _CALL_OTHERS else getattr(owner, name)
            found[name] = _C._drawing(function, partial(_with_tensors, name, function, None))
    return found


def _restored(kind: type, bit_generator: Any) -> Any:
    return kind(bit_generator)


class Generator(_random.Generator):
    """NumPy's Generator, which gives arrays: Generator(bit_generator).

    Every method draws what NumPy's draws from the same bit generator; `out=` may be an array or a Tensor.
    """

    locals().update(_methods(_random.Generator))

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.bit_generator)


class RandomState(_random.RandomState):
    """NumPy's legacy generator, which gives arrays: RandomState(seed=None)."""

    locals().update(_methods(_random.RandomState))

    def __init__(self, seed: Any = None) -> None:
        super().__init__(_plain(seed))

    def __reduce__(self) -> Any:
        return _restored, (type(self), self._bit_generator), self.get_state(legacy=False)


def default_rng(seed: Any = None) -> Generator:
    """A Generator on PCG64.

    seed: None (entropy of the system), an int, integers, a SeedSequence, a BitGenerator, or a generator; a
    Generator of ours is returned as it is, of NumPy's the result draws from the same bits.  TypeError and
    ValueError as numpy.random.default_rng raises them.
    """
    if isinstance(seed, Generator):
        return seed
    return Generator(_random.default_rng(_plain(seed)).bit_generator)


for _name in _random.__all__:
    if _name not in globals():
        _function = getattr(_random, _name)
        globals()[_name] = _C._drawing(_function, partial(_with_tensors, _name, _function, _random))
del _name, _function

__all__ = [*_random.__all__]
__all__ += ["MT19937", "PCG64", "PCG64DXSM", "SFC64", "BitGenerator", "Philox", "SeedSequence", "bytes"]
__all__ += ["get_state", "seed", "set_state"]
__all__ = sorted(set(__all__))


def __getattr__(name: str) -> Any:
    return getattr(_random, name)
