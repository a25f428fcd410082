"""save and load: what comes back is what went in, for checkpoints of PyTorch's kinds."""

import io
import itertools
import os
from collections import Counter, OrderedDict

import numpy as np
import pytest

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


def through(o):
    file = io.BytesIO()
    rt.save(o, file)
    file.seek(0)
    return rt.load(file)


def through_a_mapping(o, path):
    rt.save(o, path)
    return rt.load(path, mmap=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_tensors(dtype, shape, tmp_path):
    t = (rt.arange(int(np.prod(shape))).reshape(shape) - 1).to(dtype)
    for back in (through(t), through_a_mapping(t, tmp_path / "t")):
        assert back.dtype == t.dtype and back.shape == t.shape
        assert rt.equal(back, t)


def test_views_and_memory():
    t = rt.arange(12.0).reshape(3, 4)
    back = through({"t": t.T, "step": t[::2, 1:3], "one": t, "same": t, "detached": t.detach()})
    assert rt.equal(back["t"], t.T) and rt.equal(back["step"], t[::2, 1:3])
    assert back["one"].data_ptr() == back["same"].data_ptr() == back["detached"].data_ptr()
    back["one"][0, 0] = 9
    assert back["same"][0, 0] == 9


def test_everything_that_fits():
    o = {
        "n": None,
        "flag": True,
        3: [1, 2.5, float("inf"), -0.0, "text"],
        (1, "a"): {"set": {1, 2}, "fixed": frozenset("x")},
        "c": 1 - 2j,
        "raw": b"\x00\xff",
        "dtype": rt.float16,
        "device": rt.device("cpu"),
        "shape": rt.ones(2, 3).shape,
        "array": np.arange(3, dtype=np.int16),
        "number": np.float32(1.5),
        "big": 2**80,
        "empty": [],
        "nested": ((), {}),
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter([2, 2, 5]),
        "nan": float("nan"),
    }
    back = through(o)
    assert isinstance(back.pop("array"), np.ndarray) and np.isnan(back.pop("nan"))
    assert (
        type(back["ordered"]) is OrderedDict and type(back["shape"]) is rt.Size and type(back["number"]) is np.float32
    )
    assert back == {k: v for k, v in o.items() if k not in ("array", "nan")}
    assert str(back[3][3]) == "-0.0"


def test_kinds_of_tensors():
    back = through([rt.nn.Parameter(rt.ones(2)), rt.nn.Buffer(rt.ones(1)), rt.ones(1, requires_grad=True), rt.ones(1)])
    assert [type(t) for t in back] == [rt.nn.Parameter, rt.nn.Buffer, rt.Tensor, rt.Tensor]
    assert [t.requires_grad for t in back] == [True, False, True, False] and all(t.is_leaf for t in back)


def make(lib):
    return lib.nn.Sequential(lib.nn.Conv2d(1, 3, 3), lib.nn.BatchNorm2d(3), lib.nn.Flatten(), lib.nn.Linear(12, 2))


def test_training_goes_on_from_a_checkpoint(tmp_path):
    """Stopped after three steps and loaded into fresh objects: the same bits as without."""
    x, y = rt.randn(5, 1, 4, 4), rt.tensor([0, 1, 0, 1, 1])

    def step(net, optimizer, schedule):
        optimizer.zero_grad()
        rt.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        schedule.step()

    def fresh():
        net = make(rt)
        optimizer = rt.optim.Adam(net.parameters(), lr=0.01, amsgrad=True)
        return net, optimizer, rt.optim.lr_scheduler.StepLR(optimizer, 2)

    net, optimizer, schedule = fresh()
    for _ in range(3):
        step(net, optimizer, schedule)
    path = tmp_path / "checkpoint.pt"
    rt.save(
        {
            "net": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "rng": rt.get_rng_state(),
        },
        path,
    )
    again = fresh()
    saved = rt.load(path, map_location="cpu", weights_only=True)
    assert saved["net"]._metadata == net.state_dict()._metadata
    for object_, name in zip(again, ("net", "optimizer", "schedule"), strict=True):
        object_.load_state_dict(saved[name])
    for _ in range(3):
        step(net, optimizer, schedule)
        step(*again)
    for a, b in zip(net.state_dict().values(), again[0].state_dict().values(), strict=True):
        assert rt.equal(a, b)


def test_the_container_is_safetensors(tmp_path):
    """Names, places and dtypes as the format has them, tensors in file order without gaps."""
    import json

    rt.save({"net": make(rt).state_dict()}, tmp_path / "x")
    raw = (tmp_path / "x").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert set(header["__metadata__"]) == {"rustorch", "rustorch_crc32"}
    del header["__metadata__"]
    assert header["net.0.weight"] == {
        "dtype": "F32",
        "shape": [3, 1, 3, 3],
        "data_offsets": header["net.0.weight"]["data_offsets"],
    }
    places = sorted(entry["data_offsets"] for entry in header.values())
    assert places[0][0] == 0 and all(a[1] == b[0] for a, b in itertools.pairwise(places))
    assert places[-1][1] == len(raw) - 8 - length


def test_refusals(tmp_path):
    for bad, match in (({"a": [object()]}, r"at a\.0"), (lambda: 0, "function")):
        with pytest.raises(TypeError, match=match):
            rt.save(bad, tmp_path / "x")
    assert os.listdir(tmp_path) == []
    cyclic = []
    cyclic.append({"a": cyclic})
    with pytest.raises(ValueError, match="itself"):
        rt.save(cyclic, tmp_path / "x")
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        rt.load(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        rt.save({}, tmp_path / "none" / "x")
    with pytest.raises(TypeError, match="bytes"):
        rt.load(io.StringIO("abc"))
    rt.save(1, tmp_path / "x")
    with pytest.raises(RuntimeError):
        rt.load(tmp_path / "x", map_location="cuda")
    with pytest.raises(ValueError, match="path"):
        rt.load(io.BytesIO(b"12345678"), mmap=True)


def test_paths(tmp_path):
    """Of every type; links, permissions and devices stay what they are."""
    rt.save([1], os.fsencode(tmp_path / "bytes"))
    assert rt.load(os.fsencode(tmp_path / "bytes")) == [1] and rt.load(str(tmp_path / "bytes")) == [1]
    (tmp_path / "link").symlink_to(tmp_path / "bytes")
    os.chmod(tmp_path / "bytes", 0o600)
    rt.save([2], tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and rt.load(tmp_path / "bytes") == [2]
    assert os.stat(tmp_path / "bytes").st_mode & 0o777 == 0o600
    rt.save([3], os.devnull)
    assert not os.path.isfile(os.devnull)
    with pytest.raises(IsADirectoryError):
        rt.save([4], tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["bytes", "link"]


def test_a_failed_save_leaves_the_old_file(tmp_path):
    rt.save([1], tmp_path / "x")
    with pytest.raises(TypeError):
        rt.save([object()], tmp_path / "x")
    assert rt.load(tmp_path / "x") == [1] and os.listdir(tmp_path) == ["x"]


SCHEDULES = {
    "StepLR": (2,), "MultiStepLR": ([1, 2],), "ExponentialLR": (0.9,), "CosineAnnealingLR": (5,),
    "CosineAnnealingWarmRestarts": (5,), "OneCycleLR": (0.1, 10), "LambdaLR": (lambda e: 0.9,), "LinearLR": (),
    "ReduceLROnPlateau": (), "CyclicLR": (0.1, 0.2), "PolynomialLR": (), "ConstantLR": (),
    "MultiplicativeLR": (lambda e: 0.9,),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_states_of_schedules(name):
    def fresh():
        optimizer = rt.optim.SGD([rt.nn.Parameter(rt.ones(1))], lr=0.1, momentum=0.9)
        return optimizer, getattr(rt.optim.lr_scheduler, name)(optimizer, *SCHEDULES[name])

    def steps(optimizer, schedule):
        for _ in range(3):
            optimizer.step()
            schedule.step(*((0.5,) if name == "ReduceLROnPlateau" else ()))

    first, again = fresh(), fresh()
    steps(*first)
    for ours, other in zip(first, again, strict=True):
        other.load_state_dict(through(ours.state_dict()))
    steps(*first)
    steps(*again)
    assert first[0].param_groups[0]["lr"] == again[0].param_groups[0]["lr"]


OPTIMIZERS = [cls for cls in vars(rt.optim).values() if isinstance(cls, type) and issubclass(cls, rt.optim.Optimizer)]


@pytest.mark.parametrize("cls", [c for c in OPTIMIZERS if c.__name__ not in ("Optimizer", "SparseAdam")])
def test_states_of_optimizers(cls):
    def step(p, optimizer):
        p.grad = (p * p).detach()
        optimizer.step(lambda: (p * p).sum())

    first, again = ((p, cls([p], lr=0.1)) for p in (rt.nn.Parameter(rt.ones(3, 3)), rt.nn.Parameter(rt.ones(3, 3))))
    step(*first)
    again[1].load_state_dict(through(first[1].state_dict()))
    with rt.no_grad():
        again[0].copy_(first[0])
    step(*first)
    step(*again)
    assert rt.equal(first[0], again[0])
