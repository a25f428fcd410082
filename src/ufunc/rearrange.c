/* rearrange: rows that repeat or reorder the elements of one tensor: flip, roll, repeat, tile,
 * repeat_interleave.  All are copies through windows, so steps may be anything.  Floor: ufunc. */
#include "ufunc/offsets.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

/* out[0] = the elements of window `from`. */
static int copy_out(const rt_op *op, const rt_tensor *from, int nin, const rt_operand *in, rt_tensor **out)
{
    rt_tensor *work;
    if (rt_output_begin(op, out, (rt_dtype)from->dtype, from->ndim, from->shape, nin, in, 0, &work) < 0) return -1;
    if (rt_copy_into(work, from) == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

/* ---- flip ---- */

FORWARD(flip)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *v;
    intptr_t steps[RT_MAX_NDIM];
    uint32_t mask = 0;
    if (!x) return -1;
    if (p->n[0] > 0 && rt_dims_mask(op->cls.name, p->n[0], p->list, x->ndim, &mask) < 0) return -1;
    char *data = x->data;
    for (int i = 0; i < x->ndim; i++) {
        int back = mask >> i & 1;
        steps[i] = back ? -x->steps[i] : x->steps[i];
        if (back && x->size) data += (x->shape[i] - 1) * x->steps[i];
    }
    v = rt_tensor_alias(x, data, (rt_dtype)x->dtype, x->ndim, x->shape, steps);
    if (!v) return -1;
    int rc = copy_out(op, v, nin, in, out);
    Py_DECREF(v);
    return rc;
}
BACKWARD(flip) { return (gin[0] = rt_apply1p(RT_OP_flip, g[0], node->params)) ? 0 : -1; }

/* ---- roll ---- */

/* Element i of dimension d of `from` goes to i + shift[d]; two pieces a dimension. */
static int roll_into(rt_tensor *to, const rt_tensor *from, int d, const intptr_t *shift)
{
    while (d < to->ndim && shift[d] == 0) d++;
    if (d == to->ndim) return rt_copy_into(to, from);
    intptr_t n = to->shape[d], s = shift[d];
    for (int half = 0; half < 2; half++) {
        intptr_t length = half ? s : n - s;
        rt_tensor *a = rt_view_slice(to, d, half ? 0 : s, 1, length);
        rt_tensor *b = rt_view_slice(from, d, half ? n - s : 0, 1, length);
        int rc = a && b ? roll_into(a, b, d + 1, shift) : -1;
        Py_XDECREF(a);
        Py_XDECREF(b);
        if (rc < 0) return -1;
    }
    return 0;
}

static intptr_t wrapped_shift(intptr_t s, intptr_t n)
{
    if (n == 0) return 0;
    s %= n;
    return s < 0 ? s + n : s;
}

FORWARD(roll)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *flat = NULL, *to = NULL, *work = NULL;
    intptr_t shift[RT_MAX_NDIM] = {0};
    const intptr_t *dims = rt_params_list(p, 1);
    int rc = -1, all = p->n[1] < 0;
    if (!x) return -1;
    if (all ? p->n[0] != 1 : p->n[0] != p->n[1])
        return rt_error(rt_TensorError, op->cls.name, all ? "needs dims when there are several shifts (%d)"
                        : "%d shifts but %d dimensions", p->n[0], p->n[1]);
    if (x->ndim == 0 && p->n[1] > 0)
        return rt_error(rt_RangeError, op->cls.name, "dimension %zd of a tensor without dimensions", (Py_ssize_t)dims[0]);
    for (int i = 0; i < p->n[1]; i++) {
        int d = rt_dim_wrap(op->cls.name, dims[i], x->ndim);
        if (d < 0) return -1;
        if (x->ndim) shift[d] = wrapped_shift(shift[d] + wrapped_shift(p->list[i], x->shape[d]), x->shape[d]);
    }
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, nin, in, all, &work) < 0) return -1;
    if (all) {
        shift[0] = wrapped_shift(p->list[0], x->size);
        rt_tensor *dense = rt_tensor_is_contiguous(x) ? (rt_tensor *)Py_NewRef((PyObject *)x) : rt_copy_of(x);
        if (dense) flat = rt_tensor_alias(dense, dense->data, (rt_dtype)x->dtype, 1, &x->size, NULL);
        Py_XDECREF(dense);
        to = rt_tensor_alias(work, work->data, (rt_dtype)x->dtype, 1, &x->size, NULL);
    } else {
        flat = (rt_tensor *)Py_NewRef((PyObject *)x);
        to = (rt_tensor *)Py_NewRef((PyObject *)work);
    }
    if (flat && to) rc = roll_into(to, flat, 0, shift);
    Py_XDECREF(flat);
    Py_XDECREF(to);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}
BACKWARD(roll)
{
    const rt_params *q = node->params;
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, q->n[0], q->list);
    rt_params_push(&p, 1, q->n[1], rt_params_list(q, 1));
    for (int i = 0; i < p.n[0]; i++) p.list[i] = p.list[i] == INTPTR_MIN ? INTPTR_MIN : -p.list[i];
    return (gin[0] = rt_apply1p(RT_OP_roll, g[0], &p)) ? 0 : -1;
}

/* ---- repeat, tile ---- */

/* The result cut into (repeat, length) for each dimension, without the pairs' ones: what x, broadcast over
 * `repeat`, is copied into.  sum: which of the cut's dimensions repeat. */
static int cut_repeats(const rt_op *op, int ndim, const intptr_t *length, int n, const intptr_t *repeats, intptr_t *full,
                       intptr_t *cut, uint64_t *sum)
{
    int k = 0;
    *sum = 0;
    if (n > RT_MAX_NDIM || n < ndim)
        return rt_error(rt_TensorError, op->cls.name, "%d repeats for a tensor of %d dimensions", n, ndim);
    for (int i = 0; i < n; i++) {
        intptr_t l = i < n - ndim ? 1 : length[i - (n - ndim)];
        if (repeats[i] < 0) return rt_error(rt_TensorError, op->cls.name, "repeats must not be negative, got %zd",
                                            (Py_ssize_t)repeats[i]);
        if (__builtin_mul_overflow(l, repeats[i], &full[i]))
            return rt_error(rt_TensorError, op->cls.name, "the result is too large");
        if (repeats[i] != 1) {
            *sum |= (uint64_t)1 << k;
            cut[k++] = repeats[i];
        }
        if (l != 1) cut[k++] = l;
    }
    if (k > RT_MAX_NDIM) return rt_error(rt_TensorError, op->cls.name, "too many dimensions repeat");
    return k;
}

static int repeat_any(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work, *to = NULL, *from = NULL;
    intptr_t full[RT_MAX_NDIM], cut[2 * RT_MAX_NDIM], steps[RT_MAX_NDIM];
    uint64_t sum;
    int k, rc = -1;
    if (!x || (k = cut_repeats(op, x->ndim, x->shape, p->n[0], p->list, full, cut, &sum)) < 0) return -1;
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, p->n[0], full, nin, in, 1, &work) < 0) return -1;
    for (int i = 0, d = 0; i < k; i++) {
        if (sum >> i & 1) {
            steps[i] = 0;
            continue;
        }
        while (x->shape[d] == 1) d++;
        steps[i] = x->steps[d++];
    }
    if (work->size) {
        to = rt_tensor_alias(work, work->data, (rt_dtype)x->dtype, k, cut, NULL);
        from = rt_tensor_alias(x, x->data, (rt_dtype)x->dtype, k, cut, steps);
        rc = to && from ? rt_copy_into(to, from) : -1;
    } else {
        rc = 0;
    }
    Py_XDECREF(to);
    Py_XDECREF(from);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

/* g cut the same way and summed over what repeats. */
static int repeat_sum(rt_node *node, rt_tensor *g, rt_tensor **gin)
{
    rt_input_meta m = rt_node_input(node, 0);
    const rt_params *q = node->params;
    intptr_t full[RT_MAX_NDIM], cut[2 * RT_MAX_NDIM], dims[RT_MAX_NDIM];
    uint64_t sum;
    rt_params p;
    rt_tensor *pieces = NULL, *total = NULL;
    int k = cut_repeats(node->op, m.ndim, m.shape, q->n[0], q->list, full, cut, &sum), n = 0;
    if (k < 0) return -1;
    for (int i = 0; i < k; i++) if (sum >> i & 1) dims[n++] = i;
    rt_params_begin(&p);
    rt_params_push(&p, 0, k, cut);
    pieces = rt_apply1p(RT_OP_reshape, g, &p);
    if (!pieces) return -1;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, dims);
    p.i[1] = RT_NODTYPE;
    total = n ? rt_apply1p(RT_OP_sum, pieces, &p) : (rt_tensor *)Py_NewRef((PyObject *)pieces);
    rt_params_begin(&p);
    rt_params_push(&p, 0, m.ndim, m.shape);
    if (total) gin[0] = rt_apply1p(RT_OP_reshape, total, &p);
    Py_DECREF(pieces);
    Py_XDECREF(total);
    return gin[0] ? 0 : -1;
}

FORWARD(repeat) { return repeat_any(op, nin, in, p, out); }
BACKWARD(repeat) { return repeat_sum(node, g[0], gin); }

/* tile: missing repeats are ones in front. */
FORWARD(tile)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    int n = p->n[0] < 0 ? 0 : p->n[0];
    if (!x) return -1;
    if (n < x->ndim) {
        int lead = x->ndim - n;
        memmove(p->list + lead, p->list, (size_t)n * sizeof *p->list);
        for (int i = 0; i < lead; i++) p->list[i] = 1;
        p->n[0] = p->nlist = x->ndim;
    }
    return repeat_any(op, nin, in, p, out);
}
BACKWARD(tile) { return repeat_sum(node, g[0], gin); }

/* ---- repeat_interleave ---- */

/* 0, 0, 1, 1, 1, ...: number i as often as repeats[i], or as the one number says. */
static rt_tensor *interleave_index(const rt_op *op, const rt_operand *repeats, intptr_t length)
{
    intptr_t total = 0, one = 0;
    rt_tensor *counts = NULL, *index = NULL;
    if (repeats->t) {
        counts = rt_index_int64(op->cls.name, repeats->t);
        if (!counts) return NULL;
    } else if (repeats->kind < RT_KIND_FLOAT && !repeats->none) {
        one = repeats->v.i;
    } else {
        rt_error(PyExc_TypeError, op->cls.name, "repeats must be integers");
        return NULL;
    }
    if (counts && counts->size != 1 && (counts->ndim != 1 || counts->size != length)) {
        rt_error_shapes(op->cls.name, "one repeat for each element of the dimension", counts->ndim, counts->shape, 1, &length);
        goto done;
    }
    const int64_t *c = counts ? (const int64_t *)counts->data : &one;
    int stride = counts && counts->size == length;
    for (intptr_t i = 0; i < length; i++) {
        if (c[i * stride] < 0 || __builtin_add_overflow(total, c[i * stride], &total)) {
            rt_error(rt_TensorError, op->cls.name, "repeats must not be negative, and their sum must fit an address");
            goto done;
        }
    }
    index = rt_empty(RT_i64, 1, &total, (rt_device){RT_CPU, 0});
    for (intptr_t i = 0, k = 0; index && i < length; i++)
        for (int64_t j = 0; j < c[i * stride]; j++) ((int64_t *)index->data)[k++] = i;
done:
    Py_XDECREF(counts);
    return index;
}

/* The dimensions the index counts in: dim, or all of them. */
static int interleave_dims(const rt_op *op, rt_params *p, int ndim, const intptr_t *shape, intptr_t *dims, uint32_t *gone,
                           intptr_t *length)
{
    int all = p->i[0] == RT_NONE_INT || ndim == 0, d = all ? 0 : rt_dim_wrap(op->cls.name, p->i[0], ndim);
    if (d < 0) return -1;
    *length = all ? 1 : shape[d];
    *gone = all ? 0 : 1u << d;
    dims[0] = d;
    for (int i = 0; all && i < ndim; i++) {
        dims[i] = i;
        *gone |= 1u << i;
        *length *= shape[i];
    }
    return all ? ndim : 1;
}

FORWARD(repeat_interleave)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index;
    intptr_t dims[RT_MAX_NDIM], length;
    uint32_t gone;
    int k;
    if (!x || (k = interleave_dims(op, p, x->ndim, x->shape, dims, &gone, &length)) < 0) return -1;
    if (!(index = interleave_index(op, &in[1], length))) return -1;
    rt_operand pair[2] = {in[0], rt_operand_of(index)};
    int rc = rt_index_get(op, 2, pair, k, dims, gone, k == x->ndim ? 0 : (int)dims[0], out);
    Py_DECREF(index);
    return rc;
}
BACKWARD(repeat_interleave)
{
    rt_input_meta m = rt_node_input(node, 0);
    intptr_t dims[RT_MAX_NDIM], length;
    uint32_t gone;
    rt_operand repeats;
    rt_tensor *index = NULL, *zeros = NULL;
    rt_params p;
    if (rt_node_unpack(node, 0, &repeats) < 0) return -1;
    int k = interleave_dims(node->op, node->params, m.ndim, m.shape, dims, &gone, &length);
    if (k < 0 || !(index = interleave_index(node->op, &repeats, length))) goto done;
    zeros = rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device);
    if (!zeros) goto done;
    rt_params_begin(&p);
    rt_params_push(&p, 0, k, dims);
    p.i[0] = k == m.ndim ? 0 : dims[0];
    p.i[1] = 1;
    rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(index), rt_operand_of(g[0])};
    if (rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, &zeros) == 0) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)zeros);
done:
    Py_XDECREF(index);
    Py_XDECREF(zeros);
    Py_XDECREF(repeats.t);
    return gin[0] ? 0 : -1;
}
