/* c_api: the functions of rustorch/include/rustorch.h, in a capsule.  Floor: python. */
#ifndef RT_PYTHON_C_API_H
#define RT_PYTHON_C_API_H
#include <Python.h>

/* Adds _C_API to the module. */
int rt_c_api_init(PyObject *module);
#endif
