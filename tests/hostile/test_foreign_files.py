"""Files of PyTorch and NumPy, and zip archives, that are made up or damaged: refused, without memory or calls."""

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch.errors import FileError

ROOT = Path(__file__).resolve().parents[2]


def test_damaged_files_of_every_format():
    """In a process of its own that may take little memory; see file_mutations.py."""
    found = subprocess.run(
        [sys.executable, ROOT / "tests" / "hostile" / "file_mutations.py", "150", "5"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    kinds = [line.split() for line in found.stdout.splitlines()]
    assert len(kinds) == 11 and all(0 < int(taken) < int(count) for _, count, taken in kinds)


def archive(data, parts=(), method=0):
    """A zip archive of torch.save with these values."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as z:
        z.writestr("archive/data.pkl", data)
        z.writestr("archive/version", "3\n")
        for name, part in dict(parts).items():
            z.writestr(f"archive/{name}", part)
    file.seek(0)
    return file


class Storage:
    def __init__(self, kind="FloatStorage", key="0", count=4, form=None):
        self.id = form or ("storage", getattr(torch, kind, kind), key, "cpu", count)


class Call:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def tensor(size=(4,), stride=(1,), offset=0, **storage):
    return Call(torch._utils._rebuild_tensor_v2, Storage(**storage), offset, size, stride, False, OrderedDict())


def pickled(o, protocol=2):
    class Pickler(pickle.Pickler):
        def persistent_id(self, o):
            return o.id if isinstance(o, Storage) else None

    file = io.BytesIO()
    Pickler(file, protocol).dump(o)
    return file.getvalue()


FOUR = {"data/0": np.arange(4, dtype=np.float32).tobytes()}


def test_the_makers_make_good_files():
    assert rt.load(archive(pickled(tensor()), FOUR)).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert rt.load(archive(pickled(tensor((2, 3), (1, 0), 2)), FOUR)).tolist() == [[2.0] * 3, [3.0] * 3]


WRONG = {
    "outside": tensor((5,)),
    "offset outside": tensor((1,), offset=4),
    "step outside": tensor((2, 2), (3, 1)),
    "negative stride": tensor((4,), (-1,), 3),
    "negative size": tensor((-4,)),
    "negative offset": tensor(offset=-1),
    "huge": tensor((2**62,), (0,)),
    "huge and empty": tensor((2**40, 2**40), (0, 0)),
    "overflow": tensor((2**61, 8), (4, 1)),
    "float size": tensor((4.0,)),
    "bool size": tensor((True,)),
    "text size": tensor("4"),
    "size None": tensor(None),
    "fewer strides": tensor((2, 2), (1,)),
    "many dimensions": tensor((1,) * 40, (1,) * 40),
    "no storage": Call(torch._utils._rebuild_tensor_v2, 3, 0, (4,), (1,), False, None),
    "few arguments": Call(torch._utils._rebuild_tensor_v2, 3),
    "missing storage": tensor(key="1"),
    "a storage elsewhere": tensor(key="../data.pkl"),
    "longer storage": tensor((4,), count=5),
    "shorter storage": tensor((2,), count=2),
    "negative storage": tensor(count=-4),
    "endless storage": tensor(count=2**70),
    "storage of text": tensor(count="4"),
    "no type": tensor(kind="FloatTensor"),
    "another id": tensor(form=("module", 1, 2, 3, 4)),
    "short id": tensor(form=("storage",)),
    "id a text": tensor(form="0"),
    "two lengths": [tensor(), tensor((3,), count=3)],
    "parameter of nothing": Call(torch._utils._rebuild_parameter, 3, True, OrderedDict()),
    "integers with gradient": [
        Call(torch._utils._rebuild_tensor_v2, Storage("LongStorage", count=2), 0, (2,), (1,), True, 0)
    ],
    "tensor of a class": Call(torch._tensor._rebuild_from_type_v2, torch._utils._rebuild_tensor_v2, dict, (), {}),
    "size of text": Call(torch.Size, ("a",)),
    "device": Call(torch.device, "nowhere"),
    "set of lists": Call(set, [[1]]),
    "tuple key": {((1, 2), 3): 1},
    "call": Call(os.system, "false"),
    "eval": Call(eval, "1"),
    "getattr": Call(getattr, "", "join"),
    "open": Call(open, "/etc/passwd"),
    "import": Call(__import__, "os"),
    "numpy": np.str_("a"),
    "numpy's objects": np.array([{}]),
    "a storage": Storage(),
    "a storage within": [({"a": Storage()},)],
    "a class": [OrderedDict],
    "a class of tensors": torch.Tensor,
    "a class of storages": {"a": torch.FloatStorage},
    "numpy's dtype": np.dtype("f8"),
    "bytearray of number": Call(bytearray, 10**9),
    "bytes of number": Call(bytes, 10**9),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("protocol", [2, 4])
def test_values_that_are_wrong(name, protocol):
    with pytest.raises((FileError, RuntimeError), match=r"load: |grad"):
        rt.load(archive(pickled(WRONG[name], protocol), FOUR))


def raw(text):
    return b"\x80\x02" + text + b"."


PICKLES = {
    "empty": b"",
    "no stop": b"\x80\x02}",
    "only stop": b"\x80\x02.",
    "two values": raw(b"}}"),
    "a mark": raw(b"("),
    "a module's function": raw(b"cos\nsystem\n(S'false'\ntR"),
    "inst": b"(S'false'\nios\nsystem\n.",
    "obj": raw(b"(cos\nsystem\no"),
    "build of a class": raw(b"ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aK\x01sb"),
    "build of a dict": raw(b"}}b"),
    "call of a dict": raw(b"})R"),
    "call of a dtype": raw(b"ctorch\nint8\n)R"),
    "arguments no tuple": raw(b"ccollections\nOrderedDict\n]R"),
    "append to a dict": raw(b"}K\x01a"),
    "items of a list": raw(b"]K\x01K\x02s"),
    "odd items": raw(b"}(K\x01u"),
    "list as a key": raw(b"}]K\x01s"),
    "no mark": raw(b"]K\x01e"),
    "memo of nothing": raw(b"h\x07"),
    "long text": raw(b"X\xff\xff\xff\xffab"),
    "longer text": b"\x80\x04\x8d" + b"\xff" * 8 + b"a.",
    "endless integer": raw(b"\x8b\xff\xff\xff\x7f1"),
    "negative length": raw(b"\x8b\xff\xff\xff\xff1"),
    "not utf-8": raw(b"X\x01\x00\x00\x00\xff"),
    "too few": raw(b"K\x01\x86"),
    "protocol 0": b"I1\n.",
    "extension": raw(b"\x82\x01"),
    "next buffer": raw(b"\x97"),
    "global of numbers": raw(b"K\x01K\x02\x93"),
    "a persistent text": raw(b"Pabc\n"),
    "no newline": raw(b"ctorch"),
    "pop of nothing": raw(b"0"),
    "dunder": raw(b"cbuiltins\n__import__\n"),
    "dotted": raw(b"ctorch\nSize.__class__\n"),
    "torch function": raw(b"ctorch\nload\n"),
    "new object": raw(b"ctorch.nn\nLinear\n)\x81"),
    "memo of a mark": raw(b"(q\x00"),
    "reduce a mark": raw(b"(R"),
    "millions of marks": raw(b"(" * 10**6),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_that_are_wrong(name):
    with pytest.raises(FileError, match="load: "):
        rt.load(archive(PICKLES[name]))


def test_nothing_is_hashed_or_copied_without_end():
    """Tuples of tuples of tuples, each twice the one before: 2**60 parts in a few hundred bytes."""
    doubling = raw(b"K\x01" + b"2\x86" * 60)
    assert type(rt.load(archive(doubling))) is tuple
    with pytest.raises(FileError, match="as a key"):
        rt.load(archive(raw(b"}" + doubling[2:-1] + b"K\x01s")))
    cyclic = rt.load(archive(raw(b"]q\x00h\x00a")))
    assert cyclic[0] is cyclic
    deep = rt.load(archive(raw(b"K\x01" + b"\x85" * 100_000)))
    while type(deep) is tuple:
        (deep,) = deep
    assert deep == 1


def test_deep_values_do_not_crash():
    made = rt.load(archive(raw(b"]" * 100_000 + b"a" * 99_999)))
    assert type(made) is list
    del made


# ---- archives ----


def test_bombs_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z, z.open("a.npy", "w", force_zip64=True) as f:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f8", "fortran_order": False, "shape": (2**27,)})
        for _ in range(2**30 // (1 << 24) + 1):
            f.write(bytes(1 << 24))
    assert file.tell() < 3_000_000
    with pytest.raises(FileError, match="inflates to"):
        rt.load(file if file.seek(0) == 0 else None)


@pytest.mark.parametrize("make", [lambda t: t.conj(), lambda t: t.conj().imag])
def test_a_view_of_one_element_does_not_become_memory(make):
    """As it is it is a view, in which steps of 0 are legal; conjugated it would be 2^40 elements."""
    held = make(torch.ones(1, dtype=torch.complex64).expand(2**40))
    f = io.BytesIO()
    torch.save(held, f)
    f.seek(0)
    with pytest.raises(FileError, match="more elements than its storage"):
        rt.load(f)
    f = io.BytesIO()
    torch.save(torch.ones(1).expand(2**40), f)
    f.seek(0)
    assert rt.load(f).shape == (2**40,)


def test_no_more_is_inflated_than_is_needed():
    """Entries that go on after what their own header, or the pickle, says."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z, z.open("a.npy", "w") as f:
        np.lib.format.write_array(f, np.arange(3))
        for _ in range(16):
            f.write(bytes(1 << 24))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert rt.load(file if file.seek(0) == 0 else None)["a"].tolist() == [0, 1, 2]
    with pytest.raises(FileError, match="has 268435456 bytes, not 16"):
        rt.load(archive(pickled(tensor()), {"data/0": bytes(1 << 28)}, zipfile.ZIP_DEFLATED))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < (1 << 28 >> 10) + 150_000  # KiB; the test itself makes one such block


def test_a_packed_pickle():
    """A million empty sets take a kilobyte of archive, and would take 200 MB."""
    with pytest.raises(FileError, match="inflates to"):
        rt.load(archive(raw(b"]" + b"\x8f0" * 10**6), method=zipfile.ZIP_DEFLATED))


def patched(raw, signature, offset, value):
    """All headers with a signature, a number in them changed."""
    made = bytearray(raw)
    at = raw.find(signature)
    while at >= 0:
        made[at + offset : at + offset + len(value)] = value
        at = raw.find(signature, at + 4)
    return bytes(made)


def test_archives_that_lie():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(100))
    good = file.getvalue()
    lies = {
        "inflated size": patched(good, b"PK\x01\x02", 24, struct.pack("<I", 10**9)),
        "compressed size": patched(good, b"PK\x01\x02", 20, struct.pack("<I", 10**9)),
        "method": patched(good, b"PK\x01\x02", 10, b"\x63\x00"),
        "encrypted": patched(good, b"PK\x01\x02", 8, b"\x01\x00"),
        "place": patched(good, b"PK\x01\x02", 42, struct.pack("<I", 10**9)),
        "checksum": patched(good, b"PK\x01\x02", 16, b"abcd"),
        "directory": patched(good, b"PK\x05\x06", 12, struct.pack("<I", 2**31)),
        "cut": good[:-30],
    }
    for name, bad in lies.items():
        with pytest.raises((FileError, NotImplementedError), match="load: "):
            rt.load(io.BytesIO(bad))
            raise AssertionError(name)


def test_names_and_places_that_are_there_twice():
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "w") as z:
        for _ in range(2):
            z.writestr("a.npy", b"x")
    with pytest.raises(FileError, match="overlap or have one name"):
        rt.load(file if file.seek(0) == 0 else None)
    file = io.BytesIO()
    np.savez(file, a=np.arange(10), b=np.arange(10))
    made = bytearray(file.getvalue())
    first = made.find(b"PK\x01\x02")
    second = made.find(b"PK\x01\x02", first + 4)
    made[second + 42 : second + 46] = made[first + 42 : first + 46]  # both directory entries lead to one place
    with pytest.raises(FileError, match="overlap"):
        rt.load(io.BytesIO(bytes(made)))


def test_damaged_numbers_are_noticed():
    """An archive's checksums tell when a byte of a tensor has changed."""
    file = io.BytesIO()
    torch.save({"a": torch.arange(100.0)}, file)
    made = bytearray(file.getvalue())
    at = made.find(np.arange(100, dtype=np.float32).tobytes())
    made[at + 37] ^= 4
    with pytest.raises(FileError, match="checksum"):
        rt.load(io.BytesIO(bytes(made)))


def test_big_endian_files():
    with pytest.raises(NotImplementedError, match="big-endian"):
        rt.load(archive(pickled(tensor()), {**FOUR, "byteorder": "big"}))


def test_old_streams_that_are_wrong():
    file = io.BytesIO()
    torch.save({"a": torch.arange(4.0), "b": torch.ones(3)}, file, _use_new_zipfile_serialization=False)
    good = file.getvalue()
    for n in range(0, len(good)):
        with pytest.raises(FileError):
            rt.load(io.BytesIO(good[:n]))
    with pytest.raises(FileError, match="pickle, not one of"):
        rt.load(io.BytesIO(pickle.dumps({"a": list(range(20))}, 2)))
    swapped = bytearray(good)
    swapped[good.find(b"\x88", good.find(b"little_endian"))] = 0x89  # True becomes False
    with pytest.raises(NotImplementedError, match="big-endian"):
        rt.load(io.BytesIO(bytes(swapped)))


# ---- arrays ----


def npy(header, data=b"", version=(1, 0), length=None):
    text = header if isinstance(header, bytes) else repr(header).encode()
    size = len(text) if length is None else length
    return io.BytesIO(
        b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size) + text + data
    )


def described(shape=(2,), descr="<f8", **more):
    return {"descr": descr, "fortran_order": False, "shape": shape, **more}


ARRAYS = {
    "cut": npy(described(), bytes(15)),
    "huge": npy(described((2**40, 2**40)), bytes(16)),
    "large": npy(described((10**9,))),
    "negative": npy(described((-2,)), bytes(16)),
    "text": npy(described("2"), bytes(16)),
    "no shape": npy({"descr": "<f8"}),
    "object": npy(described(descr="|O"), bytes(16)),
    "more": npy(described(more=1), bytes(16)),
    "list": npy([1]),
    "call": npy(b"__import__('os').getcwd()"),
    "no literal": npy(b"{'descr': <f8}"),
    "version": npy(described(), version=(9, 9)),
    "long header": npy(described(), length=2**16 - 1),
    "longer header": npy(described(), version=(2, 0), length=2**31),
    "deep": npy(b"(" * 9000),
    "no dtype": npy(described(descr="<f7"), bytes(16)),
    "bools": npy(described(descr="|b1"), b"\x00\x07"),
    "many dimensions": npy(described((1,) * 40), bytes(8)),
    "empty and endless": npy(described((0, 2**62, 8))),
    "digits": npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 5000 + b",)}"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_wrong(name):
    ARRAYS[name].seek(0)
    with pytest.raises(FileError, match="load: "):
        rt.load(ARRAYS[name])


# ---- mapped ----


def test_mapped_files_that_are_cut_off(tmp_path):
    """What is refused when it is read is refused when it is mapped."""
    rt.save({"a": rt.ones(100), "b": [1, 2]}, tmp_path / "x")
    good = (tmp_path / "x").read_bytes()
    for n in range(0, len(good), 7):
        (tmp_path / "y").write_bytes(good[:n])
        with pytest.raises(FileError):
            rt.load(tmp_path / "y", mmap=True)
    with pytest.raises(FileNotFoundError):
        rt.load(tmp_path / "none", mmap=True)
    with pytest.raises(IsADirectoryError):
        rt.load(tmp_path, mmap=True)
    with pytest.raises(IsADirectoryError):
        rt.load(tmp_path)


def test_a_mapped_file_that_is_replaced(tmp_path):
    """Saving anew does not touch what is mapped: the path leads to another file then."""
    rt.save({"a": rt.ones(100)}, tmp_path / "x")
    old = rt.load(tmp_path / "x", mmap=True)["a"]
    rt.save({"a": rt.zeros(3)}, tmp_path / "x")
    assert old.sum() == 100 and rt.load(tmp_path / "x")["a"].sum() == 0


def test_a_mapped_file_that_is_cut_later(tmp_path):
    """Lost pages end the process by SIGBUS, as numpy.memmap's do; the pages that are left can be used."""
    np.save(tmp_path / "a.npy", np.ones(1 << 16))
    for opening in ("rt.load(path, mmap=True)", "np.load(path, mmap_mode='r')"):
        code = f"""if True:
            import numpy as np, os, rustorch as rt, sys
            path = {str(tmp_path / "b.npy")!r}
            a = {opening}
            os.truncate(path, 8192)
            assert a[:500].sum() == 500
            print("here", flush=True)
            a.sum()"""
        (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes())
        # (a sanitizer would take the signal for a fault)
        plain = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_sigbus=0"}
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=plain, check=False
        )
        assert found.stdout == "here\n" and found.returncode == -7
