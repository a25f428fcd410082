"""Making arrays."""

from __future__ import annotations

from typing import Any

from ._info import check_device
from ._registry import NotHere, Tensor, implements, np, op


@implements("asarray", "asanyarray")
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Any:
    check_device(device)
    if not isinstance(a, Tensor) or order not in (None, "K"):
        raise NotHere
    if dtype is not None and np.dtype(dtype) != a.dtype:
        if copy is False:
            raise ValueError("asarray: another dtype needs a copy, and copy=False forbids one")
        return op("cast")(a, dtype)
    return op("clone")(a) if copy else a
