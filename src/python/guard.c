/* guard: a thin callable around a function written in Python.  A call goes straight through; only when it ends in
 * an AttributeError is looked whether what lacks the attribute was an argument; and arrays, which speak NumPy, are
 * handed in as Tensors.  In all else it passes for the function: attributes, class, signature, pickling.
 * Floor: python. */
#include "python/guard.h"
#include "core/error.h"
#include "core/tensor.h"
#include "python/dialect.h"
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function;        /* owned */
} guard;

static PyTypeObject guard_type;
static PyObject *kept;         /* owned: {function: guard} */

static PyObject *attribute(PyObject *o, const char *name)
{
    PyObject *value = PyObject_GetAttrString(o, name);
    if (!value) PyErr_Clear();
    return value;
}

/* Name of the i-th parameter, new reference, or NULL without an exception. */
static PyObject *parameter(PyObject *function, Py_ssize_t i)
{
    PyObject *code = attribute(function, "__code__"), *names = code ? attribute(code, "co_varnames") : NULL;
    PyObject *count = code ? attribute(code, "co_argcount") : NULL, *name = NULL;
    if (names && count && PyTuple_Check(names) && i < PyLong_AsSsize_t(count) && i < PyTuple_GET_SIZE(names))
        name = Py_NewRef(PyTuple_GET_ITEM(names, i));
    Py_XDECREF(code);
    Py_XDECREF(names);
    Py_XDECREF(count);
    return name;
}

/* Is culprit the argument (1), in it (2), or neither (0)? */
static int concerns(PyObject *culprit, PyObject *argument)
{
    if (culprit == argument) return 1;
    if (!PyList_CheckExact(argument) && !PyTuple_CheckExact(argument)) return 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(argument); i++)
        if (PySequence_Fast_GET_ITEM(argument, i) == culprit) return 2;
    return 0;
}

/* An AttributeError is set: an ArgumentError, which is one, too, when it is about an argument that is no Tensor. */
static void explain(guard *g, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *type, *error, *trace, *culprit = NULL, *missing = NULL, *name = NULL, *function = NULL;
    int how = 0;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    culprit = error ? attribute(error, "obj") : NULL;
    missing = error ? attribute(error, "name") : NULL;        /* None where the error was raised by hand */
    if (!culprit || !missing || missing == Py_None || rt_tensor_check(culprit)) goto done;
    const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    for (Py_ssize_t i = 0; i < all && !how; i++) {
        how = concerns(culprit, args[i]);
        if (how) name = i < n ? parameter(g->function, i) : Py_NewRef(PyTuple_GET_ITEM(kwnames, i - n));
        if (how && !name) name = PyUnicode_FromFormat("%zd", i + 1);
    }
    function = how ? attribute(g->function, "__name__") : NULL;
    if (!function || !name) goto done;
    PyErr_Format(rt_ArgumentError, how == 1 ? "%U: argument '%U' must be a Tensor, not %s"
                                           : "%U: argument '%U' must hold Tensors, not %s",
                 function, name, Py_TYPE(culprit)->tp_name);
done:
    Py_XDECREF(culprit);
    Py_XDECREF(missing);
    Py_XDECREF(name);
    Py_XDECREF(function);
    if (!PyErr_Occurred()) {
        PyErr_Restore(type, error, trace);
        return;
    }
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
}

static PyObject *guard_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    guard *g = (guard *)self;
    const Py_ssize_t n = PyVectorcall_NARGS(nargsf), all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject *result = rt_dialect_has_arrays(args, all) ? rt_dialect_call(g->function, args, n, kwnames)
                                                        : PyObject_Vectorcall(g->function, args, nargsf, kwnames);
    if (!result && kwnames && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyObject *name = ((PyFunctionObject *)g->function)->func_name;
        result = rt_dialect_again(name, args, n, kwnames);
    }
    if (!result && PyErr_ExceptionMatches(PyExc_AttributeError)) explain(g, args, n, kwnames);
    return result;
}

static PyObject *guard_get(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return obj && obj != Py_None ? PyMethod_New(self, obj) : Py_NewRef(self);
}

/* The function's own attributes, its class among them. */
static PyObject *guard_attribute(PyObject *self, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "__reduce_ex__") == 0
        || PyUnicode_CompareWithASCIIString(name, "__reduce__") == 0)
        return PyObject_GenericGetAttr(self, name);
    return PyObject_GetAttr(((guard *)self)->function, name);
}

static int guard_set_attribute(PyObject *self, PyObject *name, PyObject *value)
{
    return PyObject_SetAttr(((guard *)self)->function, name, value);
}

static PyObject *guard_repr(PyObject *self) { return PyObject_Repr(((guard *)self)->function); }

static PyObject *guard_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *module = PyImport_ImportModule("rustorch._C"), *make = module ? attribute(module, "_guard") : NULL;
    Py_XDECREF(module);
    return make ? Py_BuildValue("(N(O))", make, ((guard *)self)->function) : NULL;
}

static void guard_dealloc(PyObject *self)
{
    Py_XDECREF(((guard *)self)->function);
    PyObject_Free(self);
}

static PyMethodDef guard_methods[] = {
    {"__reduce__", guard_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject guard_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.guarded_function",
    .tp_basicsize = sizeof(guard),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(guard, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = guard_dealloc,
    .tp_repr = guard_repr,
    .tp_getattro = guard_attribute,
    .tp_setattro = guard_set_attribute,
    .tp_descr_get = guard_get,
    .tp_methods = guard_methods,
};

PyObject *rt_guard(PyObject *module, PyObject *function)
{
    (void)module;
    if (!PyFunction_Check(function))
        return PyErr_Format(PyExc_TypeError, "_guard: needs a function, not %s", Py_TYPE(function)->tp_name);
    PyObject *known = PyDict_GetItemWithError(kept, function);
    if (known || PyErr_Occurred()) return Py_XNewRef(known);
    guard *g = PyObject_New(guard, &guard_type);
    if (!g) return NULL;
    g->vectorcall = guard_call;
    g->function = Py_NewRef(function);
    if (PyDict_SetItem(kept, function, (PyObject *)g) < 0) Py_CLEAR(g);
    return (PyObject *)g;
}

int rt_guard_init(void)
{
    kept = PyDict_New();
    return kept ? PyType_Ready(&guard_type) : -1;
}
