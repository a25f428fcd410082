"""Every public name of NumPy is in rustorch.numpy, and is what it should be."""

from __future__ import annotations

import inspect
import pickle
import types
from typing import Any

import numpy
import pytest

import rustorch
import rustorch.numpy as rnp
from rustorch.numpy._registry import TABLE

NAMES = sorted(name for name in numpy.__all__ if not name.startswith("__"))
OWN_TYPES = {"ndarray", "ufunc", "vectorize", "finfo", "iinfo"}
OWN_OBJECTS = {"r_", "c_", "mgrid", "ogrid"}
SUBMODULES = {"linalg", "fft", "random", "testing"}


@pytest.mark.parametrize("name", NAMES)
def test_name(name: str) -> None:
    theirs, ours = getattr(numpy, name), getattr(rnp, name)
    if name in SUBMODULES:
        assert isinstance(ours, types.ModuleType)
    elif name in OWN_TYPES:
        assert isinstance(ours, type)
        assert ours is not theirs
    elif name in OWN_OBJECTS:
        assert isinstance(ours[0:3], (rnp.ndarray, tuple))
    elif isinstance(theirs, numpy.ufunc):
        assert (ours.nin, ours.nout, ours.__name__) == (theirs.nin, theirs.nout, theirs.__name__)
        assert ours.identity is theirs.identity or ours.identity == theirs.identity
        assert pickle.loads(pickle.dumps(ours)) is ours
    elif isinstance(theirs, type) or not callable(theirs):
        assert ours is theirs
    else:
        assert callable(ours)
        assert ours.__doc__
        if hasattr(theirs, "__name__"):
            assert ours.__name__ == theirs.__name__
            assert pickle.loads(pickle.dumps(ours)) is ours


def test_all() -> None:
    assert set(NAMES) <= {*rnp.__all__, *SUBMODULES, *(n for n in NAMES if hasattr(rnp, n))}
    assert "ndarray" in rnp.__all__
    assert len(set(rnp.__all__)) == len(rnp.__all__)


def test_missing() -> None:
    with pytest.raises(AttributeError):
        rnp.no_such_name  # noqa: B018


def _parameters(function: Any) -> dict[str, Any] | None:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


SIGNED = [f for f in TABLE if _parameters(f) is not None]  # those of which NumPy gives a signature


@pytest.mark.parametrize("function", SIGNED, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_parameters(function: Any) -> None:
    """Ours take NumPy's parameters, in NumPy's order."""
    theirs, ours = _parameters(function), _parameters(TABLE[function].function)
    assert theirs is not None and ours is not None
    if any(p.kind is p.VAR_KEYWORD for p in ours.values()):
        return
    named = [name for name, p in theirs.items() if p.kind is not p.VAR_POSITIONAL and name not in ("kwargs", "like")]
    missing = [n for n in named if n not in ours and theirs[n].kind is not inspect.Parameter.POSITIONAL_ONLY]
    if any(p.kind is p.VAR_POSITIONAL for p in ours.values()):
        missing = [n for n in missing if theirs[n].kind is inspect.Parameter.KEYWORD_ONLY]
    assert not missing


@pytest.mark.parametrize(
    "text",
    [
        "np.sum([1.0, 2.0])",
        "np.zeros(3)",
        "np.sin(0.5)",
        "np.array([1, 2])",
        "np.add(1, 2)",
        "np.arange(3)",
        "np.where([True], 1, 2)",
        "np.linspace(0, 1)",
        "np.fromiter([1.0], float)",
        "np.dot([1], [2])",
        "np.sort([2, 1])",
    ],
)
def test_arrays(text: str) -> None:
    assert type(eval(text, {"np": rnp})) is rnp.ndarray


def test_a_tensor_keeps_memory_and_history() -> None:
    t = rustorch.tensor([1.0, 2.0], requires_grad=True)
    a = rnp.asarray(t)
    assert a.data_ptr() == t.data_ptr()
    rnp.sum(a * a).backward()
    assert t.grad is not None
    assert t.grad.tolist() == [2.0, 4.0]


def test_what_is_none_of_ours_stays_numpys() -> None:
    for made in (rnp.array(["a"]), rnp.zeros(2, object), rnp.array("2020", "M8[Y]"), rnp.ones(2, "longdouble")):
        assert type(made) is numpy.ndarray
