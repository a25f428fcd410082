"""rustorch.numpy.random against numpy.random: the same numbers from the same seeds, as arrays of ours."""

import copy
import inspect
import pickle

import numpy
import pytest
import scipy.stats
from sklearn.utils import check_random_state

import rustorch as rt
import rustorch.numpy as np

ours, theirs = np.random, numpy.random

# name -> arguments; "size" is added
PARAMETERS = {
    "beta": (2.0, 3.0), "binomial": (10, 0.3), "chisquare": (3.0,), "dirichlet": ([1.0, 2.0, 3.0],),
    "exponential": (2.0,), "f": (3.0, 4.0), "gamma": (2.0, 3.0), "geometric": (0.3,), "gumbel": (1.0, 2.0),
    "hypergeometric": (10, 12, 7), "laplace": (1.0, 2.0), "logistic": (1.0, 2.0), "lognormal": (0.5, 0.25),
    "logseries": (0.4,), "multinomial": (12, [0.2, 0.3, 0.5]),
    "multivariate_normal": ([1.0, 2.0], [[2.0, 0.5], [0.5, 1.0]]), "negative_binomial": (4, 0.4),
    "noncentral_chisquare": (3.0, 1.0), "noncentral_f": (3.0, 4.0, 1.0), "normal": (1.0, 2.0), "pareto": (3.0,),
    "poisson": (4.0,), "power": (3.0,), "rayleigh": (2.0,), "standard_cauchy": (), "standard_exponential": (),
    "standard_gamma": (2.0,), "standard_normal": (), "standard_t": (4.0,), "triangular": (0.0, 1.0, 3.0),
    "uniform": (1.0, 3.0), "vonmises": (0.5, 2.0), "wald": (1.0, 2.0), "weibull": (1.5,), "zipf": (2.5,),
    "random": (), "integers": (3, 90), "multivariate_hypergeometric": ([4, 5, 6], 7), "randint": (3, 90),
    "random_sample": (), "choice": (7,), "tomaxint": (), "random_integers": (3, 9), "ranf": (), "sample": (),
}  # fmt: skip
NO_SIZE = {"rand", "randn", "permutation", "shuffle", "permuted"}


def same(got, want):
    """The same bits; ours an array where theirs is one."""
    if isinstance(want, numpy.ndarray):
        assert type(got) is np.ndarray and got.dtype == want.dtype and tuple(got.shape) == want.shape
        assert got.numpy().tobytes() == want.tobytes()
    else:
        assert type(got) is type(want) and got == want


def draws(owner):
    return [name for name in PARAMETERS if hasattr(owner, name)]


@pytest.mark.filterwarnings("ignore:This function is deprecated")
@pytest.mark.parametrize("name", draws(theirs.Generator))
@pytest.mark.parametrize("size", [None, (), 5, (2, 3), (0, 2)])
def test_a_generator_draws_the_same(name, size):
    a, b = ours.default_rng(7), theirs.default_rng(7)
    same(getattr(a, name)(*PARAMETERS[name], size=size), getattr(b, name)(*PARAMETERS[name], size=size))
    same(a.random(3), b.random(3))


@pytest.mark.filterwarnings("ignore:This function is deprecated")
@pytest.mark.parametrize("name", draws(theirs.RandomState))
@pytest.mark.parametrize("size", [None, 5, (2, 3)])
def test_a_random_state_draws_the_same(name, size):
    a, b = ours.RandomState(7), theirs.RandomState(7)
    same(getattr(a, name)(*PARAMETERS[name], size=size), getattr(b, name)(*PARAMETERS[name], size=size))
    same(a.randn(3), b.randn(3))


@pytest.mark.filterwarnings("ignore:This function is deprecated")
@pytest.mark.parametrize("name", draws(theirs))
def test_the_functions_draw_from_the_global_state(name):
    ours.seed(11)
    got = getattr(ours, name)(*PARAMETERS[name], size=4)
    theirs.seed(11)
    same(got, getattr(theirs, name)(*PARAMETERS[name], size=4))


def test_every_name_is_there():
    for name in theirs.__all__:
        assert name in ours.__all__ and getattr(ours, name).__doc__
    for owner in ("Generator", "RandomState"):
        for name in dir(getattr(theirs, owner)):
            assert hasattr(getattr(ours, owner), name)
    covered = set(PARAMETERS) | NO_SIZE | {"seed", "get_state", "set_state", "bytes", "default_rng"}
    assert {n for n in theirs.__all__ if not inspect.isclass(getattr(theirs, n))} <= covered


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_bit_generators(bits):
    a, b = ours.Generator(getattr(ours, bits)(3)), theirs.Generator(getattr(theirs, bits)(3))
    same(a.normal(size=9), b.normal(size=9))
    a.bit_generator.state = b.bit_generator.state
    same(a.integers(0, 1000, 5), b.integers(0, 1000, 5))


def test_rand_and_randn():
    for name in ("rand", "randn"):
        same(getattr(ours.RandomState(2), name)(3, 2), getattr(theirs.RandomState(2), name)(3, 2))
        ours.seed(5)
        got = getattr(ours, name)(4)
        theirs.seed(5)
        same(got, getattr(theirs, name)(4))


def test_state_of_the_module():
    ours.seed(3)
    state = ours.get_state()
    first = ours.normal(size=4)
    ours.set_state(state)
    same(ours.normal(size=4), first.numpy())


@pytest.mark.parametrize("kind", [ours.default_rng, ours.RandomState])
def test_copies_go_on_alike(kind):
    rng = kind(9)
    rng.random(3)
    for twin in (pickle.loads(pickle.dumps(rng)), copy.deepcopy(rng)):
        assert type(twin) is type(rng)
        before = copy.deepcopy(rng)
        same(twin.normal(size=3), before.normal(size=3).numpy())


def test_a_gauss_kept_by_a_random_state_is_copied():
    rng = ours.RandomState(4)
    rng.normal()
    twin = pickle.loads(pickle.dumps(rng))
    assert [twin.normal() for _ in range(3)] == [rng.normal() for _ in range(3)]


def test_spawn():
    a, b = ours.default_rng(1).spawn(2), theirs.default_rng(1).spawn(2)
    for x, y in zip(a, b, strict=True):
        assert type(x) is ours.Generator
        same(x.random(3), y.random(3))


def test_default_rng_takes_what_numpys_takes():
    rng = ours.default_rng(ours.SeedSequence(12))
    assert ours.default_rng(rng) is rng
    seeds = [lambda: 12, lambda: [1, 2], lambda: theirs.PCG64(5), lambda: theirs.default_rng(5)]
    for make in (*seeds, lambda: theirs.SeedSequence(2)):
        same(ours.default_rng(make()).random(3), theirs.default_rng(make()).random(3))
    same(ours.default_rng(rt.tensor([1, 2])).random(3), theirs.default_rng([1, 2]).random(3))
    same(ours.RandomState(np.array([1, 2])).rand(3), theirs.RandomState([1, 2]).rand(3))


@pytest.mark.parametrize("name", ["random", "standard_normal", "standard_exponential", "standard_gamma"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out(name, dtype):
    args = (2.0,) if name == "standard_gamma" else ()
    for out in (np.zeros((2, 3), dtype=dtype), rt.zeros(2, 3, dtype=dtype)):
        before = out._version
        assert getattr(ours.default_rng(3), name)(*args, dtype=dtype, out=out) is out
        want = getattr(theirs.default_rng(3), name)(*args, size=(2, 3), dtype=dtype)
        assert out.numpy().tobytes() == want.tobytes() and out._version > before
    plain = numpy.zeros((2, 3), dtype)
    assert getattr(ours.default_rng(3), name)(*args, dtype=dtype, out=plain) is plain


@pytest.mark.parametrize("kind", ["Generator", "RandomState"])
@pytest.mark.parametrize("shape", [(7,), (5, 3), (4, 2, 3)])
def test_shuffle_and_permutation(kind, shape):
    def pair():
        made = (lambda m: m.default_rng(8)) if kind == "Generator" else (lambda m: m.RandomState(8))
        return made(ours), made(theirs)

    data = numpy.arange(numpy.prod(shape), dtype=float).reshape(shape)
    for x in (np.array(data), rt.tensor(data)):
        want = data.copy()
        a, b = pair()
        version = x._version
        assert a.shuffle(x) is None
        b.shuffle(want)
        assert x.tolist() == want.tolist() and x._version > version
        same(a.permutation(x), b.permutation(want))
        assert x.tolist() == want.tolist()
    a, b = pair()
    same(a.permutation(6), b.permutation(6))
    same(a.permutation([3, 4, 5]), b.permutation([3, 4, 5]))
    letters, others = list("abcdef"), list("abcdef")
    a.shuffle(letters)
    b.shuffle(others)
    assert letters == others


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_permuted(axis):
    data = numpy.arange(12.0).reshape(3, 4)
    same(ours.default_rng(2).permuted(np.array(data), axis=axis), theirs.default_rng(2).permuted(data, axis=axis))
    x = np.array(data)
    assert ours.default_rng(2).permuted(x, axis=axis, out=x) is x
    assert x.tolist() == theirs.default_rng(2).permuted(data, axis=axis).tolist()
    y = np.zeros((3, 4))
    assert ours.default_rng(2).permuted(np.array(data), axis=axis, out=y) is y
    assert y.tolist() == x.tolist()
    tracked = np.array(data).requires_grad_()
    drawn = ours.default_rng(2).permuted(tracked, axis=axis)
    assert drawn.tolist() == x.tolist()
    (drawn * np.array(data)).sum().backward()
    assert numpy.allclose(numpy.sort(tracked.grad.numpy().ravel()), data.ravel())


@pytest.mark.parametrize("axis", [0, 1])
def test_generator_axis(axis):
    data = numpy.arange(12.0).reshape(3, 4)
    same(
        ours.default_rng(2).permutation(np.array(data), axis=axis), theirs.default_rng(2).permutation(data, axis=axis)
    )
    x, want = np.array(data), data.copy()
    ours.default_rng(2).shuffle(x, axis=axis)
    theirs.default_rng(2).shuffle(want, axis=axis)
    assert x.tolist() == want.tolist()
    same(
        ours.default_rng(2).choice(np.array(data), 2, axis=axis, replace=False),
        theirs.default_rng(2).choice(data, 2, axis=axis, replace=False),
    )


WEIGHTS = [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("words", [{}, {"replace": False}, {"p": WEIGHTS}, {"replace": False, "p": WEIGHTS}])
@pytest.mark.parametrize("size", [3, (2, 2), (4,)])
def test_choice(words, size):
    data = numpy.array([1.5, 2.5, 3.5, 4.5])
    for kind in ("default_rng", "RandomState"):
        want = getattr(theirs, kind)(6).choice(data, size, **words)
        same(getattr(ours, kind)(6).choice(np.array(data), size, **words), want)
        same(getattr(ours, kind)(6).choice(data.tolist(), size, **words), want)
        tensors = {key: rt.tensor(value, dtype=rt.float64) if key == "p" else value for key, value in words.items()}
        same(getattr(ours, kind)(6).choice(4, size, **tensors), getattr(theirs, kind)(6).choice(4, size, **words))
    assert ours.default_rng(6).choice(np.array(data)) == theirs.default_rng(6).choice(data)
    assert ours.default_rng(6).choice(["a", "b"]) == theirs.default_rng(6).choice(["a", "b"])


def test_choice_hands_gradients_on():
    x = np.arange(4.0).requires_grad_()
    drawn = ours.default_rng(1).choice(x, 6)
    drawn.sum().backward()
    assert x.grad.tolist() == [drawn.tolist().count(v) for v in x.tolist()]


REPARAMETRISED = ["normal", "uniform", "laplace", "logistic", "gumbel", "lognormal", "exponential", "rayleigh"]


@pytest.mark.parametrize("name", REPARAMETRISED)
@pytest.mark.parametrize("kind", ["default_rng", "RandomState"])
def test_gradients_to_place_and_scale(name, kind):
    values = (2.0,) if name in ("exponential", "rayleigh") else (0.5, 2.0)
    parameters = [np.array(v).requires_grad_() for v in values]
    got = getattr(getattr(ours, kind)(3), name)(*parameters, size=50)
    want = getattr(getattr(theirs, kind)(3), name)(*values, size=50)
    assert type(got) is np.ndarray
    numpy.testing.assert_allclose(got.numpy(), want, rtol=4e-16)
    got.sum().backward()
    for i, p in enumerate(parameters):
        moved = [v + (1e-6 if i == k else 0) for k, v in enumerate(values)]
        slope = (getattr(getattr(theirs, kind)(3), name)(*moved, size=50).sum() - want.sum()) / 1e-6
        numpy.testing.assert_allclose(float(p.grad), slope, rtol=1e-4, atol=1e-5)


def test_parameters_that_are_tensors():
    loc, scale = rt.tensor([0.0, 10.0], dtype=rt.float64), np.array([1.0, 2.0])
    same(ours.default_rng(3).normal(loc, scale, (3, 2)), theirs.default_rng(3).normal([0, 10], [1, 2], (3, 2)))
    same(ours.default_rng(3).poisson(rt.tensor([3.0, 4.0])), theirs.default_rng(3).poisson([3, 4]))
    low, high = np.array([3, 4]), np.array([9, 9])
    same(ours.default_rng(3).integers(low, high), theirs.default_rng(3).integers([3, 4], [9, 9]))
    ours.seed(1)
    got = ours.multivariate_normal(np.zeros(2), np.eye(2), size=3)
    theirs.seed(1)
    same(got, theirs.multivariate_normal([0, 0], [[1, 0], [0, 1]], size=3))


def test_others_accept_them():
    rng, state = ours.default_rng(1), ours.RandomState(1)
    assert isinstance(rng, theirs.Generator) and isinstance(state, theirs.RandomState)
    assert check_random_state(state) is state
    got = scipy.stats.norm.rvs(size=4, random_state=ours.default_rng(5))
    assert numpy.asarray(got).tolist() == scipy.stats.norm.rvs(size=4, random_state=theirs.default_rng(5)).tolist()


WRONG = [
    (lambda: ours.default_rng(-1), ValueError),
    (lambda: ours.default_rng("x"), TypeError),
    (lambda: ours.default_rng(0).normal(0, -1), ValueError),
    (lambda: ours.default_rng(0).normal(size=-1), ValueError),
    (lambda: ours.default_rng(0).integers(5, 3), ValueError),
    (lambda: ours.default_rng(0).choice(np.array([]), 3), ValueError),
    (lambda: ours.default_rng(0).choice(np.array([1.0, 2.0]), 3, replace=False), ValueError),
    (lambda: ours.RandomState(0).choice(np.ones((2, 2))), ValueError),
    (lambda: ours.default_rng(0).choice(3, 2, p=np.array([0.5, 0.6, 0.0])), ValueError),
    (lambda: ours.default_rng(0).random(out=np.zeros(3, dtype="int64")), TypeError),
    (lambda: ours.default_rng(0).random(out=rt.zeros(3, requires_grad=True)), TypeError),
    (lambda: ours.default_rng(0).random(4, out=np.zeros(3)), ValueError),
    (lambda: ours.default_rng(0).poisson(np.array(2.0).requires_grad_()), TypeError),
    (lambda: ours.default_rng(0).shuffle(np.array(3)), TypeError),
    (lambda: ours.default_rng(0).shuffle(np.array([1.0, 2.0]).requires_grad_()), RuntimeError),
    (lambda: ours.default_rng(0).permutation(np.ones((2, 2)), axis=3), IndexError),
    (lambda: ours.default_rng(0).poisson(np.array([-1.0])), ValueError),
    (lambda: ours.normal(0, 1, "a"), TypeError),
    (lambda: ours.Generator(3), AttributeError),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_input(number):
    call, kind = WRONG[number]
    with pytest.raises(kind):
        call()
