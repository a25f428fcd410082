"""L-BFGS: a quasi-Newton method with limited memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._C import Tensor, ops
from .._modes import enable_grad, no_grad
from ._wolfe import strong_wolfe
from .optimizer import Group, Optimizer, check_rate

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal 1980; Nocedal & Wright 2006, algorithms 7.4 and 7.5).

    Each step runs up to `max_iter` iterations; the direction comes from the last `history_size`
    changes of parameters and gradient, the length is lr or found by a line search.

    Args:
        params: tensors; there can be one group only.
        lr: length of a step, the first trial of the line search.
        max_iter: iterations of one call of step.
        max_eval: evaluations of one call of step, 5/4 max_iter when None.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when neither parameters nor loss change more.
        history_size: pairs kept.
        line_search_fn: None or "strong_wolfe".

    Raises:
        ValueError: lr is negative, or there are several groups.
        RuntimeError: (step) line_search_fn is another.

    >>> import rustorch as rt
    >>> p = rt.nn.Parameter(rt.tensor([3.0, -2.0]))
    >>> opt = rt.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((p - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure).item()
    13.0
    >>> closure().item() < 1e-9
    True
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn,
        ))  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    # ---- all parameters as one vector ----

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    def _gradient(self) -> Tensor:
        parts = []
        for p in self._params:
            g = ops["zeros_like"](p) if p.grad is None else p.grad
            parts.append((ops["view_as_real"](g) if g.is_complex() else g).reshape(-1))
        return ops["cat"](parts)

    def _move(self, length: Any, direction: Tensor) -> None:
        at = 0
        for p in self._params:
            flat = ops["view_as_real"](p) if p.is_complex() else p
            flat.add_((direction.narrow(0, at, flat.numel()) * length).reshape(flat.shape))
            at += flat.numel()

    # ---- stepping ----

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to max_iter iterations.

        Args:
            closure: clears the gradients, computes the loss, calls backward and returns the loss.

        Returns:
            what closure returned at the start.
        """
        if len(self.param_groups) != 1:
            raise AssertionError(f"Expected exactly one param_group, but got {len(self.param_groups)}")
        with no_grad():
            return self._iterate(enable_grad()(closure), self.param_groups[0], self.state[self._params[0]])

    def _iterate(self, evaluate: Callable[[], Any], group: Group, state: dict[str, Any]) -> Any:
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = evaluate()
        loss, evaluations = float(first), 1
        state["func_evals"] += 1
        g = self._gradient()
        if g.abs().max() <= group["tolerance_grad"]:
            return first
        iteration = 0
        while iteration < group["max_iter"]:
            iteration += 1
            state["n_iter"] += 1
            d = self._direction(state, g, group["history_size"])
            before = loss
            state["prev_flat_grad"], state["prev_loss"], state["d"] = g.clone(), before, d
            rate = float(group["lr"])
            t: Any = min(1.0, (1.0 / g.abs().sum()).item()) * rate if state["n_iter"] == 1 else rate
            state["t"] = t
            slope = g.dot(d)
            if slope > -group["tolerance_change"]:
                break
            last = iteration == group["max_iter"]
            loss, g, t, tried = self._advance(evaluate, group, last, t, d, loss, g, slope, evaluations)
            state["t"] = t
            evaluations += tried
            state["func_evals"] += tried
            if last or evaluations >= group["max_eval"] or g.abs().max() <= group["tolerance_grad"]:
                break
            if (d * t).abs().max() <= group["tolerance_change"]:
                break
            if abs(loss - before) < group["tolerance_change"]:
                break
        return first

    def _direction(self, state: dict[str, Any], g: Tensor, size: int) -> Tensor:
        """-H g, where H is the inverse Hessian that the pairs in `state` imply; takes in the newest pair."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -g
        old_y, old_s, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        ys = y.dot(s)
        if ys > 1e-10:
            if len(old_y) == size:
                for kept in (old_y, old_s, ro):
                    kept.pop(0)
            old_y.append(y)
            old_s.append(s)
            ro.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        al = state.setdefault("al", [None] * size)
        q: Tensor = -g
        for i in reversed(range(len(old_y))):
            al[i] = old_s[i].dot(q) * ro[i]
            q = q - old_y[i] * al[i]
        q = q * state["H_diag"]
        for i in range(len(old_y)):
            q = q + old_s[i] * (al[i] - old_y[i].dot(q) * ro[i])
        return q

    def _advance(
        self, evaluate: Callable[[], Any], group: Group, last: bool, t: Any, d: Tensor, loss: float, g: Tensor,
        slope: Any, evaluations: int,
    ) -> tuple[float, Tensor, Any, int]:  # fmt: skip
        """Moves along d; (loss, gradient, length, evaluations) there."""
        if group["line_search_fn"] is None:
            self._move(t, d)
            if last:  # nobody looks at the loss there
                return loss, g, t, 0
            return float(evaluate()), self._gradient(), t, 1
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        start = [p.clone() for p in self._params]

        def at(length: Any) -> tuple[float, Tensor]:
            self._move(length, d)
            value, gradient = float(evaluate()), self._gradient()
            for p, old in zip(self._params, start):
                p.copy_(old)
            return value, gradient

        loss, g, t, tried = strong_wolfe(at, d, float(t), loss, g, slope.item(), most=group["max_eval"] - evaluations)
        self._move(t, d)
        return loss, g, t, tried
