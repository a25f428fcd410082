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
#endif
