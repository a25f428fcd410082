"""A graph of what a model computes, as data: nodes, edges, and the texts of them that Graphviz and Mermaid draw."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ._values import count_text, size_text

# kind -> colour; the order is that of the legend
KINDS = {
    "input, output": "#7F7F7F", "convolution": "#0072B2", "linear": "#56B4E9", "recurrent": "#3F4FA0",
    "attention": "#CC79A7", "embedding": "#B58900", "normalization": "#E69F00", "activation": "#D55E00",
    "pooling": "#009E73", "dropout": "#A08060", "parameter": "#8C564B", "operation": "#B0B0B0", "module": "#8FBC8F",
}  # fmt: skip
_ACTIVATIONS = {
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
}  # fmt: skip
_PATTERNS = (
    ("convolution", r"Conv"), ("attention", r"Attention|Transformer"), ("normalization", r"Norm\b|Norm\dd?$|Norm$"),
    ("pooling", r"Pool|Upsample"), ("recurrent", r"RNN|LSTM|GRU"), ("embedding", r"Embedding"),
    ("dropout", r"Dropout"), ("linear", r"Linear|Bilinear"),
)  # fmt: skip
_OP_PATTERNS = (
    ("convolution", r"conv"), ("normalization", r"norm$|batch_norm|batchnorm"), ("pooling", r"pool|resample"),
    ("linear", r"^(linear|matmul|mm|addmm|bmm|baddbmm|einsum|bilinear)$"), ("embedding", r"^embedding"),
    ("activation", r"^(\w*relu6?|gelu|[sc]?elu|silu|mish|(log_?)?softmax|(log_?)?sigmoid|tanh|softplus|hard\w+)$"),
)  # fmt: skip


@dataclass
class Node:
    """A step: a module's call, an operation, an input or an output."""

    label: str
    detail: str = ""
    shape: str = ""
    kind: str = "operation"
    path: str = ""
    parameters: int = 0
    depth: int = 0  # in the tree of modules

    @property
    def text(self) -> str:
        return f"{self.label} {self.detail}".strip()


@dataclass
class Graph:
    """Nodes in the order of their making, and edges between their numbers; a tree of modules when nothing was run."""

    title: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    tree: bool = False

    def add(self, node: Node, sources: Any = ()) -> int:
        """Enters a node with edges from its sources; its number."""
        self.nodes.append(node)
        number = len(self.nodes) - 1
        self.edges += [(source, number) for source in dict.fromkeys(sources)]
        return number


def pruned(graph: Graph) -> Graph:
    """Without operations and parameters that lead to no module and no output, such as checks of what was given."""
    needed = [node.kind == "input, output" or (bool(node.path) and node.kind != "parameter") for node in graph.nodes]
    for a, b in sorted(graph.edges, key=lambda edge: -edge[1]):
        needed[a] = needed[a] or needed[b]
    return _merged(graph, {n: (n if kept else None) for n, kept in enumerate(needed)})


def folded(graph: Graph, most: int = 8) -> Graph:
    """Loops that call modules again and again: the first three rounds, a node for all others, and the last."""
    calls: dict[str, list[int]] = {}
    for number, node in enumerate(graph.nodes):
        if node.path and node.kind != "parameter":
            calls.setdefault(node.path, []).append(number)
    for path, numbers in sorted(calls.items(), key=lambda item: -len(item[1])):
        if len(numbers) < most:
            continue
        first, last = numbers[2] + 1, numbers[-1]
        inside = range(first, last)
        ends = any(graph.nodes[n].kind in ("input, output", "parameter") for n in inside)
        new = any(graph.nodes[n].path and calls[graph.nodes[n].path][0] >= first for n in inside)
        if ends or new or len(inside) < 2:
            continue  # more goes on there than rounds of a loop
        merged = _merged(graph, {n: (first if n in inside else n) for n in range(len(graph.nodes))})
        node = graph.nodes[numbers[2]]
        merged.nodes[first] = Node("…", f"{len(numbers) - 4} more rounds of {path}", "", node.kind)
        return folded(merged, most)
    return graph


def _merged(graph: Graph, target: dict[int, int | None]) -> Graph:
    """The graph with each node counted as another, or left out (None); the order stays."""
    kept = sorted({n for n in target.values() if n is not None})
    place = {n: at for at, n in enumerate(kept)}
    edges: dict[tuple[int, int], None] = {}
    for a, b in graph.edges:
        one, other = target[a], target[b]
        if one is not None and other is not None and one != other:
            edges[place[one], place[other]] = None
    return Graph(graph.title, [graph.nodes[n] for n in kept], list(edges), graph.tree)


def kind_of(name: str) -> str:
    """The kind of a module by its class' name."""
    if name in _ACTIVATIONS:
        return "activation"
    return next((kind for kind, pattern in _PATTERNS if re.search(pattern, name)), "module")


def _extent(value: Any) -> str:
    """A kernel's size: 3 × 3 for 3 and for (3, 3)."""
    return "\u00d7".join(map(str, value)) if isinstance(value, (tuple, list)) else f"{value}\u00d7{value}"


def kind_of_op(name: str) -> str:
    """The kind of an operation by its name."""
    return next((kind for kind, pattern in _OP_PATTERNS if re.search(pattern, name.lower())), "operation")


def detail_of(module: Any) -> str:
    """The settings of a module that matter most, in few letters."""
    name = type(module).__name__
    if re.search(r"Conv", name) and hasattr(module, "in_channels"):
        parts = [f"{module.in_channels}→{module.out_channels}", _extent(module.kernel_size)]
        if any(s != 1 for s in module.stride):
            parts.append(f"stride {module.stride[0]}")
        if module.groups != 1:
            parts.append(f"groups {module.groups}")
        return ", ".join(parts)
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return f"{module.in_features}→{module.out_features}"
    if hasattr(module, "in1_features"):
        return f"{module.in1_features}, {module.in2_features}→{module.out_features}"
    if hasattr(module, "num_embeddings") and hasattr(module, "embedding_dim"):
        return f"{module.num_embeddings}→{module.embedding_dim}"
    if hasattr(module, "input_size") and hasattr(module, "hidden_size"):
        layers = getattr(module, "num_layers", 1)
        return f"{module.input_size}→{module.hidden_size}" + (f", {layers} layers" if layers > 1 else "")
    if hasattr(module, "embed_dim") and hasattr(module, "num_heads"):
        return f"{module.embed_dim}, {module.num_heads} heads"
    if "Pool" in name and hasattr(module, "kernel_size"):
        return _extent(module.kernel_size) if name[-2:] != "1d" else str(module.kernel_size)
    for attribute, form in (("num_features", "{}"), ("normalized_shape", "{}"), ("p", "p={}"), ("output_size", "{}")):
        if hasattr(module, attribute):
            value = getattr(module, attribute)
            return form.format(size_text(value).replace(" ", "") if isinstance(value, (tuple, list)) else value)
    if name == "Flatten" and (module.start_dim, module.end_dim) == (1, -1):
        return ""
    extra = " ".join(module.extra_repr().split())
    extra = re.sub(r",? ?inplace=\w+", "", extra)
    return extra if len(extra) <= 28 else extra[:27] + "…"


def module_tree(model: Any) -> Graph:
    """All modules in the order of their definition, edges from each to its children."""
    graph = Graph(type(model).__name__, tree=True)

    def visit(module: Any, name: str, path: str, depth: int, parent: int | None) -> None:
        children = list(module.named_children())
        own = sum(p.numel() for p in module.parameters(recurse=False) if _known(p))
        count = own if not children else sum(p.numel() for p in module.parameters() if _known(p))
        kind = kind_of(type(module).__name__) if not children else "module"
        label = f"{name}: {type(module).__name__}" if name else type(module).__name__
        node = Node(label, "" if children else detail_of(module), kind=kind, path=path, parameters=count, depth=depth)
        number = graph.add(node, () if parent is None else (parent,))
        for child_name, child in children:
            visit(child, child_name, f"{path}.{child_name}".lstrip("."), depth + 1, number)

    visit(model, "", "", 0, None)
    return graph


def _known(parameter: Any) -> bool:
    from ..nn.parameter import is_lazy

    return not is_lazy(parameter)


def _lines(node: Node) -> list[str]:
    lines = [node.text]
    if node.path and node.kind != "parameter":
        lines.append(node.path)
    if node.shape:
        lines.append(node.shape)
    if node.parameters:
        lines.append(f"{count_text(node.parameters)} parameters")
    return lines


def pale(color: str, strength: float = 0.3) -> str:
    """A colour mixed with white, light enough for dark text on it."""
    parts = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02x}" for part in parts)


def dot(graph: Graph) -> str:
    """The graph in Graphviz' language (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph model {", f"  label={_quoted(graph.title)}; labelloc=t;", "  rankdir=TB;",
             '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10, color="#666666", '
             'fontcolor="#111111"];', '  edge [color="#666666"];']  # fmt: skip
    for number, node in enumerate(graph.nodes):
        lines.append(f"  n{number} [label={_quoted(chr(10).join(_lines(node)))}, "
                     f'fillcolor="{pale(KINDS[node.kind])}"];')  # fmt: skip
    lines += [f"  n{a} -> n{b};" for a, b in graph.edges]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def mermaid(graph: Graph) -> str:
    """The graph in Mermaid's language (https://mermaid.js.org/syntax/flowchart.html)."""
    lines = ["---", f"title: {_plain(graph.title)}", "---", "flowchart TD"]
    used: dict[str, list[str]] = {}
    for number, node in enumerate(graph.nodes):
        text = "<br/>".join(_plain(line) for line in _lines(node))
        ends = ('(["', '"])') if node.kind == "input, output" else ('["', '"]')
        lines.append(f"    n{number}{ends[0]}{text}{ends[1]}")
        used.setdefault(node.kind, []).append(f"n{number}")
    lines += [f"    n{a} --> n{b}" for a, b in graph.edges]
    for kind, numbers in used.items():
        name = kind.partition(",")[0]
        lines.append(f"    classDef {name}Kind fill:{pale(KINDS[kind])},stroke:#666,color:#111")
        lines.append(f"    class {','.join(numbers)} {name}Kind")
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    """Text without the letters that mean something to Mermaid."""
    return "".join(f"#{ord(c)};" if c in '"<>#&[]{}()|\\`;' else " " if c == "\n" else c for c in text)
