/* dialect: the same tensor in two languages.  A Tensor speaks PyTorch, an array (rt_array_type) speaks
 * NumPy; here one is made the other, sharing memory and history, and calls are kept in their language.
 * Floor: python. */
#ifndef RT_PYTHON_DIALECT_H
#define RT_PYTHON_DIALECT_H
#include "core/tensor.h"

int rt_dialect_init(PyObject *module);           /* after rt_tensor_type_init */

/* Is it an array without dimensions, which behaves as NumPy's scalars do? */
static inline int rt_array_is_scalar(PyObject *o) { return rt_array_check(o) && ((rt_tensor *)o)->ndim == 0; }
/* NumPy's dtype rules when one of the two (b may be NULL) is an array: 1, and the caller restores `before`. */
static inline int rt_dialect_enter(PyObject *a, PyObject *b, rt_dtype_rules *before)
{
    if (!rt_array_check(a) && !(b && rt_array_check(b))) return 0;
    *before = rt_dtype_rules_numpy();
    return 1;
}
/* An element taken from an array, no window on it: `window` (stolen) or a copy. */
RT_WARN_UNUSED PyObject *rt_array_settle(PyObject *window);
/* A result as arrays: a Tensor, or what a tuple, list or named tuple holds; all else as it is.  Steals. */
RT_WARN_UNUSED PyObject *rt_dialect_arrays(PyObject *result);
/* Are there arrays among these, or in lists and tuples among these? */
int rt_dialect_has_arrays(PyObject *const *args, Py_ssize_t n);
/* function(*args) with every array seen as a Tensor, and a result of arrays: for code that calls the
 * methods of PyTorch. */
RT_WARN_UNUSED PyObject *rt_dialect_call(PyObject *function, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* A method or function of this name was called on a plain Tensor with keywords that only NumPy has (where=, initial=,
 * order=) and refused them, with a TypeError: the array's method then.  NULL with that TypeError, or its own. */
RT_WARN_UNUSED PyObject *rt_dialect_again(PyObject *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* The same object or, of an array, a Tensor on its memory, in its graph; new reference. */
RT_WARN_UNUSED PyObject *rt_dialect_tensor(PyObject *o);
#endif
