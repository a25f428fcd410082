/* numpy_call: one call of a ufunc that reached __array_ufunc__, and the ways to answer it.
 * Floor: python; for the numpy_*.c files alone. */
#ifndef RT_PYTHON_NUMPY_CALL_H
#define RT_PYTHON_NUMPY_CALL_H
#include "core/node.h"
#include "python/ufunc_binding.h"

/* All borrowed. */
typedef struct {
    PyObject *ufunc, *method;
    const rt_binding *binding;         /* NULL: no row of ours */
    PyObject *const *in;
    Py_ssize_t nin;
    PyObject *const *values;           /* of the keywords */
    PyObject *kwnames;                 /* or NULL */
    /* keywords, NULL where not given */
    PyObject *out, *where, *dtype, *axis, *keepdims, *initial;
    const char *casting;
    int others;                        /* a keyword that only NumPy understands was given */
} rt_numpy_call;

/* Each: new reference, NULL with an exception, or NotImplemented. */
PyObject *rt_numpy_call_op(const rt_numpy_call *c);
PyObject *rt_numpy_reduce(const rt_numpy_call *c);
PyObject *rt_numpy_accumulate(const rt_numpy_call *c);
PyObject *rt_numpy_outer(const rt_numpy_call *c);
/* By NumPy's own code on ndarrays that share the tensors' memory; refused, by name, where a
 * gradient is wanted. */
PyObject *rt_numpy_fallback(const rt_numpy_call *c);

/* The k-th given output, borrowed, or NULL. */
PyObject *rt_numpy_out(const rt_numpy_call *c, int k);
/* Would a result have to be recorded? */
int rt_numpy_needs_gradient(const rt_numpy_call *c);
/* TypeError: gradients cannot flow into an ndarray.  Returns -1. */
int rt_numpy_refuse_array(const rt_numpy_call *c);
/* The tensor behind an output; new reference.  Fails for what cannot be written without a copy. */
RT_WARN_UNUSED rt_tensor *rt_numpy_output(PyObject *out);
/* Hands `result` (stolen, may be NULL after a failure) to the caller: as it is, or written into the
 * given output (NULL or None: none), where c->where is true. */
RT_WARN_UNUSED PyObject *rt_numpy_deliver(const rt_numpy_call *c, rt_tensor *result, PyObject *out);
#endif
