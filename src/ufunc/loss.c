/* loss: the row mse_loss: squared differences, as they are, averaged or summed.  Losses over classes are
 * cross_entropy.c.  Floor: ufunc. */
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/classes.h"
#include "ufunc/views.h"
#include <string.h>

static rt_tensor *squared_difference(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *d = rt_apply2(RT_OP_sub, x, y), *out = d ? rt_apply1(RT_OP_square, d) : NULL;
    Py_XDECREF((PyObject *)d);
    return out;
}

static rt_tensor *folded(rt_tensor *t, rt_op_index op)
{
    rt_params p;
    rt_params_begin(&p);
    p.n[0] = -1;
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(op, t, &p);
}

FORWARD(mse_loss)
{
    int status = -1, recording = rt_grad_enabled;
    rt_tensor *x = rt_operand_tensor(op, in, 0), *y = x ? rt_operand_tensor(op, in, 1) : NULL;
    rt_tensor *squares = NULL, *value = NULL, *work = NULL;
    if (!y) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype) || rt_dtype_is_complex((rt_dtype)y->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "is for real tensors");
    intptr_t shape[RT_MAX_NDIM];
    int ndim = x->ndim;
    memcpy(shape, x->shape, (size_t)ndim * sizeof *shape);
    if (rt_shape_broadcast(op->cls.name, &ndim, shape, y->ndim, y->shape) < 0) return -1;
    rt_grad_enabled = 0;                  /* the whole is recorded, not its steps */
    squares = squared_difference(x, y);
    if (!squares) goto done;
    p->f[0] = p->i[0] == RT_LOSS_MEAN ? (double)squares->size : 1;
    value = p->i[0] == RT_LOSS_NONE ? (rt_tensor *)Py_NewRef((PyObject *)squares)
                                    : folded(squares, p->i[0] == RT_LOSS_MEAN ? RT_OP_mean : RT_OP_sum);
    if (!value) goto done;
    if (!*out) {
        *out = value;
        value = NULL;
        status = 0;
        goto done;
    }
    if (rt_output_begin(op, out, (rt_dtype)value->dtype, value->ndim, value->shape, nin, in, 0, &work) < 0) goto done;
    if (rt_copy_into(work, value) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)squares);
    Py_XDECREF((PyObject *)value);
    Py_XDECREF((PyObject *)work);
    return status;
}

/* gx = g 2 (x - y) / n, gy = -gx; the engine sums over what was broadcast. */
BACKWARD(mse_loss)
{
    int status = -1;
    rt_operand x = {0}, y = {0};
    rt_tensor *d = NULL, *twice = NULL, *gx = NULL;
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &y) < 0) goto done;
    d = rt_apply2(RT_OP_sub, x.t, y.t);
    twice = d ? rt_apply2s(RT_OP_mul, d, 2 / node->params->f[0]) : NULL;
    gx = twice ? rt_apply2(RT_OP_mul, twice, g[0]) : NULL;
    if (!gx) goto done;
    if (rt_node_wants(node, 1) && !(gin[1] = rt_apply1(RT_OP_neg, gx))) goto done;
    if (rt_node_wants(node, 0)) {
        gin[0] = gx;
        gx = NULL;
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)y.t);
    Py_XDECREF((PyObject *)d);
    Py_XDECREF((PyObject *)twice);
    Py_XDECREF((PyObject *)gx);
    return status;
}
