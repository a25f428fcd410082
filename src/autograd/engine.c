/* engine: the walk from results to leaves.  A node is always younger than the nodes of
 * its inputs, so running nodes from the youngest to the oldest is a topological
 * order: no counting, no recursion.  Un-broadcasting and accumulation are done here,
 * once for all ops.  Floor: autograd. */
#include "autograd/engine.h"
#include "autograd/hooks.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include <stdlib.h>
#include <string.h>

typedef struct { rt_tensor *leaf, *sum; } held;        /* leaves with hooks wait for their whole gradient */
typedef struct {
    const rt_backward_call *call;
    uint64_t run;
    rt_node **nodes;                                   /* owned references, youngest first once sorted */
    size_t count, room;
    held *held;
    size_t nheld;
} walk;

enum { NEEDED = 1, CAPTURED = 2 };

static uint64_t runs;
static RT_THREAD_LOCAL uint64_t current;

uint64_t rt_backward_current(void) { return current; }

/* ---- shapes and sums ---- */

rt_tensor *rt_gradient_fit(const char *op, rt_tensor *g, rt_dtype dtype, int ndim, const intptr_t *shape)
{
    rt_tensor *r = (rt_tensor *)Py_NewRef((PyObject *)g), *t;
    if (!rt_shape_equal(g->ndim, g->shape, ndim, shape)) {
        rt_params p = {.i = {1, RT_NODTYPE}};
        int lead = g->ndim - ndim, n = 0;
        for (int i = 0; i < g->ndim; i++)
            if (i < lead || (shape[i - lead] == 1 && g->shape[i] != 1)) p.list[n++] = i;
        p.n[0] = p.nlist = (int16_t)n;
        if (n) {
            t = rt_apply1p(RT_OP_sum, r, &p);
            Py_DECREF(r);
            if (!(r = t)) return NULL;
        }
        if (lead > 0) {
            rt_params q = {.n = {(int16_t)ndim}, .nlist = (int16_t)ndim};
            memcpy(q.list, r->shape + lead, (size_t)ndim * sizeof(intptr_t));
            t = rt_apply1p(RT_OP_reshape, r, &q);
            Py_DECREF(r);
            if (!(r = t)) return NULL;
        }
        if (!rt_shape_equal(r->ndim, r->shape, ndim, shape)) {
            rt_params q = {.n = {(int16_t)ndim}, .nlist = (int16_t)ndim};
            memcpy(q.list, shape, (size_t)ndim * sizeof(intptr_t));
            t = rt_apply1p(RT_OP_expand, r, &q);
            if (!t && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
                PyErr_Clear();
                rt_error_shapes(op, "gradient and tensor have different shapes", g->ndim, g->shape, ndim, shape);
            }
            Py_DECREF(r);
            if (!(r = t)) return NULL;
        }
    }
    if ((rt_dtype)r->dtype != dtype) {
        if (rt_dtype_is_complex((rt_dtype)r->dtype) && !rt_dtype_is_complex(dtype)) {
            t = rt_apply1(RT_OP_real, r);
            Py_DECREF(r);
            if (!(r = t)) return NULL;
        }
        t = rt_cast(r, dtype);
        Py_DECREF(r);
        r = t;
    }
    return r;
}

/* Nobody else holds or sees the memory of t. */
static int is_private(const rt_tensor *t)
{
    return Py_REFCNT(t) == 1 && t->storage->refs == 1 && !t->base && !(t->flags & RT_READONLY) && !t->node;
}

/* *sum += g; steals g. */
static int add_gradient(walk *w, rt_tensor **sum, rt_tensor *g)
{
    if (!*sum) {
        *sum = g;
        return 0;
    }
    rt_tensor *out = NULL;
    rt_operand in[2] = {rt_operand_of(*sum), rt_operand_of(g)};
    if (!w->call->create_graph && is_private(*sum) && rt_tensor_is_injective(*sum)) out = *sum;
    else if (!w->call->create_graph && is_private(g) && rt_tensor_is_injective(g)) out = g;
    rt_tensor *target = out;
    if (rt_op_apply(&rt_ops[RT_OP_add], 2, in, NULL, &out) < 0) {
        Py_DECREF(g);
        return -1;
    }
    if (target == *sum) {
        Py_DECREF(g);
    } else {
        Py_DECREF(*sum);
        if (target != g) Py_DECREF(g);
        *sum = out;
    }
    return 0;
}

/* leaf.grad += g; steals g.  While it is added up the sum is out of the leaf and this thread's alone: one that
 * delivers meanwhile begins a sum of its own, which is added next. */
static int accumulate(const walk *w, rt_tensor *leaf, rt_tensor *g)
{
    const int recorded = w->call->create_graph;
    if (!leaf->grad && !recorded && (!is_private(g) || !rt_tensor_is_contiguous(g))) {
        rt_tensor *own = rt_empty_like(leaf, (rt_dtype)leaf->dtype);
        int status = own ? rt_copy_into(own, g) : -1;
        Py_DECREF(g);
        if (status < 0) {
            Py_XDECREF((PyObject *)own);
            return -1;
        }
        g = own;
    }
    while (leaf->grad) {
        rt_tensor *const sum = leaf->grad, *out = recorded ? NULL : sum;
        rt_operand in[2] = {rt_operand_of(sum), rt_operand_of(g)};
        leaf->grad = NULL;
        const int status = rt_op_apply(&rt_ops[RT_OP_add], 2, in, NULL, &out);
        Py_DECREF(g);
        if (status < 0) {
            Py_XSETREF(leaf->grad, sum);
            return -1;
        }
        if (out != sum) Py_DECREF(sum);
        g = out;
    }
    leaf->grad = g;
    if (!PyObject_GC_IsTracked((PyObject *)leaf)) PyObject_GC_Track((PyObject *)leaf);
    return 0;
}

int rt_backward_accumulate(rt_tensor *leaf, rt_tensor *g)
{
    const rt_backward_call call = {0};
    const walk w = {.call = &call};
    const int mode = rt_grad_enabled;
    rt_grad_enabled = 0;
    const int status = accumulate(&w, leaf, g);
    rt_grad_enabled = mode;
    return status;
}

/* ---- delivery ---- */

static int capture(walk *w, rt_tensor *leaf, rt_tensor *g)
{
    for (int i = 0; i < w->call->ninputs; i++) {
        if (w->call->inputs[i] != leaf) continue;
        if (!w->call->captured) return accumulate(w, leaf, g);
        Py_INCREF(g);
        if (add_gradient(w, &w->call->captured[i], g) < 0) {
            Py_DECREF(g);
            return -1;
        }
    }
    Py_DECREF(g);
    return 0;
}

static int hand_to_leaf(walk *w, rt_tensor *leaf, rt_tensor *g)
{
    return w->call->ninputs ? capture(w, leaf, g) : accumulate(w, leaf, g);
}

/* Steals g. */
static int deliver_leaf(walk *w, rt_tensor *leaf, rt_tensor *g)
{
    if (!leaf->hooks) return hand_to_leaf(w, leaf, g);
    for (size_t k = 0; k < w->nheld; k++)
        if (w->held[k].leaf == leaf) return add_gradient(w, &w->held[k].sum, g);
    held *grown = PyMem_Realloc(w->held, (w->nheld + 1) * sizeof *grown);
    if (!grown) {
        PyErr_NoMemory();
        Py_DECREF(g);
        return -1;
    }
    w->held = grown;
    w->held[w->nheld++] = (held){(rt_tensor *)Py_NewRef((PyObject *)leaf), g};
    return 0;
}

static rt_tensor **pending_of(rt_node *n)
{
    if (!n->pending) {
        n->pending = PyMem_Calloc((size_t)n->nout, sizeof *n->pending);
        if (!n->pending) PyErr_NoMemory();
    }
    return n->pending;
}

/* Gives gradient g (stolen) to edge e of `from`. */
static int deliver(walk *w, const char *from, const rt_edge *e, rt_tensor *g)
{
    rt_dtype dtype;
    int ndim;
    const intptr_t *shape;
    int is_node = Py_IS_TYPE(e->to, &rt_node_type);
    if (is_node) {
        if (!(((rt_node *)e->to)->needed & NEEDED)) {
            Py_DECREF(g);
            return 0;
        }
        rt_node_meta((rt_node *)e->to, e->nr, &dtype, &ndim, &shape);
    } else {
        rt_tensor *t = (rt_tensor *)e->to;
        dtype = (rt_dtype)t->dtype;
        ndim = t->ndim;
        shape = t->shape;
    }
    if ((rt_dtype)g->dtype != dtype || !rt_shape_equal(g->ndim, g->shape, ndim, shape)) {
        rt_tensor *fit = rt_gradient_fit(from, g, dtype, ndim, shape);
        Py_DECREF(g);
        if (!(g = fit)) return -1;
    }
    if (!is_node) return deliver_leaf(w, (rt_tensor *)e->to, g);
    rt_tensor **pending = pending_of((rt_node *)e->to);
    if (!pending) {
        Py_DECREF(g);
        return -1;
    }
    return add_gradient(w, &pending[e->nr], g);
}

/* ---- discovery ---- */

static int discover(walk *w, rt_node *n)
{
    if (n->run == w->run) return 0;
    if (n->run) return rt_error(PyExc_RuntimeError, n->cls->name, "a backward pass inside a backward pass reached the"
                                " same part of the graph");
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        rt_node **grown = PyMem_Realloc(w->nodes, room * sizeof *grown);
        if (!grown) {
            PyErr_NoMemory();
            return -1;
        }
        w->nodes = grown;
        w->room = room;
    }
    n->run = w->run;
    n->needed = w->call->ninputs ? 0 : NEEDED;
    w->nodes[w->count++] = (rt_node *)Py_NewRef((PyObject *)n);
    return 0;
}

static int younger_first(const void *a, const void *b)
{
    uint64_t x = (*(rt_node *const *)a)->sequence, y = (*(rt_node *const *)b)->sequence;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Does this walk ask for anything behind the edge? */
static int is_asked(const walk *w, const rt_edge *e)
{
    if (!e->to) return 0;
    if (Py_IS_TYPE(e->to, &rt_node_type)) return ((rt_node *)e->to)->needed & NEEDED;
    int asked = !w->call->ninputs;
    for (int j = 0; j < w->call->ninputs && !asked; j++) asked = (PyObject *)w->call->inputs[j] == e->to;
    return asked;
}

/* From the oldest up: a node is needed when an input is, or when an input of it is needed. */
static void mark_needed(walk *w)
{
    const rt_backward_call *c = w->call;
    for (int i = 0; i < c->ninputs; i++)
        if (c->inputs[i]->node && c->inputs[i]->node->run == w->run) c->inputs[i]->node->needed |= NEEDED | CAPTURED;
    for (size_t k = w->count; k-- > 0;) {
        rt_node *n = w->nodes[k];
        for (int i = 0; i < n->nin && !(n->needed & NEEDED); i++)
            if (is_asked(w, &n->edges[i])) n->needed |= NEEDED;
    }
}

/* A walk that asks for a stand-in's gradient ends there: behind it lies the graph of the pass around it. */
static int is_end(const walk *w, const rt_node *n)
{
    if (n->op != &rt_ops[RT_OP_stand_in]) return 0;
    for (int i = 0; i < w->call->ninputs; i++) if (w->call->inputs[i]->node == n) return 1;
    return 0;
}

static int discover_all(walk *w)
{
    for (size_t k = 0; k < w->count; k++)             /* breadth first: the list is its own queue */
        for (int i = 0; i < w->nodes[k]->nin && !is_end(w, w->nodes[k]); i++) {
            PyObject *to = w->nodes[k]->edges[i].to;
            if (to && Py_IS_TYPE(to, &rt_node_type) && discover(w, (rt_node *)to) < 0) return -1;
        }
    for (size_t k = 1; k < w->count; k++)
        if (w->nodes[k]->sequence > w->nodes[k - 1]->sequence) {
            qsort(w->nodes, w->count, sizeof *w->nodes, younger_first);
            break;
        }
    if (w->call->ninputs) mark_needed(w);
    return 0;
}

/* ---- running ---- */

static int capture_outputs(walk *w, rt_node *n)
{
    const rt_backward_call *c = w->call;
    for (int i = 0; i < c->ninputs; i++) {
        if (c->inputs[i]->node != n) continue;
        rt_tensor *g = n->pending[c->inputs[i]->output_nr];
        if (!g) continue;
        if (c->captured) {
            Py_INCREF(g);
            if (add_gradient(w, &c->captured[i], g) < 0) return -1;
        } else {
            Py_INCREF(g);
            if (accumulate(w, c->inputs[i], g) < 0) return -1;
        }
    }
    return 0;
}

static int call_backward(rt_node *n, rt_tensor **gin)
{
    if (!rt_observers || rt_event_is_told()) return n->cls->backward(n, n->pending, gin);
    rt_event e = {.kind = RT_EVENT_NODE, .name = n->cls->name, .node = n, .grads = n->pending, .out = gin, .nout = n->nin};
    return rt_event_begin(&e) < 0 ? -1 : rt_event_end(&e, n->cls->backward(n, n->pending, gin));
}

static int run_class(walk *w, rt_node *n)
{
    rt_tensor *local[8] = {NULL};
    rt_tensor **gin = n->nin <= 8 ? local : PyMem_Calloc((size_t)n->nin, sizeof *gin);
    int status = -1;
    if (!gin) {
        PyErr_NoMemory();
        return -1;
    }
    if (w->call->ninputs)
        for (int i = 0; i < n->nin; i++) n->edges[i].skip = !is_asked(w, &n->edges[i]);
    int failed = call_backward(n, gin) < 0;
    if (w->call->ninputs)
        for (int i = 0; i < n->nin; i++) n->edges[i].skip = 0;
    if (failed) goto done;
    if ((rt_anomaly_enabled & 2) && rt_hooks_check_nan(n, gin) < 0) goto done;
    if (n->hooks && rt_hooks_run_node(n, gin) < 0) goto done;
    for (int i = 0; i < n->nin; i++) {
        rt_tensor *g = gin[i];
        gin[i] = NULL;
        if (!g) continue;
        if (!n->edges[i].to) {
            Py_DECREF(g);
            continue;
        }
        if (deliver(w, n->cls->name, &n->edges[i], g) < 0) goto done;
    }
    status = 0;
done:
    for (int i = 0; i < n->nin; i++) Py_XDECREF((PyObject *)gin[i]);
    if (gin != local) PyMem_Free(gin);
    return status;
}

static void drop_pending(rt_node *n)
{
    if (!n->pending) return;
    for (int k = 0; k < n->nout; k++) Py_XDECREF((PyObject *)n->pending[k]);
    PyMem_Free(n->pending);
    n->pending = NULL;
}

static int has_pending(const rt_node *n)
{
    for (int k = 0; n->pending && k < n->nout; k++)
        if (n->pending[k]) return 1;
    return 0;
}

static int run_node(walk *w, rt_node *n)
{
    if (!has_pending(n)) return 0;
    if (n->pre_hooks && rt_hooks_run_outputs(n) < 0) return -1;
    if ((n->needed & CAPTURED) && capture_outputs(w, n) < 0) return -1;
    int worth = !w->call->ninputs;
    for (int i = 0; i < n->nin && !worth && !is_end(w, n); i++) worth = is_asked(w, &n->edges[i]);
    if (worth && run_class(w, n) < 0) {
        rt_hooks_explain(n);
        return -1;
    }
    drop_pending(n);
    if (!w->call->retain_graph && worth) rt_node_release_saved(n);
    return 0;
}

static int finish_leaves(walk *w)
{
    for (size_t k = 0; k < w->nheld; k++) {
        rt_tensor *g = w->held[k].sum;
        w->held[k].sum = NULL;
        if (rt_hooks_run(w->held[k].leaf->hooks, &g) < 0) {
            Py_XDECREF((PyObject *)g);
            return -1;
        }
        if (hand_to_leaf(w, w->held[k].leaf, g) < 0) return -1;
        if (rt_hooks_run_accumulated(w->held[k].leaf) < 0) return -1;
    }
    return 0;
}

static rt_tensor *ones_like(const rt_tensor *t)
{
    rt_tensor *g = rt_empty((rt_dtype)t->dtype, t->ndim, t->shape, t->storage->device);
    rt_operand one = rt_operand_int(1);
    if (g && rt_fill(g, &one) < 0) Py_CLEAR(g);
    return g;
}

static int seed(walk *w, int k)
{
    rt_tensor *t = w->call->outputs[k], *g = w->call->grads ? w->call->grads[k] : NULL;
    if (!rt_tensor_requires_grad(t))
        return rt_error(PyExc_RuntimeError, "backward", "output %d does not require grad, nor does anything it was"
                        " computed from", k);
    if (!g && t->size != 1) {
        char text[RT_SHAPE_TEXT];
        return rt_error(PyExc_RuntimeError, "backward", "grad can be implicitly created only for scalar outputs, not for"
                        " shape %s; pass a gradient", rt_shape_text(t->ndim, t->shape, text));
    }
    if (g && !rt_shape_equal(g->ndim, g->shape, t->ndim, t->shape))
        return rt_error_shapes("backward", "gradient and output have different shapes", g->ndim, g->shape, t->ndim, t->shape);
    if (t->node && discover(w, t->node) < 0) return -1;
    return 0;
}

static int plant(walk *w, int k)
{
    rt_tensor *t = w->call->outputs[k], *g = w->call->grads ? w->call->grads[k] : NULL;
    rt_edge e = {t->node ? (PyObject *)t->node : (PyObject *)t, t->output_nr};
    g = g ? (rt_tensor *)Py_NewRef((PyObject *)g) : ones_like(t);
    return g ? deliver(w, "backward", &e, g) : -1;
}

static int run_pass(const rt_backward_call *call)
{
    walk w = {.call = call, .run = ++runs};
    int status = -1, mode = rt_grad_enabled;
    uint64_t outer = current;
    current = w.run;
    for (int k = 0; k < call->n; k++)
        if (seed(&w, k) < 0) goto done;
    if (discover_all(&w) < 0) goto done;
    rt_grad_enabled = call->create_graph;
    for (int k = 0; k < call->n; k++)
        if (plant(&w, k) < 0) goto done;
    for (size_t k = 0; k < w.count; k++) {
        if ((k & 63) == 63 && PyErr_CheckSignals() < 0) goto done;
        if (run_node(&w, w.nodes[k]) < 0) goto done;
    }
    status = finish_leaves(&w);
done:
    current = outer;
    rt_grad_enabled = mode;
    for (size_t k = 0; k < w.count; k++) {
        w.nodes[k]->run = 0;
        drop_pending(w.nodes[k]);
    }
    for (size_t k = w.count; k-- > 0;) Py_DECREF(w.nodes[k]);
    for (size_t k = 0; k < w.nheld; k++) {
        Py_DECREF(w.held[k].leaf);
        Py_XDECREF((PyObject *)w.held[k].sum);
    }
    PyMem_Free(w.nodes);
    PyMem_Free(w.held);
    return status;
}

int rt_backward(const rt_backward_call *call)
{
    if (!rt_observers || rt_event_is_told()) return run_pass(call);
    rt_event e = {.kind = RT_EVENT_BACKWARD, .name = "backward", .pass = call};
    return rt_event_begin(&e) < 0 ? -1 : rt_event_end(&e, run_pass(call));
}
