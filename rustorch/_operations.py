"""Names of the Python face: synonyms of rows, calls that choose among rows by their arguments, and
the methods of Tensor.  No arithmetic of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    _C,
    _compositions,
    _creation,
    _distributions,
    _elementwise,
    _facts,
    _layers,
    _matrices,
    _norms,
    _shapes,
    _sorting,
    _statistics,
    return_types,
)
from ._guard import guarded

_ops: dict[str, Any] = _C.ops
Tensor = _C.Tensor

# synonym -> row
SYNONYMS = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "power": "pow", "equal_to": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "fix": "trunc", "clip": "clamp",
    "special_expit": "sigmoid", "expit": "sigmoid", "swapaxes": "transpose", "swapdims": "transpose", "concat": "cat",
    "concatenate": "cat", "moveaxis": "movedim", "conj_physical": "conj", "rint": "round", "logsigmoid": "log_sigmoid",
    "det_": "det", "mod": "remainder", "radians": "deg2rad", "degrees": "rad2deg",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "invert": "bitwise_not",
}  # fmt: skip

# rows that are not methods, or whose method means something else
NOT_METHODS = {
    "cat", "stack", "where", "linear", "mse_loss", "cross_entropy", "nll_loss", "copy", "cast", "index", "slice",
    "basic_index", "max_dim", "min_dim", "pad", "embedding", "one_hot", "dropout", "index_put", "contiguous",
    "clone", "view", "mT",
    "median_dim", "nanmedian_dim", "median_all", "nanmedian_all", "argsort_rows", "search",
    "ctc", "ctc_gradient",
    "tied", "replace_nan", "replace_inf", "frexp_exponent",
    "l1_loss", "smooth_l1_loss", "huber_loss", "bernoulli_loss", "logistic_loss",
    "squared_error", "absolute_error", "smooth_error", "huber_error", "logistic_error", "bernoulli_error",
    "polygamma", "convolution", "convolution_weight", "resample",
    "max_pool", "adaptive_max_pool", "fractional_max_pool", "pool_gather", "pool_scatter",
    "unfold_columns", "fold_columns", "grid_sample",
    "sparse_matmul", "sparse_sample", "sparse_product", "sparse_turn", "sparse_check",
}  # fmt: skip


def _extremum(whole: str, pair: str, binary: str, result: Any) -> Callable[..., Any]:
    reduce, along, elementwise = _ops[whole], _ops[pair], _ops[binary]

    def function(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        axis: Any = ...,
        keepdims: bool = False,
        other: Any = None,
        out: Any = None,
    ) -> Any:
        if axis is not ...:
            return reduce(input, axis, keepdims, out=out)
        if other is not None or isinstance(dim, Tensor):
            return elementwise(input, dim if other is None else other, out=out)
        if dim is None:
            return reduce(input, None, keepdim or keepdims, out=out)
        return result(*along(input, dim, keepdim, out=out))

    function.__name__ = function.__qualname__ = whole[1:]
    function.__doc__ = (
        f"{whole[1:]}(x), {whole[1:]}(x, dim, keepdim=False) -> (values, indices), {whole[1:]}(x, other): as PyTorch;"
        f" {whole[1:]}(x, axis=...) reduces as NumPy."
    )
    return function


max = _extremum("amax", "max_dim", "maximum", return_types.max)
min = _extremum("amin", "min_dim", "minimum", return_types.min)


def where(
    condition: Any, input: Any = None, other: Any = None, *, out: Any = None, x: Any = None, y: Any = None
) -> Any:
    """input where condition is true, other elsewhere; where(condition) is nonzero(as_tuple=True)."""
    input, other = x if input is None else input, y if other is None else other
    if input is None and other is None:
        return _shapes.nonzero(condition, as_tuple=True)
    return _ops["where"](condition, input, other, out=out)


def gelu(input: Any, approximate: str = "none") -> Any:
    """Gaussian error linear unit; approximate="tanh" for the cheaper form."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return _ops["gelu" if approximate == "none" else "gelu_tanh"](input)


def var(input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, **kw: Any) -> Any:
    """Variance; divides by n - correction (1 unless `axis` or `ddof` speak NumPy)."""
    return _spread("var", input, dim, unbiased, keepdim, kw)


def std(input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, **kw: Any) -> Any:
    """Standard deviation; divides by n - correction (1 unless `axis` or `ddof` speak NumPy)."""
    return _spread("std", input, dim, unbiased, keepdim, kw)


def _spread(name: str, x: Any, dim: Any, unbiased: Any, keepdim: bool, kw: dict[str, Any]) -> Any:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        kw["correction"] = float(unbiased)
    if kw.get("correction", 0) is None:
        del kw["correction"]
    if dim is not None:
        kw["dim"] = dim
    if keepdim:
        kw["keepdim"] = keepdim
    return _ops[name](x, **kw)


_ROWS: dict[Any, str] = {max: "amax", min: "amin", where: "where", gelu: "gelu", var: "var", std: "std"}
_CHOOSERS: dict[str, Any] = {f.__name__: _C._overload(_ops[row], f) for f, row in _ROWS.items()}


def public() -> dict[str, Any]:
    """Everything that `rustorch` shows beside the rows themselves."""
    names = {synonym: _ops[row] for synonym, row in SYNONYMS.items() if row in _ops}
    names.update(_compositions.public())
    names.update(_shapes.public())
    names.update(_creation.public())
    names.update(_facts.public())
    for part in (_sorting, _statistics, _norms):
        names.update(part.public())
    names.update(_matrices.public())
    names.update(_CHOOSERS)
    names.update(_elementwise.public())
    names.update(_layers.public())
    names.update(guarded(names))
    return names


def _attach() -> None:
    from . import _methods

    methods: dict[str, Any] = {n: f for n, f in _ops.items() if n not in NOT_METHODS | _layers.ROWS | _matrices.ROWS}
    for synonym, row in SYNONYMS.items():
        if row in methods:
            methods[synonym] = methods[row]
            if row + "_" in methods:
                methods[synonym + "_"] = methods[row + "_"]
    methods.update(_compositions.methods())
    methods.update(_shapes.methods())
    for part in (_sorting, _statistics, _norms):
        methods.update(part.methods())
    methods.update(_matrices.methods())
    methods.update({n: f for n, f in _CHOOSERS.items() if n != "where"})
    methods.update(_elementwise.methods())
    methods.update(_methods.methods())
    methods.update(_creation.methods())
    methods.update(_facts.methods())
    methods.update(_distributions.methods())
    methods.update(guarded(methods))
    for name, function in methods.items():
        _C._add_method(name, function)
    for name, function in _methods.node_methods().items():
        _C._add_node_method(name, function)


_attach()
