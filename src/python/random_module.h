/* random_module: random tensors and the Generator type at the Python face.  Floor: python. */
#ifndef RT_PYTHON_RANDOM_MODULE_H
#define RT_PYTHON_RANDOM_MODULE_H
#include <Python.h>

int rt_random_init(PyObject *module);        /* after rt_tensor_type_init */
#endif
