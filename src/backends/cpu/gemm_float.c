/* gemm_float: float32 and float64 products for processors with fused multiply-add, by the usual scheme:
 * blocks of A and B are packed into panels that stay in cache, a small tile of C into registers.
 * Layouts that a register tile can read as they are, are not packed.  Results are the same for
 * AVX2 and AVX-512.  Floor: backends.  Knows no Python; scratch memory belongs to the thread. */
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 256           /* of k: a panel of B (3 vectors wide) fits the first cache */
#define HEIGHT 240          /* rows of A that fit the second */
#define WIDTH 1056          /* columns of B that fit the third */
#define STACK_BYTES 65536
#define CHAINS 32           /* of a product with a vector */
#define VECTOR_DEPTH 2048   /* of k, for these */
#define SPAN 128            /* columns of the matrix walked together */
#define FEW 4               /* columns that are computed as rows of the transposed product */
#define FEW_ROWS 512

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#include <immintrin.h>
typedef float quad_f32 __attribute__((vector_size(16)));
typedef double quad_f64 __attribute__((vector_size(32)));
typedef int32_t quad_i32 __attribute__((vector_size(16)));
typedef int64_t quad_i64 __attribute__((vector_size(32)));

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

#define REAL float
#define VEC __m256
#define MASK __m256i
#define LANES 8
#define ROWS 4
#define MASKED 0
#define LOAD _mm256_loadu_ps
#define LOAD_PART(p, m) _mm256_maskload_ps(p, m)
#define STORE _mm256_storeu_ps
#define STORE_PART(p, m, v) _mm256_maskstore_ps(p, m, v)
#define FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define FMA _mm256_fmadd_ps
#define SPREAD _mm256_set1_ps
#define QUAD quad_f32
#define QUAD_INDEX quad_i32
#define SCALAR_FMA __builtin_fmaf
#define NAME(x) x##_f32_avx2
#include "backends/cpu/gemv_float_body.h"
#include "backends/cpu/gemm_float_body.h"

#define REAL double
#define VEC __m256d
#define MASK __m256i
#define LANES 4
#define ROWS 4
#define MASKED 0
#define LOAD _mm256_loadu_pd
#define LOAD_PART(p, m) _mm256_maskload_pd(p, m)
#define STORE _mm256_storeu_pd
#define STORE_PART(p, m, v) _mm256_maskstore_pd(p, m, v)
#define FIRST(n) _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3))
#define FMA _mm256_fmadd_pd
#define SPREAD _mm256_set1_pd
#define QUAD quad_f64
#define QUAD_INDEX quad_i64
#define SCALAR_FMA __builtin_fma
#define NAME(x) x##_f64_avx2
#include "backends/cpu/gemv_float_body.h"
#include "backends/cpu/gemm_float_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")

#define REAL float
#define VEC __m512
#define MASK __mmask16
#define LANES 16
#define ROWS 8
#define MASKED 1
#define LOAD _mm512_loadu_ps
#define LOAD_PART(p, m) _mm512_maskz_loadu_ps(m, p)
#define STORE _mm512_storeu_ps
#define STORE_PART(p, m, v) _mm512_mask_storeu_ps(p, m, v)
#define FIRST(n) ((__mmask16)((1u << (n)) - 1))
#define FMA _mm512_fmadd_ps
#define SPREAD _mm512_set1_ps
#define QUAD quad_f32
#define QUAD_INDEX quad_i32
#define SCALAR_FMA __builtin_fmaf
#define NAME(x) x##_f32_avx512
#include "backends/cpu/gemv_float_body.h"
#include "backends/cpu/gemm_float_body.h"

#define REAL double
#define VEC __m512d
#define MASK __mmask8
#define LANES 8
#define ROWS 8
#define MASKED 1
#define LOAD _mm512_loadu_pd
#define LOAD_PART(p, m) _mm512_maskz_loadu_pd(m, p)
#define STORE _mm512_storeu_pd
#define STORE_PART(p, m, v) _mm512_mask_storeu_pd(p, m, v)
#define FIRST(n) ((__mmask8)((1u << (n)) - 1))
#define FMA _mm512_fmadd_pd
#define SPREAD _mm512_set1_pd
#define QUAD quad_f64
#define QUAD_INDEX quad_i64
#define SCALAR_FMA __builtin_fma
#define NAME(x) x##_f64_avx512
#include "backends/cpu/gemv_float_body.h"
#include "backends/cpu/gemm_float_body.h"
#pragma GCC pop_options

typedef void range_fn(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
typedef struct { const char *name; range_fn *f32, *f64; } kernels;
static const kernels none = {NULL, NULL, NULL}, avx2 = {"AVX2", range_f32_avx2, range_f64_avx2},
                     avx512 = {"AVX-512", range_f32_avx512, range_f64_avx512};

/* RUSTORCH_ISA names the instruction set for tests, as it does for the other kernels. */
static const kernels *choose(const char *wanted)
{
    int only_v2 = wanted && (strcmp(wanted, "v2") == 0 || strcmp(wanted, "portable") == 0);
    int only_v3 = wanted && strcmp(wanted, "v3") == 0;
    if (only_v2 || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return &none;
    if (!only_v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return &avx512;
    return &avx2;
}
#else
typedef void range_fn(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
typedef struct { const char *name; range_fn *f32, *f64; } kernels;
static const kernels none = {NULL, NULL, NULL};
static const kernels *choose(const char *wanted) { return &none; }
#endif

static _Atomic(const kernels *) now;

void rt_gemm_float_choose(const char *isa) { atomic_store(&now, choose(isa ? isa : getenv("RUSTORCH_ISA"))); }

static const kernels *chosen(void)
{
    const kernels *k = atomic_load_explicit(&now, memory_order_relaxed);
    if (!k) {
        rt_gemm_float_choose(NULL);
        k = atomic_load(&now);
    }
    return k;
}

const char *rt_gemm_float_kernel(void) { return chosen()->name; }

/* ---- a product ------------------------------------------------------------------------- */

/* Columns too few for vectors: rows of C^T = B^T A^T, a piece of C's rows at a time. */
static void run_transposed(const rt_gemm *q, range_fn *fn, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    char turned[FEW * FEW_ROWS * 8] __attribute__((aligned(64)));
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), n = j1 - j0;
    for (intptr_t i = i0; i < i1; i += FEW_ROWS) {
        const intptr_t m = i1 - i < FEW_ROWS ? i1 - i : FEW_ROWS;
        char *c = q->c + (i * q->c_row + j0) * item;
        rt_gemm t = *q;
        t.a = q->b + j0 * q->b_col * item;
        t.a_row = q->b_col;
        t.a_col = q->b_row;
        t.b = q->a + i * q->a_row * item;
        t.b_row = q->a_col;
        t.b_col = q->a_row;
        t.c = turned;
        t.c_row = m;
        for (intptr_t r = 0; q->beta && r < m; r++)
            for (intptr_t j = 0; j < n; j++) memcpy(turned + (j * m + r) * item, c + (r * q->c_row + j) * item, (size_t)item);
        fn(&t, 0, n, 0, m);
        for (intptr_t r = 0; r < m; r++)
            for (intptr_t j = 0; j < n; j++) memcpy(c + (r * q->c_row + j) * item, turned + (j * m + r) * item, (size_t)item);
    }
}

int rt_gemm_float(const rt_gemm *given, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    char stack[STACK_BYTES] __attribute__((aligned(64)));
    const kernels *k = chosen();
    range_fn *fn = given->dtype == RT_f32 ? k->f32 : k->f64;
    if (!fn) return 0;
    const intptr_t m = i1 - i0, n = j1 - j0, depth = given->k < DEPTH ? given->k : DEPTH;
    const int turn = given->n > 1 && n <= FEW && m > n;
    const intptr_t rows = turn ? n : m, columns = !turn ? n : m < FEW_ROWS ? m : FEW_ROWS;
    const intptr_t high = (rows < HEIGHT ? rows : HEIGHT) + 8, wide = (columns < WIDTH ? columns : WIDTH) + 48;
    const size_t a_bytes = ((size_t)(high * depth) * rt_itemsize(given->dtype) + 63) & ~(size_t)63;
    const size_t b_bytes = (size_t)(wide * depth) * rt_itemsize(given->dtype);
    rt_gemm q = *given;
    q.a_buffer = a_bytes + b_bytes <= STACK_BYTES ? stack : rt_scratch_take(a_bytes + b_bytes);
    if (!q.a_buffer) return 0;
    q.b_buffer = q.a_buffer + a_bytes;
    if (turn) run_transposed(&q, fn, i0, i1, j0, j1);
    else fn(&q, i0, i1, j0, j1);
    return 1;
}
