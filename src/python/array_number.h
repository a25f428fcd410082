/* array_number: Python's conversions and comparisons of arrays, as NumPy has them.  Floor: python. */
#ifndef RT_PYTHON_ARRAY_NUMBER_H
#define RT_PYTHON_ARRAY_NUMBER_H
#include "core/tensor.h"

extern PyNumberMethods rt_array_number_methods;      /* what is missing there is the Tensor's */
RT_WARN_UNUSED PyObject *rt_array_compare(PyObject *a, PyObject *b, int how);
#endif
