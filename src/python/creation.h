/* creation: functions that make tensors from Python things and from nothing.  Floor: python. */
#ifndef RT_PYTHON_CREATION_H
#define RT_PYTHON_CREATION_H
#include <Python.h>
int rt_creation_init(PyObject *module);
#endif
