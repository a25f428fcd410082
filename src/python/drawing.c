/* drawing: the callables of rustorch.numpy.random.  NumPy's own generators draw, and their memory becomes our
 * array; calls with Tensors among the arguments take a longer way, written in Python.  Floor: python. */
#include "python/drawing.h"
#include "core/tensor.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function, *otherwise;   /* owned: NumPy's; the one to call when there are Tensors among the arguments */
} drawing;

static int has_tensors(PyObject *const *args, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (rt_tensor_check(args[i])) return 1;
        if ((PyList_CheckExact(args[i]) || PyTuple_CheckExact(args[i])) && PySequence_Fast_GET_SIZE(args[i]) > 0
            && has_tensors(PySequence_Fast_ITEMS(args[i]), PySequence_Fast_GET_SIZE(args[i])))
            return 1;
    }
    return 0;
}

static int is_among(PyObject *o, PyObject *const *args, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (args[i] == o) return 1;
    return 0;
}

/* NumPy's array as ours where we have its dtype; steals. */
static PyObject *as_array(PyObject *drawn)
{
    PyObject *array = (PyObject *)rt_ndarray_import(drawn);
    if (array) {
        Py_DECREF(drawn);
        return rt_dialect_arrays(array);
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
        Py_DECREF(drawn);
        return NULL;
    }
    PyErr_Clear();
    return drawn;
}

static PyObject *drawing_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    drawing *d = (drawing *)self;
    const Py_ssize_t all = PyVectorcall_NARGS(nargsf) + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (has_tensors(args, all)) return PyObject_Vectorcall(d->otherwise, args, nargsf, kwnames);
    PyObject *drawn = PyObject_Vectorcall(d->function, args, nargsf, kwnames);
    return drawn && rt_ndarray_check(drawn) && !is_among(drawn, args, all) ? as_array(drawn) : drawn;
}

static PyObject *drawing_get(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return obj && obj != Py_None ? PyMethod_New(self, obj) : Py_NewRef(self);
}

/* The attributes of NumPy's function. */
static PyObject *drawing_attribute(PyObject *self, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(self, name);
    if (own || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
    PyErr_Clear();
    return PyObject_GetAttr(((drawing *)self)->function, name);
}

static PyObject *like(drawing *d, const char *name) { return PyObject_GetAttrString(d->function, name); }
static PyObject *drawing_doc(PyObject *self, void *unused)
{
    (void)unused;
    return like((drawing *)self, "__doc__");
}

static PyObject *drawing_name(PyObject *self, void *unused)
{
    (void)unused;
    return like((drawing *)self, "__name__");
}

static PyObject *drawing_repr(PyObject *self)
{
    PyObject *name = drawing_name(self, NULL), *text = name ? PyUnicode_FromFormat("<function rustorch.numpy.random.%U>", name) : NULL;
    Py_XDECREF(name);
    return text;
}

/* A function of the module is pickled by its name. */
static PyObject *drawing_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return drawing_name(self, NULL);
}

static void drawing_dealloc(PyObject *self)
{
    Py_XDECREF(((drawing *)self)->function);
    Py_XDECREF(((drawing *)self)->otherwise);
    PyObject_Free(self);
}

static PyMemberDef drawing_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(drawing, function), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef drawing_getset[] = {
    {"__doc__", drawing_doc, NULL, NULL, NULL},
    {"__name__", drawing_name, NULL, NULL, NULL},
    {"__qualname__", drawing_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef drawing_methods[] = {
    {"__reduce__", drawing_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject drawing_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.numpy.random.function",
    .tp_basicsize = sizeof(drawing),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(drawing, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = drawing_dealloc,
    .tp_repr = drawing_repr,
    .tp_getattro = drawing_attribute,
    .tp_descr_get = drawing_get,
    .tp_members = drawing_members,
    .tp_getset = drawing_getset,
    .tp_methods = drawing_methods,
};

static PyObject *make_drawing(PyObject *module, PyObject *args)
{
    PyObject *function, *otherwise;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:_drawing", &function, &otherwise)) return NULL;
    drawing *d = PyObject_New(drawing, &drawing_type);
    if (!d) return NULL;
    d->vectorcall = drawing_call;
    d->function = Py_NewRef(function);
    d->otherwise = Py_NewRef(otherwise);
    return (PyObject *)d;
}

static PyMethodDef functions[] = {
    {"_drawing", make_drawing, METH_VARARGS,
     "_drawing(function, otherwise): NumPy's function, its arrays ours; `otherwise` where arguments hold Tensors."},
    {NULL, NULL, 0, NULL},
};

int rt_drawing_init(PyObject *module)
{
    return PyType_Ready(&drawing_type) < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
