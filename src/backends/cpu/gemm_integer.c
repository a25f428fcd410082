/* gemm_integer: products of integer and bool matrices.  Arithmetic modulo a power of two does not
 * know signs, so one kernel per width serves both; truth values are or-ed.
 * Floor: backends.  Knows no Python. */
#include "backends/cpu/gemm.h"
#include <string.h>

#define DEPTH 128         /* rows of B that are packed together: a panel of 16 KiB at most */
#define HIGH 4            /* rows of C */
#define COLUMNS 2048      /* of few rows of C, worked on at once */
#define PASTE_2(a, b) a##b
#define PASTE(a, b) PASTE_2(a, b)

#pragma GCC push_options
#pragma GCC optimize("O3")
#define SET(stem) PASTE(stem, plain)
#define VECTOR 16
#include "backends/cpu/gemm_integer_set.h"
#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#pragma GCC target("avx2")
#define SET(stem) PASTE(stem, avx2)
#define VECTOR 32
#include "backends/cpu/gemm_integer_set.h"
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#define SET(stem) PASTE(stem, avx512)
#define VECTOR 64
#include "backends/cpu/gemm_integer_set.h"
#endif
#pragma GCC pop_options

void rt_gemm_integer(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
    switch (rt_gemm_float_vector()) {
    case 64: run_avx512(q, i0, i1, j0, j1); return;
    case 32: run_avx2(q, i0, i1, j0, j1); return;
    }
#endif
    run_plain(q, i0, i1, j0, j1);
}
