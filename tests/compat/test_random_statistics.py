"""Are the numbers random?  Distributions against SciPy's, raw bits by counting tests, streams against each other.

Seeds are fixed and the limits such that a right generator fails one of these tests in 100,000.
"""

import copy
import hashlib
import itertools
import os
import pathlib
import pickle
import platform
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import rustorch as rt

N = 100_000
P = 1e-5


@pytest.fixture(autouse=True)
def seed():
    rt.manual_seed(20261121)


def filled(method, *args, dtype="float64"):
    return getattr(rt.empty(N, dtype=dtype), method)(*args).numpy().astype("float64")


def constant(value, count=N):
    return rt.full((count,), float(value), dtype=rt.float64)


def gamma(alpha):
    return rt.random.standard_gamma(constant(alpha)).numpy()


def beta(a, b):
    return rt.distributions.Beta(constant(a), constant(b)).sample().numpy()


def student(df):
    return rt.distributions.StudentT(constant(df)).sample().numpy()


CONTINUOUS = {
    "uniform": (lambda: filled("uniform_", -2, 3), stats.uniform(-2, 5)),
    "normal": (lambda: filled("normal_", 1, 2), stats.norm(1, 2)),
    "exponential": (lambda: filled("exponential_", 1.5), stats.expon(scale=1 / 1.5)),
    "exponential32": (lambda: filled("exponential_", 0.5, dtype="float32"), stats.expon(scale=2)),
    "cauchy": (lambda: filled("cauchy_", 1, 2), stats.cauchy(1, 2)),
    "log_normal": (lambda: filled("log_normal_", 0.5, 0.75), stats.lognorm(0.75, scale=np.exp(0.5))),
    "gamma_small": (lambda: gamma(0.2), stats.gamma(0.2)),
    "gamma_one": (lambda: gamma(1), stats.gamma(1)),
    "gamma_large": (lambda: gamma(60), stats.gamma(60)),
    "beta": (lambda: beta(2, 3), stats.beta(2, 3)),
    "beta_small": (lambda: beta(0.5, 0.7), stats.beta(0.5, 0.7)),
    "student": (lambda: student(4), stats.t(4)),
    "dirichlet": (
        lambda: rt.random.dirichlet(rt.tensor([[1.0, 2.0, 3.0]], dtype=rt.float64).expand(N, 3)).numpy()[:, 1],
        stats.beta(2, 4),
    ),
    "randn": (lambda: rt.randn(N).numpy(), stats.norm()),
    "rand": (lambda: rt.rand(N).numpy(), stats.uniform()),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name):
    """Kolmogorov and Smirnov's distance, in the halves too, and no correlation of neighbours' ranks."""
    draw, law = CONTINUOUS[name]
    x = draw()
    for part in (x, x[: N // 2], x[::2]):
        assert stats.kstest(part, law.cdf).pvalue > P
    u = law.cdf(x)
    for lag in (1, 2, 7, 32):
        assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 4.5 / np.sqrt(N)


@pytest.mark.parametrize("name", [n for n in CONTINUOUS if n not in ("cauchy", "student")])
def test_moments(name):
    draw, law = CONTINUOUS[name]
    x = draw()
    mean, var = law.stats("mv")
    fourth = law.expect(lambda v: (v - mean) ** 4) if name != "log_normal" else law.stats("k") * var**2 + 3 * var**2
    assert abs(x.mean() - mean) < 5 * np.sqrt(var / N)
    assert abs(x.var() - var) < 6 * np.sqrt((fourth - var**2) / N)


def chi_square(counts, law, first=0):
    """p of counts of first, first + 1, ...; cells of fewer than ten expected are put together."""
    at = np.arange(first, first + len(counts))
    expected = law.pmf(at) * counts.sum()
    keep = expected >= 10
    observed = np.append(counts[keep], counts.sum() - counts[keep].sum())
    wanted = np.append(expected[keep], counts.sum() - expected[keep].sum())
    if wanted[-1] < 1e-9:
        observed, wanted = observed[:-1], wanted[:-1]
    return stats.chisquare(observed, wanted).pvalue


DISCRETE = {
    "poisson_few": (lambda: rt.poisson(constant(0.7)), stats.poisson(0.7)),
    "poisson_nine": (lambda: rt.poisson(constant(9.9)), stats.poisson(9.9)),
    "poisson_many": (lambda: rt.poisson(constant(10.5)), stats.poisson(10.5)),
    "poisson_large": (lambda: rt.poisson(constant(900)), stats.poisson(900)),
    "binomial_few": (lambda: rt.binomial(constant(7), constant(0.3)), stats.binom(7, 0.3)),
    "binomial_turned": (lambda: rt.binomial(constant(12), constant(0.8)), stats.binom(12, 0.8)),
    "binomial_many": (lambda: rt.binomial(constant(500), constant(0.4)), stats.binom(500, 0.4)),
    "geometric": (lambda: rt.empty(N, dtype=rt.float64).geometric_(0.2), stats.geom(0.2)),
    "geometric_rare": (lambda: rt.empty(N, dtype=rt.int64).geometric_(0.01), stats.geom(0.01)),
    "bernoulli": (lambda: rt.empty(N).bernoulli_(0.3), stats.bernoulli(0.3)),
    "randint": (lambda: rt.randint(0, 97, (N,)), stats.randint(0, 97)),
    "random_": (lambda: rt.empty(N, dtype=rt.int64).random_(0, 1000), stats.randint(0, 1000)),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name):
    draw, law = DISCRETE[name]
    x = draw().numpy().astype("int64")
    counts = np.bincount(x)
    assert chi_square(counts, law) > P
    mean, var = law.stats("mv")
    assert abs(x.mean() - mean) < 5 * np.sqrt(var / N)


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial(replacement):
    """Pairs of draws against the products of their probabilities."""
    weights = np.array([1.0, 2, 3, 4])
    p = weights / weights.sum()
    drawn = rt.multinomial(rt.tensor(weights).expand(N, 4), 2, replacement).numpy()
    pairs = np.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16)
    second = np.outer(p, p) if replacement else np.outer(p / (1 - p), p)
    expected = (second if replacement else np.where(np.eye(4, dtype=bool), 0, second)).ravel() * N
    assert (pairs[expected == 0] == 0).all()
    assert stats.chisquare(pairs[expected > 0], expected[expected > 0]).pvalue > P


def test_permutations_are_equally_likely():
    places = {p: i for i, p in enumerate(itertools.permutations(range(4)))}
    counts = np.zeros(24)
    for _ in range(12_000):
        counts[places[tuple(rt.randperm(4).tolist())]] += 1
    assert stats.chisquare(counts).pvalue > P


def test_a_long_permutation():
    """Where an element goes, and how many stay: fixed points are nearly Poisson of mean 1."""
    first = np.array([rt.randperm(50).numpy() for _ in range(3000)])
    assert stats.chisquare(np.bincount(first[:, 7], minlength=50)).pvalue > P
    fixed = (first == np.arange(50)).sum(1)
    assert chi_square(np.bincount(fixed), stats.poisson(1)) > P


# ---- raw bits ----


def words(count, generator=None):
    return rt.randint(0, 2**32, (count,), generator=generator).numpy().astype(np.uint32)


def test_bytes_are_equally_likely():
    assert stats.chisquare(np.bincount(words(N).view(np.uint8), minlength=256)).pvalue > P
    pairs = words(4 * N).view(np.uint16)
    assert stats.chisquare(np.bincount(pairs, minlength=65536)).pvalue > P


def test_each_bit_is_fair_and_alone():
    bits = np.unpackbits(words(N).view(np.uint8)).reshape(N, 32).astype("float64")
    assert (abs(bits.mean(0) - 0.5) < 5.5 * 0.5 / np.sqrt(N)).all()
    together = np.corrcoef(bits.T) - np.eye(32)
    assert abs(together).max() < 5.5 / np.sqrt(N)


def test_runs_of_bits():
    """Wald and Wolfowitz: how often neighbouring bits differ, along a word's bits and along words."""
    bits = np.unpackbits(words(N).view(np.uint8))
    for stream in (bits, bits[::32], bits[5::32]):
        changes = (stream[1:] != stream[:-1]).sum()
        n = len(stream) - 1
        assert abs(changes - n / 2) < 4.5 * np.sqrt(n) / 2


def test_birthday_spacings():
    """Marsaglia (1985): spacings among 512 birthdays in a year of 2^24 days that occur again are Poisson of mean 2."""
    again = []
    for shift in (0, 4, 8):
        days = np.sort((words(512 * 500) >> shift & 0xFFFFFF).reshape(500, 512).astype("int64"), axis=1)
        spacings = np.sort(np.diff(days, axis=1), axis=1)
        again.append((np.diff(spacings, axis=1) == 0).sum(1))
    for count in again:
        assert chi_square(np.bincount(count), stats.poisson(512**3 / 2**26)) > P


def test_collisions():
    """Knuth: 2^14 balls in 2^20 urns collide 128 times on average, nearly as Poisson."""
    collided = [2**14 - len(np.unique(words(2**14) >> 12)) for _ in range(100)]
    total = sum(collided)
    assert abs(total - 100 * 127.3) < 5 * np.sqrt(100 * 127.3)


def test_ranks_of_binary_matrices():
    """32 by 32 bits: ranks 32, 31 and less occur in 0.2888, 0.5776 and 0.1336 of random matrices."""
    rows = words(32 * 2000).reshape(2000, 32).copy()
    ranks = np.zeros(2000, dtype=int)
    done = np.zeros((2000, 32), dtype=bool)
    for bit in range(32):
        has = (rows >> bit & 1).astype(bool) & ~done
        found = has.any(1)
        at = has.argmax(1)
        pivot = np.where(found, rows[np.arange(2000), at], 0)
        done[np.arange(2000)[found], at[found]] = True
        clear = has.copy()
        clear[np.arange(2000), at] = False
        rows ^= np.where(clear, pivot[:, None], 0).astype(np.uint32)
        ranks += found
    counts = np.array([(ranks == 32).sum(), (ranks == 31).sum(), (ranks < 31).sum()])
    assert stats.chisquare(counts, np.array([0.2887881, 0.5775762, 0.1336357]) * 2000).pvalue > P


# ---- streams ----


def test_streams_of_neighbouring_seeds_and_calls_are_unrelated():
    n = 20_000
    drawn = [rt.randn(n, generator=rt.Generator().manual_seed(s)).numpy() for s in (*range(12), 2**32, 2**63)]
    g = rt.Generator().manual_seed(5)
    drawn += [rt.randn(n, generator=g).numpy() for _ in range(12)][1:]
    r = np.corrcoef(np.array(drawn, dtype="float64")) - np.eye(len(drawn))
    assert abs(r).max() < 5.5 / np.sqrt(n)


def test_first_numbers_of_many_seeds():
    g = rt.Generator()
    first = np.array([float(rt.rand(1, generator=g.manual_seed(s), dtype=rt.float64)) for s in range(20_000)])
    assert stats.kstest(first, "uniform").pvalue > P
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 4.5 / np.sqrt(len(first))


def test_generators_are_copied_pickled_and_cloned():
    g = rt.Generator().manual_seed(12)
    rt.rand(3, generator=g)
    for twin in (g.clone_state(), pickle.loads(pickle.dumps(g)), copy.deepcopy(g), copy.copy(g)):
        assert twin is not g and twin.initial_seed() == 12
        state = g.get_state()
        want = rt.rand(4, generator=g).tolist()
        assert rt.rand(4, generator=twin).tolist() == want
        g.set_state(state)
    kept = rt.random.default_generator.clone_state()
    assert rt.rand(3).tolist() == rt.rand(3, generator=kept).tolist()
    with pytest.raises(TypeError):
        g.__setstate__(3)


DRAWS = """
import hashlib, sys
import rustorch as rt
rt.set_num_threads(int(sys.argv[1]))
rt.manual_seed(7)
n, h = 70_001, hashlib.sha256()
def put(t):
    h.update(t.numpy().tobytes())
for dtype in ("float32", "float64"):
    for method, args in (("exponential_", (1.5,)), ("cauchy_", (1, 2)), ("log_normal_", (0, 1)), ("geometric_", (0.2,)),
                         ("uniform_", ()), ("normal_", ()), ("bernoulli_", (0.3,))):
        put(getattr(rt.empty(n, dtype=dtype), method)(*args))
rate = rt.linspace(0.1, 40, n, dtype=rt.float64)
put(rt.poisson(rate)); put(rt.random.standard_gamma(rate)); put(rt.binomial(rt.floor(rate), rate / 41))
put(rt.randperm(n)); put(rt.multinomial(rate, 50)); put(rt.multinomial(rate, 50, True))
put(rt.randint(0, 10**12, (n,)))
print(rt._C.build_info()["isa"], h.hexdigest())
"""


def test_same_bits_for_threads_and_instruction_sets():
    sets = ("", "v2", "v3") if platform.machine() == "x86_64" else ("",)
    root = str(pathlib.Path(rt.__file__).parents[1])
    found = {}
    for isa, threads in [(isa, "1") for isa in sets] + [("", "2"), ("", "4")]:
        done = subprocess.run(
            [sys.executable, "-c", DRAWS, threads],
            env=dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=root), capture_output=True, text=True, check=True,
        )  # fmt: skip
        found[isa, threads] = done.stdout.split()[1]
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize("method", ["exponential_", "cauchy_", "log_normal_", "uniform_", "normal_"])
def test_layout_changes_nothing(method):
    def drawn(t):
        rt.manual_seed(3)
        return hashlib.sha256(getattr(t, method)().contiguous().numpy().tobytes()).hexdigest()

    plain = drawn(rt.empty(9, 7))
    assert drawn(rt.empty(7, 9).T) == plain
    assert drawn(rt.empty(18, 14)[::2, ::-2]) == plain


def test_gradient_of_a_dirichlet_draw():
    c = rt.tensor([1.0, 2.0, 3.0], dtype=rt.float64, requires_grad=True)
    x = rt.random.dirichlet(c.expand(5000, 3))
    np.testing.assert_allclose(x.detach().numpy().sum(1), 1, rtol=1e-14)
    (x.mean(0) * rt.tensor([1.0, 0, 0], dtype=rt.float64)).sum().backward()
    want = [5 / 36, -1 / 36, -1 / 36]                    # of the mean 1 / 6
    np.testing.assert_allclose(c.grad.numpy(), want, atol=0.02)


WRONG = [
    (lambda: rt.random.standard_gamma(rt.tensor([-1.0])), RuntimeError),
    (lambda: rt.random.dirichlet(rt.tensor(1.0)), RuntimeError),
    (lambda: rt.random.poisson(rt.tensor([-1.0])), RuntimeError),
    (lambda: rt.random.poisson(rt.tensor([1])), TypeError),
    (lambda: rt.random.binomial(rt.tensor([3.0]), rt.tensor([1.5])), RuntimeError),
    (lambda: rt.random.poisson(rt.tensor([float("nan")])), RuntimeError),
    (lambda: rt.empty(3).exponential_(0), RuntimeError),
    (lambda: rt.empty(3).geometric_(1.5), RuntimeError),
    (lambda: rt.empty(3, dtype=rt.int64).cauchy_(), TypeError),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_input(number):
    call, kind = WRONG[number]
    with pytest.raises(kind):
        call()
