/* shape: arithmetic on shapes, steps and dimension numbers, with every product
 * checked for overflow.  Floor: core. */
#include "core/shape.h"
#include "core/error.h"
#include <stdio.h>
#include <string.h>

const char *rt_shape_text(int ndim, const intptr_t *shape, char *buf)
{
    size_t at = 0;
    buf[at++] = '(';
    for (int i = 0; i < ndim && at < RT_SHAPE_TEXT - 28; i++)
        at += (size_t)snprintf(buf + at, RT_SHAPE_TEXT - at, i ? ", %zd" : "%zd", (ssize_t)shape[i]);
    if (ndim == 1) buf[at++] = ',';
    buf[at++] = ')';
    buf[at] = 0;
    return buf;
}

intptr_t rt_shape_size(int ndim, const intptr_t *shape, size_t itemsize)
{
    char text[RT_SHAPE_TEXT];
    if (ndim > RT_MAX_NDIM) {
        PyErr_Format(rt_TensorError, "a tensor has at most %d dimensions, not %d", RT_MAX_NDIM, ndim);
        return -1;
    }
    intptr_t size = 1, bytes = (intptr_t)itemsize;
    int empty = 0, overflow = 0;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0) {
            PyErr_Format(rt_TensorError, "negative length %zd in dimension %d of shape %s", (Py_ssize_t)shape[i], i,
                         rt_shape_text(ndim, shape, text));
            return -1;
        }
        if (shape[i] == 0) { empty = 1; continue; }
        overflow |= __builtin_mul_overflow(bytes, shape[i], &bytes);
        size *= overflow ? 1 : shape[i];
    }
    if (overflow) {       /* also when another length is 0: steps would overflow */
        PyErr_Format(rt_TensorError, "shape %s is too large: its bytes do not fit in an address",
                     rt_shape_text(ndim, shape, text));
        return -1;
    }
    return empty ? 0 : size;
}

void rt_shape_steps(int ndim, const intptr_t *shape, size_t itemsize, intptr_t *steps)
{
    intptr_t step = (intptr_t)itemsize;
    for (int i = ndim - 1; i >= 0; i--) {
        steps[i] = step;
        step *= shape[i] > 1 ? shape[i] : 1;
    }
}

int rt_shape_broadcast(const char *op, int *ndim, intptr_t *shape, int nb, const intptr_t *b)
{
    int na = *ndim, n = na > nb ? na : nb;
    if (nb > na) {
        memmove(shape + (nb - na), shape, (size_t)na * sizeof *shape);
        for (int i = 0; i < nb - na; i++) shape[i] = 1;
    }
    for (int i = 0; i < nb; i++) {
        intptr_t *s = &shape[n - nb + i];
        if (*s == b[i] || b[i] == 1) continue;
        if (*s == 1) { *s = b[i]; continue; }
        char why[96];
        snprintf(why, sizeof why, "shapes do not broadcast (dimension %d: %zd against %zd)", na == nb ? i : i - nb,
                 (ssize_t)*s, (ssize_t)b[i]);
        return rt_error_shapes(op, why, na, shape + (n - na), nb, b);
    }
    *ndim = n;
    return 0;
}

int rt_dim_wrap(const char *op, intptr_t dim, int ndim)
{
    int n = ndim ? ndim : 1;
    if (dim >= n || dim < -n)
        return rt_error(rt_RangeError, op, "dimension %zd is out of range for a tensor of %d dimensions"
                        " (expected %d to %d)", (Py_ssize_t)dim, ndim, -n, n - 1);
    return (int)(dim < 0 ? dim + n : dim);
}

int rt_dims_mask(const char *op, int n, const intptr_t *dims, int ndim, uint32_t *mask)
{
    *mask = 0;
    if (n <= 0) {
        *mask = ndim == 32 ? UINT32_MAX : (1u << ndim) - 1;
        return 0;
    }
    for (int i = 0; i < n; i++) {
        int d = rt_dim_wrap(op, dims[i], ndim);
        if (d < 0) return -1;
        if (*mask >> d & 1) return rt_error(rt_TensorError, op, "dimension %d appears twice", d);
        *mask |= 1u << d;
    }
    return 0;
}
