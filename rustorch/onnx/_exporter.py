"""From a module to an ONNX model: recorded on inputs of several sizes, written row by row, checked."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _C
from .._modes import no_grad
from ..nn.module import Module
from ._graph import Graph, Tensor, Unsupported
from ._numbers import Many, Unlike, Varying, unify
from ._package import onnx
from ._rules import RULES, Arguments, resamples
from ._sizes import Axes, axes_wanted, batch_axes, resized, runs
from ._trace import Call, Ref, Trace, record, tensors_of
from ._writer import finish, save

__all__ = ["export"]

_VIEWS = frozenset(row["name"] for row in _C.op_table() if row["family"] == "view")
# rows whose results' lengths depend on values, and rows that are written with the lengths of the recording
_VALUES_TELL = {"nonzero", "masked_select"}
_SHAPES_TELL = {
    "expand", "broadcast_to", "repeat", "repeat_interleave", "view_put", "fill", "unflatten", "pool_gather", "sort",
    "scatter", "var", "std", "resample", "diagonal", "unfold", "group_norm", "max_pool", "kthvalue", "median_dim",
}  # fmt: skip
_IGNORED = {
    "dynamo", "report", "optimize", "profile", "dump_exported_program", "artifacts_dir", "export_params",
    "keep_initializers_as_inputs", "operator_export_type", "custom_opsets", "export_modules_as_functions",
    "autograd_inlining", "fallback",
}  # fmt: skip


def export(
    model: Callable[..., Any], args: Any = (), f: Any = None, *, kwargs: Mapping[str, Any] | None = None,
    input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Any] | None = None, dynamic_shapes: Any = None, opset_version: int | None = None,
    do_constant_folding: bool = True, training: Any = False, external_data: bool | None = None, verify: bool = False,
    metadata: Mapping[str, str] | None = None, doc: str = "", verbose: bool | None = None, **others: Any,
) -> Any:  # fmt: skip
    """Writes a module as an ONNX model.

    The module runs on the example, in eval mode, on inputs of several sizes; what it computed is written as ONNX
    nodes under the modules' names, its parameters as initialisers under theirs.  The batch may be of any size.

    Args:
        model: a Module, or a function of tensors.
        args: the example: a tensor, or a tuple of what forward takes; kwargs: the same by name.
        f: path or binary file to write to; None: the onnx.ModelProto is returned.
        input_names, output_names: names of the tensors; forward's own names, and `output`, when not given.
        dynamic_axes: lengths that may vary, as {input: {axis: name}} or {input: [axes]}; {} for none.  When not given,
            the first dimension of all inputs where these are alike; if the module does not allow that, none, with a
            warning.  dynamic_shapes: the same as torch.export writes it.
        opset_version: from 13 on; 18 when not given.
        do_constant_folding: values that depend on parameters only are computed now.
        training: True keeps the module's mode, with dropout and batch statistics.
        external_data: weights in a file of their own, `<f>.data`; when not given, above 2 GB.
        verify: also runs the model by ONNX Runtime and compares.
        metadata: texts that are kept in the file; doc: its description.
        others: torch.onnx.export's other arguments, which make no difference here.

    Raises:
        NotImplementedError: for what ONNX cannot say; it names the op and the module.
        ValueError: for names, axes and versions that do not fit.

    >>> import rustorch as rt
    >>> model = rt.onnx.export(rt.nn.Sequential(rt.nn.Linear(4, 2), rt.nn.ReLU()), rt.ones(1, 4))
    >>> [node.op_type for node in model.graph.node], [weight.name for weight in model.graph.initializer]
    (['Gemm', 'Relu'], ['0.weight', '0.bias'])
    """
    unknown = others.keys() - _IGNORED
    if unknown:
        raise TypeError(f"export: unexpected arguments {sorted(unknown)}")
    opset = _version(opset_version)
    given = args if isinstance(args, (tuple, list)) else (args,)
    given = tuple(_C.as_tensor(value) if isinstance(value, np.ndarray) else value for value in given)
    named = dict(kwargs or {})
    if given and isinstance(given[-1], dict) and not named and f is not None:  # torch's old way
        given, named = given[:-1], dict(given[-1])
    tensors = list(tensors_of((given, named)))
    if not tensors:
        raise ValueError("export: the example has no tensors: give args, for instance (rustorch.randn(1, 3),)")
    names = _input_names(model, given, named, tensors, input_names)
    if dynamic_shapes is not None and dynamic_axes is None:
        dynamic_axes = _from_shapes(dynamic_shapes, names)
    with _mode(model, training), no_grad():
        if dynamic_axes is None:
            axes = batch_axes(names, tensors)
            try:
                graph, outputs = _written(model, given, named, names, tensors, axes, opset, do_constant_folding)
            except (Unlike, Unsupported, _Stuck) as error:
                axes = {}
                try:
                    graph, outputs = _written(model, given, named, names, tensors, axes, opset, do_constant_folding)
                except (Unlike, Unsupported, _Stuck) as fixed:
                    raise _plain(fixed) from fixed.__cause__
                warnings.warn(f"export: the sizes of the inputs are fixed to the example's: {error}", stacklevel=2)
        else:
            axes = axes_wanted(names, tensors, dynamic_axes, output_names or ())
            try:
                graph, outputs = _written(model, given, named, names, tensors, axes, opset, do_constant_folding)
            except (Unlike, Unsupported, _Stuck) as error:
                raise _plain(error) from error.__cause__
        proto = finish(
            graph, outputs, axes, _output_names(outputs, output_names), dict(metadata or {}), doc or _doc(model)
        )
        if verify:
            _verify(proto, model, given, named, names, tensors)
    return save(proto, graph, f, external_data)


class _Stuck(Exception):
    """The module fails on inputs of other sizes."""


def _plain(error: Exception) -> Exception:
    if isinstance(error, Unsupported):
        return NotImplementedError(f"rustorch.onnx.export: {error}")
    if isinstance(error, Unlike):
        return NotImplementedError(f"rustorch.onnx.export: what is computed depends on the inputs: {error}")
    cause = error.__cause__
    return cause if isinstance(cause, Exception) else error


def _version(opset_version: int | None) -> int:
    opset = 18 if opset_version is None else int(opset_version)
    newest = onnx().defs.onnx_opset_version()
    if not 13 <= opset <= newest:
        raise ValueError(f"export: opset_version is from 13 to {newest}, not {opset}")
    return opset


def _doc(model: Any) -> str:
    return f"{type(model).__name__}, written by rustorch" if isinstance(model, Module) else "written by rustorch"


@contextmanager
def _mode(model: Any, training: Any) -> Iterator[None]:
    """In eval mode unless asked otherwise; modes, and what a run in training mode writes, as before afterwards."""
    if not isinstance(model, Module):
        yield
        return
    keep = training is True or getattr(training, "name", training) in ("TRAINING", "PRESERVE")
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(b, b.detach().clone()) for b in model.buffers()] if keep else []
    try:
        if not keep:
            model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)


# ---- names


def _input_names(model: Any, args: Any, kwargs: dict[str, Any], tensors: list[Any], names: Any) -> list[str]:
    if names is not None and len(names) > len(tensors):
        raise ValueError(f"export: {len(names)} input_names for {len(tensors)} input tensors")
    function = model.forward if isinstance(model, Module) else model
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {}
    found: list[str] = []
    flat: list[str] = []
    for name, value in bound.items():
        inner = list(tensors_of(value))
        flat += [name] if len(inner) == 1 else [f"{name}_{k}" for k in range(len(inner))]
    if len(flat) != len(tensors):
        flat = [f"input_{k}" for k in range(len(tensors))] if len(tensors) > 1 else ["input"]
    for k in range(len(tensors)):
        found.append(str(names[k]) if names is not None and k < len(names) else flat[k])
    if len(set(found)) != len(found):
        raise ValueError(f"export: two inputs have the same name: {found}")
    return found


def _from_shapes(shapes: Any, names: list[str]) -> dict[str, Any]:
    """dynamic_shapes, by name or in order, as dynamic_axes."""
    pairs = shapes.items() if isinstance(shapes, Mapping) else zip(names, shapes)
    found: dict[str, Any] = {}
    for name, axes in pairs:
        if isinstance(axes, (tuple, list)):
            axes = dict(enumerate(axes))
        labels = {
            axis: label if isinstance(label, str) or hasattr(label, "__name__") else f"{name}_dim_{axis}"
            for axis, label in (axes or {}).items() if label is not None and not isinstance(label, int)
        }  # fmt: skip
        if labels:
            found[name] = labels
    return found


def _output_names(outputs: Any, names: Sequence[str] | None) -> list[str]:
    count = len(list(_flat(outputs)))
    if names is not None and len(names) > count:
        raise ValueError(f"export: {len(names)} output_names for {count} output tensors")
    usual = list(outputs) if isinstance(outputs, dict) and len(outputs) == count else None
    if usual is None:
        usual = ["output"] if count == 1 else [f"output_{k}" for k in range(count)]
    return [str(names[k]) if names is not None and k < len(names) else usual[k] for k in range(count)]


def _flat(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _flat(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _flat(item)


# ---- recording and writing


def _replaced(value: Any, new: Iterator[Any]) -> Any:
    if isinstance(value, _C.Tensor):
        return next(new)
    if isinstance(value, dict):
        return {name: _replaced(item, new) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(item, new) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_replaced(item, new) for item in value)
    return value


def _recorded(
    model: Any, args: Any, kwargs: Any, names: list[str], tensors: list[Any], axes: Axes, sizes: Mapping[str, int],
    others: bool,
) -> Trace:  # fmt: skip
    """What the model computes on the example at other sizes and, when `others`, with other floating numbers."""
    fresh = []
    for name, tensor in zip(names, tensors):
        wanted = {axis: sizes[label] for axis, label in axes.get(name, {}).items()}
        # a tensor of its own, so that writes do not reach the example
        copy = resized(tensor.detach(), wanted).clone()
        fresh.append(copy * 0.75 if others and copy.is_floating_point() else copy)
    values = iter(fresh)
    return record(model, _replaced(args, values), _replaced(kwargs, values), RULES)


def _written(
    model: Any, args: Any, kwargs: Any, names: list[str], tensors: list[Any], axes: Axes, opset: int, fold: bool
) -> tuple[Graph, Any]:
    problem: Exception | None = None
    for way in runs(names, tensors, axes):
        try:
            sizes = way if axes else way[:2]
            traces = [
                _recorded(model, args, kwargs, names, tensors, axes, each, k == len(sizes) - 1)
                for k, each in enumerate(sizes)
            ]
            return _Lowering(unify(traces), names, opset, fold).run()
        except (Unlike, Unsupported) as error:
            problem = problem or error
        except Exception as error:
            if not axes:
                raise
            stuck = _Stuck(f"{type(error).__name__}: {error}")
            stuck.__cause__ = error
            problem = problem or stuck
    assert problem is not None
    raise problem


class _Lowering:
    """Writes a trace into a graph."""

    def __init__(self, trace: Trace, names: list[str], opset: int, fold: bool) -> None:
        self.trace, self.fold = trace, fold
        self.graph = Graph(opset)
        self.values: dict[int, Tensor] = {}
        for name, number in zip(names, trace.inputs):
            value = trace.values[number]
            tensor = Tensor(self.graph, value.shape, value.dtype, self.graph.unique(name))
            self.values[number] = tensor
            self.graph.inputs.append(tensor)
        self.calls = _live(trace)
        self.uses: dict[int, int] = {}
        for call in self.calls:
            for ref in _refs(call.args):
                self.uses[ref.number] = self.uses.get(ref.number, 0) + 1
        for ref in tensors_of(trace.outputs):
            self.uses[ref.number] = self.uses.get(ref.number, 0) + 2

    def run(self) -> tuple[Graph, Any]:
        calls = self.calls
        skip = 0
        for k, call in enumerate(calls):
            if skip:
                skip -= 1
                continue
            chain = [call]
            if call.row == "resample":
                while self._continues(chain, calls, k):
                    chain.append(calls[k + len(chain)])
                skip = len(chain) - 1
            self._write(call, chain)
        return self.graph, self._outputs(self.trace.outputs)

    def _continues(self, chain: list[Call], calls: list[Call], k: int) -> bool:
        """Does the next call resample another dimension of this one's result, in the same way?"""
        if k + len(chain) >= len(calls):
            return False
        last, following = chain[-1], calls[k + len(chain)]
        rank = len(self.trace.values[last.outputs[0]].shape)
        return (
            following.row == "resample" and following.args["x"] == Ref(last.outputs[0])
            and self.uses[last.outputs[0]] == 1
            and all(following.args[n] == last.args[n] for n in ("kind", "align", "transposed"))
            and all(following.args["dim"] % rank != c.args["dim"] % rank for c in chain)
            and bool(following.args["scale"]) == bool(last.args["scale"])
            and (following.args["window"] is None or following.args["window"][3] == last.args["window"][3])
        )  # fmt: skip

    def _outputs(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._tensor(value.number)
        if isinstance(value, dict):
            return {name: self._outputs(item) for name, item in value.items()}
        if isinstance(value, tuple):
            return tuple(self._outputs(item) for item in value)
        return value

    def _tensor(self, number: int) -> Tensor:
        if number not in self.values:
            value = self.trace.values[number]
            tensor = Tensor(self.graph, value.shape, value.dtype)
            if value.kind == "state":
                tensor.array = _elements(value.tensor)
                tensor.given = self.graph.weight(value.name, tensor.array, value.dtype)
                tensor.folded = True
            elif value.kind == "constant":
                tensor.array = value.array
                tensor.folded = not isinstance(value.array, Varying)
            self.values[number] = tensor
        return self.values[number]

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._tensor(value.number)
        if isinstance(value, Call):
            return Call(
                value.row, {n: v if isinstance(v, Ref) else self._argument(v) for n, v in value.args.items()}, []
            )
        if isinstance(value, tuple) and not isinstance(value, Many):
            return tuple(self._argument(v) for v in value)
        return value

    def _write(self, call: Call, chain: list[Call]) -> None:
        graph = self.graph
        arguments = [
            Arguments(
                c.row, {name: self._argument(value) for name, value in c.args.items() if c is call or name != "x"}, []
            )
            for c in chain
        ]
        first = arguments[0]
        last = chain[-1]
        facts = [self.trace.values[n] if n >= 0 else None for n in last.outputs]
        first.outputs = [Tensor(graph, v.shape, v.dtype) if v else Tensor(graph, (), "float32") for v in facts]
        for number, tensor in zip(last.outputs, first.outputs):
            self.values[number] = tensor
        if self._computed(first, last, facts):
            return
        unsure = call.row in _VALUES_TELL or any(t.unsure for t in first.tensors)
        for tensor in first.outputs:
            tensor.unsure = unsure
        graph.path = call.path
        rule = RULES.get(call.row)
        try:
            if rule is None:
                raise Unsupported(f"{call.row} has no counterpart in ONNX")
            if any(t.dtype.startswith("complex") for t in (*first.tensors, first.out)):
                raise Unsupported("complex numbers have no counterpart in ONNX")
            if unsure and call.row in _SHAPES_TELL:
                raise Unsupported("a shape that depends on the values of the inputs")
            names = resamples(graph, first["x"], first.out, arguments) if len(chain) > 1 else rule(graph, first)
        except (Unsupported, TypeError) as error:
            if isinstance(error, TypeError):
                varying = [n for n, v in call.args.items() if _varies(v)]
                if not varying:
                    raise
                error = Unsupported(f"{', '.join(varying)} must not depend on the sizes of the inputs")
            where = f"module {call.path!r} ({call.kind})" if call.path else call.kind or "the function"
            raise Unsupported(f"op {call.row!r} in {where}: {error}") from None
        for tensor, name in zip(first.outputs, names if isinstance(names, list) else [names]):
            tensor.given = name or ""
            if name:
                graph.known.append(tensor)

    def _computed(self, call: Arguments, last: Call, facts: list[Any]) -> bool:
        """Is the result known without a run: made of parameters and constants, or of elements that are all alike?"""
        tensors = call.tensors
        numbers = [v for v in call.args.values() if isinstance(v, (Many, Call))]
        if call.row in _VIEWS or call.row in ("cast", "clone", "contiguous"):
            x = call.args.get("x")
            if isinstance(x, Tensor) and isinstance(x.array, Varying) and x.uniform is not None:
                value = np.asarray(x.uniform, dtype=None if call.out.dtype == "bfloat16" else call.out.dtype)
                count = len(x.array.arrays)
                shapes = [[n[k] if isinstance(n, Many) else n for n in call.out.shape] for k in range(count)]
                call.out.array = Varying([np.broadcast_to(value, shape) for shape in shapes])
                return True
        if not self.fold or numbers or not tensors or not all(t.folded for t in tensors) or call.row == "dropout":
            return False
        if any(v is not None and (v.tensor is None or v.tensor._version != v.version) for v in facts):
            return False
        if any(isinstance(n, Many) for v in facts if v for n in v.shape):
            return False
        for tensor, value in zip(call.outputs, facts):
            if value is not None:
                tensor.array, tensor.folded = _elements(value.tensor), True
        return True


def _varies(value: Any) -> bool:
    return isinstance(value, Many) or (isinstance(value, tuple) and any(isinstance(v, Many) for v in value))


def _live(trace: Trace) -> list[Call]:
    """The calls that the outputs depend on."""
    needed = {ref.number for ref in tensors_of(trace.outputs)}
    kept = []
    for call in reversed(trace.calls):
        if needed.intersection(call.outputs):
            kept.append(call)
            needed.update(ref.number for ref in _refs(call.args))
    return kept[::-1]


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Call):
        yield from _refs(value.args)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _refs(item)


def _elements(tensor: Any) -> np.ndarray[Any, Any]:
    plain = tensor.detach()
    found: np.ndarray[Any, Any] = (plain.to("float32") if str(plain.dtype) == "bfloat16" else plain).numpy()
    return found


def _verify(proto: Any, model: Any, args: Any, kwargs: Any, names: list[str], tensors: list[Any]) -> None:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("export: verify needs onnxruntime: pip install onnxruntime") from error
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    wanted = {i.name for i in session.get_inputs()}
    found = session.run(None, {n: _elements(t) for n, t in zip(names, tensors) if n in wanted})
    for ours, theirs in zip(tensors_of(model(*args, **kwargs)), found):
        expected = _elements(ours)
        if expected.shape != theirs.shape or not np.allclose(expected, theirs, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise ValueError("export: ONNX Runtime computes something else than the module")
