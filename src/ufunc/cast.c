/* cast: rows that copy: to another dtype, to contiguous memory, into another tensor.
 * Floor: ufunc. */
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"

rt_forward_fn cast_forward, clone_forward, contiguous_forward, fill_forward, copy_forward;
rt_backward_fn cast_backward, clone_backward, contiguous_backward, fill_backward, copy_backward;

/* x as dtype i[0], a new tensor */
int cast_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    rt_tensor *x = in[0].t;
    if (!x) return rt_error(PyExc_TypeError, op->cls.name, "needs a tensor");
    rt_dtype d = p->i[0] == RT_NODTYPE ? (rt_dtype)x->dtype : (rt_dtype)p->i[0];
    if (!out[0]) out[0] = rt_empty_like(x, d);
    return out[0] ? rt_copy_into(out[0], x) : -1;
}

int clone_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin, (void)p;
    rt_tensor *x = in[0].t;
    if (!x) return rt_error(PyExc_TypeError, op->cls.name, "needs a tensor");
    if (!out[0]) out[0] = rt_empty_like(x, (rt_dtype)x->dtype);
    return out[0] ? rt_copy_into(out[0], x) : -1;
}

int contiguous_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin, (void)p;
    rt_tensor *x = in[0].t;
    if (!x) return rt_error(PyExc_TypeError, op->cls.name, "needs a tensor");
    if (!out[0]) out[0] = rt_empty((rt_dtype)x->dtype, x->ndim, x->shape, x->storage->device);
    return out[0] ? rt_copy_into(out[0], x) : -1;
}

/* out[0] (given) becomes x, broadcast and converted */
int copy_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin, (void)p;
    if (!out[0]) return rt_error(PyExc_TypeError, op->cls.name, "needs a destination");
    return in[0].t ? rt_copy_into(out[0], in[0].t) : rt_fill(out[0], &in[0]);
}

/* x's elements replaced by one value */
int fill_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin, (void)p;
    rt_tensor *x = in[0].t;
    if (!x || in[1].none) return rt_error(PyExc_TypeError, op->cls.name, "needs a tensor and a value");
    if (in[1].t && in[1].t->ndim)
        return rt_error(rt_TensorError, op->cls.name, "the value must be a number or a tensor without dimensions, not one"
                        " of %d", in[1].t->ndim);
    if ((in[1].t ? rt_dtype_is_complex((rt_dtype)in[1].t->dtype) : in[1].kind == RT_KIND_COMPLEX)
        && !rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "a complex value does not fit dtype %s", rt_dtypes[x->dtype].name);
    if (!out[0]) out[0] = rt_empty_like(x, (rt_dtype)x->dtype);
    if (!out[0]) return -1;
    return in[1].t ? rt_copy_into(out[0], in[1].t) : rt_fill(out[0], &in[1]);
}

/* The engine sums the value's gradient. */
int fill_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    rt_operand zero = rt_operand_int(0);
    if (rt_node_wants(node, 1)) gin[1] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    if (!rt_node_wants(node, 0)) return 0;
    gin[0] = rt_empty_like(g[0], (rt_dtype)g[0]->dtype);
    return gin[0] ? rt_fill(gin[0], &zero) : -1;
}

static int pass(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    return 0;
}

/* The engine brings shape and dtype back to the input's. */
int cast_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin) { return pass(node, g, gin); }
int clone_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin) { return pass(node, g, gin); }
int contiguous_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin) { return pass(node, g, gin); }
int copy_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin) { return pass(node, g, gin); }

rt_tensor *rt_cast(rt_tensor *t, rt_dtype dtype)
{
    if ((rt_dtype)t->dtype == dtype) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_params p = {.i = {dtype}};
    return rt_apply1p(RT_OP_cast, t, &p);
}

rt_tensor *rt_contiguous(rt_tensor *t)
{
    if (rt_tensor_is_contiguous(t)) return (rt_tensor *)Py_NewRef((PyObject *)t);
    return rt_apply1(RT_OP_contiguous, t);
}
