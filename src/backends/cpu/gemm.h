/* gemm: our own product kernels, for what the BLAS library lacks (integers, truth values).
 * C[i0:i1, 0:n] of one product; strides in elements, any sign; single-threaded.
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_GEMM_H
#define RT_BACKENDS_CPU_GEMM_H
#include <stdint.h>
#include "core/dtype.h"

/* Integer dtypes wrap around, bool is or-of-ands.  beta 0: C is not read.  C's column stride is 1. */
void rt_gemm_integer(rt_dtype dtype, intptr_t i0, intptr_t i1, intptr_t n, intptr_t k,
                     const char *a, intptr_t a_row, intptr_t a_col,
                     const char *b, intptr_t b_row, intptr_t b_col, int beta, char *c, intptr_t c_row);
#endif
