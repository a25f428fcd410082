"""Models and checkpoints in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..nn.module import Module
from ..random import get_rng_state, set_rng_state
from ..serialization import load, save

__all__ = ["load_checkpoint", "load_model", "save_checkpoint", "save_model"]

_PARTS = ("model", "optimizer", "scheduler")


def save_model(model: Module, path: Any) -> None:
    """Writes a module to a `.rustorch` file: architecture, parameters, buffers.

    Args:
        model: any Module; hooks are not saved.
        path: a path, which is replaced only when all is written, or a file open for writing bytes.

    >>> import io, rustorch as rt
    >>> file = io.BytesIO()
    >>> save_model(rt.nn.Sequential(rt.nn.Linear(4, 2), rt.nn.ReLU()), file)
    >>> _ = file.seek(0)
    >>> load_model(file)
    Sequential(
      (0): Linear(in_features=4, out_features=2, bias=True)
      (1): ReLU()
    )
    """
    if not isinstance(model, Module):
        raise TypeError(f"save_model: needs a Module, not {type(model).__name__}; of other objects use rustorch.save")
    save(model, path)


def load_model(path: Any, classes: Sequence[type] = (), mmap: bool | None = None) -> Module:
    """The module of a `.rustorch` file.

    Args:
        path: a path, or a file open for reading bytes.
        classes: classes of modules of yours that are in it.
        mmap: parameters are read-only windows on the file.

    FileError when the file is damaged, holds no module, or one of a class that is not known.
    """
    from ..errors import FileError

    found = load(path, classes=classes, mmap=mmap)
    if not isinstance(found, Module):
        raise FileError(f"load_model: the file holds a {type(found).__name__}, no module; use rustorch.load")
    return found


def save_checkpoint(
    model: Any, path: Any, optimizer: Any = None, scheduler: Any = None, epoch: int | None = None, **more: Any
) -> None:
    """Writes what training needs to go on: states of model, optimizer and scheduler, epoch, random numbers.

    Args:
        model: the Module, or a dict that is the whole checkpoint.
        path: a path, which is replaced only when all is written, or a file open for writing bytes.
        optimizer, scheduler: whose state_dict is saved, when given.
        epoch: how many epochs are done.
        **more: what else belongs to it: numbers, texts, tensors, dicts and lists of them.

    The four may also stand in another order: they are told apart by what they are.

    >>> import io, rustorch as rt
    >>> net = rt.nn.Linear(2, 1)
    >>> optimizer = rt.optim.Adam(net.parameters())
    >>> file = io.BytesIO()
    >>> save_checkpoint(net, file, optimizer, epoch=3, best=0.5)
    >>> _ = file.seek(0)
    >>> load_checkpoint(file, net, optimizer)["epoch"]
    3
    """
    parts = _sorted("save_checkpoint", model, path, optimizer, scheduler, epoch)
    if "path" not in parts:
        raise TypeError("save_checkpoint: needs a path")
    whole = parts.get("whole", {})
    made = {name: parts[name].state_dict() for name in _PARTS if name in parts}
    made |= {"epoch": parts["epoch"]} if "epoch" in parts else {}
    save({**made, "rng": get_rng_state(), **whole, **more}, parts["path"])


def load_checkpoint(
    path: Any, model: Any = None, optimizer: Any = None, scheduler: Any = None, *, strict: bool = True
) -> dict[str, Any]:
    """Reads a checkpoint, and puts its states into the objects that are given.

    Args:
        path: a path, or a file open for reading bytes.
        model, optimizer, scheduler: they take back their states; the random numbers go on from the checkpoint, too,
            when any is given.
        strict: whether the names of the model's parameters must be those of the file.

    Returns the whole checkpoint as a dict.  FileError when the file is damaged or lacks a state that is asked for.
    """
    from ..errors import FileError

    parts = _sorted("load_checkpoint", model, path, optimizer, scheduler)
    found = load(parts.get("path"))
    if not isinstance(found, dict):
        raise FileError(f"load_checkpoint: the file holds a {type(found).__name__}, no checkpoint")
    for name in _PARTS:
        if name in parts:
            if name not in found:
                held = ", ".join(map(str, found))
                raise FileError(f"load_checkpoint: the file has no state of a {name}, only {held}")
            parts[name].load_state_dict(found[name], **({"strict": strict} if name == "model" else {}))
    if "rng" in found and len(parts) > 1:
        set_rng_state(found["rng"])
    return found


def _sorted(caller: str, *given: Any) -> dict[str, Any]:
    """The parts of a checkpoint by name, told apart by what they are."""
    parts: dict[str, Any] = {}
    for o in given:
        if o is None:
            continue
        if isinstance(o, (str, os.PathLike)) or hasattr(o, "read") or hasattr(o, "write"):
            name = "path"
        elif isinstance(o, Module):
            name = "model"
        elif isinstance(o, int) and not isinstance(o, bool):
            name = "epoch"
        elif isinstance(o, dict):
            name = "whole"
        elif hasattr(o, "state_dict") and hasattr(o, "param_groups"):
            name = "optimizer"
        elif hasattr(o, "state_dict") and hasattr(o, "step"):
            name = "scheduler"
        else:
            raise TypeError(
                f"{caller}: a {type(o).__name__} is no path, module, optimizer, scheduler, number of epochs or dict"
            )
        if name in parts:
            raise TypeError(f"{caller}: two arguments are a {name}")
        parts[name] = o
    return parts
