"""Gradients against finite differences (central, in float64)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _C


class GradcheckError(RuntimeError):
    """Analytical and numerical gradients differ."""


def _outputs(value: Any) -> list[Any]:
    values = [value] if isinstance(value, _C.Tensor) else list(value)
    return [v for v in values if isinstance(v, _C.Tensor) and v.requires_grad]


def _numerical(
    fn: Callable[..., Any], inputs: tuple[Any, ...], index: int, which: int, eps: float
) -> np.ndarray[Any, Any]:
    """Jacobian (elements of input `which`, elements of output `index`), complex parts as derivatives along 1 and 1j."""
    target = inputs[which].detach().numpy()
    flat = target.reshape(-1) if target.flags.c_contiguous else None
    rows = []
    steps = (1.0, 1.0j) if target.dtype.kind == "c" else (1.0,)
    for position in np.ndindex(*target.shape):
        for direction in steps:
            old = target[position].copy()
            results = []
            for sign in (1, -1):
                target[position] = old + sign * eps * direction
                results.append(np.array(_outputs(fn(*inputs))[index].detach().numpy(), copy=True).reshape(-1))
            target[position] = old
            rows.append((results[0] - results[1]) / (2 * eps))
    del flat
    return np.array(rows)


def _analytical(output: Any, x: Any) -> np.ndarray[Any, Any]:
    from .. import zeros_like
    from . import grad

    columns = []
    kinds = (1.0, 1.0j) if output.dtype.kind == "c" else (1.0,)
    for position in np.ndindex(*output.shape):
        for direction in kinds:
            seed = zeros_like(output.detach())
            seed.numpy()[position] = direction
            (g,) = grad(output, (x,), seed, retain_graph=True, allow_unused=True)
            value = np.zeros(x.shape, x.dtype) if g is None else g.detach().numpy()
            columns.append(value.reshape(-1))
    return np.array(columns)


def _as_real(numerical: np.ndarray[Any, Any], analytical: np.ndarray[Any, Any], complex_out: bool) -> tuple[Any, Any]:
    """Both as real matrices (real parameters of the input, real parameters of the output)."""
    if complex_out:
        numerical = np.stack([numerical.real, numerical.imag], -1).reshape(numerical.shape[0], -1)
    if analytical.dtype.kind == "c":
        analytical = np.stack([analytical.real, analytical.imag], -1).reshape(analytical.shape[0], -1)
    return numerical, analytical.T


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compares the gradients of fn at `inputs` with central differences.

    Inputs that require grad should be float64 or complex128.  Returns True; otherwise raises GradcheckError, or
    returns False when raise_exception is False.  nondet_tol: how far two backward passes may differ.
    fast_mode is accepted: every element is checked all the same.  Forward-mode and batched gradients do not
    exist here, asking for them raises NotImplementedError; the other options are PyTorch's and change nothing.

    >>> import rustorch as rt
    >>> rt.autograd.gradcheck(rt.sin, (rt.tensor([0.5, 1.0], dtype=rt.float64, requires_grad=True),))
    True
    """
    if check_forward_ad or check_batched_forward_grad or check_batched_grad:
        raise NotImplementedError("gradcheck: there are neither forward-mode nor batched gradients to check")
    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else tuple(inputs)
    outputs = _outputs(fn(*inputs))
    if not outputs:
        raise ValueError("gradcheck: no output of the function requires grad")
    for i, x in enumerate(inputs):
        if not (isinstance(x, _C.Tensor) and x.requires_grad):
            continue
        if x.dtype.itemsize < (16 if x.dtype.kind == "c" else 8):
            raise ValueError(f"gradcheck: input {i} has dtype {x.dtype}; finite differences need float64")
        for k, output in enumerate(outputs):
            numerical, analytical = _as_real(
                _numerical(fn, inputs, k, i, eps), _analytical(output, x), output.dtype.kind == "c"
            )
            if numerical.size == 0:
                continue
            again = _as_real(numerical, _analytical(output, x), False)[1]
            if analytical.size and np.nanmax(np.abs(again - analytical), initial=0.0) > nondet_tol:
                if not raise_exception:
                    return False
                raise GradcheckError(f"gradcheck: output {k} by input {i}: two backward passes differ")
            if not np.allclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=True):
                if not raise_exception:
                    return False
                worst = float(np.nanmax(np.abs(analytical - numerical)))
                raise GradcheckError(
                    f"gradcheck: output {k} by input {i}: gradients differ by up to {worst:.3g}\n"
                    f"numerical:\n{numerical}\nanalytical:\n{analytical}"
                )
    return True


def gradgradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    **kw: Any,
) -> bool:
    """gradcheck of the gradients of fn: second derivatives."""
    from .. import tensor
    from . import grad

    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else tuple(inputs)
    outputs = _outputs(fn(*inputs))
    generator = np.random.default_rng(0)
    if grad_outputs is None:
        grad_outputs = []
        for o in outputs:
            seed = generator.standard_normal(o.shape)
            if o.dtype.kind == "c":
                seed = seed + 1j * generator.standard_normal(o.shape)
            grad_outputs.append(tensor(seed, dtype=o.dtype, requires_grad=True))
    seeds = (grad_outputs,) if isinstance(grad_outputs, _C.Tensor) else tuple(grad_outputs)
    count = len(inputs)

    def first(*args: Any) -> tuple[Any, ...]:
        values, starts = args[:count], args[count:]
        wanted = tuple(v for v in values if isinstance(v, _C.Tensor) and v.requires_grad)
        gradients = grad(_outputs(fn(*values)), wanted, starts, create_graph=True, allow_unused=True)
        return tuple(g for g in gradients if g is not None)

    if not _outputs(first(*inputs, *seeds)):
        return True
    return gradcheck(first, (*inputs, *seeds), eps, atol, rtol, **kw)
