/* blas: matrix products, by kernels of our own or the BLAS library we bundle.  That runs
 * single-threaded; our pool splits M and N, never K, so that results depend neither
 * on the number of threads nor on how operands lie in memory.  Floor: backends.  Knows no Python. */
#ifndef RT_BACKENDS_BLAS_H
#define RT_BACKENDS_BLAS_H
#include <stdint.h>
#include "core/dtype.h"

/* C = A@B + beta*C; A is (m, k), B (k, n), C (m, n); beta = 0 or 1.
 * Strides in ELEMENTS.  Each of A and B must have one stride equal to 1 (the other at least
 * the length; it is the leading dimension), C's column stride must be 1.  dtype f32, f64,
 * c64 or c128; integers (modulo their range) and bool (or of ands) too, and those with any strides.
 * With beta 0, C is not read.  k == 0 gives zeros. */
void rt_blas_gemm(rt_dtype dtype, intptr_t m, intptr_t n, intptr_t k,
                  const void *a, intptr_t a_row, intptr_t a_col,
                  const void *b, intptr_t b_row, intptr_t b_col,
                  int beta, void *c, intptr_t c_row);
/* `batch` independent products C = start + A@B at byte offsets a_step, b_step, c_step, start_step.  start: NULL, or
 * rows of unit stride; start_row 0 repeats one of them, and C itself may be given.  dtype bf16 too, where
 * rt_blas_takes_half: then start and C are f32, and subnormal numbers count as 0. */
void rt_blas_gemm_batch(rt_dtype dtype, intptr_t batch, intptr_t m, intptr_t n, intptr_t k,
                        const char *a, intptr_t a_step, intptr_t a_row, intptr_t a_col,
                        const char *b, intptr_t b_step, intptr_t b_row, intptr_t b_col,
                        const char *start, intptr_t start_step, intptr_t start_row, char *c, intptr_t c_step, intptr_t c_row);
int rt_blas_takes_half(rt_dtype d);
/* For many products with one B (k, n) of f32 or f64 and few rows each: B laid out once as the kernels read it, in
 * panels of this many columns; 0 where only rt_blas_gemm will do. */
intptr_t rt_blas_packed_columns(rt_dtype dtype);
/* B into `to`: k times n rounded up to whole panels elements, aligned to 64 bytes. */
void rt_blas_pack(rt_dtype dtype, intptr_t n, intptr_t k, const void *b, intptr_t b_row, intptr_t b_col, void *to);
/* Columns j0..j1 of C = A@B + beta*C by a packed B, in this thread; j0 begins a panel.  A result's bits
 * depend neither on m nor on the columns asked for. */
void rt_blas_gemm_packed(rt_dtype dtype, intptr_t m, intptr_t n, intptr_t k, const void *a, intptr_t a_row,
                         intptr_t a_col, const void *packed, intptr_t j0, intptr_t j1, int beta, void *c, intptr_t c_row);
/* Products go up to this instruction set from now on (NULL: as at the start). */
void rt_blas_choose(const char *isa);
const char *rt_blas_config(void);    /* which kernels are used, and the library's own description */
void rt_blas_init(void);             /* single-threaded from here on */
#endif
