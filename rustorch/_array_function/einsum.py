"""Einstein summation by batched matrix products, two operands at a time from the left."""

from __future__ import annotations

import math
from typing import Any

from .registry import np, op


def _labels(spec: str, operands: list[Any]) -> tuple[list[list[str]], list[str]]:
    """Labels of each operand and of the result; the dimensions of an ellipsis become upper case digits."""
    spec = spec.replace(" ", "")
    left, arrow, right = spec.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {len(terms)} terms for {len(operands)} operands")
    most = 0
    inputs = []
    for term, x in zip(terms, operands, strict=True):
        named = len(term.replace("...", ""))
        more = x.ndim - named
        if more < 0 or ("..." not in term and more):
            raise ValueError(f"einsum: term '{term}' does not fit an operand of {x.ndim} dimensions")
        most = max(most, more)
        head, dots, tail = term.partition("...")
        inputs.append([*head, *([f"<{i}>" for i in range(more, 0, -1)] if dots else []), *tail])
    ellipsis = [f"<{i}>" for i in range(most, 0, -1)]
    if arrow:
        head, dots, tail = right.partition("...")
        output = [*head, *(ellipsis if dots else []), *tail]
    else:
        every = [label for labels in inputs for label in labels if not label.startswith("<")]
        output = [*ellipsis, *sorted(label for label in set(every) if every.count(label) == 1)]
    known = {label for labels in inputs for label in labels}
    if len(set(output)) != len(output) or not known.issuperset(output):
        raise ValueError(f"einsum: the result of '{spec}' has repeated or unknown labels")
    return inputs, output


def _diagonals(x: Any, labels: list[str]) -> tuple[Any, list[str]]:
    """Repeated labels of one operand taken along their diagonal."""
    labels = list(labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = op("diagonal")(x, 0, first, second)
            del labels[second], labels[first]
            labels.append(label)
    return x, labels


def _sum_out(x: Any, labels: list[str], keep: set[str]) -> tuple[Any, list[str]]:
    gone = tuple(i for i, label in enumerate(labels) if label not in keep)
    if gone:
        x = np.add.reduce(x, axis=gone)
    return x, [label for label in labels if label in keep]


def _arrange(x: Any, labels: list[str], order: list[str], lengths: dict[str, int]) -> Any:
    """Dimensions in the given order, missing ones of length 1, others broadcast to their length."""
    x = op("permute")(x, tuple(labels.index(label) for label in order if label in labels)) if labels else x
    shape = iter(x.shape)
    x = op("reshape")(x, tuple(next(shape) if label in labels else 1 for label in order))
    return op("expand")(x, tuple(lengths[label] if label in labels else 1 for label in order))


def _product(
    x: Any, xl: list[str], y: Any, yl: list[str], keep: set[str], lengths: dict[str, int]
) -> tuple[Any, list[str]]:
    x, xl = _sum_out(x, xl, keep | set(yl))
    y, yl = _sum_out(y, yl, keep | set(xl))
    batch = [label for label in xl if label in yl and label in keep]
    inner = [label for label in xl if label in yl and label not in keep]
    rows = [label for label in xl if label not in yl]
    columns = [label for label in yl if label not in xl]
    if not inner:
        order = batch + rows + columns
        return np.multiply(_arrange(x, xl, order, lengths), _arrange(y, yl, order, lengths)), order

    def block(t: Any, labels: list[str], *groups: list[str]) -> Any:
        t = _arrange(t, labels, [label for group in groups for label in group], lengths)
        return op("reshape")(t, tuple(math.prod(lengths[label] for label in group) for group in groups))

    product = np.matmul(block(x, xl, batch, rows, inner), block(y, yl, batch, inner, columns))
    order = batch + rows + columns
    return op("reshape")(product, tuple(lengths[label] for label in order)), order


def contract(spec: str, operands: list[Any]) -> Any:
    """np.einsum(spec, *operands) over Tensors."""
    inputs, output = _labels(spec, operands)
    lengths: dict[str, int] = {}
    for x, labels in zip(operands, inputs, strict=True):
        for n, label in zip(x.shape, labels, strict=True):
            if lengths.setdefault(label, n) == 1:
                lengths[label] = n
            elif n not in (1, lengths[label]):
                raise ValueError(
                    f"einsum: '{label}' is {lengths[label]} long in one operand and {n} in another"
                )
    x, labels = _diagonals(operands[0], inputs[0])
    for i, y in enumerate(operands[1:], 1):
        keep = set(output).union(*inputs[i + 1 :])
        x, labels = _product(x, labels, *_diagonals(y, inputs[i]), keep, lengths)
    x, labels = _sum_out(x, labels, set(output))
    return _arrange(x, labels, output, lengths) if labels != output else x
