"""Checkpoints of a training: written whole or not at all, and enough to go on with the same bits.

One holds the state of model, optimiser, schedule, scaler, callbacks and history, and of every source of random
numbers: rustorch's, NumPy's, Python's and the loader's own.  Within an epoch the state of the random numbers at its
beginning is kept, too: the order of the samples is drawn from it again, and the batches that are done are passed by.
"""

from __future__ import annotations

import os
import random as python_random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import random, serialization
from .._C import Generator

if TYPE_CHECKING:
    from .loop import Loop

__all__ = ["after_epoch", "continued", "latest_checkpoint", "resume", "seed_everything", "within_epoch"]

NAME = "checkpoint-{:08d}.rustorch"
PATTERN = re.compile(r"checkpoint-(\d{8,})\.rustorch")
FORMAT = 1


def seed_everything(seed: int) -> None:
    """Starts rustorch's, NumPy's and Python's random numbers over from a seed."""
    random.manual_seed(seed)
    np.random.seed(seed % 2**32)
    python_random.seed(seed)


def _generators(loader: Any) -> list[Generator]:
    """The generators a loader draws from, beside the default one."""
    sampler = getattr(loader, "sampler", None)
    batches = getattr(loader, "batch_sampler", None)
    holders = (loader, sampler, batches, getattr(batches, "sampler", None))
    found = {id(g): g for g in (getattr(h, "generator", None) for h in holders) if isinstance(g, Generator)}
    found.pop(id(random.default_generator), None)
    return list(found.values())


def random_state(loader: Any) -> dict[str, Any]:
    """Where all random numbers stand."""
    kind, *rest = np.random.get_state()
    version, numbers, gauss = python_random.getstate()
    return {
        "rustorch": random.get_rng_state(), "loader": [g.get_state() for g in _generators(loader)],
        "numpy": [kind, *rest], "python": [version, np.array(numbers, np.int64), gauss],
    }  # fmt: skip


def set_random_state(state: dict[str, Any], loader: Any) -> None:
    """Puts all random numbers back to where they stood."""
    random.set_rng_state(state["rustorch"])
    own = _generators(loader)
    saved_count = len(state["loader"])
    if len(own) != saved_count:
        raise ValueError(f"resume: the loader has {len(own)} generators of its own, the checkpoint {saved_count}")
    for generator, saved in zip(own, state["loader"]):
        generator.set_state(saved)
    np.random.set_state(tuple(state["numpy"]))
    version, numbers, gauss = state["python"]
    python_random.setstate((version, tuple(np.asarray(numbers).tolist()), gauss))


# ---- writing ----


def _write(loop: Loop) -> None:
    folder = loop.config.checkpoint_dir
    os.makedirs(folder, exist_ok=True)
    state = {
        "format": FORMAT, **loop.state_dict(), "random": random_state(loop.data.loader),
        "epoch_random": loop.__dict__.get("epoch_random") if loop.batch else None,
    }  # fmt: skip
    serialization.save(state, os.path.join(folder, NAME.format(loop.step)))
    keep = loop.config.keep_checkpoints
    if keep is not None:
        for path in _checkpoints(folder)[:-keep]:
            os.unlink(path)


def after_epoch(loop: Loop) -> None:
    """Writes a checkpoint when the epoch that has ended asks for one, or was the last."""
    config = loop.config
    last = loop.epoch >= config.epochs or loop.stop_training
    if config.checkpoint_dir is not None and (last or loop.epoch % config.checkpoint_every == 0):
        _write(loop)


def within_epoch(loop: Loop) -> None:
    """Writes a checkpoint between two batches, unless gradients are being accumulated."""
    if loop.batch % loop.config.accumulation_steps == 0:
        _write(loop)


# ---- reading ----


def _checkpoints(folder: Any) -> list[str]:
    """Paths of the checkpoints in a folder, oldest first."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    numbered = sorted((int(m[1]), name) for name in names if (m := PATTERN.fullmatch(name)))
    return [os.path.join(folder, name) for _, name in numbered]


def latest_checkpoint(folder: Any) -> str | None:
    """The path of the newest checkpoint in a folder, None when there is none."""
    paths = _checkpoints(folder)
    return paths[-1] if paths else None


def resume(loop: Loop) -> dict[str, Any] | None:
    """Puts the loop into the state of the checkpoint that its config names; the checkpoint, None without one."""
    config = loop.config
    if config.seed is not None:
        seed_everything(config.seed)
    if config.resume is False:
        return None
    path: Any = config.resume
    if path is True:
        if config.checkpoint_dir is None:
            raise ValueError("resume=True needs checkpoint_dir")
        path = latest_checkpoint(config.checkpoint_dir)
        if path is None:
            return None
    elif os.path.isdir(path):
        folder, path = path, latest_checkpoint(path)
        if path is None:
            raise FileNotFoundError(f"resume: there is no checkpoint in {folder}")
    state: Any = serialization.load(path)
    if not isinstance(state, dict) or state.get("format") != FORMAT or "epoch_random" not in state:
        raise ValueError(f"resume: {path} is no checkpoint of a training")
    loop.load_state_dict(state)
    if not loop.batch:
        set_random_state(state["random"], loop.data.loader)
    return state


def continued(loop: Loop, state: dict[str, Any] | None) -> Iterable[Any]:
    """The batches of an epoch that are still to be done."""
    if state is None or not loop.batch:
        if loop.config.checkpoint_steps is not None and loop.config.checkpoint_dir is not None:
            loop.__dict__["epoch_random"] = random_state(loop.data.loader)
        return loop.data
    loop.__dict__["epoch_random"] = state["epoch_random"]
    return _rest(loop, state)


def _rest(loop: Loop, state: dict[str, Any]) -> Iterator[Any]:
    set_random_state(state["epoch_random"], loop.data.loader)
    batches = iter(loop.data)
    done = sum(1 for _ in islice(batches, loop.batch))
    if done < loop.batch:
        raise ValueError(f"resume: {loop.batch} batches of the epoch were done, but the data have only {done}")
    set_random_state(state["random"], loop.data.loader)
    yield from batches
