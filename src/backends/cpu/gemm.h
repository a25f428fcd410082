/* gemm: our own product kernels: integers and truth values, which the BLAS library lacks, and floating and
 * complex numbers where the processor has fused multiply-add.  Strides in elements; single-threaded.
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_GEMM_H
#define RT_BACKENDS_CPU_GEMM_H
#include <stdint.h>
#include "core/dtype.h"

/* One product C = A B (start NULL) or C = start + A B; the column stride of C and start is 1.  C and start of a product
 * of bf16 are f32. */
typedef struct {
    rt_dtype dtype;
    intptr_t m, n, k, a_row, a_col, b_row, b_col, c_row, start_row;
    const char *a, *b, *start;
    char *c, *a_buffer, *b_buffer;
} rt_gemm;

/* C[i0:i1, j0:j1], start NULL or C.  Integer dtypes wrap around, bool is or-of-ands. */
void rt_gemm_integer(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
/* Is there a kernel for this dtype and processor? */
int rt_gemm_float_takes(rt_dtype d);
/* C[i0:i1, j0:j1] of such a dtype, k > 0.  0 when there is no kernel or no memory for its buffers: nothing was done.
 * The bits of a result depend on k and the elements alone. */
int rt_gemm_float(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1);
/* For many products with one B (k, n): B in panels of so many columns; 0 when there is no kernel for it. */
intptr_t rt_gemm_packed_columns(rt_dtype dtype);
/* b as panels, k times n rounded up to whole panels, aligned to 64 bytes; columns j0..j1, whole panels, of them. */
void rt_gemm_pack(const rt_gemm *q, char *to, intptr_t j0, intptr_t j1);
/* C[:, j0:j1] with q->b from rt_gemm_pack, j0 a multiple of a third of a panel; start NULL or C.  The bits of rt_gemm_float's
 * products of several rows. */
void rt_gemm_packed(const rt_gemm *q, intptr_t j0, intptr_t j1);
/* Bytes of the chosen kernels' vectors, 0 without any. */
int rt_gemm_float_vector(void);
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
