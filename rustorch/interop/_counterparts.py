"""Which object of one library is which of the other: functions, classes, dtypes, modules, found by identity.

Both libraries have the same names, so that a name is all that has to be found.
"""

from __future__ import annotations

import importlib
import types
from functools import cache
from typing import Any

__all__ = ["Counterparts", "require_torch"]

# Where public names are, below `torch` and `rustorch` alike; the first that has an object names it.  Of functions that
# are in several places nn.functional has the fullest.
_NAMESPACES = (
    "nn.functional", "", "nn", "linalg", "fft", "special", "nn.init", "nn.utils", "nn.utils.rnn",
    "nn.utils.parametrize", "nn.utils.parametrizations", "autograd", "nn.utils.prune", "nn.modules",
    "nn.modules.linear",
    "nn.modules.module", "nn.modules.batchnorm", "nn.modules.conv", "nn.modules.rnn", "nn.modules.utils",
    "nn.modules.activation", "nn.parameter", "utils.checkpoint", "distributions", "autograd.function", "func",
    "nn.attention", "nn.modules.container", "nn.modules.instancenorm",
)  # fmt: skip
_PLAIN = (str, bytes, int, float, complex, bool, type(None), tuple, list, dict, set, frozenset, types.ModuleType)


def require_torch(function: str) -> Any:
    """PyTorch; ImportError, which says what to install, when it is not there."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(f"{function} needs PyTorch: pip install rustorch[torch]") from error


def _namespace(library: str, path: str) -> Any:
    """A module or class below a library by path, or None."""
    found = importlib.import_module(library)
    name = library
    for part in path.split(".") if path else ():
        name += "." + part
        inner = getattr(found, part, None)
        if inner is None:
            try:
                inner = importlib.import_module(name)
            except ImportError:
                return None
        found = inner
    return found


class Counterparts:
    """The names of one library's objects, and what has them in another.

    Counterparts("torch", "rustorch").of(torch.relu) is rustorch.relu.
    """

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        self._paths: dict[int, tuple[Any, list[str]]] = {}
        for path in _NAMESPACES:
            for name, value in vars(_namespace(source, path) or types.SimpleNamespace()).items():
                if isinstance(value, _PLAIN) or (name.startswith("_") and not isinstance(value, type)):
                    continue
                if path != "nn.functional" or (callable(value) and not isinstance(value, type)):
                    self._enter(value, f"{path}.{name}" if path else name)
        if source == "rustorch":  # these names are loaded when first asked for
            library = importlib.import_module(source)
            for name in (*library._FUNCTIONAL, *library._RANDOM, *library._ELSEWHERE, "bfloat16"):
                self._enter(getattr(library, name), name)

    def _enter(self, value: Any, path: str) -> None:
        self._paths.setdefault(id(value), (value, []))[1].append(path)

    def paths(self, value: Any) -> list[str]:
        """The dotted names of an object of the source library, without the library's own; none for other objects."""
        found = self._paths.get(id(value))
        return found[1] if found is not None and found[0] is value else []

    def named(self, path: str) -> Any:
        """What the target library has under a dotted name; None when it has nothing."""
        home, _, name = path.rpartition(".")
        namespace = _namespace(self.target, home)
        return None if namespace is None else getattr(namespace, name, None)

    def of(self, value: Any) -> Any:
        """The counterpart of an object of the source library, or None."""
        return next((found for path in self.paths(value) if (found := self.named(path)) is not None), None)

    def module(self, name: str) -> Any:
        """The counterpart of a module of the source library, by its full name; None when there is none."""
        _, _, path = name.partition(".")
        return _namespace(self.target, path)


@cache
def counterparts(source: str, target: str) -> Counterparts:
    """The one Counterparts of two libraries, "torch" and "rustorch" or the other way."""
    return Counterparts(source, target)
