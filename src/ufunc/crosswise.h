/* crosswise: softmax, log_softmax and their gradients along a dimension that is not the last, with the bits of the row
 * kernels.  Columns are folded side by side where they lie; a few are turned into packed rows, in a buffer that
 * stays in cache.  Floor: ufunc. */
#ifndef RT_UFUNC_CROSSWISE_H
#define RT_UFUNC_CROSSWISE_H
#include "core/tensor.h"

/* Can the rows of dimension dim be run this way: C order, elements of 4 or 8 bytes, columns side by side and short enough? */
int rt_crosswise_fit(const rt_tensor *t, int dim);
/* out = softmax(x), or its gradient from g = x and the result y, along dim of tensors of one shape and of float32 or
 * float64 that fit; `is_log`: of log_softmax.  0, or -1 with MemoryError. */
RT_WARN_UNUSED int rt_crosswise_run(const rt_tensor *x, const rt_tensor *y, rt_tensor *out, int dim, int is_log);
#endif
