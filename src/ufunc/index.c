/* index: advanced indices.  The subscript brings every set of integer arrays and masks down to
 * one tensor of flat positions within the indexed dimensions, which `index` and
 * `index_put` take; the masked rows stand beside them.  Floor: ufunc. */
#include "ufunc/masks.h"
#include "ufunc/offsets.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/kernels/isa.h"

/* ---- index(x, index, dims, position) ---- */

static int dims_of(const rt_op *op, const rt_tensor *x, rt_params *p, uint32_t *gone)
{
    intptr_t before = -1;
    *gone = 0;
    for (int i = 0; i < p->n[0]; i++) {
        int d = rt_dim_wrap(op->cls.name, p->list[i], x->ndim);
        if (d < 0) return -1;
        if (d <= before) return rt_error(rt_TensorError, op->cls.name, "dimensions must be in order, each named once");
        before = p->list[i] = d;
        if (x->ndim) *gone |= 1u << d;
    }
    int rest = x->ndim - __builtin_popcount(*gone);
    if (p->i[0] < 0 || p->i[0] > rest)
        return rt_error(rt_TensorError, op->cls.name, "position %zd, but %d dimensions stay", (Py_ssize_t)p->i[0], rest);
    return 0;
}

int rt_index_shape(const char *op, const rt_tensor *x, uint32_t gone, int position, const rt_tensor *index, intptr_t *shape)
{
    int n = 0, rest = 0;
    if (x->ndim - __builtin_popcount(gone) + index->ndim > RT_MAX_NDIM)
        return rt_error(rt_TensorError, op, "the result would have more than %d dimensions", RT_MAX_NDIM);
    for (int i = 0; i <= x->ndim; i++) {
        if (i < x->ndim && (gone >> i & 1)) continue;
        if (rest++ == position)
            for (int j = 0; j < index->ndim; j++) shape[n++] = index->shape[j];
        if (i < x->ndim) shape[n++] = x->shape[i];
    }
    return n;
}

/* Elements of packed memory by their numbers, straight into a new tensor: 1; 0: not here, or a number is out of bounds. */
static int read_flat(const rt_tensor *x, const rt_tensor *index, int k, const intptr_t *dims, int n,
                     const intptr_t *shape, rt_tensor **out)
{
    for (int i = 0; i < k; i++) if (dims[i] != i) return 0;
    if (index->dtype != RT_i64 || !rt_tensor_is_contiguous(index) || !rt_tensor_is_contiguous(x)) return 0;
    rt_tensor *made = rt_empty((rt_dtype)x->dtype, n, shape, x->storage->device);
    if (!made) return -1;
    if (!rt_offsets_read_flat(x, index, made->data)) {
        Py_DECREF(made);
        return 0;
    }
    out[0] = made;
    return 1;
}

int rt_index_get(const rt_op *op, int nin, const rt_operand *in, int k, const intptr_t *dims, uint32_t gone, int position,
                 rt_tensor **out)
{
    rt_tensor *x = in[0].t, *index = in[1].t, *work;
    intptr_t shape[RT_MAX_NDIM];
    rt_offsets o;
    int n = rt_index_shape(op->cls.name, x, gone, position, index, shape);
    if (n < 0) return -1;
    int read = k > 0 && k == x->ndim && !out[0] ? read_flat(x, index, k, dims, n, shape, out) : 0;
    if (read) return read < 0 ? -1 : 0;
    if (rt_offsets_flat(op->cls.name, &o, x, k, dims, index) < 0) return -1;
    int rc = rt_output_begin(op, out, (rt_dtype)x->dtype, n, shape, nin, in, 1, &work);
    if (rc == 0) {
        rt_offsets_move(RT_MOVE_GET, x, gone, position, &o, work->data);
        rc = rt_output_finish(out[0], work);
    }
    rt_offsets_drop(&o);
    return rc;
}

FORWARD(index)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    uint32_t gone;
    if (!x || !rt_operand_tensor(op, in, 1) || dims_of(op, x, p, &gone) < 0) return -1;
    return rt_index_get(op, nin, in, p->n[0], p->list, gone, (int)p->i[0], out);
}

/* g added into zeros at the same places */
static int put_back(rt_tensor *zeros, rt_tensor *index, rt_tensor *g, int k, const intptr_t *dims, intptr_t position,
                    rt_tensor **gin)
{
    rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(index), rt_operand_of(g)};
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, k, dims);
    p.i[0] = position;
    p.i[1] = 1;
    if (rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, &zeros) < 0) return -1;
    gin[0] = (rt_tensor *)Py_NewRef((PyObject *)zeros);
    return 0;
}

BACKWARD(index)
{
    const rt_params *q = node->params;
    rt_input_meta m = rt_node_input(node, 0);
    rt_operand index;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_tensor *zeros = rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device);
    int rc = zeros ? put_back(zeros, index.t, g[0], q->n[0], q->list, q->i[0], gin) : -1;
    Py_XDECREF(zeros);
    Py_DECREF(index.t);
    return rc;
}

/* ---- index_put(x, index, values, dims, position, accumulate) ---- */

FORWARD(index_put)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *target = NULL, *near = NULL;
    intptr_t shape[RT_MAX_NDIM];
    uint32_t gone;
    rt_offsets o = {.at = NULL};
    int rc = -1, n;
    if (!x || !index || dims_of(op, x, p, &gone) < 0) return -1;
    int add = p->i[1] != 0, position = (int)p->i[0];
    if ((n = rt_index_shape(op->cls.name, x, gone, position, index, shape)) < 0) return -1;
    near = rt_update_values(op, &in[2], add ? rt_add_dtype((rt_dtype)x->dtype) : (rt_dtype)x->dtype, n, shape, out[0]);
    if (!near || rt_update_begin(op, in, out, add, &target) < 0) goto done;
    if (rt_offsets_flat(op->cls.name, &o, target, p->n[0], p->list, index) < 0) goto done;
    if (rt_update_load(in, target) < 0) goto done;
    rt_offsets_move(add ? RT_MOVE_ADD : RT_MOVE_PUT, target, gone, position, &o, near->data);
    rc = 0;
done:
    rt_offsets_drop(&o);
    Py_XDECREF(near);
    return rt_update_finish(out, target, rc);
}
BACKWARD(index_put)
{
    const rt_params *q = node->params;
    rt_operand index, in[3];
    rt_params p;
    int rc = -1;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_params_begin(&p);
    rt_params_push(&p, 0, q->n[0], q->list);
    p.i[0] = q->i[0];
    if (rt_node_wants(node, 2) && !(gin[2] = rt_apply2p(RT_OP_index, g[0], index.t, &p))) goto done;
    if (rt_node_wants(node, 0) && q->i[1]) {
        gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    } else if (rt_node_wants(node, 0)) {
        in[0] = rt_operand_of(g[0]);
        in[1] = index;
        in[2] = rt_operand_int(0);
        if (rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, gin) < 0) goto done;
    }
    rc = 0;
done:
    Py_DECREF(index.t);
    return rc;
}

/* ---- take: flat positions in all of x ---- */

static void all_dims(int ndim, intptr_t *dims)
{
    for (int i = 0; i < ndim; i++) dims[i] = i;
}
static uint32_t all_mask(int ndim) { return ndim == 32 ? UINT32_MAX : (1u << ndim) - 1; }

FORWARD(take)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t dims[RT_MAX_NDIM];
    if (!x || !rt_operand_tensor(op, in, 1) || rt_output_refuse_overlap(op, out[0], nin, in) < 0) return -1;
    all_dims(x->ndim, dims);
    return rt_index_get(op, nin, in, x->ndim, dims, all_mask(x->ndim), 0, out);
}
BACKWARD(take)
{
    rt_input_meta m = rt_node_input(node, 0);
    intptr_t dims[RT_MAX_NDIM];
    rt_operand index;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    all_dims(m.ndim, dims);
    rt_tensor *zeros = rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device);
    int rc = zeros ? put_back(zeros, index.t, g[0], m.ndim, dims, 0, gin) : -1;
    Py_XDECREF(zeros);
    Py_DECREF(index.t);
    return rc;
}

/* ---- masks ---- */

static rt_tensor *mask_operand(const rt_op *op, const rt_operand *in)
{
    rt_tensor *m = rt_operand_tensor(op, in, 1);
    if (m && m->dtype != RT_b1) {
        rt_error(rt_DtypeError, op->cls.name, "the mask must be of dtype bool, not %s", rt_dtypes[m->dtype].name);
        return NULL;
    }
    return m;
}

/* Flat positions of mask, broadcast with x's shape, and x on that shape (both new references). */
static int masked_positions(const rt_op *op, rt_tensor *x, rt_tensor *mask, rt_tensor **wide, rt_tensor **index)
{
    intptr_t shape[RT_MAX_NDIM];
    int n = x->ndim;
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    *wide = *index = NULL;
    if (rt_shape_broadcast(op->cls.name, &n, shape, mask->ndim, mask->shape) < 0) return -1;
    rt_tensor *m = rt_view_expand(op->cls.name, mask, n, shape);
    *wide = rt_view_expand(op->cls.name, x, n, shape);
    if (m && *wide) *index = rt_index_nonzero(m);
    Py_XDECREF(m);
    if (*index) return 0;
    Py_CLEAR(*wide);
    return -1;
}

/* Packed x and a packed mask of its shape need no positions. */
static rt_tensor *select_packed(const rt_tensor *x, const rt_tensor *mask)
{
    const uint8_t *at = (const uint8_t *)mask->data;
    const intptr_t count = rt_mask_count(at, x->size);
    rt_tensor *made = rt_empty((rt_dtype)x->dtype, 1, &count, x->storage->device);
    if (made) rt_mask_get(at, x->size, x->data, made->data, (intptr_t)rt_tensor_itemsize(x));
    return made;
}

FORWARD(masked_select)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *mask, *wide, *index;
    intptr_t dims[RT_MAX_NDIM];
    if (!x || !(mask = mask_operand(op, in)) || rt_output_refuse_overlap(op, out[0], nin, in) < 0) return -1;
    if (!out[0] && rt_shape_equal(x->ndim, x->shape, mask->ndim, mask->shape) && rt_tensor_is_contiguous(x)
        && rt_tensor_is_contiguous(mask))
        return (out[0] = select_packed(x, mask)) ? 0 : -1;
    if (masked_positions(op, x, mask, &wide, &index) < 0) return -1;
    rt_operand pair[2] = {rt_operand_of(wide), rt_operand_of(index)};
    all_dims(wide->ndim, dims);
    int rc = rt_index_get(op, 2, pair, wide->ndim, dims, all_mask(wide->ndim), 0, out);
    Py_DECREF(wide);
    Py_DECREF(index);
    return rc;
}
BACKWARD(masked_select)
{
    rt_input_meta m = rt_node_input(node, 0);
    intptr_t dims[RT_MAX_NDIM];
    rt_operand mask;
    rt_tensor *zeros = NULL, *wide = NULL, *index = NULL, *full = NULL;
    int rc = -1;
    if (rt_node_unpack(node, 0, &mask) < 0) return -1;
    zeros = rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device);
    if (!zeros || masked_positions(node->op, zeros, mask.t, &wide, &index) < 0) goto done;
    full = rt_shape_equal(wide->ndim, wide->shape, m.ndim, m.shape) ? (rt_tensor *)Py_NewRef((PyObject *)zeros)
         : rt_copy_of(wide);
    all_dims(wide->ndim, dims);
    rc = full ? put_back(full, index, g[0], full->ndim, dims, 0, gin) : -1;
done:
    Py_XDECREF(zeros);
    Py_XDECREF(wide);
    Py_XDECREF(index);
    Py_XDECREF(full);
    Py_DECREF(mask.t);
    return rc;
}

/* out = where(mask, value, x) by the select loop of the item's size. */
static void fill_masked(rt_tensor *out, const rt_tensor *mask, const rt_tensor *x, char *value)
{
    rt_plan plan;
    rt_exec e = {.loop = rt_isa_now->selects[__builtin_ctz((unsigned)rt_tensor_itemsize(x))], .nin = 3, .rows = 1, .cost = 0.3f};
    rt_plan_init(&plan, out->ndim, out->shape);
    rt_plan_add(&plan, mask->data, mask->ndim, mask->shape, mask->steps);
    rt_plan_add_scalar(&plan, value);
    rt_plan_add(&plan, x->data, x->ndim, x->shape, x->steps);
    rt_plan_add(&plan, out->data, out->ndim, out->shape, out->steps);
    rt_plan_finish(&plan, 1);
    if (plan.size < UNLOCK_ELEMENTS) {
        rt_execute(&plan, &e);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_execute(&plan, &e);
    Py_END_ALLOW_THREADS
}

FORWARD(masked_fill)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *mask, *work;
    intptr_t shape[RT_MAX_NDIM];
    _Alignas(16) char value[16];
    if (!x || !(mask = mask_operand(op, in))) return -1;
    int n = x->ndim;
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    if (rt_shape_broadcast(op->cls.name, &n, shape, mask->ndim, mask->shape) < 0) return -1;
    if (in[2].t && in[2].t->ndim)
        return rt_error(rt_TensorError, op->cls.name, "the value must be a number or a tensor without dimensions, not one of"
                        " %d", in[2].t->ndim);
    if (rt_update_scalar(op, &in[2], (rt_dtype)x->dtype, value) < 0) return -1;
    if (out[0] == x && rt_shape_equal(n, shape, x->ndim, x->shape) && !rt_tensor_overlaps(x, mask)) {
        fill_masked(x, mask, x, value);
        return 0;
    }
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, n, shape, nin, in, 0, &work) < 0) return -1;
    fill_masked(work, mask, x, value);
    return rt_output_finish(out[0], work);
}
BACKWARD(masked_fill)
{
    rt_operand mask;
    int rc = -1;
    if (rt_node_unpack(node, 0, &mask) < 0) return -1;
    if (rt_node_wants(node, 0)) {
        rt_operand in[3] = {rt_operand_of(g[0]), mask, rt_operand_int(0)};
        if (rt_op_apply(&rt_ops[RT_OP_masked_fill], 3, in, NULL, gin) < 0) goto done;
    }
    if (rt_node_wants(node, 2) && !(gin[2] = rt_apply2(RT_OP_masked_select, g[0], mask.t))) goto done;
    rc = 0;
done:
    Py_DECREF(mask.t);
    return rc;
}
