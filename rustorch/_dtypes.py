"""The dtype object of bfloat16 where ml_dtypes, which brings NumPy's, is not installed."""

from __future__ import annotations


class _BFloat16:
    name = "bfloat16"
    itemsize = 2
    kind = "V"
    char = "E"

    def __repr__(self) -> str:
        return "dtype(bfloat16)"

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return other is self or other == "bfloat16"

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> str:
        return "bfloat16_fallback"


bfloat16_fallback = _BFloat16()
