"""One memory under several libraries: every dtype, layout, partner and protocol, both ways.

Each exchange is judged by three things: equal addresses, a write on this side that the other
side reads, and the reverse.
"""
import array
import ctypes
import struct

import array_api_strict
import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import as_strided

import rustorch

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
          "float16", "float32", "float64", "complex64", "complex128"]

LAYOUTS = {
    "whole": lambda a: a,
    "scalar": lambda a: a[1, 2, 3:4].reshape(()),
    "vector": lambda a: a[1, 1],
    "empty": lambda a: a[:, 0:0],
    "offset": lambda a: a[1:, 1:, 1:],
    "strided": lambda a: a[:, ::2, 1::3],
    "transposed": lambda a: a.T,
    "permuted": lambda a: a.transpose(1, 0, 2),
    "length one": lambda a: a[:, 1:2, ::4],
    "diagonal": lambda a: as_strided(a[0], (3,), (a.strides[1] + a.strides[2],)),
    "broadcast": lambda a: as_strided(a, (5, *a.shape), (0, *a.strides)),
}
REVERSED = {
    "reversed": lambda a: a[::-1],
    "reversed inside": lambda a: a[:, :, ::-2],
    "reversed all": lambda a: a[::-1, ::-1, ::-1],
}


def make(dtype, layout):
    """A view of an array of different elements."""
    base = (np.arange(24).reshape(2, 3, 4) % (2 if dtype == "bool" else 100)).astype(dtype)
    return {**LAYOUTS, **REVERSED}[layout](base)


def address(x):
    return x.data_ptr() if hasattr(x, "data_ptr") else np.asarray(x).ctypes.data


def values(x):
    """x's elements as an ndarray, read by x's own library."""
    if isinstance(x, torch.Tensor):
        return np.array(x.tolist(), dtype=x.numpy().dtype).reshape(tuple(x.shape))
    return np.array(np.asarray(x))


def assert_shared(ours, theirs, a):
    """a: an ndarray with the layout and the values of both."""
    expected, once = a.copy(), tuple(slice(0, 1) if step == 0 else slice(None) for step in a.strides)
    np.testing.assert_array_equal(values(ours), expected)
    np.testing.assert_array_equal(values(theirs), expected)
    assert values(theirs).dtype == expected.dtype
    if not expected.size:
        return
    assert address(ours) == address(theirs)
    theirs[once] = 1
    assert (values(ours) == 1).all(), "their write does not show here"
    ours[once] = 0
    assert not values(theirs).any(), "our write does not show there"


IMPORTS = {
    "numpy from_numpy": lambda a: (a, rustorch.from_numpy(a)),
    "numpy dlpack": lambda a: (a, rustorch.from_dlpack(a)),
    "numpy interface": lambda a: (a, rustorch.asarray(Described(a))),
    "memoryview": lambda a: (a, rustorch.asarray(memoryview(a))),
    "torch dlpack": lambda a: (x := torch.from_numpy(a), rustorch.from_dlpack(x)),
    "torch from_torch": lambda a: (x := torch.from_numpy(a), rustorch.from_torch(x)),
    "torch capsule": lambda a: (x := torch.from_numpy(a), rustorch.from_dlpack(x.__dlpack__())),
    "strict dlpack": lambda a: (a, rustorch.from_dlpack(array_api_strict.from_dlpack(a))),
}


class Described:
    """An object that has nothing but an interface."""

    def __init__(self, a):
        self.a = a

    @property
    def __array_interface__(self):
        return self.a.__array_interface__


EXPORTS = {
    "numpy asarray": np.asarray,
    "numpy numpy()": lambda t: t.numpy(),
    "numpy dlpack": np.from_dlpack,
    "numpy memoryview": lambda t: np.asarray(memoryview(t)),
    "numpy interface": lambda t: np.asarray(Described(t)),
    "torch dlpack": torch.from_dlpack,
    "torch legacy capsule": lambda t: torch.from_dlpack(t.__dlpack__()),
    "torch to_torch": lambda t: t.to_torch(),
    "strict dlpack": lambda t: np.from_dlpack(array_api_strict.from_dlpack(t)),
}


def skips(partner, dtype):
    return partner.startswith("strict") and dtype == "float16"     # not in the standard


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("partner", IMPORTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_import_shares(partner, layout, dtype):
    if skips(partner, dtype):
        return
    a = make(dtype, layout)
    theirs, ours = IMPORTS[partner](a)
    assert_shared(ours, theirs, a)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("partner", EXPORTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_export_shares(partner, layout, dtype):
    if skips(partner, dtype):
        return
    a = make(dtype, layout)
    ours = rustorch.from_numpy(a)
    assert_shared(ours, EXPORTS[partner](ours), a)


@pytest.mark.parametrize("layout", REVERSED)
@pytest.mark.parametrize("partner", ["numpy from_numpy", "numpy dlpack", "numpy interface", "memoryview"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_import_of_reversed_shares(partner, layout, dtype):
    a = make(dtype, layout)
    theirs, ours = IMPORTS[partner](a)
    assert_shared(ours, theirs, a)


@pytest.mark.parametrize("layout", REVERSED)
@pytest.mark.parametrize("partner", ["numpy asarray", "numpy numpy()", "numpy memoryview", "numpy interface"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_export_of_reversed_shares(partner, layout, dtype):
    a = make(dtype, layout)
    ours = rustorch.from_numpy(a)
    assert_shared(ours, EXPORTS[partner](ours), a)


@pytest.mark.parametrize("layout", REVERSED)
@pytest.mark.parametrize("partner", [name for name in EXPORTS if "dlpack" in name or "torch" in name])
def test_dlpack_of_reversed_is_a_copy(partner, layout):
    """PyTorch's importer aborts the process on a negative stride: none is ever given out."""
    a = make("float32", layout)
    ours = rustorch.from_numpy(a)
    theirs = EXPORTS[partner](ours)
    np.testing.assert_array_equal(values(theirs), a)
    theirs[...] = -1
    assert (values(ours) != -1).all()
    with pytest.raises(BufferError, match="copy=False"):
        ours.__dlpack__(copy=False)


@pytest.mark.parametrize("view", [
    lambda x: x, lambda x: x[0, 1], lambda x: x.permute(2, 0, 1), lambda x: x[:, ::2], lambda x: x[:, 0:0],
    lambda x: x[1, 2, 3]])
def test_bfloat16_with_torch(view):
    x = view(torch.arange(24).reshape(2, 3, 4).bfloat16())
    ours = rustorch.from_dlpack(x)
    y = torch.from_dlpack(ours)
    assert y.dtype == torch.bfloat16
    assert y.tolist() == x.tolist()
    if x.numel():
        assert x.data_ptr() == ours.data_ptr() == y.data_ptr()
        y.fill_(3.5)
        assert (x == 3.5).all()


def test_bfloat16_elsewhere_says_why():
    ours = rustorch.from_dlpack(torch.ones(3).bfloat16())
    with pytest.raises(BufferError, match="bfloat16"):
        memoryview(ours)
    with pytest.raises(AttributeError, match="bfloat16"):
        _ = ours.__array_interface__


@pytest.mark.parametrize("x, dtype", [
    (array.array("d", [1, 2, 3]), "float64"),
    (array.array("b", [1, 2, 3]), "int8"),
    (array.array("Q", [1, 2, 3]), "uint64"),
    ((ctypes.c_float * 3)(1, 2, 3), "float32"),
    ((ctypes.c_int16 * 2 * 3)((1, 2), (3, 4), (5, 6)), "int16"),
    (memoryview(bytearray(b"\1\2\3")), "uint8"),
    (memoryview(bytearray(16)).cast("f", (2, 2)), "float32"),
])
def test_buffers_of_the_standard_library(x, dtype):
    ours = rustorch.asarray(x)
    assert_shared(ours, np.asarray(x), np.array(x, dtype=dtype))


@pytest.mark.parametrize("code", "?bBhHiIlLqQnNefd")
def test_every_native_format(code):
    size = memoryview(np.zeros(1, code if code not in "nN" else np.intp)).itemsize
    x = (np.arange(4) % 2).astype({"n": "intp", "N": "uintp"}.get(code, code))
    view = memoryview(x) if code in "e" else memoryview(bytearray(x.tobytes())).cast(code)
    ours = rustorch.asarray(view)
    assert values(ours).itemsize == size
    assert values(ours).tolist() == x.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_buffer_formats_are_numpys(dtype):
    a = np.ones((2, 3), dtype)
    ours, theirs = memoryview(rustorch.from_numpy(a)), memoryview(a)
    for fact in ("format", "itemsize", "ndim", "shape", "strides", "nbytes", "readonly", "c_contiguous",
                 "f_contiguous"):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("layout", [*LAYOUTS, *REVERSED])
@pytest.mark.parametrize("dtype", DTYPES)
def test_interface_is_numpys(layout, dtype):
    a = make(dtype, layout)
    ours, theirs = rustorch.from_numpy(a).__array_interface__, a.__array_interface__
    assert ours["version"] == 3
    for key in ("shape", "typestr"):
        assert ours[key] == theirs[key], key
    if a.size:
        assert ours["data"] == theirs["data"]
        used = [i for i, n in enumerate(a.shape) if n > 1]     # the others may have any stride
        assert all((ours["strides"] or a.strides)[i] == a.strides[i] for i in used)


def test_a_flat_buffer_is_refused():
    """torch.asarray asks for flat bytes before it looks for DLPack; it must not get them."""
    ours = rustorch.from_numpy(np.arange(6.0).reshape(2, 3))
    with pytest.raises((RuntimeError, ValueError, BufferError)):
        torch.asarray(ours)
    with pytest.raises(BufferError, match="shape"):
        struct.unpack_from("d", ours)


def test_steps_that_are_no_whole_elements():
    """A complex64 field of a 12-byte record: the buffer protocol can say it, DLPack cannot."""
    a = np.zeros(3, [("z", "complex64"), ("pad", "float32")])["z"]
    a[:] = [1, 2j, 3]
    ours = rustorch.asarray(Described(a))
    assert address(ours) == a.ctypes.data
    np.testing.assert_array_equal(torch.from_dlpack(ours).numpy(), a)
    with pytest.raises(BufferError):
        ours.__dlpack__(copy=False)


@pytest.mark.parametrize("bring", [Described, memoryview])
def test_misaligned_memory_is_copied(bring):
    a = np.ndarray(4, "f8", bytearray(40), offset=1)
    a[:] = [1, 2, 3, 4]
    assert not a.flags.aligned
    ours = rustorch.asarray(bring(a))
    assert address(ours) % 8 == 0
    assert values(ours).tolist() == [1, 2, 3, 4]


def test_own_tensors_come_back_on_the_same_memory():
    ours = rustorch.from_numpy(np.arange(3.0))
    again = rustorch.from_dlpack(ours)
    assert again is not ours
    assert again.data_ptr() == ours.data_ptr()
    assert rustorch.from_dlpack(ours, copy=True).data_ptr() != ours.data_ptr()
