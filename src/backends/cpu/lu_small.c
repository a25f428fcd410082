/* lu_small: the bodies of lu_small_body.h for four element types.  Floor: backends. */
#include "backends/cpu/lu_small.h"
#include <complex.h>
#include <math.h>
#include <string.h>

#pragma GCC optimize("O3,no-tree-vectorize,no-tree-slp-vectorize")
#define INLINE static inline __attribute__((always_inline))

#define T float
#define NAME(word) word##_f32
#define SIZE(x) fabsf(x)
#include "backends/cpu/lu_small_body.h"
#undef T
#undef NAME
#undef SIZE

#define T double
#define NAME(word) word##_f64
#define SIZE(x) fabs(x)
#include "backends/cpu/lu_small_body.h"
#undef T
#undef NAME
#undef SIZE

/* LAPACK compares complex numbers by the sum of their parts. */
#define T float complex
#define NAME(word) word##_c64
#define SIZE(x) (fabsf(crealf(x)) + fabsf(cimagf(x)))
#include "backends/cpu/lu_small_body.h"
#undef T
#undef NAME
#undef SIZE

#define T double complex
#define NAME(word) word##_c128
#define SIZE(x) (fabs(creal(x)) + fabs(cimag(x)))
#include "backends/cpu/lu_small_body.h"

int rt_lu_small_factor(rt_dtype d, int n, void *a, int32_t *pivots)
{
    switch (d) {
    case RT_f32: return factor_f32(n, a, pivots);
    case RT_f64: return factor_f64(n, a, pivots);
    case RT_c64: return factor_c64(n, a, pivots);
    default: return factor_c128(n, a, pivots);
    }
}

void rt_lu_small_solve(rt_dtype d, int n, int nrhs, const void *lu, const int32_t *pivots, void *b)
{
    switch (d) {
    case RT_f32: solve_f32(n, nrhs, lu, pivots, b); break;
    case RT_f64: solve_f64(n, nrhs, lu, pivots, b); break;
    case RT_c64: solve_c64(n, nrhs, lu, pivots, b); break;
    default: solve_c128(n, nrhs, lu, pivots, b);
    }
}

void rt_lu_small_invert(rt_dtype d, int n, void *lu, const int32_t *pivots)
{
    switch (d) {
    case RT_f32: invert_f32(n, lu, pivots); break;
    case RT_f64: invert_f64(n, lu, pivots); break;
    case RT_c64: invert_c64(n, lu, pivots); break;
    default: invert_c128(n, lu, pivots);
    }
}
