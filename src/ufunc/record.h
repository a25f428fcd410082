/* record: turning a computation that just ran into a node of the graph.  Floor: ufunc. */
#ifndef RT_UFUNC_RECORD_H
#define RT_UFUNC_RECORD_H
#include "ufunc/op.h"

/* May the given outputs be written?  Read-only tensors, expanded memory, leaves that require grad
 * (and views of them) are refused. */
RT_WARN_UNUSED int rt_record_check_write(const rt_op *op, rt_tensor *out);
/* Is anything to be recorded for these inputs? */
int rt_record_wanted(const rt_op *op, int nin, const rt_operand *in);
/* Records op over `in`, made or written `out`.  `given` has bit k set when out[k] existed before. */
RT_WARN_UNUSED int rt_record(const rt_op *op, int nin, const rt_operand *in, const rt_params *p, rt_tensor **out,
                             unsigned given);
/* Out was written without being recorded: it is a constant now, its base's history forgets it. */
RT_WARN_UNUSED int rt_record_constant(const rt_op *op, rt_tensor *out);
#endif
