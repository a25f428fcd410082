/* module_call: what makes calling an nn.Module cost little more than its forward.  Floor: python. */
#ifndef RT_PYTHON_MODULE_CALL_H
#define RT_PYTHON_MODULE_CALL_H
#include <Python.h>

/* Are there hooks on every module? */
int rt_module_call_is_watched(void);
int rt_module_call_init(PyObject *module);
#endif
