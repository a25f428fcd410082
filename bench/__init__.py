"""Measurements: rustorch, NumPy and PyTorch interleaved in one process, ratios printed (./dev bench)."""
