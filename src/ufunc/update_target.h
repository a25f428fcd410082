/* update_target: what rows that write into a copy of their first input share (index_put, scatter,
 * masked_fill ...): out of place the copy is made, in place the input itself is the target.
 * Floor: ufunc. */
#ifndef RT_UFUNC_UPDATE_TARGET_H
#define RT_UFUNC_UPDATE_TARGET_H
#include "ufunc/apply.h"

/* Elements from which loops let the interpreter go. */
#define UNLOCK_ELEMENTS 65536

/* Makes or checks out[0].  *target (new reference) is where to write: out[0], or memory of its own when `sum`
 * is asked for of half precision or a given out[0] shares memory with in[1] or has another dtype.  Nothing is
 * written yet: check the indices against the target, then load. */
RT_WARN_UNUSED int rt_update_begin(const rt_op *op, const rt_operand *in, rt_tensor **out, int sum, rt_tensor **target);
/* Copies in[0] into the target unless it is in[0] itself. */
RT_WARN_UNUSED int rt_update_load(const rt_operand *in, rt_tensor *target);
/* Brings target home when rc is 0, and drops it (NULL allowed).  Returns rc, or -1. */
RT_WARN_UNUSED int rt_update_finish(rt_tensor **out, rt_tensor *target, int rc);
/* The operand, tensor or number, dense on `shape` in dtype; new reference, a copy when it shares memory
 * with `written` (NULL: nothing). */
RT_WARN_UNUSED rt_tensor *rt_update_values(const rt_op *op, const rt_operand *v, rt_dtype dtype, int ndim,
                                           const intptr_t *shape, const rt_tensor *written);
/* The operand, a number or a tensor of one element, as an element of dtype at `at`. */
RT_WARN_UNUSED int rt_update_scalar(const rt_op *op, const rt_operand *v, rt_dtype dtype, void *at);

/* Shape of x with the dimensions of mask `gone` replaced by index's, put before the position-th that stays. */
RT_WARN_UNUSED int rt_index_shape(const char *op, const rt_tensor *x, uint32_t gone, int position, const rt_tensor *index,
                                  intptr_t *shape);
/* Wraps p->i[0], a dimension of x; checks that index lies within x's shape in every other dimension, and within
 * the source's (NULL: none) in all.  An empty index passes whatever its rank. */
RT_WARN_UNUSED int rt_scatter_check(const rt_op *op, rt_params *p, const rt_tensor *x, const rt_tensor *index,
                                    const rt_tensor *source);
/* x = in[0] at flat positions in[1] within dims. */
RT_WARN_UNUSED int rt_index_get(const rt_op *op, int nin, const rt_operand *in, int k, const intptr_t *dims, uint32_t gone,
                                int position, rt_tensor **out);
#endif
