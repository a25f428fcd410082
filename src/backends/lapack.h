/* lapack: factorisations and solvers of one matrix, by the LAPACK inside the BLAS library we bundle.
 * All matrices are packed and COLUMN-major, dtype f32, f64, c64 or c128; lengths fit in 31 bits
 * (rt_lapack_fits) and are positive.  Each returns LAPACK's info: 0, k > 0 when the k-th pivot, minor
 * or iteration failed, RT_LAPACK_NO_MEMORY.  Floor: backends.  Knows no Python; any thread. */
#ifndef RT_BACKENDS_LAPACK_H
#define RT_BACKENDS_LAPACK_H
#include <stdint.h>
#include "core/dtype.h"

#define RT_LAPACK_NO_MEMORY (-1010)
#define RT_LAPACK_NOT_FINITE (-4444)      /* where the method would not end on infinities or NaNs */

static inline int rt_lapack_fits(intptr_t n) { return n <= INT32_MAX; }
static inline int rt_lapack_takes(rt_dtype d) { return d == RT_f32 || d == RT_f64 || d == RT_c64 || d == RT_c128; }

/* In place: a = L or U of the Hermitian a, whose `uplo` triangle is read; the other is left. */
int rt_lapack_potrf(rt_dtype d, char uplo, intptr_t n, void *a);
/* In place: P @ L @ U; pivots, min(m, n) of them, count from 1. */
int rt_lapack_getrf(rt_dtype d, intptr_t m, intptr_t n, void *a, int32_t *pivots);
/* b = op(P L U)^-1 b; trans 'N', 'T' or 'C'. */
int rt_lapack_getrs(rt_dtype d, char trans, intptr_t n, intptr_t nrhs, const void *lu, const int32_t *pivots, void *b);
int rt_lapack_getri(rt_dtype d, intptr_t n, void *lu, const int32_t *pivots);
int rt_lapack_geqrf(rt_dtype d, intptr_t m, intptr_t n, void *a, void *tau);
/* The first n columns of the product of k reflectors, over them. */
int rt_lapack_ungqr(rt_dtype d, intptr_t m, intptr_t n, intptr_t k, void *a, const void *tau);
/* c = op(Q) c or c op(Q); c is (m, n); the reflectors have the length of that side.  trans 'N' or 'C'. */
int rt_lapack_unmqr(rt_dtype d, char side, char trans, intptr_t m, intptr_t n, intptr_t k, const void *a, const void *tau,
                    void *c);
/* job 'A' all, 'S' min(m, n) columns of u and rows of vt, 'N' none; destroys a; s is real. */
int rt_lapack_gesdd(rt_dtype d, char job, intptr_t m, intptr_t n, void *a, void *s, void *u, void *vt);
/* Eigenvalues (real, ascending) of the Hermitian a; job 'V': vectors over a. */
int rt_lapack_heevd(rt_dtype d, char job, char uplo, intptr_t n, void *a, void *w);
/* Eigenvalues and, job 'V', right vectors, both complex also for real a; destroys a. */
int rt_lapack_geev(rt_dtype d, char job, intptr_t n, void *a, void *w, void *v);
/* Least squares; b has max(m, n) rows.  driver 'y' gelsy, 'f' gels (full rank), 'd' gelsd, 's' gelss.  s: the
 * singular values of 'd' and 's'; rank is not set by 'f'. */
int rt_lapack_lstsq(rt_dtype d, char driver, intptr_t m, intptr_t n, intptr_t nrhs, void *a, void *b, void *s,
                    double rcond, int32_t *rank);
/* Bunch-Kaufman, lower triangle, symmetric or Hermitian. */
int rt_lapack_sytrf(rt_dtype d, int hermitian, intptr_t n, void *a, int32_t *pivots);
int rt_lapack_sytrs(rt_dtype d, int hermitian, intptr_t n, intptr_t nrhs, const void *a, const int32_t *pivots, void *b);
/* b = op(A)^-1 b, ROW-major, A (n, n) triangular, b (n, nrhs).  A zero on the diagonal gives infinities. */
void rt_lapack_trsm(rt_dtype d, int upper, int adjoint, int unit, intptr_t n, intptr_t nrhs, const void *a, void *b);
void rt_lapack_init(void);
#endif
