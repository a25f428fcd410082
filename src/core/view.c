/* view: geometry of windows on the same memory.  Nothing here is recorded; the VIEW
 * rows of the op table add that.  Floor: core. */
#include "core/view.h"
#include "core/error.h"
#include "core/shape.h"
#include <string.h>

static rt_tensor *window(const rt_tensor *t, char *data, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    return rt_tensor_alias(t, data, (rt_dtype)t->dtype, ndim, shape, steps);
}

rt_tensor *rt_view_expand(const char *op, const rt_tensor *t, int ndim, const intptr_t *shape)
{
    intptr_t out[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    int lead = ndim - t->ndim;
    if (lead < 0 || ndim > RT_MAX_NDIM) {
        rt_error_shapes(op, "the new shape has too few or too many dimensions", t->ndim, t->shape, ndim, shape);
        return NULL;
    }
    for (int i = 0; i < ndim; i++) {
        intptr_t have = i < lead ? 1 : t->shape[i - lead], want = shape[i];
        if (want == -1 && i >= lead) want = have;
        if (want < 0 || (have != want && have != 1)) {
            rt_error_shapes(op, "the shape does not broadcast to the new one", t->ndim, t->shape, ndim, shape);
            return NULL;
        }
        out[i] = want;
        steps[i] = i >= lead && have == want ? t->steps[i - lead] : 0;
    }
    if (rt_shape_size(ndim, out, rt_tensor_itemsize(t)) < 0) return NULL;
    return window(t, t->data, ndim, out, steps);
}

rt_tensor *rt_view_permute(const char *op, const rt_tensor *t, int n, const intptr_t *dims)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    uint32_t seen = 0;
    if (n != t->ndim) {
        rt_error(rt_TensorError, op, "%d dimensions were named for a tensor of %d", n, t->ndim);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        int d = rt_dim_wrap(op, dims[i], t->ndim);
        if (d < 0) return NULL;
        if (seen >> d & 1) {
            rt_error(rt_TensorError, op, "dimension %d appears twice", d);
            return NULL;
        }
        seen |= 1u << d;
        shape[i] = t->shape[d];
        steps[i] = t->steps[d];
    }
    return window(t, t->data, n, shape, steps);
}

/* Replaces a length of -1; checks that sizes agree. */
static int resolve_shape(const char *op, const rt_tensor *t, int n, const intptr_t *shape, intptr_t *out)
{
    char to[RT_SHAPE_TEXT];
    int unknown = -1;
    intptr_t known = 1;
    if (n > RT_MAX_NDIM) return rt_error(rt_TensorError, op, "at most %d dimensions, not %d", RT_MAX_NDIM, n);
    for (int i = 0; i < n; i++) {
        out[i] = shape[i];
        if (shape[i] == -1) {
            if (unknown >= 0) return rt_error(rt_TensorError, op, "only one length may be -1, shape %s has more",
                                              rt_shape_text(n, shape, to));
            unknown = i;
        } else if (shape[i] < 0) {
            return rt_error(rt_TensorError, op, "negative length in shape %s", rt_shape_text(n, shape, to));
        } else if (__builtin_mul_overflow(known, shape[i], &known)) {
            known = -1;
            break;
        }
    }
    if (unknown >= 0 && known > 0 && t->size % known == 0) {
        out[unknown] = t->size / known;
        return 0;
    }
    if (unknown >= 0 && known == 0 && t->size == 0)
        return rt_error(rt_TensorError, op, "the length -1 of shape %s could be anything: the tensor is empty",
                        rt_shape_text(n, shape, to));
    if (unknown >= 0 || known != t->size)
        return rt_error_shapes(op, "the shapes have different numbers of elements", t->ndim, t->shape, n, shape);
    return 0;
}

int rt_view_reshape(const char *op, const rt_tensor *t, int n, const intptr_t *shape, intptr_t *out_shape,
                    rt_tensor **out)
{
    intptr_t steps[RT_MAX_NDIM];
    if (resolve_shape(op, t, n, shape, out_shape) < 0) return -1;
    if (t->size == 0 && rt_shape_size(n, out_shape, rt_tensor_itemsize(t)) < 0) return -1;
    if (rt_tensor_is_contiguous(t)) {
        *out = window(t, t->data, n, out_shape, NULL);
        return *out ? 1 : -1;
    }
    /* Walk both shapes from the right: a run of old dimensions that lie one in the other (run
     * elements at `step` bytes) can be cut anew. */
    int i = t->ndim - 1, j = n - 1;
    while (j >= 0) {
        while (i >= 0 && t->shape[i] == 1) i--;
        intptr_t run = 1, step = (intptr_t)rt_tensor_itemsize(t);
        if (i >= 0) {
            run = t->shape[i];
            step = t->steps[i--];
        }
        for (; i >= 0 && (t->shape[i] == 1 || t->steps[i] == step * run); i--) run *= t->shape[i];
        intptr_t covered = 1;
        while (j >= 0 && (covered < run || out_shape[j] == 1)) {
            steps[j] = step * covered;
            covered *= out_shape[j--];
        }
        if (covered != run) return 0;
    }
    *out = window(t, t->data, n, out_shape, steps);
    return *out ? 1 : -1;
}

rt_tensor *rt_view_slice(const rt_tensor *t, int dim, intptr_t start, intptr_t step, intptr_t n)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    memcpy(shape, t->shape, t->ndim * sizeof *shape);
    memcpy(steps, t->steps, t->ndim * sizeof *steps);
    shape[dim] = n;
    steps[dim] = n > 1 ? t->steps[dim] * step : t->steps[dim];
    return window(t, n > 0 ? t->data + start * t->steps[dim] : t->data, t->ndim, shape, steps);
}

rt_tensor *rt_view_select(const rt_tensor *t, int dim, intptr_t index)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    int n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (i == dim) continue;
        shape[n] = t->shape[i];
        steps[n++] = t->steps[i];
    }
    return window(t, t->data + index * t->steps[dim], n, shape, steps);
}

rt_tensor *rt_view_squeeze(const rt_tensor *t, uint32_t mask)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    int n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if ((mask >> i & 1) && t->shape[i] == 1) continue;
        shape[n] = t->shape[i];
        steps[n++] = t->steps[i];
    }
    return window(t, t->data, n, shape, steps);
}

rt_tensor *rt_view_unsqueeze(const rt_tensor *t, int dim)
{
    intptr_t shape[RT_MAX_NDIM + 1], steps[RT_MAX_NDIM + 1];
    if (t->ndim == RT_MAX_NDIM) {
        rt_error(rt_TensorError, "unsqueeze", "a tensor has at most %d dimensions", RT_MAX_NDIM);
        return NULL;
    }
    for (int i = 0, k = 0; i <= t->ndim; i++) {
        if (i == dim) {
            shape[i] = 1;
            steps[i] = k < t->ndim ? t->steps[k] * (t->shape[k] ? t->shape[k] : 1) : (intptr_t)rt_tensor_itemsize(t);
        } else {
            shape[i] = t->shape[k];
            steps[i] = t->steps[k++];
        }
    }
    return window(t, t->data, t->ndim + 1, shape, steps);
}

rt_tensor *rt_view_diagonal(const char *op, const rt_tensor *t, intptr_t offset, int d0, int d1)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    if (d0 == d1) {
        rt_error(rt_TensorError, op, "the two dimensions must differ, both are %d", d0);
        return NULL;
    }
    intptr_t rows = t->shape[d0], cols = t->shape[d1], n;
    char *data = t->data;
    if (offset >= 0) n = offset >= cols ? 0 : (rows < cols - offset ? rows : cols - offset);
    else n = offset <= -rows ? 0 : (cols < rows + offset ? cols : rows + offset);
    if (n > 0) data += offset >= 0 ? offset * t->steps[d1] : -offset * t->steps[d0];
    int k = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (i == d0 || i == d1) continue;
        shape[k] = t->shape[i];
        steps[k++] = t->steps[i];
    }
    shape[k] = n;
    steps[k++] = t->steps[d0] + t->steps[d1];
    return window(t, data, k, shape, steps);
}

rt_tensor *rt_view_unfold(const char *op, const rt_tensor *t, int dim, intptr_t size, intptr_t step)
{
    intptr_t shape[RT_MAX_NDIM + 1], steps[RT_MAX_NDIM + 1];
    intptr_t length = t->ndim ? t->shape[dim] : 1;
    if (size < 0 || size > length || step < 1 || t->ndim == RT_MAX_NDIM) {
        rt_error(rt_TensorError, op, "window of %zd elements every %zd does not fit a dimension of %zd",
                 (Py_ssize_t)size, (Py_ssize_t)step, (Py_ssize_t)length);
        return NULL;
    }
    memcpy(shape, t->shape, t->ndim * sizeof *shape);
    memcpy(steps, t->steps, t->ndim * sizeof *steps);
    intptr_t item = t->ndim ? steps[dim] : (intptr_t)rt_tensor_itemsize(t);
    if (t->ndim) {
        shape[dim] = (length - size) / step + 1;
        steps[dim] = shape[dim] > 1 ? item * step : item;
    }
    shape[t->ndim] = size;
    steps[t->ndim] = item;
    return window(t, t->data, t->ndim + 1, shape, steps);
}

rt_tensor *rt_view_strided(const char *op, const rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps,
                           intptr_t offset)
{
    char text[RT_SHAPE_TEXT];
    intptr_t size = rt_shape_size(ndim, shape, rt_tensor_itemsize(t));
    if (size < 0) return NULL;
    intptr_t low = offset, high = offset;
    int bad = 0;
    for (int i = 0; size > 0 && i < ndim; i++) {
        intptr_t reach;
        bad |= __builtin_mul_overflow(shape[i] - 1, steps[i], &reach);
        bad |= reach >= 0 ? __builtin_add_overflow(high, reach, &high) : __builtin_add_overflow(low, reach, &low);
    }
    bad |= __builtin_add_overflow(high, (intptr_t)rt_tensor_itemsize(t), &high);
    if (size > 0 && (bad || low < 0 || high > (intptr_t)t->storage->nbytes)) {
        rt_error(rt_TensorError, op, "shape %s with these strides and offset reaches outside the storage of %zu bytes",
                 rt_shape_text(ndim, shape, text), t->storage->nbytes);
        return NULL;
    }
    if (size == 0) offset = 0;
    return window(t, t->storage->data + offset, ndim, shape, steps);
}

rt_tensor *rt_view_part(const rt_tensor *t, int part)
{
    rt_dtype real = rt_dtype_to_real((rt_dtype)t->dtype);
    return rt_tensor_alias(t, t->data + (part ? rt_itemsize(real) : 0), real, t->ndim, t->shape, t->steps);
}
