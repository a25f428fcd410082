"""rustorch_py: the flat spelling of rustorch.  Names only; everything is rustorch's own.

>>> import rustorch_py
>>> t = rustorch_py.create_tensor([1.0, 2.0, 3.0, 4.0], shape=[2, 2])
>>> rustorch_py.tensor_matmul(t, t)
tensor([[ 7.0, 10.0],
        [15.0, 22.0]])
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import rustorch


class _Twin:
    """Lets `import rustorch_py.nn.functional` find rustorch.nn.functional, the same module object."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package != __name__ or not rest:
            return None
        if importlib.util.find_spec(f"rustorch.{rest}") is None:
            return None
        loader: Any = self  # (not importlib.abc's: that would load half of the standard library)
        return ModuleSpec(name, loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(spec.name.replace(__name__, "rustorch", 1))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            module.__spec__ = spec.loader_state  # it stays who it was


sys.meta_path.insert(0, _Twin())


def __getattr__(name: str) -> Any:
    """Modules, and every other name of rustorch."""
    if name == "tensor" or name in rustorch._SUBMODULES:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"rustorch_py has no {name!r} yet") from None
    if name.startswith("_") or not hasattr(rustorch, name):
        raise AttributeError(f"rustorch_py has no {name!r}")
    return getattr(rustorch, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(rustorch)})
