/* numpy_methods: reduce, accumulate and outer of ufuncs, by the rows that fold and scan, with
 * NumPy's defaults: axis 0, small integers summed in 64 bits of their own sign.
 * Floor: python. */
#include "core/error.h"
#include "python/convert.h"
#include "python/function.h"
#include "python/numpy_call.h"
#include "ufunc/apply.h"
#include <string.h>

/* The input as a tensor, new reference.  NULL without an exception: it is nothing we compute with. */
static rt_tensor *input_of(const rt_numpy_call *c)
{
    rt_operand x;
    PyObject *owned = NULL;
    int status = c->nin == 1 ? rt_convert_operand(c->in[0], &x, &owned) : 1;
    if (status < 0 && PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_Clear();
    if (status == 0 && x.t) return owned ? (rt_tensor *)owned : (rt_tensor *)Py_NewRef((PyObject *)x.t);
    return NULL;
}

/* Calls a row as Python would: row(x, dim=, keepdim=, dtype=), keywords NULL where they are not given. */
static PyObject *call_row(const char *row, rt_tensor *x, PyObject *dim, PyObject *keepdim, PyObject *dtype)
{
    static PyObject *functions[RT_NOP];            /* owned, made when first needed */
    const rt_op *op = rt_op_find(row);
    PyObject **f = &functions[op->index], *args[4] = {(PyObject *)x}, *names = NULL, *result = NULL;
    if (!*f && !(*f = rt_function_new(op, 0))) return NULL;
    PyObject *words[3], *values[3] = {dim, keepdim, dtype};
    static const char *const spelled[3] = {"dim", "keepdim", "dtype"};
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (!values[i]) continue;
        words[n] = PyUnicode_InternFromString(spelled[i]);
        args[++n] = values[i];
        if (!words[n - 1]) { n--; goto done; }
    }
    names = PyTuple_New(n);
    for (int i = 0; names && i < n; i++) PyTuple_SET_ITEM(names, i, Py_NewRef(words[i]));
    if (names) result = PyObject_Vectorcall(*f, args, 1, names);
done:
    while (n > 0) Py_DECREF(words[--n]);
    Py_XDECREF(names);
    return result;
}

static int is_summing(const char *row)
{
    return strcmp(row, "sum") == 0 || strcmp(row, "prod") == 0 || strcmp(row, "cumsum") == 0 || strcmp(row, "cumprod") == 0;
}

/* The dtype word for a summing row; *x is converted beforehand for the others. New reference or NULL. */
static int settle_dtype(const rt_numpy_call *c, const char *row, rt_tensor **x, PyObject **dtype)
{
    *dtype = NULL;
    if (is_summing(row)) {
        if (c->dtype) *dtype = Py_NewRef(c->dtype);
        else if (rt_dtype_kind((rt_dtype)(*x)->dtype) == RT_KIND_UNSIGNED) *dtype = rt_dtype_object(RT_u64);
        return PyErr_Occurred() ? -1 : 0;
    }
    if (!c->dtype) return 0;
    rt_dtype d;
    if (rt_dtype_convert(c->dtype, &d) < 0) return -1;
    Py_SETREF(*x, rt_cast(*x, d));
    return *x ? 0 : -1;
}

/* All dimensions, for rows to which None says nothing. */
static PyObject *every_dim(int ndim)
{
    PyObject *t = PyTuple_New(ndim);
    for (int i = 0; t && i < ndim; i++) {
        PyObject *v = PyLong_FromLong(i);
        if (v) PyTuple_SET_ITEM(t, i, v);
        else Py_CLEAR(t);
    }
    return t;
}

static PyObject *axis_of(const rt_numpy_call *c, const rt_tensor *x)
{
    if (!c->axis) return PyLong_FromLong(0);
    return c->axis == Py_None ? every_dim(x->ndim) : Py_NewRef(c->axis);
}

/* x where c->where is true, elsewhere what changes nothing; steals x. */
static rt_tensor *masked(const rt_numpy_call *c, rt_tensor *x, PyObject *neutral)
{
    rt_operand in[3];
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    PyObject *owned[3] = {NULL, NULL, NULL};
    in[1] = rt_operand_of(x);
    int status = rt_convert_operand(c->where, &in[0], &owned[0]);
    if (status == 0) status = rt_convert_operand(neutral, &in[2], &owned[2]);
    if (status > 0) status = rt_error(PyExc_TypeError, "where", "must be an array of bool");
    if (status == 0) status = rt_op_apply(&rt_ops[RT_OP_where], 3, in, NULL, out);
    Py_XDECREF(owned[0]);
    Py_XDECREF(owned[2]);
    Py_DECREF(x);
    return status == 0 ? out[0] : NULL;
}

/* What masked elements count as: the ufunc's identity, or `initial` where it has none. New reference. */
static PyObject *neutral_of(const rt_numpy_call *c)
{
    PyObject *identity = PyObject_GetAttrString(c->ufunc, "identity");
    if (identity != Py_None) return identity;
    Py_XSETREF(identity, NULL);
    if (c->initial && c->initial != Py_None) return Py_NewRef(c->initial);
    PyErr_Format(PyExc_ValueError, "reduction operation '%s' does not have an identity, so to use a where mask one has to "
                 "specify 'initial'", c->binding->op->cls.name);
    return NULL;
}

/* op(result, initial), in result's dtype; steals result */
static rt_tensor *with_initial(const rt_numpy_call *c, rt_tensor *result)
{
    rt_tensor *first = rt_convert_tensor(c->initial, (rt_dtype)result->dtype, -1);
    rt_tensor *all = first ? rt_apply2((rt_op_index)c->binding->op->index, result, first) : NULL;
    Py_XDECREF(first);
    Py_DECREF(result);
    return all;
}

static int refuses_out(const rt_numpy_call *c)
{
    PyObject *out = rt_numpy_out(c, 0);
    return out && !rt_tensor_check(out) && rt_numpy_needs_gradient(c) ? rt_numpy_refuse_array(c) : 0;
}

static int is_empty_tuple(PyObject *o) { return o && PyTuple_Check(o) && PyTuple_GET_SIZE(o) == 0; }

static int has_foreign_dtype(const rt_numpy_call *c)
{
    rt_dtype d;
    if (!c->dtype || rt_dtype_convert(c->dtype, &d) == 0) return 0;
    PyErr_Clear();
    return 1;
}

PyObject *rt_numpy_reduce(const rt_numpy_call *c)
{
    const char *row = c->binding ? c->binding->reduce : NULL;
    rt_tensor *x = NULL, *result = NULL;
    PyObject *dtype = NULL, *axis = NULL, *neutral = NULL, *handed = NULL;
    if (!row || c->others || is_empty_tuple(c->axis) || has_foreign_dtype(c)) return rt_numpy_fallback(c);
    if (refuses_out(c) < 0) return NULL;
    x = input_of(c);
    if (!x) return PyErr_Occurred() ? NULL : rt_numpy_fallback(c);
    if (x->size == 0 && (c->initial || !is_summing(row))) {        /* what is left of nothing is NumPy's to say */
        handed = rt_numpy_fallback(c);
        goto done;
    }
    if (c->where && !((neutral = neutral_of(c)) && (x = masked(c, x, neutral)))) goto done;
    if (settle_dtype(c, row, &x, &dtype) < 0 || !(axis = axis_of(c, x))) goto done;
    result = (rt_tensor *)call_row(row, x, axis, c->keepdims, dtype);
    if (!result && PyErr_ExceptionMatches(rt_DtypeError)) {      /* complex numbers have an order to NumPy */
        PyErr_Clear();
        handed = rt_numpy_fallback(c);
        goto done;
    }
    if (result && c->initial && c->initial != Py_None) result = with_initial(c, result);
    handed = rt_numpy_deliver(c, result, rt_numpy_out(c, 0));
done:
    Py_XDECREF(neutral);
    Py_XDECREF(axis);
    Py_XDECREF(dtype);
    Py_XDECREF((PyObject *)x);
    return handed;
}

PyObject *rt_numpy_accumulate(const rt_numpy_call *c)
{
    const char *row = c->binding ? c->binding->accumulate : NULL;
    PyObject *dtype = NULL, *axis = NULL, *handed = NULL;
    if (!row || c->others || c->where || c->axis == Py_None) return rt_numpy_fallback(c);
    if (refuses_out(c) < 0) return NULL;
    rt_tensor *x = input_of(c);
    if (!x) return PyErr_Occurred() ? NULL : rt_numpy_fallback(c);
    if (x->ndim == 0) {
        rt_error(PyExc_TypeError, c->binding->op->cls.name, "cannot accumulate on a scalar");
        goto done;
    }
    if (settle_dtype(c, row, &x, &dtype) < 0 || !(axis = axis_of(c, x))) goto done;
    handed = rt_numpy_deliver(c, (rt_tensor *)call_row(row, x, axis, NULL, dtype), rt_numpy_out(c, 0));
done:
    Py_XDECREF(axis);
    Py_XDECREF(dtype);
    Py_XDECREF((PyObject *)x);
    return handed;
}

/* a with n more dimensions of length 1 behind; new reference */
static rt_tensor *widened(rt_tensor *a, int n)
{
    rt_params p;
    memset(&p, 0, offsetof(rt_params, list));
    if (a->ndim + n > RT_MAX_NDIM) {
        rt_error(rt_TensorError, "outer", "the result would have %d dimensions; at most %d are possible", a->ndim + n,
                 RT_MAX_NDIM);
        return NULL;
    }
    for (int i = 0; i < a->ndim; i++) p.list[p.nlist++] = a->shape[i];
    for (int i = 0; i < n; i++) p.list[p.nlist++] = 1;
    p.n[0] = p.nlist;
    return rt_apply1p(RT_OP_reshape, a, &p);
}

PyObject *rt_numpy_outer(const rt_numpy_call *c)
{
    rt_operand in[2] = {{0}, {0}};
    PyObject *owned[2] = {NULL, NULL}, *wide = NULL, *result = NULL;
    int status = c->nin == 2 && c->binding && c->binding->op->family == RT_ELEMENTWISE ? 0 : 1;
    for (int i = 0; i < 2 && status == 0; i++) status = rt_convert_operand(c->in[i], &in[i], &owned[i]);
    if (status == 1 || (status < 0 && PyErr_ExceptionMatches(PyExc_TypeError))) {
        PyErr_Clear();
        result = rt_numpy_fallback(c);
        goto done;
    }
    if (status < 0) goto done;
    rt_numpy_call call = *c;
    PyObject *inputs[2] = {c->in[0], c->in[1]};
    if (in[0].t && in[1].t) {
        wide = (PyObject *)widened(in[0].t, in[1].t->ndim);
        if (!wide) goto done;
        inputs[0] = wide;
    }
    PyObject *ordinary = PyUnicode_InternFromString("__call__");
    call.in = inputs;
    call.method = ordinary;
    if (ordinary) result = rt_numpy_call_op(&call);
    Py_XDECREF(ordinary);
done:
    Py_XDECREF(wide);
    Py_XDECREF(owned[0]);
    Py_XDECREF(owned[1]);
    return result;
}
