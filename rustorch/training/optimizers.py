"""Optimisers and schedules by name, as compile and TrainerConfig take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import optim
from .._calls import parse_call, spelled, unknown
from ..optim import lr_scheduler
from ..optim._lr_base import put
from ..optim.lr_scheduler import LRScheduler
from ..optim.optimizer import Optimizer

__all__ = ["check_optimizer", "optimizer_from", "restart_rates", "schedule_from"]

# The field's habit for SGD by name (Keras, scikit-learn); all others start with PyTorch's rates.
RATES = {"SGD": 0.01}


def _named(module: Any, base: type) -> dict[str, Any]:
    found = {name: getattr(module, name) for name in dir(module)}
    return {
        spelled(name): value for name, value in found.items()
        if isinstance(value, type) and issubclass(value, base) and value is not base and not name.startswith("_")
    }  # fmt: skip


def optimizer_from(
    spec: Any, parameters: Iterable[Any], learning_rate: float | None = None, weight_decay: float | None = None
) -> Optimizer:
    """The optimiser that a name, class, function or object stands for.

    Args:
        spec: a name ("adam"), a name with arguments ("SGD(lr=0.1, momentum=0.9)"), a class or function that
            takes the parameters, or an Optimizer, which is returned as it is.
        parameters: what is optimised.
        learning_rate, weight_decay: in the place of those the optimiser would have; None leaves them.

    Raises:
        ValueError: the name is unknown, or an argument out of range.
        TypeError: spec is nothing of the kind.
    """
    options = {"lr": learning_rate, "weight_decay": weight_decay}
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(spec, Optimizer):
        for group in spec.param_groups:
            group.update(given)
        return spec
    parameters = list(parameters)
    if not parameters:
        raise ValueError("the model has no parameters to optimise")
    if isinstance(spec, str):
        known = _named(optim, Optimizer)
        call = parse_call(spec, "an optimiser")
        make = known.get(spelled(call.name))
        if make is None:
            raise unknown("optimiser", call.name, known)
        kwargs = dict(call.kwargs)
        if "learning_rate" in kwargs:
            kwargs["lr"] = kwargs.pop("learning_rate")
        if not call.args and make.__name__ in RATES:
            kwargs.setdefault("lr", RATES[make.__name__])
        made: Optimizer = make(parameters, *(() if "lr" in given else call.args), **{**kwargs, **given})
        return made
    if callable(spec):
        built = spec(parameters)
        if isinstance(built, Optimizer):
            for group in built.param_groups:
                group.update(given)
            return built
        raise TypeError(f"the function given as optimizer returned {type(built).__name__}, not an Optimizer")
    raise TypeError(f"optimizer must be a name, a class, a function or an Optimizer, not {type(spec).__name__}")


def restart_rates(optimizer: Optimizer) -> None:
    """Puts the rates back to where a schedule before began, so that a new one does not begin at its end."""
    for group in optimizer.param_groups:
        if "initial_lr" in group:
            put(group, group.pop("initial_lr"))


def schedule_from(spec: Any, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    """The schedule of learning rates that a name, function or object stands for.

    Args:
        spec: None; "cosine", "linear" or "onecycle", over all steps; a name of optim.lr_scheduler with arguments
            ("StepLR(step_size=10)"); a class or function that takes the optimiser; or a schedule.
        optimizer: whose rates it sets.
        steps: how many steps the whole training has, in the unit the schedule is stepped in.
    """
    if spec is None or isinstance(spec, LRScheduler):
        return spec
    if isinstance(spec, str):
        known = _named(lr_scheduler, LRScheduler)
        call = parse_call(spec, "a schedule")
        whole: dict[str, Callable[..., LRScheduler]] = {
            "cosine": lambda o, **k: lr_scheduler.CosineAnnealingLR(o, steps, **k),
            "linear": lambda o, **k: lr_scheduler.LinearLR(
                o, **{"start_factor": 1.0, "end_factor": 0.0, "total_iters": steps, **k}
            ),
            "onecycle": lambda o, **k: lr_scheduler.OneCycleLR(
                o, **{"max_lr": o.param_groups[0]["lr"], "total_steps": steps, **k}
            ),
        }
        name = spelled(call.name)
        make = whole.get(name) or known.get(name) or known.get(name + "lr")
        if make is None:
            raise unknown("schedule", call.name, {*known, *whole})
        return make(optimizer, *call.args, **call.kwargs)
    if callable(spec):
        made = spec(optimizer)
        if isinstance(made, LRScheduler):
            return made
        raise TypeError(f"the function given as schedule returned {type(made).__name__}, not an LRScheduler")
    raise TypeError(f"schedule must be a name, a function or an LRScheduler, not {type(spec).__name__}")


def check_optimizer(spec: Any) -> None:
    """Refuses what optimizer_from would refuse, before there are parameters."""
    if isinstance(spec, str):
        call = parse_call(spec, "an optimiser")
        known = _named(optim, Optimizer)
        if spelled(call.name) not in known:
            raise unknown("optimiser", call.name, known)
    elif not callable(spec) and not isinstance(spec, Optimizer) and spec is not None:
        raise TypeError(f"optimizer must be a name, a class, a function or an Optimizer, not {type(spec).__name__}")
