/* views: the rows that show a tensor's memory through another window, and their gradients.
 * Geometry is core/view.c's; here are arguments and derivatives.  The gradient of a window
 * that drops elements is zeros with g in the same window of them.  Floor: ufunc. */
#include "ufunc/views.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "backends/memory.h"

rt_input_meta rt_node_input(const rt_node *n, int i)
{
    rt_input_meta m = {RT_NODTYPE, {RT_CPU, 0}, 0, NULL};
    PyObject *to = n->edges[i].to;
    if (Py_IS_TYPE(to, &rt_node_type)) {
        rt_node_meta((rt_node *)to, n->edges[i].nr, &m.dtype, &m.ndim, &m.shape);
    } else {
        rt_tensor *t = (rt_tensor *)to;
        m = (rt_input_meta){(rt_dtype)t->dtype, t->storage->device, t->ndim, t->shape};
    }
    return m;
}

rt_tensor *rt_operand_tensor(const rt_op *op, const rt_operand *in, int i)
{
    if (in[i].t) return in[i].t;
    rt_error(PyExc_TypeError, op->cls.name, "argument %d must be a tensor, not a number", i + 1);
    return NULL;
}

rt_tensor *rt_copy_of(const rt_tensor *t)
{
    rt_tensor *c = rt_empty((rt_dtype)t->dtype, t->ndim, t->shape, t->storage->device);
    if (c && rt_copy_into(c, t) < 0) Py_CLEAR(c);
    return c;
}

rt_tensor *rt_zeros(rt_dtype dtype, int ndim, const intptr_t *shape, rt_device dev)
{
    rt_tensor *z = rt_empty(dtype, ndim, shape, dev);
    if (z) memset(z->data, 0, (size_t)z->size * rt_itemsize(dtype));
    return z;
}

/* g with the shape of the node's input. */
static rt_tensor *reshape_to_input(rt_node *node, rt_tensor *g)
{
    rt_params p;
    rt_input_meta m = rt_node_input(node, 0);
    rt_params_begin(&p);
    rt_params_push(&p, 0, m.ndim, m.shape);
    return rt_apply1p(RT_OP_reshape, g, &p);
}

static int reshape_backward_any(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    return (gin[0] = reshape_to_input(node, g[0])) ? 0 : -1;
}

/* reshape and its kin */
static int reshape_into(const rt_op *op, const rt_operand *in, int n, const intptr_t *shape, int may_copy,
                        rt_tensor **out)
{
    intptr_t resolved[RT_MAX_NDIM];
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return -1;
    int rc = rt_view_reshape(op->cls.name, x, n, shape, resolved, out);
    if (rc != 0) return rc > 0 ? 0 : -1;
    if (!may_copy)
        return rt_error(rt_TensorError, op->cls.name, "the strides of the tensor do not allow the new shape without a"
                        " copy: use reshape");
    rt_tensor *c = rt_copy_of(x);
    if (!c) return -1;
    *out = rt_tensor_alias(c, c->data, (rt_dtype)c->dtype, n, resolved, NULL);
    Py_DECREF(c);
    return *out ? 0 : -1;
}

FORWARD(reshape) { return reshape_into(op, in, p->n[0], p->list, 1, out); }
BACKWARD(reshape) { return reshape_backward_any(node, g, gin); }
FORWARD(view) { return reshape_into(op, in, p->n[0], p->list, 0, out); }
BACKWARD(view) { return reshape_backward_any(node, g, gin); }

FORWARD(flatten)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t shape[RT_MAX_NDIM];
    int n = 0, from, to;
    if (!x || (from = rt_dim_wrap(op->cls.name, p->i[0], x->ndim)) < 0 ||
        (to = rt_dim_wrap(op->cls.name, p->i[1], x->ndim)) < 0) return -1;
    if (from > to)
        return rt_error(rt_TensorError, op->cls.name, "start_dim %d comes after end_dim %d", from, to);
    for (int i = 0; i < from; i++) shape[n++] = x->shape[i];
    shape[n] = 1;
    for (int i = from; i <= to && i < x->ndim; i++) shape[n] *= x->shape[i];
    n++;
    for (int i = to + 1; i < x->ndim; i++) shape[n++] = x->shape[i];
    return reshape_into(op, in, n, shape, 1, out);
}
BACKWARD(flatten) { return reshape_backward_any(node, g, gin); }

FORWARD(unflatten)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t shape[RT_MAX_NDIM], known = 1;
    int d, n = 0, unknown = -1, k = p->n[0];
    if (!x || (d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim)) < 0) return -1;
    intptr_t length = x->ndim ? x->shape[d] : 1;
    if (k < 1 || x->ndim - 1 + k > RT_MAX_NDIM)
        return rt_error(rt_TensorError, op->cls.name, "cannot cut a dimension into %d", k);
    for (int i = 0; i < d; i++) shape[n++] = x->shape[i];
    for (int i = 0; i < k; i++) {
        if (p->list[i] == -1 && unknown < 0) unknown = n;
        else if (p->list[i] < 0 || __builtin_mul_overflow(known, p->list[i], &known)) known = -1;
        if (known < 0) break;
        shape[n++] = p->list[i];
    }
    if (unknown >= 0 && known > 0 && length % known == 0) shape[unknown] = length / known;
    else if (unknown >= 0 || known != length)
        return rt_error_shapes(op->cls.name, "the sizes do not multiply to the dimension's length", 1, &length, k, p->list);
    for (int i = d + 1; i < x->ndim; i++) shape[n++] = x->shape[i];
    return reshape_into(op, in, n, shape, 0, out);
}
BACKWARD(unflatten) { return reshape_backward_any(node, g, gin); }

FORWARD(squeeze)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    uint32_t mask = UINT32_MAX;
    if (!x) return -1;
    if (p->n[0] == 0) mask = 0;
    else if (p->n[0] > 0 && rt_dims_mask(op->cls.name, p->n[0], p->list, x->ndim, &mask) < 0) return -1;
    return (out[0] = rt_view_squeeze(x, mask)) ? 0 : -1;
}
BACKWARD(squeeze) { return reshape_backward_any(node, g, gin); }

FORWARD(unsqueeze)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return -1;
    int d = rt_dim_wrap(op->cls.name, p->i[0], x->ndim + 1);
    return d >= 0 && (out[0] = rt_view_unsqueeze(x, d)) ? 0 : -1;
}
BACKWARD(unsqueeze) { return reshape_backward_any(node, g, gin); }

/* expand: the engine sums the gradient down to the input's shape. */
static int expand_any(const rt_op *op, const rt_operand *in, const rt_params *p, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    return x && (out[0] = rt_view_expand(op->cls.name, x, p->n[0], p->list)) ? 0 : -1;
}
static int pass_backward(rt_tensor *const *g, rt_tensor **gin)
{
    gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    return 0;
}
FORWARD(expand) { return expand_any(op, in, p, out); }
BACKWARD(expand) { return pass_backward(g, gin); }
FORWARD(broadcast_to) { return expand_any(op, in, p, out); }
BACKWARD(broadcast_to) { return pass_backward(g, gin); }

/* permute and its kin */
static int unpermute(rt_tensor *g, int n, const intptr_t *perm, rt_tensor **gin)
{
    rt_params p;
    intptr_t inverse[RT_MAX_NDIM];
    for (int i = 0; i < n; i++) inverse[perm[i] < 0 ? perm[i] + n : perm[i]] = i;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, inverse);
    return (gin[0] = rt_apply1p(RT_OP_permute, g, &p)) ? 0 : -1;
}

FORWARD(permute)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    return x && (out[0] = rt_view_permute(op->cls.name, x, p->n[0], p->list)) ? 0 : -1;
}
BACKWARD(permute) { return unpermute(g[0], node->params->n[0], node->params->list, gin); }

static int swap_dims(const rt_op *op, const rt_operand *in, intptr_t a, intptr_t b, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t perm[RT_MAX_NDIM];
    int d0, d1;
    if (!x || (d0 = rt_dim_wrap(op->cls.name, a, x->ndim)) < 0 || (d1 = rt_dim_wrap(op->cls.name, b, x->ndim)) < 0)
        return -1;
    for (int i = 0; i < x->ndim; i++) perm[i] = i;
    if (x->ndim) perm[d0] = d1, perm[d1] = d0;
    return (out[0] = rt_view_permute(op->cls.name, x, x->ndim, perm)) ? 0 : -1;
}
static int swap_backward(rt_tensor *g, intptr_t a, intptr_t b, rt_tensor **gin)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = a;
    p.i[1] = b;
    return (gin[0] = rt_apply1p(RT_OP_transpose, g, &p)) ? 0 : -1;
}

FORWARD(transpose) { return swap_dims(op, in, p->i[0], p->i[1], out); }
BACKWARD(transpose) { return swap_backward(g[0], node->params->i[0], node->params->i[1], gin); }

FORWARD(mT)
{
    if (in[0].t && in[0].t->ndim < 2)
        return rt_error(rt_TensorError, op->cls.name, "needs at least 2 dimensions, has %d", in[0].t->ndim);
    return swap_dims(op, in, -2, -1, out);
}
BACKWARD(mT) { return swap_backward(g[0], -2, -1, gin); }

/* perm such that source[i] goes to destination[i] and the others keep their order. */
static int move_dims(const char *name, const rt_params *p, int ndim, intptr_t *perm)
{
    const intptr_t *source = p->list, *destination = rt_params_list(p, 1);
    uint32_t from, to;
    int n = p->n[0];
    if (n != p->n[1])
        return rt_error(rt_TensorError, name, "%d source dimensions but %d destinations", n, p->n[1]);
    if (n == 0) from = to = 0;
    else if (rt_dims_mask(name, n, source, ndim, &from) < 0 || rt_dims_mask(name, n, destination, ndim, &to) < 0)
        return -1;
    for (int i = 0, k = 0; i < ndim; i++) {
        if (to >> i & 1) continue;
        while (from >> k & 1) k++;
        perm[i] = k++;
    }
    for (int i = 0; i < n && ndim; i++)
        perm[destination[i] < 0 ? destination[i] + ndim : destination[i]] = source[i] < 0 ? source[i] + ndim : source[i];
    return 0;
}

FORWARD(movedim)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    intptr_t perm[RT_MAX_NDIM];
    if (!x || move_dims(op->cls.name, p, x->ndim, perm) < 0) return -1;
    return (out[0] = rt_view_permute(op->cls.name, x, x->ndim, perm)) ? 0 : -1;
}
BACKWARD(movedim)
{
    intptr_t perm[RT_MAX_NDIM];
    if (move_dims(node->cls->name, node->params, g[0]->ndim, perm) < 0) return -1;
    return unpermute(g[0], g[0]->ndim, perm, gin);
}
