/* record: turning a computation that just ran into a node of the graph.  Floor: ufunc. */
#ifndef RT_UFUNC_RECORD_H
#define RT_UFUNC_RECORD_H
#include "ufunc/op.h"

/* May the given outputs be written?  Read-only tensors, expanded memory, leaves that require grad
 * (and views of them) are refused. */
RT_WARN_UNUSED int rt_record_check_write(const rt_op *op, rt_tensor *out);
/* The common case: nothing here requires grad nor ever could through a base. */
static inline int rt_record_needless(const rt_op *op, int nin, const rt_operand *in)
{
    if (!rt_grad_enabled || !op->differentiable) return 1;
    for (int i = 0; i < nin; i++)
        if (in[i].t && (in[i].t->node || in[i].t->base || (in[i].t->flags & RT_REQUIRES_GRAD))) return 0;
    return 1;
}
/* Is anything to be recorded for these inputs, when it is not needless? */
int rt_record_wanted(const rt_op *op, int nin, const rt_operand *in);
/* Records op over `in`, made or written `out`.  `given` has bit k set when out[k] existed before.  `kept` are the
 * inputs to keep for the backward pass: `in`, or copies of what was overwritten. */
RT_WARN_UNUSED int rt_record(const rt_op *op, int nin, const rt_operand *in, const rt_operand *kept, const rt_params *p,
                             rt_tensor **out, unsigned given);
/* RT_SAVE_X, Y, Z: the inputs whose values a record of op over `in` would keep. */
uint8_t rt_record_inputs(const rt_op *op, int nin, const rt_operand *in);
/* Out was written without being recorded: it is a constant now, its base's history forgets it. */
RT_WARN_UNUSED int rt_record_constant(const rt_op *op, rt_tensor *out);
/* n keeps a copy of an op's parameters. */
RT_WARN_UNUSED int rt_record_params(rt_node *n, const rt_params *p);
#endif
