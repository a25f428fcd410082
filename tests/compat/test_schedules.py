"""Schedules of learning rates and averaged models against PyTorch's."""

import copy
import json
import warnings

import numpy as np
import pytest
import torch

import rustorch as rt

CASES = {
    "CyclicLR": [
        dict(base_lr=0.01, max_lr=0.1, step_size_up=4),
        dict(base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=3, step_size_down=5, mode="triangular2"),
        dict(base_lr=0.01, max_lr=0.1, step_size_up=4, mode="exp_range", gamma=0.9),
        dict(base_lr=0.01, max_lr=0.1, step_size_up=4, scale_fn=lambda x: 0.5 + x / 10, scale_mode="iterations"),
        dict(base_lr=0.01, max_lr=0.1, step_size_up=4, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    ],
    "CosineAnnealingWarmRestarts": [dict(T_0=4), dict(T_0=3, T_mult=2, eta_min=0.01)],
    "OneCycleLR": [
        dict(max_lr=0.5, total_steps=30),
        dict(max_lr=[0.5, 0.2], epochs=5, steps_per_epoch=7, anneal_strategy="linear", three_phase=True),
        dict(max_lr=0.5, total_steps=30, pct_start=0.5, div_factor=10.0, final_div_factor=10, cycle_momentum=False),
    ],
    "CosineAnnealingLR": [dict(T_max=6, eta_min=0.1)],
    "LinearLR": [dict(start_factor=0.5, end_factor=0.1, total_iters=7)],
    "PolynomialLR": [dict(total_iters=9, power=0.5)],
    "StepLR": [dict(step_size=4)],
    "MultiStepLR": [dict(milestones=[3, 9])],
    "ExponentialLR": [dict(gamma=0.8)],
    "ConstantLR": [dict(factor=0.25, total_iters=6)],
    "LambdaLR": [dict(lr_lambda=[lambda e: 0.9**e, lambda e: 1 / (1 + e)])],
    "MultiplicativeLR": [dict(lr_lambda=lambda e: 0.95)],
}
ALL = [(name, number) for name, sets in CASES.items() for number in range(len(sets))]
PLAIN = [(n, i) for n, i in ALL if not any(callable(v) or isinstance(v, list) for v in CASES[n][i].values())]


def optimizer(lib, kind="SGD", lr=0.8):
    groups = [dict(params=[lib.nn.Parameter(lib.ones(1))]), dict(params=[lib.nn.Parameter(lib.ones(1))], lr=0.3)]
    options = dict(momentum=0.9) if kind == "SGD" else {}
    return getattr(lib.optim, kind)(groups, lr=lr, **options)


def settings(opt):
    return [[float(g["lr"]), g.get("momentum"), g.get("betas")] for g in opt.param_groups]


def assert_same(opt, ref):
    for mine, theirs in zip(settings(opt), settings(ref)):
        assert mine[0] == pytest.approx(theirs[0], rel=1e-12, abs=1e-15)
        assert mine[1:] == [None if v is None else pytest.approx(v, rel=1e-12) for v in theirs[1:]]


def steps(lib, opt, schedule, n, check=lambda: None):
    for _ in range(n):
        check()
        opt.step()
        schedule.step()


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "number"), ALL)
def test_rates_and_momenta(name, number, kind):
    opt, ref = optimizer(rt, kind), optimizer(torch, kind)
    ours = getattr(rt.optim.lr_scheduler, name)(opt, **CASES[name][number])
    theirs = getattr(torch.optim.lr_scheduler, name)(ref, **CASES[name][number])
    for _ in range(28):
        assert_same(opt, ref)
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12, abs=1e-15)
        opt.step()
        ref.step()
        ours.step()
        theirs.step()


@pytest.mark.parametrize(("name", "number"), ALL)
def test_saved_and_resumed(name, number):
    """state_dict has PyTorch's keys; a schedule made anew from it goes on, in ours and in PyTorch."""
    opt, ref = optimizer(rt), optimizer(torch)
    ours = getattr(rt.optim.lr_scheduler, name)(opt, **CASES[name][number])
    theirs = getattr(torch.optim.lr_scheduler, name)(ref, **CASES[name][number])
    steps(rt, opt, ours, 6)
    steps(torch, ref, theirs, 6)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    again, other = optimizer(rt), optimizer(torch)
    new = getattr(rt.optim.lr_scheduler, name)(again, **CASES[name][number])
    foreign = getattr(torch.optim.lr_scheduler, name)(other, **CASES[name][number])
    again.load_state_dict(opt.state_dict())
    other.load_state_dict({"state": {}, "param_groups": opt.state_dict()["param_groups"]})
    new.load_state_dict(copy.deepcopy(theirs.state_dict()))
    foreign.load_state_dict(copy.deepcopy(ours.state_dict()))
    for _ in range(8):
        for o, s in ((opt, ours), (again, new), (other, foreign)):
            o.step()
            s.step()
        assert_same(again, opt)
        assert_same(other, opt)


@pytest.mark.parametrize(("name", "number"), PLAIN)
def test_closed_forms_and_last_epoch(name, number):
    opt, ref = optimizer(rt), optimizer(torch)
    ours = getattr(rt.optim.lr_scheduler, name)(opt, **CASES[name][number])
    theirs = getattr(torch.optim.lr_scheduler, name)(ref, **CASES[name][number])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in (0, 3, 7, 2):
            ours.step(epoch)
            theirs.step(epoch)
            assert_same(opt, ref)
        # resuming by last_epoch
        again = getattr(rt.optim.lr_scheduler, name)(opt, **CASES[name][number], last_epoch=3)
        other = getattr(torch.optim.lr_scheduler, name)(ref, **CASES[name][number], last_epoch=3)
        for _ in range(4):
            assert_same(opt, ref)
            again.step()
            other.step()
    with pytest.raises(KeyError, match="initial_lr"):
        getattr(rt.optim.lr_scheduler, name)(optimizer(rt), **CASES[name][number], last_epoch=3)


def nested(lib):
    opt = optimizer(lib)
    s = lib.optim.lr_scheduler
    warm = s.ChainedScheduler([s.LinearLR(opt, 0.1, total_iters=3), s.ExponentialLR(opt, 0.9)])
    return opt, s.SequentialLR(opt, [warm, s.CosineAnnealingLR(opt, 5), s.StepLR(opt, 2)], [5, 11])


def test_schedules_of_schedules():
    (opt, ours), (ref, theirs) = nested(rt), nested(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(25):
            assert_same(opt, ref)
            opt.step()
            ref.step()
            ours.step()
            theirs.step()
        assert set(ours.state_dict()) == set(theirs.state_dict())
        again, new = nested(rt)
        again.load_state_dict(opt.state_dict())
        new.load_state_dict(ours.state_dict())
        assert new.last_epoch == ours.last_epoch


def test_rates_that_are_tensors():
    opt, ref = optimizer(rt, lr=rt.tensor(0.8)), optimizer(torch, lr=torch.tensor(0.8))
    rate = opt.param_groups[0]["lr"]
    ours, theirs = rt.optim.lr_scheduler.ExponentialLR(opt, 0.5), torch.optim.lr_scheduler.ExponentialLR(ref, 0.5)
    steps(rt, opt, ours, 3)
    steps(torch, ref, theirs, 3)
    assert opt.param_groups[0]["lr"] is rate  # written into
    assert rate.item() == pytest.approx(ref.param_groups[0]["lr"].item())
    assert isinstance(ours.get_last_lr()[0], rt.Tensor)


def test_order_of_steps_is_watched():
    opt = optimizer(rt)
    schedule = rt.optim.lr_scheduler.StepLR(opt, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()
    opt = optimizer(rt)
    schedule = rt.optim.lr_scheduler.StepLR(opt, 1)
    opt.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        schedule.step()


S = rt.optim.lr_scheduler


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (TypeError, "is not an Optimizer", lambda o: S.StepLR(3, 1)),
        (TypeError, "is not an Optimizer", lambda o: S.OneCycleLR(3, 1, 1)),
        (ValueError, "mode is invalid", lambda o: S.CyclicLR(o, 0.1, 1, mode="square")),
        (ValueError, "must have the same length", lambda o: S.CyclicLR(o, [0.1], 1)),
        (ValueError, "positive integer T_0", lambda o: S.CosineAnnealingWarmRestarts(o, 0)),
        (ValueError, "T_mult", lambda o: S.CosineAnnealingWarmRestarts(o, 1, 0)),
        (ValueError, "non-negative epoch", lambda o: S.CosineAnnealingWarmRestarts(o, 1).step(-1)),
        (ValueError, "either total_steps OR", lambda o: S.OneCycleLR(o, 0.1)),
        (ValueError, "total_steps", lambda o: S.OneCycleLR(o, 0.1, 0)),
        (ValueError, "pct_start", lambda o: S.OneCycleLR(o, 0.1, 5, pct_start=1.5)),
        (ValueError, "anneal_strategy", lambda o: S.OneCycleLR(o, 0.1, 5, anneal_strategy="x")),
        (ValueError, "Tried to step 3 times", lambda o: [S.OneCycleLR(o, 0.1, 2).step() for _ in "1"] and too_far(o)),
        (ValueError, "Factor should be", lambda o: S.ReduceLROnPlateau(o, factor=1.0)),
        (ValueError, "mode up is unknown", lambda o: S.ReduceLROnPlateau(o, "up")),
        (ValueError, "expected 2 min_lrs", lambda o: S.ReduceLROnPlateau(o, min_lr=[0.1])),
        (ValueError, "at least one scheduler", lambda o: S.ChainedScheduler([])),
        (ValueError, "same optimizer", lambda o: S.ChainedScheduler([S.StepLR(optimizer(rt), 1)], o)),
        (ValueError, "ReduceLROnPlateau", lambda o: S.SequentialLR(o, [S.ReduceLROnPlateau(o)], [])),
        (ValueError, "number of milestone", lambda o: S.SequentialLR(o, [S.StepLR(o, 1)], [3])),
        (ValueError, "support momentum or beta1", lambda o: S.CyclicLR(rt.optim.Adagrad([rt.ones(1)]), 0.1, 1)),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_schedules(error, match, make):
    with pytest.raises(error, match=match):
        make(optimizer(rt))


def too_far(opt):
    schedule = S.OneCycleLR(opt, 0.1, 2)
    for _ in range(4):
        schedule.step()


def test_plateau_saves_as_pytorch():
    ours, theirs = S.ReduceLROnPlateau(optimizer(rt)), torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer(torch))
    ours.step(1.0)
    theirs.step(1.0)
    assert ours.state_dict() == theirs.state_dict()


def test_plateau_with_a_group_more():
    opt = optimizer(rt)
    schedule = S.ReduceLROnPlateau(opt, patience=0, min_lr=[0.1, 0.1])
    opt.add_param_group(dict(params=[rt.nn.Parameter(rt.ones(1))]))
    schedule.step(1)
    with pytest.raises(RuntimeError, match="number of param groups"):
        schedule.step(1)


def test_states_of_schedules_are_plain():
    schedule = S.OneCycleLR(optimizer(rt), 0.5, 10)
    json.dumps(schedule.state_dict())


# ---- averaged models ----


@pytest.mark.parametrize("how", ["swa", "ema", "ema_multi", "swa_multi", "own"])
@pytest.mark.parametrize("buffers", [False, True])
def test_averaged_model(how, buffers):
    results = []
    for lib in (rt, torch):
        u = lib.optim.swa_utils
        kwargs = {
            "swa": {},
            "ema": dict(avg_fn=u.get_ema_avg_fn(0.9)),
            "ema_multi": dict(multi_avg_fn=u.get_ema_multi_avg_fn(0.8)),
            "swa_multi": dict(multi_avg_fn=u.get_swa_multi_avg_fn()),
            "own": dict(avg_fn=lambda mean, value, count: (mean + value) / 2),
        }[how]
        model = lib.nn.Linear(3, 2)
        model.register_buffer("b", lib.zeros(2))
        mean = u.AveragedModel(model, use_buffers=buffers, **kwargs)
        rng = np.random.default_rng(0)
        for _ in range(4):
            with lib.no_grad():
                for t in (*model.parameters(), *model.buffers()):
                    t.copy_(lib.tensor(rng.standard_normal(tuple(t.shape)).astype("float32")))
            mean.update_parameters(model)
        results.append({k: v.numpy() for k, v in mean.state_dict().items()})
    assert list(results[0]) == list(results[1])
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", [dict(), dict(anneal_epochs=3, anneal_strategy="linear"), dict(anneal_epochs=0)])
def test_rates_of_averaging(options):
    opt, ref = optimizer(rt), optimizer(torch)
    ours = rt.optim.swa_utils.SWALR(opt, swa_lr=[0.05, 0.02], **options)
    theirs = torch.optim.swa_utils.SWALR(ref, swa_lr=[0.05, 0.02], **options)
    for _ in range(14):
        assert_same(opt, ref)
        opt.step()
        ref.step()
        ours.step()
        theirs.step()


def test_averages_refuse():
    u = rt.optim.swa_utils
    with pytest.raises(ValueError, match="decay"):
        u.get_ema_avg_fn(1.5)
    with pytest.raises(AssertionError, match="Only one"):
        u.AveragedModel(rt.nn.Linear(1, 1), avg_fn=u.get_swa_avg_fn(), multi_avg_fn=u.get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match="anneal_strategy"):
        u.SWALR(optimizer(rt), 0.1, anneal_strategy="x")
