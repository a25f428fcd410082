"""Descriptions of memory that lie: every one is an exception, none a crash, and the
producer's deleter is called exactly once whatever happens."""
import ctypes
import subprocess
import sys
import threading

import numpy as np
import pytest

import rustorch

api = ctypes.pythonapi
api.PyCapsule_New.restype = ctypes.py_object
api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_GetName.restype = ctypes.c_char_p
api.PyCapsule_GetName.argtypes = [ctypes.py_object]
HUGE = 2**62


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
                ("deleter", DELETER), ("flags", ctypes.c_uint64), ("tensor", DLTensor)]


class Legacy(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Producer:
    """Twelve float32 numbers as a 3x4 tensor, described with whatever is overridden."""

    def __init__(self, versioned=True, shape=(3, 4), strides=None, major=1, minor=3, flags=0,
                 deleter=True, **fields):
        self.data = np.arange(12, dtype=np.float32)
        self.deleted = 0
        self.name = b"dltensor_versioned" if versioned else b"dltensor"
        self.managed = Versioned() if versioned else Legacy()
        t = self.managed.tensor
        t.data, t.device_type, t.ndim = self.data.ctypes.data, 1, len(shape or ())
        t.code, t.bits, t.lanes = 2, 32, 1
        if shape is not None:
            t.shape = self.shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        if strides is not None:
            t.strides = self.strides = (ctypes.c_int64 * max(len(strides), 1))(*strides)
        for name, value in fields.items():
            setattr(t, name, value)
        if deleter:
            self.managed.deleter = self.callback = DELETER(self.delete)
        if versioned:
            self.managed.major, self.managed.minor, self.managed.flags = major, minor, flags

    def delete(self, pointer):
        assert pointer == ctypes.addressof(self.managed)
        self.deleted += 1

    def capsule(self):
        return api.PyCapsule_New(ctypes.addressof(self.managed), self.name, None)

    def __dlpack__(self, **keywords):
        return self.capsule()


both = pytest.mark.parametrize("versioned", [True, False], ids=["versioned", "legacy"])


@both
def test_an_honest_producer(versioned):
    p = Producer(versioned)
    t = rustorch.from_dlpack(p)
    assert t.data_ptr() == p.data.ctypes.data
    assert np.asarray(t).tolist() == p.data.reshape(3, 4).tolist()
    assert p.deleted == 0
    del t
    assert p.deleted == 1


@both
@pytest.mark.parametrize("fields, expected", [
    ({"shape": (4, 3), "strides": (1, 4)}, lambda a: a.reshape(3, 4).T),
    ({"shape": (2, 2), "byte_offset": 8}, lambda a: a[2:6].reshape(2, 2)),
    ({"shape": (3,), "strides": (-2,), "byte_offset": 44}, lambda a: a[::-2][:3]),
    ({"shape": (), "byte_offset": 4}, lambda a: a[1]),
    ({"shape": None, "ndim": 0}, lambda a: a[0]),
    ({"shape": (5, 12), "strides": (0, 1)}, lambda a: np.broadcast_to(a, (5, 12))),
    ({"shape": (3, 0, HUGE), "data": None}, None),
    ({"shape": (0,), "data": None}, lambda a: a[:0]),
    ({"shape": (0, 2), "strides": (HUGE, -HUGE)}, lambda a: np.zeros((0, 2))),
    ({"shape": (1, 12), "strides": (HUGE, 1)}, lambda a: a[None]),
    ({"shape": (1,) * 32}, lambda a: a[:1].reshape((1,) * 32)),
    ({"device_type": 3}, lambda a: a.reshape(3, 4)),
])
def test_unusual_but_true(versioned, fields, expected):
    p = Producer(versioned, **fields)
    if expected is None:         # its strides would not fit: refused although it has no element
        with pytest.raises(BufferError):
            rustorch.from_dlpack(p)
    else:
        t = rustorch.from_dlpack(p)
        assert np.asarray(t).shape == np.shape(expected(p.data))
        assert np.asarray(t).tolist() == expected(p.data).tolist()
        del t
    assert p.deleted == 1


LIES = [
    {"ndim": -1}, {"ndim": 33}, {"ndim": 2**31 - 1}, {"shape": None, "ndim": 2}, {"shape": (1,) * 33},
    {"shape": (3, -4)}, {"shape": (-1,)}, {"shape": (-2**63,)}, {"shape": (HUGE, 2)},
    {"shape": (2**32, 2**32)}, {"shape": (HUGE,)}, {"shape": (2**31, 2**31, 2**31, 2**31)},
    {"shape": (3, 4), "strides": (HUGE, 1)}, {"shape": (3, 4), "strides": (2**60, 1)},
    {"shape": (3,), "strides": (-2**63,)}, {"shape": (2**40, 2**20), "strides": (2**20, 2**40)},
    {"shape": (3,), "strides": (-2**60,)}, {"data": None}, {"data": None, "byte_offset": 64},
    {"byte_offset": 2**64 - 4}, {"byte_offset": 2**63}, {"lanes": 0}, {"lanes": 4}, {"bits": 0},
    {"bits": 31}, {"bits": 128}, {"bits": 255}, {"code": 3}, {"code": 8, "bits": 8},
    {"code": 17, "bits": 4}, {"code": 6, "bits": 1}, {"code": 4, "bits": 32}, {"code": 5, "bits": 32},
    {"code": 200},
]


@both
@pytest.mark.parametrize("lie", LIES, ids=str)
def test_impossible_descriptions(versioned, lie):
    p = Producer(versioned, **lie)
    with pytest.raises(BufferError, match="from_dlpack"):
        rustorch.from_dlpack(p)
    assert p.deleted == 1


@both
@pytest.mark.parametrize("device", [0, 2, 4, 7, 10, 13, 99, -1, 2**31 - 1])
def test_memory_we_cannot_read(versioned, device):
    p = Producer(versioned, device_type=device)
    with pytest.raises(rustorch.DeviceError, match="cpu"):
        rustorch.from_dlpack(p)
    assert p.deleted == 1


@pytest.mark.parametrize("major", [0, 2, 2**32 - 1])
def test_versions_we_cannot_read(major):
    """Beyond version, context and deleter nothing may be looked at."""
    p = Producer(major=major, data=None, shape=None, ndim=77)
    with pytest.raises(BufferError, match="version"):
        rustorch.from_dlpack(p)
    assert p.deleted == 1


def test_later_minor_versions_are_read():
    assert np.asarray(rustorch.from_dlpack(Producer(minor=99))).shape == (3, 4)


@both
def test_no_deleter(versioned):
    p = Producer(versioned, deleter=False)
    t = rustorch.from_dlpack(p)
    del t
    with pytest.raises(BufferError):
        rustorch.from_dlpack(Producer(versioned, deleter=False, lanes=2))


def test_read_only_flag():
    p = Producer(flags=1)
    t = rustorch.from_dlpack(p)
    assert memoryview(t).readonly
    with pytest.raises((ValueError, RuntimeError)):
        t[0, 0] = 1.0
    assert p.data[0] == 0


def test_copied_flag():
    p = Producer(flags=2)
    with pytest.raises(BufferError, match="copy=False"):
        rustorch.from_dlpack(p, copy=False)
    assert p.deleted == 1
    p = Producer(flags=2)
    t = rustorch.from_dlpack(p, copy=True)
    assert t.data_ptr() == p.data.ctypes.data, "a copy of a copy"
    p = Producer()
    t = rustorch.from_dlpack(p, copy=True)
    assert t.data_ptr() != p.data.ctypes.data
    assert p.deleted == 1


@both
@pytest.mark.parametrize("offset", [1, 2, 3])
def test_misaligned(versioned, offset):
    fields = {"byte_offset": offset, "shape": (2,), "code": 0}
    p = Producer(versioned, **fields)
    t = rustorch.from_dlpack(p)
    assert p.deleted == 1, "the copy needs the original no more"
    assert np.asarray(t).tolist() == np.frombuffer(p.data.tobytes(), np.int32, 2, offset).tolist()
    p = Producer(versioned, **fields)
    with pytest.raises(BufferError, match="align"):
        rustorch.from_dlpack(p, copy=False)
    assert p.deleted == 1


@both
def test_consumed_capsules(versioned):
    p = Producer(versioned)
    capsule = p.capsule()
    t = rustorch.from_dlpack(capsule)
    with pytest.raises(ValueError, match="consumed"):
        rustorch.from_dlpack(capsule)
    assert p.deleted == 0
    del t
    assert p.deleted == 1


@both
def test_refused_capsules_are_consumed(versioned):
    p = Producer(versioned, lanes=3)
    capsule = p.capsule()
    with pytest.raises(BufferError):
        rustorch.from_dlpack(capsule)
    with pytest.raises(ValueError, match="consumed"):
        rustorch.from_dlpack(capsule)
    assert p.deleted == 1


@pytest.mark.parametrize("name", [b"", b"dltensor ", b"DLTENSOR", b"dlpack_exchange_api", None])
def test_other_capsules(name):
    p = Producer()
    with pytest.raises(TypeError, match="capsule"):
        rustorch.from_dlpack(api.PyCapsule_New(ctypes.addressof(p.managed), name, None))
    assert p.deleted == 0


class Returns:
    def __init__(self, value):
        self.value = value

    def __dlpack__(self, **keywords):
        return self.value() if callable(self.value) else self.value


def boom():
    raise OverflowError("mine")


@pytest.mark.parametrize("x", [
    None, 3, "dltensor", object(), Returns(None), Returns(5), Returns([]), [1, 2], Returns, np.ndarray])
def test_wrong_kinds(x):
    with pytest.raises(TypeError):
        rustorch.from_dlpack(x)


def test_errors_of_the_producer_pass_through():
    with pytest.raises(OverflowError, match="mine"):
        rustorch.from_dlpack(Returns(boom))


class NoMethod:
    __dlpack__ = 5


def test_dlpack_that_is_no_method():
    with pytest.raises(TypeError):
        rustorch.from_dlpack(NoMethod())


# ---- our own exports, treated badly ----

def managed_of(t):
    capsule = t.__dlpack__(max_version=(1, 3))
    return capsule, Versioned.from_address(api.PyCapsule_GetPointer(capsule, b"dltensor_versioned"))


def test_what_we_export():
    t = rustorch.from_numpy(np.arange(6, dtype=np.int16).reshape(2, 3).T)
    capsule, m = managed_of(t)
    d = m.tensor
    assert (m.major, m.minor, m.flags) == (1, 3, 0)
    assert (d.data, d.device_type, d.device_id, d.byte_offset) == (t.data_ptr(), 1, 0, 0)
    assert (d.ndim, d.code, d.bits, d.lanes) == (2, 0, 16, 1)
    assert (d.shape[:2], d.strides[:2]) == ([3, 2], [1, 3])
    capsule, m = managed_of(rustorch.from_numpy(np.ones(())))
    assert m.tensor.ndim == 0
    assert m.tensor.shape
    assert m.tensor.strides
    capsule, m = managed_of(rustorch.from_numpy(np.ones((2, 0, 3))))
    assert m.tensor.data is None
    assert m.tensor.strides[:3] == [3, 3, 1]
    capsule = t.__dlpack__(max_version=(1, 3), copy=True)
    m = Versioned.from_address(api.PyCapsule_GetPointer(capsule, b"dltensor_versioned"))
    assert m.flags == 2
    assert m.tensor.data != t.data_ptr()


def test_deleter_in_a_thread_without_the_gil():
    a = np.ones(1000)
    count = sys.getrefcount(a)
    capsule, m = managed_of(rustorch.from_numpy(a))
    api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
    used = b"used_dltensor_versioned"
    api.PyCapsule_SetName(capsule, used)
    thread = threading.Thread(target=m.deleter, args=(ctypes.addressof(m),))   # CFUNCTYPE lets the GIL go
    thread.start()
    thread.join()
    assert sys.getrefcount(a) == count


def test_a_deleter_called_after_the_interpreter():
    code = """
import ctypes, numpy as np, rustorch
get = ctypes.pythonapi.PyCapsule_GetPointer
get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
t = rustorch.from_numpy(np.ones(1000))
capsule = t.__dlpack__(max_version=(1, 0))
managed = get(capsule, b"dltensor_versioned")
deleter = ctypes.c_void_p.from_address(managed + 16).value
ctypes.pythonapi.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
name = ctypes.create_string_buffer(b"used_dltensor_versioned")
ctypes.pythonapi.PyCapsule_SetName(capsule, ctypes.cast(name, ctypes.c_char_p))
ctypes.pythonapi.Py_IncRef(ctypes.py_object(name))
atexit = ctypes.CDLL(None).__cxa_atexit       # f(arg) is called by exit(), when Python is gone
atexit.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
assert atexit(deleter, managed, None) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


class Table(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("previous", ctypes.c_void_p),
                ("allocate", ctypes.c_void_p), ("from_object", ctypes.c_void_p),
                ("to_object", ctypes.c_void_p), ("borrow", ctypes.c_void_p), ("stream", ctypes.c_void_p)]


SET_ERROR = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)


def table():
    capsule = rustorch.Tensor.__dlpack_c_exchange_api__
    return Table.from_address(api.PyCapsule_GetPointer(capsule, b"dlpack_exchange_api"))


def function(address, *arguments, kind=ctypes.PYFUNCTYPE):
    return kind(ctypes.c_int, *arguments)(address)


def allocate(prototype, errors):
    call = function(table().allocate, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, SET_ERROR,
                    kind=ctypes.CFUNCTYPE)        # lets the GIL go, as a compiled caller may
    out = ctypes.c_void_p()
    report = SET_ERROR(lambda context, kind, message: errors.append((kind.decode(), message.decode())))
    return call(ctypes.addressof(prototype), ctypes.addressof(out), None, report), out.value


def test_exchange_table():
    assert (table().major, table().minor) == (1, 3)
    stream = function(table().stream, ctypes.c_int, ctypes.c_int32, ctypes.c_void_p)
    out = ctypes.c_void_p(5)
    assert stream(1, 0, ctypes.addressof(out)) == 0
    assert out.value is None
    with pytest.raises(rustorch.DeviceError):
        stream(2, 0, ctypes.addressof(out))
    from_object = function(table().from_object, ctypes.py_object, ctypes.c_void_p)
    with pytest.raises(TypeError):
        from_object(np.ones(3), ctypes.addressof(out))


def test_exchange_table_there_and_back():
    from_object = function(table().from_object, ctypes.py_object, ctypes.c_void_p)
    to_object = function(table().to_object, ctypes.c_void_p, ctypes.c_void_p)
    t = rustorch.from_numpy(np.arange(3.0))
    managed, out = ctypes.c_void_p(), ctypes.py_object()
    assert from_object(t, ctypes.addressof(managed)) == 0
    assert to_object(managed, ctypes.addressof(out)) == 0
    again = out.value
    assert again.data_ptr() == t.data_ptr()
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(again))      # the table's reference
    p = Producer(lanes=2)
    with pytest.raises(BufferError):
        to_object(ctypes.addressof(p.managed), ctypes.addressof(out))
    assert p.deleted == 1


def test_exchange_allocator():
    errors = []
    prototype = Producer(shape=(5, 7), data=None).managed.tensor
    shape = (ctypes.c_int64 * 2)(5, 7)
    prototype.shape = shape
    rc, pointer = allocate(prototype, errors)
    assert (rc, errors) == (0, [])
    m = Versioned.from_address(pointer)
    assert m.tensor.shape[:2] == [5, 7]
    assert m.tensor.strides[:2] == [7, 1]
    m.deleter(pointer)
    for name, value in (("lanes", 2), ("device_type", 2), ("ndim", 40), ("ndim", -1)):
        before = getattr(prototype, name)
        setattr(prototype, name, value)
        errors.clear()
        assert allocate(prototype, errors) == (-1, None)
        assert len(errors) == 1
        assert errors[0][1]
        setattr(prototype, name, before)
    for lengths in ((-1, 2), (HUGE, HUGE), (2**40, 2**20)):
        shape[:] = lengths
        errors.clear()
        assert allocate(prototype, errors) == (-1, None)
        assert len(errors) == 1
