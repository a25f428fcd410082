/* positions: several indices as one flat position: by a loop, or by rows, so that observers see what it is made
 * of.  Floor: python. */
#ifndef RT_PYTHON_POSITIONS_H
#define RT_PYTHON_POSITIONS_H
#include "ufunc/op.h"

/* IndexError: i is not within a dimension.  -1. */
int rt_positions_refuse(intptr_t i, int dim, intptr_t length);
/* to[..] = to[..] * length + from[..], from broadcast; -1 with IndexError, which names dimension `source`. */
RT_WARN_UNUSED int rt_positions_add(int64_t **to, const rt_tensor *from, int d, const char *at, intptr_t length, int source);

/* An index as int64, or where a mask is true as flat positions. */
RT_WARN_UNUSED rt_tensor *rt_positions_visible(rt_tensor *array, int mask);
/* Flat positions of n indices, whose bounds were checked, into dimensions of these lengths; NULL among the arrays
 * stands for the integer in values.  New reference. */
RT_WARN_UNUSED rt_tensor *rt_positions_combine(int n, rt_tensor *const *arrays, const intptr_t *values,
                                               const intptr_t *lengths);
/* v[key] = value, both numbers of Python's, where nothing stands in the way.  1: done; 0: not such a write; -1 with an
 * exception. */
RT_WARN_UNUSED int rt_positions_store(rt_tensor *v, PyObject *key, PyObject *value);
#endif
