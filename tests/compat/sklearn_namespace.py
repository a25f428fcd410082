"""A pytest plugin: scikit-learn's own array API tests, with rustorch.numpy as the namespace they try.

It has to be loaded before these tests are collected (`-p`), in a process of its own: SciPy reads
SCIPY_ARRAY_API when it is imported.
"""

import os

os.environ["SCIPY_ARRAY_API"] = "1"

import sklearn.utils._array_api as tried

import rustorch.numpy  # noqa: F401  (the tests import it by name)

OURS = "rustorch.numpy"


def combinations(include_numpy_namespaces=True):
    yield OURS, None, "float32"  # what is computed in double by mistake shows


def mixtures():
    Place = tried.NamespaceAndDevice
    yield Place(OURS, None), Place("numpy", None), "rustorch to NumPy"
    yield Place("numpy", None), Place(OURS, None), "NumPy to rustorch"
    yield Place("array_api_strict", "CPU_DEVICE"), Place(OURS, None), "strict to rustorch"


tried.yield_namespaces = lambda include_numpy_namespaces=True: iter([OURS])
tried.yield_namespace_device_dtype_combinations = combinations
tried.yield_mixed_namespace_input_permutations = mixtures
