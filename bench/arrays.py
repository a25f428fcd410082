"""Small arrays of rustorch.numpy against NumPy's: indexing, iteration, methods; what a call costs beside its work."""

from __future__ import annotations

import numpy

import rustorch.numpy as np

from .harness import Row, show, threads

# statement -> the speed-up over NumPy that is its goal; 0: none
STATEMENTS: dict[str, float] = {
    "v[3]": 0, "m[1]": 2, "m[1, 2]": 0, "v[1:3]": 0, "m[:, 1]": 0, "v[v > 3]": 2, "v[[1, 2]]": 0,
    "v[2] = 1.0": 2, "m[1, 2] = 1.0": 2, "v[v > 3] = 1.0": 2,
    "for x in v: pass": 2, "for x in m: pass": 2, "for x in long: pass": 2, "list(long)": 2,
    "v + 1": 2, "v + v": 2, "v[3] + 1.0": 0, "v[3] * v[4]": 0, "v[3] > 1": 0, "float(v[3])": 0,
    "m.sum()": 2, "m.mean(axis=0)": 2, "m.std()": 2, "m.max()": 2, "m.argmax()": 2, "m.any()": 2, "m.cumsum()": 2,
    "m.reshape(3, 2)": 2, "m.ravel()": 0, "m.T": 0, "m.copy()": 0, "m.astype('float32')": 0, "m.tolist()": 0,
    "m.item(2)": 0, "v.take([0, 1])": 2, "m.clip(1, 2)": 2, "v.argsort()": 0, "m.dot(v[:3])": 0, "m.shape": 0,
}  # fmt: skip


def rows() -> list[Row]:
    ours = {"v": np.arange(10.0), "m": np.arange(6.0).reshape(2, 3), "long": np.arange(1000.0)}
    theirs = {name: numpy.asarray(array).copy() for name, array in ours.items()}
    table = []
    for statement, goal in STATEMENTS.items():
        names = {f"{name}_r": array for name, array in ours.items()}
        names.update({f"{name}_n": array for name, array in theirs.items()})
        table.append(Row(
            statement,
            {"rustorch": _on(statement, "r"), "numpy": _on(statement, "n")},
            {"numpy": goal} if goal else {},
            names,
            0.2,
        ))  # fmt: skip
    return table


def _on(statement: str, kind: str) -> str:
    """The statement with its arrays' names spelled for a library."""
    import re

    return re.sub(r"\b(v|m|long)\b", rf"\1_{kind}", statement)


def main() -> bool:
    with threads(1):
        return all([show(row) for row in rows()])
