/* gather: reading and writing along one dimension by a tensor of indices (gather, scatter,
 * index_select, index_add, embedding ...).  Sums of scattered elements are taken in the
 * order of the index, so they do not depend on threads.  Floor: ufunc. */
#include <math.h>
#include "ufunc/offsets.h"
#include "ufunc/scatter_rows.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

static uint32_t all_mask(int ndim) { return ndim == 32 ? UINT32_MAX : (1u << ndim) - 1; }

int rt_scatter_check(const rt_op *op, rt_params *p, const rt_tensor *x, const rt_tensor *index, const rt_tensor *source)
{
    int d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim);
    if (d < 0) return -1;
    p->i[0] = d;
    int xn = x->ndim ? x->ndim : 1, in = index->ndim ? index->ndim : 1;
    if (index->size == 0) return 0;              /* nothing to read or write: any rank, as in PyTorch */
    if (xn != in)
        return rt_error(rt_TensorError, op->cls.name, "the index has %d dimensions, the tensor %d", index->ndim, x->ndim);
    for (int i = 0; i < index->ndim && x->ndim; i++)
        if (i != d && index->shape[i] > x->shape[i])
            return rt_error_shapes(op->cls.name, "the index is longer than the tensor outside the dimension", index->ndim,
                                   index->shape, x->ndim, x->shape);
    if (!source) return 0;
    if (source->ndim != index->ndim)
        return rt_error(rt_TensorError, op->cls.name, "the index has %d dimensions, the source %d", index->ndim, source->ndim);
    for (int i = 0; i < index->ndim; i++)
        if (index->shape[i] > source->shape[i])
            return rt_error_shapes(op->cls.name, "the index is longer than the source", index->ndim, index->shape,
                                   source->ndim, source->shape);
    return 0;
}

/* t cut to the shape of index. */
static rt_tensor *cut_to(const rt_tensor *t, const rt_tensor *index)
{
    return rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, index->ndim, index->shape, t->steps);
}

/* ---- gather, scatter, scatter_add ---- */

/* Rows of the index are read at once: no offsets are kept.  bad: an element out of bounds, or -1. */
typedef struct {
    const rt_tensor *x, *index;
    char *out;
    int dim;
    intptr_t bad;
} gathering;

static void gather_rows(void *context, intptr_t begin, intptr_t end)
{
    gathering *c = context;
    const rt_tensor *x = c->x, *index = c->index;
    int last = index->ndim - 1;
    intptr_t n = index->shape[last], length = x->shape[c->dim], step = x->steps[c->dim];
    intptr_t along = c->dim == last ? 0 : x->steps[last], item = (intptr_t)rt_tensor_itemsize(x);
    for (intptr_t row = begin; row < end; row++) {
        const int64_t *v = (const int64_t *)index->data + row * n;
        char *from = x->data, *to = c->out + row * n * item;
        intptr_t rest = row, bad;
        for (int d = last - 1; d >= 0; d--) {
            if (d != c->dim) from += rest % index->shape[d] * x->steps[d];
            rest /= index->shape[d];
        }
        bad = rt_offsets_read(to, from, along, step, item, v, n, length);
        if (bad >= 0) {
            __atomic_store_n(&c->bad, row * n + bad, __ATOMIC_RELAXED);
            return;
        }
    }
}

static int gather_into(const rt_op *op, const rt_tensor *x, int dim, const rt_tensor *index, rt_tensor *work)
{
    rt_tensor *dense = rt_index_int64(op->cls.name, index);
    if (!dense) return -1;
    gathering c = {x, dense, work->data, dim, -1};
    intptr_t n = index->shape[index->ndim - 1], rows = n ? index->size / n : 0;
    if (index->size < UNLOCK_ELEMENTS) {
        gather_rows(&c, 0, rows);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(rows, 16384 / n + 1, gather_rows, &c);
        Py_END_ALLOW_THREADS
    }
    int rc = 0;
    if (c.bad >= 0)
        rc = rt_error(rt_RangeError, op->cls.name, "index %lld is out of bounds for dimension %d of length %zd",
                      (long long)((int64_t *)dense->data)[c.bad], dim, (Py_ssize_t)x->shape[dim]);
    Py_DECREF(dense);
    return rc;
}

FORWARD(gather)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *work;
    if (!x || !index || rt_scatter_check(op, p, x, index, NULL) < 0 || rt_output_refuse_overlap(op, out[0], nin, in) < 0) return -1;
    if (out[0] && out[0]->dtype != x->dtype)
        return rt_error(rt_DtypeError, op->cls.name, "the output must be of dtype %s, not %s", rt_dtypes[x->dtype].name,
                        rt_dtypes[out[0]->dtype].name);
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, index->ndim, index->shape, nin, in, 1, &work) < 0) return -1;
    int rc;
    if (index->size == 0) {
        rc = 0;
    } else if (index->ndim && x->ndim) {
        rc = gather_into(op, x, (int)p->i[0], index, work);
    } else {
        rt_offsets o;
        rc = rt_offsets_along(op->cls.name, &o, x, (int)p->i[0], index);
        if (rc == 0) rt_offsets_move(RT_MOVE_GET, x, all_mask(x->ndim), 0, &o, work->data);
        rt_offsets_drop(&o);
    }
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

static rt_tensor *apply3(rt_op_index row, rt_operand x, rt_operand y, rt_operand z, rt_params *p, rt_tensor *out)
{
    rt_operand in[3] = {x, y, z};
    rt_tensor *given = out;
    if (rt_op_apply(&rt_ops[row], 3, in, p, &out) < 0) return NULL;
    return given ? (rt_tensor *)Py_NewRef((PyObject *)out) : out;
}

/* g added by `row` into zeros of the shape of input 0: the gradient of every row that reads. */
static int add_into_zeros(rt_node *node, rt_op_index row, rt_tensor *g, rt_tensor **gin)
{
    rt_input_meta m = rt_node_input(node, 0);
    rt_operand index;
    rt_params p;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_params_begin(&p);
    p.i[0] = node->params->i[0];
    p.f[0] = 1;
    rt_tensor *zeros = rt_zeros((rt_dtype)g->dtype, m.ndim, m.shape, m.device);
    if (zeros) gin[0] = apply3(row, rt_operand_of(zeros), index, rt_operand_of(g), &p, zeros);
    Py_XDECREF(zeros);
    Py_DECREF(index.t);
    return gin[0] ? 0 : -1;
}

BACKWARD(gather) { return add_into_zeros(node, RT_OP_scatter_add, g[0], gin); }

static int scatter_any(const rt_op *op, const rt_operand *in, rt_params *p, int add, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *source = in[2].t;
    rt_tensor *cut = NULL, *near = NULL, *target = NULL;
    rt_offsets o = {.at = NULL};
    rt_scatter_kind kind;
    int rc = -1;
    const int visible = out[0] != NULL;
    if (source && source->ndim == 0 && index && index->ndim > 0
        && !(cut = rt_view_expand(op->cls.name, source, index->ndim, index->shape))) goto done;
    if (!x || !index || rt_scatter_check(op, p, x, index, cut ? NULL : source) < 0) goto done;
    if (source && source->ndim && source->dtype != x->dtype) {
        rt_error(rt_DtypeError, op->cls.name, "the source must be of dtype %s, not %s", rt_dtypes[x->dtype].name,
                 rt_dtypes[source->dtype].name);
        goto done;
    }
    rt_operand value = index->size ? in[2] : rt_operand_int(0);
    if (value.t && !cut && !(cut = cut_to(source, index))) goto done;
    if (value.t) value.t = cut;
    near = rt_update_values(op, &value, add ? rt_add_dtype((rt_dtype)x->dtype) : (rt_dtype)x->dtype, index->ndim,
                            index->shape, out[0]);
    if (!near || rt_update_begin(op, in, out, add, &target) < 0) goto done;
    kind = add ? RT_SCATTER_ADD : RT_SCATTER_PUT;
    if (rt_scatter_rows_fit(kind, target, index)) {
        rc = rt_scatter_lines(op, in, p, kind, visible, target, index, near);
        goto done;
    }
    if (rt_offsets_along(op->cls.name, &o, target, (int)p->i[0], index) < 0) goto done;
    if (rt_update_load(in, target) < 0) goto done;
    rt_offsets_move(add ? RT_MOVE_ADD : RT_MOVE_PUT, target, all_mask(x->ndim), 0, &o, near->data);
    rc = 0;
done:
    rt_offsets_drop(&o);
    Py_XDECREF(near);
    Py_XDECREF(cut);
    return rt_update_finish(out, target, rc);
}

FORWARD(scatter) { return scatter_any(op, in, p, 0, out); }
FORWARD(scatter_add) { return scatter_any(op, in, p, 1, out); }

/* The gradient of the source: what lies in g at the same places, in the source's shape. */
static int source_gradient(rt_node *node, rt_op_index row, rt_tensor *g, const rt_operand *index, rt_params *p,
                           rt_tensor **gin)
{
    rt_input_meta m = rt_node_input(node, 2);
    rt_tensor *read = rt_apply2p(row, g, index->t, p);
    if (!read) return -1;
    if (m.ndim == 0 || rt_shape_equal(m.ndim, m.shape, read->ndim, read->shape)) {
        gin[2] = read;
        return 0;
    }
    rt_params q;
    intptr_t strides[RT_MAX_NDIM];
    rt_shape_steps(m.ndim, m.shape, 1, strides);
    rt_params_begin(&q);
    rt_params_push(&q, 0, m.ndim, m.shape);
    rt_params_push(&q, 1, m.ndim, strides);
    gin[2] = rt_apply1p(RT_OP_window_scatter, read, &q);
    Py_DECREF(read);
    return gin[2] ? 0 : -1;
}

BACKWARD(scatter)
{
    rt_operand index;
    rt_params p = {.i = {node->params->i[0]}};
    int rc = -1;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    if (rt_node_wants(node, 0)
        && !(gin[0] = apply3(RT_OP_scatter, rt_operand_of(g[0]), index, rt_operand_int(0), &p, NULL))) goto done;
    if (rt_node_wants(node, 2) && source_gradient(node, RT_OP_gather, g[0], &index, &p, gin) < 0) goto done;
    rc = 0;
done:
    Py_DECREF(index.t);
    return rc;
}

BACKWARD(scatter_add)
{
    rt_operand index;
    rt_params p = {.i = {node->params->i[0]}};
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    int rc = rt_node_wants(node, 2) ? source_gradient(node, RT_OP_gather, g[0], &index, &p, gin) : 0;
    Py_DECREF(index.t);
    return rc;
}

/* ---- index_select, index_add, index_copy, index_fill: one list of indices for a dimension ---- */

static int check_list(const rt_op *op, rt_params *p, const rt_tensor *x, const rt_tensor *index)
{
    int d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim);
    if (d < 0) return -1;
    p->i[0] = d;
    if (index->ndim > 1) return rt_error(rt_TensorError, op->cls.name, "the index must have one dimension, not %d", index->ndim);
    return 0;
}

FORWARD(index_select)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1);
    intptr_t one = 1;
    if (!x || !index || check_list(op, p, x, index) < 0 || rt_output_refuse_overlap(op, out[0], nin, in) < 0) return -1;
    rt_operand pair[2] = {in[0], in[1]};
    int scalar = x->ndim == 0, d = (int)p->i[0], rc;
    if (scalar && index->size != 1)
        return rt_error(rt_RangeError, op->cls.name, "a tensor without dimensions is selected by one index, not by %zd",
                        (Py_ssize_t)index->size);
    rt_tensor *list = rt_tensor_alias(index, index->data, (rt_dtype)index->dtype, !scalar, index->ndim ? index->shape : &one,
                                      index->ndim ? index->steps : NULL);
    if (!list) return -1;
    pair[1].t = list;
    rc = scalar ? rt_index_get(op, 2, pair, 0, NULL, 0, 0, out)
                : rt_index_get(op, 2, pair, 1, p->i, 1u << d, d, out);
    Py_DECREF(list);
    return rc;
}
BACKWARD(index_select) { return add_into_zeros(node, RT_OP_index_add, g[0], gin); }

/* near * alpha in near's dtype: a whole alpha stays a whole number beside integers. */
static rt_tensor *scaled_by(rt_tensor *near, double alpha)
{
    int whole = !rt_dtype_is_inexact((rt_dtype)near->dtype) && fabs(alpha) < 0x1p62
                && alpha == (double)(int64_t)alpha;
    rt_operand in[2] = {rt_operand_of(near), whole ? rt_operand_int((int64_t)alpha) : rt_operand_float(alpha)};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL}, *same;
    int recording = rt_grad_enabled;
    rt_grad_enabled = 0;
    int rc = rt_op_apply(&rt_ops[RT_OP_mul], 2, in, NULL, out);
    rt_grad_enabled = recording;
    if (rc < 0 || out[0]->dtype == near->dtype) return out[0];
    same = rt_empty((rt_dtype)near->dtype, near->ndim, near->shape, near->storage->device);
    if (same && rt_copy_into(same, out[0]) < 0) Py_CLEAR(same);
    Py_DECREF(out[0]);
    return same;
}

static int write_list(const rt_op *op, const rt_operand *in, rt_params *p, int add, int may_broadcast, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *target = NULL, *near = NULL;
    intptr_t shape[RT_MAX_NDIM];
    rt_offsets o = {.at = NULL};
    int rc = -1;
    if (!x || !index || check_list(op, p, x, index) < 0) return -1;
    const int d = (int)p->i[0], ndim = x->ndim ? x->ndim : 1;        /* a tensor without dimensions is a list of one */
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    shape[d] = index->size;
    if (!may_broadcast && in[2].t && !rt_shape_equal(ndim, shape, in[2].t->ndim, in[2].t->shape)
        && (x->ndim || in[2].t->ndim || index->size != 1))
        return rt_error_shapes(op->cls.name, "the source has the wrong shape (source, needed)", in[2].t->ndim, in[2].t->shape,
                               ndim, shape);
    near = rt_update_values(op, &in[2], add ? rt_add_dtype((rt_dtype)x->dtype) : (rt_dtype)x->dtype, ndim, shape, out[0]);
    if (near && add && p->f[0] != 1) {
        rt_tensor *scaled = scaled_by(near, p->f[0]);
        Py_SETREF(near, scaled);
    }
    const int visible = out[0] != NULL;
    const rt_scatter_kind kind = add ? RT_SCATTER_ADD : RT_SCATTER_PUT;
    if (!near || rt_update_begin(op, in, out, add, &target) < 0) goto done;
    if (x->ndim == 1 && rt_scatter_rows_fit(kind, target, index)) {         /* of single elements it is a scatter */
        rc = rt_scatter_lines(op, in, p, kind, visible, target, index, near);
        goto done;
    }
    if (rt_offsets_flat(op->cls.name, &o, target, x->ndim ? 1 : 0, p->i, index) < 0) goto done;
    if (rt_update_load(in, target) < 0) goto done;
    rt_offsets_move(add ? RT_MOVE_ADD : RT_MOVE_PUT, target, x->ndim ? 1u << d : 0, x->ndim ? d : 0, &o, near->data);
    rc = 0;
done:
    rt_offsets_drop(&o);
    Py_XDECREF(near);
    return rt_update_finish(out, target, rc);
}

FORWARD(index_add) { return write_list(op, in, p, 1, 0, out); }
FORWARD(index_copy) { return write_list(op, in, p, 0, 0, out); }
FORWARD(index_fill)
{
    if (in[2].t && in[2].t->ndim > 0)
        return rt_error(rt_TensorError, op->cls.name, "the value must be a number or a tensor without dimensions");
    return write_list(op, in, p, 0, 1, out);
}

BACKWARD(index_add)
{
    rt_operand index;
    rt_params p = {.i = {node->params->i[0]}};
    rt_tensor *read;
    int rc = 0;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    if (rt_node_wants(node, 2)) {
        read = rt_apply2p(RT_OP_index_select, g[0], index.t, &p);
        if (read && node->params->f[0] != 1) {
            gin[2] = rt_apply2s(RT_OP_mul, read, node->params->f[0]);
            Py_DECREF(read);
        } else {
            gin[2] = read;
        }
        rc = gin[2] ? 0 : -1;
    }
    Py_DECREF(index.t);
    return rc;
}

static int overwrite_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    rt_operand index;
    rt_params p = {.i = {node->params->i[0]}};
    int rc = -1;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    if (rt_node_wants(node, 0)
        && !(gin[0] = apply3(RT_OP_index_fill, rt_operand_of(g[0]), index, rt_operand_int(0), &p, NULL))) goto done;
    if (rt_node_wants(node, 2) && !(gin[2] = rt_apply2p(RT_OP_index_select, g[0], index.t, &p))) goto done;
    rc = 0;
done:
    Py_DECREF(index.t);
    return rc;
}
BACKWARD(index_copy) { return overwrite_backward(node, g, gin); }

/* The value's gradient sums what was filled, each place once though the index may repeat. */
BACKWARD(index_fill)
{
    rt_operand index;
    rt_params p = {.i = {node->params->i[0]}};
    rt_tensor *blank = NULL, *filled = NULL;
    int rc = -1;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    if (rt_node_wants(node, 0)
        && !(gin[0] = apply3(RT_OP_index_fill, rt_operand_of(g[0]), index, rt_operand_int(0), &p, NULL))) goto done;
    if (rt_node_wants(node, 2)) {
        blank = rt_zeros(RT_b1, g[0]->ndim, g[0]->shape, g[0]->storage->device);
        if (blank) filled = apply3(RT_OP_index_fill, rt_operand_of(blank), index, rt_operand_int(1), &p, NULL);
        if (!filled || !(gin[2] = rt_apply2(RT_OP_masked_select, g[0], filled))) goto done;
    }
    rc = 0;
done:
    Py_XDECREF(blank);
    Py_XDECREF(filled);
    Py_DECREF(index.t);
    return rc;
}

/* ---- embedding: rows of a table ---- */

FORWARD(embedding)
{
    rt_tensor *weight = rt_operand_tensor(op, in, 0);
    intptr_t row = 0;
    if (!weight || !rt_operand_tensor(op, in, 1)) return -1;
    if (weight->ndim != 2) return rt_error(rt_TensorError, op->cls.name, "the weight must have 2 dimensions, not %d", weight->ndim);
    if (!rt_dtype_is_integer((rt_dtype)in[1].t->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "Expected tensor for argument 'indices' to have an integer scalar type:"
                        " Long or Int, not %s", rt_dtypes[in[1].t->dtype].name);
    intptr_t n = weight->shape[0], pad = p->i[0];
    if (pad != RT_NONE_INT && (pad >= n || pad < -n))
        return rt_error(rt_RangeError, op->cls.name, "padding_idx %zd is out of bounds for %zd rows", (Py_ssize_t)pad,
                        (Py_ssize_t)n);
    if (pad != RT_NONE_INT && pad < 0) p->i[0] = pad + n;
    rt_operand dense[2] = {in[0], rt_operand_of(rt_index_int64(op->cls.name, in[1].t))};
    if (!dense[1].t) return -1;
    const int64_t *v = (const int64_t *)dense[1].t->data;
    int rc = 0;
    for (intptr_t i = 0; rc == 0 && i < dense[1].t->size; i++)       /* elsewhere they count from the end */
        if (v[i] < 0)
            rc = rt_error(rt_RangeError, op->cls.name, "index %lld is out of bounds for %zd rows", (long long)v[i],
                          (Py_ssize_t)n);
    if (rc == 0) rc = rt_index_get(op, nin, dense, 1, &row, 1u, 0, out);
    Py_DECREF(dense[1].t);
    return rc;
}

/* New reference: each row of g over the number of times that its index occurs. */
static rt_tensor *by_frequency(rt_tensor *g, rt_tensor *index, intptr_t rows)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_operand unit = rt_operand_int(1);
    rt_params p;
    rt_tensor *ones, *counts = NULL, *each = NULL, *scaled = NULL;
    memcpy(shape, g->shape, g->ndim * sizeof *shape);
    shape[g->ndim - 1] = 1;
    ones = rt_empty((rt_dtype)g->dtype, g->ndim, shape, g->storage->device);
    if (!ones || rt_fill(ones, &unit) < 0) goto done;
    rt_params_begin(&p);
    p.i[0] = rows;
    p.i[1] = RT_NONE_INT;
    if (!(counts = rt_apply2p(RT_OP_embedding_backward, ones, index, &p))) goto done;
    rt_params_begin(&p);
    p.i[0] = RT_NONE_INT;
    if ((each = rt_apply2p(RT_OP_embedding, counts, index, &p))) scaled = rt_apply2(RT_OP_div, g, each);
done:
    Py_XDECREF(ones);
    Py_XDECREF(counts);
    Py_XDECREF(each);
    return scaled;
}

BACKWARD(embedding)
{
    rt_input_meta m = rt_node_input(node, 0);
    rt_operand index;
    rt_params p;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_tensor *scaled = node->params->i[1] ? by_frequency(g[0], index.t, m.shape[0]) : (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    rt_params_begin(&p);
    p.i[0] = m.shape[0];
    p.i[1] = node->params->i[0];
    if (scaled) gin[0] = rt_apply2p(RT_OP_embedding_backward, scaled, index.t, &p);
    Py_XDECREF(scaled);
    Py_DECREF(index.t);
    return gin[0] ? 0 : -1;
}

/* embedding_backward(g, index, rows, padding_idx): g's rows added up by index, but not row padding_idx. */
FORWARD(embedding_backward)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *near = NULL, *work = NULL, *sum = NULL;
    intptr_t shape[2], row = 0;
    rt_offsets o = {.at = NULL};
    int rc = -1;
    if (!x || !index) return -1;
    rt_dtype dtype = (rt_dtype)x->dtype, wide = rt_add_dtype(dtype);
    if (x->ndim != index->ndim + 1 || !rt_shape_equal(index->ndim, x->shape, index->ndim, index->shape))
        return rt_error_shapes(op->cls.name, "one row for each index", x->ndim, x->shape, index->ndim, index->shape);
    if (p->i[1] != RT_NONE_INT && (p->i[1] < 0 || p->i[1] >= p->i[0]))
        return rt_error(rt_RangeError, op->cls.name, "padding_idx %zd is out of bounds for %zd rows", (Py_ssize_t)p->i[1],
                        (Py_ssize_t)p->i[0]);
    shape[0] = p->i[0];
    shape[1] = x->shape[x->ndim - 1];
    near = rt_update_values(op, &in[0], wide, x->ndim, x->shape, NULL);
    if (!near || rt_output_begin(op, out, dtype, 2, shape, nin, in, 1, &work) < 0) goto done;
    sum = rt_zeros(wide, 2, shape, work->storage->device);
    if (!sum || rt_offsets_flat(op->cls.name, &o, sum, 1, &row, index) < 0) goto done;
    rt_offsets_move(RT_MOVE_ADD, sum, 1u, 0, &o, near->data);
    if (p->i[1] != RT_NONE_INT && shape[1])
        memset(sum->data + p->i[1] * sum->steps[0], 0, (size_t)(shape[1] * (intptr_t)rt_itemsize(wide)));
    rc = rt_copy_into(work, sum);
done:
    rt_offsets_drop(&o);
    Py_XDECREF(near);
    Py_XDECREF(sum);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_XDECREF(work);
    return -1;
}
BACKWARD(embedding_backward)
{
    rt_operand index;
    rt_params p;
    rt_tensor *pad = NULL, *masked = NULL;
    intptr_t row = node->params->i[1];
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_params_begin(&p);
    p.i[0] = RT_NONE_INT;
    if (row == RT_NONE_INT) {
        gin[0] = rt_apply2p(RT_OP_embedding, g[0], index.t, &p);
        goto done;
    }
    /* The row that collects nothing gives nothing back. */
    pad = rt_zeros(RT_i64, 0, NULL, g[0]->storage->device);
    if (!pad) goto done;
    *(int64_t *)pad->data = row;
    rt_params q = {.i = {0}};
    masked = apply3(RT_OP_index_fill, rt_operand_of(g[0]), rt_operand_of(pad), rt_operand_int(0), &q, NULL);
    if (masked) gin[0] = rt_apply2p(RT_OP_embedding, masked, index.t, &p);
done:
    Py_XDECREF(pad);
    Py_XDECREF(masked);
    Py_DECREF(index.t);
    return gin[0] ? 0 : -1;
}
