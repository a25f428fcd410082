"""An optimizer's update made again from what the last one used does what the optimizer does, whatever was changed."""

from __future__ import annotations

import gc
import weakref

import pytest

import rustorch as rt
from rustorch import _C

ADAM = (rt.optim.Adam, {"lr": 0.01})
METHODS = [
    (rt.optim.SGD, {"lr": 0.1}),
    (rt.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    ADAM,
    (rt.optim.AdamW, {"lr": 0.01, "amsgrad": True}),
    (rt.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True}),
    (rt.optim.Adagrad, {"lr": 0.1}),
    (rt.optim.Adadelta, {}),
    (rt.optim.Adamax, {}),
    (rt.optim.NAdam, {}),
    (rt.optim.RAdam, {}),
    (rt.optim.Rprop, {}),
    (rt.optim.ASGD, {}),
]


def parameters(n=3):
    rt.manual_seed(0)
    return [rt.randn(4, k + 1, requires_grad=True) for k in range(n)]


class Pair:
    """The same training twice: by the optimizer, and by updates that are kept."""

    def __init__(self, method, **options):
        self.optimizers = [method(parameters(), **options) for _ in range(2)]
        self.updates = []
        for number, optimizer in enumerate(self.optimizers):
            for group in optimizer.param_groups:
                group["params"] = list(group["params"])
            call = [lambda o=optimizer, g=g: o._update(g) for g in optimizer.param_groups]
            self.updates.append([_C.Update(optimizer, g) for g in optimizer.param_groups] if number else call)

    def params(self):
        return [[p for g in o.param_groups for p in g["params"]] for o in self.optimizers]

    def advance(self, steps=4, without=()):
        for step in range(steps):
            for params, updates in zip(self.params(), self.updates):
                rt.manual_seed(step)
                for k, p in enumerate(params):
                    g = rt.randn(*p.shape, dtype=p.dtype)
                    p.grad = None if k in without else g
                for update in updates:
                    update()
            self.check()

    def check(self):
        a, b = self.params()
        assert [p.tolist() for p in a] == [p.tolist() for p in b]
        ours, theirs = (
            [{k: v.tolist() for k, v in o.state[p].items() if isinstance(v, rt.Tensor)} for p in ps]
            for o, ps in zip(self.optimizers, (a, b))
        )
        assert ours == theirs

    def edit(self, change):
        for optimizer in self.optimizers:
            change(optimizer)


@pytest.mark.parametrize("number", range(len(METHODS)))
def test_methods(number):
    method, options = METHODS[number]
    pair = Pair(method, **options)
    pair.advance()
    pair.advance(2, without=(1,))
    pair.advance(2, without=(0, 1, 2))
    pair.advance()


def set_option(name, value):
    def change(optimizer):
        optimizer.param_groups[0][name] = value

    return change


def replace_state(optimizer):
    own = optimizer.state[optimizer.param_groups[0]["params"][1]]
    own["exp_avg"] = own["exp_avg"] * 2


def write_state(optimizer):
    optimizer.state[optimizer.param_groups[0]["params"][1]]["exp_avg"].fill_(0.5)


def forget_state(optimizer):
    del optimizer.state[optimizer.param_groups[0]["params"][0]]


def new_states(optimizer):
    optimizer.state = type(optimizer.state)(dict)


def double_data(optimizer):
    p = optimizer.param_groups[0]["params"][0]
    p.data = rt.ones(2, 2, dtype="float64")
    optimizer.state.pop(p)


def less_params(optimizer):
    optimizer.param_groups[0]["params"].pop(0)


def more_params(optimizer):
    optimizer.param_groups[0]["params"].append(rt.ones(3, requires_grad=True))


def other_order(optimizer):
    optimizer.param_groups[0]["params"].reverse()


CHANGES = [set_option("lr", 0.5), set_option("betas", (0.5, 0.6)), set_option("maximize", True),
           set_option("amsgrad", True), set_option("weight_decay", 0.1), replace_state, write_state, forget_state,
           new_states, double_data, less_params, more_params, other_order]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_changes_are_seen(number):
    pair = Pair(*ADAM[:1], **ADAM[1])
    pair.advance()
    for _ in range(2):
        before = [p.tolist() for p in pair.params()[0]]
        pair.edit(CHANGES[number])
        pair.advance()
        assert before != [p.tolist() for p in pair.params()[0]]


def test_momentum_starts_anew():
    pair = Pair(rt.optim.SGD, lr=0.1, momentum=0.9, dampening=0.5)
    pair.advance()
    pair.edit(forget_state)
    pair.advance(1)
    pair.edit(new_states)
    pair.advance()


def test_options_that_change_in_place():
    for name, make, write in (
        ("betas", lambda: [0.9, 0.99], lambda v: v.__setitem__(0, 0.1)),
        ("lr", lambda: rt.tensor(0.1), lambda v: v.fill_(0.7)),
    ):
        pair = Pair(*ADAM[:1], **ADAM[1])
        pair.edit(lambda o, name=name, make=make: o.param_groups[0].__setitem__(name, make()))
        pair.advance()
        pair.edit(lambda o, name=name, write=write: write(o.param_groups[0][name]))
        pair.advance()


def test_rates_that_change_at_every_step():
    pair = Pair(*ADAM[:1], **ADAM[1])
    for step in range(150):
        pair.edit(set_option("lr", 0.1 / (step + 1)))
        pair.advance(1)
    pair.advance(70)


def test_loaded_states_and_errors():
    pair = Pair(*ADAM[:1], **ADAM[1])
    pair.advance()
    saved = [o.state_dict() for o in pair.optimizers]
    pair.advance()
    for optimizer, state in zip(pair.optimizers, saved):
        optimizer.load_state_dict(state)
    for updates, optimizer in zip(pair.updates, pair.optimizers):
        p = optimizer.param_groups[0]["params"][0]
        kept, p.data = p.data, rt.ones(7)
        with pytest.raises(ValueError, match="shape"):
            updates[0]()
        p.data = kept
    pair.advance()
    with pytest.raises(TypeError):
        pair.updates[1][0](1)
    with pytest.raises(TypeError):
        _C.Update(pair.optimizers[0], [])


def test_several_groups():
    pair = Pair(lambda params: rt.optim.Adam([{"params": params[:1]}, {"params": params[1:], "lr": 0.3}]))
    pair.advance()
    pair.optimizers[0].param_groups[1]["lr"] = pair.optimizers[1].param_groups[1]["lr"] = 0.1
    pair.advance()


def test_a_step_with_an_update_of_its_own_is_called():
    calls = []

    class Noted(rt.optim.Adam):
        def _update(self, group):
            calls.append(len(group["params"]))
            super()._update(group)

    p = rt.ones(3, requires_grad=True)
    optimizer = Noted([p])

    def step():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()

    scripted = rt.jit.script(step)
    for _ in range(5):
        scripted()
    assert calls == [1] * 5


def test_nothing_is_kept_alive_in_a_circle():
    optimizer = rt.optim.Adam(parameters())
    for p in optimizer.param_groups[0]["params"]:
        p.grad = rt.ones_like(p)
    optimizer.again = update = _C.Update(optimizer, optimizer.param_groups[0])
    update()
    update()
    gone = weakref.ref(optimizer)
    del optimizer, update, p
    gc.collect()
    assert gone() is None
