"""Sparse arrays: SciPy's CSR, CSC and COO arrays whose entries are a tensor, so gradients flow through them.

They are instances of SciPy's classes on the same three arrays, which `from_scipy` and `to_scipy` hand over without
copying; SciPy's functions (solvers, csgraph, scikit-learn's estimators) take them as they are.  Needs SciPy.

>>> import numpy as np, rustorch as rt, scipy.sparse
>>> S = scipy.sparse.csr_array(np.eye(3))
>>> A = rt.sparse.from_scipy(S)
>>> bool(np.shares_memory(A.data, S.data))
True
>>> x = rt.ones(3, dtype=rt.float64, requires_grad=True)
>>> (2 * A @ x).sum().backward()
>>> x.grad
tensor([2.0, 2.0, 2.0], dtype=float64)
"""

from __future__ import annotations

import importlib
from typing import Any

try:
    import scipy.sparse as _scipy
except ModuleNotFoundError as error:
    raise ImportError("rustorch.sparse needs SciPy: pip install scipy") from error

from . import linalg as linalg
from ._arrays import (
    SparseArray as SparseArray,
    coo_array as coo_array,
    csc_array as csc_array,
    csr_array as csr_array,
)
from ._construct import (
    block_array as block_array,
    block_diag as block_diag,
    diags as diags,
    diags_array as diags_array,
    eye as eye,
    eye_array as eye_array,
    find as find,
    from_scipy as from_scipy,
    hstack as hstack,
    identity as identity,
    issparse as issparse,
    kron as kron,
    kronsum as kronsum,
    load_npz as load_npz,
    random as random,
    random_array as random_array,
    save_npz as save_npz,
    to_scipy as to_scipy,
    tril as tril,
    triu as triu,
    vstack as vstack,
)
from ._torch import (
    addmm as addmm,
    log_softmax as log_softmax,
    mm as mm,
    sampled_addmm as sampled_addmm,
    softmax as softmax,
    sum as sum,
)


def __getattr__(name: str) -> Any:
    """What else SciPy has: other formats, csgraph, warnings.  Its matrices, whose * is the product of matrices, are not
    here."""
    if name.startswith("__") or name.endswith("_matrix"):
        raise AttributeError(f"module 'rustorch.sparse' has no attribute {name!r}")
    if name == "csgraph":
        return importlib.import_module("scipy.sparse.csgraph")
    return getattr(_scipy, name)
