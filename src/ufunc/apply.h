/* apply: the one door.  Every op, by whatever route it was asked for, is computed and
 * recorded here.  Floor: ufunc. */
#ifndef RT_UFUNC_APPLY_H
#define RT_UFUNC_APPLY_H
#include "ufunc/op.h"

/* Computes op over in[0..nin).  out[k] NULL on entry: a new reference is returned there; given:
 * written to (in place when it is also an input), and left borrowed.  p may be NULL.
 * Records the computation when grad mode is on and an input requires it.  0 or -1. */
RT_WARN_UNUSED int rt_op_apply(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out);

/* Short forms for C callers; new references or NULL. */
RT_WARN_UNUSED rt_tensor *rt_apply1(rt_op_index op, rt_tensor *x);
RT_WARN_UNUSED rt_tensor *rt_apply2(rt_op_index op, rt_tensor *x, rt_tensor *y);
RT_WARN_UNUSED rt_tensor *rt_apply3(rt_op_index op, rt_tensor *x, rt_tensor *y, rt_tensor *z);
RT_WARN_UNUSED rt_tensor *rt_apply1p(rt_op_index op, rt_tensor *x, rt_params *p);
RT_WARN_UNUSED rt_tensor *rt_apply2p(rt_op_index op, rt_tensor *x, rt_tensor *y, rt_params *p);
RT_WARN_UNUSED rt_tensor *rt_apply2s(rt_op_index op, rt_tensor *x, double y);
RT_WARN_UNUSED rt_tensor *rt_cast(rt_tensor *t, rt_dtype dtype);          /* recorded; t itself when equal */
RT_WARN_UNUSED rt_tensor *rt_contiguous(rt_tensor *t);                    /* recorded; t itself when so */
/* dst[...] = src with broadcasting and conversion; not recorded, no version change: for fresh outputs. */
RT_WARN_UNUSED int rt_copy_into(rt_tensor *dst, const rt_tensor *src);
RT_WARN_UNUSED int rt_fill(rt_tensor *dst, const rt_operand *value);      /* likewise */
/* out[k] for a forward function: makes it, or checks the given one's shape and that `dtype` may be
 * cast to its.  *work is where to compute (new reference): the output itself, or a temporary when
 * dtype differs, it overlaps an input or is not contiguous though `contiguous` was asked for.
 * rt_output_finish copies it home and drops it. */
RT_WARN_UNUSED int rt_output_begin(const rt_op *op, rt_tensor **out, rt_dtype dtype, int ndim, const intptr_t *shape,
                                   int nin, const rt_operand *in, int contiguous, rt_tensor **work);
RT_WARN_UNUSED int rt_output_finish(rt_tensor *out, rt_tensor *work);
/* Does `out` (given) fit: the shape, or one that broadcasts to it, and the dtype?  An `out` of shape (0,) that is
 * no view is given the shape, as in PyTorch. */
RT_WARN_UNUSED int rt_output_check(const rt_op *op, rt_tensor *out, rt_dtype dtype, int ndim, const intptr_t *shape);
/* RuntimeError when `out` (NULL: none) is, or shares memory with, an input: for rows that move elements about. */
RT_WARN_UNUSED int rt_output_refuse_overlap(const rt_op *op, const rt_tensor *out, int nin, const rt_operand *in);
/* Does out share memory with an input other than element for element? */
int rt_output_hits_input(const rt_tensor *out, int nin, const rt_operand *in);
static inline rt_operand rt_operand_of(rt_tensor *t) { return (rt_operand){.t = t}; }
static inline rt_operand rt_operand_float(double f) { return (rt_operand){.kind = RT_KIND_FLOAT, .v.f = f}; }
static inline rt_operand rt_operand_int(int64_t i) { return (rt_operand){.kind = RT_KIND_SIGNED, .v.i = i}; }
/* Does a bool or integer scalar fit a bool or integer dtype? */
int rt_operand_fits(const rt_operand *s, rt_dtype dtype);
/* Writes a scalar as an element of `dtype` at `at`; OverflowError when a Python integer does not fit. */
RT_WARN_UNUSED int rt_operand_store(const rt_operand *s, rt_dtype dtype, void *at);
#endif
