/* ufunc_binding: which op stands behind a ufunc object: NumPy's, SciPy's or our own.
 * Floor: python. */
#ifndef RT_PYTHON_UFUNC_BINDING_H
#define RT_PYTHON_UFUNC_BINDING_H
#include "ufunc/op.h"

typedef enum { RT_INTEGERS_OURS, RT_INTEGERS_NUMPYS, RT_INTEGERS_FLOAT64 } rt_integers;

typedef struct {
    PyObject *ufunc;               /* owned */
    const rt_op *op;               /* the row that computes it */
    const char *reduce, *accumulate;   /* rows that fold and scan with it, or NULL */
    uint8_t integers;              /* rt_integers: where NumPy treats them otherwise than the row */
} rt_binding;

/* Borrowed; NULL, with an exception only when something failed, for a ufunc that is no row of ours. */
const rt_binding *rt_binding_find(PyObject *ufunc);
/* From now on `ufunc` is op. */
RT_WARN_UNUSED int rt_binding_add(PyObject *ufunc, const rt_op *op);
#endif
