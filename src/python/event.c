/* event: what an observer written in Python is shown of an event: a named tuple with the op's operands and its
 * other arguments under the names of the row's signature.  Floor: python. */
#include "python/convert.h"
#include "python/observer.h"
#include "ufunc/signature.h"
#include <string.h>

static PyTypeObject event_type;
static rt_signature **signatures;             /* owned, per row, made when first asked for */
static int nsignatures;

static const rt_signature *signature_of(const rt_op *op)
{
    if (op->index >= nsignatures) {           /* at first, and for rows that plugins added since */
        const int count = rt_ops_count();
        rt_signature **grown = PyMem_Realloc(signatures, (size_t)count * sizeof *grown);
        if (!grown) goto no_memory;
        memset(grown + nsignatures, 0, (size_t)(count - nsignatures) * sizeof *grown);
        signatures = grown;
        nsignatures = count;
    }
    rt_signature **at = &signatures[op->index];
    if (*at) return *at;
    rt_signature *s = PyMem_Malloc(sizeof *s);
    if (!s) goto no_memory;
    if (rt_signature_parse(op->signature, s) < 0) {
        PyMem_Free(s);
        return NULL;
    }
    return *at = s;
no_memory:
    PyErr_NoMemory();
    return NULL;
}

static PyObject *operand_object(const rt_operand *o)
{
    if (o->t) return Py_NewRef((PyObject *)o->t);
    if (o->none) Py_RETURN_NONE;
    switch (o->kind) {
    case RT_KIND_BOOL: return PyBool_FromLong(o->v.i != 0);
    case RT_KIND_FLOAT: return PyFloat_FromDouble(o->v.f);
    case RT_KIND_COMPLEX: return PyComplex_FromDoubles(o->v.c[0], o->v.c[1]);
    default: return o->is_unsigned ? PyLong_FromUnsignedLongLong((uint64_t)o->v.i) : PyLong_FromLongLong(o->v.i);
    }
}

static PyObject *operand_tuple(int n, const rt_operand *in)
{
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++) {
        PyObject *o = operand_object(&in[i]);
        if (o) PyTuple_SET_ITEM(t, i, o);
        else Py_CLEAR(t);
    }
    return t;
}

static PyObject *tensor_tuple(int n, rt_tensor *const *tensors)
{
    PyObject *t = PyTuple_New(tensors ? n : 0);
    for (int i = 0; t && i < PyTuple_GET_SIZE(t); i++)
        PyTuple_SET_ITEM(t, i, Py_NewRef(tensors[i] ? (PyObject *)tensors[i] : Py_None));
    return t;
}

static PyObject *list_object(const rt_params *p, int k)
{
    if (p->n[k] < 0) Py_RETURN_NONE;
    const intptr_t *items = rt_params_list(p, k);
    PyObject *t = PyTuple_New(p->n[k]);
    for (int i = 0; t && i < p->n[k]; i++) {
        PyObject *o = PyLong_FromSsize_t(items[i]);
        if (o) PyTuple_SET_ITEM(t, i, o);
        else Py_CLEAR(t);
    }
    return t;
}

typedef struct { int operand, i, f, list; } counters;

/* The next argument; NULL without an exception where the call did not say. */
static PyObject *argument(const rt_arg *a, int nin, const rt_operand *in, int spread, const rt_params *p, counters *k)
{
    if (a->type == RT_ARG_TENSORS) {
        const int from = k->operand;
        k->operand += spread;
        return operand_tuple(spread, in + from);
    }
    if (a->type == RT_ARG_TENSOR || a->type == RT_ARG_TENSOR_OPT)
        return k->operand < nin ? operand_object(&in[k->operand++]) : NULL;
    if (!p) return NULL;
    if (a->type == RT_ARG_FLOAT) return PyFloat_FromDouble(p->f[k->f++]);
    if (a->type == RT_ARG_INTS || a->type == RT_ARG_INTS_OPT) return list_object(p, k->list++);
    const intptr_t v = p->i[k->i++];
    if (a->type == RT_ARG_BOOL) return PyBool_FromLong(v != 0);
    if (a->type == RT_ARG_DTYPE) return v < 0 || v >= RT_NDTYPE ? Py_NewRef(Py_None) : rt_dtype_object((rt_dtype)v);
    if (a->type == RT_ARG_WORD && v >= 0 && v < a->nwords) return PyUnicode_FromString(a->words[v]);
    return v == RT_NONE_INT ? Py_NewRef(Py_None) : PyLong_FromSsize_t(v);
}

PyObject *rt_event_arguments(const rt_op *op, int nin, const rt_operand *in, const rt_params *p)
{
    const rt_signature *s = signature_of(op);
    PyObject *dict = s ? PyDict_New() : NULL;
    int single = 0;
    counters k = {0, 0, 0, 0};
    for (int i = 0; dict && i < s->nargs; i++)
        single += s->args[i].type == RT_ARG_TENSOR || s->args[i].type == RT_ARG_TENSOR_OPT;
    for (int i = 0; dict && i < s->nargs; i++) {
        PyObject *value = argument(&s->args[i], nin, in, nin > single ? nin - single : 0, p, &k);
        if (value ? PyDict_SetItemString(dict, s->args[i].name, value) < 0 : PyErr_Occurred() != NULL) Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

const char *rt_event_kind_name(rt_event_kind kind)
{
    switch (kind) {
    case RT_EVENT_OP: return "op";
    case RT_EVENT_NODE: return "node";
    case RT_EVENT_BACKWARD: return "backward";
    case RT_EVENT_MODULE: return "module";
    case RT_EVENT_NUMPY: return "numpy";
    default: return "range";
    }
}

static PyObject *event_name(const rt_event *e)
{
    if (e->kind == RT_EVENT_NODE && e->node->context) return PyObject_CallMethod((PyObject *)e->node, "name", NULL);
    return e->name ? PyUnicode_FromString(e->name) : Py_NewRef(e->label);
}

static PyObject *given_tuple(const rt_event *e)
{
    PyObject *t = PyTuple_New(e->kind == RT_EVENT_OP ? e->nout : 0);
    for (int i = 0; t && i < PyTuple_GET_SIZE(t); i++) PyTuple_SET_ITEM(t, i, PyBool_FromLong(e->given >> i & 1));
    return t;
}

PyObject *rt_event_object(const rt_event *e, int ended)
{
    PyObject *o = PyStructSequence_New(&event_type);
    Py_ssize_t n = 0;
    if (!o) return NULL;
#define ADD(value) \
    do { \
        PyObject *v = (value); \
        if (!v) goto failed; \
        PyStructSequence_SetItem(o, n++, v); \
    } while (0)
    ADD(PyUnicode_FromString(rt_event_kind_name(e->kind)));
    ADD(event_name(e));
    ADD(e->kind == RT_EVENT_NODE ? tensor_tuple(e->node->nout, e->grads) : operand_tuple(e->nin, e->in));
    ADD(e->kind == RT_EVENT_OP ? rt_event_arguments(e->op, e->nin, e->in, e->params) : PyDict_New());
    ADD(tensor_tuple(e->nout, e->out && (ended ? e->status == 0 : e->given != 0) ? e->out : NULL));
    ADD(given_tuple(e));
    ADD(PyBool_FromLong(ended && e->status < 0));
    ADD(PyLong_FromLong(e->depth));
    ADD(PyLong_FromLong(e->in_op));
    ADD(PyLong_FromLong(e->in_backward));
    ADD(ended ? PyLong_FromLongLong(e->start_ns) : Py_NewRef(Py_None));
    ADD(ended ? PyLong_FromLongLong(e->stop_ns) : Py_NewRef(Py_None));
    ADD(PyLong_FromUnsignedLong(e->thread));
    ADD(e->node ? Py_NewRef((PyObject *)e->node) : Py_NewRef(Py_None));
#undef ADD
    return o;
failed:
    Py_DECREF(o);
    return NULL;
}

static PyStructSequence_Field fields[] = {
    {"kind", "'op', 'node' (one node's backward), 'backward' (a whole pass), 'module', 'numpy' (its own code) or 'range'"},
    {"name", "of the op's row or the node; the module itself; the range's name"},
    {"inputs", "of an op: Tensors, numbers, None for what was not given; of a node: its gradients or None"},
    {"arguments", "of an op: all of them by the names of the row's signature; a sequence of tensors is a tuple"},
    {"outputs", "Tensors; empty when it failed; before it ran: those that will be written to, or empty"},
    {"given", "per output: was it written to, not made?"},
    {"failed", "did it raise?"},
    {"depth", "how many observed events lie around it in its thread"},
    {"in_op", "how many of these are ops or nodes: more than 0 for a part of a composition"},
    {"in_backward", "how many backward passes lie around it"},
    {"start_ns", "nanoseconds on time.monotonic_ns()'s clock; None before it ran"},
    {"stop_ns", "the same"},
    {"thread", "threading.get_ident()"},
    {"node", "of kind 'node': the graph's node"},
    {NULL, NULL},
};

int rt_event_init(PyObject *module)
{
    static PyStructSequence_Desc description = {"rustorch._C.Event", "What was computed, as an observer sees it.", fields,
                                                sizeof fields / sizeof *fields - 1};
    if (PyStructSequence_InitType2(&event_type, &description) < 0) return -1;
    return PyModule_AddObjectRef(module, "Event", (PyObject *)&event_type);
}
