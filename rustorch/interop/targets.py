"""The closed table of what a step of a Program may call, by name.

| name | is |
|---|---|
| `relu`, `linalg.solve`, `nn.functional.conv2d` | the function of rustorch of that name |
| `Tensor.view` | the method, called on its first argument |
| `Tensor.shape` | the attribute of its only argument |
| `operator.add`, `math.sqrt`, `builtins.len` | Python's own, on tensors, numbers and shapes |
| `aten.slice`, `onnx.Resize` | functions of a converter, from a table of its own (`CONVERTERS`) |

Nothing here reads or writes files, starts processes, changes settings, or takes the name of an attribute.
"""

from __future__ import annotations

import builtins
import importlib
import math
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import rustorch

from .. import _C, _operations

__all__ = ["CONVERTERS", "OPERATORS", "is_attribute", "is_target", "resolve"]

# prefix -> module with a dict FUNCTIONS, name -> function; loaded when a name with the prefix is asked for
CONVERTERS = {"aten": "rustorch.interop._aten", "onnx": "rustorch.onnx._functions"}

# rows and functions of rustorch that are no computation on tensors
_LEFT_OUT = {"create_variable", "finfo", "from_torch", "frombuffer", "iinfo"}
_CREATION = {
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones",
    "ones_like", "tensor", "zeros", "zeros_like", "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "poisson", "binomial", "bartlett_window", "blackman_window",
    "hamming_window", "hann_window", "kaiser_window", "stft", "istft", "promote_types",
}  # fmt: skip
_ELSEWHERE = {
    "addmv_", "affine_grid_generator", "alpha_dropout_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_",
    "arctanh_", "binary_cross_entropy_with_logits", "conj_physical_", "cosine_embedding_loss", "ctc_loss",
    "detach_", "dropout_", "feature_alpha_dropout", "feature_alpha_dropout_", "feature_dropout", "feature_dropout_",
    "fix_", "frobenius_norm", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "hinge_embedding_loss", "kl_div",
    "margin_ranking_loss", "native_batch_norm", "native_channel_shuffle", "native_dropout", "native_group_norm",
    "native_layer_norm", "negative_", "norm_except_dim", "nuclear_norm", "poisson_nll_loss", "segment_reduce",
    "triplet_margin_loss", "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh",
    "rnn_tanh_cell", "alpha_dropout",
}  # fmt: skip
_METHODS = {
    "astype", "bernoulli", "bernoulli_", "bfloat16", "bool", "byte", "cauchy_", "cdouble", "cfloat", "char",
    "contiguous", "cpu", "dim", "double", "element_size", "exponential_", "fill_diagonal_", "float", "geometric_",
    "half", "int", "is_contiguous", "item", "log_normal_", "long", "multinomial", "ndimension", "nelement",
    "new_empty", "new_full", "new_ones", "new_tensor", "new_zeros", "normal_", "random_", "requires_grad_", "short",
    "size", "stride", "to", "to_dense", "tolist", "type_as", "uniform_", "stft", "istft",
}  # fmt: skip
_ATTRIBUTES = {
    "H", "T", "mH", "mT", "data", "device", "dtype", "imag", "is_cuda", "is_leaf", "is_sparse", "itemsize", "layout",
    "nbytes", "ndim", "real", "requires_grad", "shape",
}  # fmt: skip
# name in the module operator -> how it is written
OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "eq": "==", "ne": "!=", "lt": "<", "le": "<=",
    "gt": ">", "ge": ">=",
}  # fmt: skip
_OPERATORS = {
    *OPERATORS, "neg", "pos", "invert", "abs", "getitem", "setitem", "iadd", "isub", "imul", "itruediv", "ifloordiv",
    "imod", "ipow", "imatmul", "iand", "ior", "ixor", "not_", "is_", "is_not", "index",
}  # fmt: skip
_MATH = {"ceil", "cos", "exp", "floor", "isqrt", "log", "log10", "log2", "pow", "prod", "sin", "sqrt", "tan", "tanh",
         "trunc"}  # fmt: skip
_BUILTINS = {"abs", "bool", "float", "int", "len", "list", "max", "min", "round", "slice", "sum", "tuple"}
_MODULES: dict[str, Callable[[], Any]] = {
    name: lambda name=name: importlib.import_module(f"rustorch.{name}")  # type: ignore[misc]
    for name in ("fft", "linalg", "nn.functional", "special")
}


@cache
def _names(module: str) -> frozenset[str]:
    """What may be called of `rustorch` (""), of a submodule, or of "Tensor"."""
    if module == "":
        from rustorch import _FUNCTIONAL

        rows = {*_C.ops, *_operations.public()} - _LEFT_OUT
        return frozenset(rows | _CREATION | _ELSEWHERE | _FUNCTIONAL)
    if module == "Tensor":
        computing = _names("") | _names("nn.functional")
        ours = {name for name in dir(_C.Tensor) if name in computing or name.removesuffix("_") in computing}
        return frozenset({*ours, *_METHODS} - _ATTRIBUTES)
    holder = _MODULES[module]()
    listed = getattr(holder, "__all__", None) or [name for name in vars(holder) if not name.startswith("_")]
    own = (name for name in listed if callable(getattr(holder, name)) and not isinstance(getattr(holder, name), type))
    return frozenset(own)


def _from_converter(prefix: str) -> Mapping[str, Callable[..., Any]]:
    try:
        table: Mapping[str, Callable[..., Any]] = importlib.import_module(CONVERTERS[prefix]).FUNCTIONS
    except ModuleNotFoundError as error:
        if error.name and CONVERTERS[prefix].startswith(error.name):
            return {}
        raise
    return table


def is_attribute(target: str) -> bool:
    """Whether the name is that of an attribute of a Tensor, which is read, not called."""
    return target.startswith("Tensor.") and target[7:] in _ATTRIBUTES


def is_target(target: str) -> bool:
    """Whether the table has the name."""
    prefix, _, name = target.rpartition(".")
    if prefix in ("", "Tensor") or prefix in _MODULES:
        return name in _names(prefix) or is_attribute(target)
    if prefix in CONVERTERS:
        return name in _from_converter(prefix)
    return name in {"operator": _OPERATORS, "math": _MATH, "builtins": _BUILTINS}.get(prefix, ())


@cache
def resolve(target: str) -> Callable[..., Any]:
    """The function behind a name of the table; LookupError for other names.

    >>> resolve("relu")(rustorch.tensor([-1.0, 2.0]))
    tensor([0.0, 2.0])
    """
    if not isinstance(target, str) or not is_target(target):
        raise LookupError(f"a step cannot call {target!r}: not in the table of functions (rustorch.interop.targets)")
    prefix, _, name = target.rpartition(".")
    if is_attribute(target):
        return operator.attrgetter(name)
    if prefix in CONVERTERS:
        return _from_converter(prefix)[name]
    homes = {"": rustorch, "Tensor": _C.Tensor, "operator": operator, "math": math, "builtins": builtins}
    home = homes[prefix] if prefix in homes else _MODULES[prefix]()
    function: Callable[..., Any] = getattr(home, name)
    return function
