"""Linear algebra: PyTorch's torch.linalg, over LAPACK.

Matrices are the last two dimensions; all others are batches, which are computed on all threads.
float32, float64, complex64 and complex128.  Every function but the ranks and LDL differentiates, to
any order; where the mathematics has no gradient (vectors of equal eigenvalues) it is large or NaN.

>>> import rustorch as rt
>>> a = rt.tensor([[4.0, 2.0], [2.0, 3.0]], requires_grad=True)
>>> rt.linalg.det(a).backward()
>>> a.grad
tensor([[ 3.0, -2.0],
        [-2.0,  4.0]])
"""

from __future__ import annotations

from .._C import LinAlgError as LinAlgError
from .._guard import guarded as _guarded
from ._factor import (
    cholesky as cholesky,
    cholesky_ex as cholesky_ex,
    householder_product as householder_product,
    ldl_factor as ldl_factor,
    ldl_factor_ex as ldl_factor_ex,
    ldl_solve as ldl_solve,
    lu as lu,
    lu_factor as lu_factor,
    lu_factor_ex as lu_factor_ex,
    qr as qr,
)
from ._norms import (
    cond as cond,
    matrix_norm as matrix_norm,
    norm as norm,
    vector_norm as vector_norm,
)
from ._products import (
    cross as cross,
    diagonal as diagonal,
    matmul as matmul,
    matrix_exp as matrix_exp,
    matrix_power as matrix_power,
    multi_dot as multi_dot,
    vander as vander,
    vecdot as vecdot,
)
from ._solve import (
    det as det,
    inv as inv,
    inv_ex as inv_ex,
    lstsq as lstsq,
    lu_solve as lu_solve,
    matrix_rank as matrix_rank,
    pinv as pinv,
    slogdet as slogdet,
    solve as solve,
    solve_ex as solve_ex,
    solve_triangular as solve_triangular,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
)
from ._spectral import (
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    svd as svd,
    svdvals as svdvals,
)

globals().update(_guarded(dict(globals())))
