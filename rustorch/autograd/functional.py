"""Products with Jacobians and Hessians, and these matrices themselves, of functions of tensors.

Everything is made of backward passes: a Jacobian row by row, a product J v by differentiating v^T J twice.
Arguments and results are as PyTorch's torch.autograd.functional has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _C
from .._modes import enable_grad

Tensor = _C.Tensor
__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _as_tuple(value: Any, what: str, where: str) -> tuple[bool, tuple[Any, ...]]:
    """(was it a tuple, its tensors)."""
    many = isinstance(value, (tuple, list))
    values = tuple(value) if many else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Tensor):
            raise TypeError(f"{where}: {what} must be a Tensor or a tuple of Tensors, entry {i} is {type(v).__name__}")
    return many, values


def _leaves(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    """Stand-ins for the inputs: of the same graph when one is wanted, else leaves of their own."""
    if create_graph:
        return tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs)
    return tuple(t.detach().requires_grad_() for t in inputs)


def _vectors(v: Any, like: tuple[Any, ...], many: bool, where: str, what: str) -> tuple[Any, ...]:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{where}: v may be left out only where {what} is a single element")
        return (like[0].new_ones(tuple(like[0].shape)),)
    _, values = _as_tuple(v, "v", where)
    if len(values) != len(like):
        raise RuntimeError(f"{where}: v has {len(values)} entries, {what} {len(like)}")
    for i, (a, b) in enumerate(zip(values, like, strict=True)):
        if tuple(a.shape) != tuple(b.shape):
            raise RuntimeError(f"{where}: entry {i} of v has shape {tuple(a.shape)}, {what} {tuple(b.shape)}")
    return values


def _grad(
    outputs: tuple[Any, ...], inputs: tuple[Any, ...], seeds: tuple[Any, ...] | None, create_graph: bool, keep: bool
) -> tuple[Any, ...]:
    from . import grad

    pairs = [(o, None if seeds is None else seeds[i]) for i, o in enumerate(outputs) if o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad(
        tuple(o for o, _ in pairs),
        inputs,
        None if seeds is None else tuple(s for _, s in pairs),
        retain_graph=keep or create_graph,
        create_graph=create_graph,
        allow_unused=True,
    )


def _filled(gradients: tuple[Any, ...], like: tuple[Any, ...], strict: bool, where: str, create_graph: bool) -> Any:
    """Zeros for gradients that are None; under strict RuntimeError."""
    result = []
    for i, (g, t) in enumerate(zip(gradients, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(f"{where}: the output does not depend on input {i}; not allowed with strict=True")
            g = _C.zeros_like(t.detach())
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(f"{where}: the result does not depend on input {i}; not allowed with strict=True")
        result.append(g if create_graph else g.detach())
    return tuple(result)


def _call(func: Callable[..., Any], inputs: tuple[Any, ...], where: str, strict: bool) -> tuple[bool, tuple[Any, ...]]:
    many, outputs = _as_tuple(func(*inputs), "what the function returns", where)
    if strict:
        for i, o in enumerate(outputs):
            if not o.requires_grad:
                raise RuntimeError(f"{where}: output {i} does not depend on the inputs; not allowed with strict=True")
    return many, outputs


def _unwrap(values: tuple[Any, ...], many: bool) -> Any:
    return values if many else values[0]


def _plain(values: tuple[Any, ...], many: bool, create_graph: bool) -> Any:
    return _unwrap(values if create_graph else tuple(t.detach() for t in values), many)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), v^T J): v has the shape of the output, the product that of the inputs.

    >>> import rustorch as rt
    >>> rt.autograd.functional.vjp(lambda x: x.square(), rt.tensor([1.0, 2.0]), rt.tensor([1.0, 10.0]))
    (tensor([1.0, 4.0]), tensor([ 2.0, 40.0]))
    """
    with enable_grad():
        many_in, given = _as_tuple(inputs, "inputs", "vjp")
        leaves = _leaves(given, create_graph)
        many_out, outputs = _call(func, leaves, "vjp", strict)
        seeds = _vectors(v, outputs, many_out, "vjp", "the output")
        gradients = _grad(outputs, leaves, seeds, create_graph, False)
    result = _filled(gradients, leaves, strict, "vjp", create_graph)
    return _plain(outputs, many_out, create_graph), _unwrap(result, many_in)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), J v): v has the shape of the inputs, the product that of the output.

    >>> import rustorch as rt
    >>> rt.autograd.functional.jvp(lambda x: x.square(), rt.tensor([1.0, 2.0]), rt.tensor([1.0, 10.0]))
    (tensor([1.0, 4.0]), tensor([ 2.0, 40.0]))
    """
    with enable_grad():
        many_in, given = _as_tuple(inputs, "inputs", "jvp")
        vectors = _vectors(v, given, many_in, "jvp", "the input")
        leaves = _leaves(given, create_graph)
        many_out, outputs = _call(func, leaves, "jvp", strict)
        seeds = tuple(_C.zeros_like(o.detach()).requires_grad_() for o in outputs)
        back = _filled(_grad(outputs, leaves, seeds, True, True), leaves, strict, "jvp", True)
        products = _grad(tuple(back), seeds, vectors, create_graph, False)
    result = _filled(products, outputs, strict, "jvp", create_graph)
    return _plain(outputs, many_out, create_graph), _unwrap(result, many_out)


def _rows(output: Any, leaves: tuple[Any, ...], create_graph: bool, strict: bool) -> list[list[Any]]:
    """Gradients of every element of output, a list an input."""
    rows: list[list[Any]] = [[] for _ in leaves]
    flat = output.reshape(-1)
    for k in range(flat.numel()):
        gradients = _grad((flat[k],), leaves, None, create_graph, True)
        for row, g in zip(rows, _filled(gradients, leaves, strict, "jacobian", create_graph), strict=True):
            row.append(g)
    return rows


def _columns(
    func: Callable[..., Any], leaves: tuple[Any, ...], which: int, outputs: tuple[Any, ...]
) -> list[list[Any]]:
    """Derivatives of every output along every element of input `which`, a list an output."""
    columns: list[list[Any]] = [[] for _ in outputs]
    size = leaves[which].numel()
    for k in range(size):
        v = [_C.zeros_like(t.detach()) for t in leaves]
        v[which].reshape(-1)[k] = 1
        products = jvp(lambda *a: _as_tuple(func(*a), "what the function returns", "jacobian")[1], leaves, tuple(v))[1]
        for column, p in zip(columns, products, strict=True):
            column.append(p)
    return columns


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: for an output of shape S and an input of shape T a tensor of shape S + T.

    Several inputs or outputs give (nested) tuples.  create_graph: the result can be differentiated.
    strategy "forward-mode" works by columns, an input element at a time: for few inputs and many outputs.
    vectorize is accepted for PyTorch's sake and changes nothing.

    >>> import rustorch as rt
    >>> rt.autograd.functional.jacobian(lambda x: x.square(), rt.tensor([1.0, 2.0]))
    tensor([[2.0, 0.0],
            [0.0, 4.0]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy must be 'reverse-mode' or 'forward-mode', not {strategy!r}")
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError("jacobian: create_graph=True needs strategy='reverse-mode'")
    with enable_grad():
        many_in, given = _as_tuple(inputs, "inputs", "jacobian")
        leaves = _leaves(given, create_graph)
        many_out, outputs = _call(func, leaves, "jacobian", strict)
        table: list[tuple[Any, ...]] = []
        if strategy == "reverse-mode":
            for o in outputs:
                pairs = zip(_rows(o, leaves, create_graph, strict), leaves, strict=True)
                table.append(tuple(_assemble(r, 0, tuple(o.shape) + tuple(t.shape), t) for r, t in pairs))
        else:
            by_input = [_columns(func, leaves, i, outputs) for i in range(len(leaves))]
            for k, o in enumerate(outputs):
                table.append(
                    tuple(
                        _assemble(by_input[i][k], -1, tuple(o.shape) + tuple(t.shape), o) for i, t in enumerate(leaves)
                    )
                )
    return _unwrap(tuple(_unwrap(row, many_in) for row in table), many_out)


def _assemble(parts: list[Any], dim: int, shape: tuple[int, ...], like: Any) -> Any:
    if not parts:
        return like.detach().new_zeros(shape)
    return _C.ops["stack"](parts, dim).reshape(shape)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function with a single-element result: for an input of shape T a tensor of shape T + T.

    >>> import rustorch as rt
    >>> rt.autograd.functional.hessian(lambda x: (x ** 3).sum(), rt.tensor([1.0, 2.0]))
    tensor([[ 6.0,  0.0],
            [ 0.0, 12.0]])
    """
    many_in, given = _as_tuple(inputs, "inputs", "hessian")

    def gradient(*leaves: Any) -> Any:
        value = _single(func(*leaves), "hessian")
        if strict and not value.requires_grad:
            raise RuntimeError("hessian: the output does not depend on the inputs; not allowed with strict=True")
        gradients = _grad((value,), leaves, None, True, True)
        return _filled(gradients, leaves, strict, "hessian", True)

    table = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return table if many_in else table[0][0]


def _single(value: Any, where: str) -> Any:
    if not isinstance(value, Tensor):
        raise TypeError(f"{where}: the function must return a Tensor, not {type(value).__name__}")
    if value.numel() != 1:
        raise RuntimeError(f"{where}: the function must return a single element, not shape {tuple(value.shape)}")
    return value.reshape(())


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), v^T H) for a function with a single-element result; v has the shape of the inputs."""
    with enable_grad():
        many_in, given = _as_tuple(inputs, "inputs", "vhp")
        vectors = _vectors(v, given, many_in, "vhp", "the input")
        leaves = _leaves(given, create_graph)
        output = func(*leaves)
        value = _single(output, "vhp")
        gradients = _filled(_grad((value,), leaves, None, True, True), leaves, strict, "vhp", True)
        products = _grad(tuple(gradients), leaves, vectors, create_graph, False)
    result = _filled(products, leaves, strict, "vhp", create_graph)
    return (output if create_graph else output.detach()), _unwrap(result, many_in)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(*inputs), H v) for a function with a single-element result; vhp is quicker, and equal for smooth ones."""
    with enable_grad():
        many_in, given = _as_tuple(inputs, "inputs", "hvp")
        vectors = _vectors(v, given, many_in, "hvp", "the input")
        leaves = _leaves(given, create_graph)
        output = func(*leaves)
        value = _single(output, "hvp")
        gradients = _filled(_grad((value,), leaves, None, True, True), leaves, strict, "hvp", True)
        seeds = tuple(_C.zeros_like(t.detach()).requires_grad_() for t in leaves)
        back = _filled(_grad(tuple(gradients), leaves, seeds, True, True), leaves, strict, "hvp", True)
        products = _grad(tuple(back), seeds, vectors, create_graph, False)
    result = _filled(products, leaves, strict, "hvp", create_graph)
    return (output if create_graph else output.detach()), _unwrap(result, many_in)
