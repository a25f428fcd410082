/* module_call: the type under nn.Module.  A call runs `forward`, unless the module has hooks (an attribute
 * _hooks of its own) or all modules are watched: then `_call_with_hooks` runs it, in Python.  An error
 * is shown to the module's `_note_failure` on its way out, and never swallowed here.  Instances have no fields, so
 * that a Module can be mixed with any class.  Floor: python. */
#include "python/module_call.h"
#include "python/dialect.h"
#include "ufunc/observe.h"

#define MOST_ARGUMENTS 8        /* passed without making a method object */

static PyObject *word_forward, *word_hooks, *word_hooked, *word_failure;
static int watched;             /* there are, or were, hooks on every module */

static void note_failure(PyObject *self)
{
    PyObject *type, *error, *trace, *done = NULL;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (error && PyObject_TypeCheck(error, (PyTypeObject *)PyExc_Exception)) {
        if (trace) PyException_SetTraceback(error, trace);
        done = PyObject_CallMethodOneArg(self, word_failure, error);
        if (!done) PyErr_Clear();        /* the first failure is the one to report */
        Py_XDECREF(done);
    }
    PyErr_Restore(type, error, trace);
}

/* 1 when hooks have to be run, 0, or -1 with an exception. */
static int is_hooked(PyObject *self)
{
    PyObject *attributes, *hooks;
    if (watched) return 1;
    attributes = PyObject_GenericGetDict(self, NULL);
    if (!attributes) return -1;
    hooks = PyDict_GetItemWithError(attributes, word_hooks);
    Py_DECREF(attributes);
    return hooks ? hooks != Py_None : PyErr_Occurred() ? -1 : 0;
}

static PyObject *call_hooked(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *given = kwargs ? Py_NewRef(kwargs) : PyDict_New(), *out = NULL;
    if (given) out = PyObject_CallMethodObjArgs(self, word_hooked, args, given, NULL);
    Py_XDECREF(given);
    return out;
}

static PyObject *call_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    PyObject *stack[MOST_ARGUMENTS + 2], *forward, *out;
    if (n <= MOST_ARGUMENTS && (!kwargs || PyDict_GET_SIZE(kwargs) == 0)) {
        stack[1] = self;
        for (Py_ssize_t i = 0; i < n; i++) stack[i + 2] = PyTuple_GET_ITEM(args, i);
        return PyObject_VectorcallMethod(word_forward, stack + 1, (size_t)(n + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    forward = PyObject_GetAttr(self, word_forward);
    out = forward ? PyObject_Call(forward, args, kwargs) : NULL;
    Py_XDECREF(forward);
    return out;
}

static PyObject *call_tensors(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const int hooked = is_hooked(self);
    PyObject *out = hooked < 0 ? NULL : hooked ? call_hooked(self, args, kwargs) : call_forward(self, args, kwargs);
    if (!out) note_failure(self);
    return out;
}

/* Modules are written in PyTorch's language: arrays are handed in as Tensors. */
static PyObject *call_unobserved(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (!rt_dialect_has_arrays(((PyTupleObject *)args)->ob_item, n)) return call_tensors(self, args, kwargs);
    PyObject *seen = PyTuple_New(n), *out = NULL;
    for (Py_ssize_t i = 0; seen && i < n; i++) {
        PyObject *o = rt_dialect_tensor(PyTuple_GET_ITEM(args, i));
        if (o) PyTuple_SET_ITEM(seen, i, o);
        else Py_CLEAR(seen);
    }
    if (seen) out = call_tensors(self, seen, kwargs);
    Py_XDECREF(seen);
    return out;
}

static PyObject *call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (!rt_observers || rt_event_is_told()) return call_unobserved(self, args, kwargs);
    rt_event e = {.kind = RT_EVENT_MODULE, .label = self};
    if (rt_event_begin(&e) < 0) return NULL;
    PyObject *out = call_unobserved(self, args, kwargs);
    if (rt_event_end(&e, out ? 0 : -1) < 0) Py_CLEAR(out);
    return out;
}

/* Made from a spec: a static type with object's `new` would refuse to make its subclasses' instances. */
static PyType_Slot slots[] = {
    {Py_tp_doc, "What nn.Module is made of: a call runs forward, and hooks where there are any."},
    {Py_tp_call, call},
    {0, NULL},
};
static PyType_Spec spec = {.name = "rustorch._C.ModuleBase", .basicsize = sizeof(PyObject),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, .slots = slots};

int rt_module_call_is_watched(void) { return watched; }

static PyObject *watch_modules(PyObject *m, PyObject *on)
{
    (void)m;
    int value = PyObject_IsTrue(on);
    if (value < 0) return NULL;
    watched = value;
    Py_RETURN_NONE;
}

/* One module after the other; modules that are ModuleBase's callables are called without an argument tuple. */
static PyObject *run_in_order(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    PyObject *value = NULL, *name, *unused;
    Py_ssize_t at = 0;
    (void)m;
    if (n != 3 || !PyDict_Check(args[0]) || !PyDict_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "run_in_order: takes attributes, names and an input");
    value = Py_NewRef(args[2]);
    const Py_ssize_t count = PyDict_GET_SIZE(args[1]);
    while (PyDict_Next(args[1], &at, &name, &unused)) {
        PyObject *module = PyDict_GetItemWithError(args[0], name), *out = NULL, *stack[2];
        if (!module) {
            if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, name);
            goto failed;
        }
        Py_INCREF(module);
        const int direct = Py_TYPE(module)->tp_call == call;
        const int hooked = direct && !rt_observers ? is_hooked(module) : 1;
        if (hooked == 0) {
            stack[0] = module;
            stack[1] = value;
            out = PyObject_VectorcallMethod(word_forward, stack, 2, NULL);
            if (!out) note_failure(module);
        } else if (hooked > 0) {
            out = PyObject_CallOneArg(module, value);
        }
        Py_DECREF(module);
        Py_SETREF(value, out);
        if (!value) return NULL;
        if (PyDict_GET_SIZE(args[1]) != count) {
            PyErr_SetString(PyExc_RuntimeError, "modules were added or removed while they were run in order");
            goto failed;
        }
    }
    return value;
failed:
    Py_XDECREF(value);
    return NULL;
}

static PyMethodDef functions[] = {
    {"watch_modules", watch_modules, METH_O, "watch_modules(on): calls of all modules go by way of their hooks."},
    {"run_in_order", (PyCFunction)(void (*)(void))run_in_order, METH_FASTCALL,
     "run_in_order(attributes, names, input): what the modules of these names make of input, one after the other."},
    {NULL, NULL, 0, NULL},
};

int rt_module_call_init(PyObject *module)
{
    word_forward = PyUnicode_InternFromString("forward");
    word_hooks = PyUnicode_InternFromString("_hooks");
    word_hooked = PyUnicode_InternFromString("_call_with_hooks");
    word_failure = PyUnicode_InternFromString("_note_failure");
    if (!word_forward || !word_hooks || !word_hooked || !word_failure) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    PyObject *type = PyType_FromSpec(&spec);
    int status = type ? PyModule_AddObjectRef(module, "ModuleBase", type) : -1;
    Py_XDECREF(type);
    return status;
}
