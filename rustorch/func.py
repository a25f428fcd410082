"""Transforms of functions, as torch.func has them: grad, vjp, jvp, Jacobians, vmap, functional_call.

grad and its kin are made of backward passes.  vmap calls the function once a sample and stacks what it
returns, so every function that works on one sample can be mapped, data-dependent branches included.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import _C
from ._modes import enable_grad
from .autograd import functional as _products, grad as _grad

Tensor = _C.Tensor
__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "stack_module_state", "vjp", "vmap",
]  # fmt: skip


# ---- nested arguments ----


def _flatten(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """Leaves of nested tuples, lists and dicts, and what puts others in their places."""
    if isinstance(tree, dict):
        keys = list(tree)
        leaves, parts = _flatten_all([tree[k] for k in keys])
        return leaves, lambda values: type(tree)(zip(keys, parts(values), strict=True))
    if isinstance(tree, (tuple, list)):
        leaves, parts = _flatten_all(tree)
        if hasattr(tree, "_fields"):
            return leaves, lambda values: type(tree)(*parts(values))
        return leaves, lambda values: type(tree)(parts(values))
    return [tree], lambda values: values[0]


def _flatten_all(items: Sequence[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
    flat = [_flatten(item) for item in items]
    leaves = [leaf for part, _ in flat for leaf in part]

    def build(values: Sequence[Any]) -> list[Any]:
        result, at = [], 0
        for part, rebuild in flat:
            result.append(rebuild(values[at : at + len(part)]))
            at += len(part)
        return result

    return leaves, build


def _map(fn: Callable[[Any], Any], tree: Any) -> Any:
    leaves, build = _flatten(tree)
    return build([fn(leaf) for leaf in leaves])


# ---- gradients ----


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns (gradient, value) of func, which must return a single element.

    argnums: the position, or positions, of the arguments to differentiate; each may be a nested container of
    Tensors, and its gradient has the same structure.  has_aux: func returns (value, anything), and the result
    is (gradient, (value, anything)).  Calls nest for higher orders.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            changed = list(args)
            sources, structures = [], []
            for n in numbers:
                leaves, build = _flatten(args[n])
                stand_ins = [t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in leaves]
                changed[n] = build(stand_ins)
                sources.append(stand_ins)
                structures.append(build)
            value, extra = (func(*changed, **kwargs) if has_aux else (func(*changed, **kwargs), None))
            if not isinstance(value, Tensor):
                raise RuntimeError(f"grad: the function must return a Tensor, not {type(value).__name__}")
            if value.ndim != 0:
                raise RuntimeError(f"grad: the function must return a 0-d Tensor, not shape {tuple(value.shape)}")
            flat = [t for part in sources for t in part]
            outer = _outer_graph(args) or _reaches_others(value, flat)
            if value.requires_grad:
                found = _grad(value, flat, create_graph=True, allow_unused=True)
            else:
                found = (None,) * len(flat)
            filled = [_C.zeros_like(t.detach()) if g is None else g for g, t in zip(found, flat, strict=True)]
            if not outer:
                filled = [g.detach() for g in filled]
                value = value.detach()
                extra = _map(lambda t: t.detach() if isinstance(t, Tensor) else t, extra)
            result, at = [], 0
            for part, build in zip(sources, structures, strict=True):
                result.append(build(filled[at : at + len(part)]))
                at += len(part)
        gradients = result[0] if isinstance(argnums, int) else tuple(result)
        return gradients, ((value, extra) if has_aux else value)

    return wrapper


def _outer_graph(args: Any) -> bool:
    """Is somebody outside differentiating, too?"""
    return any(isinstance(t, Tensor) and t.requires_grad for t in _flatten(list(args))[0])


def _reaches_others(value: Any, stand_ins: list[Any]) -> bool:
    """Was value computed from a leaf that requires grad beside stand_ins: one that func closes over?"""
    if value.grad_fn is None:
        return False
    known = {id(t) for t in stand_ins}
    seen = {id(t.grad_fn) for t in stand_ins if t.grad_fn is not None}
    waiting = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for following, _ in node.next_functions:
            if following is None:
                continue
            if hasattr(following, "variable"):
                if id(following.variable) not in known:
                    return True
            else:
                waiting.append(following)
    return False


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of func: see grad_and_value.

    >>> import rustorch as rt
    >>> rt.func.grad(lambda x: x.sin())(rt.tensor(0.0))
    tensor(1.0)
    >>> rt.func.grad(rt.func.grad(lambda x: x ** 3))(rt.tensor(2.0))
    tensor(12.0)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradients, value = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), a function from a cotangent of the output to gradients of the primals[, aux])."""
    with enable_grad():
        leaves, build = _flatten(list(primals))
        stand_ins = [t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in leaves]
        output, extra = func(*build(stand_ins)) if has_aux else (func(*build(stand_ins)), None)
        results, _ = _flatten(output)

    def pull(cotangents: Any) -> Any:
        seeds, _ = _flatten(cotangents)
        with enable_grad():
            pairs = [(r, s) for r, s in zip(results, seeds, strict=True) if r.requires_grad]
            found = (
                _grad([r for r, _ in pairs], stand_ins, [s for _, s in pairs], retain_graph=True, allow_unused=True,
                      create_graph=_outer_graph(list(primals) + seeds))
                if pairs
                else (None,) * len(stand_ins)
            )  # fmt: skip
        filled = [_C.zeros_like(t.detach()) if g is None else g for g, t in zip(found, stand_ins, strict=True)]
        return tuple(build(filled))

    value = output if _outer_graph(primals) else _map(lambda t: t.detach(), output)
    return (value, pull, extra) if has_aux else (value, pull)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """(func(*primals), J tangents[, aux]).

    >>> import rustorch as rt
    >>> rt.func.jvp(lambda x: x.square(), (rt.tensor(3.0),), (rt.tensor(1.0),))
    (tensor(9.0), tensor(6.0))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp: primals and tangents must be tuples")
    extra: list[Any] = []

    def plain(*args: Any) -> Any:
        if not has_aux:
            return func(*args)
        value, aux = func(*args)
        extra[:] = [aux]
        return value

    create = _outer_graph(primals + tangents)
    value, product = _products.jvp(plain, primals, tangents, create_graph=create, strict=strict)
    return (value, product, extra[0]) if has_aux else (value, product)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(func(*primals), a function from tangents of the primals to J tangents), for many tangents at one place."""
    outputs = func(*primals)

    def product(*tangents: Any) -> Any:
        return jvp(func, primals, tangents)[1]

    return outputs, product


def jacrev(func: Callable[..., Any], argnums: Any = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Any:
    """A function that returns the Jacobian of func by its argument(s) argnums, row by row."""
    return _jacobian(func, argnums, has_aux, "reverse-mode")


def jacfwd(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error") -> Any:
    """A function that returns the Jacobian of func by its argument(s) argnums, column by column."""
    return _jacobian(func, argnums, has_aux, "forward-mode")


def _jacobian(func: Callable[..., Any], argnums: Any, has_aux: bool, strategy: str) -> Callable[..., Any]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        extra: list[Any] = []

        def of_chosen(*chosen: Any) -> Any:
            changed = list(args)
            for n, value in zip(numbers, chosen, strict=True):
                changed[n] = value
            result = func(*changed, **kwargs)
            if has_aux:
                result, aux = result
                extra[:] = [aux]
            return result

        create = _outer_graph(args)
        table = _products.jacobian(
            of_chosen,
            tuple(args[n] for n in numbers),
            create_graph=create,
            strategy="reverse-mode" if create else strategy,
        )
        if isinstance(argnums, int):
            single = not isinstance(table[0], tuple)
            table = table[0] if single else tuple(row[0] for row in table)
        return (table, extra[0]) if has_aux else table

    return wrapper


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of func, the Jacobian of its Jacobian.

    >>> import rustorch as rt
    >>> rt.func.hessian(lambda x: (x ** 3).sum())(rt.tensor([1.0, 2.0]))
    tensor([[ 6.0,  0.0],
            [ 0.0, 12.0]])
    """
    return _jacobian(_jacobian(func, argnums, False, "reverse-mode"), argnums, False, "reverse-mode")


# ---- vmap ----


def _dims_for(tree: Any, dims: Any, where: str) -> list[Any]:
    """A dimension, or None, for every leaf of tree."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(_flatten(tree)[0])
    if isinstance(tree, dict):
        return [d for k in tree for d in _dims_for(tree[k], dims[k], where)]
    if not isinstance(tree, (tuple, list)) or len(tree) != len(dims):
        raise ValueError(f"vmap: {where} {dims!r} does not have the structure of the arguments")
    return [d for part, sub in zip(tree, dims, strict=True) for d in _dims_for(part, sub, where)]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """func mapped over a dimension of its arguments: called once a sample, its results stacked.

    in_dims: for each argument the dimension to map over, or None for one that is the same for all; an int is
    meant for all, and nested arguments may have nested dims.  out_dims: where the new dimension of each result
    goes.  randomness "same" draws the same numbers for every sample; others draw new ones.  chunk_size is
    accepted and changes nothing.

    >>> import rustorch as rt
    >>> rt.func.vmap(rt.dot)(rt.ones(3, 2), rt.ones(3, 2))
    tensor([2.0, 2.0, 2.0])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"vmap: randomness must be 'error', 'different' or 'same', not {randomness!r}")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise ValueError("vmap: the function was called without arguments to map over")
        dims = in_dims if in_dims is None or isinstance(in_dims, int) else tuple(in_dims)
        leaves, build = _flatten(args)
        places = _dims_for(args, dims, "in_dims")
        named, build_named = _flatten(kwargs)
        sizes = {}
        for k, (leaf, dim) in enumerate(zip(leaves, places, strict=True)):
            if dim is None:
                continue
            if not isinstance(leaf, Tensor):
                raise ValueError(f"vmap: in_dims {dim} for argument {k}, which is a {type(leaf).__name__}, no Tensor")
            if not -leaf.ndim <= dim < leaf.ndim:
                raise ValueError(f"vmap: in_dims {dim} for argument {k} of shape {tuple(leaf.shape)}")
            sizes[k] = leaf.shape[dim]
        if not sizes and not any(isinstance(t, Tensor) and t.ndim for t in named):
            raise ValueError("vmap: at least one argument must be mapped over")
        mapped = [isinstance(t, Tensor) and t.ndim > 0 for t in named]
        sizes.update({len(leaves) + k: t.shape[0] for k, t in enumerate(named) if mapped[k]})
        if len(set(sizes.values())) > 1:
            raise ValueError(f"vmap: the dimensions to map over have different lengths {sorted(set(sizes.values()))}")
        count = next(iter(sizes.values()))
        if count == 0:
            raise RuntimeError("vmap: the dimension to map over has length 0")
        select, results, rebuild = _C.ops["select"], [], None
        state = _random_state() if randomness == "same" else None
        for i in range(count):
            if state is not None:
                state()
            sample = [leaf if d is None else select(leaf, d, i) for leaf, d in zip(leaves, places, strict=True)]
            words = [select(t, 0, i) if m else t for t, m in zip(named, mapped, strict=True)]
            found, rebuild = _flatten(func(*build(sample), **build_named(words)))
            results.append(found)
        assert rebuild is not None
        for k, value in enumerate(results[0]):
            if not isinstance(value, Tensor):
                raise ValueError(f"vmap: the function must return Tensors, result {k} is a {type(value).__name__}")
        ends = [out_dims] * len(results[0]) if isinstance(out_dims, int) else list(out_dims)
        if len(ends) != len(results[0]):
            raise ValueError(f"vmap: out_dims has {len(ends)} entries for {len(results[0])} results")
        stacked = [
            results[0][k] if dim is None else _C.ops["stack"]([r[k] for r in results], dim)
            for k, dim in enumerate(ends)
        ]
        return rebuild(stacked)

    return wrapper


def _random_state() -> Callable[[], None]:
    from .random import default_generator

    saved = default_generator.get_state()
    return lambda: (default_generator.set_state(saved), None)[1]


# ---- modules as functions ----


def functional_call(
    module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Any = None, *, tie_weights: bool = True,
    strict: bool = False,
) -> Any:  # fmt: skip
    """module(*args, **kwargs) with other parameters and buffers for the length of the call.

    parameter_and_buffer_dicts: {name: Tensor}, or a sequence of such; names that are not given keep theirs.
    tie_weights: a name given stands for all names of the same tensor.  strict: RuntimeError for names missing or
    unknown.  The module is as before afterwards.
    """
    given: dict[str, Any] = {}
    several = parameter_and_buffer_dicts
    for part in several if isinstance(several, (tuple, list)) else [several]:
        for name in part:
            if name in given:
                raise ValueError(f"functional_call: {name!r} is given twice")
        given.update(part)
    own = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    unknown = sorted(set(given) - set(own))
    if strict and (unknown or set(own) - set(given)):
        raise RuntimeError(f"functional_call: missing {sorted(set(own) - set(given))}, unknown {unknown}")
    if unknown:
        raise RuntimeError(f"functional_call: {type(module).__name__} has no parameter or buffer {unknown}")
    if tie_weights:
        for name, tensor in own.items():
            if name not in given:
                twin = next((n for n in given if own[n] is tensor), None)
                if twin is not None:
                    given[name] = given[twin]
    places = []
    try:
        for name, tensor in given.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path) if path else module
            table = owner._parameters if last in owner._parameters else owner._buffers
            places.append((table, last, table[last]))
            table[last] = tensor
        arguments = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*arguments, **(kwargs or {}))
    finally:
        for table, last, before in reversed(places):
            table[last] = before


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(parameters, buffers) of modules of one kind, stacked along a new first dimension: for vmap over an ensemble."""
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: needs at least one model")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: the models must be of one class")
    stack = _C.ops["stack"]
    parameters = {
        name: stack([dict(m.named_parameters())[name].detach() for m in models], 0).requires_grad_(p.requires_grad)
        for name, p in models[0].named_parameters()
    }
    buffers = {
        name: stack([dict(m.named_buffers())[name] for m in models], 0) for name, _ in models[0].named_buffers()
    }
    return parameters, buffers
