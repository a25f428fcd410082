/* added_op: ops that extensions add to the table at run time (rustorch_op of rustorch.h).  Floor: python. */
#ifndef RT_PYTHON_ADDED_OP_H
#define RT_PYTHON_ADDED_OP_H
#include <rustorch.h>

/* What the struct of rustorch.h points at. */
int rt_added_op_register(const rustorch_op *spec);
PyObject *rt_added_op_output(rustorch_call *call, int k, int dtype, int ndim, const intptr_t *shape);
int rt_added_op_set_output(rustorch_call *call, int k, PyObject *t);
#endif
