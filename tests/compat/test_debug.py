"""Debug mode traps the op that makes a NaN or an infinity; explain tells what costs time."""

import threading

import numpy as np
import pytest

import rustorch as rt
from rustorch.debug import NonFiniteError, debug_mode, describe, is_debug_mode_enabled


@pytest.fixture(autouse=True)
def off_afterwards():
    yield
    rt.set_debug_mode(False)


@pytest.mark.parametrize(
    "name, run",
    [
        ("log", lambda: rt.zeros(3).log()),
        ("log", lambda: np.log(rt.zeros(3))),
        ("div", lambda: rt.zeros(3) / rt.zeros(3)),
        ("div", lambda: rt.ones(3).div_(0)),
        ("mul", lambda: rt.full((2,), 1e30) * rt.full((2,), 1e30)),
        ("cast", lambda: rt.full((2,), 1e300, dtype=rt.float64).to(rt.float32)),
        ("sqrt", lambda: (rt.zeros(4, 4).T - 1).sqrt()),
        ("reciprocal", lambda: rt.zeros(8)[::2].reciprocal()),
        ("sum", lambda: rt.full((8,), 3e38).sum()),
        ("mul", lambda: rt.full((3,), 60000.0, dtype=rt.float16) * 2),
        ("mul", lambda: rt.full((3,), 3e38, dtype=rt.bfloat16) * 2),
        ("log", lambda: rt.zeros(3, dtype=rt.complex64).log()),
        ("log", lambda: rt.numpy.log(rt.numpy.zeros(3))),
        ("matmul", lambda: rt.full((2, 2), 1e30) @ rt.full((2, 2), 1e30)),
    ],
)
def test_the_op_that_makes_it_is_trapped(name, run):
    run()
    rt.set_debug_mode(True)
    with pytest.raises(NonFiniteError) as caught:
        run()
    assert caught.value.op == name and str(caught.value).startswith(f"{name}: made ")
    assert __file__ in caught.value.line and "lambda" in caught.value.line
    assert isinstance(caught.value, FloatingPointError) and isinstance(caught.value, rt.RusTorchError)


@pytest.mark.parametrize(
    "run",
    [
        lambda: rt.tensor([float("nan"), 1.0]) + 1,
        lambda: rt.zeros(3).masked_fill(rt.tensor([True, False, True]), float("-inf")).softmax(dim=0),
        lambda: rt.where(rt.tensor([True, False]), rt.ones(2), float("inf")),
        lambda: rt.nn.functional.pad(rt.ones(2), (1, 1), value=float("inf")),
        lambda: rt.full((3,), float("inf")).clamp(max=float("inf")),
        lambda: rt.ones(3) / 0 if False else rt.isinf(rt.ones(3)),
        lambda: rt.nn.functional.scaled_dot_product_attention(*[rt.ones(1, 3, 4)] * 3, is_causal=True),
        lambda: rt.tensor([float("inf"), 1.0]).view(2, 1).T,
        lambda: rt.arange(3) // 2,
        lambda: rt.nn.functional.max_pool2d(rt.ones(1, 1, 4, 4), 3, padding=1),
    ],
)
def test_what_was_asked_for_or_was_there_is_not_trapped(run):
    rt.set_debug_mode(True)
    run()


def test_what_was_there_is_trapped_when_asked():
    x = rt.tensor([float("nan"), 1.0])
    with debug_mode(inherited=True), pytest.raises(NonFiniteError, match="add: made 1 NaN value of 2"):
        x + 1


def test_the_message_has_shapes_statistics_and_the_source():
    x = rt.tensor([[1.0, 2.0], [0.0, -4.0]])
    with debug_mode(), pytest.raises(NonFiniteError) as caught:
        x.log()  # the line shown
    text = str(caught.value)
    for part in ("1 NaN value and 1 infinite value of 4", "x.log()  # the line shown", "float32 (2, 2)",
                 "the first at (1, 0)", "input x: float32 (2, 2): -4 to 2, mean -0.25"):  # fmt: skip
        assert part in text, part


def test_a_backward_names_the_forward_line():
    x = rt.tensor([0.0, 4.0], requires_grad=True)
    with debug_mode():
        y = x.sqrt()  # the forward line
        with pytest.raises(NonFiniteError) as caught:
            y.sum().backward()
    assert caught.value.op == "sqrt" and "its backward made 1 infinite value of 2" in str(caught.value)
    assert "the forward line" in str(caught.value) and __file__ in caught.value.forward_line


def test_an_optimizers_step_is_trapped():
    p = rt.ones(2, requires_grad=True)
    p.grad = rt.full((2,), 3e38)
    with debug_mode(), pytest.raises(NonFiniteError, match="sgd"):
        rt.optim.SGD([p], lr=3e38).step()


def test_a_module_is_named():
    net = rt.nn.Sequential(rt.nn.Linear(2, 2), rt.nn.Linear(2, 2))
    net[1].weight.data.fill_(3e38)
    net[0].weight.data.fill_(1)
    net[0].bias.data.fill_(2)
    with debug_mode(), pytest.raises(NonFiniteError) as caught:
        net(rt.ones(1, 2))
    assert "Sequential.1 (Linear)" in " ".join(caught.value.__notes__)


def test_a_healthy_training_step_is_left_alone_and_has_the_same_bits():
    def train():
        rt.manual_seed(0)
        layers = rt.nn.Linear(6, 8), rt.nn.BatchNorm1d(8), rt.nn.ReLU(), rt.nn.Dropout(0.2), rt.nn.Linear(8, 3)
        net = rt.nn.Sequential(*layers)
        optimizer = rt.optim.Adam(net.parameters())
        x, t = rt.randn(16, 6), rt.randint(0, 3, (16,))
        for _ in range(3):
            optimizer.zero_grad()
            rt.nn.functional.cross_entropy(net(x), t).backward()
            optimizer.step()
        return [p.tolist() for p in net.parameters()]

    plain = train()
    with debug_mode():
        assert train() == plain


def test_other_threads_are_watched():
    errors = []

    def work():
        try:
            rt.zeros(3).log()
        except NonFiniteError as error:
            errors.append(error)

    with debug_mode():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_switching():
    assert not is_debug_mode_enabled()
    rt.set_debug_mode(True)
    rt.set_debug_mode(True)
    with debug_mode(False):
        assert rt.zeros(1).log().item() == -np.inf
    assert is_debug_mode_enabled()
    rt.set_debug_mode(False)
    assert rt.zeros(1).log().item() == -np.inf
    assert rt.ones(1, requires_grad=True).exp().grad_fn._trace is None
    with rt.autograd.detect_anomaly():
        with debug_mode():
            pass
        x = rt.ones(1, requires_grad=True)
        assert len(x.exp().grad_fn._trace.splitlines()) > 1  # a whole stack: its own tracer is in force again

    @debug_mode()
    def guarded():
        return rt.zeros(1).log()

    with pytest.raises(NonFiniteError):
        guarded()
    with pytest.raises(TypeError, match="set_debug_mode"):
        rt.set_debug_mode("on")


@pytest.mark.parametrize(
    "x, text",
    [
        (rt.zeros(0, 3), "float32 (0, 3): empty"),
        (rt.tensor([1, 2]), "int64 (2,)"),
        (rt.tensor([float("nan")]), "float32 (1,): 1 NaN"),
        (rt.tensor(2.0, dtype=rt.bfloat16), "bfloat16 (): 2 to 2, mean 2"),
        (rt.tensor([1 + 2j]), "complex64 (1,): 1 to 2, mean 1.5"),
        (3.5, "3.5"),
    ],
)
def test_describe(x, text):
    assert describe(x) == text


# ---- explain ----


def kinds(run):
    return set(rt.explain(run).kinds())


def test_what_costs_time_is_found():
    x, d = rt.randn(200, 200), rt.randn(200, 200, dtype=rt.float64)
    assert kinds(lambda: x + x) == set() and kinds(lambda: x @ x) == set() and kinds(lambda: x.T) == set()
    assert kinds(lambda: x.T.contiguous()) == {"copy"}
    assert kinds(lambda: x.T.reshape(-1)) == {"copy"}
    assert kinds(lambda: x.clone()) == {"copy"}
    assert kinds(lambda: x.double()) == {"cast"}
    assert kinds(lambda: x + d) == {"cast"}
    assert kinds(lambda: x.T + x) == {"strided"}
    assert kinds(lambda: np.spacing(x)) == {"numpy"}
    assert kinds(lambda: x.tolist()) == {"objects"}
    assert kinds(lambda: rt.tensor([1.0] * 500)) == {"objects"}
    assert kinds(lambda: [x[0, k] * 2 for k in range(100)]) == {"small calls"}


def test_lines_and_advice_are_given():
    x = rt.randn(100, 100)
    with rt.explain() as why:
        x.T.contiguous()  # this line
    (finding,) = why.findings
    assert finding.line.startswith(__file__) and "# this line" in finding.source
    assert finding.count == 1 and finding.nbytes == 40000 and finding.time > 0
    for part in ("2 ops", "copy: contiguous once", "# this line", "threads:", "allocations"):
        assert part in str(why), part


def test_numbers():
    x = rt.ones(1000)
    why = rt.explain(lambda: (x + 1) * 2)
    assert why.result.tolist() == [4.0] * 1000 and why.ops == 2 and why.allocations == 2
    assert 8000 <= why.peak_bytes < 9000 and why.wall >= why.time > 0
    big = rt.ones(3_000_000)
    before = rt.get_num_threads()
    try:
        rt.set_num_threads(2)
        why = rt.explain(big.exp)
    finally:
        rt.set_num_threads(before)
    assert why.threads == 2 and why.threaded == 1 and why.unlocked == 1


def test_an_error_goes_through_and_mistakes_are_told():
    with pytest.raises(rt.ShapeMismatchError), rt.explain() as why:
        rt.ones(2) + rt.ones(3)
    assert why.ops == 1
    with pytest.raises(TypeError, match="explain"):
        rt.explain(3)
