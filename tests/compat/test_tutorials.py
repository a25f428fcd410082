"""Programs as tutorials and courses have them, run twice: as they stand, with PyTorch, and with rustorch imported
in its place.  What a program returns must agree.

A program is a function without arguments in a file of tests/compat/tutorials.  It returns a dictionary: tensors,
arrays, numbers, texts and nestings of them are compared; a list under a name that begins with `falls` is only
asked to fall, and a tensor under one that begins with `like` to have the same shape and dtype: these are drawn from
random numbers, which differ.  tutorial_inputs.py has numbers and weights that are the same on both sides.
"""
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

import rustorch

FOLDER = Path(__file__).parent / "tutorials"
# names that only the files' own classes and functions use begin with an underscore, or take arguments
PROGRAM = re.compile(r"^def ([a-z]\w*)\(\):", re.MULTILINE)
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9}


def translated(source):
    """The source with rustorch imported instead of PyTorch, as its user would edit it."""
    source = re.sub(r"^(\s*)import torch$", r"\1import rustorch as torch", source, flags=re.MULTILINE)
    return re.sub(r"^(\s*)(import|from) torch\.", r"\1\2 rustorch.",
                  re.sub(r"^(\s*)from torch import", r"\1from rustorch import", source, flags=re.MULTILINE),
                  flags=re.MULTILINE)


def loaded(path, library):
    source = path.read_text()
    if library is rustorch:
        source = translated(source)
    name = f"{path.stem}_with_{library.__name__}"
    space = {"__name__": name, "__file__": str(path)}
    exec(compile(source, str(path), "exec"), space)
    return space


_SPACES = {}


def outcome(path, program, library):
    key = (path, library.__name__)
    if key not in _SPACES:
        _SPACES[key] = loaded(path, library)
    np.random.seed(zlib.crc32(program.encode()))
    library.manual_seed(0)
    default = library.get_default_dtype()
    try:
        return _SPACES[key][program]()
    finally:
        library.set_default_dtype(default)


def plain(value):
    if isinstance(value, (torch.Tensor, rustorch.Tensor)):
        value = value.detach().resolve_conj() if isinstance(value, torch.Tensor) else value.detach()
        return value.float().numpy() if "bfloat16" in str(value.dtype) else value.numpy()
    return value


def same(ours, theirs, where):
    name = where.rsplit(".", 1)[-1]
    if name.startswith("falls"):
        for losses in (theirs, ours):
            half = max(1, len(losses) // 4)
            assert np.isfinite(losses).all() and np.mean(losses[-half:]) < np.mean(losses[:half]), (where, losses)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key in theirs:
            same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, str):
        assert ours.replace("rustorch", "torch") == theirs, where
    elif isinstance(theirs, (list, tuple)) and not isinstance(theirs, torch.Size):
        assert len(ours) == len(theirs), where
        for k, (a, b) in enumerate(zip(ours, theirs)):
            same(a, b, f"{where}.{k}" if not name.startswith("like") else where)
    elif theirs is None or isinstance(theirs, (bool, int, torch.Size)):
        assert ours == theirs, where
    else:
        a, b = np.asarray(plain(ours)), np.asarray(plain(theirs))
        assert a.shape == b.shape, where
        if isinstance(theirs, torch.Tensor):
            assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch."), where
        if not name.startswith("like"):
            near = TOLERANCE.get(str(b.dtype), 2e-4) if isinstance(theirs, (torch.Tensor, np.ndarray)) else 2e-4
            np.testing.assert_allclose(a, b, rtol=near, atol=near, err_msg=where)


PROGRAMS = [(path, name) for path in sorted(FOLDER.glob("*.py")) for name in PROGRAM.findall(path.read_text())
            if not name.startswith("_")]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The programs are small: PyTorch's threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("path,program", PROGRAMS, ids=[f"{path.stem}-{name}" for path, name in PROGRAMS])
def test_program(path, program):
    theirs = outcome(path, program, torch)
    ours = outcome(path, program, rustorch)
    same(ours, theirs, program)


def test_translation_leaves_no_import():
    for path in FOLDER.glob("*.py"):
        assert not re.search(r"^\s*(?:import|from) torch\b", translated(path.read_text()), re.MULTILINE), path


def test_differences_are_found():
    good = {"a": torch.ones(2), "falls": [2.0, 1.0], "text": "x"}
    same({"a": rustorch.ones(2), "falls": [3.0, 1.0], "text": "x"}, good, "p")
    for bad in ({"a": rustorch.ones(3)}, {"a": rustorch.ones(2, dtype="float64")}, {"a": rustorch.zeros(2)},
                {"falls": [1.0, 2.0]}, {"text": "y"}):
        with pytest.raises(AssertionError):
            same({"a": rustorch.ones(2), "falls": [3.0, 1.0], "text": "x", **bad}, good, "p")
