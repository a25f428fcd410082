/* drawing: the callables of rustorch.numpy.random.  Floor: python. */
#ifndef RT_PYTHON_DRAWING_H
#define RT_PYTHON_DRAWING_H
#include <Python.h>

int rt_drawing_init(PyObject *module);
#endif
