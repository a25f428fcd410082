"""Elementwise rows as ONNX nodes: the operator of the same meaning, else the row's own expression."""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

import numpy as np

from ... import _C
from .._graph import Graph, Tensor, Unsupported
from .._numbers import Differing, Many
from .registry import RULES, Arguments, rule

# rows with an operator that means the same for floating numbers
_DIRECT = {
    "abs": "Abs", "neg": "Neg", "sign": "Sign", "sqrt": "Sqrt", "exp": "Exp", "log": "Log", "sin": "Sin", "cos": "Cos",
    "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "floor": "Floor", "ceil": "Ceil", "round": "Round",
    "erf": "Erf", "sigmoid": "Sigmoid", "relu": "Relu", "reciprocal": "Reciprocal", "softsign": "Softsign",
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "maximum": "Max", "minimum": "Min",
    "clamp_min": "Max", "clamp_max": "Min", "where": "Where", "isnan": "IsNaN", "isinf": "IsInf",
    "positive": "Identity", "conj": "Identity",
}  # fmt: skip
_COMPARISONS = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}
_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not"}
# what the C expressions take as given
_TEXTS = {
    "silu": "x * sigmoid(x)", "gelu": "x * ndtr(x)",
    "ndtr": "0.5 * (1 + erf(x * 0.7071067811865476))", "expm1": "exp(x) - 1",
    "log1p": "log(1 + x)", "rsqrt": "1 / sqrt(x)", "square": "x * x", "exp2": "exp(x * 0.6931471805599453)",
    "log2": "log(x) * 1.4426950408889634", "log10": "log(x) * 0.4342944819032518", "hypot": "sqrt(x * x + y * y)",
    "logaddexp": "maximum(x, y) + log(1 + exp(-abs(x - y)))", "xlogy": "where(x == 0, 0, x * log(y))",
    "xlog1py": "where(x == 0, 0, x * log(1 + y))", "erfc": "1 - erf(x)", "trunc": "sign(x) * floor(abs(x))",
    "fabs": "abs(x)", "sgn": "sign(x)", "cbrt": "sign(x) * pow(abs(x), 0.3333333333333333)",
    "remainder": "x - y * floor(x / y)", "floor_divide": "floor(x / y)", "fmod": "x - y * trunc(x / y)",
    "isfinite": "x - x == 0", "isposinf": "x == 1e999", "isneginf": "x == -1e999", "tied": "x",
    "mish": "x * tanh(maximum(x, 0) + log(1 + exp(-abs(x))))",
    "sinc": "where(x == 0, 1, sin(x * 3.141592653589793) / (x * 3.141592653589793))",
    "log_sigmoid": "minimum(x, 0) - log(1 + exp(-abs(x)))", "fmax": "where(x != x, y, where(y != y, x, maximum(x, y)))",
    "fmin": "where(x != x, y, where(y != y, x, minimum(x, y)))", "copysign": "where(y < 0, -abs(x), abs(x))",
    "logaddexp2": "maximum(x, y) + log(1 + exp(-abs(x - y) * 0.6931471805599453)) * 1.4426950408889634",
    "atan2": "where(y == 0, where(x == 0, 0, 1.5707963267948966 * sign(x)), atan(x / y)"
             " + where(y < 0, where(x < 0, -3.141592653589793, 3.141592653589793), 0))",
    "entr": "where(x == 0, 0, -x * log(x))", "ldexp": "x * exp2(y)", "signbit": "x < 0",
}  # fmt: skip


@cache
def _table() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _C.op_table() if row["family"] == "elementwise"}


def _text(row: str) -> str | None:
    """A row's expression, unless it only names a function of C's."""
    if row in _TEXTS:
        return _TEXTS[row]
    expression: str = _table()[row]["expression"] if row in _table() else ""
    return expression if expression and not expression.startswith(row + "(") else None


class _Writer:
    """Writes an expression: operands are names, of numbers of one dtype or of truth values."""

    def __init__(self, graph: Graph, dtype: str) -> None:
        self.graph, self.dtype = graph, dtype

    def number(self, value: float) -> str:
        return self.graph.constant(np.asarray(value), self.dtype)

    def row(self, row: str, operands: list[str]) -> str:
        graph = self.graph
        name: str
        if row in _COMPARISONS:
            name = graph.node(_COMPARISONS[row], operands)
        elif row == "ne":
            name = graph.node("Not", [graph.node("Equal", operands)])
        elif row in ("maximum", "minimum", "clamp_min", "clamp_max") and self.dtype == "bool":
            name = graph.node("Or" if row in ("maximum", "clamp_min") else "And", operands)
        elif row in _LOGIC:
            name = graph.node(_LOGIC[row], operands)
        elif row in _DIRECT:
            kind = _DIRECT[row]
            if kind == "Where" or graph.allows(kind, self.dtype):
                return graph.node(kind, operands)
            # of 16 bits, in float32
            name = graph.node(kind, [graph.cast(n, "float32") for n in operands])
            name = name if kind in ("IsNaN", "IsInf") else graph.cast(name, self.dtype)
        else:
            text = _text(row)
            if text is None:
                raise Unsupported(f"{row} has no counterpart in ONNX")
            name = self.text(text, operands)
        return name

    def text(self, text: str, operands: list[str]) -> str:
        tree = ast.parse(text.replace("\n", " "), mode="eval").body
        return self.tree(tree, dict(zip("xyz", operands)))

    def tree(self, tree: ast.AST, names: dict[str, str]) -> str:
        if isinstance(tree, ast.Name):
            return names[tree.id]
        if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
            return self.number(tree.value)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            if isinstance(tree.operand, ast.Constant) and isinstance(tree.operand.value, (int, float)):
                return self.number(-tree.operand.value)
            return self.row("neg", [self.tree(tree.operand, names)])
        if isinstance(tree, ast.BinOp):
            row = _OPERATORS[type(tree.op)]
            return self.row(row, [self.tree(tree.left, names), self.tree(tree.right, names)])
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
            row = _OPERATORS[type(tree.ops[0])]
            return self.row(row, [self.tree(tree.left, names), self.tree(tree.comparators[0], names)])
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            return self.row(tree.func.id, [self.tree(argument, names) for argument in tree.args])
        raise Unsupported(f"the expression {ast.unparse(tree)!r} has no counterpart in ONNX")


_OPERATORS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.BitAnd: "logical_and", ast.BitOr: "logical_or",
    ast.BitXor: "logical_xor", ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip


def promoted(values: list[Any]) -> str:
    """The dtype that operands are computed in: numbers adapt to tensors."""
    dtypes = [_C.dtype(v.dtype) for v in values if isinstance(v, Tensor)]
    if not dtypes:
        return "float32"
    dtype = dtypes[0]
    for other in dtypes[1:]:
        dtype = _C.promote_types(dtype, other)
    for value in values:
        if isinstance(value, float) and not str(dtype).startswith(("float", "bfloat", "complex")):
            dtype = _C.dtype("float32")
        elif isinstance(value, int) and not isinstance(value, bool) and str(dtype) == "bool":
            dtype = _C.dtype("int64")
    return str(dtype)


def operand(graph: Graph, value: Any, dtype: str) -> str:
    """A tensor or number as a value of a dtype."""
    if isinstance(value, Tensor):
        return graph.as_dtype(value, dtype)
    if isinstance(value, (Many, tuple, Differing)):
        return graph.number(value, dtype)
    return graph.number(complex(value) if isinstance(value, complex) else value, dtype)


def _operands(call: Arguments) -> list[Any]:
    return list(call.args.values())


def elementwise(graph: Graph, call: Arguments) -> str:
    """Any elementwise row."""
    row, values = call.row, _operands(call)
    out = call.out.dtype
    logic = bool(_table()[row]["logic"])
    name: str
    if row in _LOGIC:
        return graph.node(_LOGIC[row], [_truth(graph, v) for v in values])
    if row == "where":
        return graph.node("Where", [_truth(graph, values[0]), *(operand(graph, v, out) for v in values[1:])])
    dtype = promoted(values) if logic else out
    special = _SPECIAL.get(row)
    if special is not None:
        found = special(graph, call, dtype)
        if found is not None:
            return found
    if logic and row not in _COMPARISONS and row != "ne" and not dtype.startswith(("float", "bfloat")):
        dtype = "float32"
    if row in ("lt", "le", "gt", "ge") and dtype == "bool":
        dtype = "int32"
    if out == "bool" and not logic:
        dtype = "bool"
        if row in ("add", "mul"):
            return graph.node("Or" if row == "add" else "And", [operand(graph, v, dtype) for v in values])
    writer = _Writer(graph, dtype)
    names = [operand(graph, v, dtype) for v in values]
    if dtype not in ("bool",) and call.out.dtype.startswith(("int", "uint")) and row in _FLOATING_ONLY:
        names = [graph.cast(n, "float64") for n in names]
        name = _Writer(graph, "float64").row(row, names)
        return graph.cast(name, out)
    return writer.row(row, names)


_FLOATING_ONLY = {"floor_divide", "remainder", "fmod", "trunc", "floor", "ceil", "round", "pow"}


def _truth(graph: Graph, value: Any) -> str:
    if not isinstance(value, Tensor):
        return graph.constant(np.asarray(bool(value)))
    return value.name if value.dtype == "bool" else graph.cast(value.name, "bool")


# ---- rows with an operator of their own, where the opset has it


def _gelu(graph: Graph, call: Arguments, dtype: str) -> str | None:
    if graph.opset < 20 or not graph.allows("Gelu", dtype):
        return None
    approximate = "tanh" if call.row == "gelu_tanh" else "none"
    return graph.node("Gelu", [operand(graph, call["x"], dtype)], approximate=approximate)


def _unary(kind: str, since: int = 1, **attributes: Any) -> Any:
    def write(graph: Graph, call: Arguments, dtype: str) -> str | None:
        if graph.opset < since or not graph.allows(kind, dtype):
            return None
        found: dict[str, Any] = {k: float(call[v]) if isinstance(v, str) else v for k, v in attributes.items()}
        return graph.node(kind, [operand(graph, next(iter(call.args.values())), dtype)], **found)

    return write


def _clip(graph: Graph, call: Arguments, dtype: str) -> str | None:
    x, *bounds = call.args.values()
    if call.row in ("relu6",):
        bounds = [0.0, 6.0]
    elif call.row == "clamp_max":
        bounds = [None, bounds[0]]
    if any(isinstance(b, Tensor) and b.ndim for b in bounds) or not isinstance(x, Tensor):
        return None
    names = ["" if b is None else operand(graph, b, dtype) for b in bounds]
    return graph.node("Clip", [operand(graph, x, dtype), *names])


def _softplus(graph: Graph, call: Arguments, dtype: str) -> str | None:
    if call["beta"] != 1 or not graph.allows("Softplus", dtype):
        return None
    return graph.node("Softplus", [operand(graph, call["x"], dtype)])


def _prelu(graph: Graph, call: Arguments, dtype: str) -> str:
    return graph.node("PRelu", [operand(graph, v, dtype) for v in call.args.values()])


def _modulo(graph: Graph, call: Arguments, dtype: str) -> str | None:
    if not dtype.startswith(("int", "uint")):
        return None
    names = [operand(graph, v, dtype) for v in call.args.values()]
    return graph.node("Mod", names, fmod=int(call.row == "fmod"))


def _bits(kind: str, logic: str) -> Any:
    def write(graph: Graph, call: Arguments, dtype: str) -> str:
        names = [operand(graph, v, dtype) for v in call.args.values()]
        if dtype != "bool" and graph.opset < 18:
            raise Unsupported(f"{call.row} of integers needs opset 18")
        return graph.node(logic if dtype == "bool" else kind, names)

    return write


def _shift(direction: str) -> Any:
    def write(graph: Graph, call: Arguments, dtype: str) -> str:
        wide = dtype if dtype.startswith("uint") else "u" + dtype
        names = [graph.cast(operand(graph, v, dtype), wide) for v in call.args.values()]
        return graph.cast(graph.node("BitShift", names, direction=direction), dtype)

    return write


def _is_infinite(negative: int, positive: int) -> Any:
    def write(graph: Graph, call: Arguments, dtype: str) -> str | None:
        if dtype not in ("float32", "float64"):
            return None
        x = operand(graph, call["x"], dtype)
        return graph.node("IsInf", [x], detect_negative=negative, detect_positive=positive)

    return write


def _power(graph: Graph, call: Arguments, dtype: str) -> str | None:
    if call["y"] == 2 and isinstance(call["x"], Tensor):
        x = operand(graph, call["x"], dtype)
        return graph.node("Mul", [x, x])
    return None


_SPECIAL: dict[str, Any] = {
    "gelu": _gelu, "gelu_tanh": _gelu, "leaky_relu": _unary("LeakyRelu", alpha="negative_slope"),
    "elu": _unary("Elu", alpha="alpha"), "celu": _unary("Celu", 12, alpha="alpha"),
    "selu": _unary("Selu", alpha=1.6732632423543772, gamma=1.0507009873554805),
    "hardsigmoid": _unary("HardSigmoid", alpha=1 / 6, beta=0.5), "hardswish": _unary("HardSwish", 14),
    "mish": _unary("Mish", 18), "hardtanh": _clip, "clamp": _clip, "relu6": _clip, "clamp_min": _clip,
    "clamp_max": _clip, "softplus": _softplus, "prelu": _prelu, "remainder": _modulo, "fmod": _modulo,
    "bitwise_and": _bits("BitwiseAnd", "And"), "bitwise_or": _bits("BitwiseOr", "Or"),
    "bitwise_xor": _bits("BitwiseXor", "Xor"), "bitwise_not": _bits("BitwiseNot", "Not"),
    "bitwise_left_shift": _shift("LEFT"), "bitwise_right_shift": _shift("RIGHT"), "pow": _power,
    "isinf": _is_infinite(1, 1), "isposinf": _is_infinite(0, 1), "isneginf": _is_infinite(1, 0),
}  # fmt: skip

for _row in _table():
    RULES[_row] = elementwise


@rule("cast")
def _cast(graph: Graph, call: Arguments) -> str:
    return graph.cast(call["x"].name, call.out.dtype)


@rule("clone", "contiguous", "stand_in")
def _same(graph: Graph, call: Arguments) -> str:
    return call["x"].name


@rule("dropout")
def _dropout(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    if not call["training"] or not call["p"]:
        return x.name
    name: str = graph.node("Dropout", [x.name, graph.constant(np.float32(call["p"])), graph.constant(np.asarray(True))])
    return name


_LOSSES = {
    "mse_loss": "squared_error", "l1_loss": "absolute_error", "smooth_l1_loss": "smooth_error",
    "huber_loss": "huber_error", "bernoulli_loss": "bernoulli_error", "logistic_loss": "logistic_error",
}  # fmt: skip


@rule(*_LOSSES)
def _loss(graph: Graph, call: Arguments) -> str:
    """Its terms, folded."""
    dtype = call.out.dtype
    values = [v for name, v in call.args.items() if name != "reduction"]
    terms = _Writer(graph, dtype).row(_LOSSES[call.row], [operand(graph, v, dtype) for v in values])
    if call["reduction"] == "none":
        return terms
    name: str = graph.node("ReduceSum" if call["reduction"] == "sum" else "ReduceMean", [terms], keepdims=0)
    return name
