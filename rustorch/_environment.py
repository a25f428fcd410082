"""Variables of the environment, read once at import: only when one that begins with RUSTORCH_ is set."""

from __future__ import annotations

import difflib
import os
import warnings

from . import _C, _log

# name -> what it does; docs/configuration.md has the same list
KNOWN = {
    "RUSTORCH_NUM_THREADS": "threads that loops may use, 1 to 256; more than there are processors is allowed",
    "RUSTORCH_CUDA_DEVICE": "number of the CUDA device that 'cuda' means",
    "RUSTORCH_LOG_LEVEL": "trace, debug, info, warning, error, critical or off",
    "RUSTORCH_ISA": "instruction set of the loops: v2, v3, v4 (portable where there is no x86-64)",
    "RUSTORCH_PLUGINS": "0: plugins of other packages are not loaded",
    "RUSTORCH_VENV": "the virtual environment that ./dev uses",
    "RUSTORCH_CACHE_DIR": "where cells of %%rustorch are compiled",
}


def cuda_device() -> int:
    """The number in RUSTORCH_CUDA_DEVICE, 0 when it is not set.  DeviceError when it is no number."""
    text = os.environ.get("RUSTORCH_CUDA_DEVICE", "").strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text) > 127:
        raise _C.DeviceError(f"RUSTORCH_CUDA_DEVICE={text!r} is not the number of a device, 0 to 127")
    return int(text)


def mistakes() -> list[str]:
    """What is wrong with the variables, a sentence each."""
    found = []
    threads = os.environ.get("RUSTORCH_NUM_THREADS", "").strip()
    if threads and not (threads.isascii() and threads.isdigit() and 1 <= int(threads) <= 256):
        found.append(f"RUSTORCH_NUM_THREADS={threads!r} is not a number from 1 to 256; {_C.get_num_threads()} are used")
    try:
        cuda_device()
    except _C.DeviceError as error:
        found.append(f"{error}; 0 is used")
    level = os.environ.get("RUSTORCH_LOG_LEVEL", "").strip()
    if level and level.lower() not in _log.LEVELS:
        found.append(f"RUSTORCH_LOG_LEVEL={level!r} is none of {', '.join(_log.LEVELS)}; nothing is logged")
    return found


def unknown() -> list[str]:
    """Variables that begin with RUSTORCH_ and mean nothing to us."""
    return sorted(name for name in os.environ if name.startswith("RUSTORCH_") and name not in KNOWN)


def read() -> None:
    """Warns of what is wrong and starts the log."""
    for sentence in mistakes():
        warnings.warn(sentence, RuntimeWarning, stacklevel=4)
    level = os.environ.get("RUSTORCH_LOG_LEVEL", "").strip()
    if level.lower() in _log.LEVELS:
        _log.set_level(level)
        build = _C.build_info()
        _log.info("version %s, loops for %s, elementary functions of %s", build["version"], build["isa"], build["math"])
        _log.info("matrix products: %s", build["blas"])
        _log.info("%d threads (%s)", _C.get_num_threads(), why_threads())
    for name in unknown():
        near = difflib.get_close_matches(name, KNOWN, 1)
        _log.info("%s is not a variable of ours%s", name, f"; did you mean {near[0]}?" if near else "")


def why_threads() -> str:
    """Where the number of threads comes from, in words."""
    process = _C.process_info()
    if process["threads"] == "set":
        return "set by the program"
    if process["threads"] != "available":
        return f"from {process['threads']}"
    quota = process["quota"]
    if quota and quota < process["affinity"]:
        return f"the container's quota of {quota:g} processors; {process['affinity']} by affinity"
    return f"the {process['affinity']} processors of this process" + (f", quota {quota:g}" if quota else "")
