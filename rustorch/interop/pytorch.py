"""Models from PyTorch and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rustorch

from ..nn.module import Module
from ._conversion import Conversion, ConversionError
from ._counterparts import require_torch
from .program import Program

if TYPE_CHECKING:
    from ._programs import Programs

__all__ = ["ConversionError", "FromPyTorch", "ToPyTorch", "from_pytorch", "to_pytorch"]


class FromPyTorch(Conversion):
    """A conversion from PyTorch.  Classes without a counterpart become Programs, while `programs` is set, and else
    the same classes with other globals."""

    source, target, function = "torch", "rustorch", "from_pytorch"

    def __init__(self, copy: bool) -> None:
        super().__init__(copy)
        self.programs: Programs | None = None

    def plain_tensor(self, tensor: Any, path: str) -> Any:
        if tensor.device.type != "cpu":
            where = f"{path or 'a tensor'} is on {tensor.device}"
            raise rustorch.DeviceError(f"from_pytorch: {where}; call model.cpu() first")
        if str(tensor.layout) != "torch.strided" or tensor.is_quantized:
            raise ConversionError(f"from_pytorch: {path or 'a tensor'} is {tensor.layout}, not a dense tensor")
        made = rustorch.from_torch(tensor)
        return made.clone() if self.copy else made

    def free_form(self, module: Any, path: str) -> Any:
        made: Any
        if self.programs is not None:
            made = self.programs.build(module, path)
            if made is not None:
                return made
            made = Module()
        else:
            made = self.instance(module, path)
        self.note(module, made)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        with rustorch.random.fork_rng():
            yield


class ToPyTorch(Conversion):
    """A conversion to PyTorch."""

    source, target, function = "rustorch", "torch", "to_pytorch"

    def plain_tensor(self, tensor: Any, path: str) -> Any:
        made = tensor.to_torch()
        return made.clone() if self.copy else made

    def free_form(self, module: Any, path: str) -> Any:
        if isinstance(module, Program):
            from ._fx_module import graph_module

            held = self.target_nn.Module()
            self.fill(held, module, path)
            made = graph_module(held, module._graph, module._training_graph, self)
            made.training = module.training
            self._hook(made, module, path)
            return made
        made = self.instance(module, path)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        torch = require_torch("to_pytorch")
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            yield


def from_pytorch(
    model: Any, *, copy: bool = True, example_inputs: Any = None, through: str = "auto"
) -> Any:
    """A rustorch module that computes what a PyTorch module computes, with the same names, modes and hooks.

    Layers and containers of torch.nn become those of rustorch.nn.  A module with a forward of its own becomes a
    `Program`, the list of its steps, when it can be written as one whatever the inputs' sizes; otherwise (loops over
    sizes, branches, optional arguments, gradients of its own) the same class with the same code, calling rustorch.
    Tensors and modules that were shared, tied weights among them, stay shared.

    Args:
        model: a torch.nn.Module on the CPU.
        copy: False: parameters and buffers lie in PyTorch's memory, and each side sees what the other writes.
        example_inputs: PyTorch's or our tensors that the model can be called with: a tensor, a tuple of arguments, or
            a dict of arguments by name.  They say which of forward's optional arguments are used, allow graphs
            that symbolic tracing cannot find (torch.export), and the result is checked on them.
        through: "graph" for Programs or an error, "class" for the same class in any case; "auto" as above.

    Raises:
        TypeError: `model` is no torch.nn.Module.
        ConversionError: a part has no counterpart; the message names it and where it is.  A NotImplementedError.
        DeviceError: a tensor is not on the CPU.
        ImportError: PyTorch is not installed (pip install rustorch[torch]).

    >>> import torch, rustorch as rt
    >>> theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.LazyLinear(4))
    >>> y = theirs(torch.ones(1, 1, 5, 5))
    >>> ours = rt.interop.from_pytorch(theirs)
    >>> bool(abs(ours(rt.ones(1, 1, 5, 5)) - rt.from_torch(y)).max() < 1e-5)
    True
    """
    torch = require_torch("from_pytorch")
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"from_pytorch: expected a torch.nn.Module, got {type(model).__name__}")
    if through not in ("auto", "graph", "class"):
        raise ValueError(f"from_pytorch: through must be 'auto', 'graph' or 'class', not {through!r}")
    if isinstance(model, torch.jit.ScriptModule):
        raise ConversionError("from_pytorch: the model is compiled by TorchScript; convert the module it was made of")
    from ._programs import program_of

    try:
        if through != "class":
            return program_of(FromPyTorch(copy), model, example_inputs)
    except ConversionError:
        if through == "graph":
            raise
    return FromPyTorch(copy).module(model)


def to_pytorch(model: Any, *, copy: bool = True) -> Any:
    """A PyTorch module that computes what a rustorch module computes, with the same names, modes and hooks.

    Layers and containers of rustorch.nn become those of torch.nn, Programs torch.fx GraphModules, and other classes
    the same class with the same code, calling PyTorch.

    Args:
        model: a rustorch.nn.Module.
        copy: False: parameters and buffers lie in our memory, and each side sees what the other writes.

    Raises:
        TypeError: `model` is no rustorch.nn.Module.
        ConversionError: a part has no counterpart; the message names it and where it is.  A NotImplementedError.
        ImportError: PyTorch is not installed (pip install rustorch[torch]).

    >>> import torch, rustorch as rt
    >>> class Net(rt.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = rt.nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return rt.relu(self.layer(x)).sum(dim=-1)
    >>> theirs = rt.interop.to_pytorch(Net())
    >>> isinstance(theirs, torch.nn.Module), list(theirs.state_dict())
    (True, ['layer.weight', 'layer.bias'])
    """
    require_torch("to_pytorch")
    if not isinstance(model, rustorch.nn.Module):
        raise TypeError(f"to_pytorch: expected a rustorch.nn.Module, got {type(model).__name__}")
    return ToPyTorch(copy).module(model)
