/* loss: the rows of losses that are sums over elements: the terms are an elementwise row, which is added up as it is
 * computed, and its gradient loops are theirs.  Losses over classes are cross_entropy.c.  Floor: ufunc. */
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/classes.h"
#include "ufunc/elementwise.h"
#include "ufunc/mapped.h"
#include "ufunc/views.h"
#include <string.h>

/* What the reduction divides by: the number of elements that x and y make together, or 1.  0 or -1. */
static int divisor(const char *op, const rt_params *p, const rt_tensor *x, const rt_tensor *y, int *ndim, intptr_t *shape,
                   double *by)
{
    *ndim = x->ndim;
    *by = 1;
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    if (rt_shape_broadcast(op, ndim, shape, y->ndim, y->shape) < 0) return -1;
    for (int d = 0; p->i[0] == RT_LOSS_MEAN && d < *ndim; d++) *by *= (double)shape[d];
    return 0;
}

/* Terms kept, then folded: what has no loop over floating numbers. */
static rt_tensor *in_steps(const rt_op *terms, int nin, const rt_operand *in, int mean)
{
    rt_tensor *each = NULL, *out;
    rt_params p;
    if (rt_op_apply(terms, nin, in, NULL, &each) < 0) return NULL;
    rt_params_begin(&p);
    p.n[0] = -1;
    p.i[1] = RT_NODTYPE;
    out = rt_apply1p(mean ? RT_OP_mean : RT_OP_sum, each, &p);
    Py_DECREF((PyObject *)each);
    return out;
}

static int home(const rt_op *op, int nin, const rt_operand *in, rt_tensor *value, rt_tensor **out)
{
    rt_tensor *work = NULL;
    if (!*out) {
        *out = (rt_tensor *)Py_NewRef((PyObject *)value);
        return 0;
    }
    if (rt_output_begin(op, out, (rt_dtype)value->dtype, value->ndim, value->shape, nin, in, 0, &work) < 0) return -1;
    if (rt_copy_into(work, value) < 0) {
        Py_DECREF((PyObject *)work);
        return -1;
    }
    return rt_output_finish(*out, work);
}

static int forward(const rt_op *op, int nin, const rt_operand *in, const rt_params *p, rt_tensor **out, rt_op_index row)
{
    const rt_op *terms = &rt_ops[row];
    const rt_operand given[3] = {in[0], in[1], rt_operand_float(p->f[0])};
    const int mean = p->i[0] == RT_LOSS_MEAN, recording = rt_grad_enabled;
    rt_tensor *x = rt_operand_tensor(op, in, 0), *y = x ? rt_operand_tensor(op, in, 1) : NULL, *value = NULL;
    intptr_t shape[RT_MAX_NDIM];
    int ndim, status;
    double by;
    if (!y) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype) || rt_dtype_is_complex((rt_dtype)y->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "is for real tensors");
    if (divisor(op->cls.name, p, x, y, &ndim, shape, &by) < 0) return -1;
    rt_grad_enabled = 0;                  /* the whole is recorded, not its steps */
    if (p->i[0] == RT_LOSS_NONE) {
        status = rt_op_apply(terms, terms->nin, given, NULL, out);
    } else {
        value = rt_mapped_fits(terms, terms->nin, given) ? rt_mapped_sum(terms, terms->nin, given, mean)
                                                         : in_steps(terms, terms->nin, given, mean);
        status = value ? home(op, nin, in, value, out) : -1;
    }
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)value);
    return status;
}

/* What each term's gradient is multiplied by: g, shared out and spread over the terms; new reference. */
static rt_tensor *shares(const rt_node *node, rt_tensor *g, int ndim, const intptr_t *shape, double by)
{
    rt_tensor *each = by == 1 ? (rt_tensor *)Py_NewRef((PyObject *)g) : rt_apply2s(RT_OP_div, g, by), *out;
    rt_params p;
    if (!each || node->params->i[0] == RT_LOSS_NONE) return each;
    if (rt_records(each)) {
        rt_params_begin(&p);
        rt_params_push(&p, 0, ndim, shape);
        out = rt_apply1p(RT_OP_expand, each, &p);
    } else {
        out = rt_view_expand("expand", each, ndim, shape);
    }
    Py_DECREF((PyObject *)each);
    return out;
}

/* The engine sums over what was broadcast. */
static int backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin, rt_op_index row)
{
    const rt_op *terms = &rt_ops[row];
    rt_rule_values v = {.z = rt_operand_float(node->params->f[0])};
    intptr_t shape[RT_MAX_NDIM];
    int ndim, status = -1;
    double by;
    if (rt_node_unpack(node, 0, &v.x) < 0 || rt_node_unpack(node, 1, &v.y) < 0) goto done;
    if (divisor(node->cls->name, node->params, v.x.t, v.y.t, &ndim, shape, &by) < 0) goto done;
    v.g.t = shares(node, g[0], ndim, shape, by);
    if (!v.g.t) goto done;
    for (int i = 0; i < 2; i++)
        if (rt_node_wants(node, i) && rt_elementwise_gradient(terms, i, &v, &gin[i]) < 0) goto done;
    status = 0;
done:
    Py_XDECREF((PyObject *)v.x.t);
    Py_XDECREF((PyObject *)v.y.t);
    Py_XDECREF((PyObject *)v.g.t);
    return status;
}

#define LOSS(name, terms) \
    FORWARD(name) { return forward(op, nin, in, p, out, RT_OP_##terms); } \
    BACKWARD(name) { return backward(node, g, gin, RT_OP_##terms); }
LOSS(mse_loss, squared_error)
LOSS(l1_loss, absolute_error)
LOSS(smooth_l1_loss, smooth_error)
LOSS(huber_loss, huber_error)
LOSS(bernoulli_loss, bernoulli_error)
LOSS(logistic_loss, logistic_error)
