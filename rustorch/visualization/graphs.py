"""Models and gradients as graphs: drawn, and as texts for Graphviz and Mermaid."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._C import Tensor
from ..nn.module import Module
from ._graph import Graph, Node, dot, kind_of_op, mermaid, module_tree
from ._values import count_text, size_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEXTS = {".dot": dot, ".gv": dot, ".mmd": mermaid, ".mermaid": mermaid}


def _arguments(example: Any, function: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments that an example stands for; a shape stands for zeros."""
    if isinstance(example, dict):
        return (), example
    if isinstance(example, (tuple, list)):
        if example and all(isinstance(n, int) for n in example):
            from .._C import zeros

            return (zeros(tuple(example)),), {}
        return tuple(_tensor(part) for part in example), {}
    found = _tensor(example)
    if not isinstance(found, Tensor):
        kind = type(example).__name__
        raise TypeError(
            f"{function}: the example must be a tensor, a tuple of arguments, a dict or a shape, not {kind}"
        )
    return (found,), {}


def _tensor(value: Any) -> Any:
    import numpy as np

    from .._C import as_tensor

    return as_tensor(value) if isinstance(value, np.ndarray) else value


def _graph(model: Any, example: Any, depth: int | None, function: str) -> Graph:
    if not isinstance(model, Module):
        other = type(model).__module__.startswith("torch") or hasattr(model, "state_dict")
        hint = "; rustorch.interop.from_pytorch converts PyTorch's" if other else ""
        raise TypeError(f"{function}: the model must be a rustorch.nn.Module, not {type(model).__name__}{hint}")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise ValueError(f"{function}: depth must be a whole number above 0, not {depth!r}")
    if example is None:
        graph = module_tree(model)
        if depth is not None:
            graph = _pruned(graph, depth)
        return graph
    from ._trace import flow

    args, kwargs = _arguments(example, function)
    return flow(model, args, kwargs, depth)


def _pruned(graph: Graph, depth: int) -> Graph:
    kept = [n for n, node in enumerate(graph.nodes) if node.depth <= depth]
    number = {n: at for at, n in enumerate(kept)}
    edges = [(number[a], number[b]) for a, b in graph.edges if b in number]
    return Graph(graph.title, [graph.nodes[n] for n in kept], edges, graph.tree)


def to_dot(model: Any, example: Any = None, *, depth: int | None = None) -> str:
    """The model's graph as a text for Graphviz (`dot -Tsvg`).

    Args:
        model: a `rustorch.nn.Module`.
        example: what the model is called with, as in `plot_model_graph`; without it the tree of its modules.
        depth: how far modules are opened; all the way unless given.

    Returns:
        The text.

    >>> import rustorch as rt
    >>> print(rt.visualization.to_dot(rt.nn.Linear(2, 1), rt.ones(5, 2)).splitlines()[-3])
      n0 -> n1;
    """
    return dot(_graph(model, example, depth, "to_dot"))


def to_mermaid(model: Any, example: Any = None, *, depth: int | None = None) -> str:
    """The model's graph as a Mermaid flowchart, which GitHub, GitLab and JupyterLab draw in Markdown.

    Args:
        model: a `rustorch.nn.Module`.
        example: what the model is called with, as in `plot_model_graph`; without it the tree of its modules.
        depth: how far modules are opened; all the way unless given.

    Returns:
        The text, to stand in a block of code whose language is mermaid.

    >>> import rustorch as rt
    >>> text = rt.visualization.to_mermaid(rt.nn.Sequential(rt.nn.Linear(2, 1), rt.nn.ReLU()), rt.ones(5, 2))
    >>> "n1 --> n2" in text
    True
    """
    return mermaid(_graph(model, example, depth, "to_mermaid"))


def plot_model_graph(
    model: Any,
    example: Any = None,
    *,
    depth: int | None = None,
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws a model: what flows where, with shapes, when an example is given; else the tree of its modules in order.

    With an example the model runs once, in evaluation mode, on a copy of it; its parameters, buffers and modes stay.
    Steps that follow one another inside one module share a box, whose name stands above it.  A graph too long for a
    page goes on in a next column.  Of a loop that calls a module eight times or more, the first three rounds and the
    last are drawn.

    Args:
        model: a `rustorch.nn.Module`.
        example: a tensor or array, a tuple of positional arguments, a dict of keyword arguments, or a shape (zeros).
        depth: how far modules are opened; unless given, as far as leaves at most 150 boxes.
        title: stands above the picture; the model's class and number of parameters unless given.
        ax: the Axes to draw on; letters shrink to what fits.
        figsize: width and height in inches; what the graph needs unless given.
        save_path: file to write: .png, .svg, .pdf; .dot and .mmd give the texts of `to_dot` and `to_mermaid`, .onnx a
            model that Netron shows (needs an example).
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: when the model is no Module.

    >>> import rustorch as rt
    >>> net = rt.nn.Sequential(rt.nn.Linear(4, 8), rt.nn.ReLU(), rt.nn.Linear(8, 2))
    >>> figure = rt.visualization.plot_model_graph(net, rt.ones(16, 4))
    >>> [text.get_text() for text in figure.axes[0].texts][:3]
    ['Sequential, 58 parameters', 'input', '16 × 4']
    """
    name = "plot_model_graph"
    graph = _graph(model, example, depth, name)
    if title is None:
        title = f"{graph.title}, {count_text(sum(p.numel() for p in _made(model)))} parameters"
    suffix = Path(os.fspath(save_path)).suffix.lower() if save_path is not None else ""
    if suffix in _TEXTS:
        Path(save_path).write_text(_TEXTS[suffix](graph), encoding="utf-8")
        save_path = None
    elif suffix == ".onnx":
        if example is None:
            raise ValueError(f"{name}: an ONNX file needs an example of the model's input")
        export = importlib.import_module("rustorch.onnx").export
        args, kwargs = _arguments(example, name)
        if kwargs:
            raise ValueError(f"{name}: an ONNX file needs positional arguments, not keywords")
        export(model, args, save_path)
        save_path = None
    from . import _drawing

    draw = _drawing.draw_tree if graph.tree else _drawing.draw_flow
    return draw(graph, name, title, ax=ax, figsize=figsize, save_path=save_path, show=show)


def _made(model: Any) -> list[Any]:
    from ..nn.parameter import is_lazy

    return [p for p in model.parameters() if not is_lazy(p)]


def autograd_graph(tensor: Any, names: Any = None, *, limit: int = 1000) -> Graph:
    """The operations that a tensor came from, back to the leaves, as a Graph."""
    graph = Graph("gradient graph")
    named = {id(value): name for name, value in dict(names or {}).items()}
    done: dict[Any, int] = {}
    stack = [tensor.grad_fn] if tensor.grad_fn is not None else []
    if not stack:
        graph.add(Node(named.get(id(tensor), "leaf"), "", size_text(tensor.shape), "parameter"))
        return graph
    while stack:
        here = stack[-1]
        before = [edge for edge, _ in here.next_functions if edge is not None]
        missing = [edge for edge in before if edge not in done] if here not in done else []
        if missing:
            stack += missing
            continue
        stack.pop()
        if here in done:
            continue
        if len(done) >= limit:
            raise ValueError(f"plot_autograd_graph: more than {limit} steps; raise limit to draw them all")
        variable = getattr(here, "variable", None)
        if variable is not None:
            label = named.get(id(variable), "leaf")
            node = Node(label, "", size_text(variable.shape), "parameter", parameters=variable.numel())
        else:
            name = here.name().removesuffix("0").removesuffix("Backward")
            node = Node(name, kind=kind_of_op(name))
        done[here] = graph.add(node, [done[edge] for edge in before])
    shape = size_text(tensor.shape)
    graph.add(Node(named.get(id(tensor), "result"), "", shape, "input, output"), [done[tensor.grad_fn]])
    return graph


def plot_autograd_graph(
    tensor: Any,
    names: Any = None,
    *,
    limit: int = 300,
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws the operations that a tensor was computed with, from its leaves down to it: what backward() will walk.

    Args:
        tensor: a Tensor that requires grad.
        names: name -> tensor of leaves that should be called by name; a Module gives its parameters' names.
        limit: operations at most.
        title: stands above the picture.
        ax: the Axes to draw on; letters shrink to what fits.
        figsize: width and height in inches; what the graph needs unless given.
        save_path: file to write: .png, .svg, .pdf, or .dot and .mmd for a text.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what is no Tensor.
        ValueError: for a tensor without history, and for more operations than `limit`.

    >>> import rustorch as rt
    >>> w = rt.ones(3, requires_grad=True)
    >>> figure = rt.visualization.plot_autograd_graph((w.exp() * 2).sum(), {"w": w})
    >>> [text.get_text() for text in figure.axes[0].texts][1:5]
    ['w', '3', 'Exp', 'Mul']
    """
    name = "plot_autograd_graph"
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a Tensor, not {type(tensor).__name__}")
    if not tensor.requires_grad:
        raise ValueError(f"{name}: the tensor does not require grad: nothing of how it was made is recorded")
    if isinstance(names, Module):
        names = dict(names.named_parameters())
    graph = autograd_graph(tensor, names, limit=limit)
    suffix = Path(os.fspath(save_path)).suffix.lower() if save_path is not None else ""
    if suffix in _TEXTS:
        Path(save_path).write_text(_TEXTS[suffix](graph), encoding="utf-8")
        save_path = None
    from . import _drawing

    return _drawing.draw_flow(graph, name, title or graph.title, ax=ax, figsize=figsize, save_path=save_path, show=show)
