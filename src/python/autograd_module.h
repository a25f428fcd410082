/* autograd_module: functions of the C module about gradients.  Floor: python. */
#ifndef RT_PYTHON_AUTOGRAD_MODULE_H
#define RT_PYTHON_AUTOGRAD_MODULE_H
#include <Python.h>
int rt_autograd_init(PyObject *module);
#endif
