"""Which lengths of the inputs may vary, and inputs of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rustorch

__all__ = ["axes_wanted", "resized", "runs"]

Axes = dict[str, dict[int, str]]  # input -> axis -> name of its length


def axes_wanted(names: Sequence[str], tensors: Sequence[Any], dynamic_axes: Any, outputs: Sequence[str]) -> Axes:
    """Axes as the caller gave them, under names; ValueError for what the inputs do not have."""
    found: Axes = {}
    for name, axes in dynamic_axes.items():
        if name in outputs and name not in names:
            continue
        if name not in names:
            raise ValueError(f"export: dynamic_axes names {name!r}; the inputs are {list(names)}")
        rank = tensors[list(names).index(name)].ndim
        if not isinstance(axes, Mapping):
            axes = {axis: f"{name}_dim_{axis}" for axis in axes}
        for axis, label in axes.items():
            if label is None:
                continue
            if not isinstance(axis, int) or not -rank <= axis < rank:
                raise ValueError(f"export: dynamic_axes: input {name!r} has {rank} dimensions, not one at {axis!r}")
            found.setdefault(name, {})[axis % rank] = str(getattr(label, "__name__", label))
    return found


def batch_axes(names: Sequence[str], tensors: Sequence[Any]) -> Axes:
    """The first dimension of each input that is as long as the first input's."""
    first = next((t.shape[0] for t in tensors if t.ndim), None)
    return {name: {0: "batch"} for name, t in zip(names, tensors) if t.ndim and t.shape[0] == first}


def resized(tensor: Any, axes: Mapping[int, int]) -> Any:
    """The tensor with other lengths, its elements repeated or cut."""
    places: Any = rustorch.arange  # untyped
    for axis, length in axes.items():
        if tensor.shape[axis] == 0:
            raise ValueError("export: an input whose length may vary must not be empty")
        tensor = tensor.index_select(axis, places(length) % tensor.shape[axis])
    return tensor


def runs(names: Sequence[str], tensors: Sequence[Any], axes: Axes) -> list[list[dict[str, int]]]:
    """Ways of trying the model on other sizes: for each way the lengths, by their names, of each run.

    The first run has the example's own lengths (not 1, which broadcasts), one more changes each length alone, and
    the last ones change all.
    """
    example: dict[str, int] = {}
    for name, tensor in zip(names, tensors):
        for axis, label in axes.get(name, {}).items():
            length = int(tensor.shape[axis])
            if example.setdefault(label, length) != length:
                raise ValueError(f"export: {label!r} is {example[label]} long in one input and {length} in {name!r}")
    base = {label: max(length, 2) for label, length in example.items()}
    ways = []
    # by a little; by multiples, for what must be divisible; and down, for what has an upper bound
    changes: list[list[Callable[[int, int], int]]] = [
        [lambda n, k: n + 1, lambda n, k: n + 3 + 2 * k, lambda n, k: n + 6 + 3 * k, lambda n, k: n + 9 + k],
        [lambda n, k: 2 * n, lambda n, k: (3 + k) * n, lambda n, k: (5 + k) * n],
        [lambda n, k: max(n - 1, 1), lambda n, k: max(n - 2 - k % 2, 1), lambda n, k: max(n - 3, 1)],
    ]
    for alone, *together in changes:
        way = [base]
        way += [{**base, label: alone(n, k)} for k, (label, n) in enumerate(base.items())]
        # of one length fewer runs are enough to tell what is a function of it
        for change in together if len(base) > 1 else together[:1]:
            way.append({label: change(n, k) for k, (label, n) in enumerate(base.items())})
        ways.append(way)
    return ways
