"""Writes the pages of the reference: which names stand on which page.  Their text is the docstrings'."""

from __future__ import annotations

import importlib
import inspect
import types
from pathlib import Path

import rustorch

# page -> (title, modules); of a module, the names it makes public
PAGES = {
    "nn": ("Networks", ["rustorch.nn", "rustorch.nn.init", "rustorch.nn.utils"]),
    "functional": ("Functions of networks", ["rustorch.nn.functional"]),
    "autograd": ("Gradients", ["rustorch.autograd", "rustorch.autograd.functional", "rustorch.func"]),
    "optim": ("Optimisers", ["rustorch.optim", "rustorch.optim.lr_scheduler", "rustorch.optim.swa_utils"]),
    "data": ("Data", ["rustorch.data", "rustorch.data.transforms"]),
    "training": ("Training", ["rustorch.training", "rustorch.callbacks", "rustorch.metrics"]),
    "files": ("Files and other libraries", [
        "rustorch.serialization", "rustorch.utils", "rustorch.interop", "rustorch.onnx", "rustorch.sklearn",
    ]),
    "pictures": ("Pictures", ["rustorch.visualization"]),
    "watching": ("Profiling, debugging, plugins", ["rustorch.profiler", "rustorch.debug", "rustorch.plugins"]),
    "linalg": ("Linear algebra and Fourier transforms", ["rustorch.linalg", "rustorch.fft", "rustorch.signal.windows"]),
    "special": ("Special functions", ["rustorch.special"]),
    "random": ("Random numbers and distributions", ["rustorch.random", "rustorch.distributions"]),
    "sparse": ("Sparse arrays", ["rustorch.sparse", "rustorch.sparse.linalg"]),
    "process": ("Settings, memory, errors, tests", [
        "rustorch.config", "rustorch.memory", "rustorch.errors", "rustorch.testing", "rustorch.amp", "rustorch.cuda",
    ]),
}  # fmt: skip

MADE = [
    "tensor", "as_tensor", "asarray", "from_numpy", "from_dlpack", "zeros", "ones", "empty", "full", "eye", "arange",
    "linspace", "zeros_like", "ones_like", "empty_like", "full_like",
]  # fmt: skip

# what scikit-learn gives every estimator
INHERITED = ", ".join(f"set_{name}_request" for name in ("fit", "partial_fit", "score", "predict", "transform"))


def public(module: types.ModuleType) -> dict[str, object]:
    """The names of a module that are its own: __all__, or what was defined there."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n in dir(module) if not n.startswith("_")]
        own = (n for n in names if getattr(getattr(module, n), "__module__", "").startswith(module.__name__))
        names = list(own)
    found = {name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if not isinstance(value, types.ModuleType)}


def directive(module: str, name: str, value: object) -> str:
    path = f"{module}.{name}"
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        deep = value is rustorch.Tensor
        own = value.__module__.startswith("rustorch") and kind == "class"
        members = f"   :members:\n   :exclude-members: {INHERITED}\n" if own and not deep else ""
        return f".. auto{kind}:: {path}\n{members}"
    if callable(value):
        return f".. autofunction:: {path}\n"
    return f".. autodata:: {path}\n   :no-value:\n"


def page(title: str, sections: list[tuple[str, str, dict[str, object]]]) -> str:
    lines = [title, "=" * len(title), ""]
    for heading, module, names in sections:
        if len(sections) > 1:
            lines += [heading, "-" * len(heading), ""]
        doc = inspect.getdoc(importlib.import_module(module)) if heading == module else None
        if doc:
            lines += [f".. automodule:: {module}", "   :no-members:", ""]
        lines += [directive(module, name, value) for name, value in names.items()]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Writes folder/*.rst anew where they differ; index.rst lists them."""
    folder.mkdir(exist_ok=True)
    pages = {"tensor": tensor_page(), "numpy": numpy_page()}
    for name, (title, modules) in PAGES.items():
        pages[name] = page(title, [(m, m, public(importlib.import_module(m))) for m in modules])
    pages["operations"] = operations_page({*MADE, *public(importlib.import_module("rustorch.random"))})
    listing = "".join(f"   {name}\n" for name in pages)
    pages["index"] = f"Reference\n=========\n\n.. toctree::\n   :maxdepth: 2\n\n{listing}"
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def tensor_page() -> str:
    text = page("Tensor", [
        ("The type", "rustorch", {"Tensor": rustorch.Tensor}),
        ("Making tensors", "rustorch", {name: getattr(rustorch, name) for name in MADE}),
    ])
    lines = ["Methods and attributes", "----------------------", ""]
    for name in dir(rustorch.Tensor):
        member = getattr(rustorch.Tensor, name)
        if not name.startswith("_") and inspect.getdoc(member):
            lines += [f".. auto{'method' if callable(member) else 'attribute'}:: rustorch.Tensor.{name}", ""]
    return text + "\n".join(lines)


def operations_page(elsewhere: set[str]) -> str:
    """All functions of rustorch that stand on no other page: elementwise rows first."""
    rows = {row["name"]: row["family"] for row in rustorch._C.op_table()}
    functions = {n: getattr(rustorch, n) for n in dir(rustorch) if not n.startswith("_") and n not in elsewhere
                 and n not in rustorch._SUBMODULES}  # fmt: skip
    kept = {n: f for n, f in functions.items() if callable(f) and not inspect.isclass(f) and inspect.getdoc(f)}
    simple = {n: f for n, f in kept.items() if rows.get(n.rstrip("_")) == "elementwise"}
    rest = {n: f for n, f in kept.items() if n not in simple}
    return page("Operations", [("Elementwise", "rustorch", simple), ("Others", "rustorch", rest)])


def numpy_page() -> str:
    """A line for each function of rustorch.numpy: their arguments are NumPy's."""
    lines = [
        "The NumPy dialect", "=================", "",
        "Functions of ``rustorch.numpy`` have NumPy's arguments, defaults and meaning, and gradients.", "",
    ]  # fmt: skip
    for name in ("rustorch.numpy", "rustorch.numpy.linalg", "rustorch.numpy.fft"):
        module = importlib.import_module(name)
        own = [n for n in dir(module) if not n.startswith("_") and callable(getattr(module, n))
               and not inspect.isclass(getattr(module, n))]  # fmt: skip
        lines += [name, "-" * len(name), "", ", ".join(f"``{n}``" for n in own), ""]
    return "\n".join(lines)
