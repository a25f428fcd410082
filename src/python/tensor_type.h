/* tensor_type: the Python face of the Tensor type.  Floor: python. */
#ifndef RT_PYTHON_TENSOR_TYPE_H
#define RT_PYTHON_TENSOR_TYPE_H
#include "core/tensor.h"

extern PyMethodDef rt_tensor_methods[];                 /* tensor_methods.c */
int rt_tensor_type_init(PyObject *module);
/* Adds a hook to t (a leaf's own or its node's); new handle key. For after=1: once accumulated. */
PyObject *rt_tensor_add_hook(rt_tensor *t, PyObject *fn, int after);
#endif
