"""Cases for every row of the op table: samples from the row's domain, layouts, references."""

from __future__ import annotations

import numpy as np
import torch

import rustorch as rt
from rustorch import _C

TABLE = _C.op_table()
ELEMENTWISE = [row for row in TABLE if row["family"] == "elementwise"]

BOOL, UNSIGNED = ["bool"], ["uint8", "uint16", "uint32", "uint64"]
SIGNED, FLOAT = ["int8", "int16", "int32", "int64"], ["float16", "bfloat16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
INTEGER = UNSIGNED + SIGNED
CLASSES = {
    "ALL": BOOL + INTEGER + FLOAT + COMPLEX,
    "NUM": INTEGER + FLOAT + COMPLEX,
    "REAL": BOOL + INTEGER + FLOAT,
    "REALNUM": INTEGER + FLOAT,
    "COUNT": BOOL + INTEGER + FLOAT + COMPLEX,
    "INEXACT": BOOL + INTEGER + FLOAT + COMPLEX,
    "FLOAT": BOOL + INTEGER + FLOAT,
    "COMPLEX": COMPLEX,
    "INT": BOOL + INTEGER,
    "INTNUM": INTEGER,
    "BOOL": BOOL + INTEGER + FLOAT + COMPLEX,
}
# our name -> PyTorch's, where they differ
TORCH_NAMES = {
    "deg2rad": "deg2rad", "neg": "neg", "sgn": "sgn", "conj": "conj_physical",
    "log_sigmoid": "nn.functional.logsigmoid",
    "gelu": "nn.functional.gelu", "silu": "nn.functional.silu", "mish": "nn.functional.mish",
    "relu6": "nn.functional.relu6",
    "leaky_relu": "nn.functional.leaky_relu", "elu": "nn.functional.elu", "selu": "selu", "celu": "celu",
    "softplus": "nn.functional.softplus", "softsign": "nn.functional.softsign", "hardtanh": "nn.functional.hardtanh",
    "hardsigmoid": "nn.functional.hardsigmoid", "hardswish": "nn.functional.hardswish",
    "tanhshrink": "nn.functional.tanhshrink", "softshrink": "nn.functional.softshrink",
    "hardshrink": "nn.functional.hardshrink", "threshold": "nn.functional.threshold",
    "gelu_tanh": None, "trigamma": None,
}  # fmt: skip

# parameters without a default
REQUIRED = {"threshold": [1, 2], "polygamma": [3], "replace_inf": [7.0, -7.0],
            "hardtanh": [0, 2]}


def dtypes(row):
    """What the row takes; nextafter has loops for float32 and float64 alone."""
    return [d for d in CLASSES[row["class"]] if row["name"] != "nextafter" or d not in ("float16", "bfloat16")]


def intervals(row):
    """[(low, high)] per operand; the last one repeats."""
    numbers = [float(v) for v in (row["domain"] or "-3 3").split()]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return [pairs[min(i, len(pairs) - 1)] for i in range(row["nin"])]


def parameters(row):
    """Default numbers of PARAM rows: [value] for the operands after the first that have one."""
    if row["name"] in REQUIRED:
        return REQUIRED[row["name"]]
    values = []
    for item in row["signature"].split(",")[1:]:
        if "=" in item:
            value = float(item.split("=")[1])
            values.append(int(value) if value == int(value) else value)
    return values


def ntensors(row):
    return row["nin"] - len(parameters(row))


def sample(row, dtype, shape, seed=0, grad=False):
    """Operands of the row as ndarrays (bfloat16 as float32 values that it can hold)."""
    rng = np.random.default_rng(seed)
    out = []
    for i, (low, high) in enumerate(intervals(row)[: ntensors(row)]):
        if row["select"] and i == 0:
            out.append(rng.random(shape) > 0.5)
            continue
        x = rng.uniform(low, high, shape)
        kind = np.dtype(dtype).kind if dtype != "bfloat16" else "f"
        if kind == "c":
            x = x + 1j * rng.uniform(low, high, shape)
        if kind == "b":
            x = rng.random(shape) > 0.5
        if kind in "iu":
            low_int = max(low, 0) if kind == "u" else low
            x = np.floor(rng.uniform(low_int, max(high, low_int + 1) + 1, shape))
            x = np.minimum(x, np.floor(high)) if high >= 1 else x
            x = np.abs(x) if row["name"] == "pow" and i == 1 else x
        out.append(x.astype("float32" if dtype == "bfloat16" else dtype))
        if dtype == "bfloat16":
            out[-1] = rt.tensor(out[-1]).to("bfloat16").to("float32").numpy()
    return out


def tensors(arrays, dtype, grad=False):
    result = []
    for a in arrays:
        t = rt.tensor(a)
        if dtype == "bfloat16" and a.dtype != bool:
            t = t.to("bfloat16")
        if grad and t.dtype.kind in "fc":
            t.requires_grad_()
        result.append(t)
    return result


def layouts(array):
    """The same elements in other layouts: (name, array)."""
    yield "contiguous", array
    padded = np.zeros((*array.shape[:-1], array.shape[-1] * 2 + 3), array.dtype)
    padded[..., 3::2] = array
    yield "strided", padded[..., 3::2]
    yield "reversed", array[..., ::-1].copy()[..., ::-1]
    yield "transposed", np.ascontiguousarray(array.T).T
    offset = np.zeros(array.size + 1, array.dtype)
    offset[1:] = array.reshape(-1)
    yield "offset", offset[1:].reshape(array.shape)


def numpy_function(row):
    return getattr(np, row["numpy"], None) if row["numpy"] else None


def torch_function(row):
    name = TORCH_NAMES.get(row["name"], row["name"])
    if name is None:
        return None
    scope = torch
    for part in name.split("."):
        scope = getattr(scope, part, None)
    if scope is None:
        scope = getattr(torch.special, name, None) or getattr(torch.nn.functional, name, None)
    return scope


def has_rule(row, i):
    """Has the row a text for its derivative by operand i?"""
    return row["gradient"][i] not in (None, "missing")


def function(row):
    return _C.ops[row["name"]]
