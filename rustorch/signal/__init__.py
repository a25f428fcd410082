"""Signals: windows.  The short-time Fourier transforms are rustorch.stft and rustorch.istft."""

from __future__ import annotations

from . import windows as windows
