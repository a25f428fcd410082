"""What the rows of the table cannot say by samples: empty reductions, ties, zeros in products,
result dtypes, and the errors."""
import numpy as np
import pytest

import rustorch as rt


def gradient(f, values, weights):
    x = rt.tensor(values, dtype=rt.float64, requires_grad=True)
    f(x).backward(rt.tensor(weights, dtype=rt.float64))
    return x.grad.tolist()


def test_empty():
    e = rt.zeros((3, 0, 2))
    assert rt.sum(e).item() == 0 and rt.prod(e).item() == 1
    assert rt.any(e).item() is False and rt.all(e).item() is True
    assert np.isnan(rt.mean(e).item()) and np.isnan(rt.var(e).item())
    assert rt.logsumexp(e, 1).tolist() == [[-np.inf] * 2] * 3
    assert rt.sum(e, 1).tolist() == [[0.0] * 2] * 3
    assert tuple(rt.amax(e, 0).shape) == (0, 2)
    for f in (rt.amax, rt.amin, rt.argmax, rt.argmin):
        with pytest.raises(ValueError, match=r"\(3, 0, 2\)"):
            f(e)
    assert tuple(rt.softmax(e, 1).shape) == tuple(rt.cumsum(e, 1).shape) == (3, 0, 2)


@pytest.mark.parametrize("name", ["bool", "uint8", "int16", "int32", "int64"])
def test_sums_of_integers_are_int64(name):
    x = rt.ones((300,), dtype=getattr(rt, name))
    assert rt.sum(x).dtype == rt.prod(x).dtype == rt.cumsum(x, 0).dtype == rt.int64
    assert rt.sum(x).item() == 300 and rt.mean(x).dtype == rt.float32


def test_dtype_argument():
    assert rt.sum(rt.ones((3,), dtype=rt.uint64)).dtype == rt.uint64
    assert rt.sum(rt.full((5000,), 0.1), dtype=rt.float64).item() == pytest.approx(500, rel=1e-7)
    assert rt.sum(rt.full((5000,), 1.0, dtype=rt.float16)).item() == 5000.0
    with pytest.raises(TypeError, match="mean"):
        rt.mean(rt.ones(3), dtype=rt.int64)


def test_out_and_keepdim():
    out = rt.zeros((4,), dtype=rt.float64)
    rt.sum(rt.ones((4, 3)), 1, out=out)
    assert out.tolist() == [3.0] * 4
    assert tuple(rt.sum(rt.ones((2, 3, 4)), dim=(0, 2), keepdim=True).shape) == (1, 3, 1)


def test_ties_share_the_gradient_of_amax_and_not_of_max():
    x = [[1.0, 3, 3, 3], [2, 2, 0, 0]]
    assert gradient(lambda t: rt.amax(t, 1), x, [6, 1]) == [[0, 2, 2, 2], [0.5, 0.5, 0, 0]]
    assert gradient(lambda t: t.max(1)[0], x, [6, 1]) == [[0, 6, 0, 0], [1, 0, 0, 0]]


def test_products_with_zeros():
    x = [[1.0, 0, 3], [0, 0, 2], [1, 2, 3]]
    assert gradient(lambda t: rt.prod(t, 1), x, [2, 1, 1]) == [[0, 6, 0], [0, 0, 0], [6, 3, 2]]
    assert gradient(lambda t: rt.cumprod(t, 1), x, [[1, 1, 1]] * 3) == [[1, 4, 0], [1, 0, 0], [9, 4, 2]]


def test_variance_far_from_zero():
    x = np.random.default_rng(0).normal(1e6, 1, 100_000)
    t = rt.from_numpy(x)
    assert rt.var(t).item() == pytest.approx(x.var(ddof=1), rel=1e-9)
    assert rt.std(t, correction=0).item() == pytest.approx(x.std(), rel=1e-9)


def test_running_extremes():
    values, indices = rt.cummax(rt.tensor([1.0, 3, 2, 3, np.nan, 9]), 0)
    assert values.tolist()[:4] == [1, 3, 3, 3] and np.isnan(values.tolist()[4:]).all()
    assert indices.tolist() == [0, 1, 1, 3, 4, 4]


def test_scans_backwards():
    x = rt.tensor([1.0, 2, 3, 4])
    assert rt.cumsum(x, 0, reverse=True).tolist() == [10, 9, 7, 4]
    assert gradient(lambda t: rt.cumsum(t, 0), [1.0, 2, 3], [1, 10, 100]) == [111, 110, 100]


def test_infinite_rows():
    x = rt.tensor([[-np.inf, -np.inf], [np.inf, 0.0]])
    assert rt.logsumexp(x, 1).tolist() == [-np.inf, np.inf]
    assert rt.logsumexp(rt.tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000 + np.log(2))


@pytest.mark.parametrize("call, error, text", [
    (lambda: rt.sum(rt.ones(2, 3), 5), IndexError, "sum.*5"),
    (lambda: rt.sum(rt.ones(2, 3), (0, 0)), ValueError, "sum.*twice"),
    (lambda: rt.amax(rt.ones(2, dtype=rt.complex64)), TypeError, "amax.*complex64"),
    (lambda: rt.softmax(rt.ones(2, dtype=rt.complex64), 0), TypeError, "softmax.*complex64"),
    (lambda: rt.cumsum(rt.ones(2), 1), IndexError, "cumsum"),
    (lambda: rt.sum(rt.ones(2, 3), 0, out=rt.zeros(2)), ValueError, "sum"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_scripts_of_products_meet_zeros_later():
    """The gradient of a product without zeros takes a short way, which a script must not learn."""
    w = rt.zeros(4, requires_grad=True)
    optimiser = rt.optim.SGD([w], lr=1.0)

    def step(x):
        optimiser.zero_grad()
        (w + x).prod().backward()
        optimiser.step()
        return x

    script = rt.jit.script(step)
    for x in [[1.0, 2, 3, 4]] * 4 + [[0.0, 2, 3, 4], [2.0, 0, 0, 1], [2.0, 2, 2, 2]]:
        script(rt.tensor(x))
        others = [np.prod(x[:i] + x[i + 1 :]) for i in range(4)]
        assert (-w.detach()).tolist() == others
        w.detach().zero_()
