"""NumPy's files: `.npy`, an array, and `.npz`, a zip archive of them.  NumPy reads the header; objects are refused."""

from __future__ import annotations

import io
import math
from typing import Any

from numpy.lib import format as npy

from .. import _C
from ._source import Source, refuse
from ._values import NUMBERS
from ._zip import Archive

LONGEST_HEADER = 1 << 16  # bytes


def load_array(source: Source, name: str = "the array") -> Any:
    """The tensor in a .npy file."""
    head = io.BytesIO(source.read(0, min(source.size, LONGEST_HEADER)))
    try:
        version = npy.read_magic(head)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"the version is {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(head)
    except Exception as error:  # of its tokenizer, too
        raise refuse(f"the .npy header of {name} is damaged ({str(error)[:200]})") from error
    if dtype.hasobject:
        raise refuse(f"{name} has dtype {dtype}: its elements are pickled objects, which are not read")
    if str(dtype.newbyteorder("=")) not in NUMBERS:
        raise NotImplementedError(f"load: {name} has dtype {dtype}, which tensors do not have")
    if len(shape) > 32 or any(n < 0 for n in shape) or math.prod(max(n, 1) for n in shape) > 2**58:
        raise refuse(f"{name} has a malformed shape")
    length = math.prod(shape) * dtype.itemsize
    if source.size - head.tell() < length:
        raise refuse(f"{name} has {length} bytes by its shape; the file has {source.size - head.tell()}: it is cut off")
    if fortran:
        shape = shape[::-1]
    native = str(dtype.newbyteorder("="))
    if dtype.isnative or length == 0:
        made = source.tensor(head.tell(), native, shape, name)
    else:
        raw: Any = source.raw(head.tell(), length, name).numpy()
        made = _C.from_numpy(raw.view(dtype).reshape(shape).astype(native))
    return made.permute(tuple(range(len(shape)))[::-1]) if fortran else made


def load_arrays(archive: Archive) -> dict[str, Any]:
    """The tensors of a .npz file by name."""
    return {name.removesuffix(".npy"): load_array(archive.open(name), name) for name in archive.entries}
