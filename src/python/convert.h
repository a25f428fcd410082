/* convert: Python things into tensors, operands, dtypes, and back.  Floor: python. */
#ifndef RT_PYTHON_CONVERT_H
#define RT_PYTHON_CONVERT_H
#include "core/node.h"

/* o as an operand of an op.  A Tensor is borrowed; Python bool, int, float and complex become weak
 * scalars; None becomes `none`; ndarrays, NumPy scalars, sequences and anything with __dlpack__, __array_interface__ or a
 * buffer become a tensor, put into *owned (NULL otherwise) for the caller to drop.  0; -1 with
 * TypeError; 1 without an exception when o is nothing of the sort. */
RT_WARN_UNUSED int rt_convert_operand(PyObject *o, rt_operand *out, PyObject **owned);
/* New tensor from anything array-like.  dtype RT_NODTYPE: o's own (Python floats: default dtype).
 * copy 1: always, 0: never (ValueError when it cannot be), -1: where needed. */
RT_WARN_UNUSED rt_tensor *rt_convert_tensor(PyObject *o, rt_dtype dtype, int copy);
/* How often an element was made a Python number, or Python's data a tensor, so far: who traces a function must know. */
extern uint64_t rt_convert_reads;
/* Python number of one element: item(). */
RT_WARN_UNUSED PyObject *rt_convert_item(rt_dtype dtype, const void *at);
/* Nested lists, as tolist(). */
RT_WARN_UNUSED PyObject *rt_convert_list(const rt_tensor *t);

/* NumPy dtype object (bfloat16: ml_dtypes', or our own object); new reference. */
RT_WARN_UNUSED PyObject *rt_dtype_object(rt_dtype d);
/* From np.dtype, scalar types, Python's bool int float complex, names; native byte order only.
 * -1 with TypeError naming what came. */
RT_WARN_UNUSED int rt_dtype_convert(PyObject *o, rt_dtype *out);
/* A shape from an int or a sequence of ints (numbers with __index__), at most RT_MAX_NDIM. Returns ndim or -1. */
RT_WARN_UNUSED int rt_shape_convert(PyObject *o, intptr_t *shape);
/* An exact int of one digit; 0 when o is something else. */
static inline int rt_convert_small_integer(PyObject *o, intptr_t *i)
{
    if (!PyLong_CheckExact(o)) return 0;
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)o)) return 0;
    *i = PyUnstable_Long_CompactValue((PyLongObject *)o);
#else
    const Py_ssize_t digits = Py_SIZE(o);
    if (digits < -1 || digits > 1) return 0;
    *i = digits ? digits * (intptr_t)((PyLongObject *)o)->ob_digit[0] : 0;
#endif
    return 1;
}
#endif
