"""A right call of every function that has memory, loops or a graph of its own: what the tests of failing
allocations, leaks, wrong arguments and threads change in their ways.

A specimen is (name, arguments, keywords); the name is a path below rustorch, `Tensor.` for methods.
`made(scale, rows)` makes new tensors each time; lengths grow with scale, those of tensors that have only one
growing length with rows, so that large ones run on threads."""
import copy

import numpy as np

import rustorch as rt


class Maker:
    """Tensors of the same numbers in every run."""

    def __init__(self, scale=1, rows=0):
        self.rng = np.random.default_rng(17)
        self.scale, self.rows = scale, rows or scale

    def f(self, *shape, dtype="float32", low=-2.0, high=2.0, grad=True):
        """Numbers that want a gradient."""
        x = rt.from_numpy(np.asarray(self.rng.uniform(low, high, shape).astype("float32"))).to(dtype)
        return x.requires_grad_() if grad else x

    def c(self, *shape):
        values = self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)
        return rt.from_numpy(np.asarray(values.astype("complex64"))).requires_grad_()

    def i(self, high, *shape, low=0):
        return rt.from_numpy(np.asarray(self.rng.integers(low, high, shape)))

    def b(self, *shape):
        return rt.from_numpy(np.asarray(self.rng.random(shape) < 0.5))

    def hermitian(self, *shape):
        x = self.rng.standard_normal(shape).astype("float32")
        return rt.from_numpy(x @ x.swapaxes(-1, -2) + shape[-1] * np.eye(shape[-1], dtype="float32")).requires_grad_()

    def lower(self, n):
        return rt.from_numpy(np.tril(self.rng.uniform(1, 2, (n, n))).astype("float32")).requires_grad_()

    def log_probabilities(self, *shape):
        x = self.rng.standard_normal(shape)
        return rt.from_numpy((x - np.log(np.exp(x).sum(-1, keepdims=True))).astype("float32")).requires_grad_()


def images(m):
    """Convolutions, pools, resampling, patches."""
    f, n = m.f, m.scale
    yield from (
        ("nn.functional.conv1d", (f(2, 4, 9 * n), f(6, 2, 3), f(6)), {"stride": 2, "padding": 1, "groups": 2}),
        ("nn.functional.conv2d", (f(2 * n, 3, 8 * n, 7), f(5, 3, 3, 3), f(5)), {"padding": (1, 2), "dilation": (1, 2)}),
        ("nn.functional.conv2d", (f(n, 4, 6 * n, 6 * n), f(4, 1, 3, 3)), {"padding": "same", "groups": 4}),
        ("nn.functional.conv3d", (f(n, 2, 4, 5 * n, 6), f(3, 2, 2, 3, 3), f(3)), {"padding": 1}),
        ("nn.functional.conv_transpose1d", (f(2, 4, 7 * n), f(4, 3, 3), f(3)), {"stride": 2, "output_padding": 1}),
        ("nn.functional.conv_transpose2d", (f(n, 4, 5 * n, 6), f(4, 2, 3, 3), f(4)), {"stride": 2, "groups": 2}),
        ("nn.functional.conv_transpose3d", (f(n, 2, 3, 4 * n, 3), f(2, 3, 2, 2, 2)), {"padding": 1, "dilation": 2}),
        ("nn.functional.conv_tbc", (f(7 * n, 2, 3), f(3, 3, 4), f(4)), {"pad": 1}),
        ("nn.functional.max_pool1d", (f(2, 3, 9 * n), 3), {"stride": 2, "padding": 1, "return_indices": True}),
        ("nn.functional.max_pool2d", (f(n, 3, 8 * n, 9), (3, 2)), {"stride": 2, "ceil_mode": True, "dilation": (1, 2)}),
        ("nn.functional.max_pool3d", (f(n, 2, 6, 5 * n, 7), 2), {"padding": 1}),
        ("nn.functional.avg_pool1d", (f(2, 3, 9 * n), 3), {"stride": 2, "padding": 1}),
        ("nn.functional.avg_pool2d", (f(n, 3, 8 * n, 9), (3, 2)), {"count_include_pad": False, "padding": 1}),
        ("nn.functional.avg_pool3d", (f(n, 2, 6, 5 * n, 7), 2), {"divisor_override": 3, "ceil_mode": True}),
        ("nn.functional.lp_pool2d", (f(n, 2, 6 * n, 6), 2.0, 3), {"stride": 2}),
        ("nn.functional.adaptive_avg_pool2d", (f(n, 2, 7 * n, 9), (3, None)), {}),
        ("nn.functional.adaptive_max_pool1d", (f(2, 3, 11 * n), 4), {"return_indices": True}),
        ("nn.functional.adaptive_max_pool3d", (f(n, 2, 5, 6 * n, 7), (2, 3, 4)), {}),
        ("nn.functional.fractional_max_pool2d", (f(2, 2, 9, 9), 2),
         {"output_size": (4, 5), "_random_samples": f(2, 2, 2, low=0, high=1, grad=False)}),
        ("nn.functional.max_unpool2d", (f(2, 2, 3, 3), rt.arange(9).reshape(3, 3).expand(2, 2, 3, 3) * 2, 2), {}),
        ("nn.functional.interpolate", (f(n, 2, 6 * n), 9), {"mode": "linear", "align_corners": True}),
        ("nn.functional.interpolate", (f(n, 2, 6 * n, 5), (4, 9)), {"mode": "bicubic"}),
        ("nn.functional.interpolate", (f(n, 2, 6, 5 * n), (4, 3)), {"mode": "bilinear", "antialias": True}),
        ("nn.functional.interpolate", (f(n, 2, 4, 5, 3 * n),), {"scale_factor": 1.5, "mode": "nearest-exact"}),
        ("nn.functional.grid_sample", (f(2, 3, 5, 6), f(2, 4 * n, 3, 2, high=1.5)),
         {"padding_mode": "reflection", "align_corners": False}),
        ("nn.functional.grid_sample", (f(1, 2, 3, 5, 4), f(1, 2, 3 * n, 2, 3)),
         {"mode": "nearest", "padding_mode": "border"}),
        ("nn.functional.affine_grid", (f(2, 2, 3), (2, 3, 4 * n, 5)), {"align_corners": True}),
        ("nn.functional.unfold", (f(n, 3, 7, 6 * n), (2, 3)), {"dilation": 2, "padding": 1, "stride": 2}),
        ("nn.functional.fold", (f(n, 12, 12), (4, 5), (2, 2)), {}),
        ("nn.functional.pad", (f(n, 3, 6 * n, 5), (1, 2, -1, 1)), {"mode": "reflect"}),
        ("nn.functional.pad", (f(n, 3, 6 * n, 5), (1, 2, 3, 0)), {"mode": "circular"}),
        ("nn.functional.pixel_shuffle", (f(n, 8, 3, 3 * n), 2), {}),
        ("nn.functional.pixel_unshuffle", (f(n, 2, 4, 6 * n), 2), {}),
        ("nn.functional.channel_shuffle", (f(n, 6, 4, 4 * n), 3), {}),
    )


def layers(m):
    """Normalisations, attention, embeddings, losses, products."""
    f, n, r = m.f, m.scale, m.rows
    yield from (
        ("nn.functional.layer_norm", (f(6 * r, 5, 7), (5, 7), f(5, 7), f(5, 7)), {}),
        ("nn.functional.rms_norm", (f(6 * r, 35), (35,), f(35)), {}),
        ("nn.functional.group_norm", (f(3 * n, 6, 5 * n), 3, f(6), f(6)), {}),
        ("nn.functional.batch_norm", (f(4 * n, 3, 5 * n), f(3, grad=False), f(3, low=1, grad=False), f(3), f(3)),
         {"training": True}),
        ("nn.functional.batch_norm", (f(4 * n, 3, 5), f(3, grad=False), f(3, low=1, grad=False), f(3), f(3)), {}),
        ("nn.functional.instance_norm", (f(2 * n, 3, 8 * n),), {}),
        ("nn.functional.local_response_norm", (f(n, 5, 4 * n), 3), {}),
        ("nn.functional.normalize", (f(4 * r, 5),), {"p": 3.0}),
        ("nn.functional.scaled_dot_product_attention", (f(n, 2, 5 * n, 4), f(n, 2, 7, 4), f(n, 2, 7, 3)),
         {"attn_mask": f(5 * n, 7)}),
        ("nn.functional.scaled_dot_product_attention", (f(n, 2, 6 * n, 4), f(n, 2, 6 * n, 4), f(n, 2, 6 * n, 4)),
         {"is_causal": True, "dropout_p": 0.3}),
        ("nn.functional.embedding", (m.i(9, 5 * r, 3), f(9, 4)), {"padding_idx": 2}),
        ("nn.functional.embedding_bag", (m.i(9, 8 * r), f(9, 4)), {"offsets": rt.tensor([0, 3, 3]), "mode": "max"}),
        ("nn.functional.embedding_bag", (m.i(9, 4 * r, 3), f(9, 4)),
         {"per_sample_weights": f(4 * r, 3), "mode": "sum"}),
        ("nn.functional.one_hot", (m.i(9, 5 * r),), {"num_classes": 9}),
        ("nn.functional.linear", (f(4 * r, 6), f(5, 6), f(5)), {}),
        ("nn.functional.bilinear", (f(4 * r, 3), f(4 * r, 2), f(5, 3, 2), f(5)), {}),
        ("nn.functional.dropout", (f(9 * n, 5 * n),), {"p": 0.4}),
        ("nn.functional.dropout2d", (f(2 * r, 3, 4, 4),), {}),
        ("nn.functional.alpha_dropout", (f(9 * r, 5),), {"training": True}),
        ("nn.functional.rrelu", (f(9 * r, 5),), {"training": True}),
        ("nn.functional.gumbel_softmax", (f(9 * r, 5),), {"hard": True}),
        ("nn.functional.softmax", (f(5 * n, 9 * n),), {"dim": 0}),
        ("nn.functional.log_softmax", (f(5 * n, 9 * n),), {"dim": 1}),
        ("nn.functional.glu", (f(5 * r, 8),), {"dim": 1}),
        ("nn.functional.prelu", (f(5 * r, 3, 4), f(3)), {}),
        ("nn.functional.cross_entropy", (f(6 * r, 5), m.i(5, 6 * r)),
         {"weight": f(5, low=1, grad=False), "label_smoothing": 0.1}),
        ("nn.functional.cross_entropy", (f(2 * r, 5, 3), f(2 * r, 5, 3, low=0)), {}),
        ("nn.functional.nll_loss", (f(6 * r, 5), m.i(5, 6 * r)), {"ignore_index": 2}),
        ("nn.functional.ctc_loss", (m.log_probabilities(12, r, 5), m.i(5, r, 4, low=1), rt.full((r,), 12),
                                    rt.full((r,), 4)), {"zero_infinity": True}),
        ("nn.functional.binary_cross_entropy", (f(5 * r, 3, low=0.1, high=0.9), f(5 * r, 3, low=0, high=1)), {}),
        ("nn.functional.binary_cross_entropy_with_logits", (f(5 * r, 3), f(5 * r, 3, low=0, high=1)),
         {"pos_weight": f(3, low=1, grad=False)}),
        ("nn.functional.mse_loss", (f(5 * r, 3), f(5 * r, 3)), {"reduction": "none"}),
        ("nn.functional.l1_loss", (f(5 * r, 3), f(5 * r, 3)), {}),
        ("nn.functional.smooth_l1_loss", (f(5 * r, 3), f(5 * r, 3)), {"beta": 0.5}),
        ("nn.functional.huber_loss", (f(5 * r, 3), f(5 * r, 3)), {"delta": 0.7}),
        ("nn.functional.kl_div", (f(5 * r, 3), f(5 * r, 3, low=0.1)), {"reduction": "batchmean"}),
        ("nn.functional.multi_margin_loss", (f(6 * r, 5), m.i(5, 6 * r)), {"p": 2}),
        ("nn.functional.multilabel_margin_loss", (f(3, 4), rt.tensor([[3, 0, -1, 1]] * 3)), {}),
        ("nn.functional.triplet_margin_loss", (f(4 * r, 5), f(4 * r, 5), f(4 * r, 5)), {"swap": True}),
        ("nn.functional.cosine_embedding_loss", (f(4, 5), f(4, 5), rt.tensor([1, -1, 1, -1])), {}),
        ("nn.functional.cosine_similarity", (f(4 * r, 5), f(4 * r, 5)), {}),
        ("nn.functional.pdist", (f(5 * n, 3),), {}),
        ("nn.functional.pairwise_distance", (f(5 * r, 3), f(5 * r, 3)), {}),
        ("cdist", (f(5 * n, 3), f(4 * n, 3)), {}),
        ("matmul", (f(3 * n, 4, 5), f(5, 6 * n)), {}),
        ("bmm", (f(2 * r, 3, 4), f(2 * r, 4, 5)), {}),
        ("addmm", (f(5), f(3 * r, 4), f(4, 5)), {"beta": 0.5, "alpha": 2}),
        ("baddbmm", (f(2, 3, 1), f(2, 3, 4), f(2, 4, 5)), {}),
        ("einsum", ("bij,bjk->ik", f(2 * r, 3, 4), f(2 * r, 4, 5)), {}),
        ("tensordot", (f(3 * r, 4, 5), f(4, 5, 2)), {"dims": 2}),
        ("outer", (f(5 * n), f(4 * n)), {}),
        ("kron", (f(2, 3 * r), f(3, 2)), {}),
    )


def orders(m):
    """Sorting, searching, statistics, scans, gathers and scatters."""
    f, n, r = m.f, m.scale, m.rows
    yield from (
        ("sort", (f(4 * n, 9 * n),), {"dim": 0, "descending": True}),
        ("sort", (f(3, 90 * r),), {"stable": True}),
        ("argsort", (m.i(4, 9 * r, 5),), {"stable": True}),
        ("topk", (f(4 * n, 9 * n), 3), {}),
        ("kthvalue", (f(4 * n, 9 * n), 2), {"dim": 0}),
        ("median", (f(4 * r, 9),), {"dim": 1}),
        ("median", (f(4 * r, 9),), {}),
        ("nanmedian", (f(4 * r, 9),), {}),
        ("mode", (m.i(4, 5 * r, 9),), {}),
        ("unique", (m.i(4, 9 * r),), {"return_inverse": True, "return_counts": True}),
        ("unique", (m.i(2, 9 * r, 2),), {"dim": 0}),
        ("unique_consecutive", (m.i(2, 9 * r),), {}),
        ("searchsorted", (rt.arange(0.0, 9.0), f(5 * r, 3)), {"right": True}),
        ("bucketize", (f(5 * r), rt.tensor([-1.0, 0.0, 1.0])), {}),
        ("bincount", (m.i(9, 20 * r),), {"weights": f(20 * r, grad=False), "minlength": 3}),
        ("histc", (f(20 * r, grad=False),), {"bins": 5}),
        ("histogram", (f(20 * r, grad=False), 4), {"density": True}),
        ("quantile", (f(4 * r, 9), 0.3), {"dim": 1}),
        ("nanquantile", (f(4 * r, 9), rt.tensor([0.1, 0.9])), {}),
        ("cumsum", (f(4 * n, 9 * n),), {"dim": 0}),
        ("cumprod", (f(4 * n, 9 * n),), {"dim": 1}),
        ("logcumsumexp", (f(4 * r, 9),), {"dim": 1}),
        ("cummax", (f(4 * r, 9),), {"dim": 0}),
        ("cummin", (f(4 * r, 9),), {"dim": 1}),
        ("gather", (f(4 * r, 5), 1, m.i(5, 4 * r, 3)), {}),
        ("scatter", (f(4 * r, 5), 1, m.i(5, 4 * r, 3), f(4 * r, 3)), {}),
        ("scatter_add", (f(4 * r, 5), 0, m.i(4 * r, 6 * r, 5), f(6 * r, 5)), {}),
        ("scatter_reduce", (f(4 * r, 5), 0, m.i(4 * r, 6 * r, 5), f(6 * r, 5), "prod"), {"include_self": False}),
        ("scatter_reduce", (f(4 * r, 5), 1, m.i(5, 4 * r, 9), f(4 * r, 9), "mean"), {}),
        ("scatter_reduce", (f(4 * r, 5), 1, m.i(5, 4 * r, 9), f(4 * r, 9), "amax"), {}),
        ("index_select", (f(4 * r, 5), 0, m.i(4 * r, 7 * r)), {}),
        ("index_add", (f(4 * r, 5), 0, m.i(4 * r, 7 * r), f(7 * r, 5)), {"alpha": 2}),
        ("index_copy", (f(4, 5), 0, rt.tensor([2, 0]), f(2, 5)), {}),
        ("index_fill", (f(4, 5), 1, rt.tensor([2, 0]), 1.5), {}),
        ("index_reduce", (f(4, 5), 0, rt.tensor([2, 0, 2]), f(3, 5), "amin"), {}),
        ("index_put", (f(4, 5), (rt.tensor([1, 1, 3]),), f(3, 5)), {"accumulate": True}),
        ("take", (f(4, 5), m.i(20, 6 * r)), {}),
        ("take_along_dim", (f(4 * r, 5), m.i(5, 4 * r, 3)), {"dim": 1}),
        ("masked_select", (f(4 * r, 5), m.b(4 * r, 5)), {}),
        ("masked_fill", (f(4 * r, 5), m.b(4 * r, 5), 1.0), {}),
        ("masked_scatter", (f(4 * r, 5), m.b(4 * r, 5), f(4 * r, 5)), {}),
        ("nonzero", (m.b(4 * r, 5),), {}),
        ("where", (m.b(4 * r, 5), f(4 * r, 5), f(5)), {}),
        ("repeat_interleave", (f(4 * r, 5), 3), {"dim": 0}),
        ("roll", (f(4 * r, 5), (1, -2), (0, 1)), {}),
        ("flip", (f(4 * r, 5), (0, 1)), {}),
        ("rot90", (f(4 * r, 5),), {}),
        ("tril", (f(4 * n, 5 * n),), {"diagonal": 1}),
        ("diag_embed", (f(4 * r, 5),), {"offset": 1}),
        ("trace", (f(5 * n, 5 * n),), {}),
        ("cat", ([f(4 * r, 5), f(2, 5)],), {}),
        ("stack", ([f(4 * r, 5), f(4 * r, 5)],), {"dim": -1}),
        ("split", (f(7 * n, 5), 3), {}),
        ("combinations", (f(5),), {"r": 2}),
        ("cov", (f(4, 9 * r),), {}),
        ("corrcoef", (f(4, 9 * r),), {}),
        ("renorm", (f(4 * r, 5), 2, 0, 1.0), {}),
        ("cross", (f(4 * r, 3), f(4 * r, 3)), {"dim": 1}),
        ("Tensor.unfold", (f(4 * r, 9), 1, 3, 2), {}),
        ("Tensor.as_strided", (f(4 * r, 9), (3, 2), (9, 2), 1), {}),
        ("Tensor.expand", (f(4 * r, 1), 4 * r, 3), {}),
        ("Tensor.repeat", (f(2 * r, 3), 2, 1, 2), {}),
        ("Tensor.index_add_", (f(4, 5, grad=False), 0, rt.tensor([1, 1]), f(2, 5, grad=False)), {}),
        ("Tensor.scatter_", (f(4, 5, grad=False), 1, m.i(5, 4, 2), 1.5), {}),
        ("Tensor.__getitem__", (f(4 * r, 5, 6), (slice(1, None), [0, 2], None, ..., 1)), {}),
        ("Tensor.__setitem__", (f(4 * n, 5, 6, grad=False), (slice(1, None), [0, 2]), 2.0), {}),
    )
    for name in ("sum", "mean", "prod", "var", "std", "amax", "amin", "logsumexp", "argmax", "norm"):
        yield name, (f(6 * n, 7 * n, low=0.5),), {"dim": 0}
        if name != "logsumexp":
            yield name, (f(6 * n, 7 * n, low=0.5),), {}


def algebra(m):
    """Factorisations, solvers, transforms, special functions."""
    f, h = m.f, m.hermitian
    k = 2 + m.scale
    yield from (
        ("linalg.cholesky", (h(2, k, k),), {}),
        ("linalg.inv", (h(2, k, k),), {}),
        ("linalg.det", (h(2, k, k),), {}),
        ("linalg.slogdet", (h(2, k, k),), {}),
        ("linalg.solve", (h(2, k, k), f(2, k, 2)), {}),
        ("linalg.solve_triangular", (m.lower(k), f(k, 2)), {"upper": False}),
        ("linalg.lu", (h(2, k, k),), {}),
        ("linalg.lu_factor", (h(2, k, k),), {}),
        ("linalg.ldl_factor", (h(k, k).detach(),), {}),
        ("linalg.qr", (f(2, k + 2, k),), {}),
        ("linalg.svd", (f(2, k + 1, k),), {"full_matrices": False}),
        ("linalg.svdvals", (f(2, k + 1, k),), {}),
        ("linalg.eigh", (h(2, k, k),), {}),
        ("linalg.eig", (h(2, k, k),), {}),
        ("linalg.eigvals", (h(k, k),), {}),
        ("linalg.lstsq", (f(2, k + 2, k), f(2, k + 2, 2)), {}),
        ("linalg.pinv", (f(k + 1, k),), {}),
        ("linalg.matrix_exp", (f(2, k, k, low=-0.5, high=0.5),), {}),
        ("linalg.matrix_power", (f(k, k), 3), {}),
        ("linalg.matrix_norm", (f(2, k, k),), {"ord": "nuc"}),
        ("linalg.vector_norm", (f(2, k, k),), {"ord": 3, "dim": 1}),
        ("linalg.multi_dot", ([f(2, k), f(k, 3), f(3, 2)],), {}),
        ("linalg.householder_product", (f(k + 1, k), f(k)), {}),
        ("linalg.vander", (f(k),), {"N": 3}),
        ("linalg.cond", (h(k, k),), {}),
        ("linalg.tensorsolve", (f(2, 3, 6), f(2, 3)), {}),
        ("cholesky_solve", (f(k, 2), m.lower(k)), {}),
        ("fft.fft", (f(3, 6 * m.scale),), {"n": 7}),
        ("fft.ifft2", (m.c(2, 4, 5),), {"norm": "ortho"}),
        ("fft.rfft", (f(3, 9 * m.scale),), {}),
        ("fft.irfftn", (m.c(2, 4, 5),), {}),
        ("fft.hfft", (m.c(2, 5),), {}),
        ("fft.fftshift", (f(4, 5),), {"dim": 1}),
        ("special.zeta", (f(5, low=1.5, grad=False), f(5, low=1)), {}),
        ("special.polygamma", (2, f(5, low=1)), {}),
        ("special.gammainc", (f(5, low=1, grad=False), f(5, low=1)), {}),
        ("special.multigammaln", (f(5, low=3, high=5), 2), {}),
        ("special.bessel_j1", (f(5 * m.scale, grad=False),), {}),
        ("special.xlogy", (f(5), f(5, low=1)), {}),
        ("special.legendre_polynomial_p", (f(5, grad=False), m.i(4, 5)), {}),
        ("special.logsumexp", (f(4, 5),), {"dim": 1}),
        ("linspace", (0, 1, 7), {"dtype": "float64"}),
        ("logspace", (0, 1, 7), {}),
        ("full", ((2, 3), 1.5), {}),
        ("eye", (3, 4), {}),
        ("tril_indices", (3, 4), {}),
        ("arange", (1, 9, 2), {}),
        ("randn", (3, 4), {}),
        ("randint", (0, 9, (3, 4)), {}),
        ("randperm", (9 * m.scale,), {}),
        ("bernoulli", (f(5, low=0, high=1, grad=False),), {}),
        ("multinomial", (f(5, low=0, high=1, grad=False), 3), {}),
        ("complex", (f(3), f(3)), {}),
        ("polar", (f(3, low=0), f(3)), {}),
        ("view_as_real", (m.c(3),), {}),
        ("clamp", (f(4, 5), f(5), 1.0), {}),
        ("lerp", (f(4, 5), f(5), 0.3), {}),
        ("addcmul", (f(4, 5), f(5), f(4, 1)), {"value": 2}),
        ("nan_to_num", (f(4, 5),), {}),
        ("trapezoid", (f(4, 5),), {"dx": 0.5}),
        ("diff", (f(4, 9),), {"n": 2}),
        ("gradient", (f(9),), {}),
        ("heaviside", (f(5, grad=False), f(5, grad=False)), {}),
        ("frexp", (f(5, grad=False),), {}),
        ("isin", (m.i(4, 5), m.i(4, 3)), {}),
        ("block_diag", (f(2, 3), f(3, 2)), {}),
        ("meshgrid", (f(3), f(4)), {"indexing": "ij"}),
        ("stft", (f(64), 16), {"return_complex": True, "window": rt.ones(16)}),
    )


def sparse(m):
    """Products of sparse arrays: two entries a line."""
    n = 6 * m.rows

    def entries(dtype="int64"):              # each row its own: some tests overwrite what they are given
        return m.i(5, 2 * n).to(dtype), rt.arange(0, 2 * n + 1, 2).to(dtype)

    other = rt.tensor([1, 0, 2, 1, 0, 3, 2]), rt.tensor([0, 1, 3, 4, 5, 7])
    full = rt.arange(4).repeat(n), rt.arange(0, 4 * n + 1, 4)
    yield from (
        ("sparse_matmul", (m.f(2 * n), *entries(), m.f(5), 5), {}),
        ("sparse_matmul", (m.f(2 * n), *entries(), m.f(5, 3, dtype="float64"), 5), {}),
        ("sparse_matmul", (m.f(2 * n), *entries(), m.f(n), 5, True), {}),
        ("sparse_matmul", (m.c(2 * n), *entries("int32"), m.c(n, 40), 5, True), {}),
        ("sparse_sample", (m.f(n, 7), m.f(5, 7), *entries()), {}),
        ("sparse_product", (m.f(2 * n), *entries(), m.f(7), *other, *full, 4), {}),
        ("sparse_turn", (*entries(), 5), {}),
        ("sparse_check", (*entries(), 5), {}),
    )


def made(scale=1, rows=0):
    """All specimens, as (name, arguments, keywords)."""
    for group in (images, layers, orders, algebra, sparse):
        yield from group(Maker(scale, rows))


def function(name):
    found = rt
    for part in name.split("."):
        found = getattr(found, part)
    return found


def flat(value):
    """The tensors in a result or in arguments, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and not isinstance(value, rt.Size):
        return [t for part in value for t in flat(part)]
    return [value] if isinstance(value, rt.Tensor) else []


def run(name, args, keywords, order=2):
    """The specimen's results, gradients of their sum, and those of the gradients' squares."""
    with rt.random.fork_rng():
        rt.manual_seed(5)
        results = flat([function(name)(*args, **keywords)])
    leaves = [t for t in flat([args, keywords]) if t.requires_grad]
    found, outs = results, [t for t in results if t.requires_grad]
    while outs and leaves and order:
        order -= 1
        again = order > 0
        grads = rt.autograd.grad(outs, leaves, [rt.full_like(t, 0.5).detach() for t in outs], create_graph=again,
                                 allow_unused=True)
        grads = [g for g in grads if g is not None]
        found = found + grads
        outs = [(g * g.conj()).sum() for g in grads if g.requires_grad]
    return found


MODULES = {
    "Linear": (lambda nn: nn.Linear(4, 3), (5, 4), 0),
    "Conv2d": (lambda nn: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 2, 5, 5), 0),
    "ConvTranspose1d": (lambda nn: nn.ConvTranspose1d(2, 3, 3), (2, 2, 5), 0),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(3), (4, 3, 5), 0),
    "LayerNorm": (lambda nn: nn.LayerNorm(6), (4, 6), 0),
    "RNN": (lambda nn: nn.RNN(3, 4, 2), (5, 2, 3), 1),
    "LSTM": (lambda nn: nn.LSTM(3, 4, 2, bidirectional=True, dropout=0.2, proj_size=2), (5, 2, 3), 1),
    "GRU": (lambda nn: nn.GRU(3, 4, batch_first=True), (2, 5, 3), 0),
    "MultiheadAttention": (lambda nn: Itself(nn.MultiheadAttention(4, 2)), (3, 2, 4), 1),
    "TransformerEncoderLayer": (lambda nn: nn.TransformerEncoderLayer(4, 2, 8), (3, 2, 4), 1),
    "Sequential": (lambda nn: nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Dropout(0.3), nn.Linear(5, 2)), (3, 4), 0),
}


class Itself:
    """Self-attention: a module of three inputs called with one."""

    def __init__(self, module):
        self.module = module

    def __call__(self, x):
        return self.module(x, x, x)

    def parameters(self):
        return self.module.parameters()


def modules(scale=1):
    """(name, module, input); the batch grows with scale."""
    m = Maker()
    for name, (make, shape, batch) in MODULES.items():
        rt.manual_seed(3)
        yield name, make(rt.nn), m.f(*(n * scale if d == batch else n for d, n in enumerate(shape)))


def run_module(module, x):
    """Results and the gradients of their sum."""
    with rt.random.fork_rng():
        rt.manual_seed(5)
        results = flat([module(x)])
    leaves = [x, *module.parameters()]
    grads = rt.autograd.grad([t for t in results if t.requires_grad], leaves,
                             [rt.full_like(t, 0.5).detach() for t in results if t.requires_grad], allow_unused=True)
    return results + [g for g in grads if g is not None]


# ---- what works on graphs, modules and parameters --------------------------------------------

class Cube(rt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * x * x * g


OPTIMIZERS = {
    "SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, "Adam": {"amsgrad": True}, "AdamW": {},
    "RMSprop": {"centered": True, "momentum": 0.5}, "Adagrad": {"lr_decay": 0.1}, "Adadelta": {}, "Adamax": {},
    "NAdam": {}, "RAdam": {"weight_decay": 0.1}, "Rprop": {}, "ASGD": {"t0": 1}, "Adafactor": {}, "Muon": {},
    "LBFGS": {"line_search_fn": "strong_wolfe", "max_iter": 3},
}


def train(name, options, dtype="float32", scale=1):
    """Two steps of a fresh optimiser; the parameters."""
    m = Maker()
    shapes = [(4 * scale, 3), (2, 5 * scale)] if name == "Muon" else [(4 * scale, 3), (5,), ()]
    parameters = [rt.nn.Parameter(m.f(*shape, dtype=dtype, grad=False)) for shape in shapes]
    optimizer = getattr(rt.optim, name)(parameters, lr=0.01, **options)

    def loss():
        optimizer.zero_grad()
        total = sum((p * p).sum() for p in parameters)
        total.backward()
        return total
    for _ in range(2):
        optimizer.step(loss)
    return parameters


def tools():
    """name -> a call without arguments that hooks, walks, replays, packs, clips or steps."""
    m = Maker()
    w, x, lengths = m.f(4, 3), m.f(4, 3), rt.tensor([3, 1])
    double = m.f(3, dtype="float64").detach().requires_grad_()
    net = rt.nn.Sequential(rt.nn.Linear(3, 4), rt.nn.Tanh(), rt.nn.Linear(4, 2))
    parameters = list(net.parameters())

    def twice():
        g, = rt.autograd.grad(Cube.apply(w).sum(), w, create_graph=True)
        rt.autograd.grad(g.sum(), w)

    def hooks():
        y = w * 2
        y.register_hook(lambda g: g * 2)
        y.grad_fn.register_hook(lambda i, o: None)
        handle = rt.autograd.graph.register_multi_grad_hook([y, w], lambda gs: None)
        try:
            rt.autograd.grad((y * y).sum(), w)
        finally:
            handle.remove()

    def saved():
        with rt.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(), rt.from_numpy):
            y = (w.exp() * w).sum()
        rt.autograd.grad(y, w)
        with rt.autograd.graph.save_on_cpu():
            rt.autograd.grad(w.exp().sum(), w)

    def module_hooks():
        handles = [net.register_forward_hook(lambda n, i, o: o * 2), net.register_forward_pre_hook(lambda n, i: None),
                   net[0].register_full_backward_hook(lambda n, i, o: None)]
        try:
            net(x).sum().backward()
        finally:
            for handle in handles:
                handle.remove()
            net.zero_grad()

    def clipped():
        for p in parameters:
            p.grad = rt.ones_like(p).detach()
        rt.nn.utils.clip_grad_norm_(parameters, 0.1)
        rt.nn.utils.clip_grad_value_(parameters, 0.01)
        net.zero_grad()

    def packed():
        rnn = rt.nn.utils.rnn
        sequence = rnn.pack_padded_sequence(m_x, lengths, enforce_sorted=True)
        rnn.pad_packed_sequence(lstm(sequence)[0])[0].sum().backward()
        lstm.zero_grad()
    m_x, lstm = Maker().f(3, 2, 3, grad=False), rt.nn.LSTM(3, 2)

    def parametrized():
        for wrap in (rt.nn.utils.parametrizations.weight_norm, rt.nn.utils.parametrizations.spectral_norm,
                     rt.nn.utils.parametrizations.orthogonal):
            layer = wrap(rt.nn.Linear(3, 4))
            layer(x).sum().backward()
            rt.nn.utils.parametrize.remove_parametrizations(layer, "weight")

    def anomaly():
        with rt.autograd.detect_anomaly():
            rt.autograd.grad(w.exp().sum(), w)

    def inplace():
        y = w * 1
        y[0] = 2
        y[:, 1].mul_(x[:, 0])
        y.T[1:].add_(1)
        rt.autograd.grad((y * y).sum(), [w, x])

    def state():
        other = rt.nn.Sequential(rt.nn.Linear(3, 4), rt.nn.Tanh(), rt.nn.Linear(4, 2))
        other.load_state_dict(net.state_dict())
        net.load_state_dict(other.state_dict())

    def stop_early():
        data = rt.data.TensorDataset(x.detach(), rt.arange(4))
        for _ in rt.data.DataLoader(data, batch_size=2, shuffle=True):
            break
        list(rt.data.DataLoader(data, batch_size=3))
    functional, func = rt.autograd.functional, rt.func
    found = {
        "function": lambda: rt.autograd.grad(Cube.apply(w).sum(), w),
        "function twice": twice,
        "hooks": hooks, "saved": saved, "module hooks": module_hooks, "clip": clipped, "packed": packed,
        "parametrized": parametrized, "anomaly": anomaly, "inplace": inplace, "state": state, "loader": stop_early,
        "checkpoint": lambda: rt.utils.checkpoint.checkpoint(net, x, use_reentrant=False).sum().backward(),
        "reentrant": lambda: rt.utils.checkpoint.checkpoint(net, x, use_reentrant=True).sum().backward(),
        "jacobian": lambda: functional.jacobian(lambda a: a.exp(), x[0]),
        "hessian": lambda: functional.hessian(lambda a: (a ** 3).sum(), x[0]),
        "vjp": lambda: func.vjp(lambda a: a.sin(), x)[1](x),
        "jvp": lambda: func.jvp(lambda a: a.sin(), (x.detach(),), (x.detach(),)),
        "vmap": lambda: func.vmap(lambda a: (a * a).sum())(x.detach()),
        "functional call": lambda: func.functional_call(net, dict(net.named_parameters()), (x,)),
        "gradcheck": lambda: rt.autograd.gradcheck(lambda a: (a * a).sin(), (double,)),
        "gradgradcheck": lambda: rt.autograd.gradgradcheck(lambda a: a.sin(), (double,)),
        "vector": lambda: rt.nn.utils.vector_to_parameters(
            rt.nn.utils.parameters_to_vector(parameters).detach(), parameters),
        "deepcopy": lambda: copy.deepcopy(net),
    }
    for name, options in OPTIMIZERS.items():
        found[f"optim.{name}"] = lambda name=name, options=options: train(name, options)
    found["optim.Adam half"] = lambda: train("Adam", {}, "float16")
    return found
