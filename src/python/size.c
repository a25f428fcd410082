/* size: the type of a tensor's shape, a tuple that can also be called, x.shape(), and then is a list
 * (what is joined, repeated or cut from a Size is a Size); and the descriptor of t.size.  Floor: python. */
#include "python/size.h"
#include "core/tensor.h"
#include <stddef.h>
#include <structmember.h>

static PyTypeObject *size_type;       /* owned */

int rt_size_check(PyObject *o) { return Py_IS_TYPE(o, size_type); }

PyObject *rt_size_object(int ndim, const intptr_t *shape)
{
    PyObject *t = size_type->tp_alloc(size_type, ndim);
    for (int i = 0; t && i < ndim; i++) {
        PyObject *v = PyLong_FromSsize_t(shape[i]);
        if (!v) {
            Py_CLEAR(t);
            break;
        }
        PyTuple_SET_ITEM(t, i, v);
    }
    return t;
}

/* A tuple (stolen, may be NULL) as a Size. */
static PyObject *size_of(PyObject *tuple)
{
    if (!tuple || Py_IS_TYPE(tuple, size_type)) return tuple;
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    PyObject *t = size_type->tp_alloc(size_type, n);
    for (Py_ssize_t i = 0; t && i < n; i++) PyTuple_SET_ITEM(t, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    Py_DECREF(tuple);
    return t;
}

static PyObject *size_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    if (PyTuple_GET_SIZE(args)) {
        PyErr_SetString(PyExc_TypeError, "shape() takes no arguments");
        return NULL;
    }
    return PySequence_List(self);
}

/* Both orders: (1,) + x.shape comes here, too. */
static PyObject *size_add(PyObject *a, PyObject *b)
{
    if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
    return size_of(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

static PyObject *size_repeat(PyObject *self, Py_ssize_t n)
{
    return size_of(PyTuple_Type.tp_as_sequence->sq_repeat(self, n));
}

static PyObject *size_subscript(PyObject *self, PyObject *key)
{
    PyObject *found = PyTuple_Type.tp_as_mapping->mp_subscript(self, key);
    return PySlice_Check(key) ? size_of(found) : found;
}

static PyObject *size_numel(PyObject *self, PyObject *unused)
{
    (void)unused;
    Py_ssize_t n = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); i++) n *= PyLong_AsSsize_t(PyTuple_GET_ITEM(self, i));
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(n);
}

static PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "Number of elements."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot size_slots[] = {
    {Py_tp_call, size_call},
    {Py_nb_add, size_add},
    {Py_sq_repeat, size_repeat},
    {Py_mp_subscript, size_subscript},
    {Py_tp_methods, size_methods},
    {Py_tp_doc, "A shape: a tuple that can also be called, x.shape(), and then is a list."},
    {0, NULL},
};
static PyType_Spec size_spec = {"rustorch.Size", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, size_slots};

/* ---- t.size ---- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *attribute;       /* owned: makes t.size, an int that can be called */
} size_descriptor;

/* size(t), size(t, dim): what t.size() and t.size(dim) call, without an int in between. */
static PyObject *descriptor_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t n = PyVectorcall_NARGS(nargsf), nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    (void)self;
    if (n < 1 || !rt_tensor_check(args[0])) return PyErr_Format(PyExc_TypeError, "size: needs a Tensor");
    if (n + nkw > 2 || (nkw && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "dim") != 0))
        return PyErr_Format(PyExc_TypeError, "size: takes one argument, 'dim'");
    const rt_tensor *t = (const rt_tensor *)args[0];
    if (n + nkw == 1 || args[1] == Py_None) return rt_size_object(t->ndim, t->shape);
    Py_ssize_t dim = PyNumber_AsSsize_t(args[1], PyExc_IndexError);
    if (dim == -1 && PyErr_Occurred()) return NULL;
    if (dim < -t->ndim || dim >= t->ndim)
        return PyErr_Format(PyExc_IndexError, "size: dim %zd does not exist in a tensor of %d dimensions", dim, t->ndim);
    return PyLong_FromSsize_t(t->shape[dim < 0 ? dim + t->ndim : dim]);
}

static PyObject *descriptor_get(PyObject *self, PyObject *t, PyObject *type)
{
    (void)type;
    return t && t != Py_None ? PyObject_CallOneArg(((size_descriptor *)self)->attribute, t) : Py_NewRef(self);
}

static void descriptor_dealloc(PyObject *self)
{
    Py_XDECREF(((size_descriptor *)self)->attribute);
    PyObject_Free(self);
}

/* A method descriptor: CPython calls it as a method where the attribute is called on the spot, and asks it for
 * the attribute elsewhere. */
static PyTypeObject size_descriptor_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.size_descriptor",
    .tp_doc = "t.size: the number of elements; t.size(dim=None): the shape, or its entry of a dimension.",
    .tp_basicsize = sizeof(size_descriptor),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(size_descriptor, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = descriptor_dealloc,
    .tp_descr_get = descriptor_get,
};

PyObject *rt_size_descriptor(PyObject *module, PyObject *attribute)
{
    (void)module;
    size_descriptor *d = PyObject_New(size_descriptor, &size_descriptor_type);
    if (!d) return NULL;
    d->vectorcall = descriptor_call;
    d->attribute = Py_NewRef(attribute);
    return (PyObject *)d;
}

int rt_size_init(PyObject *module)
{
    PyObject *bases = PyTuple_Pack(1, (PyObject *)&PyTuple_Type);
    if (!bases) return -1;
    size_type = (PyTypeObject *)PyType_FromSpecWithBases(&size_spec, bases);
    Py_DECREF(bases);
    if (!size_type || PyType_Ready(&size_descriptor_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Size", (PyObject *)size_type);
}
