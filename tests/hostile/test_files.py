"""Files that are cut off, damaged or made up: an error, no crash, no memory taken on the file's word."""

import io
import json
import random
import resource

import numpy as np
import pytest

import rustorch as rt


def made(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def good():
    file = io.BytesIO()
    rt.save({"a": rt.arange(6.0).reshape(2, 3), "b": [rt.ones(3, dtype="bool"), 1.5, "x", {"c": rt.zeros(2, 2)}]}, file)
    return file.getvalue()


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"t": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


def structure(o):
    return {"__metadata__": {"rustorch": o if isinstance(o, str) else json.dumps(o)}}


BAD = {
    "empty": b"",
    "short": b"\x01\x02",
    "no header": (0).to_bytes(8, "little"),
    "huge header": made(b"{}", length=2**63),
    "header past the end": made(b"{}", length=50),
    "no json": made(b"{nonsense"),
    "a list": made([1]),
    "deep": made(b"[" * 100_000),
    "not utf-8": made(b'{"\xff\xfe": 1}'),
    "huge shape": made(entry(shape=(2**40, 2**40))),
    "overflowing shape": made(entry(shape=(2**62, 4))),
    "negative shape": made(entry(shape=(-1,))),
    "a float shape": made(entry(shape=(1.5,))),
    "bool shape": made(entry(shape=(True,))),
    "long shape": made(entry(shape=(1,) * 40, offsets=(0, 4)), b"1234"),
    "no data": made(entry()),
    "backward": made(entry(offsets=(8, 0)), b"12345678"),
    "past the end": made(entry(offsets=(4, 12)), b"12345678"),
    "wrong length": made(entry(offsets=(0, 4)), b"12345678"),
    "unknown dtype": made(entry("F7"), b"12345678"),
    "a list for a dtype": made(entry([1])),
    "empty and endless": made(entry(shape=(0, 2**62, 8), offsets=(0, 0))),
    "no shape": made({"t": {"dtype": "F32"}}),
    "entry is a number": made({"t": 3}),
    "overlapping": made({"t": entry()["t"], "u": entry()["t"]}, b"12345678"),
    "bad bool": made(entry("BOOL", (2,), (0, 2)), b"\x00\x07"),
    "structure no json": made(structure("{")),
    "structure of the unknown": made(structure({"is": "os.system"})),
    "structure without kind": made(structure({})),
    "a bare list": made(structure([1])),
    "no such tensor": made(structure({"is": "tensor", "name": "x", "dtype": "float32", "requires_grad": False})),
    "other dtype": made(
        {**entry(), **structure({"is": "tensor", "name": "t", "dtype": "int8", "requires_grad": False})}, b"12345678"
    ),
    "integers cannot require grad": made(
        {**entry("I64", (1,)), **structure({"is": "tensor", "name": "t", "dtype": "int64", "requires_grad": True})},
        b"12345678",
    ),
    "a list as a key": made(structure({"is": "dict", "items": [[{"is": "list", "items": []}, 1]]})),
    "pairs that are none": made(structure({"is": "dict", "items": [1]})),
    "items missing": made(structure({"is": "list"})),
    "deep structure": made(structure('{"is":"list","items":[' * 50_000)),
    "void": made(structure({"is": "scalar", "dtype": "V8", "value": 10**15})),
    "metadata a number": made(structure({"is": "OrderedDict", "items": [], "metadata": 3})),
    "a name that is a list": made(structure({"is": "tensor", "name": [], "dtype": "float32", "requires_grad": False})),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name):
    with pytest.raises(RuntimeError, match=r"load|grad"):
        rt.load(io.BytesIO(BAD[name]))


def test_cut_off():
    raw = good()
    for n in range(len(raw)):
        with pytest.raises(RuntimeError):
            rt.load(io.BytesIO(raw[:n]))


def test_damaged():
    """Any byte changed: the file is refused, or read as something else, and nothing worse."""
    raw, draw = good(), random.Random(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = refused = 0
    for _ in range(3000):
        damaged = bytearray(raw)
        for _ in range(draw.choice((1, 1, 2, 8))):
            damaged[draw.randrange(len(raw))] = draw.randrange(256)
        try:
            rt.load(io.BytesIO(bytes(damaged)))
            read += 1
        except (RuntimeError, NotImplementedError):
            refused += 1
    assert read and refused
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_every_bit():
    """A single bit that has changed is noticed, wherever it is."""
    file = io.BytesIO()
    rt.save({"w": rt.arange(6.0).reshape(2, 3), "lr": 0.5}, file)
    raw = file.getvalue()
    for at in range(len(raw)):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[at] ^= 1 << bit
            try:
                found = rt.load(io.BytesIO(bytes(damaged)))
            except RuntimeError:
                continue
            assert found["lr"] == 0.5 and found["w"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], (at, bit)


def test_bytes_that_belong_to_nothing():
    for bad in (made({}, b"1"), made(entry(), b"123456789"), made(entry(offsets=(1, 9)), b"123456789")):
        with pytest.raises(RuntimeError, match="not the"):
            rt.load(io.BytesIO(bad))


def test_a_file_that_shrinks_while_it_is_read():
    class Shrinking(io.BytesIO):
        def read(self, n=-1):
            return b"" if n == 8 and self.tell() > 8 else super().read(n)

        def readinto(self, room):
            return 0

    with pytest.raises(RuntimeError, match="ends within"):
        rt.load(Shrinking(made(entry(), np.ones(2, np.float32).tobytes())))
