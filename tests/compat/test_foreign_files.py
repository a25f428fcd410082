"""Files of other programs: safetensors both ways, PyTorch's and NumPy's in; and files mapped into memory."""

import gzip
import io
import os
import tarfile
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

import rustorch as rt

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def theirs(dtype, *shape):
    t = torch.arange(int(np.prod(shape))).reshape(shape) - 1
    return t.to(getattr(torch, dtype))


def agree(ours, other):
    assert str(ours.dtype) == str(other.dtype).removeprefix("torch.") and tuple(ours.shape) == tuple(other.shape)
    assert ours.tolist() == other.tolist()


# ---- safetensors ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_safetensors_in(tmp_path, dtype, shape):
    t = theirs(dtype, *shape)
    if dtype == "complex128":
        with pytest.raises(Exception, match=r"complex128|dtype"):
            safetensors.torch.save_file({"t": t}, tmp_path / "t")
        return
    safetensors.torch.save_file({"t": t, "u": torch.ones(3)}, tmp_path / "t", {"format": "pt"})
    found = rt.load(tmp_path / "t")
    agree(found["t"], t)
    assert list(found) == sorted(found) or set(found) == {"t", "u"}
    agree(rt.load(tmp_path / "t", mmap=True)["t"], t)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "complex128"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_safetensors_out(tmp_path, dtype, shape):
    t = theirs(dtype, *shape)
    rt.save({"t": rt.from_dlpack(t) if t.numel() else rt.zeros(shape, dtype=dtype), "one": rt.ones(1)}, tmp_path / "t")
    found = safetensors.torch.load_file(tmp_path / "t")
    assert found["t"].dtype == t.dtype and torch.equal(found["t"], t)


def test_what_safetensors_has_and_we_lack(tmp_path):
    for name in ("float8_e4m3fn", "float8_e5m2"):
        safetensors.torch.save_file({"t": torch.zeros(2).to(getattr(torch, name))}, tmp_path / name)
        with pytest.raises(NotImplementedError, match=r"'t' is of dtype F8"):
            rt.load(tmp_path / name)


def test_metadata_do_not_matter(tmp_path):
    safetensors.numpy.save_file({"t": np.ones(2)}, tmp_path / "t", {"rust": "x", "é": "ü"})
    assert rt.load(tmp_path / "t")["t"].tolist() == [1.0, 1.0]


# ---- PyTorch ----

WAYS = [
    {},
    {"pickle_protocol": 3},
    {"pickle_protocol": 4},
    {"pickle_protocol": 5},
    {"_use_new_zipfile_serialization": False},
    {"_use_new_zipfile_serialization": False, "pickle_protocol": 4},
]


def of_torch(o, **way):
    file = io.BytesIO()
    torch.save(o, file, **way)
    file.seek(0)
    return file


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_tensors_of_torch(way):
    given = {dtype: theirs(dtype, *shape) for dtype, shape in zip(DTYPES, [(), (3,), (2, 3), (0, 4)] * 4, strict=False)}
    found = rt.load(of_torch(given, **way))
    assert list(found) == list(given)
    for name, t in given.items():
        agree(found[name], t)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_values_of_torch(way):
    given = {
        "n": None,
        "flag": True,
        3: [1, 2.5, float("inf"), "text", -1, 300, 70000, -5, 2**40],
        (1, "a"): {"set": {1, 2}, "fixed": frozenset("x")},
        "c": 1 - 2j,
        "raw": b"\x00\xff",
        "big": -(2**80),
        "empty": [[], (), {}, "", b"", set()],
        "five": (1, 2, 3, 4, 5),
        "array": bytearray(b"ab"),
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter([2, 2, 5]),
        "nested": {"a": {"b": [(1,), {"c": None}]}},
        "é": "\U0001f600",
        "sl": slice(1, 3),
        "long": "x" * 300,
        "many": list(range(2000)),
    }
    found = rt.load(of_torch(given, **way))
    assert found == given and type(found["ordered"]) is OrderedDict
    kinds = rt.load(of_torch([torch.float16, torch.Size([2, 3]), torch.device("cuda", 1), torch.int64], **way))
    assert kinds == [rt.float16, rt.Size((2, 3)), rt.device("cuda:1"), rt.int64] and type(kinds[1]) is rt.Size


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_strides_and_sharing(way):
    base = torch.arange(12.0).reshape(3, 4)
    views = {"base": base, "T": base.T, "step": base[::2, 1:3], "row": base[1], "wide": torch.ones(1).expand(4, 5)}
    found = rt.load(of_torch(views, **way))
    for name, t in views.items():
        agree(found[name], t)
        assert found[name].stride() == t.stride()
    found["base"][1, 2] = 77.0
    assert found["T"][2, 1] == 77.0 and found["row"][2] == 77.0
    assert found["wide"].untyped_storage().nbytes() == 4


def test_kinds_of_tensors_of_torch():
    parameter = torch.nn.Parameter(torch.ones(2))
    marked = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    marked.remark = "kept by PyTorch"
    given = [
        parameter,
        marked,
        torch.nn.Buffer(torch.ones(1)),
        torch.ones(1, requires_grad=True),
        torch.tensor([1 + 2j]).conj(),
        torch.tensor([1 + 2j]).conj().imag,
    ]
    found = rt.load(of_torch(given))
    assert [type(t) for t in found[:2]] == [rt.nn.Parameter] * 2
    assert [t.requires_grad for t in found] == [True, False, False, True, False, False]
    for ours, other in zip(found, given, strict=True):
        agree(ours.detach(), other.detach())


class Everything(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LSTM(4, 5))
        self.attention = torch.nn.MultiheadAttention(4, 2)
        self.tied = self.net


def test_state_dicts_and_checkpoints(tmp_path):
    net = Everything()
    optimizer = torch.optim.Adam(net.parameters())
    sum(p.sum() for p in net.parameters()).backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    torch.save(
        {
            "net": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "epoch": 3,
            "rng": torch.get_rng_state(),
        },
        tmp_path / "c.pt",
    )
    for options in ({}, {"map_location": "cpu", "weights_only": True}, {"mmap": True}):
        found = rt.load(tmp_path / "c.pt", **options)
        assert list(found["net"]) == list(net.state_dict()) and found["epoch"] == 3
        assert found["net"]._metadata == net.state_dict()._metadata
        for name, t in net.state_dict().items():
            agree(found["net"][name], t)
        assert found["net"]["tied.0.weight"].data_ptr() == found["net"]["net.0.weight"].data_ptr()
        agree(found["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])
    ours = rt.nn.Sequential(rt.nn.Conv2d(1, 2, 3), rt.nn.BatchNorm2d(2), rt.nn.LSTM(4, 5))
    ours.load_state_dict({k.removeprefix("net."): v for k, v in found["net"].items() if k.startswith("net.")})
    agree(ours[0].weight.detach(), net.net[0].weight.detach())


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_numbers_and_arrays_of_numpy(way):
    """They are common in checkpoints, though PyTorch reads them only with classes that are named."""
    given = {
        "loss": np.float64(0.25), "step": np.int32(-3), "flag": np.bool_(True), "big": np.dtype(">f4").type(2.0),
        "a": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(6).reshape(2, 3)), "e": np.zeros((0, 2)),
        "swapped": np.arange(3, dtype=">i2"), "c": np.array(1 + 2j), "b": np.array([True, False]), "same": None,
    }
    given["same"] = given["a"]
    found = rt.load(of_torch(given, **way))
    for name, value in given.items():
        assert type(found[name]) is type(value) and found[name].dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], value)
    assert found["same"] is found["a"]
    with pytest.raises(RuntimeError, match="dtype"):
        rt.load(of_torch(np.array(["a"]), **way))
    with pytest.raises(RuntimeError, match="dtype"):
        rt.load(of_torch(np.array([{}]), **way))


def test_no_checksums(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.arange(3)}, tmp_path / "x")
    finally:
        torch.serialization.set_crc32_options(True)
    assert rt.load(tmp_path / "x")["a"].tolist() == [0, 1, 2]


def test_packed_again(tmp_path):
    """An archive that another program has compressed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(of_torch({"a": torch.arange(1000)})) as old, zipfile.ZipFile(packed, "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    packed.seek(0)
    assert rt.load(packed)["a"].sum() == 499500


@pytest.mark.parametrize(
    "o, error, match",
    [
        (torch.nn.Linear(2, 2), RuntimeError, r"object of torch\.nn\.modules\.linear\.Linear.*state_dict"),
        ({"a": torch.zeros(2).to(torch.float8_e4m3fn)}, NotImplementedError, "float8_e4m3fn"),
        (range(3), RuntimeError, "xrange"),
        ([os.getcwd], RuntimeError, "getcwd"),
    ],
    ids=["module", "float8", "range", "function"],
)
def test_what_is_refused_of_torch(o, error, match):
    with pytest.raises(error, match=match):
        rt.load(of_torch(o))


def test_scripts_are_refused(tmp_path):
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.ones(1)), tmp_path / "x")
    with pytest.raises(NotImplementedError, match="TorchScript"):
        rt.load(tmp_path / "x")


# ---- for PyTorch ----


def test_files_for_torch(tmp_path):
    """torch.load reads them without unpickling objects, copied or mapped, and so do we."""
    net = rt.nn.Sequential(rt.nn.Linear(3, 2), rt.nn.BatchNorm1d(2))
    optimizer = rt.optim.Adam(net.parameters(), amsgrad=True)
    net(rt.randn(4, 3)).sum().backward()
    optimizer.step()
    given = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "lr": 0.5,
        "none": None,
        "yes": True,
        "list": [1, -1, 2**40, -(2**80), "é", b"\x00\xff", 1 - 2j, (), [], {}, (1, 2, 3, 4)],
        3: {"a"},
        "counter": Counter("aab"),
        "dtype": rt.float16,
        "size": rt.Size((2, 3)),
        "device": rt.device("cpu"),
        "number": np.float32(1.5),
        **{d: rt.arange(6).reshape(2, 3).to(d) for d in DTYPES},
        "T": rt.arange(6.0).reshape(2, 3).T,
        "empty": rt.zeros(0, 3),
        "one": rt.tensor(3.5),
        "p": rt.nn.Parameter(rt.ones(2)),
        "g": rt.ones(1, requires_grad=True),
    }
    rt.save(given, tmp_path / "x.pt", format="torch")
    for options in ({}, {"mmap": True}):
        theirs = torch.load(tmp_path / "x.pt", weights_only=True, **options)
        ours = rt.load(tmp_path / "x.pt", **options)
        assert list(theirs) == list(ours) == list(given)
        for name, value in given.items():
            if isinstance(value, rt.Tensor):
                agree(value.detach(), theirs[name].detach())
                agree(ours[name].detach(), theirs[name].detach())
                assert value.requires_grad == theirs[name].requires_grad == ours[name].requires_grad
            elif name not in ("net", "optimizer", "dtype", "size", "device"):
                assert theirs[name] == ours[name] == value
        assert type(theirs["p"]) is torch.nn.Parameter and theirs["dtype"] is torch.float16
        other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        other.load_state_dict(theirs["net"])
        assert theirs["net"]._metadata == net.state_dict()._metadata
        torch.optim.Adam(other.parameters(), amsgrad=True).load_state_dict(theirs["optimizer"])
        agree(net[0].weight.detach(), other[0].weight.detach())
    assert rt.save([rt.ones(2)] * 2, tmp_path / "tied.pt", format="torch") is None
    tied = torch.load(tmp_path / "tied.pt", weights_only=True)
    assert tied[0].data_ptr() == tied[1].data_ptr()


def test_what_is_not_for_torch(tmp_path):
    for bad, match in ((rt.nn.ReLU(), "state_dict"), ({"a": [object()]}, r"at a\.0"), ({"b": np.ones(2)}, "at b")):
        with pytest.raises(TypeError, match=match):
            rt.save(bad, tmp_path / "x.pt", format="torch")
    cyclic = []
    cyclic.append(cyclic)
    with pytest.raises(ValueError, match="itself"):
        rt.save(cyclic, tmp_path / "x.pt", format="torch")
    with pytest.raises(ValueError, match="format"):
        rt.save([], tmp_path / "x.pt", format="pickle")
    assert os.listdir(tmp_path) == []


# ---- NumPy ----


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
@pytest.mark.parametrize("order", "CF")
def test_arrays(tmp_path, dtype, order):
    for shape in ((), (3,), (2, 3), (2, 0), (2, 3, 4)):
        a = np.asarray(np.arange(np.prod(shape)).reshape(shape), dtype, order=order)
        np.save(tmp_path / "a.npy", a)
        for mmap in (False, True):
            t = rt.load(tmp_path / "a.npy", mmap=mmap)
            assert type(t) is rt.Tensor and t.dtype == a.dtype and t.tolist() == a.tolist()
            assert a.size < 2 or t.strides == a.strides
        np.save(tmp_path / "a.npy", a.astype(a.dtype.newbyteorder(">")))
        assert rt.load(tmp_path / "a.npy").tolist() == a.tolist()


def test_archives_of_arrays(tmp_path):
    given = {"a": np.arange(6).reshape(2, 3), "b.c": np.asfortranarray(np.ones((2, 3))), "d": np.array(3.5)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **given)
        for mmap in (False, True):
            found = rt.load(tmp_path / "x.npz", mmap=mmap)
            assert list(found) == list(given)
            for name, a in given.items():
                np.testing.assert_array_equal(found[name].numpy(), a)
    np.savez(tmp_path / "none.npz")
    assert rt.load(tmp_path / "none.npz") == {}


def test_arrays_that_are_no_tensors(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(RuntimeError, match="pickled objects"):
        rt.load(tmp_path / "o.npy")
    for a in (np.array(["a"]), np.zeros(2, "M8[s]"), np.zeros(2, [("a", "i4")]), np.zeros(2, np.longdouble)):
        np.save(tmp_path / "a.npy", a)
        with pytest.raises(NotImplementedError, match="dtype"):
            rt.load(tmp_path / "a.npy")


def test_the_kind_is_told_by_content(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    os.rename(tmp_path / "a.npy", tmp_path / "a.pt")
    assert rt.load(tmp_path / "a.pt").tolist() == [0, 1, 2]
    torch.save(torch.ones(2), tmp_path / "t.rustorch")
    assert rt.load(tmp_path / "t.rustorch").tolist() == [1.0, 1.0]
    (tmp_path / "text").write_text("no file of numbers at all")
    with pytest.raises(RuntimeError, match="no safetensors file"):
        rt.load(tmp_path / "text")
    (tmp_path / "h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(NotImplementedError, match="HDF5"):
        rt.load(tmp_path / "h5")
    (tmp_path / "gz").write_bytes(gzip.compress((tmp_path / "a.pt").read_bytes()))
    with pytest.raises(NotImplementedError, match="gzip"):
        rt.load(tmp_path / "gz")
    with gzip.open(tmp_path / "gz") as f:
        assert rt.load(f).tolist() == [0, 1, 2]
    with tarfile.open(tmp_path / "tar", "w") as t:
        t.add(tmp_path / "a.pt")
    with pytest.raises(NotImplementedError, match="tar archive"):
        rt.load(tmp_path / "tar")
    with zipfile.ZipFile(tmp_path / "z", "w") as z:
        z.writestr("a.txt", "x")
    with pytest.raises(RuntimeError, match="zip archive is neither"):
        rt.load(tmp_path / "z")


# ---- mapped ----


def mapped(path):
    """Are bytes of the file mapped into this process?"""
    with open("/proc/self/maps") as maps:
        return any(str(path) in line for line in maps)


@pytest.mark.parametrize("kind", ["rustorch", "safetensors", "pt", "npy", "npz"])
def test_mapped_files(tmp_path, kind):
    path, t = tmp_path / "file", torch.arange(1000.0)
    {
        "rustorch": lambda: rt.save({"t": rt.arange(1000.0)}, path),
        "safetensors": lambda: safetensors.torch.save_file({"t": t}, path),
        "pt": lambda: torch.save({"t": t}, path),
        "npy": lambda: np.save(path.open("wb"), t.numpy()),
        "npz": lambda: np.savez(path.open("wb"), t=t.numpy()),
    }[kind]()
    found = rt.load(path, mmap=True)
    found = found if kind == "npy" else found["t"]
    assert found.tolist() == t.tolist()
    aligned = kind != "npz"  # NumPy's archives do not align
    assert mapped(path) is aligned
    if aligned:
        with pytest.raises(RuntimeError, match="read-only"):
            found += 1
        with pytest.raises(RuntimeError, match="read-only"):
            found[0] = 1.0
        assert not found.numpy().flags.writeable
    assert (found + 1)[999] == 1000.0
    os.remove(path)
    assert found.sum() == t.sum().item()
    part = found[10:20]
    del found
    assert part[0] == 10.0
    del part
    assert not mapped(path)


def test_a_mapped_module(tmp_path):
    net = rt.nn.Linear(64, 64)
    net.save(tmp_path / "net.rustorch")
    again = rt.load(tmp_path / "net.rustorch", mmap=True)
    x = rt.randn(2, 64)
    assert rt.equal(again(x), net(x)) and mapped(tmp_path / "net.rustorch")
    loss = again(x).sum()
    loss.backward()
    assert rt.equal(again.weight.grad, rt.ones(64, 2) @ x)
    with pytest.raises(RuntimeError, match="read-only"):
        rt.optim.SGD(again.parameters(), lr=0.1).step()
    with pytest.raises(ValueError, match="path"):
        rt.load(io.BytesIO(b"12345678"), mmap=True)
