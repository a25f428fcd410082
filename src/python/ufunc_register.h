/* ufunc_register: our elementwise rows as np.ufunc objects that accept plain ndarrays.
 * Floor: python. */
#ifndef RT_PYTHON_UFUNC_REGISTER_H
#define RT_PYTHON_UFUNC_REGISTER_H
#include <Python.h>

/* Adds ufuncs() to the module: {name: np.ufunc}, made when first asked for. */
int rt_ufunc_register(PyObject *module);
#endif
