/* array_attributes: attributes of arrays (rustorch.numpy.ndarray): what NumPy's have and Tensors lack, or mean
 * otherwise.  Those that are set, or are objects of their own (flags, flat, ctypes), are in
 * rustorch.numpy._attributes.  Floor: python. */
#include "python/array_attributes.h"
#include "core/error.h"
#include "core/view.h"
#include "python/array_items.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "ufunc/apply.h"
#include "ufunc/views.h"

#define SELF ((rt_tensor *)self)
#define GETTER(name) static PyObject *name(PyObject *self, void *unused)

/* What an attribute is in Python: get_<name>(a) and set_<name>(a, value) of rustorch.numpy._attributes. */
typedef struct {
    const char *name;
    PyObject *getter, *setter;    /* owned, for good; made when first needed */
} python_attribute;

static PyObject *function_of(const char *verb, const char *name)
{
    char text[40];
    PyObject *module = PyImport_ImportModule("rustorch.numpy._attributes"), *f = NULL;
    PyOS_snprintf(text, sizeof text, "%s_%s", verb, name);
    if (module) f = PyObject_GetAttrString(module, text);
    Py_XDECREF(module);
    return f;
}

static PyObject *get_by_python(PyObject *self, void *closure)
{
    python_attribute *a = closure;
    if (!a->getter && !(a->getter = function_of("get", a->name))) return NULL;
    return PyObject_CallOneArg(a->getter, self);
}

static int set_by_python(PyObject *self, PyObject *value, void *closure)
{
    python_attribute *a = closure;
    if (!value) {
        PyErr_Format(PyExc_AttributeError, "cannot delete array %s", a->name);
        return -1;
    }
    if (!a->setter && !(a->setter = function_of("set", a->name))) return -1;
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    PyObject *done = PyObject_CallFunctionObjArgs(a->setter, self, value, NULL);
    rt_dtype_rules_restore(before);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *tuple_of(int n, const intptr_t *values)
{
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++) {
        PyObject *v = PyLong_FromSsize_t(values[i]);
        if (v) PyTuple_SET_ITEM(t, i, v);
        else Py_CLEAR(t);
    }
    return t;
}

GETTER(get_shape)
{
    (void)unused;
    return tuple_of(SELF->ndim, SELF->shape);
}

GETTER(get_size)
{
    (void)unused;
    return PyLong_FromSsize_t(SELF->size);
}

GETTER(get_dtype)
{
    (void)unused;
    return rt_dtype_object((rt_dtype)SELF->dtype);
}

GETTER(get_strides)
{
    (void)unused;
    return tuple_of(SELF->ndim, SELF->steps);
}

GETTER(get_transposed)
{
    (void)unused;
    intptr_t dims[RT_MAX_NDIM];
    rt_params p;
    if (SELF->ndim < 2) return Py_NewRef(self);
    for (int i = 0; i < SELF->ndim; i++) dims[i] = SELF->ndim - 1 - i;
    if (!rt_array_in_graph(SELF)) return (PyObject *)rt_tensor_as_view(rt_view_permute("T", SELF, SELF->ndim, dims), SELF);
    rt_params_begin(&p);
    rt_params_push(&p, 0, SELF->ndim, dims);
    return (PyObject *)rt_apply1p(RT_OP_permute, SELF, &p);
}

GETTER(get_real)
{
    (void)unused;
    if (!rt_dtype_is_complex((rt_dtype)SELF->dtype)) return Py_NewRef(self);
    return (PyObject *)rt_apply1(RT_OP_real, SELF);
}

/* A view of what requires no gradient; read-only zeros of a real array. */
GETTER(get_imag)
{
    (void)unused;
    if (rt_dtype_is_complex((rt_dtype)SELF->dtype)) return (PyObject *)rt_apply1(RT_OP_imag, SELF);
    rt_tensor *zeros = rt_zeros((rt_dtype)SELF->dtype, SELF->ndim, SELF->shape, SELF->storage->device);
    if (zeros && SELF->ndim) zeros->flags |= RT_READONLY;
    return rt_dialect_arrays((PyObject *)zeros);
}

GETTER(get_data)
{
    (void)unused;
    return PyMemoryView_FromObject(self);
}

/* The bytes as NumPy's own array has them, in a capsule; who holds it, holds the memory. */
GETTER(get_struct)
{
    (void)unused;
    PyObject *theirs = PyObject_CallMethod(self, "numpy", NULL);
    PyObject *capsule = theirs ? PyObject_GetAttrString(theirs, "__array_struct__") : NULL;
    Py_XDECREF(theirs);
    return capsule;
}

static python_attribute shape = {"shape", NULL, NULL}, dtype = {"dtype", NULL, NULL}, strides = {"strides", NULL, NULL},
                        real = {"real", NULL, NULL}, imag = {"imag", NULL, NULL}, flat = {"flat", NULL, NULL},
                        flags = {"flags", NULL, NULL}, ctypes = {"ctypes", NULL, NULL};
#define BY_PYTHON(word, doc) {#word, get_by_python, NULL, doc, &word}
#define WITH_SETTER(word, getter, doc) {#word, getter, set_by_python, doc, &word}
PyGetSetDef rt_array_getset[] = {
    WITH_SETTER(shape, get_shape, "Lengths of the axes, a tuple; set: another shape over the same memory, in place."),
    WITH_SETTER(dtype, get_dtype, "NumPy's dtype object; set: the bytes as elements of another dtype, in place."),
    WITH_SETTER(strides, get_strides, "Bytes from one element to the next, per axis."),
    WITH_SETTER(real, get_real, "The real part, a view; the array itself when it is real."),
    WITH_SETTER(imag, get_imag, "The imaginary part, a view; read-only zeros when the array is real."),
    WITH_SETTER(flat, get_by_python, "The elements in C order: iterates, is indexed and assigned to."),
    {"T", get_transposed, NULL, "View with all axes reversed.", NULL},
    {"size", get_size, NULL, "Number of elements.", NULL},
    {"data", get_data, NULL, "A memoryview of the elements.", NULL},
    {"__array_struct__", get_struct, NULL, "NumPy's array interface in C.", NULL},
    BY_PYTHON(flags, "How it lies in memory and whether it may be written."),
    BY_PYTHON(ctypes, "The memory as ctypes wants it."),
    {NULL, NULL, NULL, NULL, NULL},
};

/* _set_writeable(flag) */
static PyObject *set_writeable(PyObject *self, PyObject *flag)
{
    const int on = PyObject_IsTrue(flag);
    if (on < 0) return NULL;
    if (on && (SELF->storage->readonly || (SELF->base && (SELF->base->flags & RT_READONLY))))
        return PyErr_Format(PyExc_ValueError, "cannot set WRITEABLE flag to True of this array");
    SELF->flags = (uint8_t)(on ? SELF->flags & ~RT_READONLY : SELF->flags | RT_READONLY);
    Py_RETURN_NONE;
}

/* _owns(): is the array no view? */
static PyObject *owns(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(!SELF->base && !SELF->storage->readonly && SELF->data == SELF->storage->data);
}

/* _alone(): does nobody else look at the memory? */
static PyObject *pinned(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(SELF->storage->refs == 1 && !SELF->storage->pinned && !SELF->base);
}

PyMethodDef rt_array_facts[] = {
    {"_set_writeable", set_writeable, METH_O, NULL},
    {"_owns", owns, METH_NOARGS, NULL},
    {"_alone", pinned, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
