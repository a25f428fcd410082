/* added_op: ops that extensions add to the table at run time (rustorch_op of rustorch.h).  Floor: python. */
#ifndef RT_PYTHON_ADDED_OP_H
#define RT_PYTHON_ADDED_OP_H
#include <rustorch.h>
#include "ufunc/op.h"

#define RT_ADDED_RESULTS 4

/* A row with what its functions need; of a row with loops only the row is used. */
typedef struct {
    rt_op row;                          /* must stay first */
    rustorch_function *forward, *backward;
    void *data;
    int flags;
} rt_added_op;

/* forward and backward of rows with functions; the last is for derivatives given as texts. */
rt_forward_fn rt_added_forward;
rt_backward_fn rt_added_backward, rt_added_rules_backward;

/* What the struct of rustorch.h points at. */
int rt_added_op_register(const rustorch_op *spec);
PyObject *rt_added_op_output(rustorch_call *call, int k, int dtype, int ndim, const intptr_t *shape);
int rt_added_op_set_output(rustorch_call *call, int k, PyObject *t);
#endif
