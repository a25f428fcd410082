/* lapack: calls of the library's C interface, a row of four dtypes each, and what the interface does not
 * do alike for all of them (real eigenvalues in pairs, refusing what is not finite).  The library runs
 * single-threaded, so a matrix gives the same bits on every thread.  Floor: backends.  Knows no Python. */
#include "backends/lapack.h"
#include "backends/cpu/cholesky_small.h"
#include "backends/cpu/lu_small.h"
#include <complex.h>
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#define PASTE(a, b) a##b
#define PASTE_EXPANDED(a, b) PASTE(a, b)
#define LIBRARY(name) PASTE_EXPANDED(RT_BLAS_PREFIX, name)
#define COLUMNS LAPACK_COL_MAJOR

/* The routine of dtype d; arguments are void pointers where the four disagree. */
#define FOUR(d, s, dd, c, z, ...)                                              \
    switch (d) {                                                               \
    case RT_f32: return LIBRARY(LAPACKE_##s)(COLUMNS, __VA_ARGS__);            \
    case RT_f64: return LIBRARY(LAPACKE_##dd)(COLUMNS, __VA_ARGS__);           \
    case RT_c64: return LIBRARY(LAPACKE_##c)(COLUMNS, __VA_ARGS__);            \
    default: return LIBRARY(LAPACKE_##z)(COLUMNS, __VA_ARGS__);                \
    }

/* Real routines that are given their work space: what the interface asks and allocates at every call costs more than
 * the arithmetic of matrices whose sides are at most FEW. */
#define FEW 16
#define TWO(d, s, dd, ...) \
    return d == RT_f32 ? LIBRARY(LAPACKE_##s)(COLUMNS, __VA_ARGS__) : LIBRARY(LAPACKE_##dd)(COLUMNS, __VA_ARGS__);

/* The interface's own check for NaN would read every matrix again. */
void rt_lapack_init(void) { LIBRARY(LAPACKE_set_nancheck)(0); }

static int is_finite(rt_dtype d, intptr_t count, const void *a)
{
    intptr_t n = rt_dtype_is_complex(d) ? 2 * count : count;
    int narrow = d == RT_f32 || d == RT_c64;
    double zero = 0;                                 /* 0 * x is NaN for what is not finite */
    for (intptr_t i = 0; i < n; i++) zero += 0.0 * (narrow ? (double)((const float *)a)[i] : ((const double *)a)[i]);
    return zero == 0;
}

int rt_lapack_potrf(rt_dtype d, char uplo, intptr_t n, void *a)
{
    if ((d == RT_f32 || d == RT_f64) && n <= RT_CHOLESKY_SMALL) return rt_cholesky_small(d, uplo, (int)n, a);
    FOUR(d, spotrf, dpotrf, cpotrf, zpotrf, uplo, (lapack_int)n, a, (lapack_int)n)
}

int rt_lapack_getrf(rt_dtype d, intptr_t m, intptr_t n, void *a, int32_t *pivots)
{
    if (m == n && n <= RT_LU_SMALL) return rt_lu_small_factor(d, (int)n, a, pivots);
    FOUR(d, sgetrf, dgetrf, cgetrf, zgetrf, (lapack_int)m, (lapack_int)n, a, (lapack_int)m, pivots)
}

int rt_lapack_getrs(rt_dtype d, char trans, intptr_t n, intptr_t nrhs, const void *lu, const int32_t *pivots, void *b)
{
    if (trans == 'N' && n <= RT_LU_SMALL && nrhs <= INT32_MAX) {
        rt_lu_small_solve(d, (int)n, (int)nrhs, lu, pivots, b);
        return 0;
    }
    FOUR(d, sgetrs, dgetrs, cgetrs, zgetrs, trans, (lapack_int)n, (lapack_int)nrhs, lu, (lapack_int)n, pivots, b,
         (lapack_int)n)
}

int rt_lapack_getri(rt_dtype d, intptr_t n, void *lu, const int32_t *pivots)
{
    if (n <= RT_LU_SMALL) {
        rt_lu_small_invert(d, (int)n, lu, pivots);
        return 0;
    }
    FOUR(d, sgetri, dgetri, cgetri, zgetri, (lapack_int)n, lu, (lapack_int)n, pivots)
}

int rt_lapack_geqrf(rt_dtype d, intptr_t m, intptr_t n, void *a, void *tau)
{
    double room[FEW * FEW];
    void *work = room;
    if (n <= FEW && !rt_dtype_is_complex(d))
        TWO(d, sgeqrf_work, dgeqrf_work, (lapack_int)m, (lapack_int)n, a, (lapack_int)m, tau, work, FEW * FEW)
    FOUR(d, sgeqrf, dgeqrf, cgeqrf, zgeqrf, (lapack_int)m, (lapack_int)n, a, (lapack_int)m, tau)
}

int rt_lapack_ungqr(rt_dtype d, intptr_t m, intptr_t n, intptr_t k, void *a, const void *tau)
{
    double room[FEW * FEW];
    void *work = room;
    if (n <= FEW && !rt_dtype_is_complex(d))
        TWO(d, sorgqr_work, dorgqr_work, (lapack_int)m, (lapack_int)n, (lapack_int)k, a, (lapack_int)m, tau, work, FEW * FEW)
    FOUR(d, sorgqr, dorgqr, cungqr, zungqr, (lapack_int)m, (lapack_int)n, (lapack_int)k, a, (lapack_int)m, tau)
}

int rt_lapack_unmqr(rt_dtype d, char side, char trans, intptr_t m, intptr_t n, intptr_t k, const void *a, const void *tau,
                    void *c)
{
    char t = trans == 'C' && !rt_dtype_is_complex(d) ? 'T' : trans;
    FOUR(d, sormqr, dormqr, cunmqr, zunmqr, side, t, (lapack_int)m, (lapack_int)n, (lapack_int)k, a,
         (lapack_int)(side == 'L' ? m : n), tau, c, (lapack_int)m)
}

int rt_lapack_gesdd(rt_dtype d, char job, intptr_t m, intptr_t n, void *a, void *s, void *u, void *vt)
{
    if (!is_finite(d, m * n, a)) return RT_LAPACK_NOT_FINITE;
    lapack_int lead = (lapack_int)(job == 'A' ? n : m < n ? m : n);
    double room[4 * FEW * FEW + 42 * FEW];        /* what it asks for at most, and room for its blocks */
    lapack_int whole[8 * FEW];
    void *work = room;
    if (m <= FEW && n <= FEW && !rt_dtype_is_complex(d))
        TWO(d, sgesdd_work, dgesdd_work, job, (lapack_int)m, (lapack_int)n, a, (lapack_int)m, s, u, (lapack_int)m, vt, lead, work,
            4 * FEW * FEW + 42 * FEW, whole)
    FOUR(d, sgesdd, dgesdd, cgesdd, zgesdd, job, (lapack_int)m, (lapack_int)n, a, (lapack_int)m, s, u, (lapack_int)m, vt,
         lead)
}

int rt_lapack_heevd(rt_dtype d, char job, char uplo, intptr_t n, void *a, void *w)
{
    if (!is_finite(d, n * n, a)) return RT_LAPACK_NOT_FINITE;
    double room[2 * FEW * FEW + 38 * FEW + 1];
    lapack_int whole[5 * FEW + 3];
    void *work = room;
    if (n <= FEW && !rt_dtype_is_complex(d))
        TWO(d, ssyevd_work, dsyevd_work, job, uplo, (lapack_int)n, a, (lapack_int)n, w, work, 2 * FEW * FEW + 38 * FEW + 1, whole,
            5 * FEW + 3)
    FOUR(d, ssyevd, dsyevd, cheevd, zheevd, job, uplo, (lapack_int)n, a, (lapack_int)n, w)
}

/* Real eigenvalues and vectors as complex ones.  A pair k, k+1 of conjugates has its vector's real part in
 * column k and its imaginary part in column k+1. */
#define JOIN_PAIRS(name, real, cplx)                                                          \
static void name(intptr_t n, const real *wr, const real *wi, const real *vr, cplx *w, cplx *v) \
{                                                                                             \
    for (intptr_t k = 0; k < n; k++) w[k] = wr[k] + I * wi[k];                                \
    for (intptr_t k = 0; vr && k < n; k++) {                                                  \
        const real *a = vr + k * n;                                                           \
        int pair = wi[k] != 0 && k + 1 < n;                                                   \
        for (intptr_t i = 0; i < n; i++) v[k * n + i] = pair ? a[i] + I * a[n + i] : a[i];    \
        if (!pair) continue;                                                                  \
        k++;                                                                                  \
        for (intptr_t i = 0; i < n; i++) v[k * n + i] = a[i] - I * a[n + i];                  \
    }                                                                                         \
}
JOIN_PAIRS(join_f32, float, float complex)
JOIN_PAIRS(join_f64, double, double complex)

int rt_lapack_geev(rt_dtype d, char job, intptr_t n, void *a, void *w, void *v)
{
    if (!is_finite(d, n * n, a)) return RT_LAPACK_NOT_FINITE;
    lapack_int k = (lapack_int)n;
    if (d == RT_c64) return LIBRARY(LAPACKE_cgeev)(COLUMNS, 'N', job, k, a, k, w, NULL, k, v, k);
    if (d == RT_c128) return LIBRARY(LAPACKE_zgeev)(COLUMNS, 'N', job, k, a, k, w, NULL, k, v, k);
    size_t item = rt_itemsize(d), length = (size_t)n * item;
    char *block = malloc(2 * length + (job == 'V' ? (size_t)n * length : 0));
    if (!block) return RT_LAPACK_NO_MEMORY;
    void *wr = block, *wi = block + length, *vr = job == 'V' ? block + 2 * length : NULL;
    int info;
    if (d == RT_f32) {
        info = LIBRARY(LAPACKE_sgeev)(COLUMNS, 'N', job, k, a, k, wr, wi, NULL, k, vr, k);
        join_f32(n, wr, wi, vr, w, v);
    } else {
        info = LIBRARY(LAPACKE_dgeev)(COLUMNS, 'N', job, k, a, k, wr, wi, NULL, k, vr, k);
        join_f64(n, wr, wi, vr, w, v);
    }
    free(block);
    return info;
}

static int lstsq_gelsy(rt_dtype d, lapack_int m, lapack_int n, lapack_int nrhs, void *a, void *b, double rcond, int32_t *rank)
{
    lapack_int wide = m > n ? m : n, info;
    lapack_int *order = calloc((size_t)n, sizeof *order);
    if (!order) return RT_LAPACK_NO_MEMORY;
    switch (d) {
    case RT_f32: info = LIBRARY(LAPACKE_sgelsy)(COLUMNS, m, n, nrhs, a, m, b, wide, order, (float)rcond, rank); break;
    case RT_f64: info = LIBRARY(LAPACKE_dgelsy)(COLUMNS, m, n, nrhs, a, m, b, wide, order, rcond, rank); break;
    case RT_c64: info = LIBRARY(LAPACKE_cgelsy)(COLUMNS, m, n, nrhs, a, m, b, wide, order, (float)rcond, rank); break;
    default: info = LIBRARY(LAPACKE_zgelsy)(COLUMNS, m, n, nrhs, a, m, b, wide, order, rcond, rank);
    }
    free(order);
    return info;
}

static int lstsq_gelsd(rt_dtype d, lapack_int m, lapack_int n, lapack_int nrhs, void *a, void *b, void *s, double rcond,
                       int32_t *rank)
{
    lapack_int wide = m > n ? m : n;
    switch (d) {
    case RT_f32: return LIBRARY(LAPACKE_sgelsd)(COLUMNS, m, n, nrhs, a, m, b, wide, s, (float)rcond, rank);
    case RT_f64: return LIBRARY(LAPACKE_dgelsd)(COLUMNS, m, n, nrhs, a, m, b, wide, s, rcond, rank);
    case RT_c64: return LIBRARY(LAPACKE_cgelsd)(COLUMNS, m, n, nrhs, a, m, b, wide, s, (float)rcond, rank);
    default: return LIBRARY(LAPACKE_zgelsd)(COLUMNS, m, n, nrhs, a, m, b, wide, s, rcond, rank);
    }
}

static int lstsq_gelss(rt_dtype d, lapack_int m, lapack_int n, lapack_int nrhs, void *a, void *b, void *s, double rcond,
                       int32_t *rank)
{
    lapack_int wide = m > n ? m : n;
    switch (d) {
    case RT_f32: return LIBRARY(LAPACKE_sgelss)(COLUMNS, m, n, nrhs, a, m, b, wide, s, (float)rcond, rank);
    case RT_f64: return LIBRARY(LAPACKE_dgelss)(COLUMNS, m, n, nrhs, a, m, b, wide, s, rcond, rank);
    case RT_c64: return LIBRARY(LAPACKE_cgelss)(COLUMNS, m, n, nrhs, a, m, b, wide, s, (float)rcond, rank);
    default: return LIBRARY(LAPACKE_zgelss)(COLUMNS, m, n, nrhs, a, m, b, wide, s, rcond, rank);
    }
}

static int lstsq_gels(rt_dtype d, lapack_int m, lapack_int n, lapack_int nrhs, void *a, void *b)
{
    lapack_int wide = m > n ? m : n;
    FOUR(d, sgels, dgels, cgels, zgels, 'N', m, n, nrhs, a, m, b, wide)
}

int rt_lapack_lstsq(rt_dtype d, char driver, intptr_t m, intptr_t n, intptr_t nrhs, void *a, void *b, void *s,
                    double rcond, int32_t *rank)
{
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n, sides = (lapack_int)nrhs;
    if (!is_finite(d, m * n, a) || !is_finite(d, (m > n ? m : n) * nrhs, b)) return RT_LAPACK_NOT_FINITE;
    switch (driver) {
    case 'y': return lstsq_gelsy(d, rows, columns, sides, a, b, rcond, rank);
    case 'd': return lstsq_gelsd(d, rows, columns, sides, a, b, s, rcond, rank);
    case 's': return lstsq_gelss(d, rows, columns, sides, a, b, s, rcond, rank);
    default: return lstsq_gels(d, rows, columns, sides, a, b);
    }
}

int rt_lapack_sytrf(rt_dtype d, int hermitian, intptr_t n, void *a, int32_t *pivots)
{
    lapack_int k = (lapack_int)n;
    if (!hermitian) { FOUR(d, ssytrf, dsytrf, csytrf, zsytrf, 'L', k, a, k, pivots) }
    FOUR(d, ssytrf, dsytrf, chetrf, zhetrf, 'L', k, a, k, pivots)
}

int rt_lapack_sytrs(rt_dtype d, int hermitian, intptr_t n, intptr_t nrhs, const void *a, const int32_t *pivots, void *b)
{
    lapack_int k = (lapack_int)n, sides = (lapack_int)nrhs;
    if (!hermitian) { FOUR(d, ssytrs, dsytrs, csytrs, zsytrs, 'L', k, sides, a, k, pivots, b, k) }
    FOUR(d, ssytrs, dsytrs, chetrs, zhetrs, 'L', k, sides, a, k, pivots, b, k)
}

void rt_lapack_trsm(rt_dtype d, int upper, int adjoint, int unit, intptr_t n, intptr_t nrhs, const void *a, void *b)
{
    static const float one32[2] = {1, 0};
    static const double one64[2] = {1, 0};
    CBLAS_UPLO uplo = upper ? CblasUpper : CblasLower;
    CBLAS_TRANSPOSE trans = adjoint ? CblasConjTrans : CblasNoTrans;
    CBLAS_DIAG diag = unit ? CblasUnit : CblasNonUnit;
    blasint m = (blasint)n, k = (blasint)nrhs;
    switch (d) {
    case RT_f32: LIBRARY(cblas_strsm)(CblasRowMajor, CblasLeft, uplo, trans, diag, m, k, 1, a, m, b, k); break;
    case RT_f64: LIBRARY(cblas_dtrsm)(CblasRowMajor, CblasLeft, uplo, trans, diag, m, k, 1, a, m, b, k); break;
    case RT_c64: LIBRARY(cblas_ctrsm)(CblasRowMajor, CblasLeft, uplo, trans, diag, m, k, one32, a, m, b, k); break;
    default: LIBRARY(cblas_ztrsm)(CblasRowMajor, CblasLeft, uplo, trans, diag, m, k, one64, a, m, b, k);
    }
}
