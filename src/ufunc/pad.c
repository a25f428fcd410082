/* pad: a tensor within a larger frame, filled with a constant or from the tensor itself
 * (reflect, replicate, circular).  `pad` lists (before, after) from the last dimension on, as
 * PyTorch has it; negative lengths cut.  Floor: ufunc. */
#include "ufunc/offsets.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

enum { CONSTANT, REFLECT, REPLICATE, CIRCULAR };

/* before[d] and the padded shape. */
static int frame(const rt_op *op, const rt_params *p, int ndim, const intptr_t *shape, intptr_t *before, intptr_t *full)
{
    int n = p->n[0] < 0 ? 0 : p->n[0];
    if (n % 2 || n / 2 > ndim)
        return rt_error(rt_TensorError, op->cls.name, "pad must hold a pair of lengths for each of the last dimensions, not"
                        " %d numbers for %d dimensions", n, ndim);
    for (int d = 0; d < ndim; d++) {
        int k = ndim - 1 - d;
        intptr_t after = 0;
        before[d] = 0;
        if (2 * k < n) {
            before[d] = p->list[2 * k];
            after = p->list[2 * k + 1];
        }
        if (__builtin_add_overflow(shape[d], before[d], &full[d]) || __builtin_add_overflow(full[d], after, &full[d])
            || full[d] < 0)
            return rt_error(rt_TensorError, op->cls.name, "padding %zd and %zd does not fit dimension %d of length %zd",
                            (Py_ssize_t)before[d], (Py_ssize_t)after, d, (Py_ssize_t)shape[d]);
        intptr_t most = before[d] > after ? before[d] : after, limit = shape[d] - (p->i[0] == REFLECT);
        if (p->i[0] == CIRCULAR) limit += (before[d] < 0 ? before[d] : 0) + (after < 0 ? after : 0);
        if ((p->i[0] == REFLECT || p->i[0] == CIRCULAR) && most > 0 && most > limit)
            return rt_error(rt_TensorError, op->cls.name, "padding %zd is longer than dimension %d of length %zd allows",
                            (Py_ssize_t)most, d, (Py_ssize_t)shape[d]);
        if (p->i[0] == REPLICATE && most > 0 && shape[d] == 0)
            return rt_error(rt_TensorError, op->cls.name, "dimension %d is empty: nothing to replicate", d);
    }
    return 0;
}

/* The element of x that stands at position i of the frame. */
static intptr_t source_of(intptr_t i, intptr_t before, intptr_t n, intptr_t full, int mode)
{
    if (mode == CIRCULAR) {                /* goes round what negative lengths have left */
        intptr_t after = full - n - before, first = before < 0 ? -before : 0, kept = n - first + (after < 0 ? after : 0);
        i -= before > 0 ? before : 0;
        return first + (i < 0 ? i + kept : i >= kept ? i - kept : i);
    }
    i -= before;
    if (i >= 0 && i < n) return i;
    if (mode == REFLECT) return i < 0 ? -i : 2 * (n - 1) - i;
    return i < 0 ? 0 : n - 1;
}

/* The part of the frame x itself fills, and the part of x that is seen (windows; new references). */
static int inner(const rt_tensor *x, rt_tensor *work, const intptr_t *before, rt_tensor **to, rt_tensor **from)
{
    *to = (rt_tensor *)Py_NewRef((PyObject *)work);
    *from = rt_tensor_detach(x);
    for (int d = 0; *to && *from && d < x->ndim; d++) {
        intptr_t start = before[d] > 0 ? before[d] : 0, cut = before[d] < 0 ? -before[d] : 0;
        intptr_t n = x->shape[d] - cut < work->shape[d] - start ? x->shape[d] - cut : work->shape[d] - start;
        if (n < 0) n = 0;
        if (n == x->shape[d] && n == work->shape[d]) continue;
        rt_tensor *a = rt_view_slice(*to, d, start, 1, n), *b = rt_view_slice(*from, d, cut, 1, n);
        Py_SETREF(*to, a);
        Py_SETREF(*from, b);
    }
    if (*to && *from) return 0;
    Py_CLEAR(*to);
    Py_CLEAR(*from);
    return -1;
}

/* Flat positions in x, per element of the frame, from one table a dimension. */
static rt_tensor *sources(int ndim, const intptr_t *shape, const intptr_t *full, const intptr_t *before, int mode)
{
    intptr_t start[RT_MAX_NDIM], at[RT_MAX_NDIM] = {0}, total = 0, stride = 1;
    rt_tensor *index = rt_empty(RT_i64, ndim, full, (rt_device){RT_CPU, 0});
    for (int d = 0; d < ndim; d++) {
        start[d] = total;
        total += full[d];
    }
    intptr_t *table = index ? rt_memory_try((size_t)total * sizeof *table + 1) : NULL;
    if (!table) {
        Py_XDECREF(index);
        return NULL;
    }
    for (int d = ndim - 1; d >= 0; d--) {
        for (intptr_t i = 0; i < full[d]; i++) table[start[d] + i] = source_of(i, before[d], shape[d], full[d], mode) * stride;
        stride *= shape[d];
    }
    int64_t *v = (int64_t *)index->data, *end = v + index->size;
    int last = ndim - 1;
    if (ndim == 0) *v++ = 0;
    while (v < end) {
        intptr_t base = 0;
        for (int d = 0; d < last; d++) base += table[start[d] + at[d]];
        for (intptr_t i = 0; i < full[last]; i++) *v++ = base + table[start[last] + i];
        for (int d = last - 1; d >= 0 && ++at[d] == full[d]; d--) at[d] = 0;
    }
    rt_memory_free(table);
    return index;
}

static void all_dims(int ndim, intptr_t *dims)
{
    for (int i = 0; i < ndim; i++) dims[i] = i;
}
static uint32_t all_mask(int ndim) { return ndim == 32 ? UINT32_MAX : (1u << ndim) - 1; }

static int copy_slab(rt_tensor *work, int d, intptr_t to, intptr_t n, intptr_t from, intptr_t step, intptr_t length)
{
    if (n <= 0) return 0;
    rt_tensor *a = rt_view_slice(work, d, to, 1, n), *b = rt_view_slice(work, d, from, step, length);
    int rc = a && b ? rt_copy_into(a, b) : -1;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return rc;
}

/* Fills the frame around the inner part, from the last dimension on: each takes its two slabs from
 * what is complete along the later ones. */
static int fill_frame(rt_tensor *work, const rt_tensor *x, const intptr_t *before, int mode)
{
    for (int d = x->ndim - 1; d >= 0; d--) {
        intptr_t b = before[d], n = x->shape[d], a = work->shape[d] - n - b, end = b + n;
        int rc;
        if (mode == REFLECT)
            rc = copy_slab(work, d, 0, b, 2 * b, -1, b) < 0 || copy_slab(work, d, end, a, end - 2, -1, a) < 0;
        else if (mode == REPLICATE)
            rc = copy_slab(work, d, 0, b, b, 1, 1) < 0 || copy_slab(work, d, end, a, end - 1, 1, 1) < 0;
        else
            rc = copy_slab(work, d, 0, b, n, 1, b) < 0 || copy_slab(work, d, end, a, b, 1, a) < 0;
        if (rc) return -1;
    }
    return 0;
}

static int cuts(const rt_params *p)
{
    for (int i = 0; i < p->n[0]; i++) if (p->list[i] < 0) return 1;
    return 0;
}

static int pad_by_index(const rt_op *op, int nin, const rt_operand *in, int mode, const intptr_t *before,
                        const intptr_t *full, rt_tensor **out)
{
    rt_tensor *x = in[0].t, *index = sources(x->ndim, x->shape, full, before, mode);
    intptr_t dims[RT_MAX_NDIM];
    if (!index) return -1;
    rt_operand pair[2] = {in[0], rt_operand_of(index)};
    all_dims(x->ndim, dims);
    int rc = rt_index_get(op, 2, pair, x->ndim, dims, all_mask(x->ndim), 0, out);
    Py_DECREF(index);
    return rc;
}

FORWARD(pad)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work, *to, *from;
    intptr_t before[RT_MAX_NDIM], full[RT_MAX_NDIM];
    if (!x || frame(op, p, x->ndim, x->shape, before, full) < 0) return -1;
    int mode = (int)p->i[0];
    if (mode != CONSTANT && cuts(p)) return pad_by_index(op, nin, in, mode, before, full, out);
    rt_operand value = rt_operand_float(p->f[0]);
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, full, nin, in, 0, &work) < 0) return -1;
    int rc = mode == CONSTANT ? rt_fill(work, &value) : 0;
    if (rc == 0) rc = inner(x, work, before, &to, &from);
    if (rc == 0) {
        rc = rt_copy_into(to, from);
        Py_DECREF(to);
        Py_DECREF(from);
    }
    if (rc == 0 && mode != CONSTANT) rc = fill_frame(work, x, before, mode);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

BACKWARD(pad)
{
    const rt_params *q = node->params;
    rt_params p;
    rt_input_meta m = rt_node_input(node, 0);
    rt_params_begin(&p);
    if (q->i[0] == CONSTANT) {
        rt_params_push(&p, 0, q->n[0], q->list);
        for (int i = 0; i < q->n[0]; i++) p.list[i] = -p.list[i];
        return (gin[0] = rt_apply1p(RT_OP_pad, g[0], &p)) ? 0 : -1;
    }
    /* Every element of the frame is added to the one it was taken from. */
    intptr_t before[RT_MAX_NDIM], full[RT_MAX_NDIM], dims[RT_MAX_NDIM];
    if (frame(node->op, q, m.ndim, m.shape, before, full) < 0) return -1;
    rt_tensor *index = sources(m.ndim, m.shape, full, before, (int)q->i[0]);
    rt_tensor *zeros = index ? rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device) : NULL;
    if (zeros) {
        rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(index), rt_operand_of(g[0])};
        all_dims(m.ndim, dims);
        rt_params_push(&p, 0, m.ndim, dims);
        p.i[1] = 1;
        if (rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, &zeros) == 0)
            gin[0] = (rt_tensor *)Py_NewRef((PyObject *)zeros);
    }
    Py_XDECREF(index);
    Py_XDECREF(zeros);
    return gin[0] ? 0 : -1;
}
