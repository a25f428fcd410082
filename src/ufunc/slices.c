/* slices: the view rows that leave elements out (select, slices, diagonals, strided windows)
 * and those that change what an element is (parts of complex numbers).  Floor: ufunc. */
#include "ufunc/views.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "backends/memory.h"

FORWARD(select)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    int d;
    if (!x) return -1;
    if (x->ndim == 0) return rt_error(rt_RangeError, op->cls.name, "a tensor without dimensions has nothing to select");
    if ((d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim)) < 0) return -1;
    intptr_t i = p->i[1], n = x->shape[d];
    if (i >= n || i < -n)
        return rt_error(rt_RangeError, op->cls.name, "index %zd is out of bounds for dimension %d of length %zd",
                        (Py_ssize_t)i, d, (Py_ssize_t)n);
    return (out[0] = rt_view_select(x, d, i < 0 ? i + n : i)) ? 0 : -1;
}

static int slice_dim(const rt_op *op, rt_tensor *x, intptr_t dim, intptr_t start, intptr_t step, intptr_t length,
                     rt_tensor **out)
{
    intptr_t last;
    if (x->ndim == 0) return rt_error(rt_RangeError, op->cls.name, "a tensor without dimensions has nothing to slice");
    int d = rt_dim_wrap(op->cls.name, dim, x->ndim);
    if (d < 0) return -1;
    intptr_t n = x->shape[d];
    if (start < 0) start += n;
    if (step == 0) return rt_error(rt_TensorError, op->cls.name, "the step must not be zero");
    if (length < 0 || start < 0 || start > n || __builtin_mul_overflow(length - 1, step, &last) ||
        __builtin_add_overflow(last, start, &last) || (length > 0 && (start >= n || last < 0 || last >= n)))
        return rt_error(rt_RangeError, op->cls.name, "%zd elements from %zd by %zd reach outside dimension %d of"
                        " length %zd", (Py_ssize_t)length, (Py_ssize_t)start, (Py_ssize_t)step, d, (Py_ssize_t)n);
    return (out[0] = rt_view_slice(x, d, start, step, length)) ? 0 : -1;
}

FORWARD(narrow)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    return x ? slice_dim(op, x, p->i[0], p->i[1], 1, p->i[2], out) : -1;
}

FORWARD(slice)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    return x ? slice_dim(op, x, p->i[0], p->i[1], p->i[2], p->i[3], out) : -1;
}

/* basic_index: integers, slices and new axes at once.  For each of the input's dimensions:
 * start, step and length, where step 0 selects one index; `newaxis` lists where dimensions
 * of length 1 stand in the result.  The subscript has checked the bounds. */
FORWARD(basic_index)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    if (!x) return -1;
    const intptr_t *start = p->list, *step = rt_params_list(p, 1), *length = rt_params_list(p, 2);
    const intptr_t *newaxis = rt_params_list(p, 3);
    if (p->n[0] != x->ndim || p->n[1] != x->ndim || p->n[2] != x->ndim)
        return rt_error(rt_TensorError, op->cls.name, "three lists of %d numbers", x->ndim);
    char *data = x->data;
    int n = 0, a = 0, naxes = p->n[3] > 0 ? p->n[3] : 0;
    for (int i = 0; i <= x->ndim; i++) {
        for (; a < naxes && newaxis[a] == n && n < RT_MAX_NDIM; a++) shape[n] = 1, steps[n++] = (intptr_t)rt_tensor_itemsize(x);
        if (i == x->ndim) break;
        intptr_t last = 0;
        if (length[i] < 0 || (length[i] > 0 && (start[i] < 0 || start[i] >= x->shape[i]
            || __builtin_mul_overflow(length[i] - 1, step[i], &last) || __builtin_add_overflow(last, start[i], &last)
            || last < 0 || last >= x->shape[i])))
            return rt_error(rt_RangeError, op->cls.name, "index %zd is out of bounds for dimension %d of length %zd",
                            (Py_ssize_t)start[i], i, (Py_ssize_t)x->shape[i]);
        if (length[i] > 0) data += start[i] * x->steps[i];
        if (step[i] == 0) continue;
        if (n == RT_MAX_NDIM) return rt_error(rt_TensorError, op->cls.name, "at most %d dimensions", RT_MAX_NDIM);
        shape[n] = length[i];
        steps[n++] = length[i] > 1 ? x->steps[i] * step[i] : x->steps[i];
    }
    for (int i = 0; i < n; i++) if (shape[i] == 0) data = x->data;
    return (out[0] = rt_tensor_alias(x, data, (rt_dtype)x->dtype, n, shape, steps)) ? 0 : -1;
}

FORWARD(diagonal)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    int d0, d1;
    if (!x || (d0 = rt_dim_wrap(op->cls.name, p->i[1], x->ndim)) < 0 ||
        (d1 = rt_dim_wrap(op->cls.name, p->i[2], x->ndim)) < 0) return -1;
    return (out[0] = rt_view_diagonal(op->cls.name, x, p->i[0], d0, d1)) ? 0 : -1;
}

FORWARD(unfold)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    int d;
    if (!x || (d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim)) < 0) return -1;
    return (out[0] = rt_view_unfold(op->cls.name, x, d, p->i[1], p->i[2])) ? 0 : -1;
}

/* The gradient of a window: the forward, run on a blank of the input's shape, gives its geometry. */
static int window_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    rt_input_meta m = rt_node_input(node, 0);
    const rt_op *op = node->op;
    rt_operand blank = {0};
    rt_tensor *window = NULL;
    rt_params p;
    int rc = -1;
    blank.t = rt_empty(m.dtype, m.ndim, m.shape, m.device);
    if (!blank.t || op->forward(op, 1, &blank, node->params, &window) < 0) goto done;
    intptr_t item = (intptr_t)rt_itemsize(m.dtype), strides[RT_MAX_NDIM];
    for (int i = 0; i < window->ndim; i++) strides[i] = window->steps[i] / item;
    rt_params_begin(&p);
    rt_params_push(&p, 0, m.ndim, m.shape);
    rt_params_push(&p, 1, window->ndim, strides);
    p.i[0] = (window->data - blank.t->data) / item;
    gin[0] = rt_apply1p(RT_OP_window_scatter, g[0], &p);
    rc = gin[0] ? 0 : -1;
done:
    Py_XDECREF(blank.t);
    Py_XDECREF(window);
    return rc;
}
BACKWARD(select) { return window_backward(node, g, gin); }
BACKWARD(narrow) { return window_backward(node, g, gin); }
BACKWARD(slice) { return window_backward(node, g, gin); }
BACKWARD(basic_index) { return window_backward(node, g, gin); }
BACKWARD(diagonal) { return window_backward(node, g, gin); }
BACKWARD(unfold) { return window_backward(node, g, gin); }

/* window_scatter(x, shape, strides, offset): zeros of `shape` in C order; x is added into the
 * window with these element strides, which has x's shape. */
FORWARD(window_scatter)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work = NULL, *sum = NULL, *window = NULL, *typed = NULL;
    const intptr_t *strides = rt_params_list(p, 1);
    intptr_t steps[RT_MAX_NDIM], offset;
    int rc = -1;
    if (!x) return -1;
    rt_dtype dtype = (rt_dtype)x->dtype, wide = rt_add_dtype(dtype);
    if (p->n[1] != x->ndim)
        return rt_error(rt_TensorError, op->cls.name, "one stride for each of %d dimensions", x->ndim);
    if (rt_output_begin(op, out, dtype, p->n[0], p->list, nin, in, 1, &work) < 0) return -1;
    int large = __builtin_mul_overflow(p->i[0], (intptr_t)rt_itemsize(wide), &offset);
    for (int i = 0; i < x->ndim; i++) large |= __builtin_mul_overflow(strides[i], (intptr_t)rt_itemsize(wide), &steps[i]);
    if (large || offset < 0 || offset > PTRDIFF_MAX / 2) {
        rt_error(rt_TensorError, op->cls.name, "a stride or the offset does not fit");
        goto done;
    }
    /* Half precision is summed in float32. */
    sum = wide == dtype ? (rt_tensor *)Py_NewRef((PyObject *)work)
                        : rt_empty(wide, work->ndim, work->shape, work->storage->device);
    if (!sum) goto done;
    memset(sum->data, 0, (size_t)sum->size * rt_itemsize(wide));
    window = rt_view_strided(op->cls.name, sum, x->ndim, x->shape, steps,
                             sum->data - sum->storage->data + offset);
    if (!window) goto done;
    if (rt_tensor_is_injective(window)) {
        if (rt_copy_into(window, x) < 0) goto done;
    } else {
        typed = rt_empty(wide, x->ndim, x->shape, x->storage->device);
        if (!typed || rt_copy_into(typed, x) < 0) goto done;
        rt_add_into(window, typed);
    }
    rc = sum == work ? 0 : rt_copy_into(work, sum);
done:
    Py_XDECREF(window);
    Py_XDECREF(typed);
    Py_XDECREF(sum);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}
BACKWARD(window_scatter)
{
    rt_params p;
    rt_input_meta m = rt_node_input(node, 0);
    rt_tensor *c = rt_contiguous(g[0]);
    if (!c) return -1;
    rt_params_begin(&p);
    rt_params_push(&p, 0, m.ndim, m.shape);
    rt_params_push(&p, 1, node->params->n[1], rt_params_list(node->params, 1));
    p.i[0] = node->params->i[0] + (c->data - c->storage->data) / (intptr_t)rt_tensor_itemsize(c);
    gin[0] = rt_apply1p(RT_OP_as_strided, c, &p);
    Py_DECREF(c);
    return gin[0] ? 0 : -1;
}

/* as_strided: strides and offset in elements of the storage.  What the backward needs of the
 * input is kept behind the arguments: list 2 its shape, list 3 its byte steps, i[1] its byte
 * offset, i[2] whether its elements are distinct. */
FORWARD(as_strided)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t steps[RT_MAX_NDIM];
    if (!x) return -1;
    intptr_t item = (intptr_t)rt_tensor_itemsize(x), at = x->data - x->storage->data, offset;
    const intptr_t *strides = rt_params_list(p, 1);
    if (p->n[0] != p->n[1] || p->n[0] > RT_MAX_NDIM)
        return rt_error(rt_TensorError, op->cls.name, "%d lengths but %d strides", p->n[0], p->n[1]);
    for (int i = 0; i < p->n[1]; i++)
        if (__builtin_mul_overflow(strides[i], item, &steps[i]))
            return rt_error(rt_TensorError, op->cls.name, "stride %zd is too large", (Py_ssize_t)strides[i]);
    if (p->i[0] == RT_NONE_INT) offset = at;
    else if (__builtin_mul_overflow(p->i[0], item, &offset))
        return rt_error(rt_TensorError, op->cls.name, "storage_offset %zd is too large", (Py_ssize_t)p->i[0]);
    out[0] = rt_view_strided(op->cls.name, x, p->n[0], p->list, steps, offset);
    if (!out[0]) return -1;
    p->nlist = (int16_t)(p->n[0] + p->n[1]);
    rt_params_push(p, 2, x->ndim, x->shape);
    rt_params_push(p, 3, x->ndim, x->steps);
    p->i[0] = offset / item;
    p->i[1] = at;
    p->i[2] = rt_tensor_is_injective(x);
    return 0;
}

/* The reach, in elements from the storage's start, of a geometry with the given unit of step. */
static void reach(int n, const intptr_t *shape, const intptr_t *steps, intptr_t unit, intptr_t at,
                  intptr_t *low, intptr_t *high)
{
    intptr_t lo = at, hi = at;
    for (int i = 0; i < n; i++) {
        if (shape[i] == 0) return;
        intptr_t r = (shape[i] - 1) * steps[i] / unit;
        if (r > 0) hi += r;
        else lo += r;
    }
    if (lo < *low) *low = lo;
    if (hi + 1 > *high) *high = hi + 1;
}

BACKWARD(as_strided)
{
    const rt_params *q = node->params;
    const intptr_t *size = q->list, *strides = rt_params_list(q, 1), *shape = rt_params_list(q, 2);
    const intptr_t *steps = rt_params_list(q, 3);
    intptr_t item = (intptr_t)rt_tensor_itemsize(g[0]), low = INTPTR_MAX, high = 0, back[RT_MAX_NDIM];
    int ndim = q->n[2];
    rt_params p;
    rt_tensor *flat;
    if (!q->i[2])
        return rt_error(rt_TensorError, "as_strided", "no gradient for a tensor whose elements share memory");
    reach(q->n[0], size, strides, 1, q->i[0], &low, &high);
    reach(ndim, shape, steps, item, q->i[1] / item, &low, &high);
    if (low > high) low = high = 0;
    intptr_t length = high - low;
    /* Through the memory both share: g into its window of it, the input's window out of it. */
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, &length);
    rt_params_push(&p, 1, q->n[1], strides);
    p.i[0] = q->i[0] - low;
    flat = rt_apply1p(RT_OP_window_scatter, g[0], &p);
    if (!flat) return -1;
    for (int i = 0; i < ndim; i++) back[i] = steps[i] / item;
    rt_params_begin(&p);
    rt_params_push(&p, 0, ndim, shape);
    rt_params_push(&p, 1, ndim, back);
    p.i[0] = q->i[1] / item - low + (flat->data - flat->storage->data) / item;
    gin[0] = rt_apply1p(RT_OP_as_strided, flat, &p);
    Py_DECREF(flat);
    return gin[0] ? 0 : -1;
}

/* Parts of complex numbers.  A gradient is dL/dRe + i dL/dIm, as in PyTorch. */
FORWARD(real)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype)) out[0] = rt_view_part(x, 0);
    else out[0] = rt_tensor_detach(x);
    return out[0] ? 0 : -1;
}
BACKWARD(real) { return (gin[0] = rt_cast(g[0], rt_node_input(node, 0).dtype)) ? 0 : -1; }

FORWARD(imag)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return -1;
    if (!rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "%s numbers have no imaginary part", rt_dtypes[x->dtype].name);
    return (out[0] = rt_view_part(x, 1)) ? 0 : -1;
}
BACKWARD(imag)
{
    rt_tensor *c = rt_cast(g[0], rt_node_input(node, 0).dtype);
    if (!c) return -1;
    rt_operand pair[2] = {rt_operand_of(c), {.kind = RT_KIND_COMPLEX, .v.c = {0, 1}}};
    int rc = rt_op_apply(&rt_ops[RT_OP_mul], 2, pair, NULL, gin);
    Py_DECREF(c);
    return rc;
}

FORWARD(view_as_real)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t shape[RT_MAX_NDIM + 1], steps[RT_MAX_NDIM + 1];
    if (!x) return -1;
    rt_dtype part = rt_dtype_to_real((rt_dtype)x->dtype);
    if (part == (rt_dtype)x->dtype || x->ndim == RT_MAX_NDIM)
        return rt_error(rt_DtypeError, op->cls.name, "needs complex numbers, not %s", rt_dtypes[x->dtype].name);
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    memcpy(steps, x->steps, x->ndim * sizeof *steps);
    shape[x->ndim] = 2;
    steps[x->ndim] = (intptr_t)rt_itemsize(part);
    return (out[0] = rt_tensor_alias(x, x->data, part, x->ndim + 1, shape, steps)) ? 0 : -1;
}
BACKWARD(view_as_real)
{
    rt_tensor *c = rt_contiguous(g[0]);
    if (!c) return -1;
    gin[0] = rt_apply1(RT_OP_view_as_complex, c);
    Py_DECREF(c);
    return gin[0] ? 0 : -1;
}

FORWARD(view_as_complex)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return -1;
    rt_dtype whole = rt_dtype_to_complex((rt_dtype)x->dtype);
    intptr_t item = (intptr_t)rt_tensor_itemsize(x);
    if (!rt_dtype_is_float((rt_dtype)x->dtype) || rt_dtype_to_real(whole) != (rt_dtype)x->dtype)
        return rt_error(rt_DtypeError, op->cls.name, "needs float32 or float64, not %s", rt_dtypes[x->dtype].name);
    int n = x->ndim - 1, ok = n >= 0 && x->shape[n] == 2 && x->steps[n] == item;
    for (int i = 0; ok && i < n; i++) ok = x->shape[i] <= 1 || x->steps[i] % (2 * item) == 0;
    if (!ok || (uintptr_t)x->data % (size_t)(2 * item))
        return rt_error(rt_TensorError, op->cls.name, "the last dimension must hold pairs that lie together");
    return (out[0] = rt_tensor_alias(x, x->data, whole, n, x->shape, x->steps)) ? 0 : -1;
}
BACKWARD(view_as_complex) { return (gin[0] = rt_apply1(RT_OP_view_as_real, g[0])) ? 0 : -1; }
