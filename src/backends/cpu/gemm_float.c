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
#define HEIGHT 1920         /* bytes of a column of A: its rows fit the second */
#define WIDTH 1056          /* columns of B that fit the third */
#define STACK_BYTES 98304   /* the buffers of a product of 4 rows and columns fit */
#define CHAINS 32           /* of a product with a vector */
#define VECTOR_DEPTH 2048   /* of k, for these */
#define SPAN 4096           /* bytes of a row of the matrix walked together */
#define NEAR 40960          /* bytes of a matrix whose rows may be read in any order, */
#define NEAR_ROWS 64        /* and of one of few rows */
#define NEAR_WIDE 262144
#define LONG 524288         /* bytes of a vector from which the memory's pace counts: fewer streams */
#define TOGETHER 8          /* rows of a chain walked together */
#define SMALL 16384         /* bytes of B that stay in the first cache beside A and C */
#define FEW 4               /* columns that are computed as rows of the transposed product */
#define TURNED_BYTES 16384

typedef void range_fn(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
typedef struct {
    void (*pack)(const rt_gemm *q, char *to, intptr_t j0, intptr_t j1);
    void (*range)(const rt_gemm *q, intptr_t j0, intptr_t j1);
    intptr_t columns;        /* of a panel */
} packing;
typedef struct {
    const char *name;
    int vector;              /* bytes */
    range_fn *f32, *f64, *bf16;
    packing packed_f32, packed_f64;
} kernels;

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#include <immintrin.h>
typedef float quad_f32 __attribute__((vector_size(16)));
typedef double quad_f64 __attribute__((vector_size(32)));
typedef int32_t quad_i32 __attribute__((vector_size(16)));
typedef int64_t quad_i64 __attribute__((vector_size(32)));

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

/* Of every s elements from p, four. */
#define JOIN_HALF(p, s) _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps((p) + (s)), 1)

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
#define JOIN(p, s) JOIN_HALF(p, s)
#define NAME(x) x##_f32_avx2
#include "backends/cpu/gemm_pack_body.h"
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
#define JOIN(p, s) _mm256_loadu_pd(p)
#define NAME(x) x##_f64_avx2
#include "backends/cpu/gemm_pack_body.h"
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
#define JOIN(p, s) _mm512_insertf32x8(_mm512_castps256_ps512(JOIN_HALF(p, s)), JOIN_HALF((p) + 2 * (s), s), 1)
#define NAME(x) x##_f32_avx512
#include "backends/cpu/gemm_pack_body.h"
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
#define JOIN(p, s) _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd((p) + (s)), 1)
#define NAME(x) x##_f64_avx512
#include "backends/cpu/gemm_pack_body.h"
#include "backends/cpu/gemv_float_body.h"
#include "backends/cpu/gemm_float_body.h"

#pragma GCC target("avx512bf16")

#define PAIRS
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
#define FMA(x, y, sum) _mm512_dpbf16_ps(sum, (__m512bh)(x), (__m512bh)(y))
#define SPREAD _mm512_set1_ps
#define QUAD quad_f32
#define QUAD_INDEX quad_i32
#define JOIN(p, s) _mm512_insertf32x8(_mm512_castps256_ps512(JOIN_HALF(p, s)), JOIN_HALF((p) + 2 * (s), s), 1)
#define NAME(x) x##_bf16_avx512
#include "backends/cpu/gemm_pack_body.h"
#include "backends/cpu/gemm_float_body.h"
#pragma GCC pop_options

#define WITH_AVX512 64, range_f32_avx512, range_f64_avx512
#define PACKED_AVX512 {pack_whole_f32_avx512, range_packed_f32_avx512, 48}, {pack_whole_f64_avx512, range_packed_f64_avx512, 24}
static const kernels none = {0}, avx2 = {"AVX2", 32, range_f32_avx2, range_f64_avx2, NULL,
                                         {pack_whole_f32_avx2, range_packed_f32_avx2, 24},
                                         {pack_whole_f64_avx2, range_packed_f64_avx2, 12}},
                     avx512 = {"AVX-512", WITH_AVX512, NULL, PACKED_AVX512},
                     avx512_bf16 = {"AVX-512", WITH_AVX512, range_bf16_avx512, PACKED_AVX512};

/* RUSTORCH_ISA names the instruction set for tests, as it does for the other kernels. */
static const kernels *choose(const char *wanted)
{
    int only_v2 = wanted && (strcmp(wanted, "v2") == 0 || strcmp(wanted, "portable") == 0);
    int only_v3 = wanted && strcmp(wanted, "v3") == 0;
    if (only_v2 || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return &none;
    if (!only_v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return __builtin_cpu_supports("avx512bf16") ? &avx512_bf16 : &avx512;
    return &avx2;
}
#else
static const kernels none = {0};
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

int rt_gemm_float_vector(void) { return chosen()->vector; }
const char *rt_gemm_float_kernel(void) { return chosen()->name; }

static range_fn *kernel(const kernels *k, rt_dtype d)
{
    const rt_dtype real = rt_dtype_to_real(d);
    return real == RT_f32 ? k->f32 : real == RT_f64 ? k->f64 : d == RT_bf16 ? k->bf16 : NULL;
}

int rt_gemm_float_takes(rt_dtype d) { return kernel(chosen(), d) != NULL; }

/* ---- a product ------------------------------------------------------------------------- */

static rt_gemm transposed(const rt_gemm *q)
{
    rt_gemm t = *q;
    t.m = q->n, t.n = q->m;
    t.a = q->b, t.a_row = q->b_col, t.a_col = q->b_row;
    t.b = q->a, t.b_row = q->a_col, t.b_col = q->a_row;
    return t;
}

/* to[j * to_row + i] = from[i * from_row + j] for elements of 4, 8 or 16 bytes. */
static void turn_over(intptr_t item, const char *from, intptr_t from_row, intptr_t m, intptr_t n, char *to, intptr_t to_row)
{
    for (intptr_t j = 0; j < n; j++)
        for (intptr_t i = 0; i < m; i++)
            memcpy(to + (j * to_row + i) * item, from + (i * from_row + j) * item, item == 4 ? 4 : item == 8 ? 8 : 16);
}

/* C[i0:i1, j0:j1] as C^T = B^T A^T, a piece at a time. */
static void run_transposed(const rt_gemm *q, range_fn *fn, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    char turned[TURNED_BYTES] __attribute__((aligned(64)));
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), most = TURNED_BYTES / item;
    const intptr_t high = j1 - j0 <= FEW ? most / FEW : 1, wide = j1 - j0 <= FEW ? FEW : most;       /* else one row */
    rt_gemm t = transposed(q);
    for (intptr_t i = i0; i < i1; i += high)
        for (intptr_t j = j0; j < j1; j += wide) {
            const intptr_t m = i1 - i < high ? i1 - i : high, n = j1 - j < wide ? j1 - j : wide;
            char *c = q->c + (i * q->c_row + j) * item;
            t.a = q->b + j * q->b_col * item;
            t.b = q->a + i * q->a_row * item;
            t.c = turned;
            t.c_row = m;
            if (q->start) {
                turn_over(item, q->start + (i * q->start_row + j) * item, q->start_row, m, n, turned, m);
                t.start = turned;
                t.start_row = m;
            }
            fn(&t, 0, n, 0, m);
            turn_over(item, turned, m, n, m, c, q->c_row);
        }
}

/* Is C^T the better product?  Then fewer lanes idle.  Complex bits know the difference: there the whole product
 * decides. */
static int is_better_turned(const rt_gemm *q, intptr_t m, intptr_t n)
{
    if (rt_dtype_is_complex(q->dtype)) return q->m == 1;
    return q->n > 1 && n <= FEW && m > n && q->dtype != RT_bf16;
}

/* Bytes of A's and B's buffers for a product of this many rows and columns. */
static size_t buffer_bytes(const rt_gemm *q, intptr_t vector, intptr_t m, intptr_t n, size_t *a_bytes)
{
    const int complex = rt_dtype_is_complex(q->dtype);
    const intptr_t item = q->dtype == RT_bf16 ? 4 : (intptr_t)rt_itemsize(q->dtype) >> complex;
    const intptr_t whole = q->k << complex, depth = (whole < DEPTH ? whole : DEPTH) + complex, most = HEIGHT / item;
    const intptr_t high = (m < most ? m : most) + 8, wide = (n << complex < WIDTH ? n << complex : WIDTH) + 3 * vector / item;
    *a_bytes = ((size_t)(high * depth * item) + 63) & ~(size_t)63;
    return *a_bytes + (size_t)(wide * depth * item);
}

int rt_gemm_float(const rt_gemm *given, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    char stack[STACK_BYTES] __attribute__((aligned(64)));
    const kernels *k = chosen();
    range_fn *fn = kernel(k, given->dtype);
    const intptr_t m = i1 - i0, n = j1 - j0;
    rt_gemm q = *given;
    size_t a_bytes;
    if (!fn) return 0;
    if ((q.m == 1 || q.n == 1) && !rt_dtype_is_complex(q.dtype) && q.dtype != RT_bf16) {       /* no buffers */
        fn(&q, i0, i1, j0, j1);
        return 1;
    }
    const int turned = is_better_turned(&q, m, n);
    const size_t bytes = buffer_bytes(&q, k->vector, turned ? n : m, turned ? m : n, &a_bytes);
    q.a_buffer = bytes <= STACK_BYTES ? stack : rt_scratch_take(bytes);
    if (q.a_buffer) {
        q.b_buffer = q.a_buffer + a_bytes;
        if (turned) run_transposed(&q, fn, i0, i1, j0, j1);
        else fn(&q, i0, i1, j0, j1);
    } else if (m > n) {                        /* no memory: smaller pieces, which end on the stack */
        rt_gemm_float(given, i0, i0 + m / 2, j0, j1);
        rt_gemm_float(given, i0 + m / 2, i1, j0, j1);
    } else {
        rt_gemm_float(given, i0, i1, j0, j0 + n / 2);
        rt_gemm_float(given, i0, i1, j0 + n / 2, j1);
    }
    return 1;
}

/* ---- products with the same B, packed once ---------------------------------------------- */

static const packing *packing_of(rt_dtype d) { return d == RT_f32 ? &chosen()->packed_f32 : &chosen()->packed_f64; }

intptr_t rt_gemm_packed_columns(rt_dtype dtype)
{
    return dtype == RT_f32 || dtype == RT_f64 ? packing_of(dtype)->columns : 0;
}

void rt_gemm_pack(const rt_gemm *q, char *to, intptr_t j0, intptr_t j1) { packing_of(q->dtype)->pack(q, to, j0, j1); }

void rt_gemm_packed(const rt_gemm *q, intptr_t j0, intptr_t j1) { packing_of(q->dtype)->range(q, j0, j1); }
