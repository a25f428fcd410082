"""Operations with a gradient written in Python: PyTorch's autograd.Function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import _C
from .._modes import no_grad


def _origin(t: Any) -> Any:
    """What a packed tensor stands for when its history is asked for: a leaf itself, else where its gradient goes."""
    if not isinstance(t, _C.Tensor):
        return (t,)
    if t.grad_fn is None:
        return t if t.requires_grad else None
    return t.grad_fn, t.output_nr


def _unpacked(unpack: Any, packed: Any, origin: Any) -> Any:
    if isinstance(origin, tuple) and len(origin) == 1:
        return origin[0]
    with no_grad():
        value = unpack(packed)
    if not isinstance(value, _C.Tensor):
        raise TypeError(f"the unpack hook of a saved tensor must return a Tensor, not {type(value).__name__}")
    if origin is None or not _C.is_grad_enabled():
        return value
    return origin if isinstance(origin, _C.Tensor) else _C._attach(value, *origin)


def _reduces_to(gradient: Any, shape: Any) -> bool:
    """Is gradient a tensor of this shape, or of one that it is broadcast to, so that a sum makes it fit?"""
    if not isinstance(gradient, _C.Tensor):
        return False
    given = gradient.shape
    if given == shape:
        return True
    if len(given) < len(shape):
        return False
    return all(s in (1, g) for s, g in zip(reversed(shape), reversed(given), strict=False))


class Context:
    """What forward leaves for backward (`ctx`)."""

    _function: Any = None
    _materialize = True

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._versions: tuple[int | None, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._constant: set[int] = set()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors; an in-place write to one before backward is found out."""
        hooks = _C._saved_hooks()
        if hooks is not None:
            with no_grad():
                packed = tuple(hooks[0](t.detach()) if isinstance(t, _C.Tensor) else None for t in tensors)
            self._packed = tuple((hooks[1], p, t) for p, t in zip(packed, map(_origin, tensors), strict=True))
            return
        self._saved = tensors
        self._versions = tuple(t._version if isinstance(t, _C.Tensor) else None for t in tensors)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What save_for_backward was given.  RuntimeError when one was overwritten since."""
        if self._packed is not None:
            return tuple(_unpacked(*entry) for entry in self._packed)
        for i, (t, version) in enumerate(zip(self._saved, self._versions, strict=True)):
            if version is not None and t._version != version:
                raise RuntimeError(
                    f"{self._function.__name__}: saved tensor {i} of shape {tuple(t.shape)} was overwritten in place"
                    f" (version {t._version}, saved at {version})"
                )
        return self._saved

    def mark_dirty(self, *tensors: Any) -> None:
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        self._constant = {id(t) for t in tensors}

    def set_materialize_grads(self, value: bool) -> None:
        self._materialize = value

    def _release(self) -> None:
        self._saved, self._versions, self._packed = (), (), None

    def _run_backward(self, *grads: Any) -> tuple[Any, ...]:
        if self._materialize:
            from .. import zeros

            grads = tuple(
                zeros(shape, dtype=dtype) if g is None else g
                for g, (shape, dtype) in zip(grads, self._out_meta, strict=True)
            )
        result = self._function.backward(self, *grads)
        result = result if isinstance(result, tuple) else (result,)
        count = len(self._positions)
        extra = result[self._nargs :]
        if len(result) < self._nargs or any(g is not None for g in extra):
            raise RuntimeError(
                f"{self._function.__name__}.backward returned {len(result)} gradients,"
                f" forward took {self._nargs} arguments"
            )
        assert count <= len(result)
        found = tuple(result[i] for i in self._positions)
        for i, g, shape in zip(self._positions, found, self._in_shapes, strict=True):
            if g is not None and not _reduces_to(g, shape):
                what = f"shape {tuple(g.shape)}" if isinstance(g, _C.Tensor) else f"a {type(g).__name__}"
                raise RuntimeError(
                    f"{self._function.__name__}.backward returned {what} as gradient of argument {i},"
                    f" a tensor of shape {tuple(shape)}"
                )
        return found

    _packed: tuple[Any, ...] | None = None
    _positions: tuple[int, ...] = ()
    _in_shapes: tuple[Any, ...] = ()
    _nargs = 0
    _out_meta: tuple[Any, ...] = ()


class Function:
    """Subclass it with static forward(ctx, *args) and backward(ctx, *grads); call `.apply`.

    >>> import rustorch as rt
    >>> class Square(rt.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = rt.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.0)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a Function needs a static forward(ctx, ...)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("this Function has no backward; give it a static backward(ctx, *grads)")

    _context: Any = None

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and records it when an argument requires grad."""
        context = cls.__dict__.get("_context")
        if context is None:
            context = cls._context = type(cls.__name__ + "Backward", (Context,), {"_function": cls})
        ctx = context()
        ctx._nargs = len(args)
        ctx._positions = tuple(i for i, a in enumerate(args) if isinstance(a, _C.Tensor))
        ctx.needs_input_grad = tuple(isinstance(a, _C.Tensor) and a.requires_grad for a in args)
        with no_grad():
            if hasattr(cls, "setup_context"):
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        if not (_C.is_grad_enabled() and any(ctx.needs_input_grad)):
            return output
        inputs = tuple(args[i] for i in ctx._positions)
        ctx._in_shapes = tuple(t.shape for t in inputs)
        dirty = {id(t) for t in ctx._dirty}
        given = {id(a) for a in inputs} - dirty
        fresh = tuple(o.detach() if id(o) in given else o for o in outputs)
        tracked = [o for o in fresh if isinstance(o, _C.Tensor) and id(o) not in ctx._constant]
        ctx._out_meta = tuple((tuple(o.shape), o.dtype) for o in tracked)
        if tracked:
            _C._function_record(ctx, inputs, tuple(tracked))
        return fresh[0] if single else fresh


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a backward as not differentiable itself: gradients of its gradients raise."""

    @functools.wraps(fn)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        if _C.is_grad_enabled() and any(isinstance(g, _C.Tensor) and g.requires_grad for g in grads):
            raise RuntimeError(f"{ctx._function.__name__}: backward is marked once_differentiable")
        with no_grad():
            return fn(ctx, *grads)

    return wrapped


FunctionCtx = Context
InplaceFunction = Function
