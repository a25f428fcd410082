/* number: Python's operators on tensors.  Floor: python. */
#ifndef RT_PYTHON_NUMBER_H
#define RT_PYTHON_NUMBER_H
#include <Python.h>
extern PyNumberMethods rt_number_methods;
PyObject *rt_number_compare(PyObject *a, PyObject *b, int how);
#endif
