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

    source, target = "torch", "rustorch"

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
            made = self.retargeting.instance(module)
        self.note(module, made)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        with rustorch.random.fork_rng():
            yield


class ToPyTorch(Conversion):
    """A conversion to PyTorch."""

    source, target = "rustorch", "torch"

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
        made = self.retargeting.instance(module)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        torch = require_torch("to_pytorch")
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            yield


def from_pytorch(model: Any, *, copy: bool = True, example_inputs: Any = None, through: str = "auto") -> Any:
    """A rustorch module that computes what a PyTorch module computes."""
    torch = require_torch("from_pytorch")
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"from_pytorch: expected a torch.nn.Module, got {type(model).__name__}")
    if through == "class":
        return FromPyTorch(copy).module(model)
    from ._programs import Programs, Untraceable, Wiring

    conversion = FromPyTorch(copy)
    conversion.programs = Programs(conversion)
    try:
        if conversion.layer_class(model) is not None:
            conversion.programs.trace_below(model, "")
        else:
            conversion.programs.trace(model, Wiring.required(model), "")
        return conversion.module(model)
    except Untraceable as error:
        if through == "graph":
            raise ConversionError(f"from_pytorch: {error}") from error
    return FromPyTorch(copy).module(model)


def to_pytorch(model: Any, *, copy: bool = True) -> Any:
    """A PyTorch module that computes what a rustorch module computes."""
    require_torch("to_pytorch")
    if not isinstance(model, rustorch.nn.Module):
        raise TypeError(f"to_pytorch: expected a rustorch.nn.Module, got {type(model).__name__}")
    return ToPyTorch(copy).module(model)
