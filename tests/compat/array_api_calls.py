"""Calls of the array API's functions: for each name a generator of (arguments, keywords).

Arrays are ndarrays, made anew from the generator of random numbers that is handed in; the tests turn them
into arrays of both libraries.  A dtype is a str under the keyword dtype, or a Dtype among the arguments.
"""
import itertools

import numpy

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float32", "float64", "complex64", "complex128"]  # fmt: skip
REAL = [d for d in DTYPES if d[0] in "iuf"]
FLOATING = ["float32", "float64", "complex64", "complex128"]
SHAPES = [(), (0,), (3,), (1, 3), (2, 3), (2, 0, 3), (2, 1), (3, 2, 2)]
PAIRS = [((3,), (3,)), ((), (3,)), ((2, 1), (1, 3)), ((), ()), ((0,), (0,)), ((2, 1, 3), (4, 1))]
SPECIAL = [numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 3.5, -2.5, -7.0]


class Dtype(str):
    """The name of a dtype, where the dtype itself is an argument."""


def make(r, dtype, shape, special=True, low=-9, high=9):
    """Random elements; floats are now and then special values."""
    d, n = numpy.dtype(dtype), int(numpy.prod(shape))
    if d.kind == "b":
        values = r.integers(0, 2, n)
    elif d.kind in "iu":
        values = r.integers(0 if d.kind == "u" else low, high, n)
    elif d.kind == "f":
        values = r.normal(size=n) * 3
        values = numpy.where(r.random(n) < 0.3, r.choice(SPECIAL, n), values) if special else values
    else:
        values = r.normal(size=n) + 1j * r.normal(size=n)
    return values.astype(d).reshape(shape)


def unary(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        yield (make(r, d, s),), {}


def binary(r):
    for x, y in itertools.product(DTYPES, DTYPES):
        for a, b in PAIRS:
            yield (make(r, x, a), make(r, y, b)), {}
        for number in (True, 2, 0.5, 1j):
            yield (make(r, x, (3,)), number), {}
            yield (number, make(r, x, (2, 2))), {}


def shifted(r):
    for x, y in itertools.product(DTYPES[1:9], DTYPES[1:9]):
        for a, b in PAIRS:
            yield (make(r, x, a), make(r, y, b, low=0, high=7)), {}
        yield (make(r, x, (3,)), 2), {}
        yield (2, make(r, x, (3,), low=0, high=6)), {}


def divided(r):
    for (x, y), words in binary(r):
        if isinstance(y, numpy.ndarray) and y.dtype.kind in "iu":
            y = numpy.where(y == 0, y.dtype.type(1), y)
        yield (x, y), words


def powers(r):
    for (x, y), words in binary(r):
        if not any(numpy.iscomplexobj(v) for v in (x, y)):          # accuracy of huge complex powers: not here
            yield (x, abs(y) if numpy.result_type(y).kind == "i" else y), words
    for d in FLOATING[2:]:
        yield (make(r, d, (3,)), make(r, d, (3,))), {}


def reduced(r, words=({},), dtypes=DTYPES, special=True):
    for d, s in itertools.product(dtypes, SHAPES):
        axes = [None, *range(-len(s), len(s)), *itertools.combinations(range(len(s)), 2)]
        for axis, keep, more in itertools.product(axes, (False, True), words):
            yield (make(r, d, s, special),), {"axis": axis, "keepdims": keep, **more}
        yield (make(r, d, s, special),), {}


def summed(r):
    yield from reduced(r, ({}, {"dtype": "float64"}))
    yield from reduced(r, ({"dtype": "int16"}, {"dtype": "complex128"}), special=False)


def spread(r):
    return reduced(r, ({}, {"correction": 1}, {"correction": 0.5}), FLOATING[:2])


def extreme(r):
    for args, words in reduced(r, dtypes=[*REAL]):
        if 0 not in args[0].shape and not isinstance(words.get("axis"), tuple):
            yield args, words


def scanned(r):
    for d, s in itertools.product(DTYPES[1:], SHAPES[1:]):
        for axis in range(-len(s), len(s)):
            for more in ({}, {"include_initial": True}, {"dtype": "float64"}):
                yield (make(r, d, s),), {"axis": axis, **more}
        if len(s) == 1:
            yield (make(r, d, s),), {}


def differences(r):
    for d, s in itertools.product(DTYPES[1:], SHAPES[2:]):
        for axis, n in itertools.product(range(-len(s), len(s)), (1, 2)):
            side = tuple(2 if i == axis % len(s) else k for i, k in enumerate(s))
            yield (make(r, d, s),), {"axis": axis, "n": n}
            yield (make(r, d, s),), {"axis": axis, "n": n, "prepend": make(r, d, side), "append": make(r, d, side)}
            yield (make(r, d, s),), {"axis": axis, "n": n, "prepend": None}


def ordered(r):
    for d, s in itertools.product(REAL, SHAPES[1:]):
        for axis, down in itertools.product(range(-len(s), len(s)), (False, True)):
            yield (make(r, d, s, special=False, low=-3, high=3),), {"axis": axis, "descending": down, "stable": True}
        yield (make(r, d, s, special=False),), {}


def searched(r):
    for d in REAL:
        edges = numpy.sort(make(r, d, (7,), special=False))
        for s, side in itertools.product(SHAPES, ("left", "right")):
            yield (edges, make(r, d, s, special=False)), {"side": side}
        mixed = make(r, d, (6,), special=False)
        yield (mixed, make(r, d, (3,), special=False)), {"sorter": numpy.argsort(mixed)}
        yield (edges, 2), {}


def chosen(r):
    for x, y in itertools.product(DTYPES, DTYPES):
        for c, a, b in [((3,), (3,), (3,)), ((), (2, 1), (3,)), ((2, 1), (3,), ()), ((0,), (), (0,))]:
            yield (make(r, "bool", c), make(r, x, a), make(r, y, b)), {}
        yield (make(r, "bool", (3,)), make(r, x, (3,)), 2), {}
        yield (make(r, "bool", (3,)), 1.5, make(r, x, (3,))), {}


def membership(r):
    for d in DTYPES[:11]:
        for a, b in [((3,), (4,)), ((2, 3), (2, 2)), ((), (3,)), ((3,), ()), ((3,), (0,))]:
            yield (make(r, d, a, special=False), make(r, d, b, special=False)), {}
        yield (make(r, d, (3,), special=False), True if d == "bool" else 1), {}
        yield (True if d == "bool" else 1, make(r, d, (3,), special=False)), {}


def clipped(r):
    for d, s in itertools.product(REAL, SHAPES):
        lists = [(), (1,), (None, 3), (1, 4), (make(r, d, s, False, 0, 3), None), (0, make(r, d, s, False, 4, 9))]
        for limits in lists:
            yield (make(r, d, s), *limits), {}
        yield (make(r, d, s),), {"min": 0, "max": 5}
        yield (make(r, d, s),), {"max": make(r, d, ())}


def joined(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for axis in range(-len(s), len(s)):
            yield ([make(r, d, s), make(r, d, s), make(r, d, s)],), {"axis": axis}
        yield ([make(r, d, s), make(r, d, (4,))],), {"axis": None}
    yield ([make(r, "int8", (2,)), make(r, "uint8", (3,))],), {}
    yield ([make(r, "float32", (2,)), make(r, "float64", (3,))],), {}


def stacked(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for axis in range(-len(s) - 1, len(s) + 1):
            yield ([make(r, d, s), make(r, d, s)],), {"axis": axis}


def of_axis(r, name="axis", default=True):
    for d, s in itertools.product(DTYPES, SHAPES):
        for axis in range(-len(s), len(s)):
            yield (make(r, d, s),), {name: axis}
        if default:
            yield (make(r, d, s),), {}


def flipped(r):
    yield from of_axis(r)
    yield (make(r, "int8", (2, 3, 2)),), {"axis": (0, -1)}


def unstacked(r):
    for d, s in itertools.product(DTYPES, SHAPES[1:]):
        for axis in range(-len(s), len(s)):
            yield (make(r, d, s),), {"axis": axis}


def rolled(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for shift in (-4, 0, 1, 2**40 + 1):
            yield (make(r, d, s), shift), {}
        for axis in range(-len(s), len(s)):
            yield (make(r, d, s), 2), {"axis": axis}
        if len(s) > 1:
            yield (make(r, d, s), (1, -1)), {"axis": (0, 1)}


def repeated(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        yield (make(r, d, s), 2), {}
        yield (make(r, d, s), 0), {}
        for axis in range(-len(s), len(s)):
            yield (make(r, d, s), 3), {"axis": axis}
            yield (make(r, d, s), make(r, "int64", (s[axis],), low=0, high=3)), {"axis": axis}


def tiled(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for repetitions in [(), (2,), (2, 3), (1, 0), (2, 1, 2, 1)]:
            yield (make(r, d, s), repetitions), {}


def reshaped(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        n = int(numpy.prod(s))
        for shape in [(n,), (-1,), (1, n), (n, 1, 1), s, s[::-1]]:
            for copy in (None, True, False):
                if shape != (-1,) or n:
                    yield (make(r, d, s), shape), {"copy": copy}


def expanded(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for axis in range(-len(s) - 1, len(s) + 1):
            yield (make(r, d, s),), {"axis": axis}
        yield (make(r, d, s),), {"axis": (0, -1)}


def squeezed(r):
    for d in DTYPES:
        yield (make(r, d, (1, 3, 1)), 0), {}
        yield (make(r, d, (1, 3, 1)), -1), {}
        yield (make(r, d, (1, 3, 1)), (0, 2)), {}
        yield (make(r, d, (1, 0, 1)), (0,)), {}


def permuted(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for axes in itertools.permutations(range(len(s))):
            yield (make(r, d, s), axes), {}
        yield (make(r, d, s), tuple(range(-len(s), 0))), {}


def moved(r):
    for d in DTYPES:
        for source, destination in [(0, -1), (2, 0), ((0, 1), (2, 0)), ((-1,), (0,))]:
            yield (make(r, d, (2, 3, 1)), source, destination), {}


def broadcast_to(r):
    for d in DTYPES:
        for s, to in [((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 4)), ((1,), (0,)), ((0,), (2, 0)),
                      ((2, 1, 3), (4, 2, 5, 3))]:  # fmt: skip
            yield (make(r, d, s), to), {}


def broadcast_arrays(r):
    for x, y in itertools.product(DTYPES, DTYPES):
        yield (make(r, x, (2, 1)), make(r, y, (3,)), make(r, x, ())), {}
    yield (make(r, "int8", (3,)),), {}


def broadcast_shapes(r):
    for shapes in [(), ((),), ((3,), (2, 1)), ((0,), (1,)), ((4, 1, 3), (2, 1), ())]:
        yield shapes, {}


def meshed(r):
    for d, indexing in itertools.product(DTYPES[1:], ("xy", "ij")):
        yield (make(r, d, (2,)), make(r, d, (3,))), {"indexing": indexing}
        yield (make(r, d, (2,)), make(r, d, (3,)), make(r, d, (0,))), {"indexing": indexing}
        yield (make(r, d, (2,)),), {}


def triangles(r):
    for d, s, k in itertools.product(DTYPES, [(3, 3), (2, 4), (4, 2), (2, 3, 3), (0, 3), (3, 0)], (-5, -1, 0, 1, 5)):
        yield (make(r, d, s),), {"k": k}


def transposed(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        if len(s) > 1:
            yield (make(r, d, s),), {}


def taken(r):
    for d, s in itertools.product(DTYPES, [(3,), (2, 3), (3, 2, 2)]):
        for axis, kind in itertools.product(range(-len(s), len(s)), ("int8", "int64", "uint16")):
            yield (make(r, d, s), make(r, kind, (4,), low=-2, high=2)), {"axis": axis}
        yield (make(r, d, (4,)), make(r, "int64", (0,))), {}


def taken_along(r):
    for d, s in itertools.product(DTYPES, [(3,), (2, 3), (3, 2, 2)]):
        for axis in range(-len(s), len(s)):
            shape = tuple(4 if i == axis % len(s) else n for i, n in enumerate(s))
            yield (make(r, d, s), make(r, "int64", shape, low=-2, high=2)), {"axis": axis}
        yield (make(r, d, s), make(r, "int64", s, low=0, high=2)), {}


def products(r):
    for x, y in itertools.product(DTYPES[1:], DTYPES[1:]):
        for a, b in [((3,), (3,)), ((2, 3), (3, 4)), ((3,), (3, 2)), ((2, 3), (3,)), ((5, 2, 3), (3, 1)),
                     ((2, 1, 2, 3), (4, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 2)), ((0,), (0,))]:  # fmt: skip
            yield (make(r, x, a, False), make(r, y, b, False)), {}


def inner_products(r):
    for x, y in itertools.product(DTYPES[1:], DTYPES[1:]):
        for a, b, axis in [((3,), (3,), -1), ((2, 3), (2, 3), -2), ((2, 3), (3,), -1), ((2, 1, 3), (4, 3), -1),
                           ((0,), (0,), -1)]:  # fmt: skip
            yield (make(r, x, a, False), make(r, y, b, False)), {"axis": axis}


def contracted(r):
    for x, y in itertools.product(DTYPES[1:], DTYPES[1:]):
        for a, b, axes in [((3,), (3,), 1), ((2, 3), (2, 3), 2), ((2,), (3,), 0), ((2, 3), (3, 2), ((0, 1), (1, 0))),
                           ((2, 3), (4, 3), ((-1,), (-1,))), ((2, 0), (0, 3), 1)]:  # fmt: skip
            yield (make(r, x, a, False), make(r, y, b, False)), {"axes": axes}


def like(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        for to in (None, "float32", "int8", "bool"):
            yield (make(r, d, s, False, 0, 5),), {"dtype": to}


def full_like(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        yield (make(r, d, s), True if d == "bool" else 3), {}
        yield (make(r, d, s), 2.5), {"dtype": "float32"}


def filled(r):
    for shape, d in itertools.product([(), 0, 3, (2, 3), (2, 0)], [None, *DTYPES]):
        yield (shape,), {"dtype": d}


def full(r):
    for shape, value in itertools.product([(), 0, 3, (2, 3), (2, 0)], [True, 3, -2.5, 1j]):
        yield (shape, value), {}
        yield (shape, 1), {"dtype": "int16"}
        yield (shape, value), {"dtype": "complex64"}


def identity(r):
    dtypes = (None, "int8", "complex64", "bool")
    for n, m, k, d in itertools.product((0, 1, 3), (None, 0, 2, 4), (-4, -1, 0, 2), dtypes):
        yield (n, m), {"k": k, "dtype": d}
    yield (3,), {}


def ranges(r):
    for args in [(3,), (0,), (-2,), (1, 5), (5, 1), (0, 10, 3), (10, 0, -3), (0.0, 1.0, 0.25), (3.5,), (0, 4, 1.5)]:
        yield args, {}
        yield args, {"dtype": "float32"}
    yield (2, 6), {"dtype": "uint8"}


def spaced(r):
    for a, b, n, end in itertools.product((0, -1.5, 2 + 1j), (1, 7.25), (0, 1, 2, 5), (True, False)):
        yield (a, b, n), {"endpoint": end}
        yield (a, b, n), {"endpoint": end, "dtype": "complex64" if isinstance(a, complex) else "float32"}


def casts(r):
    for x, y, copy in itertools.product(DTYPES, DTYPES, (True, False)):
        if not (x[0] == "c" and y[0] != "c"):
            yield (make(r, x, (2, 3), False, 0, 9), Dtype(y)), {"copy": copy}


def castable(r):
    """Within a kind; across kinds the standard leaves it open."""
    for x, y in itertools.product(DTYPES, DTYPES):
        if x.strip("u0123456789") == y.strip("u0123456789"):
            yield (Dtype(x), Dtype(y)), {}
            yield (make(r, x, (2,)), Dtype(y)), {}


def kinds(r):
    names = ["bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric"]
    several = [("bool", "real floating"), ("integral", Dtype("bool"))]
    for d, kind in itertools.product(DTYPES, [*names, *map(Dtype, DTYPES), *several]):
        yield (Dtype(d), kind), {}


def common(r):
    for x, y in itertools.product(DTYPES, DTYPES):
        yield (Dtype(x), Dtype(y)), {}
        yield (make(r, x, (2,)), Dtype(y)), {}
        for number in (True, 1, 1.0, 1j):
            yield (make(r, x, ()), number), {}


def converted(r):
    for d, s in itertools.product(DTYPES, SHAPES):
        yield (make(r, d, s),), {"copy": True}
        yield (make(r, d, s),), {"copy": False}
        yield (make(r, d, s),), {"dtype": "complex128"}
    for value in [True, 3, 2.5, 1j, [1, 2], [[1.5], [2]], [], [True, False], (1, 2j), 2**40]:
        yield (value,), {}
    yield ([1, 2],), {"dtype": "float32"}


CALLS = {
    **dict.fromkeys(
        [
        "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "conj", "cos",
        "cosh", "exp", "expm1", "floor", "imag", "isfinite", "isinf", "isnan", "log", "log1p", "log2", "log10",
        "logical_not", "negative", "positive", "real", "reciprocal", "round", "sign", "signbit", "sin", "sinh",
        "square", "sqrt", "tan", "tanh", "trunc", "nonzero", "unique_all", "unique_counts", "unique_inverse"
        ], unary),
    **dict.fromkeys(
        [
        "add", "atan2", "bitwise_and", "bitwise_or", "bitwise_xor", "copysign", "divide", "equal", "greater",
        "greater_equal", "hypot", "less", "less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor",
        "maximum", "minimum", "multiply", "nextafter", "not_equal", "subtract"
        ], binary),
    **dict.fromkeys(["bitwise_left_shift", "bitwise_right_shift"], shifted),
    **dict.fromkeys(["remainder"], divided),
    **dict.fromkeys(["all", "any", "count_nonzero", "mean"], reduced),
    **dict.fromkeys(["sum", "prod"], summed),
    **dict.fromkeys(["std", "var"], spread),
    **dict.fromkeys(["max", "min", "argmax", "argmin"], extreme),
    **dict.fromkeys(["cumulative_sum", "cumulative_prod"], scanned),
    **dict.fromkeys(["sort", "argsort"], ordered),
    **dict.fromkeys(["zeros", "ones"], filled),
    **dict.fromkeys(["zeros_like", "ones_like"], like),
    **dict.fromkeys(["tril", "triu"], triangles),
    "pow": powers, "diff": differences, "searchsorted": searched, "where": chosen, "isin": membership, "clip": clipped,
    "concat": joined, "stack": stacked, "flip": flipped, "unstack": unstacked, "roll": rolled, "repeat": repeated,
    "tile": tiled, "reshape": reshaped, "expand_dims": expanded, "squeeze": squeezed, "permute_dims": permuted,
    "moveaxis": moved, "broadcast_to": broadcast_to, "broadcast_arrays": broadcast_arrays,
    "broadcast_shapes": broadcast_shapes, "meshgrid": meshed, "matrix_transpose": transposed, "take": taken,
    "take_along_axis": taken_along, "matmul": products, "vecdot": inner_products, "tensordot": contracted,
    "full_like": full_like, "full": full, "eye": identity, "arange": ranges, "linspace": spaced, "astype": casts,
    "can_cast": castable, "isdtype": kinds, "result_type": common, "asarray": converted,
}  # fmt: skip
