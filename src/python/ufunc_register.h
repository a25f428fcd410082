/* ufunc_register: our elementwise rows as np.ufunc objects that accept plain ndarrays.
 * Floor: python. */
#ifndef RT_PYTHON_UFUNC_REGISTER_H
#define RT_PYTHON_UFUNC_REGISTER_H
#include "ufunc/op.h"

/* Adds ufuncs() to the module: {name: np.ufunc}, made when first asked for. */
int rt_ufunc_register(PyObject *module);
/* Enters a row that was added to the table, where ufuncs() was called before. */
RT_WARN_UNUSED int rt_ufunc_add(const rt_op *op);
#endif
