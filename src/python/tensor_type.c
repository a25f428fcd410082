/* tensor_type: attributes, sequence and mapping slots of Tensor, and its readiness.
 * Floor: python. */
#include "python/tensor_type.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/node.h"
#include "core/shape.h"
#include "core/view.h"
#include "dlpack/exchange.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/size.h"
#include "python/number.h"
#include "python/subscript.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include "ufunc/views.h"
#include <string.h>

#define SELF ((rt_tensor *)self)
#define GETTER(name) static PyObject *name(PyObject *self, void *unused)
#define UNUSED (void)unused

GETTER(get_shape) { UNUSED; return rt_size_object(SELF->ndim, SELF->shape); }
GETTER(get_dtype) { UNUSED; return rt_dtype_object((rt_dtype)SELF->dtype); }
GETTER(get_ndim) { UNUSED; return PyLong_FromLong(SELF->ndim); }
GETTER(get_itemsize) { UNUSED; return PyLong_FromSize_t(rt_tensor_itemsize(SELF)); }
GETTER(get_nbytes) { UNUSED; return PyLong_FromSsize_t(SELF->size * (intptr_t)rt_tensor_itemsize(SELF)); }
GETTER(get_is_leaf) { UNUSED; return PyBool_FromLong(SELF->node == NULL); }
GETTER(get_requires_grad) { UNUSED; return PyBool_FromLong(rt_tensor_requires_grad(SELF)); }
GETTER(get_grad_fn) { UNUSED; return Py_NewRef(SELF->node ? (PyObject *)SELF->node : Py_None); }
GETTER(get_version) { UNUSED; return PyLong_FromUnsignedLong(SELF->storage->version); }
GETTER(get_base) { UNUSED; return Py_NewRef(SELF->base ? (PyObject *)SELF->base : Py_None); }
GETTER(get_output_nr) { UNUSED; return PyLong_FromLong(SELF->output_nr); }
GETTER(get_grad)
{
    UNUSED;
    if (SELF->grad) {
        if (rt_array_check(self) && Py_IS_TYPE((PyObject *)SELF->grad, &rt_tensor_type))
            Py_SET_TYPE((PyObject *)SELF->grad, &rt_array_type);
        return Py_NewRef((PyObject *)SELF->grad);
    }
    if (SELF->node && !(SELF->flags & RT_RETAIN_GRAD)
        && PyErr_WarnEx(PyExc_UserWarning, "grad is asked of a tensor that is not a leaf: backward() leaves it None; call"
                        " retain_grad() on the tensor before, or ask the leaf that was meant", 1) < 0)
        return NULL;
    Py_RETURN_NONE;
}

GETTER(get_retains_grad) { UNUSED; return PyBool_FromLong(SELF->flags & RT_RETAIN_GRAD); }
GETTER(get_is_inference) { UNUSED; return PyBool_FromLong(SELF->flags & RT_INFERENCE); }
GETTER(get_readonly) { UNUSED; return PyBool_FromLong(SELF->flags & RT_READONLY); }
GETTER(get_interface) { UNUSED; return rt_interface_dict(SELF); }
GETTER(get_data) { UNUSED; return (PyObject *)rt_tensor_detach(SELF); }

GETTER(get_strides)
{
    UNUSED;
    PyObject *t = PyTuple_New(SELF->ndim);
    for (int i = 0; t && i < SELF->ndim; i++) {
        PyObject *v = PyLong_FromSsize_t(SELF->steps[i]);
        if (!v) { Py_CLEAR(t); break; }
        PyTuple_SET_ITEM(t, i, v);
    }
    return t;
}

GETTER(get_transposed)
{
    UNUSED;
    rt_params p;
    rt_params_begin(&p);
    p.n[0] = p.nlist = SELF->ndim;
    for (int i = 0; i < SELF->ndim; i++) p.list[i] = SELF->ndim - 1 - i;
    if (rt_tensor_is_plain(SELF) && !rt_observers)
        return (PyObject *)rt_tensor_as_view(rt_view_permute("T", SELF, SELF->ndim, p.list), SELF);
    return (PyObject *)rt_apply1p(RT_OP_permute, SELF, &p);
}

GETTER(get_matrix_transposed)
{
    UNUSED;
    if (SELF->ndim < 2) {
        PyErr_Format(rt_TensorError, "mT: needs at least 2 dimensions, the tensor has %d", SELF->ndim);
        return NULL;
    }
    rt_params p = {.i = {-2, -1}};
    return (PyObject *)rt_apply1p(RT_OP_transpose, SELF, &p);
}

static int set_requires_grad(PyObject *self, PyObject *value, void *unused)
{
    UNUSED;
    int want = value ? PyObject_IsTrue(value) : -1;
    if (want < 0) {
        if (!value) PyErr_SetString(PyExc_AttributeError, "requires_grad cannot be deleted");
        return -1;
    }
    if (SELF->node) {
        if (want) return 0;
        PyErr_SetString(PyExc_RuntimeError, "requires_grad can be switched off on leaf tensors only; use .detach()");
        return -1;
    }
    if (want && !rt_dtype_is_inexact((rt_dtype)SELF->dtype)) {
        PyErr_Format(PyExc_RuntimeError, "only tensors of floating or complex dtype can require grad, not %s",
                     rt_dtypes[SELF->dtype].name);
        return -1;
    }
    if (want && (SELF->flags & RT_INFERENCE) && !rt_inference_enabled) {
        PyErr_SetString(PyExc_RuntimeError, "a tensor made under inference_mode cannot require grad outside of it; .clone() it"
                        " first");
        return -1;
    }
    SELF->flags = (uint8_t)(want ? SELF->flags | RT_REQUIRES_GRAD : SELF->flags & ~RT_REQUIRES_GRAD);
    return 0;
}

static int set_grad(PyObject *self, PyObject *value, void *unused)
{
    UNUSED;
    if (!value || value == Py_None) {
        Py_CLEAR(SELF->grad);
        return 0;
    }
    if (!rt_tensor_check(value)) {
        PyErr_Format(PyExc_TypeError, "grad must be a Tensor or None, not %s", Py_TYPE(value)->tp_name);
        return -1;
    }
    rt_tensor *g = (rt_tensor *)value;
    if (g == SELF) {
        PyErr_SetString(PyExc_RuntimeError, "a tensor cannot be its own grad");
        return -1;
    }
    if (!rt_shape_equal(g->ndim, g->shape, SELF->ndim, SELF->shape))
        return rt_error_shapes("grad", "gradient and tensor have different shapes", g->ndim, g->shape, SELF->ndim, SELF->shape);
    if (g->dtype != SELF->dtype) {
        PyErr_Format(PyExc_TypeError, "grad has dtype %s, the tensor %s", rt_dtypes[g->dtype].name, rt_dtypes[SELF->dtype].name);
        return -1;
    }
    Py_XSETREF(SELF->grad, (rt_tensor *)Py_NewRef(value));
    if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
    return 0;
}

static int set_data(PyObject *self, PyObject *value, void *unused)
{
    UNUSED;
    if (!value || !rt_tensor_check(value)) {
        PyErr_SetString(PyExc_TypeError, "data must be a Tensor");
        return -1;
    }
    return rt_tensor_become(SELF, (rt_tensor *)value);
}

static PyGetSetDef getset[] = {
    {"shape", get_shape, NULL, "Lengths of the dimensions: a Size (a tuple that can be called).", NULL},
    {"dtype", get_dtype, NULL, "NumPy's dtype object.", NULL},
    {"ndim", get_ndim, NULL, "Number of dimensions.", NULL},
    {"itemsize", get_itemsize, NULL, "Bytes of one element.", NULL},
    {"nbytes", get_nbytes, NULL, "Bytes of all elements.", NULL},
    {"strides", get_strides, NULL, "Bytes from one element to the next, per dimension (stride() counts elements).", NULL},
    {"T", get_transposed, NULL, "View with all dimensions reversed.", NULL},
    {"mT", get_matrix_transposed, NULL, "View with the last two dimensions exchanged.", NULL},
    {"is_leaf", get_is_leaf, NULL, "True when no recorded operation made this tensor.", NULL},
    {"requires_grad", get_requires_grad, set_requires_grad, "Do gradients flow here?", NULL},
    {"grad", get_grad, set_grad, "Accumulated gradient of a leaf, or None.", NULL},
    {"grad_fn", get_grad_fn, NULL, "The node that made this tensor, or None.", NULL},
    {"retains_grad", get_retains_grad, NULL, "Does a non-leaf keep its gradient?", NULL},
    {"output_nr", get_output_nr, NULL, "Which output of grad_fn this is.", NULL},
    {"data", get_data, set_data, "The same memory without history.", NULL},
    {"base", get_base, NULL, "The tensor this one is a view of, or None.", NULL},
    {"_base", get_base, NULL, NULL, NULL},
    {"_version", get_version, NULL, "Count of in-place writes to the storage.", NULL},
    {"readonly", get_readonly, NULL, "True when writing through this tensor raises.", NULL},
    {"_is_inference", get_is_inference, NULL, NULL, NULL},
    {"__array_interface__", get_interface, NULL, "NumPy's array interface, version 3.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static Py_ssize_t length(PyObject *self)
{
    if (SELF->ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
        return -1;
    }
    return SELF->shape[0];
}

static PyObject *item_at(PyObject *self, Py_ssize_t i)
{
    if (SELF->ndim == 0 || i < 0 || i >= SELF->shape[0]) {
        PyErr_SetString(PyExc_IndexError, SELF->ndim ? "index out of range" : "a 0-d tensor has no elements to iterate over");
        return NULL;
    }
    rt_params p = {.i = {0, i}};
    PyObject *window = (PyObject *)rt_apply1p(RT_OP_select, SELF, &p);
    return window ? rt_array_settle(window) : NULL;
}

static PyObject *iterate(PyObject *self)
{
    if (SELF->ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "iteration over a 0-d tensor");
        return NULL;
    }
    return PySeqIter_New(self);
}

static int contains(PyObject *self, PyObject *value)
{
    PyObject *eq = rt_number_compare(self, value, Py_EQ), *any = NULL;
    if (!eq) return -1;
    if (eq == Py_NotImplemented) {
        Py_DECREF(eq);
        return 0;
    }
    rt_params p = {.n = {-1}};
    any = (PyObject *)rt_apply1p(RT_OP_any, (rt_tensor *)eq, &p);
    Py_DECREF(eq);
    int found = any ? *(uint8_t *)((rt_tensor *)any)->data : -1;
    Py_XDECREF(any);
    return found;
}

static PyObject *subscript(PyObject *self, PyObject *key) { return rt_subscript_get(SELF, key); }

static int assign_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "elements of a tensor cannot be deleted");
        return -1;
    }
    return rt_subscript_set(SELF, key, value, 0);
}

static PySequenceMethods sequence = {.sq_length = length, .sq_item = item_at, .sq_contains = contains};
static PyMappingMethods mapping = {.mp_length = length, .mp_subscript = subscript, .mp_ass_subscript = assign_subscript};
static PyBufferProcs buffer = {.bf_getbuffer = rt_buffer_get, .bf_releasebuffer = rt_buffer_release};

static PyObject *represent(PyObject *self)
{
    static PyObject *fn;
    if (!fn) {
        PyObject *m = PyImport_ImportModule("rustorch._repr");
        fn = m ? PyObject_GetAttrString(m, "tensor_repr") : NULL;
        Py_XDECREF(m);
        if (!fn) return NULL;
    }
    return PyObject_CallOneArg(fn, self);
}

/* Tensor(2, 3) and Tensor(size): elements of the default dtype, not set. */
static rt_tensor *construct_sized(PyObject *size)
{
    rt_device cpu = {RT_CPU, 0};
    intptr_t shape[RT_MAX_NDIM];
    int ndim = rt_shape_convert(size, shape);
    return ndim < 0 ? NULL : rt_empty(rt_default_dtype(), ndim, shape, cpu);
}

/* A new object of the type on the memory of `from` (stolen). */
static PyObject *constructed(PyTypeObject *type, rt_tensor *from)
{
    rt_tensor *t = NULL;
    if (!from) return NULL;
    if (type == &rt_tensor_type) {
        t = rt_tensor_detach(from);
    } else {
        t = (rt_tensor *)type->tp_alloc(type, 0);
        if (t && rt_tensor_become(t, from) < 0) Py_CLEAR(t);
    }
    Py_DECREF(from);
    return (PyObject *)t;
}

/* Tensor(data=None, *, dtype=None, requires_grad=False), of lists floats as torch.Tensor makes them, or
 * Tensor(*size).  Subclasses alias. */
static PyObject *construct(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"data", "requires_grad", "dtype", NULL};
    PyObject *data = NULL, *dtype = NULL;
    int requires_grad = 0;
    rt_dtype d = RT_NODTYPE;
    rt_tensor *from;
    if (!kwargs && PyTuple_GET_SIZE(args) > 0 && PyLong_CheckExact(PyTuple_GET_ITEM(args, 0)))
        return constructed(type, construct_sized(args));
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OpO:Tensor", words, &data, &requires_grad, &dtype)) return NULL;
    if (dtype && dtype != Py_None && rt_dtype_convert(dtype, &d) < 0) return NULL;
    if (!data) {
        PyObject *empty = PyList_New(0);
        from = empty ? rt_convert_tensor(empty, d, -1) : NULL;
        Py_XDECREF(empty);
    } else if (rt_size_check(data)) {
        from = construct_sized(data);
    } else {
        if (d == RT_NODTYPE && (PyList_Check(data) || PyTuple_Check(data))) d = rt_default_dtype();
        from = rt_convert_tensor(data, d, -1);
    }
    PyObject *t = constructed(type, from);
    if (t && requires_grad && set_requires_grad(t, Py_True, NULL) < 0) Py_CLEAR(t);
    return t;
}

int rt_tensor_type_init(PyObject *module)
{
    PyTypeObject *type = &rt_tensor_type;
    type->tp_doc = "A typed, strided array that differentiates; shares memory with NumPy, PyTorch and others.\n\n"
                   "Make one with rustorch.tensor(data), rustorch.zeros(shape), rustorch.from_numpy(array), ...";
    type->tp_new = construct;
    type->tp_getset = getset;
    type->tp_methods = rt_tensor_methods;
    type->tp_as_number = &rt_number_methods;
    type->tp_as_sequence = &sequence;
    type->tp_as_mapping = &mapping;
    type->tp_as_buffer = &buffer;
    type->tp_richcompare = rt_number_compare;
    type->tp_hash = (hashfunc)_Py_HashPointer;
    type->tp_repr = represent;
    type->tp_iter = iterate;
    if (PyType_Ready(type) < 0) return -1;
    PyObject *capsule = rt_dlpack_exchange_capsule();
    if (!capsule) return -1;
    int status = PyDict_SetItemString(type->tp_dict, "__dlpack_c_exchange_api__", capsule);
    Py_DECREF(capsule);
    if (status < 0) return -1;
    PyObject *priority = PyFloat_FromDouble(1000.0);
    if (!priority) return -1;
    status = PyDict_SetItemString(type->tp_dict, "__array_priority__", priority);
    Py_DECREF(priority);
    if (status < 0) return -1;
    return PyModule_AddObjectRef(module, "Tensor", (PyObject *)type);
}
