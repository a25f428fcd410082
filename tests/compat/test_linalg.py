"""Linear algebra beside PyTorch's: values, first gradients without a graph of them, results by name, `out`,
and errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch as rt

rng = np.random.default_rng(7)
KINDS = ["float32", "float64", "complex64", "complex128"]


def matrices(kind, *shape):
    a = rng.standard_normal(shape)
    if kind.startswith("complex"):
        a = a + 1j * rng.standard_normal(shape)
    if len(shape) > 1:
        a = a + 3 * np.eye(shape[-2], shape[-1])
    return a.astype(kind)


def near(ours, theirs):
    theirs = theirs.detach().resolve_conj().numpy()
    assert tuple(ours.shape) == theirs.shape and str(ours.dtype) == str(theirs.dtype)
    rounding = 2e-3 if theirs.dtype.itemsize // (1 + (theirs.dtype.kind == "c")) == 4 else 1e-9
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs, rtol=rounding, atol=rounding)


# one function of every rule: (of the library, of its arguments), shapes
RULES = {
    "cholesky": (lambda t, a: t.linalg.cholesky(a @ a.transpose(-2, -1).conj() + t.eye(3, dtype=a.dtype)), [(2, 3, 3)]),
    "lu_factor": (lambda t, a: t.linalg.lu_factor(a)[0], [(2, 3, 4)]),
    "qr": (lambda t, a: t.linalg.qr(a)[1].abs(), [(4, 3)]),
    "solve": (lambda t, a, b: t.linalg.solve(a, b), [(2, 3, 3), (2, 3, 2)]),
    "solve right": (lambda t, a, b: t.linalg.solve(a, b, left=False), [(3, 3), (2, 2, 3)]),
    "solve vector": (lambda t, a, b: t.linalg.solve(a, b), [(3, 3), (3,)]),
    "inv": (lambda t, a: t.linalg.inv(a), [(2, 3, 3)]),
    "det": (lambda t, a: t.linalg.det(a), [(2, 3, 3)]),
    "slogdet": (lambda t, a: t.linalg.slogdet(a)[1], [(2, 3, 3)]),
    "triangular": (lambda t, a, b: t.linalg.solve_triangular(a, b, upper=True), [(3, 3), (2, 3, 2)]),
    "triangular right": (
        lambda t, a, b: t.linalg.solve_triangular(a, b, upper=False, left=False, unitriangular=True), [(3, 3), (2, 3)]),
    "lstsq": (lambda t, a, b: t.linalg.lstsq(a, b)[0], [(4, 3), (4, 2)]),
    "svd": (lambda t, a: t.linalg.svd(a, full_matrices=False)[0].abs(), [(4, 3)]),
    "svdvals": (lambda t, a: t.linalg.svdvals(a), [(2, 3, 4)]),
    "eigh": (lambda t, a: t.linalg.eigh(a + a.transpose(-2, -1).conj())[1].abs(), [(2, 3, 3)]),
    "eigvalsh": (lambda t, a: t.linalg.eigvalsh(a, "U"), [(3, 3)]),
    "pinv": (lambda t, a: t.linalg.pinv(a), [(2, 4, 3)]),
    "lu_solve": (lambda t, a, b: t.linalg.lu_solve(*t.linalg.lu_factor(a), b, adjoint=True), [(3, 3), (3, 2)]),
    "cholesky_solve": (lambda t, a, b: t.cholesky_solve(b, a), [(3, 3), (3, 2)]),
    "matrix_exp": (lambda t, a: t.matrix_exp(a), [(2, 3, 3)]),
    "householder": (lambda t, a: t.linalg.householder_product(*t.geqrf(a.detach())) @ a, [(3, 3)]),
    "multi_dot": (lambda t, a, b, c: t.linalg.multi_dot([a, b, c]), [(2, 4), (4, 3), (3,)]),
    "einsum": (lambda t, a, b: t.einsum("bij,jk->bk", a, b), [(2, 3, 3), (3, 2)]),
    "addr": (lambda t, a, b, c: t.addr(a, b, c, beta=2, alpha=3), [(3, 3), (3,), (3,)]),
    "baddbmm": (lambda t, a, b, c: t.baddbmm(a, b, c, beta=0.5, alpha=2), [(2, 3, 2), (2, 3, 4), (2, 4, 2)]),
    "norm nuc": (lambda t, a: t.linalg.norm(a, "nuc"), [(3, 4)]),
    "cond": (lambda t, a: t.linalg.cond(a), [(2, 3, 3)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RULES)
def test_values_and_first_gradients(name, kind):
    function, shapes = RULES[name]
    arrays = [matrices(kind, *shape) for shape in shapes]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    ours = [rt.tensor(a, requires_grad=True) for a in arrays]
    a, b = function(torch, *theirs), function(rt, *ours)
    near(b, a)
    a.abs().sum().backward()
    b.abs().sum().backward()
    for x, y in zip(theirs, ours, strict=True):
        if x.grad is not None:
            near(y.grad, x.grad)


@pytest.mark.parametrize("name", ["cholesky_ex", "lu_factor_ex", "lu", "qr", "eig", "eigh", "svd", "slogdet", "inv_ex",
                                  "ldl_factor", "lstsq", "solve_ex"])
def test_results_have_pytorchs_names(name):
    a = matrices("float64", 3, 3)
    a = a @ a.T
    more = (a,) if name in ("lstsq", "solve_ex") else ()
    theirs = getattr(torch.linalg, name)(torch.tensor(a), *map(torch.tensor, more))
    ours = getattr(rt.linalg, name)(rt.tensor(a), *map(rt.tensor, more))
    for field in ours._fields:
        assert tuple(getattr(ours, field).shape) == tuple(getattr(theirs, field).shape)
        assert str(getattr(ours, field).dtype) == str(getattr(theirs, field).dtype).removeprefix("torch.")


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0), (3, 0), (0, 3)])
def test_empty(shape):
    a = np.zeros(shape)
    square = ["det", "inv", "eigh", "cholesky", "slogdet"] if shape[-1] == shape[-2] else []
    for name in ("svd", "qr", "pinv", "svdvals", *square):
        theirs, ours = getattr(torch.linalg, name)(torch.tensor(a)), getattr(rt.linalg, name)(rt.tensor(a))
        pairs = zip(theirs, ours, strict=True) if isinstance(theirs, tuple) else [(theirs, ours)]
        for x, y in pairs:
            assert tuple(x.shape) == tuple(y.shape)
            np.testing.assert_allclose(np.asarray(y), x.numpy())


def test_layout_does_not_matter():
    a = matrices("float64", 4, 5, 5)
    plain, turned = rt.tensor(a), rt.tensor(np.ascontiguousarray(a.transpose(2, 1, 0))).permute(2, 1, 0)
    for name in ("inv", "det", "qr", "svd", "cholesky_ex", "eigh", "eig"):
        one, two = getattr(rt.linalg, name)(plain), getattr(rt.linalg, name)(turned)
        for x, y in zip(one, two, strict=True):
            assert np.array_equal(np.asarray(x), np.asarray(y))


def test_threads_do_not_matter():
    a = rt.tensor(matrices("float32", 300, 24, 24))
    before = rt.get_num_threads()
    results = []
    try:
        for n in (1, 4):
            rt.set_num_threads(n)
            made = (*rt.linalg.svd(a), *rt.linalg.eigh(a), rt.linalg.inv(a), rt.linalg.det(a))
            results.append([np.asarray(v) for v in made])
    finally:
        rt.set_num_threads(before)
    for x, y in zip(*results, strict=True):
        assert np.array_equal(x, y)


def test_out():
    a = rt.tensor(matrices("float64", 3, 3))
    out = rt.zeros(3, 3, dtype="float64")
    assert rt.linalg.inv(a, out=out) is out
    assert np.allclose(np.asarray(out @ a), np.eye(3))
    u, s, vh = (rt.empty(*n, dtype="float64") for n in ((3, 3), (3,), (3, 3)))
    rt.linalg.svd(a, out=(u, s, vh))
    assert np.allclose(np.asarray(u * s @ vh), np.asarray(a))
    with pytest.raises(TypeError):
        rt.linalg.inv(a, out=rt.zeros(3, 3, dtype="int64"))
    with pytest.raises(RuntimeError, match="out"):
        rt.linalg.inv(a.requires_grad_(), out=out)
    assert rt.linalg.solve(a.detach(), rt.ones(3, dtype="float64"), out=rt.empty(3, dtype="float64")).shape == (3,)


def test_singular():
    a = np.stack([np.eye(3), np.zeros((3, 3))])
    for name in ("inv", "solve", "cholesky"):
        more = (rt.tensor(a),) if name == "solve" else ()
        with pytest.raises(rt.linalg.LinAlgError, match=rf"linalg.{name}: \(Batch element 1\)"):
            getattr(rt.linalg, name)(rt.tensor(a), *more)
    assert issubclass(rt.linalg.LinAlgError, RuntimeError) and issubclass(rt.linalg.LinAlgError, np.linalg.LinAlgError)
    assert rt.linalg.inv_ex(rt.tensor(a)).info.tolist() == [0, 1]
    assert rt.linalg.det(rt.tensor(a)).tolist() == [1, 0]
    assert rt.linalg.slogdet(rt.tensor(a)).logabsdet.tolist() == [0, -np.inf]
    assert rt.linalg.lu_factor(rt.tensor(a)).LU.tolist() == a.tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(value):
    a = rt.full((3, 3), value)
    for name in ("svd", "svdvals", "eig", "eigvals", "eigh", "pinv"):
        with pytest.raises(rt.linalg.LinAlgError, match="infinities or NaNs"):
            getattr(rt.linalg, name)(a)


@pytest.mark.parametrize(("call", "error"), [
    (lambda: rt.linalg.inv(rt.ones(2, 3)), "linalg.inv: needs batches of square"),
    (lambda: rt.linalg.inv(rt.ones(3)), "linalg.inv: .*at least 2"),
    (lambda: rt.linalg.det(rt.ones(2, 2, dtype="int64")), "linalg.det: .*int64"),
    (lambda: rt.linalg.svd(rt.ones(2, 2, dtype="float16")), "linalg.svd: .*float16"),
    (lambda: rt.linalg.solve(rt.ones(2, 2), rt.ones(3, 1)), r"linalg.solve: .*\(2, 2\) and \(3, 1\)"),
    (lambda: rt.linalg.solve(rt.ones(2, 2), rt.ones(2, 1, dtype="float64")), "linalg.solve: .*one dtype"),
    (lambda: rt.linalg.eigh(rt.ones(2, 2), "x"), "UPLO"),
    (lambda: rt.linalg.qr(rt.ones(2, 2), "some"), "mode"),
    (lambda: rt.linalg.lu_factor(rt.ones(2, 2), pivot=False), "pivoting"),
    (lambda: rt.linalg.matrix_norm(rt.ones(2, 2), 3), "order 3"),
    (lambda: rt.linalg.norm(rt.ones(2, 2, 2), 2.0), "dim"),
    (lambda: rt.linalg.cross(rt.ones(2), rt.ones(2)), "length 3"),
    (lambda: rt.linalg.multi_dot([rt.ones(2, 3), rt.ones(2, 3)]), "do not fit"),
    (lambda: rt.linalg.lu_solve(rt.eye(2), rt.tensor([9, 1], dtype="int32"), rt.ones(2, 1)), "pivots must lie"),
    (lambda: rt.linalg.ldl_solve(rt.eye(2), rt.tensor([1, -2], dtype="int32"), rt.ones(2, 1)), "pairs"),
    (lambda: rt.lu_unpack(rt.eye(2), rt.tensor([0, 9], dtype="int32")), "pivot 0"),
    (lambda: rt.linalg.householder_product(rt.ones(2, 3), rt.ones(2)), "rows"),
    (lambda: rt.vdot(rt.ones(2), rt.ones(2, dtype="float64")), "vdot"),
    (lambda: rt.addmv(rt.ones(2), rt.ones(2, 3), rt.ones(2)), "mv"),
])
def test_errors(call, error):
    with pytest.raises((RuntimeError, ValueError), match=error):
        call()


def test_phase_dependent_gradient_is_refused():
    a = rt.tensor(matrices("complex128", 3, 3), requires_grad=True)
    _, v = rt.linalg.eigh(a + a.transpose(-2, -1).conj())
    with pytest.raises(RuntimeError, match="phi"):
        (v.real * rt.arange(9.0, dtype="float64").reshape(3, 3)).sum().backward()


def test_beta_of_zero_does_not_look():
    nan = rt.full((2, 2), np.nan)
    one = rt.eye(2)
    assert rt.addmm(nan, one, one, beta=0).tolist() == one.tolist()
    assert rt.addmv(nan[0], one, one[0], beta=0).tolist() == one[0].tolist()
    assert rt.addr(nan, one[0], one[1], beta=0).tolist() == [[0, 1], [0, 0]]
    assert rt.baddbmm(nan.unsqueeze(0), one.unsqueeze(0), one.unsqueeze(0), beta=0)[0].tolist() == one.tolist()
