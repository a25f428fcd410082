/* window: the two nodes that keep views and bases consistent under in-place writes.
 * A view is described by shape, byte steps and offset relative to the lowest byte of its base;
 * gradients are laid out in memory as the base is, so that the same window lies on them.
 * Floor: ufunc. */
#include "ufunc/window.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/views.h"
#include <string.h>

/* params of both nodes: list 0 the view's shape, 1 its steps, 2 the base's steps; i[0] offset of the
 * view, i[1] of the base, i[2] span of the base, all in bytes from the base's lowest; i[3] itemsize */
static int describe(const rt_tensor *view, rt_params **out)
{
    const rt_tensor *base = view->base;
    char *low, *high;
    if (view->dtype != base->dtype || !rt_tensor_is_injective(base))
        return rt_error(PyExc_RuntimeError, view->storage->writer ? view->storage->writer : "in-place write",
                        "in-place writes through views inside a graph need a base of the same dtype whose elements"
                        " have places of their own; clone the tensor before taking views of it");
    size_t count = 2 * (size_t)view->ndim + base->ndim;
    rt_params *p = PyMem_Calloc(1, offsetof(rt_params, list) + (count + 1) * sizeof(intptr_t));
    if (!p) {
        PyErr_NoMemory();
        return -1;
    }
    rt_tensor_bounds(base, &low, &high);
    p->n[0] = p->n[1] = view->ndim;
    p->n[2] = base->ndim;
    p->nlist = (int16_t)count;
    memcpy(p->list, view->shape, view->ndim * sizeof(intptr_t));
    memcpy(p->list + view->ndim, view->steps, view->ndim * sizeof(intptr_t));
    memcpy(p->list + 2 * view->ndim, base->steps, base->ndim * sizeof(intptr_t));
    p->i[0] = view->data - low;
    p->i[1] = base->data - low;
    p->i[2] = high - low;
    p->i[3] = (intptr_t)rt_tensor_itemsize(base);
    *out = p;
    return 0;
}

/* Steps of the base's dtype in units of t's: gradients may have another itemsize. */
static void scale_steps(const rt_params *p, const intptr_t *steps, int n, intptr_t item, intptr_t *out)
{
    for (int i = 0; i < n; i++) out[i] = steps[i] / p->i[3] * item;
}

/* New uninitialised tensor of the base's shape in the base's layout. */
static rt_tensor *like_base(const rt_params *p, rt_dtype dtype, const intptr_t *shape, rt_device device)
{
    intptr_t steps[RT_MAX_NDIM], item = (intptr_t)rt_itemsize(dtype), span[1] = {p->i[2] / p->i[3]};
    rt_tensor *flat = rt_empty(dtype, 1, span, device), *t = NULL;
    if (!flat) return NULL;
    scale_steps(p, rt_params_list(p, 2), p->n[2], item, steps);
    t = rt_tensor_alias(flat, flat->data + p->i[1] / p->i[3] * item, dtype, p->n[2], shape, steps);
    Py_DECREF(flat);
    return t;
}

/* The window of params p on t, which like_base made. */
static rt_tensor *lay(const rt_params *p, const rt_tensor *t)
{
    intptr_t steps[RT_MAX_NDIM], item = (intptr_t)rt_tensor_itemsize(t);
    scale_steps(p, rt_params_list(p, 1), p->n[0], item, steps);
    return rt_tensor_alias(t, t->data + (p->i[0] - p->i[1]) / p->i[3] * item, (rt_dtype)t->dtype, p->n[0], p->list, steps);
}

/* Where a graph of the gradient is wanted, the window becomes indices: flat positions of its elements in the
 * base (new int64 tensor of the view's shape), or a mask over the base (new bool tensor of the base's shape). */
static rt_tensor *window_positions(const rt_params *p, int ndim, const intptr_t *shape, rt_device device)
{
    rt_tensor *whole = like_base(p, RT_i64, shape, device), *counted = NULL, *part = NULL, *index = NULL;
    if (!whole) return NULL;
    rt_operand none = rt_operand_int(INT64_MIN);              /* gaps of the base: no position */
    rt_tensor *all = rt_tensor_alias(whole, whole->storage->data, RT_i64, 1, &(intptr_t){p->i[2] / p->i[3]}, NULL);
    counted = rt_empty(RT_i64, ndim, shape, device);
    if (!all || !counted || rt_fill(all, &none) < 0) goto done;
    for (intptr_t i = 0; i < counted->size; i++) ((int64_t *)counted->data)[i] = i;
    if (rt_copy_into(whole, counted) < 0 || !(part = lay(p, whole))) goto done;
    index = rt_copy_of(part);
done:
    Py_XDECREF((PyObject *)all);
    Py_XDECREF((PyObject *)counted);
    Py_XDECREF((PyObject *)part);
    Py_DECREF(whole);
    return index;
}

static rt_tensor *window_mask(const rt_params *p, const intptr_t *shape, rt_device device)
{
    rt_tensor *whole = like_base(p, RT_b1, shape, device), *part = NULL;
    rt_operand no = rt_operand_int(0), yes = rt_operand_int(1);
    if (whole && rt_fill(whole, &no) == 0 && (part = lay(p, whole)) && rt_fill(part, &yes) == 0) {
        Py_DECREF(part);
        return whole;
    }
    Py_XDECREF((PyObject *)part);
    Py_XDECREF((PyObject *)whole);
    return NULL;
}

/* rebase_backward, recorded */
static int rebase_graph(rt_node *node, rt_tensor *g, rt_tensor **gin)
{
    rt_tensor *index = NULL, *mask = NULL;
    int status = -1;
    if (rt_node_wants(node, 1)) {
        index = window_positions(node->params, g->ndim, g->shape, g->storage->device);
        if (!index || !(gin[1] = rt_apply2(RT_OP_take, g, index))) goto done;
    }
    if (rt_node_wants(node, 0)) {
        if (!(mask = window_mask(node->params, g->shape, g->storage->device))) goto done;
        rt_operand in[3] = {rt_operand_of(g), rt_operand_of(mask), rt_operand_int(0)};
        if (rt_op_apply(&rt_ops[RT_OP_masked_fill], 3, in, NULL, gin) < 0) goto done;
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)index);
    Py_XDECREF((PyObject *)mask);
    return status;
}

/* rederive_backward by indices: recorded, and right for windows whose elements overlap */
static int rederive_graph(rt_node *node, int ndim, const intptr_t *shape, rt_tensor *g, rt_tensor **gin)
{
    rt_tensor *index = window_positions(node->params, ndim, shape, g->storage->device), *zeros = NULL;
    rt_params p;
    int status = -1;
    zeros = rt_zeros((rt_dtype)g->dtype, ndim, shape, g->storage->device);
    if (index && zeros) {
        intptr_t dims[RT_MAX_NDIM];
        for (int i = 0; i < ndim; i++) dims[i] = i;
        rt_operand in[3] = {rt_operand_of(zeros), rt_operand_of(index), rt_operand_of(g)};
        rt_params_begin(&p);
        rt_params_push(&p, 0, ndim, dims);
        p.i[0] = 0;
        p.i[1] = 1;
        status = rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &p, gin);
    }
    Py_XDECREF((PyObject *)index);
    Py_XDECREF((PyObject *)zeros);
    return status;
}

/* base = (old base) with the window replaced by the output of another node */
static int rebase_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    int status = -1;
    rt_tensor *whole = NULL, *part = NULL;
    rt_operand zero = rt_operand_int(0);
    if (rt_grad_enabled) return rebase_graph(node, g[0], gin);
    whole = like_base(node->params, (rt_dtype)g[0]->dtype, g[0]->shape, g[0]->storage->device);
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
    PyObject *to = node->edges[0].to;
    if (Py_IS_TYPE(to, &rt_node_type)) {
        rt_node_meta((rt_node *)to, node->edges[0].nr, &dtype, &ndim, &shape);
    } else {
        ndim = ((rt_tensor *)to)->ndim;
        shape = ((rt_tensor *)to)->shape;
    }
    if (rt_grad_enabled) return rederive_graph(node, ndim, shape, g[0], gin);
    whole = like_base(node->params, (rt_dtype)g[0]->dtype, shape, g[0]->storage->device);
    if (!whole || rt_fill(whole, &zero) < 0) goto done;
    part = lay(node->params, whole);
    if (!part) goto done;
    if (!rt_tensor_is_injective(part)) {
        status = rederive_graph(node, ndim, shape, g[0], gin);
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
    if (n) r->edges[1] = (rt_edge){Py_NewRef((PyObject *)n), k, 0};
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
