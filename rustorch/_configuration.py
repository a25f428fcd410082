"""The text of show_config()."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform

from . import _C, _environment, config

# looked for, never imported
_OPTIONAL = (
    "torch", "onnx", "onnxruntime", "safetensors", "sklearn", "scipy", "matplotlib", "tqdm", "IPython", "tensorboard",
    "ml_dtypes", "threadpoolctl",
)  # fmt: skip
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "IPython": "ipython"}


def _bytes(n: int) -> str:
    return f"{n / 2**30:.1f} GiB" if n >= 2**30 else f"{n / 2**20:.1f} MiB"


def _package(name: str) -> str:
    if importlib.util.find_spec(name) is None:
        return "not installed"
    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return "installed"


def _plugins() -> str:
    if os.environ.get("RUSTORCH_PLUGINS", "1") == "0":
        return "switched off by RUSTORCH_PLUGINS"
    found = sorted(entry.name for entry in importlib.metadata.entry_points(group="rustorch.plugins"))
    return ", ".join(found) or "none installed"


def _format_version() -> int:
    from .serialization._document import VERSION

    return VERSION


def describe() -> str:
    """One fact a line, under headings."""
    build, process, memory, settings = _C.build_info(), _C.process_info(), _C.memory_stats(), config.get()
    quota = f"{process['quota']:g} processors" if process["quota"] else "none"
    variables = sorted(name for name in os.environ if name.startswith("RUSTORCH_") or name == "OMP_NUM_THREADS")
    import numpy

    lines = [
        f"rustorch {build['version']}",
        f"  Python                 {platform.python_version()} ({platform.python_implementation()})",
        f"  NumPy                  {numpy.__version__}",
        f"  system                 {platform.system()} {platform.machine()}",
        f"  compiler               {build['compiler']}",
        f"  ops                    {build['ops']}",
        f"  plugins                {_plugins()}",
        f"  .rustorch files        format {_format_version()}",
        "arithmetic",
        f"  instruction set        {build['isa']}{'' if settings['simd'] else ' (wider ones switched off)'}",
        f"  elementary functions   {build['math']}",
        f"  matrix products        {build['blas']}",
        f"  fast math              {'asked for' if settings['fast_math'] else 'off'}; nothing depends on it",
        f"  default dtype          {settings['default_dtype']}",
        "threads",
        f"  in use                 {settings['num_threads']}: {_environment.why_threads()}",
        f"  affinity               {process['affinity']} processors",
        f"  container's quota      {quota}",
        "memory",
        f"  granted                {_bytes(process['memory'])}",
        f"  in tensors             {_bytes(memory['live_bytes'])}, at the peak {_bytes(memory['peak_bytes'])}",
        f"  memory cache           {_bytes(memory['cached_bytes'])} waiting, at most {_bytes(memory['limit_bytes'])}",
        "devices",
        "  CPU                    yes",
        "  CUDA                   not in this build",
        "  Metal                  not in this build",
        f"  debug mode             {'on' if settings['debug_mode'] else 'off'}",
        "environment",
        *([f"  {name}={os.environ[name]}" for name in variables] or ["  no variable of ours is set"]),
        *[f"  wrong: {sentence}" for sentence in _environment.mistakes()],
        *[f"  unknown: {name}" for name in _environment.unknown()],
        "optional packages",
        *[f"  {name:<22} {_package(name)}" for name in _OPTIONAL],
    ]
    return "\n".join(lines)
