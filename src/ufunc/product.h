/* product: matrix products of tensors of any layout, dtype and batch, over backends/blas.h: what the
 * rows of matmul.c and linear.c share.  Floor: ufunc. */
#ifndef RT_UFUNC_PRODUCT_H
#define RT_UFUNC_PRODUCT_H
#include "ufunc/op.h"

#define RT_PRODUCT_SMALL 4096      /* elements of an operand: not worth giving the GIL away for */

/* A tensor seen as matrices (..., rows, columns). */
typedef struct {
    rt_tensor *t;                          /* owned: of the dtype taken, laid out as BLAS wants it */
    const char *data;
    intptr_t rows, columns, row, column;   /* lengths; strides in elements */
    int nbatch;                            /* leading dimensions of t */
} rt_matrices;

/* What x @ y needs: the two sides and what comes out. */
typedef struct {
    rt_matrices x, y;
    rt_dtype compute, result, taken;       /* float16 and bfloat16 are computed in float32; taken: what the kernel reads */
    int nbatch;
    intptr_t batch[RT_MAX_NDIM];           /* broadcast leading dimensions */
} rt_product;

/* The dtype products of a dtype are computed in. */
static inline rt_dtype rt_product_compute(rt_dtype d) { return d == RT_f16 || d == RT_bf16 ? RT_f32 : d; }

/* Prepares x @ y.  x with one dimension is a row, y with one a column; `swapped`: y's last two dimensions
 * are exchanged.  Leading dimensions are broadcast.  Checks shapes, converts, copies where the layout
 * cannot be used.  On failure nothing is owned.  0 or -1. */
RT_WARN_UNUSED int rt_product_begin(const char *op, rt_tensor *x, rt_tensor *y, int swapped, rt_product *p);
/* out = x @ y, or start + x @ y where y has no batch; out is packed, of the dtype computed in, shape batch +
 * (x.rows, y.columns) or one with the lengths of 1 left out.  start: NULL, or rows of unit stride in that dtype,
 * start_row elements apart (0: one for all). */
void rt_product_run(const rt_product *p, const char *start, intptr_t start_row, char *out);
void rt_product_end(rt_product *p);
/* Runs and finishes into *out as a forward function does: makes it or writes the given one, of shape
 * (ndim, shape). Consumes p in every case.  0 or -1. */
RT_WARN_UNUSED int rt_product_output(const rt_op *op, rt_product *p, int ndim, const intptr_t *shape, int nin,
                                     const rt_operand *in, rt_tensor **out);
/* Steps of gradients (matmul.c), recorded when grad mode is on.  Each consumes what it is given, passes
 * NULL through and returns a new reference. */
rt_tensor *rt_matmul_turned(rt_tensor *t);                  /* conjugate transpose of the last two dimensions */
rt_tensor *rt_matmul_times(rt_tensor *x, rt_tensor *y);     /* x @ y */
rt_tensor *rt_matmul_rows(rt_tensor *t);                    /* (..., n) as (-1, n) */
rt_tensor *rt_matmul_conj(rt_tensor *t);                    /* t itself when real */
#endif
