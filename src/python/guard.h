/* guard: functions written in Python whose complaints about arguments are TypeErrors.  Floor: python. */
#ifndef RT_PYTHON_GUARD_H
#define RT_PYTHON_GUARD_H
#include <Python.h>

int rt_guard_init(void);
/* _guard(function): a callable that is the function, but for an AttributeError about one of its own arguments
 * ("'NoneType' object has no attribute 'ndim'"), which becomes an ArgumentError (a TypeError) that names function and argument.
 * The same object every time. */
__attribute__((warn_unused_result)) PyObject *rt_guard(PyObject *module, PyObject *function);
#endif
