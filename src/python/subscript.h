/* subscript: t[key] and t[key] = value, as NumPy has them.  Floor: python. */
#ifndef RT_PYTHON_SUBSCRIPT_H
#define RT_PYTHON_SUBSCRIPT_H
#include "core/tensor.h"

/* A view for integers, slices, `...` and None; a copy when the key has arrays or masks. New reference. */
RT_WARN_UNUSED PyObject *rt_subscript_get(rt_tensor *t, PyObject *key);
RT_WARN_UNUSED int rt_subscript_set(rt_tensor *t, PyObject *key, PyObject *value, int add);
#endif
