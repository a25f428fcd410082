"""Names of module classes and functions in descriptions, and what they stand for.

Classes of rustorch.nn have their short names, rustorch's others and those of users dotted ones.  A dotted name is
looked up among rustorch's own packages of modules and among the classes that the reader gives or has registered, and
nowhere else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import _C
from .module import Module

registered: dict[str, type[Module]] = {}  # classes of users, by dotted name
# packages of rustorch that have module classes of their own; they are loaded when a description names one
_PACKAGES = (
    "rustorch.nn", "rustorch.training", "rustorch.interop", "rustorch.onnx", "rustorch.sklearn", "rustorch.signal",
)  # fmt: skip


def full_name(cls: type) -> str:
    """Module and qualified name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def name_of_class(cls: type[Module]) -> str:
    """The name that stands for a class in descriptions."""
    from .. import nn

    return cls.__name__ if getattr(nn, cls.__name__, None) is cls else full_name(cls)


def class_named(name: str, classes: Sequence[type[Module]] = ()) -> type[Module]:
    """The class of a name; ValueError says what to pass when it is none that is known."""
    from .. import nn

    if "." not in name:
        found: Any = getattr(nn, name, None)
        if not _is_module_class(found):
            raise ValueError(f"{name[:100]!r} is no module class of rustorch.nn")
        return found
    known = {**registered, **{full_name(cls): cls for cls in classes}}
    cls = known.get(name) or _alone(name.rpartition(".")[2], [*classes, *registered.values()]) or _own(name)
    if cls is None:
        short = name.rpartition(".")[2]
        raise ValueError(
            f"the module's class {name[:200]} is none of rustorch's: pass classes=[{short[:100]}], register it by"
            f" serialization.add_safe_globals([{short[:100]}]), or load the weights alone with weights_only=True"
        )
    return cls


def _is_module_class(o: Any) -> bool:
    return isinstance(o, type) and issubclass(o, Module)


def _alone(short: str, classes: Iterable[type[Module]]) -> type[Module] | None:
    """The only class of a name without its module, which may have moved since."""
    found = {cls for cls in classes if cls.__name__ == short}
    return found.pop() if len(found) == 1 else None


def _own(name: str) -> type[Module] | None:
    """A class of one of rustorch's packages."""
    package, _, short = name.rpartition(".")
    if not any(package == own or package.startswith(own + ".") for own in _PACKAGES):
        return None
    try:
        found: Any = getattr(importlib.import_module(package), short, None)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("rustorch"):
            return None
        raise
    return found if _is_module_class(found) and found.__module__ == package else None


def register(classes: Iterable[type[Module]]) -> None:
    """Lets descriptions name these classes."""
    for cls in classes:
        if not _is_module_class(cls):
            raise TypeError(f"add_safe_globals: needs classes of modules, not {cls!r}")
        registered[full_name(cls)] = cls


# ---- functions ----


def name_of_function(function: Any) -> str | None:
    """The name of a function of tensors: "relu" among the ops, "functional.gelu" in nn.functional."""
    from . import functional

    name = getattr(function, "__name__", "")
    if _C.ops.get(name) is function:
        return str(name)
    return f"functional.{name}" if name and getattr(functional, name, None) is function else None


def function_named(name: Any) -> Callable[..., Any]:
    """The function of such a name."""
    from . import functional

    found: Any = None
    if isinstance(name, str):
        place, dot, short = name.rpartition(".")
        if not dot:
            found = _C.ops.get(name)
        elif place == "functional" and not short.startswith("_"):
            found = getattr(functional, short, None)
    if not isinstance(found, _FUNCTIONS):
        raise ValueError(f"{str(name)[:100]!r} is no function of rustorch")
    return found


_FUNCTIONS = (type(_C.ops["relu"]), type(_C._guard(full_name)))  # ops, and functions of ours written in Python
