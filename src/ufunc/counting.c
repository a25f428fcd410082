/* counting: rows about positions and classes rather than values: nonzero, one_hot.  Nothing here
 * is differentiable but masked_scatter, which consumes positions in order.  Floor: ufunc. */
#include "ufunc/masks.h"
#include "ufunc/offsets.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

/* New reference to x, or to a copy, in C order. */
static rt_tensor *dense_of(rt_tensor *x)
{
    return rt_tensor_is_contiguous(x) ? (rt_tensor *)Py_NewRef((PyObject *)x) : rt_copy_of(x);
}

/* Is each element other than zero?  New reference to a bool tensor in C order, x itself where it is one. */
static rt_tensor *truth_of(rt_tensor *x)
{
    if (x->dtype == RT_b1) return dense_of(x);
    rt_tensor *t = rt_empty(RT_b1, x->ndim, x->shape, x->storage->device);
    if (t && rt_copy_into(t, x) < 0) Py_CLEAR(t);
    return t;
}

/* One row of indices for each element other than zero. */
FORWARD(nonzero)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *truth = NULL, *work;
    int rc = -1;
    if (!x || !(truth = truth_of(x))) return -1;
    intptr_t shape[2] = {rt_mask_count((const uint8_t *)truth->data, truth->size), x->ndim};
    if (rt_output_begin(op, out, RT_i64, 2, shape, nin, in, 1, &work) < 0) goto done;
    rt_mask_lines(truth, (int64_t *)work->data);
    rc = rt_output_finish(out[0], work);
done:
    Py_DECREF(truth);
    return rc;
}

FORWARD(one_hot)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index, *work;
    intptr_t shape[RT_MAX_NDIM + 1], classes = p->i[0];
    if (!x || !(index = rt_index_int64(op->cls.name, x))) return -1;
    const int64_t *v = (const int64_t *)index->data;
    int64_t most = -1;
    int rc = -1;
    for (intptr_t i = 0; i < index->size; i++) {
        if (v[i] > most) most = v[i];
        if (v[i] < 0 || (classes >= 0 && v[i] >= classes)) {
            if (v[i] < 0) rt_error(rt_RangeError, op->cls.name, "class %lld is negative", (long long)v[i]);
            else rt_error(rt_RangeError, op->cls.name, "class %lld, but there are %zd classes", (long long)v[i],
                          (Py_ssize_t)classes);
            goto done;
        }
    }
    if (classes < 0 && index->size == 0) {
        rt_error(rt_TensorError, op->cls.name, "num_classes cannot be inferred from an empty tensor");
        goto done;
    }
    if (classes < 0) classes = most + 1;
    if (x->ndim == RT_MAX_NDIM) {
        rt_error(rt_TensorError, op->cls.name, "at most %d dimensions", RT_MAX_NDIM);
        goto done;
    }
    memcpy(shape, x->shape, x->ndim * sizeof *shape);
    shape[x->ndim] = classes;
    if (rt_output_begin(op, out, RT_i64, x->ndim + 1, shape, nin, in, 1, &work) < 0) goto done;
    memset(work->data, 0, (size_t)work->size * sizeof(int64_t));
    for (intptr_t i = 0; i < index->size; i++) ((int64_t *)work->data)[i * classes + v[i]] = 1;
    rc = rt_output_finish(out[0], work);
done:
    Py_DECREF(index);
    return rc;
}

/* ---- masked_scatter ---- */

/* The mask broadcast to a shape, in C order. */
static rt_tensor *mask_over(const rt_op *op, const rt_tensor *mask, int ndim, const intptr_t *shape)
{
    if (mask->dtype != RT_b1) {
        rt_error(rt_DtypeError, op->cls.name, "the mask must be of dtype bool, not %s", rt_dtypes[mask->dtype].name);
        return NULL;
    }
    rt_tensor *wide = rt_view_expand(op->cls.name, mask, ndim, shape), *dense = wide ? dense_of(wide) : NULL;
    Py_XDECREF(wide);
    return dense;
}

FORWARD(masked_scatter)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *mask = rt_operand_tensor(op, in, 1), *source = rt_operand_tensor(op, in, 2);
    rt_tensor *wide = NULL, *near = NULL, *target = NULL, *packed = NULL;
    int rc = -1;
    if (!x || !mask || !source || !(wide = mask_over(op, mask, x->ndim, x->shape))) goto done;
    const intptr_t count = rt_mask_count((const uint8_t *)wide->data, wide->size);
    if (count > source->size) {
        rt_error(rt_TensorError, op->cls.name, "the mask has %zd true elements, the source only %zd elements",
                 (Py_ssize_t)count, (Py_ssize_t)source->size);
        goto done;
    }
    near = rt_update_values(op, &in[2], (rt_dtype)x->dtype, source->ndim, source->shape, out[0]);
    if (!near || rt_update_begin(op, in, out, 0, &target) < 0 || rt_update_load(in, target) < 0) goto done;
    if (!(packed = dense_of(target))) goto done;
    rt_mask_put((const uint8_t *)wide->data, wide->size, packed->data, near->data, (intptr_t)rt_tensor_itemsize(x));
    rc = packed == target ? 0 : rt_copy_into(target, packed);
done:
    Py_XDECREF(wide);
    Py_XDECREF(near);
    Py_XDECREF(packed);
    return rt_update_finish(out, target, rc);
}
BACKWARD(masked_scatter)
{
    rt_operand mask;
    rt_tensor *taken = NULL, *flat = NULL;
    int rc = -1;
    if (rt_node_unpack(node, 0, &mask) < 0) return -1;
    if (rt_node_wants(node, 0)) {
        rt_operand in[3] = {rt_operand_of(g[0]), mask, rt_operand_int(0)};
        if (rt_op_apply(&rt_ops[RT_OP_masked_fill], 3, in, NULL, gin) < 0) goto done;
    }
    if (rt_node_wants(node, 2)) {
        rt_input_meta m = rt_node_input(node, 2);
        rt_params p;
        intptr_t size = 1, one = 1;
        for (int i = 0; i < m.ndim; i++) size *= m.shape[i];
        rt_params_begin(&p);
        rt_params_push(&p, 0, 1, &size);
        rt_params_push(&p, 1, 1, &one);
        if (!(taken = rt_apply2(RT_OP_masked_select, g[0], mask.t))) goto done;
        if (!(flat = rt_apply1p(RT_OP_window_scatter, taken, &p))) goto done;
        rt_params_begin(&p);
        rt_params_push(&p, 0, m.ndim, m.shape);
        if (!(gin[2] = rt_apply1p(RT_OP_reshape, flat, &p))) goto done;
    }
    rc = 0;
done:
    Py_XDECREF(taken);
    Py_XDECREF(flat);
    Py_DECREF(mask.t);
    return rc;
}
