/* node: making, linking and dropping recorded computations.  Nodes come from a free
 * list; a chain of them is dropped without recursion.  Until Python's cyclic collector
 * searches everything they stand in a list of their own, unknown to it.  Floor: core. */
#include "core/node.h"
#include "core/error.h"
#include "core/shape.h"
#include <string.h>

RT_THREAD_LOCAL int rt_grad_enabled = 1, rt_inference_enabled = 0;
RT_THREAD_LOCAL PyObject *rt_saved_hooks;
int rt_anomaly_enabled = 0;
PyObject *rt_anomaly_tracer;

#define FREE_MAX 256
static rt_node *free_list, *dying, *hidden;
static int free_count, draining;
static uint64_t sequence;

static void free_pending(rt_node *n)
{
    if (!n->pending) return;
    for (int k = 0; k < n->nout; k++) Py_XDECREF((PyObject *)n->pending[k]);
    PyMem_Free(n->pending);
    n->pending = NULL;
}

void rt_node_release_saved(rt_node *n)
{
    for (int k = 0; k < n->nsaved; k++) {
        if (n->saved[k].used) Py_CLEAR(n->saved[k].value.t);
        Py_CLEAR(n->saved[k].packed);
        n->saved[k].used = 0;
    }
    n->released = 1;
    if (n->cls->release) n->cls->release(n);
}

static int node_clear(PyObject *self)
{
    rt_node *n = (rt_node *)self;
    for (int i = 0; i < n->nin; i++) Py_CLEAR(n->edges[i].to);
    for (int k = 0; k < n->nsaved; k++) {
        Py_CLEAR(n->saved[k].value.t);
        Py_CLEAR(n->saved[k].packed);
    }
    Py_CLEAR(n->context);
    Py_CLEAR(n->hooks);
    Py_CLEAR(n->pre_hooks);
    Py_CLEAR(n->trace);
    free_pending(n);
    return 0;
}

static int node_traverse(PyObject *self, visitproc visit, void *arg)
{
    rt_node *n = (rt_node *)self;
    for (int i = 0; i < n->nin; i++) Py_VISIT(n->edges[i].to);
    for (int k = 0; k < n->nsaved; k++) {
        Py_VISIT(n->saved[k].value.t);
        Py_VISIT(n->saved[k].packed);
    }
    Py_VISIT(n->context);
    Py_VISIT(n->hooks);
    Py_VISIT(n->pre_hooks);
    return 0;
}

static void hide(rt_node *n)
{
    n->next = hidden;
    n->link = &hidden;
    if (hidden) hidden->link = &n->next;
    hidden = n;
}

static void unhide(rt_node *n)
{
    *n->link = n->next;
    if (n->next) n->next->link = n->link;
    n->link = NULL;
}

void rt_node_reveal(void)
{
    while (hidden) {
        rt_node *n = hidden;
        unhide(n);
        PyObject_GC_Track((PyObject *)n);
    }
}

static void node_free(rt_node *n)
{
    node_clear((PyObject *)n);
    if (n->edges != n->inline_edges) PyMem_Free(n->edges);
    PyMem_Free(n->saved);
    PyMem_Free(n->params);
    if (n->meta != n->inline_meta) PyMem_Free(n->meta);
    if (free_count < FREE_MAX) {
        n->next = free_list;
        free_list = n;
        free_count++;
    } else {
        PyObject_GC_Del(n);
    }
}

/* Dropping a node drops the nodes before it: they queue here instead of recursing. */
static void node_dealloc(PyObject *self)
{
    rt_node *n = (rt_node *)self;
    if (n->link) unhide(n);
    else PyObject_GC_UnTrack(self);
    n->next = dying;
    dying = n;
    if (draining) return;
    draining = 1;
    while (dying) {
        n = dying;
        dying = n->next;
        node_free(n);
    }
    draining = 0;
}

PyTypeObject rt_node_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.autograd.Node",
    .tp_basicsize = sizeof(rt_node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = node_dealloc,
    .tp_traverse = node_traverse,
    .tp_clear = node_clear,
    .tp_free = PyObject_GC_Del,
};

static int alloc_arrays(rt_node *n, int nin, int nsaved)
{
    if (nin > RT_NODE_INLINE) {
        n->edges = PyMem_Malloc((size_t)nin * sizeof(rt_edge));
        if (!n->edges) return -1;
    }
    for (int i = 0; i < nin; i++) n->edges[i] = (rt_edge){NULL, 0, 0};
    n->nin = (int32_t)nin;
    if (nsaved) {
        n->saved = PyMem_Calloc((size_t)nsaved, sizeof(rt_saved));
        if (!n->saved) return -1;
    }
    n->nsaved = (int32_t)nsaved;
    return 0;
}

rt_node *rt_node_new(const rt_node_class *cls, int nin, int nout, int nsaved)
{
    rt_node *n = free_list;
    if (n) {
        free_list = n->next;
        free_count--;
        PyObject_Init((PyObject *)n, &rt_node_type);
    } else {
        n = PyObject_GC_New(rt_node, &rt_node_type);
        if (!n) return NULL;
    }
    memset((char *)n + sizeof(PyObject), 0, offsetof(rt_node, inline_edges) - sizeof(PyObject));
    n->cls = cls;
    n->sequence = ++sequence;
    n->nout = (int16_t)nout;
    n->edges = n->inline_edges;
    n->meta = n->inline_meta;
    hide(n);
    if (alloc_arrays(n, nin, nsaved) < 0) {
        PyErr_NoMemory();
        Py_DECREF(n);
        return NULL;
    }
    if (rt_anomaly_enabled && rt_anomaly_tracer && !(n->trace = PyObject_CallNoArgs(rt_anomaly_tracer))) Py_CLEAR(n);
    return n;
}

void rt_node_connect(rt_node *n, int i, rt_tensor *t)
{
    if (t->node) n->edges[i] = (rt_edge){Py_NewRef((PyObject *)t->node), t->output_nr, 0};
    else if (t->flags & RT_REQUIRES_GRAD) n->edges[i] = (rt_edge){Py_NewRef((PyObject *)t), 0, 0};
}

/* Calls fn without recording and without the hooks themselves; new reference. */
static PyObject *call_hook(PyObject *fn, PyObject *arg)
{
    int mode = rt_grad_enabled;
    PyObject *hooks = rt_saved_hooks;
    rt_grad_enabled = 0;
    rt_saved_hooks = NULL;
    PyObject *r = PyObject_CallOneArg(fn, arg);
    rt_saved_hooks = hooks;
    rt_grad_enabled = mode;
    return r;
}

static int pack(rt_saved *s, const rt_operand *value)
{
    rt_tensor *t = value->t, *plain = rt_tensor_detach(t);
    PyObject *hooks = Py_NewRef(rt_saved_hooks);
    PyObject *kept = plain ? call_hook(PyTuple_GET_ITEM(hooks, 0), (PyObject *)plain) : NULL;
    PyObject *origin = s->is_output ? Py_None        /* the node itself: no circle */
                     : t->node ? (PyObject *)t->node : t->flags & RT_REQUIRES_GRAD ? (PyObject *)t : Py_None;
    if (kept) s->packed = Py_BuildValue("(OOOi)", PyTuple_GET_ITEM(hooks, 1), kept, origin, (int)t->output_nr);
    Py_XDECREF((PyObject *)plain);
    Py_XDECREF(kept);
    Py_DECREF(hooks);
    s->value = (rt_operand){.none = 1};
    s->used = 1;
    return s->packed ? 0 : -1;
}

static int unpack(rt_node *n, const rt_saved *s, rt_operand *out)
{
    PyObject *origin = PyTuple_GET_ITEM(s->packed, 2);
    PyObject *r = call_hook(PyTuple_GET_ITEM(s->packed, 0), PyTuple_GET_ITEM(s->packed, 1));
    if (!r) return -1;
    if (!rt_tensor_check(r)) {
        rt_error(PyExc_TypeError, n->cls->name, "the unpack hook of a saved tensor must return a Tensor, not %s",
                 Py_TYPE(r)->tp_name);
        Py_DECREF(r);
        return -1;
    }
    *out = (rt_operand){.t = (rt_tensor *)r};
    if (!rt_grad_enabled || (origin == Py_None && !s->is_output)) return 0;
    if (origin != Py_None && !Py_IS_TYPE(origin, &rt_node_type)) {          /* a leaf stands for itself */
        Py_SETREF(out->t, (rt_tensor *)Py_NewRef(origin));
        return 0;
    }
    Py_SETREF(out->t, rt_tensor_detach((rt_tensor *)r));
    if (!out->t) return -1;
    out->t->node = (rt_node *)Py_NewRef(s->is_output ? (PyObject *)n : origin);
    out->t->output_nr = (uint16_t)PyLong_AsLong(PyTuple_GET_ITEM(s->packed, 3));
    PyObject_GC_Track((PyObject *)out->t);
    return 0;
}

int rt_node_save(rt_node *n, int k, const rt_operand *value, int is_output)
{
    rt_saved *s = &n->saved[k];
    s->value = *value;
    s->is_output = (uint8_t)is_output;
    if (value->t && rt_saved_hooks) return pack(s, value);
    if (value->t) {
        if (is_output) {
            s->value.t = rt_tensor_detach(value->t);
            if (!s->value.t) return -1;
            s->value.t->output_nr = value->t->output_nr;
        } else {
            Py_INCREF(value->t);
        }
        s->version = value->t->storage->version;
        s->reshaped = s->value.t->reshaped;
    }
    s->used = 1;
    return 0;
}

int rt_node_unpack(rt_node *n, int k, rt_operand *out)
{
    out->t = NULL;                     /* on failure there is nothing to give back */
    if (n->released)
        return rt_error(PyExc_RuntimeError, n->cls->name,
                        "the graph was already freed by an earlier backward pass; pass retain_graph=True to that"
                        " pass if you need the graph twice");
    rt_saved *s = &n->saved[k];
    if (s->packed) return unpack(n, s, out);
    if (!s->value.t) {
        *out = s->value;
        return 0;
    }
    rt_storage *store = s->value.t->storage;
    char text[RT_SHAPE_TEXT];
    if (s->value.t->reshaped != s->reshaped)
        return rt_error(PyExc_RuntimeError, n->cls->name,
                        "a tensor that '%s' saved for its backward pass was overwritten in place: it has been given another"
                        " shape, dtype or order since, now %s of %s; clone it before changing it", n->cls->name,
                        rt_shape_text(s->value.t->ndim, s->value.t->shape, text), rt_dtypes[s->value.t->dtype].name);
    if (store->version != s->version) {
        return rt_error(PyExc_RuntimeError, n->cls->name,
                        "a tensor of shape %s that '%s' saved for its backward pass was overwritten in place by '%s'"
                        " (version %u, saved at %u); clone it before writing",
                        rt_shape_text(s->value.t->ndim, s->value.t->shape, text), n->cls->name,
                        store->writer ? store->writer : "an in-place write", store->version, s->version);
    }
    if (s->is_output && rt_grad_enabled) {
        out->t = rt_tensor_detach(s->value.t);
        if (!out->t) return -1;
        out->t->node = (rt_node *)Py_NewRef((PyObject *)n);
        out->t->output_nr = s->value.t->output_nr;
        PyObject_GC_Track((PyObject *)out->t);
        return 0;
    }
    *out = s->value;
    Py_INCREF(out->t);
    return 0;
}

int rt_node_note_output(rt_node *n, int nr, rt_dtype dtype, int ndim, const intptr_t *shape)
{
    /* meta: per output dtype, ndim, shape..., one behind the other */
    int at = 0, have = 0;
    for (int k = 0; k < nr; k++) at += 2 + (int)n->meta[at + 1];
    have = at + 2 + ndim;
    int room = n->nout == 1 ? 8 : 0;
    if (have > room) {
        intptr_t *grown = PyMem_Realloc(n->meta == n->inline_meta ? NULL : n->meta, (size_t)have * sizeof *grown);
        if (!grown) {
            PyErr_NoMemory();
            return -1;
        }
        n->meta = grown;
    }
    n->meta[at] = dtype;
    n->meta[at + 1] = ndim;
    for (int i = 0; i < ndim; i++) n->meta[at + 2 + i] = shape[i];
    return 0;
}

int rt_node_own_output(rt_node *n, int nr, rt_tensor *t)
{
    if (rt_node_note_output(n, nr, (rt_dtype)t->dtype, t->ndim, t->shape) < 0) return -1;
    rt_node *old = t->node;
    t->node = (rt_node *)Py_NewRef((PyObject *)n);
    t->output_nr = (uint16_t)nr;
    if (t->base) t->base_version = t->storage->version;
    Py_XDECREF((PyObject *)old);
    if (!PyObject_GC_IsTracked((PyObject *)t)) PyObject_GC_Track((PyObject *)t);
    return 0;
}

void rt_node_meta(const rt_node *n, int nr, rt_dtype *dtype, int *ndim, const intptr_t **shape)
{
    int at = 0;
    for (int k = 0; k < nr; k++) at += 2 + (int)n->meta[at + 1];
    *dtype = (rt_dtype)n->meta[at];
    *ndim = (int)n->meta[at + 1];
    *shape = n->meta + at + 2;
}
