/* python_op: ops whose forward and backward are Python functions, rows of the table all the same.  Floor: python. */
#ifndef RT_PYTHON_PYTHON_OP_H
#define RT_PYTHON_PYTHON_OP_H
#include <Python.h>

/* _register_op(name, signature, doc, flags, nout, gradient, forward, backward): see rustorch.plugins.register. */
PyObject *rt_python_op_register(PyObject *module, PyObject *args);
#endif
