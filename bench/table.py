"""Every elementwise row of the op table, and NumPy's and PyTorch's functions of the same meaning.

100,000 float32 elements (where a row takes none: the first dtype it takes), fresh result, one thread.
Rows, samples and counterparts are those of tests/table.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from table import rows as table

SHAPE = (100, 1000)


def benchmark(row: dict[str, Any]) -> Row:
    kinds = table.dtypes(row)
    dtype = "float32" if "float32" in kinds else kinds[0]
    arrays, params = table.sample(row, dtype, SHAPE), table.parameters(row)
    operands = {
        "rustorch": (table.function(row), [rt.tensor(a) for a in arrays]),
        "numpy": (table.numpy_function(row), arrays),
        "torch": (table.torch_function(row), [torch.from_numpy(a) for a in arrays]),
    }
    jobs, names = {}, {}
    for library, (function, args) in operands.items():
        try:
            function(*args, *params)
        except (TypeError, RuntimeError):  # the library has no such function, or not for this dtype
            continue
        names[library] = (function, [*args, *params])
        jobs[library] = f"{library}[0](*{library}[1])"
    others = [library for library in jobs if library != "rustorch"]
    return Row(f"{row['name']} {dtype}", jobs, dict.fromkeys(others, 1.0), names, budget=0.1)


def main() -> bool:
    warnings.simplefilter("ignore")
    with threads(1), np.errstate(all="ignore"):
        return all([show(benchmark(row)) for row in table.ELEMENTWISE])
