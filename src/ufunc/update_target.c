/* update_target: the target and the values of rows that write into (a copy of) their first
 * input.  Floor: ufunc. */
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"

int rt_update_begin(const rt_op *op, const rt_operand *in, rt_tensor **out, int sum, rt_tensor **target)
{
    rt_tensor *x = in[0].t, *o = out[0];
    rt_dtype dtype = (rt_dtype)x->dtype, wide = sum ? rt_add_dtype(dtype) : dtype;
    int clash = 0;
    *target = NULL;
    if (!o) {
        o = out[0] = rt_empty_like(x, dtype);
        if (!o) return -1;
    } else if (o != x) {
        if (rt_output_check(op, o, dtype, x->ndim, x->shape) < 0) return -1;
        if (!rt_shape_equal(o->ndim, o->shape, x->ndim, x->shape))
            return rt_error_shapes(op->cls.name, "the output has the wrong shape (needed, given)", x->ndim, x->shape,
                                   o->ndim, o->shape);
    }
    if (in[1].t) clash = rt_tensor_overlaps(o, in[1].t);
    if ((rt_dtype)o->dtype == wide && !clash) *target = (rt_tensor *)Py_NewRef((PyObject *)o);
    else *target = rt_empty(wide, x->ndim, x->shape, x->storage->device);
    return *target ? 0 : -1;
}

int rt_update_load(const rt_operand *in, rt_tensor *target)
{
    return target == in[0].t ? 0 : rt_copy_into(target, in[0].t);
}

int rt_update_finish(rt_tensor **out, rt_tensor *target, int rc)
{
    if (rc == 0 && target != out[0]) rc = rt_copy_into(out[0], target);
    Py_XDECREF(target);
    return rc;
}

rt_tensor *rt_update_values(const rt_op *op, const rt_operand *v, rt_dtype dtype, int ndim, const intptr_t *shape,
                            const rt_tensor *written)
{
    rt_tensor *t = v->t, *dense;
    if (t && (rt_dtype)t->dtype == dtype && rt_tensor_is_contiguous(t) && rt_shape_equal(ndim, shape, t->ndim, t->shape)
        && !(written && rt_tensor_overlaps(written, t)))
        return (rt_tensor *)Py_NewRef((PyObject *)t);
    if (v->none) {
        rt_error(PyExc_TypeError, op->cls.name, "None is no value");
        return NULL;
    }
    dense = rt_empty(dtype, ndim, shape, (rt_device){RT_CPU, 0});
    if (!dense) return NULL;
    if (t && t->size != 1) {
        intptr_t full[RT_MAX_NDIM];
        int n = ndim, drop = 0;
        memcpy(full, shape, (size_t)ndim * sizeof *full);
        while (t->ndim - drop > ndim && t->shape[drop] == 1) drop++;
        if (t->ndim - drop > ndim || rt_shape_broadcast(op->cls.name, &n, full, t->ndim - drop, t->shape + drop) < 0
            || !rt_shape_equal(n, full, ndim, shape)) {
            PyErr_Clear();
            rt_error_shapes(op->cls.name, "the values do not broadcast to the indexed shape (values, indexed)", t->ndim,
                            t->shape, ndim, shape);
            Py_CLEAR(dense);
            return NULL;
        }
    }
    if (t ? rt_copy_into(dense, t) < 0 : rt_fill(dense, v) < 0) Py_CLEAR(dense);
    return dense;
}

int rt_update_scalar(const rt_op *op, const rt_operand *v, rt_dtype dtype, void *at)
{
    if ((v->t ? rt_dtype_is_complex((rt_dtype)v->t->dtype) : !v->none && v->kind == RT_KIND_COMPLEX)
        && !rt_dtype_is_complex(dtype))
        return rt_error(rt_DtypeError, op->cls.name, "a complex value does not fit dtype %s", rt_dtypes[dtype].name);
    if (!v->t && !v->none) return rt_operand_store(v, dtype, at);
    if (v->none || v->t->size != 1)
        return rt_error(rt_TensorError, op->cls.name, "the value must be a number or a tensor of one element");
    rt_tensor *one = rt_update_values(op, v, dtype, 0, NULL, NULL);
    if (!one) return -1;
    memcpy(at, one->data, rt_itemsize(dtype));
    Py_DECREF(one);
    return 0;
}
