/* ndarray: tensors and NumPy arrays on the same memory.  One of the few files that include NumPy.
 * Floor: python. */
#ifndef RT_PYTHON_NDARRAY_H
#define RT_PYTHON_NDARRAY_H
#include "core/tensor.h"

int rt_ndarray_init(void);                       /* import_array and checks of dtypes.def */
int rt_ndarray_check(PyObject *o);               /* is it an ndarray (or subclass)? */
int rt_ndarray_is_subclass(PyObject *o);         /* of a subclass of ndarray? */
int rt_ndarray_is_scalar(PyObject *o);           /* a NumPy scalar, np.float32(1) */
/* Tensor on a's memory (kept alive); read-only when a is.  TypeError for dtypes we lack
 * (object, strings, foreign byte order: said so); misaligned arrays are copied. */
RT_WARN_UNUSED rt_tensor *rt_ndarray_import(PyObject *a);
/* ndarray on t's memory (t's storage kept alive); read-only when t is, or requires grad. */
RT_WARN_UNUSED PyObject *rt_ndarray_export(rt_tensor *t);
/* rt_dtype of a NumPy dtype number, RT_NODTYPE when we lack it; and np.dtype objects of it. */
rt_dtype rt_ndarray_dtype(int npy);
RT_WARN_UNUSED PyObject *rt_ndarray_descr(rt_dtype d);
int rt_ndarray_is_descr(PyObject *o);
int rt_ndarray_descr_convert(PyObject *o, rt_dtype *out);   /* 1 when o is an np.dtype or scalar type, 0 not, -1 error */
#endif
