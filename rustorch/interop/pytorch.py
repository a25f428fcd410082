"""Models from PyTorch and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rustorch

from ._conversion import Conversion, ConversionError
from ._counterparts import require_torch

__all__ = ["ConversionError", "from_pytorch", "to_pytorch"]


class _FromPyTorch(Conversion):
    source, target = "torch", "rustorch"

    def plain_tensor(self, tensor: Any, path: str) -> Any:
        if tensor.device.type != "cpu":
            where = f"{path or 'a tensor'} is on {tensor.device}"
            raise rustorch.DeviceError(f"from_pytorch: {where}; call model.cpu() first")
        if str(tensor.layout) != "torch.strided" or tensor.is_quantized:
            raise ConversionError(f"from_pytorch: {path or 'a tensor'} is {tensor.layout}, not a dense tensor")
        made = rustorch.from_torch(tensor)
        return made.clone() if self.copy else made

    def free_form(self, module: Any, path: str) -> Any:
        made = self.retargeting.instance(module)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        with rustorch.random.fork_rng():
            yield


class _ToPyTorch(Conversion):
    source, target = "rustorch", "torch"

    def plain_tensor(self, tensor: Any, path: str) -> Any:
        made = tensor.to_torch()
        return made.clone() if self.copy else made

    def free_form(self, module: Any, path: str) -> Any:
        made = self.retargeting.instance(module)
        self.fill(made, module, path)
        return made

    @contextmanager
    def fresh(self) -> Iterator[None]:
        torch = require_torch("to_pytorch")
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            yield


def from_pytorch(model: Any, *, copy: bool = True) -> Any:
    """A rustorch module that computes what a PyTorch module computes."""
    torch = require_torch("from_pytorch")
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"from_pytorch: expected a torch.nn.Module, got {type(model).__name__}")
    return _FromPyTorch(copy).module(model)


def to_pytorch(model: Any, *, copy: bool = True) -> Any:
    """A PyTorch module that computes what a rustorch module computes."""
    require_torch("to_pytorch")
    if not isinstance(model, rustorch.nn.Module):
        raise TypeError(f"to_pytorch: expected a rustorch.nn.Module, got {type(model).__name__}")
    return _ToPyTorch(copy).module(model)
