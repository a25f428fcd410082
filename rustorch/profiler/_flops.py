"""How many floating-point operations an op's shapes ask for, where that is plain: products and convolutions, where a
multiplication and an addition count as two, and arithmetic on elements."""

from __future__ import annotations

import math

Shape = tuple[int, ...]

_ELEMENTWISE = {"add", "sub", "mul", "div", "maximum", "minimum", "neg", "relu", "square"}


def flops_of(name: str, inputs: list[Shape], outputs: list[Shape]) -> int:
    """The number, 0 where it is not known."""
    if not outputs:
        return 0
    elements = math.prod(outputs[0])
    if name in _ELEMENTWISE:
        return elements
    if name in ("matmul", "linear") and len(inputs) > 1 and inputs[0]:
        return 2 * elements * inputs[0][-1]
    if name == "convolution" and len(inputs) > 1 and len(inputs[1]) > 2:
        transposed = outputs[0][1] != inputs[1][0]  # its weight begins with the input's channels
        return 2 * (math.prod(inputs[0]) if transposed else elements) * math.prod(inputs[1][1:])
    return 0
