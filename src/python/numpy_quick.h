/* numpy_quick: the plain calls of rustorch.numpy's functions, answered without Python code.
 * Floor: python; for dialect.c and the numpy_*.c files alone. */
#ifndef RT_PYTHON_NUMPY_QUICK_H
#define RT_PYTHON_NUMPY_QUICK_H
#include "ufunc/apply.h"

typedef struct rt_numpy_quick rt_numpy_quick;
/* New reference; NULL, with an exception only for want of memory, when the call needs a closer look.  Called
 * under NumPy's dtype rules; what it gives becomes an array. */
typedef PyObject *rt_numpy_quick_fn(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
struct rt_numpy_quick {
    const char *name;          /* of NumPy's function */
    rt_numpy_quick_fn *call;
    int row;                   /* rt_op_index, where it is one row */
    int option;                /* the function's own */
    int neutral;               /* does it answer plain Tensors, too? */
};

/* The entry of a name; NULL when it has none. */
const rt_numpy_quick *rt_quick_find(const char *name);
/* The entry of a function of NumPy's; NULL when it has none, or, with an exception, on failure. */
const rt_numpy_quick *rt_quick_of(PyObject *function);
/* Those that make arrays from numbers (numpy_make.c). */
extern const rt_numpy_quick rt_quick_makers[];
extern const int rt_quick_nmakers;
/* Those of several rows (numpy_steps.c). */
extern const rt_numpy_quick rt_quick_steps[];
extern const int rt_quick_nsteps;
/* Those that look at no element (numpy_facts.c). */
extern const rt_numpy_quick rt_quick_facts[];
extern const int rt_quick_nfacts;
#endif
