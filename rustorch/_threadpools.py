"""threadpoolctl sees and limits our thread pool: a controller of ours is registered when threadpoolctl is imported.

>>> import rustorch as rt
>>> from threadpoolctl import threadpool_limits
>>> with threadpool_limits(limits=1, user_api="rustorch"):
...     rt.get_num_threads()
1
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from . import _C

_LIBRARY = os.path.realpath(_C.__file__)


def register(threadpoolctl: Any) -> None:
    """Adds the controller, unless it is there."""
    if any(known.user_api == "rustorch" for known in threadpoolctl._ALL_CONTROLLERS):
        return

    class Library:
        """Stands for a shared library: has our mark when it is our module, not another one called _C."""

        def __init__(self, is_ours: bool) -> None:
            if is_ours:
                self.rustorch_pool = True

    class PoolController(threadpoolctl.LibController):  # type: ignore[misc]
        """Our pool, found by the file of the extension module."""

        user_api = "rustorch"
        internal_api = "rustorch"
        filename_prefixes = (os.path.basename(_LIBRARY).lower(),)
        check_symbols = ("rustorch_pool",)

        def get_num_threads(self) -> int:
            return _C.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            _C.set_num_threads(max(1, min(int(num_threads), 256)))

        def get_version(self) -> str:
            return str(_C.build_info()["version"])

        def set_additional_attributes(self) -> None:
            self.dynlib = Library(os.path.realpath(self.filepath) == _LIBRARY)
            self.threading_layer = "pthreads"

    threadpoolctl.register(PoolController)


class _AfterImport:
    """Waits for the import of threadpoolctl, then goes.  (That somebody looks for its spec is no import.)"""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "threadpoolctl":
            return None
        spec = PathFinder.find_spec(name, path, target)
        loader: Any = spec.loader if spec else None
        if hasattr(loader, "exec_module"):
            run = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                register(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)

            loader.exec_module = exec_module
        return spec


def watch() -> None:
    """Registers now when threadpoolctl is loaded, else when it will be."""
    loaded = sys.modules.get("threadpoolctl")
    if loaded is not None:
        register(loaded)
    else:
        sys.meta_path.insert(0, _AfterImport())
