/* array_methods: a.reshape(2, 3), a.copy(), a.astype(t), a.sort() ...: form, copies and order of arrays.
 * Common calls are answered here; others, and all wrong ones, by the function of that name in
 * rustorch.numpy._methods.  Floor: python. */
#include "python/array_methods.h"
#include "core/error.h"
#include "core/view.h"
#include "python/array_items.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include "ufunc/apply.h"
#include "ufunc/views.h"
#include <string.h>

#define SELF ((rt_tensor *)self)
#define MOST_ARGUMENTS 40

#define METHODS(X) X(reshape) X(transpose) X(swapaxes) X(ravel) X(flatten) X(squeeze) X(copy) X(astype) X(view) X(diagonal) \
    X(clip) X(round) X(nonzero) X(argsort) X(sort) X(dot) X(fill) X(take) X(repeat) X(item) X(trace)
#define NUMBER(name) AT_##name,
enum { METHODS(NUMBER) NMETHODS };
#define SLOW(name) {#name, NULL},
static rt_array_slow slow[NMETHODS] = {METHODS(SLOW)};

PyObject *rt_array_otherwise(rt_array_slow *s, PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *all[MOST_ARGUMENTS];
    const Py_ssize_t given = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (!s->function) return PyErr_Format(PyExc_RuntimeError, "%s: rustorch.numpy is not imported", s->name);
    if (given >= MOST_ARGUMENTS) return PyErr_Format(PyExc_TypeError, "%s: too many arguments: %zd", s->name, given);
    all[0] = self;
    memcpy(all + 1, args, (size_t)given * sizeof *all);
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    PyObject *result = rt_dialect_arrays(PyObject_Vectorcall(s->function, all, (size_t)n + 1, kwnames));
    rt_dtype_rules_restore(before);
    return result;
}

int rt_array_enter(const char *name, PyObject *function)
{
    for (int k = 0; k < NMETHODS; k++)
        if (strcmp(name, slow[k].name) == 0) {
            Py_XSETREF(slow[k].function, Py_NewRef(function));
            return 1;
        }
    return rt_array_folds_enter(name, function);
}

#define METHOD(name) static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
#define OTHERWISE(name) return rt_array_otherwise(&slow[AT_##name], self, args, n, kwnames)

/* Exact ints, as several arguments or in one tuple, into list; how many, or -1 when it is something else. */
static int integers(PyObject *const *args, Py_ssize_t n, intptr_t *list)
{
    if (n == 1 && PyTuple_CheckExact(args[0])) {
        PyObject *tuple = args[0];
        args = ((PyTupleObject *)tuple)->ob_item;
        n = PyTuple_GET_SIZE(tuple);
    }
    if (n > RT_MAX_NDIM) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyLong_CheckExact(args[i])) return -1;
        list[i] = PyLong_AsSsize_t(args[i]);
        if (list[i] == -1 && PyErr_Occurred()) {
            PyErr_Clear();
            return -1;
        }
    }
    return (int)n;
}

/* The same elements in another shape, without a copy and beside the graph. */
static PyObject *reshaped(rt_tensor *t, int n, const intptr_t *shape)
{
    intptr_t known[RT_MAX_NDIM], size = 1;
    int open = -1;
    for (int i = 0; i < n; i++) {
        known[i] = shape[i];
        if (shape[i] == -1) open = i;
        else size *= shape[i];
    }
    if (open >= 0) known[open] = t->size / size;
    return (PyObject *)rt_tensor_as_view(rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, n, known, NULL), t);
}

static int is_plain(const rt_tensor *t) { return rt_tensor_is_contiguous(t) && !rt_array_in_graph(t); }

static PyObject *with_list(rt_op_index op, rt_tensor *t, int n, const intptr_t *list)
{
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, list);
    return (PyObject *)rt_apply1p(op, t, &p);
}

/* Can t's elements be brought into this shape, which may have one -1? */
static int is_shape_of(const rt_tensor *t, int n, const intptr_t *shape)
{
    intptr_t size = 1;
    int open = 0;
    for (int i = 0; i < n; i++) {
        if (shape[i] == -1) open++;
        else if (shape[i] < 0 || __builtin_mul_overflow(size, shape[i], &size)) return 0;
    }
    if (open > 1) return 0;
    return open ? size > 0 && t->size % size == 0 : size == t->size;
}

METHOD(reshape)
{
    intptr_t shape[RT_MAX_NDIM];
    const int ndim = n && !kwnames ? integers(args, n, shape) : -1;
    if (ndim < 0 || !is_shape_of(SELF, ndim, shape)) OTHERWISE(reshape);
    return is_plain(SELF) ? reshaped(SELF, ndim, shape) : with_list(RT_OP_reshape, SELF, ndim, shape);
}

METHOD(transpose)
{
    intptr_t dims[RT_MAX_NDIM];
    unsigned seen = 0;
    int ndim = kwnames ? -1 : n == 0 || (n == 1 && args[0] == Py_None) ? 0 : integers(args, n, dims);
    if (ndim == 0 && (n == 0 || args[0] == Py_None)) {
        ndim = SELF->ndim;
        for (int i = 0; i < ndim; i++) dims[i] = ndim - 1 - i;
    }
    if (ndim != SELF->ndim) OTHERWISE(transpose);
    for (int i = 0; i < ndim; i++) {
        if (dims[i] < 0) dims[i] += ndim;
        if (dims[i] < 0 || dims[i] >= ndim || seen >> dims[i] & 1) OTHERWISE(transpose);
        seen |= 1u << dims[i];
    }
    if (!rt_array_in_graph(SELF)) return (PyObject *)rt_tensor_as_view(rt_view_permute("transpose", SELF, ndim, dims), SELF);
    return with_list(RT_OP_permute, SELF, ndim, dims);
}

METHOD(swapaxes)
{
    intptr_t axes[RT_MAX_NDIM];
    if (kwnames || n != 2 || integers(args, n, axes) != 2) OTHERWISE(swapaxes);
    for (int i = 0; i < 2; i++)
        if (axes[i] < -SELF->ndim || axes[i] >= SELF->ndim) OTHERWISE(swapaxes);
    rt_params p = {.i = {axes[0], axes[1]}};
    return (PyObject *)rt_apply1p(RT_OP_transpose, SELF, &p);
}

METHOD(ravel)
{
    const intptr_t all = -1;
    if (n || kwnames || SELF->size == 0) OTHERWISE(ravel);
    if (is_plain(SELF)) return reshaped(SELF, 1, &all);
    return with_list(RT_OP_reshape, SELF, 1, &all);
}

METHOD(flatten)
{
    if (n || kwnames || SELF->size == 0) OTHERWISE(flatten);
    const intptr_t all = -1;
    rt_tensor *copy = rt_apply1(RT_OP_contiguous, SELF);
    PyObject *flat = copy ? with_list(RT_OP_reshape, copy, 1, &all) : NULL;
    Py_XDECREF(copy);
    return flat;
}

METHOD(squeeze)
{
    if (n || kwnames) OTHERWISE(squeeze);
    rt_params p;
    rt_params_begin(&p);
    p.n[0] = -1;
    return (PyObject *)rt_apply1p(RT_OP_squeeze, SELF, &p);
}

METHOD(copy)
{
    if (n || kwnames) OTHERWISE(copy);
    return (PyObject *)rt_apply1(RT_OP_contiguous, SELF);
}

METHOD(astype)
{
    rt_dtype d;
    if (n != 1 || kwnames || args[0] == Py_None) OTHERWISE(astype);
    if (rt_dtype_convert(args[0], &d) < 0) {
        PyErr_Clear();
        OTHERWISE(astype);
    }
    if (rt_dtype_is_complex((rt_dtype)SELF->dtype) && !rt_dtype_is_complex(d) && d != RT_b1) OTHERWISE(astype);
    rt_params p = {.i = {d}};
    return (PyObject *)rt_apply1p(RT_OP_cast, SELF, &p);
}

METHOD(view)
{
    intptr_t same[RT_MAX_NDIM];
    if (n || kwnames) OTHERWISE(view);
    for (int i = 0; i < SELF->ndim; i++) same[i] = i;
    return with_list(RT_OP_permute, SELF, SELF->ndim, same);
}

METHOD(diagonal)
{
    if (n || kwnames || SELF->ndim < 2) OTHERWISE(diagonal);
    rt_params p = {.i = {0, 0, 1}};
    rt_tensor *view = rt_apply1p(RT_OP_diagonal, SELF, &p);
    if (view) view->flags |= RT_READONLY;
    return (PyObject *)view;
}

METHOD(trace)
{
    if (n || kwnames || SELF->ndim != 2) OTHERWISE(trace);
    rt_params p = {.i = {0, 0, 1}};
    rt_tensor *diagonal = rt_apply1p(RT_OP_diagonal, SELF, &p), *sum = NULL;
    rt_params_begin(&p);
    p.n[0] = -1;
    p.i[1] = rt_dtype_kind((rt_dtype)SELF->dtype) == RT_KIND_UNSIGNED ? RT_u64 : RT_NODTYPE;
    if (diagonal) sum = rt_apply1p(RT_OP_sum, diagonal, &p);
    Py_XDECREF(diagonal);
    return (PyObject *)sum;
}

/* A bound that neither widens the dtype nor needs conversion. */
static int plain_bound(const rt_tensor *t, PyObject *o, rt_operand *out)
{
    if (rt_dtype_is_float((rt_dtype)t->dtype) && PyFloat_CheckExact(o)) {
        *out = rt_operand_float(PyFloat_AS_DOUBLE(o));
        return 1;
    }
    if (!PyLong_CheckExact(o)) return 0;
    int overflow;
    const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    *out = rt_operand_int(v);
    return !overflow && t->dtype != RT_b1 && (rt_dtype_is_float((rt_dtype)t->dtype) || rt_operand_fits(out, (rt_dtype)t->dtype));
}

METHOD(clip)
{
    rt_operand in[3] = {rt_operand_of(SELF)};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    if (n != 2 || kwnames || rt_dtype_is_complex((rt_dtype)SELF->dtype) || !plain_bound(SELF, args[0], &in[1])
        || !plain_bound(SELF, args[1], &in[2]))
        OTHERWISE(clip);
    return rt_op_apply(&rt_ops[RT_OP_clamp], 3, in, NULL, out) < 0 ? NULL : (PyObject *)out[0];
}

METHOD(round_)
{
    if (n || kwnames || !rt_dtype_is_float((rt_dtype)SELF->dtype)) OTHERWISE(round);
    return (PyObject *)rt_apply1(RT_OP_round, SELF);
}

/* The columns of the matrix of indices, each in memory of its own. */
METHOD(nonzero)
{
    if (n || kwnames || SELF->ndim == 0) OTHERWISE(nonzero);
    rt_tensor *all = rt_apply1(RT_OP_nonzero, SELF);
    PyObject *tuple = all ? PyTuple_New(SELF->ndim) : NULL;
    for (int d = 0; tuple && d < SELF->ndim; d++) {
        rt_tensor *column = rt_tensor_alias(all, all->data + d * all->steps[1], RT_i64, 1, all->shape, all->steps);
        rt_tensor *copy = column ? rt_apply1(RT_OP_contiguous, column) : NULL;
        Py_XDECREF(column);
        if (copy) PyTuple_SET_ITEM(tuple, d, (PyObject *)copy);
        else Py_CLEAR(tuple);
    }
    Py_XDECREF(all);
    return tuple;
}

/* Short rows are ordered here; what to do with long ones is np.sort's to know. */
#define SHORT 4096

METHOD(argsort)
{
    if (n || kwnames || SELF->ndim == 0 || SELF->size > SHORT || rt_dtype_is_complex((rt_dtype)SELF->dtype)) OTHERWISE(argsort);
    rt_params p = {.i = {-1, 0, 1}};
    return (PyObject *)rt_apply1p(RT_OP_argsort, SELF, &p);
}

METHOD(sort)
{
    if (n || kwnames || SELF->ndim == 0 || SELF->size > SHORT || rt_dtype_is_complex((rt_dtype)SELF->dtype)) OTHERWISE(sort);
    const int recorded = rt_records(SELF);         /* their gradient needs places */
    rt_params p = {.i = {-1, 0, recorded}};
    rt_tensor *sorted = rt_apply1p(recorded ? RT_OP_sort : RT_OP_sort_values, SELF, &p), *out = SELF;
    if (!sorted) return NULL;
    const rt_operand in = rt_operand_of(sorted);
    const int status = rt_op_apply(&rt_ops[RT_OP_copy], 1, &in, NULL, &out);
    Py_DECREF(sorted);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

METHOD(dot)
{
    const rt_tensor *b = n == 1 && !kwnames && rt_tensor_check(args[0]) ? (const rt_tensor *)args[0] : NULL;
    if (!b || SELF->ndim == 0 || b->ndim == 0 || SELF->ndim > 2 || b->ndim > 2 || !rt_dtype_is_inexact((rt_dtype)SELF->dtype)
        || SELF->dtype != b->dtype || SELF->shape[SELF->ndim - 1] != b->shape[0])
        OTHERWISE(dot);
    return (PyObject *)rt_apply2(RT_OP_matmul, SELF, (rt_tensor *)b);
}

METHOD(fill)
{
    if (n != 1 || kwnames || !rt_dtype_is_float((rt_dtype)SELF->dtype) || !(PyFloat_CheckExact(args[0]) || PyLong_CheckExact(args[0])))
        OTHERWISE(fill);
    rt_operand in[2] = {rt_operand_of(SELF)};
    PyObject *owned = NULL;
    rt_tensor *out = SELF;
    if (rt_convert_operand(args[0], &in[1], &owned) != 0) return NULL;
    if (rt_op_apply(&rt_ops[RT_OP_fill], 2, in, NULL, &out) < 0) return NULL;
    Py_RETURN_NONE;
}

METHOD(take)
{
    rt_operand index;
    PyObject *owned = NULL;
    if (n != 1 || kwnames || SELF->ndim == 0) OTHERWISE(take);
    int status = rt_convert_operand(args[0], &index, &owned);
    const int ready = status == 0 && index.t && index.t->dtype == RT_i64 && index.t->ndim;
    PyObject *result = ready ? (PyObject *)rt_apply2(RT_OP_take, SELF, index.t) : NULL;
    Py_XDECREF(owned);
    if (result) return result;
    PyErr_Clear();
    OTHERWISE(take);
}

METHOD(repeat)
{
    intptr_t count;
    if (n != 1 || kwnames || PyTuple_Check(args[0]) || integers(args, n, &count) != 1 || count < 0) OTHERWISE(repeat);
    rt_params p = {.i = {RT_NONE_INT}};
    rt_operand in[2] = {rt_operand_of(SELF), rt_operand_int(count)};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    return rt_op_apply(&rt_ops[RT_OP_repeat_interleave], 2, in, &p, out) < 0 ? NULL : (PyObject *)out[0];
}

/* The element at these indices, one of which counts through all elements; NULL when there is none. */
static const char *element_at(const rt_tensor *t, int n, const intptr_t *at)
{
    const char *p = t->data;
    if (n == 1 && t->ndim != 1) {
        intptr_t flat = at[0] < 0 ? at[0] + t->size : at[0];
        if (flat < 0 || flat >= t->size) return NULL;
        for (int d = t->ndim - 1; d >= 0; d--) {
            p += flat % t->shape[d] * t->steps[d];
            flat /= t->shape[d];
        }
        return p;
    }
    if (n != t->ndim) return NULL;
    for (int d = 0; d < t->ndim; d++) {
        const intptr_t i = at[d] < 0 ? at[d] + t->shape[d] : at[d];
        if (i < 0 || i >= t->shape[d]) return NULL;
        p += i * t->steps[d];
    }
    return p;
}

METHOD(item)
{
    intptr_t at[RT_MAX_NDIM];
    const char *element = n == 0 && SELF->size == 1 ? SELF->data : NULL;
    const int given = n ? integers(args, n, at) : 0;
    if (given > 0) element = element_at(SELF, given, at);
    if (!element || kwnames) OTHERWISE(item);
    return rt_convert_item((rt_dtype)SELF->dtype, element);
}

#define ROW(name, f, signature, doc) \
    {name, (PyCFunction)(void (*)(void))f, METH_FASTCALL | METH_KEYWORDS, name "($self, /" signature ")\n--\n\n" doc}
PyMethodDef rt_array_methods[] = {
    ROW("reshape", reshape, ", *shape, order='C', copy=None",
        "The elements in a new shape, a view where one can be made."),
    ROW("transpose", transpose, ", *axes",
        "A view with the axes in that order, or reversed."),
    ROW("swapaxes", swapaxes, ", axis1, axis2",
        "A view with two axes exchanged."),
    ROW("ravel", ravel, ", order='C'",
        "One dimension; a view where one can be made."),
    ROW("flatten", flatten, ", order='C'",
        "A copy in one dimension."),
    ROW("squeeze", squeeze, ", axis=None",
        "A view without axes of length 1."),
    ROW("copy", copy, ", order='C'",
        "A copy in memory of its own."),
    ROW("astype", astype, ", dtype, order='K', casting='unsafe', subok=True, copy=True",
        "A converted copy."),
    ROW("view", view, ", dtype=None",
        "Another array on the same memory, its bytes as elements of dtype."),
    ROW("diagonal", diagonal, ", offset=0, axis1=0, axis2=1",
        "A read-only view of the diagonal of two axes."),
    ROW("trace", trace, ", offset=0, axis1=0, axis2=1, dtype=None, out=None",
        "The sum along the diagonal of two axes."),
    ROW("clip", clip, ", min=None, max=None, out=None",
        "The elements, within bounds."),
    ROW("round", round_, ", decimals=0, out=None",
        "Rounded, halves to even."),
    ROW("nonzero", nonzero, "",
        "A tuple of arrays, the indices of elements other than zero per axis."),
    ROW("argsort", argsort, ", axis=-1, kind=None, order=None, *, stable=None",
        "The indices that put it in order."),
    ROW("sort", sort, ", axis=-1, kind=None, order=None, *, stable=None",
        "Puts the array in order, in place."),
    ROW("dot", dot, ", b, out=None",
        "The product of np.dot."),
    ROW("fill", fill, ", value",
        "Sets every element."),
    ROW("take", take, ", indices, axis=None, out=None, mode='raise'",
        "Elements by their index."),
    ROW("item", item, ", *index",
        "The one element, or that of an index, as a Python number."),
    ROW("repeat", repeat, ", repeats, axis=None",
        "Each element repeated."),
    {NULL, NULL, 0, NULL},
};
