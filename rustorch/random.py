"""Random numbers: generators, seeding, and tensors drawn from distributions.

The generator is Philox4x32-10 (Salmon et al. 2011).  What it gives depends on the seed, on the
order of calls and on an element's place in the tensor: never on the number of threads.

>>> import rustorch as rt
>>> _ = rt.manual_seed(0)
>>> a = rt.rand(2, 3)
>>> _ = rt.manual_seed(0)
>>> rt.equal(a, rt.rand(2, 3))
True
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ._C import (
    Generator,
    Tensor,
    as_tensor,
    bernoulli,
    default_generator,
    from_numpy,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)

__all__ = [
    "Generator", "bernoulli", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed",
    "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm",
    "seed", "set_rng_state",
]  # fmt: skip


def manual_seed(seed: int) -> Generator:
    """Starts the default generator over from a seed between -2**63 and 2**64 - 1; returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Starts the default generator over from the system's entropy; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """State of the default generator, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Puts the default generator back into a state that get_rng_state gave."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """Within the block random numbers are drawn without moving the default generator on."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to the last dimension of a 1-d or 2-d tensor.

    With replacement each draw inverts the cumulated weights; without, the indices of the largest
    weight / exponential variates are taken (Efraimidis and Spirakis 2006).
    """
    weights = np.asarray(as_tensor(input).detach().numpy(), dtype=np.float64)
    rows = np.atleast_2d(weights)
    if weights.ndim not in (1, 2):
        raise ValueError(f"multinomial: needs 1 or 2 dimensions, not {weights.ndim}")
    if not np.all(np.isfinite(rows)) or np.any(rows < 0):
        raise ValueError("multinomial: weights must be finite and not negative")
    if np.any(rows.sum(axis=1) <= 0):
        raise ValueError("multinomial: the weights of a row add up to zero")
    if num_samples <= 0:
        raise ValueError(f"multinomial: needs a positive number of samples, not {num_samples}")
    if replacement:
        uniform = rand(len(rows), num_samples, dtype="float64", generator=generator).numpy()
        total = np.cumsum(rows, axis=1)
        index = np.stack([
            np.searchsorted(t, u * t[-1], side="right") for t, u in zip(total, uniform)
        ])  # fmt: skip
        last = [int(np.flatnonzero(row)[-1]) for row in rows]
        index = np.minimum(index, np.array(last)[:, None])
    else:
        if np.any((rows > 0).sum(axis=1) < num_samples):
            raise ValueError(
                f"multinomial: fewer than {num_samples} nonzero weights to draw from without replacement"
            )
        uniform = rand(*rows.shape, dtype="float64", generator=generator).numpy()
        keys = rows / -np.log1p(-uniform)
        index = np.argsort(-keys, axis=1, kind="stable")[:, :num_samples]
    index = np.ascontiguousarray(index, dtype=np.int64)
    return from_numpy(index[0] if weights.ndim == 1 else index)
