/* gemm: our own product kernels: integers and truth values, which the BLAS library lacks, and float32 and
 * float64 where the processor has fused multiply-add.  Strides in elements; single-threaded.
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_GEMM_H
#define RT_BACKENDS_CPU_GEMM_H
#include <stdint.h>
#include "core/dtype.h"

/* One product C = A B (beta 0: C is not read) or C += A B; C's column stride is 1. */
typedef struct {
    rt_dtype dtype;
    intptr_t m, n, k, a_row, a_col, b_row, b_col, c_row;
    int beta;
    const char *a, *b;
    char *c, *a_buffer, *b_buffer;
} rt_gemm;

/* C[i0:i1, j0:j1].  Integer dtypes wrap around, bool is or-of-ands. */
void rt_gemm_integer(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
/* C[i0:i1, j0:j1] of f32 or f64, k > 0.  0 when there is no kernel for this processor or no memory for its
 * buffers: nothing was done. The bits of a result depend on k and the elements alone. */
int rt_gemm_float(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
/* "AVX-512", "AVX2" or NULL. */
const char *rt_gemm_float_kernel(void);
/* From now on the best kernels up to this instruction set ("v2", ...; NULL: RUSTORCH_ISA's, or the best). */
void rt_gemm_float_choose(const char *isa);

/* n cut evenly into as few pieces of at most `most` as can be, each a multiple of unit. */
static inline intptr_t rt_gemm_even(intptr_t n, intptr_t most, intptr_t unit)
{
    intptr_t pieces = (n + most - 1) / most, each = (n + pieces - 1) / pieces;
    return (each + unit - 1) / unit * unit;
}
#endif
