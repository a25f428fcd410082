"""What this machine can do at most: bytes a second from and to memory, float32 and float64 operations a second.

Loops in C that do nothing else, compiled on the spot for this processor.  Memory: three arrays of 160 MB, z = x + y,
with stores that go past the caches, and the sum of one array.  Arithmetic: twelve independent chains of fused
multiply-adds of the widest registers that the libraries measured may use.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = r"""
#include <immintrin.h>
#include <stddef.h>
#ifdef __AVX512F__
#define WORD 64
#else
#define WORD 32
#endif
typedef float fvec __attribute__((vector_size(WORD)));
typedef double dvec __attribute__((vector_size(WORD)));

void add(size_t n, const float *x, const float *y, float *z)
{
    for (size_t i = 0; i < n; i += 8)
        _mm256_stream_ps(z + i, _mm256_load_ps(x + i) + _mm256_load_ps(y + i));
    _mm_sfence();
}

float sum(size_t n, const float *x)
{
    __m256 s[8] = {0};
    for (size_t i = 0; i < n; i += 64)
        for (int k = 0; k < 8; k++)
            s[k] += _mm256_load_ps(x + i + 8 * k);
    for (int k = 1; k < 8; k++)
        s[0] += s[k];
    return s[0][0] + s[0][1] + s[0][2] + s[0][3] + s[0][4] + s[0][5] + s[0][6] + s[0][7];
}

#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define CHAIN(k) vec a##k = x;
#define STEP(k) a##k = a##k * x + y; __asm__("" : "+v"(a##k));
#define LAST(k) x += a##k;
#define FMA(name, type) \
    double name(size_t n) \
    { \
        typedef type vec; \
        vec x = (vec){0} + 0.999f, y = (vec){0} + 0.001f; \
        EACH(CHAIN) \
        for (size_t i = 0; i < n; i++) { \
            EACH(STEP) \
        } \
        EACH(LAST) \
        return x[0]; \
    }
FMA(fma_float, fvec)
FMA(fma_double, dvec)
int lanes(void) { return WORD / 4; }
"""
ELEMENTS = 40_000_000
CHAINS = 12
FMAS = 4_000_000


@functools.cache
def library() -> ctypes.CDLL:
    """The loops; with AVX-512 unless RUSTORCH_ISA forbids it."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise RuntimeError("the machine's limits are measured by loops in C: no compiler was found")
    wide = "avx512f" in Path("/proc/cpuinfo").read_text() and os.environ.get("RUSTORCH_ISA", "v4") == "v4"
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "limits.c"), Path(folder, "limits.so")
        source.write_text(SOURCE)
        flags = ["-O3", "-mavx2", "-mfma", *["-mavx512f"] * wide, "-shared", "-fPIC"]
        subprocess.run([*compiler.split(), *flags, source, "-o", built], check=True)
        loops = ctypes.CDLL(str(built))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    loops.add.argtypes, loops.add.restype = [size, pointer, pointer, pointer], None
    loops.sum.argtypes, loops.sum.restype = [size, pointer], ctypes.c_float
    for name in ("fma_float", "fma_double"):
        getattr(loops, name).argtypes, getattr(loops, name).restype = [size], ctypes.c_double
    return loops


def _best(job: Callable[[int], object], threads: int, rounds: int = 7) -> float:
    """Seconds until all threads have done job(k), the best of several rounds."""
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            begin = time.perf_counter()
            list(pool.map(job, range(threads)))
            best = min(best, time.perf_counter() - begin)
    return best


@functools.cache
def bandwidth(kind: str, threads: int = 1) -> float:
    """Bytes a second: kind "write" reads two arrays and writes one, kind "read" sums one."""
    import numpy as np

    loops = library()
    arrays = []
    for _ in range(3):
        block = np.ones(ELEMENTS + 16, np.float32)
        arrays.append(block[-block.ctypes.data // 4 % 16 :][:ELEMENTS])
    x, y, z = (a.ctypes.data for a in arrays)
    n = ELEMENTS // threads // 64 * 64
    jobs: dict[str, tuple[Callable[[int], object], int]] = {
        "write": (lambda k: loops.add(n, x + 4 * k * n, y + 4 * k * n, z + 4 * k * n), 12),
        "read": (lambda k: loops.sum(n, x + 4 * k * n), 4),
    }
    job, size = jobs[kind]
    return size * n * threads / _best(job, threads)


@functools.cache
def arithmetic(dtype: str, threads: int = 1) -> float:
    """Operations a second, a fused multiply-add being two; dtype "float32" or "float64"."""
    loops = library()
    loop, lanes = (loops.fma_float, loops.lanes()) if dtype == "float32" else (loops.fma_double, loops.lanes() // 2)
    return 2.0 * CHAINS * lanes * FMAS * threads / _best(lambda k: loop(FMAS), threads)


def limit(kind: str, threads: int = 1) -> float:
    """Of a kind that a row names: "write", "read", "float32" or "float64"."""
    return bandwidth(kind, threads) if kind in ("write", "read") else arithmetic(kind, threads)


def main() -> bool:
    for threads in (1, 2):
        for kind in ("write", "read", "float32", "float64"):
            unit = "GB/s" if kind in ("write", "read") else "GFLOP/s"
            print(f"{kind:<10} {threads} thread{'s' * (threads > 1):<2} {limit(kind, threads) / 1e9:8.1f} {unit}")
    return True
