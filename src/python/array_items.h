/* array_items: a[i], a[i] = v and iteration of arrays, as NumPy has them.  Floor: python. */
#ifndef RT_PYTHON_ARRAY_ITEMS_H
#define RT_PYTHON_ARRAY_ITEMS_H
#include "core/tensor.h"

extern PyMappingMethods rt_array_mapping;
RT_WARN_UNUSED PyObject *rt_array_iterate(PyObject *array);
int rt_array_items_init(void);
/* A new array without dimensions that holds the element at `at`; not recorded. */
RT_WARN_UNUSED PyObject *rt_array_scalar(rt_dtype dtype, const char *at);

/* Does what is taken from t, or a write into it, concern a graph? */
static inline int rt_array_in_graph(const rt_tensor *t)
{
    return rt_tensor_requires_grad(t) || (t->base && rt_tensor_requires_grad(t->base));
}
/* view (stolen, may be NULL), fresh geometry on the memory of `of`, as a view of it: for what is not in a graph. */
static inline PyObject *rt_array_window(rt_tensor *of, rt_tensor *view)
{
    if (!view) return NULL;
    view->base = (rt_tensor *)Py_NewRef((PyObject *)(of->base ? of->base : of));
    view->base_version = view->storage->version;
    PyObject_GC_Track((PyObject *)view);
    return (PyObject *)view;
}
#endif
