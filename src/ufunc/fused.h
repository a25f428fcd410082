/* fused: elementwise ops over one shape as a single loop.  A block of a few thousand elements goes through all of them
 * before the next one, so that what they hand to one another stays in the first cache.  Each op's own loop does the
 * work: the bits are those of the ops one by one.  Floor: ufunc. */
#ifndef RT_UFUNC_FUSED_H
#define RT_UFUNC_FUSED_H
#include "ufunc/op.h"

/* An op as it was computed once; tensors (borrowed) say which value is which. */
typedef struct {
    const rt_op *op;
    int nin;
    rt_operand in[3];
    rt_tensor *out;
    uint8_t kept;              /* its result is wanted outside */
} rt_fused_op;

typedef struct rt_fused rt_fused;

/* Can this op, which gave `out`, be part of a loop? */
int rt_fused_takes(const rt_op *op, int nin, const rt_operand *in, const rt_tensor *out);
/* A loop of n ops with results of one shape.  *from gets the tensors (borrowed, rt_fused_nin of them) it reads.
 * NULL without an exception when they are too many for one loop. */
RT_WARN_UNUSED rt_fused *rt_fused_new(int n, const rt_fused_op *ops, const rt_tensor **from);
void rt_fused_free(rt_fused *f);
int rt_fused_nin(const rt_fused *f);
/* Runs it over tensors of the shapes and dtypes of the first time; out: the kept results, in order, new references. */
RT_WARN_UNUSED int rt_fused_run(const rt_fused *f, rt_tensor *const *in, rt_tensor **out);
#endif
