/* numpy_protocol: NumPy's ufuncs and functions called on Tensors.  They mean what they mean in
 * NumPy: integers that must become floating are float64.  Floor: python. */
#ifndef RT_PYTHON_NUMPY_PROTOCOL_H
#define RT_PYTHON_NUMPY_PROTOCOL_H
#include <Python.h>

/* Puts __array_ufunc__ on the Tensor type, which is ready. */
int rt_numpy_protocol_init(void);
/* METH_FASTCALL | METH_KEYWORDS method of Tensor. */
PyObject *rt_array_function(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* __array_ufunc__(ufunc, method, *inputs, **keywords). */
PyObject *rt_array_ufunc(PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* Does another library's type want to handle a ufunc itself, or (with __array_ufunc__ = None) the operators?
 * A subclass of ndarray that does not override the protocol is plain. */
int rt_numpy_is_foreign(PyObject *o);
/* The ufuncs of rustorch.numpy (numpy_ufunc.c). */
int rt_numpy_ufunc_init(PyObject *module);
#endif
