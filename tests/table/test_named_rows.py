"""Every differentiable row that is not elementwise: gradients to second order against finite differences.
A row without a case here fails: new rows bring theirs."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt
from rustorch import _C

ops = _C.ops
rng = np.random.default_rng(0)


def real(*shape):
    return rng.standard_normal(shape)


def cplx(*shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def ints(values):
    return rt.tensor(values, dtype="int64")


MASK = rt.tensor([[True, False, True], [False, True, True]])
INDEX = ints([[0, 2, 1], [1, 0, 0]])

# name -> [(function of the inputs, inputs)]
def norm_input(*shape):
    return real(*shape) * 1.5 + 0.3


CASES = {
    "attention": [
        (lambda q, k, v: ops["attention"](q, k, v, None, 0.0, True, 0.7), [real(2, 3, 2) for _ in range(3)]),
        (lambda q, k, v, m: ops["attention"](q, k, v, m, 0.3, False, 0.7, seed=1, stream=2),
         [real(2, 3, 2), real(2, 4, 2), real(2, 4, 3), real(3, 4)]),
    ],
    "rnn_layer": [
        (lambda x, h, w, v, b, d: ops["rnn_layer"](x, h, h, w, v, b, d, None, None, "lstm"),
         [real(3, 2, 2), real(2, 2), real(8, 2), real(8, 2), real(8), real(8)]),
        (lambda x, h, c, w, v, r: ops["rnn_layer"](x, h, c, w, v, None, None, r, ints([2, 2, 1]), "lstm", True),
         [real(5, 2), real(2, 1), real(2, 2), real(8, 2), real(8, 1), real(1, 2)]),
        (lambda x, h, w, v, b, d: ops["rnn_layer"](x, h, None, w, v, b, d, None, None, "gru", True)[:2],
         [real(3, 2, 2), real(2, 2), real(6, 2), real(6, 2), real(6), real(6)]),
        (lambda x, h, w, v: ops["rnn_layer"](x, h, None, w, v, None, None, None, None, "relu")[:2],
         [real(3, 2, 2), real(2, 2), real(2, 2), real(2, 2)]),
    ],
    "stand_in": [(lambda x: ops["stand_in"](x) * x, [real(3)])],
    "layer_norm": [
        (lambda x, w, b: ops["layer_norm"](x, (3, 2), w, b, 1e-3), [norm_input(2, 3, 2), real(3, 2), real(3, 2)]),
        (lambda x: ops["layer_norm"](x, (4,)), [norm_input(3, 4)]),
    ],
    "rms_norm": [
        (lambda x, w: ops["rms_norm"](x, (3,), w, 1e-3), [norm_input(2, 3), real(3)]),
        (lambda x: ops["rms_norm"](x, (2, 3), None, 1e-3), [norm_input(2, 3)]),
    ],
    "group_norm": [
        (lambda x, w, b: ops["group_norm"](x, 2, w, b, 1e-3), [norm_input(2, 4, 3), real(4), real(4)]),
        (lambda x: ops["group_norm"](x, 3), [norm_input(2, 3, 2, 2)]),
    ],
    "batch_norm_train": [
        (lambda x, w, b: ops["batch_norm_train"](x, w, b, 1e-3), [norm_input(3, 2, 2), real(2), real(2)]),
        (lambda x: ops["batch_norm_train"](x)[0], [norm_input(4, 3)]),
    ],
    "batch_norm_eval": [
        (lambda x, m, v, w, b: ops["batch_norm_eval"](x, m, v * v + 1, w, b), [norm_input(2, 3, 2)] + 4 * [real(3)]),
        (lambda x: ops["batch_norm_eval"](x, rt.ones(3), rt.ones(3)), [norm_input(4, 3)]),
    ],
    "sum": [(lambda x: ops["sum"](x, 1), [real(2, 3)]), (lambda x: ops["sum"](x, (0, 2), True), [cplx(2, 3, 2)])],
    "nansum": [(lambda x: ops["nansum"](x, 1), [real(2, 3)])],
    "prod": [(lambda x: ops["prod"](x, 1), [real(2, 3)]), (lambda x: ops["prod"](x), [real(4)])],
    "mean": [(lambda x: ops["mean"](x, 0), [real(3, 2)]), (lambda x: ops["mean"](x), [real(3, 2)])],
    "var": [(lambda x: ops["var"](x, 1), [real(2, 4)]), (lambda x: ops["var"](x, correction=0), [real(5)])],
    "std": [(lambda x: ops["std"](x, 1), [real(2, 4)]), (lambda x: ops["std"](x, correction=0), [real(5)])],
    "norm2": [(lambda x: ops["norm2"](x, 1), [real(2, 3)])],
    "amax": [(lambda x: ops["amax"](x, 1), [real(2, 3)])],
    "amin": [(lambda x: ops["amin"](x, 0), [real(2, 3)])],
    "logsumexp": [(lambda x: ops["logsumexp"](x, 1), [real(2, 3)])],
    "max_dim": [(lambda x: ops["max_dim"](x, 1)[0], [real(2, 3)])],
    "min_dim": [(lambda x: ops["min_dim"](x, 0)[0], [real(2, 3)])],
    "cumsum": [(lambda x: ops["cumsum"](x, 1), [real(2, 3)])],
    "cumprod": [(lambda x: ops["cumprod"](x, 0), [real(3, 2)])],
    "softmax": [(lambda x: ops["softmax"](x, 1), [real(2, 3)]), (lambda x: ops["softmax"](x, 0), [real(3, 2)])],
    "log_softmax": [(lambda x: ops["log_softmax"](x, 1), [real(2, 3)])],
    "cast": [(lambda x: ops["cast"](x, "complex128").abs(), [real(3)])],
    "clone": [(ops["clone"], [real(3)])],
    "contiguous": [(lambda x: ops["contiguous"](x.T), [real(2, 3)])],
    "copy": [(lambda x: rt.zeros(2, 3, dtype="float64").copy_(x) * x, [real(2, 3)])],
    "reshape": [(lambda x: ops["reshape"](x.T, -1), [real(2, 3)])],
    "view": [(lambda x: ops["view"](x, 3, 2), [real(2, 3)])],
    "flatten": [(lambda x: ops["flatten"](x, 1), [real(2, 3, 2)])],
    "unflatten": [(lambda x: ops["unflatten"](x, 0, (2, 2)), [real(4, 2)])],
    "squeeze": [(lambda x: ops["squeeze"](x, 1), [real(2, 1, 3)])],
    "unsqueeze": [(lambda x: ops["unsqueeze"](x, -1), [real(2, 3)])],
    "expand": [(lambda x: ops["expand"](x, (3, 2, 4)), [real(2, 1)])],
    "broadcast_to": [(lambda x: ops["broadcast_to"](x, (3, 2)), [real(2)])],
    "permute": [(lambda x: ops["permute"](x, 2, 0, 1), [real(2, 3, 2)])],
    "transpose": [(lambda x: ops["transpose"](x, 0, -1), [real(2, 3)])],
    "mT": [(ops["mT"], [real(2, 3, 2)])],
    "movedim": [(lambda x: ops["movedim"](x, (0,), (2,)), [real(2, 3, 2)])],
    "select": [(lambda x: ops["select"](x, 1, 2), [real(2, 3)])],
    "narrow": [(lambda x: ops["narrow"](x, 1, 1, 2), [real(2, 3)])],
    "slice": [(lambda x: ops["slice"](x, 0, 4, -2, 2), [real(5)])],
    "basic_index": [(lambda x: x[::-1, None, 1], [real(3, 2)])],
    "diagonal": [(lambda x: ops["diagonal"](x, 1), [real(3, 4)])],
    "unfold": [(lambda x: ops["unfold"](x, 0, 3, 1), [real(6)])],
    "as_strided": [(lambda x: ops["as_strided"](x, (2, 3), (1, 1), 1), [real(5)])],
    "real": [(ops["real"], [cplx(3)])],
    "imag": [(ops["imag"], [cplx(3)])],
    "view_as_real": [(ops["view_as_real"], [cplx(3)])],
    "view_as_complex": [(ops["view_as_complex"], [real(3, 2)])],
    "window_scatter": [(lambda x: ops["window_scatter"](x, (5,), (1,), 1), [real(3)])],
    "index": [(lambda x: x[[1, 0, 1]], [real(3, 2)]), (lambda x: x[MASK], [real(2, 3)])],
    "take": [(lambda x: ops["take"](x, ints([0, 5, 5])), [real(2, 3)])],
    "masked_select": [(lambda x: ops["masked_select"](x, MASK), [real(2, 3)])],
    "masked_fill": [(lambda x: ops["masked_fill"](x, MASK, 2.0), [real(2, 3)])],
    "gather": [(lambda x: ops["gather"](x, 1, INDEX), [real(2, 3)])],
    "scatter": [(lambda x, s: ops["scatter"](x, 1, ints([[0, 2], [1, 0]]), s), [real(2, 3), real(2, 2)])],
    "fill": [(ops["fill"], [real(2, 3), real()])],
    "scatter_add": [(lambda x, s: ops["scatter_add"](x, 1, INDEX, s), [real(2, 3), real(2, 3)])],
    "scatter_reduce": [(lambda x, s, how=how, own=own: ops["scatter_reduce"](x, 1, INDEX, s, how, include_self=own),
                        [real(2, 3), real(2, 4)])
                       for how in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)],
    "index_select": [(lambda x: ops["index_select"](x, 1, ints([2, 0, 2])), [real(2, 3)])],
    "index_add": [(lambda x, s: ops["index_add"](x, 0, ints([1, 1]), s, alpha=2.0), [real(3, 2), real(2, 2)])],
    "index_copy": [(lambda x, s: ops["index_copy"](x, 0, ints([2, 0]), s), [real(3, 2), real(2, 2)])],
    "index_fill": [(lambda x: ops["index_fill"](x, 0, ints([1]), 3.0), [real(3, 2)])],
    "embedding": [(lambda w: ops["embedding"](w, INDEX), [real(3, 2)])],
    "embedding_backward": [(lambda x: ops["embedding_backward"](x, ints([0, 2, 0]), 3), [real(3, 2)])],
    "masked_scatter": [(lambda x, s: ops["masked_scatter"](x, MASK, s), [real(2, 3), real(6)])],
    "cat": [(lambda x, y: ops["cat"]((x, y), 1), [real(2, 3), real(2, 1)])],
    "stack": [(lambda x, y: ops["stack"]((x, y), 1), [real(2, 3), real(2, 3)])],
    "flip": [(lambda x: ops["flip"](x, (0, 1)), [real(2, 3)])],
    "roll": [(lambda x: ops["roll"](x, 1, 1), [real(2, 3)])],
    "repeat": [(lambda x: ops["repeat"](x, 2, 1, 2), [real(2, 3)])],
    "tile": [(lambda x: ops["tile"](x, (2,)), [real(2, 3)])],
    "repeat_interleave": [(lambda x: ops["repeat_interleave"](x, 2, 1), [real(2, 3)])],
    "tril": [(ops["tril"], [real(3, 3)])],
    "triu": [(lambda x: ops["triu"](x, 1), [real(3, 3)])],
    "diag_embed": [(ops["diag_embed"], [real(2, 3)])],
    "diag": [(ops["diag"], [real(3)]), (ops["diag"], [real(3, 3)])],
    "trace": [(ops["trace"], [real(3, 3)])],
    "pad": [(lambda x, m=m: ops["pad"](x, (1, 2), m), [real(1, 2, 4)])
            for m in ("constant", "reflect", "replicate", "circular")],
    "dropout": [(lambda x: ops["dropout"](x, 0.5, True, seed=1, stream=0), [real(2, 3)])],
    "matmul": [
        (ops["matmul"], [real(2, 3), real(3, 2)]), (ops["matmul"], [real(3), real(3)]),
        (ops["matmul"], [real(2, 2, 3), real(3)]),
        (ops["matmul"], [real(2, 1, 2, 3), real(2, 3, 2)]), (ops["matmul"], [cplx(2, 3), cplx(3, 2)]),
    ],
    "mm": [(ops["mm"], [real(2, 3), real(3, 2)])],
    "bmm": [(ops["bmm"], [real(2, 2, 3), real(2, 3, 2)])],
    "mv": [(ops["mv"], [real(2, 3), real(3)])],
    "dot": [(ops["dot"], [real(3), real(3)])],
    "outer": [(ops["outer"], [real(3), real(2)])],
    "addmm": [(lambda x, a, b: ops["addmm"](x, a, b, beta=0.5, alpha=2.0), [real(2), real(3, 2), real(2, 2)])],
    "linear": [(ops["linear"], [real(4, 3), real(2, 3), real(2)]), (ops["linear"], [real(2, 2, 3), real(2, 3)])],
    "mse_loss": [(lambda x, y, r=r: ops["mse_loss"](x, y, reduction=r), [real(2, 3), real(2, 3)])
                 for r in ("none", "mean", "sum")],
    **{name: [(lambda x, y, n=name, r=r: ops[n](x, y, reduction=r), [real(2, 3), real(2, 3)])
              for r in ("none", "mean", "sum")]
       for name in ("l1_loss", "logistic_loss")},
    "smooth_l1_loss": [(lambda x, y, r=r: ops["smooth_l1_loss"](x, y, beta=0.7, reduction=r), [real(2, 3), real(2, 3)])
                       for r in ("none", "mean")],
    "huber_loss": [(lambda x, y, r=r: ops["huber_loss"](x, y, delta=0.7, reduction=r), [real(2, 3), real(3)])
                   for r in ("none", "mean")],
    "bernoulli_loss": [
        (lambda x, y, r=r: ops["bernoulli_loss"](x.sigmoid(), y.sigmoid(), reduction=r), [real(2, 3), real(2, 3)])
        for r in ("none", "sum")
    ],
    "nll_loss": [(lambda x: ops["nll_loss"](x, ints([0, 2])), [real(2, 3)])],
    "cross_entropy": [
        (lambda x: ops["cross_entropy"](x, ints([0, 2])), [real(2, 3)]),
        (lambda x: ops["cross_entropy"](x, ints([0, 2]), rt.tensor([1.0, 2.0, 3.0], dtype="float64"),
                                             label_smoothing=0.1),
         [real(2, 3)]),
        (lambda x: ops["cross_entropy"](x, ints([[0, 2], [1, 1]]), reduction="sum"), [real(2, 3, 2)]),
        (lambda x, t: ops["cross_entropy"](x, t.softmax(1)), [real(2, 3), real(2, 3)]),
    ],
}  # fmt: skip


def put(x, values):
    y = x * 1
    y[[0, 2]] = values
    return y


# convolutions, pools, resampling
CASES.update({
    "convolution": [
        (lambda x, w, b: ops["convolution"](x, w, b, 2, 1, 1, False, 0, 2), [real(2, 4, 5), real(4, 2, 3), real(4)]),
        (lambda x, w: ops["convolution"](x, w, None, 1, 0, 2, True, 0, 1), [cplx(1, 2, 3), cplx(2, 1, 2)]),
    ],
    "convolution_weight": [
        (lambda x, y: ops["convolution_weight"](x, y, 2, 1, 1, 3, 2), [real(2, 4, 6), real(2, 2, 3)]),
        (lambda x, y: ops["convolution_weight"](x, y, 1, 0, 1, 2), [cplx(1, 2, 4), cplx(1, 1, 3)]),
    ],
    "resample": [
        *[(lambda x, k=k: ops["resample"](x, 1, 3, k), [real(2, 5, 2)])
          for k in ("adaptive", "nearest", "nearest-exact", "linear", "cubic", "linear-aa", "cubic-aa")],
        (lambda x: ops["resample"](x, 0, 7, "cubic", True), [real(4)]),
        (lambda x: ops["resample"](x, 1, 3, "window", False, False, (3, 2, 1, 1)), [real(2, 5)]),
        (lambda x: ops["resample"](x, 1, 6, "linear", False, True), [real(2, 3)]),
    ],
    "max_pool": [(lambda x: ops["max_pool"](x, (2, 3), (2, 1), (1, 1), (2, 1), True)[0], [real(2, 5, 6)])],
    "adaptive_max_pool": [(lambda x: ops["adaptive_max_pool"](x, (2, 3))[0], [real(2, 5, 6)])],
    "fractional_max_pool": [
        (lambda x: ops["fractional_max_pool"](x, rt.tensor([[[0.3, 0.8]]]), (2, 2), (2, 3))[0], [real(1, 5, 6)]),
    ],
    "pool_gather": [(lambda x: ops["pool_gather"](x, ints([[3, 0, 3]]), 1), [real(1, 5)])],
    "pool_scatter": [(lambda x: ops["pool_scatter"](x, ints([[3, 0, 3]]), (5,), True), [real(1, 3)])],
    "grid_sample": [
        *[(lambda x, g, m=m, p=p, a=a: ops["grid_sample"](x, g, m, p, a), [real(2, 2, 3, 4), 1.1 * real(2, 2, 3, 2)])
          for m in ("bilinear", "bicubic") for p in ("zeros", "border", "reflection") for a in (False, True)],
        (lambda x: ops["grid_sample"](x, rt.tensor([[[[0.1, -0.7], [0.9, 2]]]]).double(), "nearest", "zeros", True),
         [real(1, 2, 3, 4)]),
        (lambda x, g: ops["grid_sample"](x, g, "bilinear", "border", False),
         [real(1, 2, 3, 2, 4), real(1, 2, 1, 2, 3)]),
    ],
    "unfold_columns": [(lambda x: ops["unfold_columns"](x, (2, 3), (1, 2), (1, 2), (2, 1)), [real(1, 2, 4, 3)])],
    "fold_columns": [(lambda x: ops["fold_columns"](x, (2, 2), (1, 1), (0, 0), (1, 1), 3, 2), [real(1, 4, 2)])],
})  # fmt: skip

# orders and ranks
CASES.update({
    "sort": [(lambda x: ops["sort"](x, 0)[0], [real(4, 2)]), (lambda x: ops["sort"](x)[0], [real()])],
    "topk": [
        (lambda x: ops["topk"](x, 2, 0)[0], [real(4, 3)]),
        (lambda x: ops["topk"](x, 2, largest=False)[0], [real(5)]),
    ],
    "kthvalue": [
        (lambda x: ops["kthvalue"](x, 2)[0], [real(2, 4)]),
        (lambda x: ops["kthvalue"](x, 1, 0, True)[0], [real(3, 2)]),
    ],
    "median_dim": [(lambda x: ops["median_dim"](x, 1)[0], [real(2, 4)])],
    "nanmedian_dim": [(lambda x: ops["nanmedian_dim"](x, 0, True)[0], [real(3, 2)])],
    "median_all": [(ops["median_all"], [real(2, 3)])],
    "nanmedian_all": [(ops["nanmedian_all"], [real(2, 3)])],
    "mode": [(lambda x: ops["mode"](x, 0)[0], [real(3, 2)])],
    "logcumsumexp": [(lambda x: ops["logcumsumexp"](x, 1), [real(2, 4)]),
                     (lambda x: ops["logcumsumexp"](x, 0), [cplx(3)])],
    "cummax": [(lambda x: ops["cummax"](x, 1)[0], [real(2, 4)])],
    "cummin": [(lambda x: ops["cummin"](x, 0)[0], [real(3, 2)])],
})  # fmt: skip

def positive(a):
    """A Hermitian positive-definite matrix made of any."""
    return a @ a.transpose(-2, -1).conj() + rt.eye(a.shape[-1], dtype=a.dtype)


def hermitian(a):
    return a + a.transpose(-2, -1).conj()


def regular(*shape):
    """Far from singular."""
    return real(*shape) + 3 * np.eye(shape[-2], shape[-1])


def projector(u, s, vh):
    """What of a decomposition does not depend on signs and phases."""
    return s, u @ vh


# linear algebra: functions of them whose value is determined
CASES.update({
    "linalg_cholesky": [
        (lambda x: ops["linalg_cholesky"](positive(x))[0], [real(3, 3)]),
        (lambda x: ops["linalg_cholesky"](positive(x), True)[0], [cplx(2, 2, 2)]),
    ],
    "linalg_lu_factor": [
        (lambda x: ops["linalg_lu_factor"](x)[0], [regular(3, 3)]),
        (lambda x: ops["linalg_lu_factor"](x)[0], [regular(2, 4)]),
        (lambda x: ops["linalg_lu_factor"](x)[0], [regular(4, 2)]),
        (lambda x: ops["linalg_lu_factor"](x)[0], [cplx(2, 3, 2)]),
    ],
    "linalg_qr": [
        (lambda x: ops["linalg_qr"](x), [regular(3, 3)]), (lambda x: ops["linalg_qr"](x), [regular(4, 2)]),
        (lambda x: ops["linalg_qr"](x), [regular(2, 4)]), (lambda x: ops["linalg_qr"](x, "complete"), [regular(2, 3)]),
        (lambda x: ops["linalg_qr"](x), [cplx(2, 3, 2)]),
    ],
    "linalg_solve": [
        (lambda x, y: ops["linalg_solve"](x, y)[0], [regular(3, 3), real(3, 2)]),
        (lambda x, y: ops["linalg_solve"](x, y)[0], [regular(2, 1, 2, 2), cplx(2, 2, 1).real]),
        (lambda x, y: ops["linalg_solve"](x, y)[0], [cplx(2, 2), cplx(2, 2)]),
    ],
    "linalg_inv": [
        (lambda x: ops["linalg_inv"](x)[0], [regular(2, 3, 3)]), (lambda x: ops["linalg_inv"](x)[0], [cplx(2, 2)]),
    ],
    "linalg_det": [
        (ops["linalg_det"], [real(2, 3, 3)]), (ops["linalg_det"], [cplx(3, 3)]), (ops["linalg_det"], [real(0, 0)]),
        (ops["linalg_det"], [np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [1.0, 0.0, 1.0]])]),
    ],
    "linalg_slogdet": [
        (lambda x: ops["linalg_slogdet"](x)[1], [real(2, 3, 3)]), (ops["linalg_slogdet"], [cplx(3, 3)]),
    ],
    "linalg_solve_triangular": [
        (lambda x, y: ops["linalg_solve_triangular"](x, y, True), [regular(3, 3), real(3, 2)]),
        (lambda x, y: ops["linalg_solve_triangular"](x, y, False, True), [real(3, 3), real(2, 3, 2)]),
        (lambda x, y: ops["linalg_solve_triangular"](x, y, False, False, True),
         [cplx(2, 2) + 3 * np.eye(2), cplx(2, 2)]),
    ],
    "linalg_lstsq": [
        (lambda x, y, d=d: ops["linalg_lstsq"](x, y, d)[0][..., :2, :], [regular(3, 2), real(3, 2)])
        for d in ("gelsy", "gels", "gelsd", "gelss")
    ] + [(lambda x, y: ops["linalg_lstsq"](x, y)[0], [regular(2, 3), real(2, 1)])],
    "linalg_svd": [
        (lambda x, f=f: projector(*ops["linalg_svd"](x, f)), [regular(3, 3)]) for f in (False, True)
    ] + [
        (lambda x: projector(*ops["linalg_svd"](x, False)), [real(4, 2)]),
        (lambda x: projector(*ops["linalg_svd"](x, False)), [cplx(2, 3)]),
        (lambda x: ops["linalg_svd"](x, False, False)[1], [real(2, 3, 2)]),
    ],
    "linalg_eigh": [
        (lambda x: ops["linalg_eigh"](hermitian(x))[0], [real(3, 3)]),
        (lambda x: ops["linalg_eigh"](hermitian(x))[1].abs(), [real(2, 3, 3)]),
        (lambda x: ops["linalg_eigh"](hermitian(x), True)[1].abs(), [cplx(2, 2)]),
        (lambda x: ops["linalg_eigh"](hermitian(x), False, False)[0], [cplx(3, 3)]),
    ],
    "linalg_eig": [
        (lambda x: ops["linalg_eig"](x)[0], [regular(3, 3)]), (lambda x: ops["linalg_eig"](x)[1].abs(), [cplx(2, 2)]),
    ],
})  # fmt: skip

CASES["ctc"] = [
    (lambda x: ops["ctc"](x.log_softmax(2), ints([[1, 2], [2, 2]]), ints([[4, 4], [2, 1]])), [real(4, 2, 3)]),
    (lambda x: ops["ctc"](x.log_softmax(2), ints([[0, 2]]), ints([[2], [2]]), 1, True), [real(3, 1, 4)]),
]
CASES["ctc_gradient"] = [(lambda x: ops["ctc_gradient"](x, rt.ones(3)), [real(3)])]
# the matrix (. a . b | . . . . | c . d .), its columns out of order; the narrow and the wide kind of indices
SPARSE = ints([3, 1, 0, 2]), ints([0, 2, 2, 4])
NARROW = tuple(t.to("int32") for t in SPARSE)
OTHER = ints([1, 0, 1, 2, 0]), ints([0, 1, 3, 4, 5])      # 4 x 3, line by line
THIRD = ints([0, 1, 2, 1, 0]), ints([0, 2, 2, 5])         # where their product has entries, and one more
CASES["sparse_matmul"] = [
    (lambda a, x: ops["sparse_matmul"](a, *SPARSE, x, 4), [real(4), real(4)]),
    (lambda a, x: ops["sparse_matmul"](a, *NARROW, x, 4), [cplx(4), cplx(4, 3)]),
    (lambda a, x: ops["sparse_matmul"](a, *SPARSE, x, 4, True), [cplx(4), real(3, 2)]),
]
CASES["sparse_sample"] = [
    (lambda x, y: ops["sparse_sample"](x, y, *SPARSE), [real(3), cplx(4)]),
    (lambda x, y: ops["sparse_sample"](x, y, *NARROW), [real(3, 5), real(4, 5)]),
]
CASES["sparse_product"] = [
    (lambda a, b: ops["sparse_product"](a, *SPARSE, b, *OTHER, *THIRD, 3), [real(4), cplx(5)]),
]
CASES["fft_c2c"] = [
    (lambda x: ops["fft_c2c"](x, [-1], [5], [5]), [cplx(2, 5)]),
    (lambda x: ops["fft_c2c"](x, [0, 1], [4, 3], [4, 3], True, 0.5), [cplx(3, 5)]),
    (lambda x: ops["fft_c2c"](x, [0], [6], [4]), [real(4, 2)]),
]
CASES["fft_r2c"] = [(lambda x, n=n: ops["fft_r2c"](x, 1, n, n // 2 + 1, False, 0.3), [real(2, 5)]) for n in (4, 5, 8)]
CASES["fft_r2c"] += [(lambda x, n=n: ops["fft_r2c"](x, 0, n, n // 2, True), [real(n, 2)]) for n in (5, 6)]
CASES["fft_c2r"] = [(lambda x, n=n: ops["fft_c2r"](x, -1, n, 0.3), [cplx(2, 4)]) for n in (4, 6, 7, 9)]
# Rows whose gradient has no gradient by the first input, and say so.
FIRST_ORDER = {"ctc"}
CASES["index_put"] = [(put, [real(3, 2), real(2, 2)])]
ROWS = [r["name"] for r in _C.op_table() if r["family"] not in ("elementwise", "update") and r["differentiable"]]


@pytest.mark.parametrize("name", ROWS)
def test_gradients(name):
    assert name in CASES, f"give {name} a case"
    for fn, arrays in CASES[name]:
        inputs = [
            rt.tensor(a, dtype="complex128" if a.dtype.kind == "c" else "float64", requires_grad=True) for a in arrays
        ]
        assert rt.autograd.gradcheck(fn, inputs)
        if name in FIRST_ORDER:
            with pytest.raises(NotImplementedError, match=name):
                rt.autograd.gradgradcheck(fn, inputs)
        else:
            assert rt.autograd.gradgradcheck(fn, inputs)
