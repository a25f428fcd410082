"""What the two sides of an exchange may ask of each other: versions, copies, devices, streams,
and memory that must not be written."""
import ctypes
import operator

import numpy as np
import pytest
import torch

import rustorch


def capsule_name(capsule):
    get = ctypes.pythonapi.PyCapsule_GetName
    get.restype, get.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return get(capsule).decode()


def ones(readonly=False):
    a = np.ones((2, 3), np.float32)
    a.flags.writeable = not readonly
    return rustorch.from_numpy(a)


@pytest.mark.parametrize("max_version, name", [
    (None, "dltensor"), ((0, 8), "dltensor"), ((1, 0), "dltensor_versioned"), ((1, 3), "dltensor_versioned"),
    ((1, 9), "dltensor_versioned"), ((2, 0), "dltensor_versioned")])
def test_version_decides_the_capsule(max_version, name):
    assert capsule_name(ones().__dlpack__(max_version=max_version)) == name


def test_device():
    assert ones().__dlpack_device__() == (1, 0)
    assert capsule_name(ones().__dlpack__(dl_device=(1, 0))) == "dltensor"
    assert capsule_name(ones().__dlpack__(dl_device=torch.ones(1).__dlpack_device__())) == "dltensor"
    with pytest.raises(BufferError, match=r"\(2, 0\)"):
        ones().__dlpack__(dl_device=(2, 0))


@pytest.mark.parametrize("keywords", [
    {"max_version": 1}, {"max_version": (1,)}, {"max_version": (1, "0")}, {"max_version": (1, 0, 0)},
    {"max_version": (2**70, 0)}, {"max_version": [1, 0]}, {"dl_device": "cpu"}, {"dl_device": (1.0, 0)},
    {"copy": 1}, {"copy": "no"}, {"stream": "1"}, {"stream": 1.0}, {"version": (1, 0)}])
def test_export_refuses_other_types(keywords):
    with pytest.raises(TypeError, match="__dlpack__"):
        ones().__dlpack__(**keywords)


def test_export_takes_keywords_only():
    with pytest.raises(TypeError):
        ones().__dlpack__(None)


@pytest.mark.parametrize("stream", [1, 0, 2**80])
def test_the_cpu_has_no_streams(stream):
    with pytest.raises(BufferError, match="stream"):
        ones().__dlpack__(stream=stream)
    assert ones().__dlpack__(stream=None)
    assert ones().__dlpack__(stream=-1)


@pytest.mark.parametrize("consume", [np.from_dlpack, torch.from_dlpack])
def test_copy_is_honoured_on_export(consume):
    t = ones()
    copied = consume(t, copy=True)
    copied[...] = 5
    assert (np.asarray(t) == 1).all()
    shared = consume(t, copy=False)
    shared[...] = 7
    assert (np.asarray(t) == 7).all()


@pytest.mark.parametrize("make", [lambda: np.ones(4), lambda: torch.ones(4)])
def test_copy_is_honoured_on_import(make):
    x = make()
    at = x.ctypes.data if isinstance(x, np.ndarray) else x.data_ptr()
    assert rustorch.from_dlpack(x).data_ptr() == at
    assert rustorch.from_dlpack(x, copy=None).data_ptr() == at
    assert rustorch.from_dlpack(x, copy=False).data_ptr() == at
    assert rustorch.from_dlpack(x, device="cpu").data_ptr() == at
    assert rustorch.from_dlpack(x, device="cpu", copy=False).data_ptr() == at
    copied = rustorch.from_dlpack(x, copy=True)
    assert copied.data_ptr() != at
    copied[...] = 5
    assert (np.asarray(x) == 1).all()


def test_a_copy_of_read_only_memory_may_be_written():
    a = np.ones(4)
    a.flags.writeable = False
    copied = rustorch.from_dlpack(a, copy=True)
    copied[...] = 5
    assert np.asarray(copied).tolist() == [5] * 4


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cpu:1", "meta", 7])
def test_other_devices_are_refused_with_advice(device):
    with pytest.raises(rustorch.DeviceError, match="cpu"):
        rustorch.from_dlpack(np.ones(3), device=device)


@pytest.mark.parametrize("keywords", [{"copy": 1}, {"copies": True}])
def test_import_refuses_other_keywords(keywords):
    with pytest.raises(TypeError, match="from_dlpack"):
        rustorch.from_dlpack(np.ones(3), **keywords)


class OldProducer:
    """A producer from before DLPack 1.0: no keywords but stream."""

    def __init__(self, a):
        self.a = torch.as_tensor(a)

    def __dlpack__(self, stream=None):
        return self.a.__dlpack__(stream=stream)


def test_old_producers():
    a = np.ones(4)
    assert rustorch.from_dlpack(OldProducer(a)).data_ptr() == a.ctypes.data
    assert rustorch.from_dlpack(OldProducer(a), copy=False).data_ptr() == a.ctypes.data
    assert rustorch.from_dlpack(OldProducer(a), copy=True).data_ptr() != a.ctypes.data


def test_read_only_arrays_stay_so():
    t = ones(readonly=True)
    with pytest.raises(BufferError, match="read-only"):
        t.__dlpack__()
    assert not np.from_dlpack(t).flags.writeable
    assert not np.asarray(t).flags.writeable
    assert memoryview(t).readonly
    assert t.__array_interface__["data"][1] is True
    again = rustorch.from_dlpack(np.from_dlpack(t))
    assert again.data_ptr() == t.data_ptr()
    assert memoryview(again).readonly
    assert memoryview(rustorch.asarray(memoryview(b"abcd"))).readonly


@pytest.mark.parametrize("write", [lambda t: operator.setitem(t, 0, 1.0)])
def test_writing_to_read_only_memory_raises(write):
    t = ones(readonly=True)
    with pytest.raises((ValueError, RuntimeError)):
        write(t)
    with pytest.raises((ValueError, RuntimeError)):
        write(rustorch.asarray(memoryview(bytes(8)).cast("d")))


def test_tensors_that_require_grad_go_out_read_only():
    t = ones().requires_grad_()
    with pytest.raises(BufferError, match="detach"):
        t.__dlpack__()
    for theirs in (np.from_dlpack(t), np.asarray(t), np.asarray(memoryview(t))):
        assert not theirs.flags.writeable
        assert theirs.ctypes.data == t.data_ptr()
    assert not torch.from_dlpack(t).requires_grad
    assert torch.from_dlpack(t.detach().__dlpack__()).data_ptr() == t.data_ptr()


def test_torch_tensors_that_torch_would_not_export():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        rustorch.from_dlpack(x)
    assert rustorch.from_torch(x).data_ptr() == x.data_ptr()
    z = torch.tensor([1 + 2j, 3 + 4j])
    with pytest.raises(BufferError, match="conj"):
        rustorch.from_dlpack(z.conj())
    with pytest.raises(BufferError, match="resolve_neg"):
        rustorch.from_dlpack(z.conj().imag)
    for x in (torch.ones(3, device="meta"), torch.eye(3).to_sparse()):
        with pytest.raises((BufferError, RuntimeError)):
            rustorch.from_dlpack(x)


def test_subclasses_speak_for_themselves():
    class Shouting(torch.Tensor):
        def __dlpack__(self, **keywords):
            raise BufferError("not to you")

    with pytest.raises(BufferError, match="not to you"):
        rustorch.from_dlpack(torch.ones(3).as_subclass(Shouting))
    parameter = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    assert rustorch.from_dlpack(parameter).data_ptr() == parameter.data_ptr()


def test_compiled_consumers_find_the_table():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    t = ones()
    echo = tvm_ffi.get_global_func("testing.echo")
    back = echo(t)
    assert isinstance(back, rustorch.Tensor)
    assert back.data_ptr() == t.data_ptr()
