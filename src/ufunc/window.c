/* window: the two nodes that keep views and bases consistent under in-place writes.
 * A view is described by shape, byte steps and offset relative to its base, which must be
 * contiguous here; gradients are then contiguous tensors on which the same window lies.
 * Floor: ufunc. */
#include "ufunc/window.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/apply.h"
#include <string.h>

/* params of both nodes: list 0 shape, list 1 steps in bytes, i[0] offset in bytes, i[1] itemsize of the base */
static int describe(const rt_tensor *view, rt_params **out)
{
    const rt_tensor *base = view->base;
    if (!rt_tensor_is_contiguous(base) || view->dtype != base->dtype)
        return rt_error(PyExc_RuntimeError, view->storage->writer ? view->storage->writer : "in-place write",
                        "in-place writes through views inside a graph need a contiguous base of the same dtype;"
                        " clone the tensor before taking views of it");
    rt_params *p = PyMem_Calloc(1, offsetof(rt_params, list) + 2 * (size_t)(view->ndim + 1) * sizeof(intptr_t));
    if (!p) {
        PyErr_NoMemory();
        return -1;
    }
    p->n[0] = p->n[1] = view->ndim;
    p->nlist = (int16_t)(2 * view->ndim);
    memcpy(p->list, view->shape, view->ndim * sizeof(intptr_t));
    memcpy(p->list + view->ndim, view->steps, view->ndim * sizeof(intptr_t));
    p->i[0] = view->data - base->data;
    p->i[1] = (intptr_t)rt_tensor_itemsize(base);
    *out = p;
    return 0;
}

/* The window of params p on the fresh contiguous tensor t; complex gradients of real ones keep up
 * because steps scale with the itemsize. */
static rt_tensor *lay(const rt_params *p, const rt_tensor *t)
{
    intptr_t steps[RT_MAX_NDIM], item = (intptr_t)rt_tensor_itemsize(t);
    for (int i = 0; i < p->n[0]; i++) steps[i] = p->list[p->n[0] + i] / p->i[1] * item;
    return rt_tensor_alias(t, t->data + p->i[0] / p->i[1] * item, (rt_dtype)t->dtype, p->n[0], p->list, steps);
}

static int refuse_graph(const char *name)
{
    if (!rt_grad_enabled) return 0;
    return rt_error(PyExc_NotImplementedError, name,
                    "create_graph through an in-place write on a view is not supported; write out of place");
}

/* base = (old base) with the window replaced by the output of another node */
static int rebase_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    int status = -1;
    rt_tensor *whole = NULL, *part = NULL;
    rt_operand zero = rt_operand_int(0);
    if (refuse_graph(node->cls->name) < 0) return -1;
    whole = rt_empty((rt_dtype)g[0]->dtype, g[0]->ndim, g[0]->shape, g[0]->storage->device);
    if (!whole || rt_copy_into(whole, g[0]) < 0) goto done;
    part = lay(node->params, whole);
    if (!part) goto done;
    if (rt_node_wants(node, 1)) {
        gin[1] = rt_empty((rt_dtype)part->dtype, part->ndim, part->shape, part->storage->device);
        if (!gin[1] || rt_copy_into(gin[1], part) < 0) goto done;
    }
    if (rt_node_wants(node, 0)) {
        if (rt_fill(part, &zero) < 0) goto done;
        gin[0] = (rt_tensor *)Py_NewRef((PyObject *)whole);
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)whole);
    Py_XDECREF((PyObject *)part);
    return status;
}

/* view = window on base; expanded dimensions of the window gather their gradients */
static int rederive_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    int status = -1, ndim;
    rt_dtype dtype;
    const intptr_t *shape;
    rt_tensor *whole = NULL, *part = NULL, *sum = NULL;
    rt_operand zero = rt_operand_int(0), in[2];
    if (refuse_graph(node->cls->name) < 0) return -1;
    PyObject *to = node->edges[0].to;
    if (Py_IS_TYPE(to, &rt_node_type)) {
        rt_node_meta((rt_node *)to, node->edges[0].nr, &dtype, &ndim, &shape);
    } else {
        ndim = ((rt_tensor *)to)->ndim;
        shape = ((rt_tensor *)to)->shape;
    }
    whole = rt_empty((rt_dtype)g[0]->dtype, ndim, shape, g[0]->storage->device);
    if (!whole || rt_fill(whole, &zero) < 0) goto done;
    part = lay(node->params, whole);
    if (!part) goto done;
    if (!rt_tensor_is_injective(part)) {
        rt_error(PyExc_NotImplementedError, node->cls->name,
                 "gradients through an overlapping view whose base was written in place are not supported");
        goto done;
    }
    in[0] = rt_operand_of(part);
    in[1] = rt_operand_of(g[0]);
    sum = part;
    if (rt_op_apply(&rt_ops[RT_OP_add], 2, in, NULL, &sum) < 0) goto done;
    gin[0] = (rt_tensor *)Py_NewRef((PyObject *)whole);
    status = 0;
done:
    Py_XDECREF((PyObject *)whole);
    Py_XDECREF((PyObject *)part);
    return status;
}

static const rt_node_class rebase_class = {"copy_slices", rebase_backward};
static const rt_node_class rederive_class = {"as_strided", rederive_backward};

int rt_window_rebase(rt_tensor *view, rt_node *n, int k)
{
    rt_tensor *base = view->base;
    rt_node *r = rt_node_new(&rebase_class, 2, 1, 0);
    int status = -1;
    if (!r) return -1;
    if (describe(view, &r->params) < 0) goto done;
    rt_node_connect(r, 0, base);
    if (n) r->edges[1] = (rt_edge){Py_NewRef((PyObject *)n), k};
    if (rt_node_own_output(r, 0, base) < 0) goto done;
    view->base_version = view->storage->version;
    status = 0;
done:
    Py_DECREF(r);
    return status;
}

int rt_window_rederive(rt_tensor *view)
{
    rt_tensor *base = view->base;
    if (!base->node) {          /* nothing recorded on the base: what the view had stays */
        view->base_version = view->storage->version;
        return 0;
    }
    rt_node *r = rt_node_new(&rederive_class, 1, 1, 0);
    int status = -1;
    if (!r) return -1;
    if (describe(view, &r->params) < 0) goto done;
    rt_node_connect(r, 0, base);
    status = rt_node_own_output(r, 0, view);
done:
    Py_DECREF(r);
    return status;
}
