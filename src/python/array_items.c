/* array_items: elements of arrays (rustorch.numpy.ndarray) by integers, singly and in loops, on the
 * shortest way: a taken element is a value without dimensions, copied, and a number is stored on the
 * spot.  Every other key, and all that has to be recorded, goes through subscript.c.
 * Floor: python. */
#include "python/array_items.h"
#include "backends/memory.h"
#include "core/node.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/subscript.h"
#include "ufunc/apply.h"
#include <string.h>

#define SELF ((rt_tensor *)self)

PyObject *rt_array_scalar(rt_dtype dtype, const char *at)
{
    const size_t item = rt_itemsize(dtype);
    rt_tensor *t = item <= 8 ? rt_tensor_single(dtype) : rt_empty(dtype, 0, NULL, (rt_device){RT_CPU, 0});
    if (!t) return NULL;
    switch (item) {
    case 8: memcpy(t->data, at, 8); break;
    case 4: memcpy(t->data, at, 4); break;
    default: memcpy(t->data, at, item);
    }
    Py_SET_TYPE((PyObject *)t, &rt_array_type);
    return (PyObject *)t;
}

/* Row `at` of the first dimension: a window, or the value. */
static inline PyObject *row(rt_tensor *t, char *at)
{
    if (t->ndim == 1) return rt_array_scalar((rt_dtype)t->dtype, at);
    return (PyObject *)rt_tensor_as_view(rt_tensor_alias(t, at, (rt_dtype)t->dtype, t->ndim - 1, t->shape + 1, t->steps + 1), t);
}

/* A slice of the first dimension. */
static PyObject *rows(rt_tensor *t, PyObject *slice)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return NULL;
    memcpy(shape, t->shape, t->ndim * sizeof *shape);
    memcpy(steps, t->steps, t->ndim * sizeof *steps);
    shape[0] = PySlice_AdjustIndices(t->shape[0], &start, &stop, step);
    if (shape[0] > 1) steps[0] *= step;
    char *at = shape[0] ? t->data + start * t->steps[0] : t->data;
    return (PyObject *)rt_tensor_as_view(rt_tensor_alias(t, at, (rt_dtype)t->dtype, t->ndim, shape, steps), t);
}

static inline int wrap(intptr_t *i, intptr_t length)
{
    if (*i < 0) *i += length;
    return (size_t)*i < (size_t)length;
}

/* The address that as many integers as there are dimensions stand for; NULL without an exception otherwise. */
static char *element(const rt_tensor *t, PyObject *key)
{
    intptr_t i;
    if (t->ndim == 1 && rt_convert_small_integer(key, &i)) return wrap(&i, t->shape[0]) ? t->data + i * t->steps[0] : NULL;
    if (!PyTuple_CheckExact(key) || PyTuple_GET_SIZE(key) != t->ndim || !t->ndim) return NULL;
    char *at = t->data;
    for (int d = 0; d < t->ndim; d++) {
        if (!rt_convert_small_integer(PyTuple_GET_ITEM(key, d), &i) || !wrap(&i, t->shape[d])) return NULL;
        at += i * t->steps[d];
    }
    return at;
}

static PyObject *get(PyObject *self, PyObject *key)
{
    intptr_t i;
    if (!rt_array_in_graph(SELF)) {
        const char *at = element(SELF, key);
        if (at) return rt_array_scalar((rt_dtype)SELF->dtype, at);
        if (SELF->ndim > 1 && rt_convert_small_integer(key, &i) && wrap(&i, SELF->shape[0]))
            return row(SELF, SELF->data + i * SELF->steps[0]);
        if (PySlice_Check(key) && SELF->ndim) return rows(SELF, key);
    }
    return rt_subscript_get(SELF, key);
}

/* A Python number, or an array's value of the same dtype, put at `at`.  1 done, 0 not so simple, -1 error. */
static int store(rt_tensor *t, char *at, PyObject *value)
{
    const rt_kind kind = rt_dtype_kind((rt_dtype)t->dtype);
    if (rt_array_is_scalar(value) && ((rt_tensor *)value)->dtype == t->dtype) {
        if (rt_tensor_requires_grad((rt_tensor *)value)) return 0;
        memcpy(at, ((rt_tensor *)value)->data, rt_tensor_itemsize(t));
        return 1;
    }
    if (t->dtype == RT_f64 && PyFloat_CheckExact(value)) {
        *(double *)at = PyFloat_AS_DOUBLE(value);
        return 1;
    }
    if (PyFloat_CheckExact(value) && kind == RT_KIND_FLOAT) {
        const rt_operand s = rt_operand_float(PyFloat_AS_DOUBLE(value));
        return rt_operand_store(&s, (rt_dtype)t->dtype, at) < 0 ? -1 : 1;
    }
    intptr_t i;
    if (rt_convert_small_integer(value, &i) && kind >= RT_KIND_UNSIGNED && kind <= RT_KIND_FLOAT) {
        const rt_operand s = rt_operand_int(i);
        return rt_operand_store(&s, (rt_dtype)t->dtype, at) < 0 ? -1 : 1;
    }
    return 0;
}

/* None and texts as NumPy reads them: numpy.array(value, dtype). */
static PyObject *read_text(const rt_tensor *t, PyObject *value)
{
    PyObject *numpy = PyImport_ImportModule("numpy"), *dtype = numpy ? rt_dtype_object((rt_dtype)t->dtype) : NULL;
    PyObject *number = dtype ? PyObject_CallMethod(numpy, "array", "OO", value, dtype) : NULL;
    Py_XDECREF(numpy);
    Py_XDECREF(dtype);
    return number;
}

static int set(PyObject *self, PyObject *key, PyObject *value)
{
    if (!value) {
        PyErr_SetString(PyExc_ValueError, "cannot delete array elements");
        return -1;
    }
    if (!rt_array_in_graph(SELF) && !(SELF->flags & RT_READONLY) 
        && (rt_tensor_is_contiguous(SELF) || rt_tensor_is_injective(SELF))) {
        char *at = element(SELF, key);
        const int done = at ? store(SELF, at, value) : 0;
        if (done) {
            rt_tensor_touch(SELF, "setitem");
            if (SELF->base) SELF->base_version = SELF->storage->version;
            return done < 0 ? -1 : 0;
        }
    }
    if (value != Py_None && !PyUnicode_Check(value) && !PyBytes_Check(value)) return rt_subscript_set(SELF, key, value, 0);
    PyObject *number = read_text(SELF, value);
    const int status = number ? rt_subscript_set(SELF, key, number, 0) : -1;
    Py_XDECREF(number);
    return status;
}

static Py_ssize_t length(PyObject *self)
{
    if (SELF->ndim) return SELF->shape[0];
    PyErr_SetString(PyExc_TypeError, "len() of unsized object");
    return -1;
}

PyMappingMethods rt_array_mapping = {.mp_length = length, .mp_subscript = get, .mp_ass_subscript = set};

/* ---- iteration ---- */

typedef struct {
    PyObject_HEAD
    rt_tensor *array;          /* owned; NULL at the end */
    intptr_t next;
} iterator;

static PyTypeObject iterator_type;

PyObject *rt_array_iterate(PyObject *array)
{
    if (((rt_tensor *)array)->ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "iteration over a 0-d array");
        return NULL;
    }
    iterator *it = PyObject_GC_New(iterator, &iterator_type);
    if (!it) return NULL;
    it->array = (rt_tensor *)Py_NewRef(array);
    it->next = 0;
    PyObject_GC_Track((PyObject *)it);
    return (PyObject *)it;
}

static PyObject *iterator_next(PyObject *self)
{
    iterator *it = (iterator *)self;
    rt_tensor *t = it->array;
    if (!t) return NULL;
    if (t->ndim && it->next < t->shape[0]) {
        const intptr_t i = it->next++;
        if (!rt_array_in_graph(t)) return row(t, t->data + i * t->steps[0]);
        rt_params p = {.i = {0, i}};
        PyObject *window = (PyObject *)rt_apply1p(RT_OP_select, t, &p);
        return window ? rt_array_settle(window) : NULL;
    }
    it->array = NULL;
    Py_DECREF(t);
    return NULL;
}

static PyObject *iterator_length(PyObject *self, PyObject *unused)
{
    const iterator *it = (iterator *)self;
    (void)unused;
    return PyLong_FromSsize_t(it->array && it->array->ndim && it->array->shape[0] > it->next
                              ? it->array->shape[0] - it->next : 0);
}

static int iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((iterator *)self)->array);
    return 0;
}

static void iterator_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((iterator *)self)->array);
    PyObject_GC_Del(self);
}

static PyMethodDef iterator_methods[] = {
    {"__length_hint__", iterator_length, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyTypeObject iterator_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.numpy.iterator",
    .tp_basicsize = sizeof(iterator),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = iterator_dealloc,
    .tp_traverse = iterator_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = iterator_next,
    .tp_methods = iterator_methods,
};

int rt_array_items_init(void) { return PyType_Ready(&iterator_type); }
