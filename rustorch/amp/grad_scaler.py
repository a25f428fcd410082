"""GradScaler: the loss is multiplied by a scale so that gradients do not vanish in 16 bits, and gradients are divided
by it before the step (Micikevicius et al., Mixed Precision Training, 2018).  A step with infinite or NaN gradients is
left out and halves the scale; after growth_interval good ones in a row it doubles."""

from __future__ import annotations

import warnings
from typing import Any

from .. import _C

__all__ = ["GradScaler"]

_READY, _UNSCALED, _STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scales losses, and gradients back.

    A training step: scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update(); between the first two
    scaler.unscale_(optimizer) when gradients are clipped.

    device: "cpu" ("cuda" gives a warning and a disabled scaler).  init_scale, growth_factor > 1, backoff_factor < 1,
    growth_interval: see the top of the module.  enabled False: scale and step do nothing of their own.

    >>> import rustorch as rt
    >>> w = rt.tensor(2.0, requires_grad=True)
    >>> optimizer, scaler = rt.optim.SGD([w], lr=0.5), rt.amp.GradScaler("cpu", init_scale=8.0)
    >>> scaler.scale(w * 3).backward(); w.grad
    tensor(24.0)
    >>> _ = scaler.step(optimizer); scaler.update(); w.detach()
    tensor(0.5)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = str(device)
        self._enabled = enabled
        if enabled and self._device != "cpu":
            warnings.warn(f"GradScaler: device {device} is not available in this build; disabled", stacklevel=2)
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise ValueError(f"GradScaler: growth_factor must be above 1, not {growth_factor}")
            if not backoff_factor < 1.0:
                raise ValueError(f"GradScaler: backoff_factor must be below 1, not {backoff_factor}")
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._stages: dict[int, str] = {}  # id of an optimizer -> how far its step is
        self._infinite: dict[int, bool] = {}  # id of an optimizer -> were its gradients infinite or NaN?

    def scale(self, outputs: Any) -> Any:
        """outputs, a Tensor or nested sequences of such, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, _C.Tensor):
            return outputs * self._scale
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(o) for o in outputs])
        raise ValueError(f"GradScaler.scale: needs a Tensor or a sequence of Tensors, not {type(outputs).__name__}")

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of optimizer's parameters by the scale.  RuntimeError the second time in a step."""
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if stage == _STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        found, inverse = False, 1.0 / self._scale
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if str(p.grad.dtype) == "float16":
                    raise ValueError("GradScaler.unscale_: gradients of float16 parameters cannot be unscaled")
                gradient = p.grad.detach()
                found = found or not bool(_C.ops["isfinite"](gradient).all())
                gradient.mul_(inverse)
        self._infinite[id(optimizer)] = found
        self._stages[id(optimizer)] = _UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs) with unscaled gradients; left out when one is infinite or NaN."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage == _READY:
            self.unscale_(optimizer)
        self._stages[id(optimizer)] = _STEPPED
        return None if self._infinite[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Adjusts the scale by what the steps since the last update found, or sets it to new_scale."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._infinite:
            raise AssertionError("update: no step was taken since the last update; call scaler.step(optimizer) first")
        elif any(self._infinite.values()):
            self._scale, self._growth_tracker = self._scale * self._backoff_factor, 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                self._scale, self._growth_tracker = self._scale * self._growth_factor, 0
        self._stages.clear()
        self._infinite.clear()

    def get_scale(self) -> float:
        """The scale; 1 when disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by after growth_interval good steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets the growth factor."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a step with infinite gradients."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets the backoff factor."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many good steps in a row make the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets the growth interval."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Does this scaler scale?"""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and its settings; empty when disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._growth_tracker,
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what state_dict gave.  RuntimeError for an empty one."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("GradScaler.load_state_dict: the state is empty, as that of a disabled scaler is")
        self._scale = float(state_dict["scale"])
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval, self._growth_tracker = state_dict["growth_interval"], state_dict["_growth_tracker"]
