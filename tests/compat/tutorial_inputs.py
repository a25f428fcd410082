"""The same numbers and weights for the programs of tutorials/, whichever library they run with."""
import sys

import numpy as np


def numbers(seed, *shape):
    """Normally distributed float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape, "float32")


def fill(module, seed=0, scale=0.5):
    """Sets every parameter of a module by its place; returns the module."""
    rng = np.random.default_rng(seed)
    for p in module.parameters():
        library = sys.modules[type(p).__mro__[-2].__module__.partition(".")[0]]     # the one that Tensor is from
        bound = scale / max(1.0, p.shape[-1] ** 0.5) if p.ndim > 1 else 0.1 * scale
        with library.no_grad():
            p.copy_(library.from_numpy(rng.uniform(-bound, bound, tuple(p.shape))))
    return module
