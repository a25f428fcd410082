/* numpy_fallback: ufuncs that are no row of ours, run by NumPy on arrays that share the tensors'
 * memory; and how results come home.  Floor: python. */
#include "core/error.h"
#include "core/shape.h"
#include "python/convert.h"
#include "python/ndarray.h"
#include "python/numpy_call.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include <string.h>

static int wants_gradient(PyObject *o)
{
    if (!rt_tensor_check(o)) return 0;
    const rt_tensor *t = (const rt_tensor *)o;
    return rt_tensor_requires_grad(t) && rt_dtype_is_inexact((rt_dtype)t->dtype);
}

int rt_numpy_needs_gradient(const rt_numpy_call *c)
{
    if (!rt_grad_enabled) return 0;
    for (Py_ssize_t i = 0; i < c->nin; i++) if (wants_gradient(c->in[i])) return 1;
    return 0;
}

static PyObject *name_of(const rt_numpy_call *c)
{
    PyObject *name = PyObject_GetAttrString(c->ufunc, "__name__");
    if (!name) PyErr_Clear();
    PyObject *text = PyUnicode_CompareWithASCIIString(c->method, "__call__") == 0
        ? PyUnicode_FromFormat("%V", name, "?") : PyUnicode_FromFormat("%V.%U", name, "?", c->method);
    Py_XDECREF(name);
    return text;
}

static int refuse(const rt_numpy_call *c, const char *why)
{
    PyObject *name = name_of(c);
    if (name) PyErr_Format(PyExc_TypeError, "ufunc '%U': %s", name, why);
    Py_XDECREF(name);
    return -1;
}

int rt_numpy_refuse_array(const rt_numpy_call *c)
{
    return refuse(c, "gradients cannot flow into an ndarray; give a Tensor as out=, or detach() the inputs");
}

/* ---- outputs ---- */

rt_tensor *rt_numpy_output(PyObject *out)
{
    if (rt_tensor_check(out)) return (rt_tensor *)Py_NewRef(out);
    if (!rt_ndarray_check(out)) {
        PyErr_Format(PyExc_TypeError, "an output must be a Tensor or an ndarray, not %.100s", Py_TYPE(out)->tp_name);
        return NULL;
    }
    PyObject *flags = PyObject_GetAttrString(out, "flags");
    PyObject *aligned = flags ? PyObject_GetAttrString(flags, "aligned") : NULL;
    int ok = aligned == Py_True;
    Py_XDECREF(aligned);
    Py_XDECREF(flags);
    if (ok) return rt_ndarray_import(out);
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "an output array must be aligned in memory");
    return NULL;
}

static int is_safe(rt_dtype from, rt_dtype to)
{
    rt_kind a = rt_dtype_kind(from), b = rt_dtype_kind(to);
    size_t sa = rt_itemsize(rt_dtype_to_real(from)), sb = rt_itemsize(rt_dtype_to_real(to));
    if (from == to || a == RT_KIND_BOOL) return 1;
    if (a > b) return 0;
    if (a == RT_KIND_UNSIGNED && b == RT_KIND_SIGNED) return sa < sb;
    if (a <= RT_KIND_SIGNED && b >= RT_KIND_FLOAT) return to != RT_bf16 && (sb == 8 || 2 * sa <= sb);
    return a == b || a == RT_KIND_FLOAT ? (sa < sb || (a != b && sa == sb)) : 0;
}

static int may_cast(const char *rule, rt_dtype from, rt_dtype to)
{
    if (!rule || strcmp(rule, "same_kind") == 0) return rt_dtype_can_cast(from, to);
    if (strcmp(rule, "unsafe") == 0) return 1;
    if (strcmp(rule, "safe") == 0) return is_safe(from, to);
    return from == to;
}

/* where(c->where, result, otherwise), shapes broadcast together; new reference */
static rt_tensor *select_where(const rt_numpy_call *c, rt_tensor *result, rt_tensor *otherwise)
{
    rt_operand in[3] = {[1] = rt_operand_of(result),
                        [2] = otherwise ? rt_operand_of(otherwise) : (rt_operand){.kind = RT_KIND_BOOL}};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    PyObject *owned = NULL;
    int status = 0;
    if (PyList_CheckExact(c->where) || PyTuple_CheckExact(c->where)) {       /* truth values of what is listed */
        in[0].t = rt_convert_tensor(c->where, RT_b1, -1);
        owned = (PyObject *)in[0].t;
        if (!owned) return NULL;
    } else {
        status = rt_convert_operand(c->where, &in[0], &owned);
    }
    if (status > 0) refuse(c, "where= must be an array of bool");
    if (status == 0 && in[0].t && in[0].t->dtype != RT_b1) status = refuse(c, "where= must be an array of bool");
    if (status == 0) status = rt_op_apply(&rt_ops[RT_OP_where], 3, in, NULL, out);
    Py_XDECREF(owned);
    return status == 0 ? out[0] : NULL;
}

PyObject *rt_numpy_deliver(const rt_numpy_call *c, rt_tensor *result, PyObject *given)
{
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    PyObject *home = NULL;
    if (!result) return NULL;
    if (given == Py_None) given = NULL;
    if (given && !(out[0] = rt_numpy_output(given))) goto done;
    if (given && PyUnicode_CompareWithASCIIString(c->method, "__call__") != 0
        && !rt_shape_equal(out[0]->ndim, out[0]->shape, result->ndim, result->shape)) {
        rt_error_shapes(c->binding ? c->binding->op->cls.name : "ufunc", "the output has the wrong shape (needed, given)",
                        result->ndim, result->shape, out[0]->ndim, out[0]->shape);
        goto done;
    }
    if (given && !may_cast(c->casting, (rt_dtype)result->dtype, (rt_dtype)out[0]->dtype)) {
        PyErr_Format(PyExc_TypeError, "cannot cast a result of dtype %s to the output's dtype %s by casting rule '%s'",
                     rt_dtypes[result->dtype].name, rt_dtypes[out[0]->dtype].name, c->casting ? c->casting : "same_kind");
        goto done;
    }
    if (c->where && PyUnicode_CompareWithASCIIString(c->method, "__call__") == 0) {
        rt_tensor *mixed = select_where(c, result, out[0]);
        Py_SETREF(result, mixed);
        if (!result) goto done;
    }
    if (!given) {
        home = Py_NewRef((PyObject *)result);
        goto done;
    }
    rt_operand in[1] = {rt_operand_of(result)};
    if (rt_op_apply(&rt_ops[RT_OP_copy], 1, in, NULL, out) == 0) home = Py_NewRef(given);
done:
    Py_XDECREF((PyObject *)out[0]);
    Py_XDECREF((PyObject *)result);
    return home;
}

/* ---- by NumPy ---- */

/* The same object with tensors, also those in tuples, as arrays; new reference. */
static PyObject *as_arrays(PyObject *o)
{
    if (rt_tensor_check(o)) return rt_ndarray_export((rt_tensor *)o);
    if (!PyTuple_CheckExact(o)) return Py_NewRef(o);
    PyObject *t = PyTuple_New(PyTuple_GET_SIZE(o));
    for (Py_ssize_t i = 0; t && i < PyTuple_GET_SIZE(o); i++) {
        PyObject *item = as_arrays(PyTuple_GET_ITEM(o, i));
        if (item) PyTuple_SET_ITEM(t, i, item);
        else Py_CLEAR(t);
    }
    return t;
}

/* NumPy is about to write into `o`. */
static int announce_write(const rt_numpy_call *c, PyObject *o)
{
    if (!rt_tensor_check(o)) return 0;
    rt_tensor *t = (rt_tensor *)o;
    if (rt_tensor_requires_grad(t)) return refuse(c, "it writes into a Tensor that requires grad; give it t.detach()");
    if (t->flags & RT_READONLY) {
        PyErr_SetString(PyExc_ValueError, "the output is read-only; copy it with .clone() first");
        return -1;
    }
    rt_tensor_touch(t, "a NumPy ufunc");
    if (t->base) t->base_version = t->storage->version;
    return 0;
}

static const char unknown[] = "no derivative known; detach() the tensor, or compute under no_grad()";

/* An array as a Tensor where we have its dtype; steals. */
static PyObject *wrap(const rt_numpy_call *c, PyObject *o, int need)
{
    if (!o || (!rt_ndarray_check(o) && !rt_ndarray_is_scalar(o))) return o;
    PyObject *array = o, *result = NULL;
    if (!rt_ndarray_check(o)) {
        PyObject *numpy = PyImport_ImportModule("numpy");
        array = numpy ? PyObject_CallMethod(numpy, "asarray", "O", o) : NULL;
        Py_XDECREF(numpy);
        if (!array) goto done;
    }
    result = (PyObject *)rt_ndarray_import(array);
    if (!result && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        if (!need) result = Py_NewRef(o);
        else refuse(c, unknown);
    } else if (result && need && rt_dtype_is_inexact((rt_dtype)((rt_tensor *)result)->dtype)) {
        Py_CLEAR(result);
        refuse(c, unknown);
    }
done:
    if (array != o) Py_XDECREF(array);
    Py_DECREF(o);
    return result;
}

static PyObject *hand_back(const rt_numpy_call *c, PyObject *result, int need)
{
    if (!PyTuple_Check(result)) {
        PyObject *given = rt_numpy_out(c, 0);
        if (!given) return wrap(c, result, need);
        Py_DECREF(result);
        return Py_NewRef(given);
    }
    Py_ssize_t n = PyTuple_GET_SIZE(result);
    PyObject *t = PyTuple_New(n);
    for (Py_ssize_t i = 0; t && i < n; i++) {
        PyObject *given = rt_numpy_out(c, (int)i);
        PyObject *item = given ? Py_NewRef(given) : wrap(c, Py_NewRef(PyTuple_GET_ITEM(result, i)), need);
        if (item) PyTuple_SET_ITEM(t, i, item);
        else Py_CLEAR(t);
    }
    Py_DECREF(result);
    return t;
}

/* NumPy's call, an event named 'sin' or 'add.reduceat'. */
static PyObject *call_numpy(const rt_numpy_call *c, PyObject *callee, PyObject *args, PyObject *kwargs)
{
    if (!rt_observers || rt_event_is_told()) return PyObject_Call(callee, args, kwargs);
    PyObject *name = name_of(c), *result = NULL;
    rt_event e = {.kind = RT_EVENT_NUMPY, .label = name};
    if (name && rt_event_begin(&e) == 0) {
        result = PyObject_Call(callee, args, kwargs);
        if (rt_event_end(&e, result ? 0 : -1) < 0) Py_CLEAR(result);
    }
    Py_XDECREF(name);
    return result;
}

PyObject *rt_numpy_fallback(const rt_numpy_call *c)
{
    PyObject *args = NULL, *kwargs = NULL, *callee = NULL, *result = NULL;
    int need = rt_numpy_needs_gradient(c);
    int at = PyUnicode_CompareWithASCIIString(c->method, "at") == 0;
    if (need && (c->out || at)) {
        refuse(c, unknown);
        return NULL;
    }
    if (at && c->nin && announce_write(c, c->in[0]) < 0) return NULL;
    for (int k = 0; c->out && k < 8; k++) {
        PyObject *out = rt_numpy_out(c, k);
        if (out && announce_write(c, out) < 0) return NULL;
    }
    args = PyTuple_New(c->nin);
    for (Py_ssize_t i = 0; args && i < c->nin; i++) {
        PyObject *item = as_arrays(c->in[i]);
        if (!item) goto done;
        PyTuple_SET_ITEM(args, i, item);
    }
    kwargs = PyDict_New();
    for (Py_ssize_t i = 0; kwargs && c->kwnames && i < PyTuple_GET_SIZE(c->kwnames); i++) {
        PyObject *value = as_arrays(c->values[i]);
        int status = value ? PyDict_SetItem(kwargs, PyTuple_GET_ITEM(c->kwnames, i), value) : -1;
        Py_XDECREF(value);
        if (status < 0) goto done;
    }
    callee = PyObject_GetAttr(c->ufunc, c->method);
    if (args && kwargs && callee) result = call_numpy(c, callee, args, kwargs);
    if (result) result = hand_back(c, result, need);
done:
    Py_XDECREF(callee);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    return result;
}
