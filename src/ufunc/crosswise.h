/* crosswise: softmax, log_softmax and their gradients along a dimension that is not the last, with the bits of the row
 * kernels.  Short lines are folded side by side in tiles of columns; longer ones are turned into packed
 * rows, a few neighbours at a time, in a buffer that stays in cache.  Floor: ufunc. */
#ifndef RT_UFUNC_CROSSWISE_H
#define RT_UFUNC_CROSSWISE_H
#include "core/tensor.h"

typedef void rt_row_fn(const char *x, char *out, intptr_t rows, intptr_t n);
typedef void rt_row_gradient_fn(const char *g, const char *out, char *gx, intptr_t rows, intptr_t n);

/* Can the rows of dimension dim be run this way: C order, elements of 4 or 8 bytes, columns side by side and short enough? */
int rt_crosswise_fit(const rt_tensor *t, int dim);
/* out = forward(x), or gradient(x, y), along dim of tensors of one shape and of float32 or float64 that fit;
 * `is_log` says which they are.  0, or -1 with MemoryError. */
RT_WARN_UNUSED int rt_crosswise_run(rt_row_fn *forward, rt_row_gradient_fn *gradient, const rt_tensor *x, const rt_tensor *y,
                                    rt_tensor *out, int dim, int is_log);
#endif
