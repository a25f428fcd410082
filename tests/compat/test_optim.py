"""Optimisers and schedules against PyTorch's: trajectories, saved states, schedules, bad input."""

import itertools

import numpy as np
import pytest
import torch

import rustorch as rt

STEPS = 25
SHAPES = [(5, 3), (7,), (2, 1, 4)]
# relative to the size of the parameters; 25 steps of a few roundings each
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}


def pair(dtype, seed=0):
    """The same parameters twice, and a way to give both the same gradients."""
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    ours = [rt.nn.Parameter(rt.tensor(a)) for a in start]
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]

    def give(step, skip=()):
        r = np.random.default_rng([seed, step])
        for i, (p, q) in enumerate(zip(ours, theirs)):
            g = r.standard_normal(SHAPES[i]).astype(dtype)
            p.grad = None if i in skip else rt.tensor(g)
            q.grad = None if i in skip else torch.tensor(g)

    return ours, theirs, give


def assert_alike(ours, theirs, dtype):
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(
            p.numpy(), q.detach().numpy(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )


SGD_OPTIONS = [
    dict(lr=0.1, momentum=m, dampening=d, weight_decay=w, nesterov=n, maximize=x)
    for m, d, w, n, x in itertools.product((0.0, 0.9), (0.0, 0.3), (0.0, 0.01), (False, True), (False, True))
    if not (n and (m == 0 or d != 0))
]
ADAM_OPTIONS = [
    dict(lr=0.05, betas=b, eps=e, weight_decay=w, amsgrad=a, maximize=x)
    for b, e, w, a, x in itertools.product(
        ((0.9, 0.999), (0.5, 0.8)), (1e-8, 1e-3), (0.0, 0.1), (False, True), (False, True)
    )
]
CASES = (
    [("SGD", o) for o in SGD_OPTIONS]
    + [("Adam", o) for o in ADAM_OPTIONS]
    + [("AdamW", o) for o in ADAM_OPTIONS]
    + [("Adam", dict(lr=0.1, weight_decay=0.1, decoupled_weight_decay=True))]
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}{i}" for i, (n, _) in enumerate(CASES)])
def test_trajectory(name, options, dtype):
    ours, theirs, give = pair(dtype)
    opt, ref = getattr(rt.optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(STEPS):
        give(step, skip=(1,) if step in (0, 1, 5) else ())  # a parameter may lack a gradient now and then
        opt.step()
        ref.step()
        assert_alike(ours, theirs, dtype)
    for p, q in zip(ours, theirs):
        assert set(opt.state[p]) == {k for k, v in ref.state[q].items() if v is not None}
        for key, value in opt.state[p].items():
            np.testing.assert_allclose(
                value.numpy(), ref.state[q][key].numpy(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
            )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_short_floats_go_through_float32(name, dtype):
    """One step from float32 arithmetic, rounded once."""
    start = np.linspace(-2, 2, 37, dtype="float32")
    grad = np.cos(start)
    p = rt.nn.Parameter(rt.tensor(start).to(rt._C.dtype(dtype)))
    p.grad = rt.tensor(grad).to(rt._C.dtype(dtype))
    q = torch.nn.Parameter(torch.tensor(p.data.to("float32").numpy()))
    q.grad = torch.tensor(p.grad.to("float32").numpy())
    getattr(rt.optim, name)([p], lr=0.1).step()
    getattr(torch.optim, name)([q], lr=0.1).step()
    expected = q.detach().to(getattr(torch, dtype))
    unit = {"float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype]
    np.testing.assert_allclose(p.data.to("float32").numpy(), expected.float().numpy(), rtol=unit, atol=1e-6)


def test_complex_parameters():
    z = np.array([1 + 2j, -0.5j, 3], dtype="complex64")
    g = np.array([0.5 - 1j, 2, 1j], dtype="complex64")
    for name in ("SGD", "Adam"):
        p, q = rt.nn.Parameter(rt.tensor(z)), torch.nn.Parameter(torch.tensor(z))
        opt, ref = getattr(rt.optim, name)([p], lr=0.1), getattr(torch.optim, name)([q], lr=0.1)
        for _ in range(5):
            p.grad, q.grad = rt.tensor(g), torch.tensor(g)
            opt.step()
            ref.step()
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=2e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_strided_parameters_and_gradients(name):
    """Layout changes nothing: parameters on foreign, permuted memory are updated where they lie."""
    a = np.asfortranarray(np.random.default_rng(1).standard_normal((6, 4)).astype("float32"))
    g = np.random.default_rng(2).standard_normal((4, 6)).astype("float32")
    options = dict(lr=0.1) | (dict(momentum=0.9) if name == "SGD" else {})
    plain = rt.nn.Parameter(rt.tensor(a))
    strided = rt.nn.Parameter(rt.from_numpy(a))
    assert not strided.is_contiguous()
    for p in (plain, strided):
        opt = getattr(rt.optim, name)([p], **options)
        for _ in range(3):
            p.grad = rt.tensor(g).T
            opt.step()
    assert (plain.numpy() == strided.numpy()).all()
    assert (a == plain.numpy()).all()


def test_large_parameters_any_number_of_threads():
    before = rt.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            rt.manual_seed(0)
            p = rt.nn.Parameter(rt.randn(300_001))
            opt = rt.optim.Adam([p], lr=0.1)
            for _ in range(2):
                p.grad = rt.randn(300_001)
                opt.step()
            results.append(p.numpy().copy())
    finally:
        rt.set_num_threads(before)
    assert all((r == results[0]).all() for r in results)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)),
        ("SGD", dict(lr=0.1)),
        ("Adam", dict(lr=0.05, amsgrad=True)),
        ("AdamW", dict(lr=0.05)),
    ],
)
def test_state_dict_both_ways(name, options):
    """Our state continues in PyTorch, and PyTorch's in ours."""
    ours, theirs, give = pair("float64")
    opt, ref = getattr(rt.optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(7):
        give(step)
        opt.step()
        ref.step()
    ours2, theirs2, give2 = pair("float64")
    for new, old in zip(ours2, theirs):
        new.data.copy_(rt.tensor(old.detach().numpy()))
    for new, old in zip(theirs2, ours):
        new.data.copy_(torch.tensor(old.numpy()))
    opt2, ref2 = getattr(rt.optim, name)(ours2), getattr(torch.optim, name)(theirs2)
    opt2.load_state_dict(ref.state_dict())
    state = opt.state_dict()
    assert state["param_groups"][0].keys() == ref.state_dict()["param_groups"][0].keys()
    as_torch = {k: {n: torch.tensor(v.numpy()) for n, v in s.items()} for k, s in state["state"].items()}
    ref2.load_state_dict({"state": as_torch, "param_groups": state["param_groups"]})
    for step in range(7, 12):
        give(step)
        give2(step)
        for o in (opt, ref, opt2, ref2):
            o.step()
        assert_alike(ours, theirs, "float64")
        assert_alike(ours2, theirs, "float64")
        assert_alike(ours2, theirs2, "float64")


def test_loading_copies_the_state():
    p = rt.nn.Parameter(rt.ones(3))
    opt = rt.optim.Adam([p])
    p.grad = rt.ones(3)
    opt.step()
    saved = opt.state_dict()
    other = rt.optim.Adam([p])
    other.load_state_dict(saved)
    assert other.state[p]["exp_avg"].data_ptr() != opt.state[p]["exp_avg"].data_ptr()
    with pytest.raises(ValueError, match="different number of parameter groups"):
        other.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size"):
        other.load_state_dict({"state": {}, "param_groups": [dict(saved["param_groups"][0], params=[0, 1])]})


def test_groups_have_options_of_their_own():
    ours, theirs, give = pair("float64")

    def make(lib, ps):
        return lib.optim.SGD([dict(params=ps[:1]), dict(params=ps[1:], lr=0.5, momentum=0.5)], lr=0.1)

    opt, ref = make(rt, ours), make(torch, theirs)
    for step in range(4):
        give(step)
        opt.step()
        ref.step()
    assert_alike(ours, theirs, "float64")
    extra = rt.nn.Parameter(rt.ones(2))
    opt.add_param_group(dict(params=[extra], lr=1.0))
    extra.grad = rt.ones(2)
    opt.step()
    assert extra.tolist() == [0.0, 0.0]
    assert len(opt.param_groups) == 3
    assert "lr: 1.0" in repr(opt)


def test_closure_is_called_with_grad_and_its_loss_returned():
    p = rt.nn.Parameter(rt.tensor([3.0]))
    opt = rt.optim.SGD([p], lr=0.5)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with rt.no_grad():
        loss = opt.step(closure)
    assert loss.item() == 9.0
    assert p.item() == 0.0


def test_zero_grad():
    p = rt.nn.Parameter(rt.ones(3))
    q = rt.nn.Parameter(rt.ones(2))
    opt = rt.optim.SGD([p, q], lr=0.1)
    (p * 2).sum().backward()
    kept = p.grad
    opt.zero_grad(set_to_none=False)
    assert p.grad is kept and kept.tolist() == [0, 0, 0] and q.grad is None
    opt.zero_grad()
    assert p.grad is None


def test_step_is_not_recorded_and_counts_as_a_write():
    p = rt.nn.Parameter(rt.ones(3))
    y = (p * p).sum()
    before = p._version
    p.grad = rt.ones(3)
    rt.optim.Adam([p], lr=0.1).step()
    assert p.is_leaf and p.requires_grad and p._version > before
    with pytest.raises(RuntimeError, match="adam"):
        y.backward()


def test_hooks_around_steps_and_saving():
    p = rt.nn.Parameter(rt.ones(1))
    opt = rt.optim.SGD([p], lr=0.1)
    seen = []
    pre = opt.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre"))
    post = opt.register_step_post_hook(lambda o, args, kwargs: seen.append("post"))
    p.grad = rt.ones(1)
    opt.step()
    assert seen == ["pre", "post"]
    pre.remove()
    opt.step()
    assert seen == ["pre", "post", "post"]
    post.remove()
    opt.register_state_dict_post_hook(lambda o, s: {**s, "mark": 1})
    assert opt.state_dict()["mark"] == 1


def test_bad_input():
    p = rt.nn.Parameter(rt.ones(3))
    with pytest.raises(TypeError, match="got a Tensor"):
        rt.optim.SGD(p, lr=0.1)
    with pytest.raises(ValueError, match="empty parameter list"):
        rt.optim.SGD([], lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        rt.optim.Adam([p], lr=-1)
    with pytest.raises(ValueError, match=r"Invalid beta parameter at index 1: 1\.0"):
        rt.optim.Adam([p], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        rt.optim.SGD([p], nesterov=True)
    with pytest.raises(ValueError, match="non-leaf"):
        rt.optim.SGD([p * 2], lr=0.1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        rt.optim.SGD([dict(params=[p]), dict(params=[p])], lr=0.1)
    with pytest.raises(TypeError, match="can only optimize Tensors"):
        rt.optim.SGD([3], lr=0.1)
    opt = rt.optim.SGD([p], lr=0.1)
    opt.param_groups[0]["params"][0] = "no tensor"
    with pytest.raises(TypeError, match="sgd: parameter 0 is not a Tensor"):
        opt.step()


def test_bad_input_to_the_c_functions():
    p = rt.nn.Parameter(rt.ones(3))
    p.grad = rt.ones(3)
    with pytest.raises(TypeError):
        rt._C.adam_step([p], {})
    with pytest.raises(TypeError, match="must be a dict"):
        rt._C.sgd_step([p], None, 0.1, 0.0, 0.0, 0.0, False, False)
    with pytest.raises(TypeError, match="must be a dict, not int"):
        rt._C.adam_step([p], {p: 3}, 0.1, 0.9, 0.999, 1e-8, 0.0, False, False, False)
    with pytest.raises(TypeError, match="'exp_avg' must be a Tensor, not str"):
        rt._C.adam_step([p], {p: {"exp_avg": "x"}}, 0.1, 0.9, 0.999, 1e-8, 0.0, False, False, False)
    with pytest.raises(rt.ShapeMismatchError, match="another shape"):
        rt._C.adam_step([p], {p: {"exp_avg": rt.ones(4)}}, 0.1, 0.9, 0.999, 1e-8, 0.0, False, False, False)
    with pytest.raises(TypeError, match="step counter"):
        rt._C.adam_step([p], {p: {"step": rt.ones(4)}}, 0.1, 0.9, 0.999, 1e-8, 0.0, False, False, False)
    frozen = np.ones(3, dtype="float32")
    frozen.flags.writeable = False
    q = rt.nn.Parameter(rt.from_numpy(frozen))
    q.grad = rt.ones(3)
    with pytest.raises(ValueError, match="read-only"):
        rt._C.sgd_step([q], {}, 0.1, 0.0, 0.0, 0.0, False, False)


# ---- schedules ----

SCHEDULES = {
    "StepLR": dict(step_size=3, gamma=0.5),
    "MultiStepLR": dict(milestones=[2, 5, 5, 9], gamma=0.3),
    "ExponentialLR": dict(gamma=0.9),
    "LambdaLR": dict(lr_lambda=lambda epoch: 0.95**epoch),
    "MultiplicativeLR": dict(lr_lambda=lambda epoch: 1 / (1 + epoch)),
    "CosineAnnealingLR": dict(T_max=7, eta_min=0.01),
    "LinearLR": dict(start_factor=0.2, total_iters=6),
    "ConstantLR": dict(factor=0.4, total_iters=4),
    "PolynomialLR": dict(total_iters=8, power=2.0),
}


def two_optimisers(lr=0.8):
    def make(lib, one):
        groups = [dict(params=[lib.nn.Parameter(one)]), dict(params=[lib.nn.Parameter(one.clone())], lr=0.3)]
        return lib.optim.SGD(groups, lr=lr)

    return make(rt, rt.ones(1)), make(torch, torch.ones(1))


def rates(optimiser):
    return [group["lr"] for group in optimiser.param_groups]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    opt, ref = two_optimisers()
    ours = getattr(rt.optim.lr_scheduler, name)(opt, **SCHEDULES[name])
    theirs = getattr(torch.optim.lr_scheduler, name)(ref, **SCHEDULES[name])
    for _ in range(25):
        assert rates(opt) == pytest.approx(rates(ref), rel=1e-12, abs=1e-15)
        assert ours.get_last_lr() == rates(opt)
        ours.step()
        theirs.step()


@pytest.mark.parametrize("name", [n for n in SCHEDULES if n != "LambdaLR"])
def test_schedule_resumes(name):
    opt, other = two_optimisers()[0], two_optimisers()[0]
    ours = getattr(rt.optim.lr_scheduler, name)(opt, **SCHEDULES[name])
    for _ in range(5):
        ours.step()
    again = getattr(rt.optim.lr_scheduler, name)(other, **SCHEDULES[name])
    other.load_state_dict(opt.state_dict())
    again.load_state_dict(ours.state_dict())
    for _ in range(5):
        ours.step()
        again.step()
        assert rates(other) == rates(opt)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau(mode, threshold_mode):
    options = dict(
        mode=mode,
        factor=0.5,
        patience=2,
        threshold=0.01,
        threshold_mode=threshold_mode,
        cooldown=1,
        min_lr=0.05,
    )
    opt, ref = two_optimisers()
    ours = rt.optim.lr_scheduler.ReduceLROnPlateau(opt, **options)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(ref, **options)
    metrics = np.random.default_rng(0).standard_normal(60).cumsum()
    for metric in metrics:
        ours.step(rt.tensor(metric))
        theirs.step(torch.tensor(metric))
        assert rates(opt) == pytest.approx(rates(ref), rel=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_schedules_in_sequence_and_in_chain():
    def build(lib, opt):
        s = lib.optim.lr_scheduler
        return s.SequentialLR(
            opt, [s.LinearLR(opt, 0.1, total_iters=4), s.ExponentialLR(opt, 0.9)], milestones=[4]
        )

    opt, ref = two_optimisers()
    ours, theirs = build(rt, opt), build(torch, ref)
    for _ in range(10):
        assert rates(opt) == pytest.approx(rates(ref), rel=1e-12)
        ours.step()
        theirs.step()
    opt, ref = two_optimisers()

    def chain(lib, o):
        s = lib.optim.lr_scheduler
        return s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)])

    ours, theirs = chain(rt, opt), chain(torch, ref)
    for _ in range(8):
        assert rates(opt) == pytest.approx(rates(ref), rel=1e-12)
        ours.step()
        theirs.step()
