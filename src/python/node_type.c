/* node_type: the Python face of graph nodes, and the node of autograd.Function.
 * Floor: python. */
#include "python/node_type.h"
#include "core/error.h"
#include "core/node.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/record.h"
#include <ctype.h>
#include <string.h>

#define NODE ((rt_node *)self)

/* "log_softmax" -> LogSoftmaxBackward0, as PyTorch's readers expect. */
static PyObject *node_name(PyObject *self, PyObject *unused)
{
    (void)unused;
    char text[96];
    size_t n = 0;
    int upper = 1;
    if (NODE->context && !NODE->op) return PyObject_GetAttrString((PyObject *)Py_TYPE(NODE->context), "__name__");
    for (const char *s = NODE->cls->name; *s && n < sizeof text - 12; s++) {
        if (*s == '_') { upper = 1; continue; }
        text[n++] = (char)(upper ? toupper((unsigned char)*s) : *s);
        upper = 0;
    }
    text[n] = 0;
    return PyUnicode_FromFormat("%sBackward0", text);
}

static PyObject *node_repr(PyObject *self)
{
    PyObject *name = node_name(self, NULL), *r = name ? PyUnicode_FromFormat("<%U>", name) : NULL;
    Py_XDECREF(name);
    return r;
}

/* What stands for a leaf in the graph that users walk: an object with its `variable`. New reference. */
static PyObject *accumulator(PyObject *leaf)
{
    static PyObject *kind;
    if (!kind) {
        PyObject *m = PyImport_ImportModule("rustorch.autograd.graph");
        kind = m ? PyObject_GetAttrString(m, "AccumulateGrad") : NULL;
        Py_XDECREF(m);
    }
    return kind ? PyObject_CallOneArg(kind, leaf) : NULL;
}

static PyObject *next_functions(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *t = PyTuple_New(NODE->nin);
    for (int i = 0; t && i < NODE->nin; i++) {
        PyObject *to = NODE->edges[i].to;
        PyObject *shown = !to ? Py_NewRef(Py_None) : rt_tensor_check(to) ? accumulator(to) : Py_NewRef(to);
        PyObject *pair = shown ? Py_BuildValue("(Ni)", shown, NODE->edges[i].nr) : NULL;
        if (!pair) { Py_CLEAR(t); break; }
        PyTuple_SET_ITEM(t, i, pair);
    }
    return t;
}

static PyObject *saved(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *t = PyTuple_New(NODE->nsaved);
    for (int k = 0; t && k < NODE->nsaved; k++) {
        rt_operand v;
        if (rt_node_unpack(NODE, k, &v) < 0) { Py_CLEAR(t); break; }
        PyTuple_SET_ITEM(t, k, v.t ? (PyObject *)v.t : Py_NewRef(Py_None));
    }
    return t;
}

/* Returns (dict, key), as Tensor._add_hook. */
static PyObject *register_in(PyObject **dict, PyObject *fn)
{
    static unsigned long long next;
    if (!*dict && !(*dict = PyDict_New())) return NULL;
    PyObject *key = PyLong_FromUnsignedLongLong(++next), *pair = NULL;
    if (key && PyDict_SetItem(*dict, key, fn) == 0) pair = PyTuple_Pack(2, *dict, key);
    Py_XDECREF(key);
    return pair;
}

static PyObject *add_hook(PyObject *self, PyObject *fn)
{
    if (PyCallable_Check(fn)) return register_in(&NODE->hooks, fn);
    PyErr_SetString(PyExc_TypeError, "a hook must be callable");
    return NULL;
}

static PyObject *add_pre_hook(PyObject *self, PyObject *fn)
{
    if (!PyCallable_Check(fn)) {
        PyErr_SetString(PyExc_TypeError, "a hook must be callable");
        return NULL;
    }
    PyObject *entry = Py_BuildValue("(iO)", -1, fn), *r = entry ? register_in(&NODE->pre_hooks, entry) : NULL;
    Py_XDECREF(entry);
    return r;
}
static PyObject *get_context(PyObject *self, void *unused) { (void)unused; return Py_NewRef(NODE->context ? NODE->context : Py_None); }
static PyObject *get_sequence(PyObject *self, void *unused) { (void)unused; return PyLong_FromUnsignedLongLong(NODE->sequence); }

static PyObject *get_trace(PyObject *self, void *unused) { (void)unused; return Py_NewRef(NODE->trace ? NODE->trace : Py_None); }

static PyMethodDef methods[] = {
    {"name", node_name, METH_NOARGS, "Name of the node."},
    {"_add_hook", add_hook, METH_O, NULL},
    {"_add_pre_hook", add_pre_hook, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef getset[] = {
    {"next_functions", next_functions, NULL, "((node or None, output number), ...) of the inputs; an AccumulateGrad with its .variable for a leaf.", NULL},
    {"saved_tensors", saved, NULL, "What was kept for the backward pass.", NULL},
    {"context", get_context, NULL, "ctx of an autograd.Function, or None.", NULL},
    {"_sequence_nr", get_sequence, NULL, NULL, NULL},
    {"_trace", get_trace, NULL, "What the tracer of anomaly mode said when it was made, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- autograd.Function ---- */

/* ctx._run_backward(*grads) -> tuple, one entry an input tensor. */
static int function_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    PyObject *args = PyTuple_New(node->nout), *method = NULL, *result = NULL;
    int status = -1;
    if (!args) return -1;
    if (node->released) {
        rt_error(PyExc_RuntimeError, node->cls->name, "the graph was already freed by an earlier backward pass; pass"
                 " retain_graph=True to that pass if you need the graph twice");
        Py_DECREF(args);
        return -1;
    }
    for (int k = 0; k < node->nout; k++) PyTuple_SET_ITEM(args, k, Py_NewRef(g[k] ? (PyObject *)g[k] : Py_None));
    method = PyObject_GetAttrString(node->context, "_run_backward");
    result = method ? PyObject_Call(method, args, NULL) : NULL;
    if (!result) goto done;
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != node->nin) {
        rt_error(PyExc_RuntimeError, node->cls->name, "backward returned %zd gradients for %d inputs",
                 PyTuple_Check(result) ? PyTuple_GET_SIZE(result) : (Py_ssize_t)1, node->nin);
        goto done;
    }
    for (int i = 0; i < node->nin; i++) {
        PyObject *v = PyTuple_GET_ITEM(result, i);
        if (v == Py_None) continue;
        if (!rt_tensor_check(v)) {
            rt_error(PyExc_TypeError, node->cls->name, "backward must return Tensors or None, not %s", Py_TYPE(v)->tp_name);
            goto done;
        }
        gin[i] = (rt_tensor *)Py_NewRef(v);
    }
    status = 0;
done:
    Py_DECREF(args);
    Py_XDECREF(method);
    Py_XDECREF(result);
    return status;
}

static void function_release(rt_node *node)
{
    PyObject *r = PyObject_CallMethod(node->context, "_release", NULL);
    if (!r) PyErr_WriteUnraisable(node->context);
    Py_XDECREF(r);
}

static const rt_node_class function_class = {"Function", function_backward, function_release};

/* function_record(ctx, inputs, outputs): makes a node over tuples of tensors, or does nothing when no
 * gradient is wanted.  Entries that are no Tensors get no edge. */
PyObject *rt_function_record(PyObject *module, PyObject *args)
{
    PyObject *ctx, *inputs, *outputs;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO!O!:function_record", &ctx, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs)) return NULL;
    int nin = (int)PyTuple_GET_SIZE(inputs), nout = (int)PyTuple_GET_SIZE(outputs);
    int wanted = 0;
    for (int i = 0; i < nin; i++) {
        PyObject *t = PyTuple_GET_ITEM(inputs, i);
        wanted |= rt_tensor_check(t) && rt_tensor_requires_grad((rt_tensor *)t);
    }
    if (!wanted || !rt_grad_enabled) Py_RETURN_FALSE;
    rt_node *n = rt_node_new(&function_class, nin, nout, 0);
    if (!n) return NULL;
    n->context = Py_NewRef(ctx);
    for (int i = 0; i < nin; i++) {
        PyObject *t = PyTuple_GET_ITEM(inputs, i);
        if (rt_tensor_check(t)) rt_node_connect(n, i, (rt_tensor *)t);
    }
    for (int k = 0; k < nout; k++)
        if (!rt_tensor_check(PyTuple_GET_ITEM(outputs, k))
            || rt_node_own_output(n, k, (rt_tensor *)PyTuple_GET_ITEM(outputs, k)) < 0) {
            Py_DECREF(n);
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "forward must return Tensors");
            return NULL;
        }
    Py_DECREF(n);
    Py_RETURN_TRUE;
}

int rt_node_type_init(PyObject *module)
{
    PyTypeObject *type = &rt_node_type;
    type->tp_doc = "A recorded computation: what a tensor's grad_fn is.";
    type->tp_methods = methods;
    type->tp_getset = getset;
    type->tp_repr = node_repr;
    if (PyType_Ready(type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Node", (PyObject *)type);
}
