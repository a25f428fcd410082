/* tensor_methods: methods of Tensor that are not rows of the op table: facts, exchange,
 * history.  Floor: python. */
#include "autograd/engine.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/node.h"
#include "core/shape.h"
#include "dlpack/exchange.h"
#include "python/convert.h"
#include "python/script.h"
#include "python/ndarray.h"
#include "python/numpy_protocol.h"
#include "python/tensor_type.h"
#include "ufunc/apply.h"
#include <string.h>

#define SELF ((rt_tensor *)self)
#define METHOD(name) static PyObject *name(PyObject *self, PyObject *unused)

METHOD(numel) { (void)unused; return PyLong_FromSsize_t(SELF->size); }
METHOD(element_size) { (void)unused; return PyLong_FromSize_t(rt_tensor_itemsize(SELF)); }
METHOD(data_ptr) { (void)unused; return PyLong_FromVoidPtr(SELF->data); }
METHOD(dim) { (void)unused; return PyLong_FromLong(SELF->ndim); }
METHOD(tolist) { (void)unused; return rt_convert_list(SELF); }
METHOD(numpy) { (void)unused; return rt_ndarray_export(SELF); }
METHOD(detach)
{
    (void)unused;
    rt_tensor *made = rt_tensor_detach(SELF);
    if (made) rt_tracer_note_detach(SELF, made);
    return (PyObject *)made;
}
METHOD(is_floating_point) { (void)unused; return PyBool_FromLong(rt_dtype_is_float((rt_dtype)SELF->dtype)); }
METHOD(is_complex) { (void)unused; return PyBool_FromLong(rt_dtype_is_complex((rt_dtype)SELF->dtype)); }
METHOD(storage_bytes)
{
    (void)unused;
    intptr_t length = (intptr_t)SELF->storage->nbytes;
    return (PyObject *)rt_tensor_alias(SELF, SELF->storage->data, RT_u8, 1, &length, NULL);
}

METHOD(storage_offset)
{
    (void)unused;
    return PyLong_FromSsize_t((SELF->data - SELF->storage->data) / (intptr_t)rt_tensor_itemsize(SELF));
}
METHOD(dlpack_device) { (void)unused; return rt_dlpack_device(SELF); }

static PyObject *hand_over(PyObject *self, PyObject *type) { return rt_dlpack_hand_over(SELF, type); }

static PyObject *item(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    char text[RT_SHAPE_TEXT];
    if (n == 0) {
        if (SELF->size == 1) return rt_convert_item((rt_dtype)SELF->dtype, SELF->data);
        PyErr_Format(rt_TensorError, "item: needs a tensor of one element, not of shape %s",
                     rt_shape_text(SELF->ndim, SELF->shape, text));
        return NULL;
    }
    PyObject *key = n == 1 && PyTuple_Check(args[0]) ? Py_NewRef(args[0]) : PyTuple_New(n);
    if (!key) return NULL;
    if (key != args[0])
        for (Py_ssize_t i = 0; i < n; i++) PyTuple_SET_ITEM(key, i, Py_NewRef(args[i]));
    if (PyTuple_GET_SIZE(key) == 1 && SELF->ndim != 1) {      /* a flat index, as NumPy has it */
        Py_ssize_t flat = PyNumber_AsSsize_t(PyTuple_GET_ITEM(key, 0), PyExc_IndexError);
        Py_DECREF(key);
        if (flat == -1 && PyErr_Occurred()) return NULL;
        if (flat < -SELF->size || flat >= SELF->size) {
            PyErr_Format(PyExc_IndexError, "item: index %zd is out of range for %zd elements", flat, SELF->size);
            return NULL;
        }
        if (flat < 0) flat += SELF->size;
        const char *at = SELF->data;
        for (int i = SELF->ndim - 1; i >= 0; i--) {
            at += flat % SELF->shape[i] * SELF->steps[i];
            flat /= SELF->shape[i];
        }
        return rt_convert_item((rt_dtype)SELF->dtype, at);
    }
    PyObject *one = PyObject_GetItem(self, key), *r = NULL;
    Py_DECREF(key);
    if (one) r = item(one, NULL, 0);
    Py_XDECREF(one);
    return r;
}

static PyObject *stride(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    intptr_t size = (intptr_t)rt_tensor_itemsize(SELF);
    if (n == 1 && args[0] != Py_None) {
        Py_ssize_t d = PyNumber_AsSsize_t(args[0], PyExc_IndexError);
        if (d == -1 && PyErr_Occurred()) return NULL;
        int k = rt_dim_wrap("stride", d, SELF->ndim);
        return k < 0 || !SELF->ndim ? NULL : PyLong_FromSsize_t(SELF->steps[k] / size);
    }
    PyObject *t = PyTuple_New(SELF->ndim);
    for (int i = 0; t && i < SELF->ndim; i++) {
        PyObject *v = PyLong_FromSsize_t(SELF->steps[i] / size);
        if (!v) { Py_CLEAR(t); break; }
        PyTuple_SET_ITEM(t, i, v);
    }
    return t;
}

/* backward(gradient=None, retain_graph=None, create_graph=False, inputs=None) */
static PyObject *backward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"gradient", "retain_graph", "create_graph", "inputs", NULL};
    PyObject *gradient = Py_None, *retain = Py_None, *inputs = Py_None, *list = NULL;
    int create = 0, status = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOpO:backward", words, &gradient, &retain, &create, &inputs)) return NULL;
    if (gradient != Py_None && !rt_tensor_check(gradient)) {
        PyErr_Format(PyExc_TypeError, "backward: gradient must be a Tensor or None, not %s", Py_TYPE(gradient)->tp_name);
        return NULL;
    }
    rt_tensor *out[1] = {SELF}, *g[1] = {gradient == Py_None ? NULL : (rt_tensor *)gradient};
    int keep = retain == Py_None ? create : PyObject_IsTrue(retain);
    if (keep < 0) return NULL;
    rt_backward_call call = {.n = 1, .outputs = out, .grads = g, .retain_graph = keep, .create_graph = create};
    if (inputs != Py_None) {
        list = rt_tensor_check(inputs) ? PyTuple_Pack(1, inputs) : PySequence_Tuple(inputs);
        if (!list) return NULL;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list); i++)
            if (!rt_tensor_check(PyTuple_GET_ITEM(list, i))) {
                PyErr_SetString(PyExc_TypeError, "backward: inputs must be Tensors");
                goto done;
            }
        call.ninputs = (int)PyTuple_GET_SIZE(list);
        call.inputs = (rt_tensor *const *)((PyTupleObject *)list)->ob_item;
        if (!call.ninputs) {
            PyErr_SetString(PyExc_RuntimeError, "backward: inputs must not be empty");
            goto done;
        }
    }
    status = rt_backward(&call);
done:
    Py_XDECREF(list);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *requires_grad_(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *value = n ? args[0] : Py_True;
    if (PyObject_SetAttrString(self, "requires_grad", value) < 0) return NULL;
    return Py_NewRef(self);
}

METHOD(detach_)
{
    (void)unused;
    if (SELF->base) {
        PyErr_SetString(PyExc_RuntimeError, "detach_: not on a view; use .detach()");
        return NULL;
    }
    Py_CLEAR(SELF->node);
    SELF->flags &= (uint8_t)~RT_REQUIRES_GRAD;
    return Py_NewRef(self);
}

/* __array__(dtype=None, copy=None) */
static PyObject *array(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"dtype", "copy", NULL};
    PyObject *dtype = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:__array__", words, &dtype, &copy)) return NULL;
    PyObject *a = rt_ndarray_export(SELF), *r;
    if (!a) return NULL;
    int want = copy == Py_None ? -1 : PyObject_IsTrue(copy);
    if (dtype != Py_None) {
        PyObject *have = rt_dtype_object((rt_dtype)SELF->dtype);
        int same = have ? PyObject_RichCompareBool(have, dtype, Py_EQ) : -1;
        Py_XDECREF(have);
        if (same < 0) { Py_DECREF(a); return NULL; }
        if (!same) {
            if (want == 0) {
                Py_DECREF(a);
                PyErr_SetString(PyExc_ValueError, "__array__: another dtype needs a copy, and copy=False was asked for");
                return NULL;
            }
            r = PyObject_CallMethod(a, "astype", "O", dtype);
            Py_DECREF(a);
            return r;
        }
    }
    if (want == 1) {
        r = PyObject_CallMethod(a, "copy", NULL);
        Py_DECREF(a);
        return r;
    }
    return a;
}

static PyObject *add_hook(PyObject *self, PyObject *fn) { return rt_tensor_add_hook(SELF, fn, 0); }
static PyObject *add_after_hook(PyObject *self, PyObject *fn) { return rt_tensor_add_hook(SELF, fn, 1); }

/* A key in a dict of hooks: counts up, so that order is registration's. */
static int put(PyObject **dict, PyObject *entry, PyObject **key)
{
    static unsigned long long next;
    if (!*dict && !(*dict = PyDict_New())) return -1;
    *key = PyLong_FromUnsignedLongLong(++next);
    return *key && entry ? PyDict_SetItem(*dict, *key, entry) : -1;
}

/* Returns (dict, key): removing the key removes the hook. */
PyObject *rt_tensor_add_hook(rt_tensor *t, PyObject *fn, int after)
{
    PyObject *key = NULL, *entry = NULL, *pair = NULL, **dict;
    if (!PyCallable_Check(fn)) {
        PyErr_SetString(PyExc_TypeError, "a hook must be callable");
        return NULL;
    }
    if (!rt_tensor_requires_grad(t)) {
        PyErr_SetString(PyExc_RuntimeError, "cannot register a hook on a tensor that does not require grad");
        return NULL;
    }
    if (t->node && after) {
        PyErr_SetString(PyExc_RuntimeError, "post accumulate grad hooks are for leaf tensors");
        return NULL;
    }
    if (t->node) {
        dict = &t->node->pre_hooks;
        entry = Py_BuildValue("(iO)", (int)t->output_nr, fn);
    } else {
        dict = &t->hooks;
        entry = after ? PyTuple_Pack(2, Py_None, fn) : Py_NewRef(fn);
        if (!PyObject_GC_IsTracked((PyObject *)t)) PyObject_GC_Track((PyObject *)t);
    }
    if (put(dict, entry, &key) == 0) pair = PyTuple_Pack(2, *dict, key);
    Py_XDECREF(key);
    Py_XDECREF(entry);
    return pair;
}

METHOD(retain_grad)
{
    (void)unused;
    if (!rt_tensor_requires_grad(SELF)) {
        PyErr_SetString(PyExc_RuntimeError, "retain_grad: the tensor does not require grad");
        return NULL;
    }
    if (!SELF->node || (SELF->flags & RT_RETAIN_GRAD)) Py_RETURN_NONE;
    PyObject *weak = PyWeakref_NewRef(self, NULL), *key = NULL, *entry = NULL;
    if (weak) entry = Py_BuildValue("(iO)", (int)SELF->output_nr, weak);
    int status = entry ? put(&SELF->node->pre_hooks, entry, &key) : -1;
    Py_XDECREF(weak);
    Py_XDECREF(entry);
    Py_XDECREF(key);
    if (status < 0) return NULL;
    SELF->flags |= RT_RETAIN_GRAD;
    Py_RETURN_NONE;
}

static PyObject *make_subclass(PyObject *type, PyObject *args)
{
    PyTypeObject *cls;
    PyObject *from;
    int requires_grad = 0;
    (void)type;
    if (!PyArg_ParseTuple(args, "O!O!|p:_make_subclass", &PyType_Type, &cls, &rt_tensor_type, &from, &requires_grad)) return NULL;
    if (!PyType_IsSubtype(cls, &rt_tensor_type)) {
        PyErr_Format(PyExc_TypeError, "%s is no subclass of Tensor", cls->tp_name);
        return NULL;
    }
    rt_tensor *t = (rt_tensor *)cls->tp_alloc(cls, 0);
    if (t && (rt_tensor_become(t, (rt_tensor *)from) < 0
              || (requires_grad && PyObject_SetAttrString((PyObject *)t, "requires_grad", Py_True) < 0)))
        Py_CLEAR(t);
    return (PyObject *)t;
}

#define FAST(f) ((PyCFunction)(void (*)(void))f)
static PyObject *touch(PyObject *self, PyObject *unused)
{
    (void)unused;
    rt_tensor_touch(SELF, "increment_version");
    Py_RETURN_NONE;
}

PyMethodDef rt_tensor_methods[] = {
    {"numel", numel, METH_NOARGS, "Number of elements."},
    {"nelement", numel, METH_NOARGS, "Number of elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"data_ptr", data_ptr, METH_NOARGS, "Address of the first element."},
    {"dim", dim, METH_NOARGS, "Number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "Number of dimensions."},
    {"stride", FAST(stride), METH_FASTCALL, "stride(dim=None): elements from one to the next, per dimension."},
    {"storage_offset", storage_offset, METH_NOARGS, "Elements before the first in its storage."},
    {"_storage_bytes", storage_bytes, METH_NOARGS, "All bytes of the storage, a uint8 tensor on the same memory."},
    {"is_floating_point", is_floating_point, METH_NOARGS, NULL},
    {"is_complex", is_complex, METH_NOARGS, NULL},
    {"item", FAST(item), METH_FASTCALL, "The one element as a Python number; item(i, ...) that of an index."},
    {"tolist", tolist, METH_NOARGS, "Nested lists of Python numbers."},
    {"to_list", tolist, METH_NOARGS, "Nested lists of Python numbers."},
    {"numpy", numpy, METH_NOARGS, "ndarray on the same memory; read-only when the tensor is, or requires grad."},
    {"to_numpy", numpy, METH_NOARGS, "ndarray on the same memory; read-only when the tensor is, or requires grad."},
    {"__array__", FAST(array), METH_VARARGS | METH_KEYWORDS, "ndarray on the same memory where dtype and copy allow."},
    {"__array_function__", FAST(rt_array_function), METH_FASTCALL | METH_KEYWORDS, "NumPy's functions on tensors."},
    {"__dlpack__", FAST(rt_dlpack_method), METH_FASTCALL | METH_KEYWORDS,
     "__dlpack__($self, /, *, stream=None, max_version=None, dl_device=None, copy=None)\n--\n\nCapsule for the consumer."},
    {"__dlpack_device__", dlpack_device, METH_NOARGS,
     "__dlpack_device__($self, /)\n--\n\n(device type, device id) in DLPack's numbers."},
    {"_hand_over", hand_over, METH_O, "A tensor of another library's type on the same memory, by that type's C exchange table."},
    {"detach", detach, METH_NOARGS, "The same memory without history."},
    {"detach_", detach_, METH_NOARGS, "Forgets the history in place."},
    {"requires_grad_", FAST(requires_grad_), METH_FASTCALL, "requires_grad_(flag=True): sets it, returns the tensor."},
    {"backward", FAST(backward), METH_VARARGS | METH_KEYWORDS,
     "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None)\n\n"
     "Adds d(self)/d(leaf) to .grad of every leaf.  RuntimeError when self needs no gradient, is not a single element\n"
     "and no gradient is given, or its graph was already freed."},
    {"_add_hook", add_hook, METH_O, NULL},
    {"_touch", touch, METH_NOARGS, NULL},
    {"_add_after_hook", add_after_hook, METH_O, NULL},
    {"retain_grad", retain_grad, METH_NOARGS, "Keeps .grad of a non-leaf in the next backward pass."},
    {"_make_subclass", make_subclass, METH_VARARGS | METH_STATIC, "_make_subclass(cls, tensor, requires_grad=False)"},
    {NULL, NULL, 0, NULL},
};
