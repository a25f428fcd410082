/* autograd_module: functions of the C module about gradients: modes, backward, grad.
 * Floor: python. */
#include "python/autograd_module.h"
#include "autograd/engine.h"
#include "core/error.h"
#include "core/node.h"
#include "python/node_type.h"

static PyObject *is_grad_enabled(PyObject *m, PyObject *unused) { (void)m, (void)unused; return PyBool_FromLong(rt_grad_enabled); }
static PyObject *is_inference(PyObject *m, PyObject *unused) { (void)m, (void)unused; return PyBool_FromLong(rt_inference_enabled); }
static PyObject *is_anomaly(PyObject *m, PyObject *unused) { (void)m, (void)unused; return PyBool_FromLong(rt_anomaly_enabled); }

static PyObject *swap(int *mode, PyObject *value)
{
    int was = *mode, now = PyObject_IsTrue(value);
    if (now < 0) return NULL;
    *mode = now;
    return PyBool_FromLong(was);
}

static PyObject *set_grad_enabled(PyObject *m, PyObject *v) { (void)m; return swap(&rt_grad_enabled, v); }
static PyObject *set_inference(PyObject *m, PyObject *v) { (void)m; return swap(&rt_inference_enabled, v); }

/* set_anomaly(tracer or None, check_nan) -> what it was, in the same form */
static PyObject *set_anomaly(PyObject *m, PyObject *args)
{
    PyObject *tracer;
    int check;
    (void)m;
    if (!PyArg_ParseTuple(args, "Op:_set_anomaly", &tracer, &check)) return NULL;
    PyObject *was = Py_BuildValue("(OO)", rt_anomaly_tracer ? rt_anomaly_tracer : Py_None,
                                  rt_anomaly_enabled & 2 ? Py_True : Py_False);
    if (!was) return NULL;
    rt_anomaly_enabled = tracer == Py_None ? 0 : 1 | check << 1;
    Py_XSETREF(rt_anomaly_tracer, tracer == Py_None ? NULL : Py_NewRef(tracer));
    return was;
}

/* set_saved_hooks((pack, unpack) or None) -> what it was */
static PyObject *set_saved_hooks(PyObject *m, PyObject *hooks)
{
    (void)m;
    if (hooks != Py_None && !(PyTuple_Check(hooks) && PyTuple_GET_SIZE(hooks) == 2)) {
        PyErr_SetString(PyExc_TypeError, "saved-tensor hooks are a pair (pack, unpack)");
        return NULL;
    }
    PyObject *was = rt_saved_hooks ? rt_saved_hooks : Py_NewRef(Py_None);
    rt_saved_hooks = hooks == Py_None ? NULL : Py_NewRef(hooks);
    return was;
}

static PyObject *saved_hooks(PyObject *m, PyObject *unused)
{
    (void)m, (void)unused;
    return Py_NewRef(rt_saved_hooks ? rt_saved_hooks : Py_None);
}

/* attach(tensor, node, nr): the same memory as output nr of node */
static PyObject *attach(PyObject *m, PyObject *args)
{
    PyObject *t, *node;
    unsigned short nr;
    (void)m;
    if (!PyArg_ParseTuple(args, "O!O!H:_attach", &rt_tensor_type, &t, &rt_node_type, &node, &nr)) return NULL;
    if (nr >= ((rt_node *)node)->nout) {
        PyErr_Format(PyExc_IndexError, "the node has %d outputs", ((rt_node *)node)->nout);
        return NULL;
    }
    rt_tensor *r = rt_tensor_detach((rt_tensor *)t);
    if (!r) return NULL;
    r->node = (rt_node *)Py_NewRef(node);
    r->output_nr = nr;
    PyObject_GC_Track((PyObject *)r);
    return (PyObject *)r;
}

static PyObject *backward_run(PyObject *m, PyObject *unused)
{
    (void)m, (void)unused;
    return PyLong_FromUnsignedLongLong(rt_backward_current());
}

/* ---- grad modes: context managers and decorators' core ---- */

typedef struct { PyObject_HEAD int want, before; } mode;

static PyObject *mode_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((mode *)self)->before = rt_grad_enabled;
    rt_grad_enabled = ((mode *)self)->want;
    return Py_NewRef(self);
}

static PyObject *mode_exit(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)args, (void)n;
    rt_grad_enabled = ((mode *)self)->before;
    Py_RETURN_NONE;
}

/* mode() is a context manager, mode(function) the function decorated. */
static PyObject *mode_new(PyTypeObject *type, PyObject *args, PyObject *kwargs, int want)
{
    static char *words[] = {"orig_func", NULL};
    PyObject *function = Py_None;
    if ((kwargs || PyTuple_GET_SIZE(args)) && !PyArg_ParseTupleAndKeywords(args, kwargs, "|O", words, &function)) return NULL;
    mode *m = (mode *)type->tp_alloc(type, 0);
    if (!m) return NULL;
    m->want = want;
    m->before = rt_grad_enabled;
    if (function == Py_None) return (PyObject *)m;
    PyObject *decorated = PyObject_CallOneArg((PyObject *)m, function);
    Py_DECREF(m);
    return decorated;
}

static PyObject *no_grad_new(PyTypeObject *type, PyObject *args, PyObject *kw) { return mode_new(type, args, kw, 0); }
static PyObject *enable_grad_new(PyTypeObject *type, PyObject *args, PyObject *kw) { return mode_new(type, args, kw, 1); }

static PyMethodDef mode_methods[] = {
    {"__enter__", mode_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))mode_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static PyTypeObject no_grad_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.NoGrad",
    .tp_basicsize = sizeof(mode),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_methods = mode_methods,
    .tp_new = no_grad_new,
};
static PyTypeObject enable_grad_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch._C.EnableGrad",
    .tp_basicsize = sizeof(mode),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_methods = mode_methods,
    .tp_new = enable_grad_new,
};

/* ---- backward and grad ---- */

static int check_tensors(PyObject *tuple, const char *what, int none_allowed)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *o = PyTuple_GET_ITEM(tuple, i);
        if (rt_tensor_check(o) || (none_allowed && o == Py_None)) continue;
        PyErr_Format(PyExc_TypeError, "%s must be Tensors%s, not %s", what, none_allowed ? " or None" : "", Py_TYPE(o)->tp_name);
        return -1;
    }
    return 0;
}

/* run_backward(outputs, grads, inputs or None, retain_graph, create_graph, capture) -> None or tuple of gradients */
static PyObject *run_backward(PyObject *m, PyObject *args)
{
    PyObject *outputs, *grads, *inputs, *result = NULL;
    int retain, create, capture;
    (void)m;
    if (!PyArg_ParseTuple(args, "O!O!Oppp:run_backward", &PyTuple_Type, &outputs, &PyTuple_Type, &grads, &inputs, &retain,
                          &create, &capture))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(outputs), k = inputs == Py_None ? 0 : PyTuple_GET_SIZE(inputs);
    if (check_tensors(outputs, "outputs", 0) < 0 || check_tensors(grads, "gradients", 1) < 0
        || (k && check_tensors(inputs, "inputs", 0) < 0))
        return NULL;
    if (PyTuple_GET_SIZE(grads) != n) {
        PyErr_Format(PyExc_RuntimeError, "%zd gradients for %zd outputs", PyTuple_GET_SIZE(grads), n);
        return NULL;
    }
    rt_tensor **g = PyMem_Calloc((size_t)n + 1, sizeof *g), **captured = PyMem_Calloc((size_t)k + 1, sizeof *captured);
    if (!g || !captured) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyTuple_GET_ITEM(grads, i) != Py_None) g[i] = (rt_tensor *)PyTuple_GET_ITEM(grads, i);
    rt_backward_call call = {
        .n = (int)n, .outputs = (rt_tensor *const *)((PyTupleObject *)outputs)->ob_item, .grads = g, .ninputs = (int)k,
        .inputs = k ? (rt_tensor *const *)((PyTupleObject *)inputs)->ob_item : NULL, .captured = capture ? captured : NULL,
        .retain_graph = retain, .create_graph = create,
    };
    if (rt_backward(&call) < 0) goto done;
    if (!capture) {
        result = Py_NewRef(Py_None);
        goto done;
    }
    result = PyTuple_New(k);
    for (Py_ssize_t i = 0; result && i < k; i++) {
        PyTuple_SET_ITEM(result, i, captured[i] ? (PyObject *)captured[i] : Py_NewRef(Py_None));
        captured[i] = NULL;
    }
done:
    for (Py_ssize_t i = 0; captured && i < k; i++) Py_XDECREF((PyObject *)captured[i]);
    PyMem_Free(g);
    PyMem_Free(captured);
    return result;
}

#define OLDEST_GENERATION 2        /* of gc: with it everything is searched */

/* One of gc.callbacks: (phase, info). */
static PyObject *collector_acts(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n == 2 && PyUnicode_Check(args[0]) && PyUnicode_CompareWithASCIIString(args[0], "start") == 0 && PyDict_Check(args[1])) {
        PyObject *generation = PyDict_GetItemString(args[1], "generation");     /* borrowed */
        if (!generation || PyLong_AsLong(generation) >= OLDEST_GENERATION) rt_node_reveal();
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static PyMethodDef collector = {"rustorch_reveals_its_graph", (PyCFunction)(void (*)(void))collector_acts, METH_FASTCALL,
                                "Shows the collector the nodes of graphs before it searches everything."};

/* Has the collector tell when it searches everything. */
static int watch_collector(void)
{
    PyObject *gc = PyImport_ImportModule("gc"), *callbacks = gc ? PyObject_GetAttrString(gc, "callbacks") : NULL;
    PyObject *function = callbacks ? PyCFunction_New(&collector, NULL) : NULL;
    const int status = function ? PyList_Append(callbacks, function) : -1;
    Py_XDECREF(function);
    Py_XDECREF(callbacks);
    Py_XDECREF(gc);
    return status;
}

static PyMethodDef functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Are operations recorded?"},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, NULL},
    {"is_anomaly_enabled", is_anomaly, METH_NOARGS, NULL},
    {"_set_grad_enabled", set_grad_enabled, METH_O, "Sets the mode, returns what it was."},
    {"_set_inference", set_inference, METH_O, NULL},
    {"_set_anomaly", set_anomaly, METH_VARARGS, NULL},
    {"_set_saved_hooks", set_saved_hooks, METH_O, NULL},
    {"_saved_hooks", saved_hooks, METH_NOARGS, NULL},
    {"_attach", attach, METH_VARARGS, NULL},
    {"_backward_run", backward_run, METH_NOARGS, NULL},
    {"_run_backward", run_backward, METH_VARARGS, NULL},
    {"_function_record", rt_function_record, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int rt_autograd_init(PyObject *module)
{
    if (PyType_Ready(&no_grad_type) < 0 || PyModule_AddObjectRef(module, "NoGrad", (PyObject *)&no_grad_type) < 0
        || PyType_Ready(&enable_grad_type) < 0
        || PyModule_AddObjectRef(module, "EnableGrad", (PyObject *)&enable_grad_type) < 0)
        return -1;
    if (watch_collector() < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
