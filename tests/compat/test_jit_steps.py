"""A scripted training step does, bit for bit, what the step does: parameters, gradients, states, losses."""

from __future__ import annotations

import pytest

import rustorch as rt
from rustorch import nn
from rustorch.nn import functional as F


def network(kind="plain"):
    layers = {
        "plain": lambda: [nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)],
        "random": lambda: [nn.Linear(6, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 3)],
        "normed": lambda: [nn.Linear(6, 8), nn.BatchNorm1d(8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 3)],
    }
    rt.manual_seed(0)
    return nn.Sequential(*layers[kind]())


class Trainer:
    def __init__(self, optimizer, kind="plain", scripted=False, **options):
        self.model = network(kind)
        self.optimizer = optimizer(self.model.parameters(), **options)
        self.loss = nn.CrossEntropyLoss()
        self.step = self._step
        if scripted:
            self.step = rt.jit.script(self._step)

    def _step(self, x, y):
        self.optimizer.zero_grad()
        out = self.model(x)
        loss = self.loss(out, y)
        loss.backward()
        self.optimizer.step()
        return loss, out

    def facts(self):
        tensors = [*self.model.state_dict().values()]
        tensors += [p.grad for p in self.model.parameters() if p.grad is not None]
        tensors += [v for s in self.optimizer.state.values() for v in s.values() if isinstance(v, rt.Tensor)]
        return [(t.detach().numpy().tobytes(), tuple(t.shape)) for t in tensors]


def batches(n, size=5):
    rt.manual_seed(1)
    return [(rt.randn(size, 6), rt.randint(0, 3, (size,))) for _ in range(n)]


def pair(optimizer, kind="plain", **options):
    return [Trainer(optimizer, kind, scripted, **options) for scripted in (False, True)]


def advance(trainers, data, seed=5):
    for t in trainers:
        rt.manual_seed(seed)
        t.losses = []
        for x, y in data:
            loss, out = t.step(x, y)
            t.losses.append((loss.item(), out.tolist()))
    a, b = trainers
    assert a.losses == b.losses and a.facts() == b.facts()


OPTIMIZERS = [
    (rt.optim.SGD, {"lr": 0.1}),
    (rt.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (rt.optim.Adam, {"lr": 0.01}),
    (rt.optim.AdamW, {"lr": 0.01, "amsgrad": True}),
    (rt.optim.RMSprop, {"lr": 0.01}),
]


@pytest.mark.parametrize("kind", ["plain", "random", "normed"])
@pytest.mark.parametrize("number", range(len(OPTIMIZERS)))
def test_steps(number, kind):
    optimizer, options = OPTIMIZERS[number]
    trainers = pair(optimizer, kind, **options)
    advance(trainers, batches(10))
    assert trainers[1].step.replays == 9, trainers[1].step.reason


def test_batches_of_another_size_are_recorded_too():
    trainers = pair(rt.optim.Adam, lr=0.01)
    data = batches(4) + batches(1, 3)
    advance(trainers, data * 3)
    assert trainers[1].step.recordings == 2 and trainers[1].step.replays == 13


def test_rates_and_states_are_those_of_now():
    trainers = pair(rt.optim.Adam, lr=0.01)
    schedules = [rt.optim.lr_scheduler.ExponentialLR(t.optimizer, 0.5) for t in trainers]
    for _ in range(3):
        advance(trainers, batches(2))
        for s in schedules:
            s.step()
    state, weights = trainers[0].optimizer.state_dict(), trainers[0].model.state_dict()
    state, weights = rt.optim.Adam.state_dict(trainers[0].optimizer), {k: v.clone() for k, v in weights.items()}
    advance(trainers, batches(2))
    for t in trainers:
        t.optimizer.load_state_dict(state)
        t.model.load_state_dict(weights)
    advance(trainers, batches(3))
    assert trainers[1].step.replays >= 8


def test_frozen_parameters_and_modes():
    trainers = pair(rt.optim.SGD, "random", lr=0.1)
    for k in range(6):
        for t in trainers:
            t.model[0].weight.requires_grad_(k % 2 == 0)
            t.model.train(k < 4)
        advance(trainers, batches(3))


def test_hooks_run():
    trainers = pair(rt.optim.Adam, lr=0.01)
    advance(trainers, batches(3))
    seen = []
    for t in trainers:
        t.model[2].bias.register_hook(lambda g: g * 2)
        t.model[0].register_forward_hook(lambda module, args, out: out + 1)
        t.optimizer.register_step_post_hook(lambda *args, t=t: seen.append(t))
    advance(trainers, batches(4))
    assert [seen.count(t) for t in trainers] == [4, 4]


def test_gradients_can_be_kept_and_added_up():
    def make(scripted):
        model = network()
        optimizer = rt.optim.SGD(model.parameters(), lr=0.1)

        def step(x, y):
            F.cross_entropy(model(x), y).backward()
            (model(x) ** 2).mean().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)

        return model, rt.jit.script(step) if scripted else step

    made = [make(False), make(True)]
    for x, y in batches(5):
        for _, step in made:
            assert step(x, y) is None
        for p, q in zip(made[0][0].parameters(), made[1][0].parameters(), strict=True):
            assert p.tolist() == q.tolist() and q.grad.tolist() == p.grad.tolist()
    assert made[1][1].replays == 4


def test_new_parameters_are_seen():
    trainers = pair(rt.optim.SGD, lr=0.1)
    advance(trainers, batches(3))
    for t in trainers:
        t.model[0].weight = nn.Parameter(t.model[0].weight.detach() * 2)
    advance(trainers, batches(3))
    for t in trainers:
        t.optimizer.add_param_group({"params": [t.model[0].weight], "lr": 0.5})
    advance(trainers, batches(3))
    for t in trainers:
        t.model.insert(1, nn.Sigmoid())
    advance(trainers, batches(3))


class Halving(rt.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})

    def step(self, closure=None):
        with rt.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(0.5)


def test_optimizers_with_steps_of_their_own():
    trainers = pair(Halving)
    advance(trainers, batches(5))
    assert trainers[1].step.replays == 4


def test_a_step_that_reads_its_loss_goes_on_as_it_is():
    model = network()
    optimizer = rt.optim.SGD(model.parameters(), lr=0.1)

    @rt.jit.script
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step(*batches(1)[0]) for _ in range(6)]
    assert losses == sorted(losses, reverse=True) and step.replays == 0 and "item" in step.reason


def test_clipping():
    def make(scripted):
        model = network()
        optimizer = rt.optim.SGD(model.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()

        return model, rt.jit.script(step) if scripted else step

    made = [make(False), make(True)]
    for x, y in batches(5):
        for _, step in made:
            step(x, y)
    for p, q in zip(made[0][0].parameters(), made[1][0].parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_recurrent_and_attention_models():
    def make(scripted):
        rt.manual_seed(0)
        lstm, layer = nn.LSTM(4, 6, batch_first=True), nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)
        optimizer = rt.optim.AdamW([*lstm.parameters(), *layer.parameters()], lr=0.01)

        def step(x):
            optimizer.zero_grad()
            out, _ = lstm(x)
            loss = (layer(out) - 1).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        return rt.jit.script(step) if scripted else step

    plain, scripted = make(False), make(True)
    x = rt.randn(2, 5, 4)
    found = []
    for step in (plain, scripted):
        rt.manual_seed(7)
        found.append([step(x).item() for _ in range(5)])
    assert found[0] == found[1]


def test_gradients_that_are_read_are_those_of_the_call():
    w = rt.ones(4, requires_grad=True)
    optimizer = rt.optim.SGD([w], lr=0.0)

    def doubled(x):
        optimizer.zero_grad()
        (x * w).prod().backward()
        return w.grad * 2

    def kept(x):
        (x * w).sum().backward()
        return w.grad * 2

    for step in (doubled, kept):
        w.grad = None
        scripted = rt.jit.script(step)
        for k in range(4):
            x = rt.tensor([1.0, 2.0, 3.0, 4.0 + k])
            got = scripted(x)
            w.grad = None
            assert got.tolist() == step(x).tolist()
            w.grad = None
        assert scripted.replays == 0 and "grad" in scripted.reason
