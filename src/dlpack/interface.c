/* interface: __array_interface__, version 3, both ways: a dict of address, shape, strides in
 * bytes and type.  Nothing proves that an address is right; where the dict gives a buffer
 * instead, every element is checked to lie inside it.  Floor: dlpack. */
#include "dlpack/adopt.h"
#include "core/error.h"
#include <stdlib.h>
#include <string.h>

#define OP "__array_interface__"

static const char kind_letters[] = {
    [RT_KIND_BOOL] = 'b', [RT_KIND_UNSIGNED] = 'u', [RT_KIND_SIGNED] = 'i', [RT_KIND_FLOAT] = 'f',
    [RT_KIND_COMPLEX] = 'c'};
static const char native_order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';

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

PyObject *rt_interface_dict(rt_tensor *t)
{
    const rt_dtype_info *info = &rt_dtypes[t->dtype];
    if (t->dtype == RT_bf16) {
        PyErr_SetString(PyExc_AttributeError, OP ": has no word for bfloat16; use .float(), or DLPack");
        return NULL;
    }
    if (t->storage->device.type != RT_CPU) {
        PyErr_SetString(PyExc_AttributeError, OP ": the tensor is not in the CPU's memory; use .cpu() first");
        return NULL;
    }
    PyObject *shape = tuple_of(t->ndim, t->shape), *strides = NULL, *dict = NULL;
    if (!shape) return NULL;
    strides = tuple_of(t->ndim, t->steps);      /* also of contiguous memory: who sees none asks for a flat buffer */
    if (!strides) goto done;
    t->storage->pinned = 1;
    char type[8];
    PyOS_snprintf(type, sizeof type, "%c%c%d", info->itemsize == 1 ? '|' : native_order, kind_letters[info->kind],
                  info->itemsize);
    dict = Py_BuildValue("{s:O,s:s,s:(NO),s:O,s:i}", "shape", shape, "typestr", type, "data",
                         PyLong_FromVoidPtr(t->data), rt_exports_readonly(t) ? Py_True : Py_False, "strides", strides,
                         "version", 3);
done:
    Py_DECREF(shape);
    Py_XDECREF(strides);
    return dict;
}

/* "<f4" and the like. */
static rt_dtype parse_type(PyObject *typestr)
{
    if (!typestr || !PyUnicode_Check(typestr)) {
        rt_error(PyExc_TypeError, OP, "typestr must be a str, not %.100s",
                 typestr ? Py_TYPE(typestr)->tp_name : "missing");
        return RT_NODTYPE;
    }
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(typestr, &length);
    if (!text) return RT_NODTYPE;
    char order = text[0], letter = order ? text[1] : 0, *end = NULL;
    long size = letter && text[2] >= '1' && text[2] <= '9' ? strtol(text + 2, &end, 10) : 0;
    rt_dtype dtype = RT_NODTYPE;
    for (int kind = 0; end == text + length && kind <= RT_KIND_COMPLEX; kind++)
        if (kind_letters[kind] == letter) dtype = rt_dtype_find((rt_kind)kind, (size_t)size);
    if (dtype == RT_NODTYPE || !strchr("<>|=", order)) {
        PyErr_Format(PyExc_TypeError, OP ": typestr %R is not a type we compute with", typestr);
        return RT_NODTYPE;
    }
    if (size > 1 && order != native_order && order != '=') {
        PyErr_Format(PyExc_TypeError, OP ": typestr %R is not in this machine's byte order; convert it first "
                     "(a.astype(a.dtype.newbyteorder('=')))", typestr);
        return RT_NODTYPE;
    }
    return dtype;
}

/* Tuple of integers into out; its length, or -1. */
static int parse_integers(const char *name, PyObject *value, intptr_t *out)
{
    if (!value || !PyTuple_Check(value))
        return rt_error(PyExc_TypeError, OP, "%s must be a tuple of integers, not %.100s", name,
                        value ? Py_TYPE(value)->tp_name : "missing");
    Py_ssize_t n = PyTuple_GET_SIZE(value);
    if (n > RT_MAX_NDIM)
        return rt_error(PyExc_ValueError, OP, "%s has %zd entries; a tensor has at most %d dimensions", name, n, RT_MAX_NDIM);
    for (Py_ssize_t i = 0; i < n; i++) {
        out[i] = PyNumber_AsSsize_t(PyTuple_GET_ITEM(value, i), PyExc_ValueError);
        if (out[i] == -1 && PyErr_Occurred()) return -1;
    }
    return (int)n;
}

/* What keeps imported memory alive: the object, and its buffer when the dict gave one. */
typedef struct {
    PyObject *object;      /* owned */
    Py_buffer view;        /* owned where view.obj is set */
} keeper;

static void release_keeper(void *owner)
{
    keeper *k = owner;
    if (k->view.obj) PyBuffer_Release(&k->view);
    Py_DECREF(k->object);
    PyMem_Free(k);
}

/* (address, read-only) */
static int parse_address(rt_foreign *f, PyObject *data)
{
    if (PyTuple_GET_SIZE(data) != 2 || !PyLong_Check(PyTuple_GET_ITEM(data, 0)))
        return rt_error(PyExc_TypeError, OP, "data must be (address, read-only) or an object with a buffer");
    f->data = PyLong_AsVoidPtr(PyTuple_GET_ITEM(data, 0));
    if (!f->data && PyErr_Occurred()) return -1;
    f->readonly = PyObject_IsTrue(PyTuple_GET_ITEM(data, 1));
    return f->readonly < 0 ? -1 : 0;
}

static int parse_buffer(rt_foreign *f, keeper *k, PyObject *source, PyObject *offset)
{
    if (PyObject_GetBuffer(source, &k->view, PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
        if (PyObject_GetBuffer(source, &k->view, PyBUF_SIMPLE) < 0) {
            k->view.obj = NULL;
            return -1;
        }
    }
    f->low = k->view.buf;
    f->high = f->low + k->view.len;
    f->readonly = k->view.readonly;
    Py_ssize_t at = offset ? PyNumber_AsSsize_t(offset, PyExc_ValueError) : 0;
    if (at == -1 && PyErr_Occurred()) return -1;
    if (at < 0 || at > k->view.len)
        return rt_error(PyExc_ValueError, OP, "offset %zd lies outside the buffer of %zd bytes", at, k->view.len);
    f->data = f->low + at;
    return 0;
}

static int parse_dict(rt_foreign *f, keeper *k, PyObject *dict)
{
    if (!PyDict_Check(dict))
        return rt_error(PyExc_TypeError, OP, "must be a dict, not %.100s", Py_TYPE(dict)->tp_name);
    PyObject *data = PyDict_GetItemString(dict, "data"), *offset = PyDict_GetItemString(dict, "offset");
    PyObject *strides = PyDict_GetItemString(dict, "strides"), *mask = PyDict_GetItemString(dict, "mask");
    f->dtype = parse_type(PyDict_GetItemString(dict, "typestr"));
    if (f->dtype == RT_NODTYPE) return -1;
    if (mask && mask != Py_None) return rt_error(PyExc_TypeError, OP, "masked arrays are not supported");
    f->ndim = parse_integers("shape", PyDict_GetItemString(dict, "shape"), f->shape);
    if (f->ndim < 0) return -1;
    f->c_order = !strides || strides == Py_None;
    if (!f->c_order) {
        int n = parse_integers("strides", strides, f->steps);
        if (n < 0) return -1;
        if (n != f->ndim)
            return rt_error(PyExc_ValueError, OP, "%d strides for %d dimensions", n, f->ndim);
    }
    if (data && PyTuple_Check(data)) return parse_address(f, data);
    return parse_buffer(f, k, data && data != Py_None ? data : k->object, offset);
}

static rt_tensor *import_dict(PyObject *obj, PyObject *dict)
{
    keeper *k = PyMem_Calloc(1, sizeof *k);
    if (!k) return (rt_tensor *)PyErr_NoMemory();
    k->object = Py_NewRef(obj);
    rt_foreign f = {.op = OP, .error = PyExc_ValueError, .release = release_keeper, .owner = k};
    if (parse_dict(&f, k, dict) == 0) return rt_foreign_adopt(&f, RT_COPY_IF_NEEDED);
    rt_foreign_drop(&f);
    return NULL;
}

rt_tensor *rt_interface_import(PyObject *obj)
{
    PyObject *dict = PyObject_GetAttrString(obj, OP);
    if (!dict) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            rt_error(PyExc_TypeError, OP, "%.100s has none", Py_TYPE(obj)->tp_name);
        }
        return NULL;
    }
    rt_tensor *t = import_dict(obj, dict);
    Py_DECREF(dict);
    return t;
}
