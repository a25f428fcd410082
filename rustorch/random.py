"""Random numbers: generators, seeding, and tensors drawn from distributions.

The generator is Philox4x32-10 (Salmon et al. 2011).  What it gives depends on the seed, on the
order of calls and on an element's place in the tensor: never on the number of threads, the layout of the
tensor or the processor's instruction set.  Each call takes a stream of its own, so that `rand(5)` is the
beginning of `rand(9)` from the same state, and `rand(5)`, `rand(4)` in turn are other numbers than `rand(9)`.

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

from ._C import (
    DtypeError,
    Generator,
    Tensor,
    TensorError,
    arange,
    bernoulli,
    default_generator,
    normal,
    ops,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from ._shapes import into
from ._sorting import searchsorted

__all__ = [
    "Generator",
    "bernoulli",
    "binomial",
    "default_generator",
    "dirichlet",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
    "standard_gamma",
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


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts drawn from Poisson distributions of the rates in input, of its shape and floating dtype.

    RuntimeError for negative rates and NaN."""
    from ._variates import poisson as draw

    counts: Tensor = draw(input, generator)
    return counts


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of `count` trials of probability `prob` succeed, for each element of both, broadcast.

    RuntimeError for negative counts and probabilities outside [0, 1]."""
    from ._variates import binomial as draw

    counts: Tensor = draw(count, prob, generator)
    return counts


def standard_gamma(alpha: Tensor, generator: Generator | None = None) -> Tensor:
    """Numbers of density x^(alpha - 1) exp(-x) / gamma(alpha), of alpha's shape; differentiable by alpha.

    RuntimeError unless all of alpha is positive (Marsaglia and Tsang 2000; Figurnov et al. 2018)."""
    from ._variates import standard_gamma as draw

    numbers: Tensor = draw(alpha, generator)
    return numbers


def dirichlet(concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """Points of the simplex, along the last dimension, of density proportional to prod x^(concentration - 1).

    concentration: positive, of at least one dimension; differentiable by it.  RuntimeError else."""
    if concentration.ndim == 0:
        raise TensorError("dirichlet: the concentration needs at least one dimension")
    parts = standard_gamma(concentration.to("float64"), generator)
    points: Tensor = (parts / parts.sum(-1, True)).to(concentration.dtype)
    return points


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices drawn with probabilities proportional to the last dimension of a 1-d or 2-d tensor.

    With replacement each draw inverts the cumulated weights; without, the indices of the largest
    weight / exponential variates are taken (Efraimidis and Spirakis 2006).
    """
    if out is not None and out.dtype != "int64":
        raise DtypeError(f"multinomial: the output must be of dtype int64, not {out.dtype}")
    if input.ndim not in (1, 2):
        raise TensorError(f"multinomial: needs 1 or 2 dimensions, not {input.ndim}")
    if not input.is_floating_point():
        raise DtypeError(f"multinomial: weights must be floating, not {input.dtype}")
    if num_samples <= 0:
        raise TensorError(f"multinomial: needs a positive number of samples, not {num_samples}")
    weights = input.detach().to("float64").reshape(-1, input.shape[-1])
    if not bool((ops["isfinite"](weights) & (weights >= 0)).all()):
        raise TensorError("multinomial: weights must be finite and not negative")
    likely = weights > 0
    if not bool(likely.any(-1).all()):
        raise TensorError("multinomial: the weights of a row add up to zero")
    index = (_with_replacement if replacement else _without_replacement)(weights, likely, num_samples, generator)
    result: Tensor = into("multinomial", index.reshape(index.shape[1:]) if input.ndim == 1 else index, out)
    return result


def _with_replacement(weights: Tensor, likely: Tensor, count: int, generator: Generator | None) -> Tensor:
    """Each draw inverts the cumulated weights."""
    total = ops["cumsum"](weights, -1)
    uniform = rand(weights.shape[0], count, dtype="float64", generator=generator)
    index = searchsorted(total, uniform * total[:, -1:], right=True)
    last = ops["amax"](ops["where"](likely, arange(weights.shape[1]), 0), -1, True)
    return ops["minimum"](index, last)


def _without_replacement(weights: Tensor, likely: Tensor, count: int, generator: Generator | None) -> Tensor:
    if bool((ops["count_nonzero"](likely, -1) < count).any()):
        raise TensorError(f"multinomial: fewer than {count} nonzero weights to draw from without replacement")
    keys = weights / -ops["log1p"](-rand(*weights.shape, dtype="float64", generator=generator))
    index: Tensor = keys.topk(count, -1)[1]
    return index
