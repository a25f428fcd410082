/* shape: arithmetic on shapes, steps and dimension numbers.  Floor: core. */
#ifndef RT_CORE_SHAPE_H
#define RT_CORE_SHAPE_H
#include "core/tensor.h"

/* Number of elements, or -1 with ValueError when a length is negative or the
 * bytes (elements * itemsize) do not fit in intptr_t. */
RT_WARN_UNUSED intptr_t rt_shape_size(int ndim, const intptr_t *shape, size_t itemsize);
void rt_shape_steps(int ndim, const intptr_t *shape, size_t itemsize, intptr_t *steps);
static inline int rt_shape_equal(int na, const intptr_t *a, int nb, const intptr_t *b)
{
    if (na != nb) return 0;
    for (int i = 0; i < na; i++) if (a[i] != b[i]) return 0;
    return 1;
}
/* Broadcasts b into (ndim, shape).  -1 with ShapeMismatchError naming `op`. */
RT_WARN_UNUSED int rt_shape_broadcast(const char *op, int *ndim, intptr_t *shape, int nb, const intptr_t *b);
/* Wraps a dimension number; -1 with IndexError naming op. ndim 0 admits 0 and -1, as PyTorch. */
RT_WARN_UNUSED int rt_dim_wrap(const char *op, intptr_t dim, int ndim);
/* Wraps a list into a bit mask; n == 0 means all.  -1 with an exception on a repeat. */
RT_WARN_UNUSED int rt_dims_mask(const char *op, int n, const intptr_t *dims, int ndim, uint32_t *mask);
/* "(2, 3)" into buf; buf holds RT_SHAPE_TEXT bytes at least. Returns buf. */
#define RT_SHAPE_TEXT 256
const char *rt_shape_text(int ndim, const intptr_t *shape, char *buf);
#endif
