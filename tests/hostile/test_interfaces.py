"""Objects whose __array_interface__ or buffer is not what it should be."""
import gc
import sys

import numpy as np
import pytest

import rustorch


class Claims:
    """Twelve float32 numbers, described with whatever is overridden."""

    def __init__(self, **fields):
        self.memory = np.arange(12, dtype=np.float32)
        self.fields = fields

    @property
    def __array_interface__(self):
        honest = {"version": 3, "shape": (3, 4), "typestr": "<f4", "data": (self.memory.ctypes.data, False)}
        claimed = {**honest, **self.fields}
        return {key: value for key, value in claimed.items() if value is not ...}


def test_an_honest_interface():
    x = Claims()
    t = rustorch.asarray(x)
    assert t.data_ptr() == x.memory.ctypes.data
    assert np.asarray(t).tolist() == x.memory.reshape(3, 4).tolist()


WRONG_KINDS = [
    {"typestr": ...}, {"typestr": None}, {"typestr": b"<f4"}, {"typestr": 4}, {"typestr": ""},
    {"typestr": "<"}, {"typestr": "<f"}, {"typestr": "f4"}, {"typestr": "<f4x"}, {"typestr": "<f3"},
    {"typestr": "<f-4"}, {"typestr": "<f 4"}, {"typestr": "<f+4"}, {"typestr": "<f99999999999999999999"},
    {"typestr": "<f16"}, {"typestr": "<f04"}, {"typestr": "<V4"}, {"typestr": "|O8"}, {"typestr": "<U1"},
    {"typestr": "|S4"}, {"typestr": "<M8[s]"}, {"typestr": "<m8"}, {"typestr": "?b1"},
    {"typestr": "<f4\0"}, {"typestr": ">f4"}, {"typestr": ">i8"}, {"typestr": "\ud800f4"}, {"shape": ...},
    {"shape": None}, {"shape": 12}, {"shape": [3, 4]}, {"shape": (3.0, 4)}, {"shape": ("3",)},
    {"shape": (None,)}, {"strides": 4}, {"strides": [16, 4]}, {"strides": (16.0, 4)}, {"strides": "no"},
    {"data": 5}, {"data": ()}, {"data": (1,)}, {"data": (1, 2, 3)}, {"data": ("0x10", False)},
    {"data": (1.5, False)}, {"data": "text"}, {"data": None}, {"data": ...}, {"mask": np.zeros(12, bool)},
]


@pytest.mark.parametrize("lie", WRONG_KINDS, ids=ascii)
def test_wrong_kinds(lie):
    with pytest.raises((TypeError, UnicodeEncodeError)):
        rustorch.asarray(Claims(**lie))


WRONG_VALUES = [
    {"shape": (-1,)}, {"shape": (3, -4)}, {"shape": (2**62, 4)}, {"shape": (2**32, 2**32)},
    {"shape": (2**70,)}, {"shape": (1,) * 33}, {"shape": (2**63 - 1,)}, {"strides": (4,)},
    {"strides": (4, 4, 4)}, {"strides": (2**62, 4)}, {"strides": (-2**63, 4)}, {"strides": (2**70, 4)},
    {"data": (0, False)},
]


@pytest.mark.parametrize("lie", WRONG_VALUES, ids=str)
def test_wrong_values(lie):
    with pytest.raises(ValueError):
        rustorch.asarray(Claims(**lie))


@pytest.mark.parametrize("address", [-1, 2**64, 2**80, -2**70])
def test_impossible_addresses(address):
    with pytest.raises((OverflowError, ValueError)):
        rustorch.asarray(Claims(data=(address, False)))


@pytest.mark.parametrize("value", [None, 5, [], "text", ()])
def test_no_dict(value):
    class Odd:
        __array_interface__ = value

    with pytest.raises(TypeError):
        rustorch.asarray(Odd())


def test_errors_of_the_property_pass_through():
    class Raises:
        @property
        def __array_interface__(self):
            raise OverflowError("mine")

    with pytest.raises(OverflowError, match="mine"):
        rustorch.asarray(Raises())


# ---- with a buffer there is something to check against ----

@pytest.mark.parametrize("claim", [
    {"shape": (12,)}, {"shape": (3, 4)}, {"shape": (2, 4), "offset": 16},
    {"shape": (12,), "strides": (-4,), "offset": 44}, {"shape": (), "offset": 44},
    {"shape": (0, 5), "offset": 48}, {"shape": (9, 12), "strides": (0, 4)},
])
def test_inside_the_buffer(claim):
    x = Claims(data=bytearray(range(48)), **claim)
    t = rustorch.asarray(x)
    theirs = np.asarray(x)
    assert np.asarray(t).shape == theirs.shape
    np.testing.assert_array_equal(np.asarray(t), theirs)


@pytest.mark.parametrize("claim", [
    {"shape": (13,)}, {"shape": (3, 5)}, {"shape": (12,), "offset": 4}, {"shape": (2,), "strides": (-4,)},
    {"shape": (2,), "strides": (48,)}, {"shape": (), "offset": 48}, {"shape": (), "offset": 45},
    {"shape": (12,), "offset": -4}, {"shape": (1,), "offset": 2**40}, {"shape": (1,), "offset": 2**70},
    {"shape": (2**40,)}, {"shape": (0,), "offset": 49}, {"shape": (12,), "strides": (-4,), "offset": 40},
])
def test_outside_the_buffer(claim):
    with pytest.raises(ValueError):
        rustorch.asarray(Claims(data=bytearray(48), **claim))


def test_a_buffer_is_held_and_given_back():
    memory = bytearray(48)
    t = rustorch.asarray(Claims(data=memory))
    with pytest.raises(BufferError):
        memory.append(1)
    del t
    gc.collect()
    memory.append(1)


def test_bytes_are_read_only():
    assert memoryview(rustorch.asarray(Claims(data=bytes(48)))).readonly


def test_refused_objects_are_let_go():
    x = Claims(shape=(-1,))
    count = sys.getrefcount(x)
    for _ in range(100):
        with pytest.raises(ValueError, match="negative"):
            rustorch.asarray(x)
    assert sys.getrefcount(x) == count


# ---- buffers ----

@pytest.mark.parametrize("make", [
    lambda: np.zeros(3, ">f4"), lambda: np.zeros(3, ">i8"), lambda: np.zeros(3, "g"),
    lambda: np.zeros(3, "G"), lambda: np.zeros(3, "S4"), lambda: np.zeros(3, "U4"),
    lambda: np.zeros(3, "V4"), lambda: np.zeros(3, [("a", "f4"), ("b", "i4")]),
    lambda: np.zeros(3, object), lambda: memoryview(bytearray(4)).cast("c"),
    lambda: np.zeros(2, ("f4", 3)).view([("a", "f4", 3)]),
])
def test_formats_we_lack_are_named(make):
    x = make()
    with pytest.raises(TypeError):
        rustorch.asarray(memoryview(x))


def test_a_buffer_of_too_many_dimensions():
    x = np.zeros((1,) * 40, np.float32)
    with pytest.raises((ValueError, BufferError), match="40"):
        rustorch.asarray(memoryview(x))


def test_released_memoryview():
    x = memoryview(bytearray(8))
    x.release()
    with pytest.raises(ValueError, match="released"):
        rustorch.asarray(x)
