"""Steps as compositions of recorded ops, for differentiable=True: what a parameter becomes has a history.

Same formulas as src/ufunc/kernels/update.c; the sources stand at the optimisers.  Parameters and
states are written in place, so that a parameter must not be a leaf that requires grad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .._C import Tensor, full, full_like, get_default_dtype, ops, zeros_like

State = dict[str, Any]
Group = dict[str, Any]


def counter(value: float = 0.0) -> Tensor:
    """A state of one number, in single precision unless the default is double."""
    return full((), value, dtype="float64" if get_default_dtype() == "float64" else "float32")


def filled(p: Tensor, value: float) -> Tensor:
    """A state like p whose numbers (both parts of complex ones) are value."""
    return full_like(p, complex(value, value) if p.is_complex() else value)


def adagrad_state(p: Tensor, value: float) -> State:
    """What Adagrad keeps of a parameter from the start."""
    return {"step": counter(), "sum": filled(p, value)}


def _real(t: Tensor) -> Tensor:
    return ops["view_as_real"](t) if t.is_complex() else t


def _each(group: Group, state: Any, make: Callable[[Tensor], State]) -> Iterator[tuple[Tensor, Tensor, State]]:
    """Parameters with a gradient: (parameter, signed gradient, states), complex ones as real pairs."""
    for p in group["params"]:
        if p.grad is None:
            continue
        own = state[p]
        if not own:
            own.update(make(p))
        if "step" in own:
            own["step"] += 1
        yield _real(p), -p.grad if group["maximize"] else p.grad, own


def _decayed(g: Tensor, p: Tensor, group: Group, lr: float | None = None) -> Tensor:
    """The gradient with weight decay, real; decoupled (lr given), p shrinks instead."""
    decay = group["weight_decay"]
    if lr is not None:
        if decay != 0:
            p.mul_(1 - lr * decay)
        return _real(g)
    return _real(g) + p * decay if decay != 0 else _real(g)


def _mean(own: State, name: str, value: Tensor, beta: float) -> Tensor:
    """Takes value into the running mean own[name]; the mean, real."""
    mean = _real(own[name])
    mean.mul_(beta).add_(value * (1 - beta))
    return mean.clone()


def sgd(group: Group, state: Any) -> None:
    """See SGD."""
    momentum = group["momentum"]
    for p, g, own in _each(group, state, lambda p: {}):
        d = _decayed(g, p, group)
        if momentum != 0:
            if own.get("momentum_buffer") is None:
                own["momentum_buffer"] = ops["view_as_complex"](d).clone() if g.is_complex() else d.clone()
            else:
                _real(own["momentum_buffer"]).mul_(momentum).add_(d * (1 - group["dampening"]))
            b = _real(own["momentum_buffer"]).clone()
            d = d + b * momentum if group["nesterov"] else b
        p.add_(d * -group["lr"])


def adam(group: Group, state: Any) -> None:
    """See Adam."""
    (beta1, beta2), lr = group["betas"], group["lr"]

    def make(p: Tensor) -> State:
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if group["amsgrad"] else 2]
        return {"step": counter(), **{name: zeros_like(p) for name in names}}

    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group, lr if group["decoupled_weight_decay"] else None)
        step = own["step"].item()
        m, v = _mean(own, "exp_avg", d, beta1), _mean(own, "exp_avg_sq", d * d, beta2)
        if group["amsgrad"]:
            most = _real(own["max_exp_avg_sq"])
            v = ops["maximum"](most.clone(), v)
            most.copy_(v)
        below = v.sqrt() / (1 - beta2**step) ** 0.5 + group["eps"]
        p.sub_(m / below * (lr / (1 - beta1**step)))


def rmsprop(group: Group, state: Any) -> None:
    """See RMSprop."""
    alpha, momentum = group["alpha"], group["momentum"]

    def make(p: Tensor) -> State:
        own = {"step": counter(), "square_avg": zeros_like(p)}
        if momentum > 0:
            own["momentum_buffer"] = zeros_like(p)
        if group["centered"]:
            own["grad_avg"] = zeros_like(p)
        return own

    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group)
        square = _mean(own, "square_avg", d * d, alpha)
        if group["centered"]:
            mean = _mean(own, "grad_avg", d, alpha)
            square = square - mean * mean
        move = d / (square.sqrt() + group["eps"])
        if momentum > 0:
            move = _real(own["momentum_buffer"]).mul_(momentum).add_(move).clone()
        p.add_(move * -group["lr"])


def adagrad(group: Group, state: Any) -> None:
    """See Adagrad."""
    initial = group["initial_accumulator_value"]
    for p, g, own in _each(group, state, lambda p: adagrad_state(p, initial)):
        d = _decayed(g, p, group)
        rate = group["lr"] / (1 + (own["step"].item() - 1) * group["lr_decay"])
        total = _real(own["sum"]).add_(d * d).clone()
        p.sub_(d / (total.sqrt() + group["eps"]) * rate)


def adadelta(group: Group, state: Any) -> None:
    """See Adadelta."""
    rho, eps = group["rho"], group["eps"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group)
        square = _mean(own, "square_avg", d * d, rho)
        move = (_real(own["acc_delta"]).clone() + eps).sqrt() / (square + eps).sqrt() * d
        _mean(own, "acc_delta", move * move, rho)
        p.add_(move * -group["lr"])


def adamax(group: Group, state: Any) -> None:
    """See Adamax."""
    beta1, beta2 = group["betas"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group)
        m, norm = _mean(own, "exp_avg", d, beta1), _real(own["exp_inf"])
        most = ops["maximum"](norm.clone() * beta2, d.abs() + group["eps"])
        norm.copy_(most)
        p.sub_(m / most * (group["lr"] / (1 - beta1 ** own["step"].item())))


def nadam(group: Group, state: Any) -> None:
    """See NAdam."""
    (beta1, beta2), lr, slow = group["betas"], group["lr"], group["momentum_decay"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "mu_product": counter(1.0), "exp_avg": zeros_like(p),
                "exp_avg_sq": zeros_like(p)}  # fmt: skip

    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group, lr if group["decoupled_weight_decay"] else None)
        step = own["step"].item()
        mu = beta1 * (1 - 0.5 * 0.96 ** (step * slow))
        following = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * slow))
        own["mu_product"] *= mu
        product = own["mu_product"].item()
        m, v = _mean(own, "exp_avg", d, beta1), _mean(own, "exp_avg_sq", d * d, beta2)
        below = (v / (1 - beta2**step)).sqrt() + group["eps"]
        p.sub_(d / below * (lr * (1 - mu) / (1 - product)))
        p.sub_(m / below * (lr * following / (1 - product * following)))


def radam(group: Group, state: Any) -> None:
    """See RAdam."""
    (beta1, beta2), lr = group["betas"], group["lr"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    longest = 2 / (1 - beta2) - 1
    for p, g, own in _each(group, state, make):
        d = _decayed(g, p, group, lr if group["decoupled_weight_decay"] else None)
        step = own["step"].item()
        m, v = _mean(own, "exp_avg", d, beta1), _mean(own, "exp_avg_sq", d * d, beta2)
        power = beta2**step
        length = longest - 2 * step * power / (1 - power)
        rate = lr / (1 - beta1**step)
        if length > 5:
            rise = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            p.sub_(m / (v.sqrt() + group["eps"]) * (rate * (1 - power) ** 0.5 * rise**0.5))
        else:
            p.sub_(m * rate)


def rprop(group: Group, state: Any) -> None:
    """See Rprop."""
    (down, up), (low, high) = group["etas"], group["step_sizes"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "prev": zeros_like(p), "step_size": filled(p, float(group["lr"]))}

    for p, g, own in _each(group, state, make):
        d, before, size = _real(g), _real(own["prev"]).clone(), _real(own["step_size"])
        turn = d * before
        where = ops["where"]
        factor = where(turn > 0, up, where(turn < 0, down, where(turn == 0, 1.0, turn)))
        size.copy_((size.clone() * factor).clamp(low, high))
        d = where(turn < 0, 0.0, d)
        p.sub_(d.sign() * size.clone())
        _real(own["prev"]).copy_(d)


def asgd(group: Group, state: Any) -> None:
    """See ASGD."""
    lr, lambd, alpha, t0 = float(group["lr"]), group["lambd"], group["alpha"], group["t0"]

    def make(p: Tensor) -> State:
        return {"step": counter(), "eta": counter(lr), "mu": counter(1.0), "ax": zeros_like(p)}

    for p, g, own in _each(group, state, make):
        d, mean = _decayed(g, p, group), _real(own["ax"])
        eta, mu, step = own["eta"].item(), own["mu"].item(), own["step"].item()
        p.mul_(1 - lambd * eta).sub_(d * eta)
        if mu == 1:
            mean.copy_(p)
        else:
            mean.add_((p - mean) * mu)
        own["eta"].fill_(lr / (1 + lambd * lr * step) ** alpha)
        own["mu"].fill_(1 / max(1.0, step - t0))
