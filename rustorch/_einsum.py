"""Einstein summation by batched matrix products, two operands at a time from the left.

What an equation asks for is worked out once for each number of dimensions and remembered; a call then
only moves dimensions and multiplies."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from . import _C
from ._C import TensorError

_diagonal, _sum, _permute, _reshape = (_C.ops[name] for name in ("diagonal", "sum", "permute", "reshape"))
_mul, _matmul, _expand = (_C.ops[name] for name in ("mul", "matmul", "expand"))


class Operand(NamedTuple):
    """How an operand is made ready: dimensions i, j that share a label are replaced by their diagonal (put
    last), `summed` are summed over, the rest put into `order` (None: as they are)."""

    diagonals: tuple[tuple[int, int], ...]
    summed: tuple[int, ...]
    order: tuple[int, ...] | None


class Product(NamedTuple):
    """x (batch, rows, inner) by y (batch, inner, columns), numbers of dimensions."""

    x: Operand
    y: Operand
    batch: int
    rows: int
    inner: int
    columns: int


class Plan(NamedTuple):
    labels: tuple[tuple[str, ...], ...]     # of each operand, as written
    products: tuple[Product, ...]
    last: Operand


def _labels(spec: str, ndims: tuple[int, ...]) -> tuple[list[list[str]], list[str]]:
    """Labels of each operand and of the result; the dimensions of an ellipsis are called <1>, <2>, ..."""
    spec = spec.replace(" ", "")
    left, arrow, right = spec.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise TensorError(f"einsum: {len(terms)} terms for {len(ndims)} operands")
    most = 0
    inputs = []
    for term, ndim in zip(terms, ndims, strict=True):
        named = len(term.replace("...", ""))
        more = ndim - named
        if more < 0 or ("..." not in term and more):
            raise TensorError(f"einsum: term '{term}' does not fit an operand of {ndim} dimensions")
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
        raise TensorError(f"einsum: the result of '{spec}' has repeated or unknown labels")
    return inputs, output


def _operand(labels: list[str], order: list[str]) -> Operand:
    """The way from labels to order, which has some of them."""
    labels, diagonals = list(labels), []
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            diagonals.append((first, second))
            del labels[second], labels[first]
            labels.append(label)
    summed = tuple(i for i, label in enumerate(labels) if label not in order)
    kept = [label for label in labels if label in order]
    moved = tuple(kept.index(label) for label in order)
    return Operand(tuple(diagonals), summed, None if kept == order else moved)


@functools.lru_cache(256)
def _plan(spec: str, ndims: tuple[int, ...]) -> Plan:
    inputs, output = _labels(spec, ndims)
    have, products = inputs[0], []
    for i, yl in enumerate(inputs[1:], 1):
        keep = set(output).union(*inputs[i + 1 :])
        xl, yl = list(dict.fromkeys(have)), list(dict.fromkeys(yl))
        batch = [label for label in xl if label in yl and label in keep]
        inner = [label for label in xl if label in yl and label not in keep]
        rows = [label for label in xl if label not in yl and label in keep]
        columns = [label for label in yl if label not in xl and label in keep]
        products.append(Product(_operand(have, batch + rows + inner), _operand(inputs[i], batch + inner + columns),
                                len(batch), len(rows), len(inner), len(columns)))
        have = batch + rows + columns
    return Plan(tuple(map(tuple, inputs)), tuple(products), _operand(have, output))


def _ready(x: Any, how: Operand) -> Any:
    for first, second in how.diagonals:
        x = _diagonal(x, 0, first, second)
    if how.summed:
        x = _sum(x, how.summed)
    return x if how.order is None else _permute(x, how.order)


def _multiply(x: Any, y: Any, how: Product) -> Any:
    x, y = _ready(x, how.x), _ready(y, how.y)
    xs, ys, b = tuple(x.shape), tuple(y.shape), how.batch
    rows, columns = xs[b : b + how.rows], ys[b + how.inner :]
    if not how.inner:     # each element of one by each of the other
        x = _reshape(x, (*xs, *(1,) * how.columns))
        return _mul(x, _reshape(y, (*ys[:b], *(1,) * how.rows, *columns)))
    batch, inner = xs[:b], xs[b + how.rows :]
    groups = (math.prod(batch),) if b else ()     # without a batch, a vector stays a vector
    if b > 1 or how.inner > 1 or how.rows > 1 or (b and not how.rows):
        x = _reshape(x, (*groups, *((math.prod(rows),) if b or rows else ()), math.prod(inner)))
    if b > 1 or how.inner > 1 or how.columns > 1 or (b and not how.columns):
        y = _reshape(y, (*groups, math.prod(inner), *((math.prod(columns),) if b or columns else ())))
    product = _matmul(x, y)
    return product if product.ndim == b + how.rows + how.columns else _reshape(product, batch + rows + columns)


def _check_lengths(operands: list[Any], labels: tuple[tuple[str, ...], ...]) -> list[Any]:
    """The operands, dimensions of length 1 spread to what the others call for."""
    lengths: dict[str, int] = {}
    spread = False
    for x, names in zip(operands, labels, strict=True):
        for n, label in zip(x.shape, names, strict=True):
            known = lengths.setdefault(label, n)
            if known == n:
                continue
            if known != 1 and n != 1:
                raise TensorError(f"einsum: '{label}' is {known} long in one operand and {n} in another")
            spread = True
            lengths[label] = n if known == 1 else known
    if not spread:
        return operands
    return [_expand(x, tuple(lengths[label] for label in names))
            for x, names in zip(operands, labels, strict=True)]


def contract(spec: str, operands: list[Any]) -> Any:
    """np.einsum(spec, *operands) over Tensors."""
    plan = _plan(spec, tuple(x.ndim for x in operands))
    operands = _check_lengths(operands, plan.labels)
    x = operands[0]
    for y, how in zip(operands[1:], plan.products, strict=True):
        x = _multiply(x, y, how)
    return _ready(x, plan.last)
