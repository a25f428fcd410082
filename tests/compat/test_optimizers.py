"""Every optimiser with every option set of PyTorch's own database of optimisers, against PyTorch's."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from torch.testing._internal.common_optimizers import optim_db

import rustorch as rt

STEPS = 25
TOLERANCE = {"float32": 3e-6, "float64": 1e-12, "complex64": 3e-6, "complex128": 1e-12}
INFOS = {info.optim_cls.__name__: info for info in optim_db if info.optim_cls.__name__ != "SparseAdam"}
ROWS = [n for n in INFOS if n not in ("LBFGS", "Muon", "Adafactor")]  # one call into C a step
MATRICES = [(5, 3), (2, 7), (4, 4)]
SHAPES = [(5, 3), (7,), (2, 1, 4), ()]
# what the database does not ask of every optimizer, where the optimizer has it
MORE = [dict(maximize=True, weight_decay=0.05), dict(lr=0.1), dict(eps=1e-3), dict(eps=0.1, maximize=True)]


def ours_of(value):
    if isinstance(value, torch.Tensor):
        return rt.tensor(value.numpy())
    if isinstance(value, tuple):
        return tuple(map(ours_of, value))
    return value


def option_sets(name):
    """(ours, theirs) of the database and of MORE."""
    sets = [i.kwargs for i in INFOS[name].optim_inputs_func(device="cpu", dtype=torch.float32)]
    accepted = set(torch.optim.__dict__[name].__init__.__code__.co_varnames)
    sets += [m for m in MORE if set(m) <= accepted and name != "Adafactor"]
    return [({k: ours_of(v) for k, v in s.items()}, s) for s in sets]


# (name, number of its option set, dtype); complex parameters of LBFGS are tested apart, two methods take none
CASES = [
    (name, number, dtype)
    for name in INFOS
    for number in range(len(option_sets(name)))
    for dtype in TOLERANCE
    if name in ROWS or dtype.startswith("float")
]


def draw(rng, shape, dtype):
    a = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        a = a + 1j * rng.standard_normal(shape)
    return np.asarray(a, dtype=dtype)


def twins(name, dtype, seed=0):
    """The same parameters in both libraries and a way to give both the same gradients."""
    rng = np.random.default_rng(seed)
    shapes = MATRICES if name == "Muon" else SHAPES
    start = [draw(rng, shape, dtype) for shape in shapes]
    ours = [rt.nn.Parameter(rt.tensor(a)) for a in start]
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]

    def give(step):
        r = np.random.default_rng([seed, step])
        for i, (p, q) in enumerate(zip(ours, theirs)):
            g = draw(r, shapes[i], dtype)
            p.grad, q.grad = rt.tensor(g), torch.tensor(g)
            if step in (0, 3) and i == 1:  # without a gradient now and then
                p.grad = q.grad = None

    return ours, theirs, give


def assert_alike(ours, theirs, tolerance):
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)


def assert_states_alike(opt, ours, ref, theirs, tolerance):
    for p, q in zip(ours, theirs):
        mine, other = opt.state[p], ref.state[q]
        assert set(mine) == {k for k, v in other.items() if v is not None}
        for key, value in mine.items():
            assert str(value.dtype) == str(other[key].dtype).removeprefix("torch."), key
            np.testing.assert_allclose(value.numpy(), other[key].numpy(), rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.mark.parametrize(("name", "number", "dtype"), CASES)
def test_trajectory(name, number, dtype):
    options, other = option_sets(name)[number]
    tolerance = TOLERANCE[dtype] if name != "Muon" else 2e-2
    ours, theirs, give = twins(name, dtype)
    if name == "LBFGS":
        run_lbfgs(options, other, dtype)
        return
    opt, ref = getattr(rt.optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **other)
    for step in range(STEPS):
        give(step)
        opt.step()
        ref.step()
        assert_alike(ours, theirs, tolerance)
    assert_states_alike(opt, ours, ref, theirs, tolerance)


def run_lbfgs(options, other, dtype):
    """A least squares problem with a cubic term; the losses of both, step by step."""
    rng = np.random.default_rng(3)
    a, b, start = (draw(rng, s, dtype) for s in ((9, 6), (9,), (6,)))
    losses = []
    for lib, kwargs in ((rt, options), (torch, other)):
        p = lib.nn.Parameter(lib.tensor(start))
        x, y = lib.tensor(a), lib.tensor(b)
        opt = lib.optim.LBFGS([p], **kwargs)

        def closure(lib=lib, p=p, x=x, y=y, opt=opt):
            opt.zero_grad()
            loss = ((x @ p - y) ** 2).sum() + 0.01 * (p**4).sum()
            loss.backward()
            return loss

        losses.append([opt.step(closure).item() for _ in range(6)])
        assert opt.state[p]["n_iter"] > 0
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(losses[0][:3], losses[1][:3], rtol=tolerance)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)  # quasi-Newton steps amplify rounding


def test_lbfgs_of_complex_parameters_and_options():
    for kwargs in (dict(), dict(line_search_fn="strong_wolfe", history_size=3, max_iter=7), dict(lr=0.3)):
        ends = []
        for lib in (rt, torch):
            p = lib.nn.Parameter(lib.tensor(np.array([1 + 2j, -1j, 0.5], dtype="complex128")))
            q = lib.nn.Parameter(lib.tensor(np.array([[2.0, -1.0]])))
            opt = lib.optim.LBFGS([p, q], **kwargs)

            def closure(p=p, q=q, opt=opt):
                opt.zero_grad()
                near = ((p.real - 1) ** 2 + (p.imag - 0.3) ** 2 * 3 + (p.imag * p.real) ** 4).sum()
                loss = near + ((q - 3) ** 2).sum() * 2
                loss.backward()
                return loss

            for _ in range(3):
                opt.step(closure)
            ends.append((p.detach().numpy(), q.detach().numpy()))
        for mine, other in zip(*ends):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)
    p = rt.nn.Parameter(rt.ones(1))
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        opt = rt.optim.LBFGS([p], line_search_fn="other")

        def loss():
            opt.zero_grad()
            out = (p * p).sum()
            out.backward()
            return out

        opt.step(loss)
    with pytest.raises(ValueError, match="per-parameter options"):
        rt.optim.LBFGS([dict(params=[p]), dict(params=[rt.nn.Parameter(rt.ones(2))])])


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_lbfgs_goes_on_in_the_other_library(dtype):
    """A state saved after two steps gives the same third step here and there, whoever saved it."""
    rng = np.random.default_rng(8)
    start, scale = draw(rng, (6,), dtype), np.arange(1.0, 7.0)

    def make(lib, value):
        p = lib.nn.Parameter(lib.tensor(value))
        opt = lib.optim.LBFGS([p], max_iter=3, line_search_fn="strong_wolfe")

        def closure():
            opt.zero_grad()
            loss = ((p * p.conj()).real * lib.tensor(scale)).sum()
            loss.backward()
            return loss

        return p, opt, closure

    p, opt, closure = make(rt, start)
    q, ref, other = make(torch, start)
    for _ in range(2):
        opt.step(closure)
        ref.step(other)
    p2, opt2, closure2 = make(rt, q.detach().numpy().copy())
    q2, ref2, other2 = make(torch, p.detach().numpy().copy())

    def turned(value, to):
        if isinstance(value, (list, tuple)):
            return [turned(v, to) for v in value]
        return to(value.detach().numpy()) if hasattr(value, "numpy") else value

    saved, theirs = opt.state_dict(), ref.state_dict()
    opt2.load_state_dict(theirs)
    state = {0: {k: turned(v, torch.tensor) for k, v in saved["state"][0].items()}}
    ref2.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for o, c in ((opt, closure), (ref, other), (opt2, closure2), (ref2, other2)):
        o.step(c)
    for end in (q, q2, p2):
        np.testing.assert_allclose(p.detach().numpy(), end.detach().numpy(), rtol=1e-6, atol=1e-9)
    assert opt2.state[p2]["n_iter"] == ref.state[q]["n_iter"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ROWS)
def test_short_floats(name, dtype):
    """Arithmetic in float32, every stored number rounded once: PyTorch's own steps, within their rounding."""
    ours, theirs, give = twins(name, "float32")
    short = rt._C.dtype(dtype)
    p = [rt.nn.Parameter(q.data.to(short)) for q in ours]
    q = [torch.nn.Parameter(t.data.to(getattr(torch, dtype))) for t in theirs]
    opt, ref = getattr(rt.optim, name)(p, lr=0.1), getattr(torch.optim, name)(q, lr=0.1)
    for step in range(3):
        give(step + 10)
        for a, b, x, y in zip(p, q, ours, theirs):
            a.grad, b.grad = x.grad.to(short), y.grad.to(b.dtype)
        opt.step()
        ref.step()
    unit = {"float16": 2.0**-9, "bfloat16": 2.0**-6}[dtype]
    for a, b in zip(p, q):
        assert a.dtype == short
        np.testing.assert_allclose(a.data.to("float32").numpy(), b.detach().float().numpy(), rtol=unit, atol=4 * unit)


@pytest.mark.parametrize("name", [*ROWS, "Adafactor", "Muon"])
def test_state_dict_both_ways(name):
    """Our saved state continues in PyTorch, and PyTorch's in ours; groups have the same keys."""
    ours, theirs, give = twins(name, "float64")
    opt, ref = getattr(rt.optim, name)(ours), getattr(torch.optim, name)(theirs)
    for step in range(4):
        give(step)
        opt.step()
        ref.step()
    saved, other = opt.state_dict(), ref.state_dict()
    assert list(saved["param_groups"][0]) == list(other["param_groups"][0])
    assert saved["state"].keys() == other["state"].keys()
    ours2, theirs2, give2 = twins(name, "float64")
    for new, old in zip(ours2 + theirs2, ours + theirs):
        new.data.copy_(old.data)
    opt2, ref2 = getattr(rt.optim, name)(ours2), getattr(torch.optim, name)(theirs2)
    opt2.load_state_dict(other)
    as_torch = {k: {n: torch.tensor(v.numpy()) for n, v in s.items()} for k, s in saved["state"].items()}
    ref2.load_state_dict({"state": as_torch, "param_groups": saved["param_groups"]})
    tolerance = 1e-12 if name != "Muon" else 2e-2
    for step in range(4, 9):
        give(step)
        give2(step)
        for o in (opt, ref, opt2, ref2):
            o.step()
        assert_alike(ours2, theirs2, tolerance)
        assert_alike(ours2, theirs, max(tolerance, 1e-6))  # theirs has scalar states in single precision yet
    for p in ours2:
        assert all(isinstance(v, rt.Tensor) for v in opt2.state[p].values())


@pytest.mark.parametrize("flag", ["foreach", "fused", "capturable"])
@pytest.mark.parametrize("name", ROWS)
def test_ways_of_stepping_change_nothing(name, flag):
    """foreach, fused and capturable are taken where PyTorch takes them; all steps are the same call."""
    if flag not in torch.optim.__dict__[name].__init__.__code__.co_varnames:
        with pytest.raises(TypeError):
            getattr(rt.optim, name)([rt.nn.Parameter(rt.ones(1))], **{flag: True})
        return
    a, _, give = twins(name, "float32")
    b, _, give2 = twins(name, "float32")
    one, two = getattr(rt.optim, name)(a), getattr(rt.optim, name)(b, **{flag: True})
    for step in range(5):
        give(step)
        give2(step)
        one.step()
        two.step()
    assert all((p.numpy() == q.numpy()).all() for p, q in zip(a, b))


@pytest.mark.parametrize("name", INFOS)
def test_errors_of_the_database(name):
    """What PyTorch refuses, with its words; what it warns of."""
    for error in INFOS[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
        if error.error_on != "CONSTRUCTION_ERROR" and getattr(error.error_on, "name", "") != "CONSTRUCTION_ERROR":
            continue
        given, known = error.optimizer_error_input, {}

        def convert(x, known=known):
            if isinstance(x, torch.nn.Parameter):
                return known.setdefault(id(x), rt.nn.Parameter(rt.tensor(x.detach().numpy())))
            if isinstance(x, dict):
                return {k: convert(v, known) for k, v in x.items()}
            if isinstance(x, (list, tuple)):
                return type(x)(convert(v, known) for v in x)
            return ours_of(x)

        params = [rt.nn.Parameter(rt.ones(2, 2))] if given.params is None else convert(given.params)
        kwargs = {k: ours_of(v) for k, v in given.kwargs.items()}
        if issubclass(error.error_type, Warning):
            with pytest.warns(error.error_type, match=error.error_regex):
                getattr(rt.optim, name)(params, **kwargs)
        else:
            with pytest.raises(error.error_type, match=error.error_regex):
                getattr(rt.optim, name)(params, **kwargs)


@pytest.mark.parametrize("name", ROWS)
def test_differentiable_steps(name):
    """The gradient of what three steps arrive at, with respect to where they started."""
    results = []
    for lib in (rt, torch):
        start = lib.tensor(np.array([1.0, -2.0, 0.5]), requires_grad=True)
        p = start.clone()
        options = dict(weight_decay=0.1) if name != "Rprop" else {}
        opt = getattr(lib.optim, name)([p], lr=0.1, differentiable=True, **options)
        for step in range(1 if name in ("Adamax", "Rprop") else 3):  # PyTorch's own fail after two
            p.grad = start * (step + 1) + lib.sin(start)
            opt.step()
        (p**2).sum().backward()
        results.append((p.detach().numpy(), start.grad.numpy()))
    for mine, other in zip(*results):
        # PyTorch has bias corrections in single precision here
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ROWS)
def test_recorded_and_compiled_steps_agree(name):
    """The same parameters through ops and through C, complex ones too, with all options on."""
    more = dict(SGD=dict(momentum=0.9, nesterov=True), Adam=dict(amsgrad=True), AdamW=dict(amsgrad=True),
                RMSprop=dict(momentum=0.5, centered=True), NAdam=dict(decoupled_weight_decay=True),
                RAdam=dict(decoupled_weight_decay=True), ASGD=dict(t0=2))  # fmt: skip
    options = more.get(name, {}) | dict(maximize=True) | (dict(weight_decay=0.1) if name != "Rprop" else {})
    ends = {}
    for dtype, recorded in itertools.product(("float64", "complex128"), (False, True)):
        ours = [p.detach() if recorded else p for p in twins(name, dtype)[0]]
        opt = getattr(rt.optim, name)(ours, differentiable=recorded, **options)
        rng = np.random.default_rng(5)
        for _ in range(6):
            for p in ours:
                p.grad = rt.tensor(draw(rng, tuple(p.shape), dtype))
            opt.step()
        ends[dtype, recorded] = ours
    for dtype in ("float64", "complex128"):
        assert_alike(ends[dtype, True], [torch.tensor(p.detach().numpy()) for p in ends[dtype, False]], 1e-11)


def test_hooks_of_all_optimizers_and_arguments():
    from rustorch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    p = rt.nn.Parameter(rt.ones(1))
    seen = []
    before = register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append(("all", args[0] is o)))
    after = register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    opt = rt.optim.SGD([p], lr=0.1)
    opt.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: rt.tensor(7.0)), {}))
    assert opt.step().item() == 7.0  # the hook put a closure in
    assert seen == [("all", True), "after"]
    before.remove()
    after.remove()
    opt.step()
    assert len(seen) == 2
    opt.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        opt.step()


def test_hooks_of_states_in_order():
    p = rt.nn.Parameter(rt.ones(1))
    opt = rt.optim.Adam([p])
    seen = []
    opt.register_state_dict_pre_hook(lambda o: seen.append(1))
    opt.register_state_dict_pre_hook(lambda o: seen.append(0), prepend=True)
    saved = opt.state_dict()
    opt.register_load_state_dict_pre_hook(lambda o, s: seen.append(2))
    opt.register_load_state_dict_post_hook(lambda o: seen.append(3))
    opt.load_state_dict(saved)
    assert seen == [0, 1, 2, 3]


def test_an_optimizer_of_ones_own():
    """A subclass with a step of its own: hooks, closure, schedules work with it."""

    class Own(rt.optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, dict(lr=lr))

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.data.sub_(p.grad * group["lr"])

    p = rt.nn.Parameter(rt.ones(2))
    opt = Own([p])
    seen = []
    opt.register_step_post_hook(lambda o, a, k: seen.append(1))
    schedule = rt.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    for _ in range(2):
        p.grad = rt.ones(2)
        opt.step()
        schedule.step()
    assert seen == [1, 1]
    np.testing.assert_allclose(p.numpy(), [0.85, 0.85], rtol=1e-6)
    with pytest.raises(NotImplementedError):
        rt.optim.Optimizer([p], dict(lr=1)).step()


def test_named_parameters_and_pickle():
    import copy
    import pickle

    model = rt.nn.Linear(2, 2)
    opt = rt.optim.Adam(model.named_parameters())
    assert opt.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    for p in model.parameters():
        p.grad = rt.ones(tuple(p.shape))
    opt.step()
    for clone in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        assert [p.shape for p in clone.param_groups[0]["params"]] == [(2, 2), (2,)]
        q = clone.param_groups[0]["params"][0]
        assert clone.state[q]["step"].item() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="without names"):
            opt.add_param_group(dict(params=[rt.nn.Parameter(rt.ones(1))]))


@pytest.mark.parametrize("size", [255, 256, 333, 1025])
def test_muon_squares(size):
    """Half of x x^T and its mirror: the bits of the whole product."""
    from rustorch.optim._muon import _square

    x = rt.randn(size, 40).to(rt.bfloat16)
    assert _square(x).to(rt.float32).numpy().tobytes() == (x @ x.T).to(rt.float32).numpy().tobytes()


def test_adafactor_without_gradients():
    """Rows and columns of zeros, where the bound of squares matters, beside others; and three dimensions."""
    rng = np.random.default_rng(0)
    for shape in ((5, 7), (3, 5, 7)):
        g = rng.normal(size=shape)
        g[..., 2, :] = g[..., 3] = 0
        start = rng.normal(size=shape)
        mine, theirs = rt.nn.Parameter(rt.from_numpy(start)), torch.nn.Parameter(torch.from_numpy(start.copy()))
        opt, ref = rt.optim.Adafactor([mine], lr=0.1), torch.optim.Adafactor([theirs], lr=0.1)
        for _ in range(3):
            mine.grad, theirs.grad = rt.from_numpy(g), torch.from_numpy(g)
            opt.step()
            ref.step()
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-6)
