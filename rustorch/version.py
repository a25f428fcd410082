"""The version of this build, as PyTorch's torch.version has it."""

from . import __version__

version = __version__
debug = False
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
git_version = "unknown"

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "version", "xpu"]
