/* array_methods: methods of arrays (rustorch.numpy.ndarray) with NumPy's meaning.  The common calls are
 * answered in C; a call with other arguments goes to the function of that name in rustorch.numpy._methods.
 * Floor: python. */
#ifndef RT_PYTHON_ARRAY_METHODS_H
#define RT_PYTHON_ARRAY_METHODS_H
#include "core/tensor.h"

extern PyMethodDef rt_array_methods[], rt_array_folds[];
/* Arguments that C does not cover: the Python function entered for it, under NumPy's rules. */
typedef struct { const char *name; PyObject *function; } rt_array_slow;    /* owned, for good */
RT_WARN_UNUSED PyObject *rt_array_otherwise(rt_array_slow *slow, PyObject *self, PyObject *const *args, Py_ssize_t n,
                                            PyObject *kwnames);
/* Enters `function` for the method of this name: 1, or 0 when no method written in C waits for it. */
int rt_array_enter(const char *name, PyObject *function);
int rt_array_folds_enter(const char *name, PyObject *function);
#endif
