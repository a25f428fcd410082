"""Good files of every format, damaged in many ways, and what reading them does.

    python tests/hostile/file_mutations.py COUNT SEED      read so many damaged files of each format

A reader may refuse (a RuntimeError of ours, or NotImplementedError) or read something else; another exception, a crash,
or memory beyond a bound set here ends the process with an error.
"""

import io
import json
import pathlib
import random
import re
import resource
import sys
import tempfile
import warnings
import zipfile
import zlib

import numpy as np
import sklearn.metrics  # noqa: F401  (what a model's metrics load, before memory is limited)

import rustorch as rt
import rustorch.metrics

ROOM = 200 << 20  # bytes beyond what the process has when it starts to read
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x2E, 0x28, 0x52)
LARGE = (2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def good_files():
    """Format: bytes."""
    import torch

    def of(write):
        file = io.BytesIO()
        write(file)
        return file.getvalue()

    from rustorch.interop.program import Program, Ref, Step

    steps = [Step("self.layer", (Ref("x"),), {}, ("y",)), Step("relu", (Ref("y"),), {}, ("z",))]
    program = Program(["x"], steps, Ref("z"), {"layer": rt.nn.TransformerEncoderLayer(4, 2, 8), "w": rt.ones(2)})
    model = rt.Model("m")
    model.add(rt.nn.Linear(3, 4))
    model.add("Dropout(0.5)")
    model.compile(optimizer="sgd", loss="mse")
    net = rt.nn.Sequential(
        rt.nn.Linear(3, 2), rt.nn.LSTM(2, 2), rt.nn.TransformerEncoderLayer(4, 2, 8), rt.nn.Flatten()
    )
    values = {
        "a": torch.arange(6.0).reshape(2, 3).T,
        "b": [torch.nn.Parameter(torch.ones(3)), 1.5, "x", (1, {2})],
        "c": torch.tensor([True, False]),
        "sd": torch.nn.Linear(2, 2).state_dict(),
        "r": b"ab",
        "n": 2**70,
        "np": [np.float64(1.5), np.arange(3)],
    }
    return {
        "safetensors": of(
            lambda f: rt.serialization.save_safetensors({"a": rt.ones(2, 3), "b": rt.zeros(2).bool()}, f)
        ),
        "rustorch": of(
            lambda f: rt.save({"a": rt.ones(2, 3), "b": [rt.zeros(2), 1.5, "x", {"c": 1 + 2j}], "d": (1, 2)}, f)
        ),
        "module": of(lambda f: net.save(f)),
        "program": of(lambda f: program.save(f)),
        "model": of(lambda f: model.save(f)),
        "pt": of(lambda f: torch.save(values, f)),
        "pt4": of(lambda f: torch.save(values, f, pickle_protocol=4)),
        "stream": of(lambda f: torch.save(values, f, _use_new_zipfile_serialization=False)),
        "npy": of(lambda f: np.save(f, np.arange(6).reshape(2, 3))),
        "npz": of(lambda f: np.savez(f, a=np.arange(6), b=np.ones((2, 2)))),
        "deflated": of(lambda f: np.savez_compressed(f, a=np.arange(600), b=np.ones((2, 2)))),
    }


# ---- damage ----


def flipped(raw, draw):
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)


def set_bytes(raw, draw):
    for _ in range(draw.choice((1, 1, 2, 4))):
        raw[draw.randrange(len(raw))] = draw.choice((*INTERESTING, draw.randrange(256)))


def large_numbers(raw, draw):
    width = draw.choice((2, 4, 8))
    at = draw.randrange(max(len(raw) - width, 1))
    raw[at : at + width] = (draw.choice(LARGE) % 2 ** (8 * width)).to_bytes(width, draw.choice(("little", "big")))


def cut(raw, draw):
    del raw[draw.randrange(len(raw)) :]


def doubled(raw, draw):
    at = draw.randrange(len(raw))
    part = raw[at : at + draw.choice((1, 2, 8, 64))]
    to = draw.randrange(len(raw))
    raw[to:to] = part * draw.choice((1, 2, 100))


def left_out(raw, draw):
    at = draw.randrange(len(raw))
    del raw[at : at + draw.choice((1, 2, 8, 64))]


def moved(raw, draw):
    a, b, width = draw.randrange(len(raw)), draw.randrange(len(raw)), draw.choice((1, 4, 16))
    raw[a : a + width] = raw[b : b + width]


def other_digits(raw, draw):
    """A number written as text is another."""
    found = list(re.finditer(rb"\d+", bytes(raw)))
    if found:
        at = draw.choice(found)
        raw[at.start() : at.end()] = draw.choice((b"0", b"1", b"-1", b"1e9", b"9" * 5000, *(b"%d" % n for n in LARGE)))


DAMAGES = (flipped, set_bytes, large_numbers, cut, doubled, left_out, moved, other_digits)


def other_json(raw, draw):
    """A header that fits its length again, with a part of its JSON changed."""
    length = int.from_bytes(raw[:8], "little")
    try:
        header = json.loads(bytes(raw[8 : 8 + length]))
        text = header.get("__metadata__", {}).get("rustorch")
        document = json.loads(text) if text else header
    except (ValueError, AttributeError):
        return
    places = []

    def walk(o):
        for key in o if isinstance(o, dict) else range(len(o)):
            places.append((o, key))
            if isinstance(o[key], (dict, list)):
                walk(o[key])

    walk(document)
    for _ in range(draw.choice((1, 1, 2))):
        o, key = draw.choice(places)
        other, name = draw.choice(places)
        values = [
            None,
            True,
            -1,
            0,
            1,
            1.5,
            "",
            "x",
            [],
            {},
            [1] * 40,
            *LARGE,
            "float64",
            "F64",
            "Sequential",
            "Linear",
            {"is": "list", "items": [1, 2]},
            {"is": "float", "value": "nan"},
            {"shared": "0"},
        ]
        o[key] = draw.choice((draw.choice(values), other[name]) if o is not other else values)
    try:
        text = json.dumps(document)
    except (ValueError, RecursionError):
        return  # what was put in has itself inside
    if document is not header:
        header["__metadata__"]["rustorch"] = text
        header["__metadata__"]["rustorch_crc32"] = f"{zlib.crc32(text.encode()):08x}"
        text = json.dumps(header)
    raw[: 8 + length] = len(text.encode()).to_bytes(8, "little") + text.encode()


def other_entry(raw, draw):
    """An entry of an archive with its contents damaged, and checksums that fit."""
    try:
        with zipfile.ZipFile(io.BytesIO(bytes(raw))) as old:
            parts = {name: bytearray(old.read(name)) for name in old.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        return
    name = draw.choice([name for name, part in parts.items() if part and not name.endswith("/")])
    name = next((n for n in parts if n.endswith("data.pkl")), name) if draw.random() < 0.7 else name
    draw.choice(DAMAGES)(parts[name], draw)
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", draw.choice((0, 8))) as new:
        for name, part in parts.items():
            new.writestr(name, bytes(part))
    raw[:] = made.getvalue()


def damaged(kind, raw, draw):
    raw = bytearray(raw)
    if kind in ("safetensors", "rustorch", "module", "program", "model") and draw.random() < 0.6:
        other_json(raw, draw)
    elif kind in ("pt", "pt4", "npz", "deflated") and draw.random() < 0.6:
        other_entry(raw, draw)
    else:
        draw.choice(DAMAGES)(raw, draw)
    return bytes(raw)


# ---- reading ----


def touch(o, depth=0):
    """Uses every tensor, so that one that reaches outside its memory is noticed."""
    assert not type(o).__module__.startswith("rustorch.serialization"), o
    if isinstance(o, rt.nn.Module):
        for t in (*o.parameters(), *o.buffers()):
            touch(t)
    elif isinstance(o, rt.Tensor):
        if not rt.nn.parameter.is_lazy(o) and o.numel() < 10**7:
            o.detach().reshape(-1).view("uint8").sum()
    elif isinstance(o, dict) and depth < 20:
        for value in o.values():
            touch(value, depth + 1)
    elif isinstance(o, (list, tuple)) and depth < 20:
        for value in o[:1000]:
            touch(value, depth + 1)


def read(raw, path):
    """Reads bytes as an open file or a mapped one; whether they were taken."""
    warnings.simplefilter("ignore")
    try:
        if path is None:
            touch(rt.load(io.BytesIO(raw)))
        else:
            path.write_bytes(raw)
            touch(rt.load(path, mmap=True))
    except (RuntimeError, NotImplementedError) as error:
        assert str(error), repr(error)
        return False
    return True


def limit_memory():
    with open("/proc/self/statm") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))


def main(count, seed):
    files = good_files()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "file"
        for kind, raw in files.items():
            assert read(raw, None) and read(raw, path), kind
        limit_memory()
        for kind, raw in files.items():
            draw, taken = random.Random(f"{kind} {seed}"), 0
            for number in range(count):
                made = damaged(kind, raw, draw)
                try:
                    taken += read(made, path if number % 4 == 0 else None)
                except BaseException:
                    print(f"{kind}, number {number}: {made!r}", file=sys.stderr)
                    raise
            print(kind, count, taken)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
