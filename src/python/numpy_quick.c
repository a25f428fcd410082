/* numpy_quick: calls of NumPy's functions with an array or a Tensor and little else go straight to a row.  An entry
 * declines whatever is not plain, and whatever fails: the function in rustorch/numpy then answers, and raises
 * what NumPy would.  Floor: python. */
#include "python/numpy_quick.h"
#include "core/error.h"
#include "core/shape.h"
#include "python/convert.h"
#include "ufunc/views.h"
#include <string.h>

#define QUICK(f) static PyObject *f(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

/* What a row gave; a failure is declined, but for want of memory. */
static PyObject *given(rt_tensor *t)
{
    if (!t && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return (PyObject *)t;
}

static rt_tensor *array_of(PyObject *o) { return rt_tensor_check_exact(o) ? (rt_tensor *)o : NULL; }

/* A Python int within [-limit, limit); 0 when it is none. */
static int read_int(PyObject *o, intptr_t limit, intptr_t *out)
{
    int overflow;
    if (!PyLong_CheckExact(o)) return 0;
    const long v = PyLong_AsLongAndOverflow(o, &overflow);
    *out = v;
    return !overflow && v >= -limit && v < limit;
}

static int is_word(PyObject *name, const char *word) { return PyUnicode_CompareWithASCIIString(name, word) == 0; }

/* ---- folds: f(a), f(a, axis), f(a, axis=, keepdims=) ---- */

typedef struct { intptr_t axis, keepdims; int all; } fold_words;

static int read_fold(const rt_tensor *t, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, fold_words *w)
{
    *w = (fold_words){.all = 1};
    if (n > 2) return 0;
    PyObject *axis = n > 1 ? args[1] : NULL;
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i), *value = args[n + i];
        if (is_word(name, "axis") && n < 2) axis = value;
        else if (is_word(name, "keepdims") && PyBool_Check(value)) w->keepdims = value == Py_True;
        else return 0;
    }
    if (!axis || axis == Py_None) return 1;
    w->all = 0;
    return read_int(axis, t->ndim, &w->axis);
}

/* May the row fold this dtype to what NumPy gives? */
static int folds(int row, rt_dtype d)
{
    switch (row) {
    case RT_OP_count_nonzero: return 1;
    case RT_OP_any: case RT_OP_all: case RT_OP_argmax: case RT_OP_argmin: return !rt_dtype_is_complex(d);
    case RT_OP_sum: case RT_OP_prod: return d == RT_i64 || d == RT_f32 || d == RT_f64;
    case RT_OP_amax: case RT_OP_amin: return d != RT_b1 && !rt_dtype_is_complex(d) && d != RT_f16;
    default: return d == RT_f32 || d == RT_f64;
    }
}

QUICK(fold)
{
    fold_words w;
    rt_params p;
    rt_tensor *t = n > 0 ? array_of(args[0]) : NULL;
    if (!t || t->size == 0 || !folds(q->row, (rt_dtype)t->dtype) || !read_fold(t, args, n, kwnames, &w)) return NULL;
    rt_params_begin(&p);
    p.i[0] = w.keepdims;
    p.i[1] = RT_NODTYPE;
    if (w.all) p.n[0] = -1;
    else rt_params_push(&p, 0, 1, &w.axis);
    return given(rt_apply1p((rt_op_index)q->row, t, &p));   /* var and std: f[0], the correction, is 0 */
}

QUICK(fold_index)
{
    fold_words w;
    rt_params p;
    rt_tensor *t = n > 0 ? array_of(args[0]) : NULL;
    if (!t || t->size == 0 || !folds(q->row, (rt_dtype)t->dtype) || !read_fold(t, args, n, kwnames, &w)) return NULL;
    if (w.all && w.keepdims) return NULL;
    rt_params_begin(&p);
    p.i[0] = w.all ? RT_NONE_INT : w.axis;
    p.i[1] = w.keepdims;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(scan)
{
    fold_words w;
    rt_params p;
    rt_tensor *t = n > 0 ? array_of(args[0]) : NULL;
    if (!t || (t->dtype != RT_f64 && t->dtype != RT_f32 && t->dtype != RT_i64)) return NULL;
    if (!read_fold(t, args, n, kwnames, &w) || w.keepdims || (w.all && t->ndim != 1)) return NULL;
    rt_params_begin(&p);
    p.i[0] = w.axis;
    p.i[1] = RT_NODTYPE;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

/* ---- shapes ---- */

static PyObject *reshaped(rt_tensor *t, int ndim, const intptr_t *shape)
{
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, ndim, shape);
    return given(rt_apply1p(RT_OP_reshape, t, &p));
}

/* Lengths in an exact tuple, or one exact int; -1: something else. */
static int read_lengths(PyObject *o, intptr_t *shape)
{
    if (PyLong_CheckExact(o)) return read_int(o, INTPTR_MAX, shape) ? 1 : -1;
    if (!PyTuple_CheckExact(o) || PyTuple_GET_SIZE(o) > RT_MAX_NDIM) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
        if (!read_int(PyTuple_GET_ITEM(o, i), INTPTR_MAX, &shape[i])) return -1;
    return (int)PyTuple_GET_SIZE(o);
}

QUICK(reshape)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_tensor *t = n == 2 && !kwnames ? array_of(args[0]) : NULL;
    const int ndim = t ? read_lengths(args[1], shape) : -1;
    (void)q;
    return ndim < 0 ? NULL : reshaped(t, ndim, shape);
}

QUICK(broadcast_to)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_params p;
    rt_tensor *t = n == 2 && !kwnames ? array_of(args[0]) : NULL;
    const int ndim = t ? read_lengths(args[1], shape) : -1;
    if (ndim < 0) return NULL;
    for (int i = 0; i < ndim; i++) if (shape[i] < 0) return NULL;
    rt_params_begin(&p);
    rt_params_push(&p, 0, ndim, shape);
    PyObject *wide = given(rt_apply1p((rt_op_index)q->row, t, &p));
    if (wide) ((rt_tensor *)wide)->flags |= RT_READONLY;
    return wide;
}

QUICK(ravel)
{
    const intptr_t flat = -1;
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    (void)q;
    return t && t->size ? reshaped(t, 1, &flat) : NULL;
}

QUICK(transpose)
{
    intptr_t order[RT_MAX_NDIM];
    rt_params p;
    rt_tensor *t = n >= 1 && n <= 2 && !kwnames ? array_of(args[0]) : NULL;
    if (!t) return NULL;
    for (int i = 0; i < t->ndim; i++) order[i] = t->ndim - 1 - i;
    if (n == 2 && (!PyTuple_CheckExact(args[1]) || read_lengths(args[1], order) != t->ndim)) return NULL;
    rt_params_begin(&p);
    rt_params_push(&p, 0, t->ndim, order);
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(swap)
{
    rt_params p;
    rt_tensor *t = n == 3 && !kwnames ? array_of(args[0]) : NULL;
    if (!t) return NULL;
    rt_params_begin(&p);
    if (!read_int(args[1], t->ndim, &p.i[0]) || !read_int(args[2], t->ndim, &p.i[1])) return NULL;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(move)
{
    intptr_t from, to;
    rt_params p;
    rt_tensor *t = n == 3 && !kwnames ? array_of(args[0]) : NULL;
    if (!t || !read_int(args[1], t->ndim, &from) || !read_int(args[2], t->ndim, &to)) return NULL;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, &from);
    rt_params_push(&p, 1, 1, &to);
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(squeeze)
{
    rt_params p;
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    if (!t) return NULL;
    rt_params_begin(&p);
    p.n[0] = -1;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(expand_dims)
{
    rt_params p;
    PyObject *axis = n == 2 && !kwnames ? args[1]
                   : n == 1 && kwnames && PyTuple_GET_SIZE(kwnames) == 1 && is_word(PyTuple_GET_ITEM(kwnames, 0), "axis") ? args[1]
                   : NULL;
    rt_tensor *t = axis ? array_of(args[0]) : NULL;
    if (!t) return NULL;
    rt_params_begin(&p);
    if (!read_int(axis, t->ndim + 1, &p.i[0])) return NULL;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

static PyObject *at_least(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);

static PyObject *each_at_least(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n)
{
    PyObject *all = PyTuple_New(n);
    for (Py_ssize_t i = 0; all && i < n; i++) {
        PyObject *one = at_least(q, &args[i], 1, NULL);
        if (one) PyTuple_SET_ITEM(all, i, one);
        else Py_CLEAR(all);
    }
    return all;
}

/* At least option dimensions: new ones in front, and of three one behind. */
QUICK(at_least)
{
    intptr_t shape[3] = {1, 1, 1};
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    if (n > 1 && !kwnames) return each_at_least(q, args, n);
    if (!t) return NULL;
    if (t->ndim >= q->option) return Py_NewRef(args[0]);
    if (t->ndim == 1) shape[1] = t->shape[0];
    if (t->ndim == 2) shape[0] = t->shape[0], shape[1] = t->shape[1];
    return reshaped(t, q->option, shape);
}

/* A whole array turned round along `option`, or all its dimensions (-1), as a window. */
QUICK(flip)
{
    intptr_t start[RT_MAX_NDIM], step[RT_MAX_NDIM], length[RT_MAX_NDIM];
    rt_params p;
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    if (!t || t->ndim <= q->option || t->size == 0) return NULL;
    for (int i = 0; i < t->ndim; i++) {
        const int back = q->option < 0 || q->option == i;
        start[i] = back ? t->shape[i] - 1 : 0;
        step[i] = back ? -1 : 1;
        length[i] = t->shape[i];
    }
    rt_params_begin(&p);
    rt_params_push(&p, 0, t->ndim, start);
    rt_params_push(&p, 1, t->ndim, step);
    rt_params_push(&p, 2, t->ndim, length);
    rt_params_push(&p, 3, 0, NULL);
    return given(rt_apply1p(RT_OP_basic_index, t, &p));
}

QUICK(facts)
{
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    if (!t) return NULL;
    if (q->option == 1) return PyLong_FromLong(t->ndim);
    if (q->option == 2) return PyLong_FromSsize_t(t->size);
    PyObject *shape = PyTuple_New(t->ndim);
    for (int i = 0; shape && i < t->ndim; i++) {
        PyObject *length = PyLong_FromSsize_t(t->shape[i]);
        if (length) PyTuple_SET_ITEM(shape, i, length);
        else Py_CLEAR(shape);
    }
    return shape;
}

/* ---- joining ---- */

/* Arrays of one dtype and number of dimensions, in a list or tuple; their number, 0: something else. */
static int read_parts(PyObject *o, rt_operand *in, int most)
{
    if (!PyList_CheckExact(o) && !PyTuple_CheckExact(o)) return 0;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    if (n < 1 || n > most) return 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        rt_tensor *t = array_of(PySequence_Fast_GET_ITEM(o, i));
        if (!t || (i && (t->dtype != in[0].t->dtype || t->ndim != in[0].t->ndim))) return 0;
        in[i] = rt_operand_of(t);
    }
    return (int)n;
}

static PyObject *joined(rt_op_index row, int n, const rt_operand *in, intptr_t axis)
{
    rt_params p;
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    rt_params_begin(&p);
    p.i[0] = axis;
    if (rt_op_apply(&rt_ops[row], n, in, &p, out) < 0) return given(NULL);
    for (int k = 1; k < rt_ops[row].nout; k++) Py_XDECREF((PyObject *)out[k]);
    return (PyObject *)out[0];
}

#define MOST_PARTS 16
QUICK(join)
{
    rt_operand in[MOST_PARTS];
    intptr_t axis = 0;
    const Py_ssize_t words = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (n < 1 || n + words > 2 || (words && !is_word(PyTuple_GET_ITEM(kwnames, 0), "axis"))) return NULL;
    const int parts = read_parts(args[0], in, MOST_PARTS);
    if (!parts || in[0].t->ndim + (q->row == RT_OP_stack) == 0) return NULL;
    if (n + words == 2 && !read_int(args[1], in[0].t->ndim + (q->row == RT_OP_stack), &axis)) return NULL;
    return joined((rt_op_index)q->row, parts, in, axis);
}

/* hstack and vstack of what has dimensions enough to be joined as it is, or of vectors. */
QUICK(stack_along)
{
    rt_operand in[MOST_PARTS];
    const int parts = n == 1 && !kwnames ? read_parts(args[0], in, MOST_PARTS) : 0;
    if (!parts || in[0].t->ndim == 0) return NULL;
    if (in[0].t->ndim > 1) return joined(RT_OP_cat, parts, in, q->option);
    return joined(q->option ? RT_OP_cat : RT_OP_stack, parts, in, 0);
}

/* ---- elements ---- */

/* An array, or a number beside one. */
static int read_operand(PyObject *o, rt_operand *in)
{
    PyObject *owned = NULL;
    if (rt_tensor_check_exact(o)) {
        *in = rt_operand_of((rt_tensor *)o);
        return 1;
    }
    if (!PyFloat_CheckExact(o) && !PyLong_CheckExact(o) && !PyBool_Check(o)) return 0;
    if (rt_convert_operand(o, in, &owned) == 0) return 1;
    PyErr_Clear();
    return 0;
}

QUICK(elementwise)
{
    rt_operand in[3];
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    const rt_op *op = &rt_ops[q->row];
    if (kwnames || n != op->nin || !rt_tensor_check_exact(args[0])) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) if (!read_operand(args[i], &in[i])) return NULL;
    if (op->select && (in[0].t->dtype != RT_b1 || (!in[1].t && !in[2].t))) return NULL;
    if (!op->select && !rt_dtype_is_float((rt_dtype)in[0].t->dtype)) return NULL;
    return given(rt_op_apply(op, op->nin, in, NULL, out) == 0 ? out[0] : NULL);
}

QUICK(product)
{
    rt_tensor *x = n == 2 && !kwnames ? array_of(args[0]) : NULL, *y = x ? array_of(args[1]) : NULL;
    if (!y || x->ndim == 0 || y->ndim == 0 || y->ndim > q->option || x->dtype != y->dtype) return NULL;
    if ((q->row == RT_OP_outer && x->ndim != 1) || x->dtype == RT_b1) return NULL;
    return given(rt_apply2((rt_op_index)q->row, x, y));
}

/* Of two vectors, whose first one is not conjugated. */
QUICK(vdot)
{
    rt_tensor *x = n == 2 && !kwnames ? array_of(args[0]) : NULL, *y = x ? array_of(args[1]) : NULL;
    if (!y || x->ndim != 1 || y->ndim != 1 || x->dtype != y->dtype || !rt_dtype_is_float((rt_dtype)x->dtype)) return NULL;
    return given(rt_apply2((rt_op_index)q->row, x, y));
}

QUICK(copied)
{
    rt_tensor *t = n == 1 && !kwnames ? array_of(args[0]) : NULL;
    return t ? given(rt_apply1((rt_op_index)q->row, t)) : NULL;
}

QUICK(diagonal)
{
    rt_params p;
    rt_tensor *t = n >= 1 && n <= 2 && !kwnames ? array_of(args[0]) : NULL;
    if (!t || t->ndim != 2) return NULL;
    rt_params_begin(&p);
    p.i[2] = 1;
    if (n == 2 && !read_int(args[1], INTPTR_MAX, &p.i[0])) return NULL;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

static const rt_numpy_quick entries[] = {
    {"sum", fold, RT_OP_sum, 0, 1}, {"prod", fold, RT_OP_prod, 0, 1}, {"mean", fold, RT_OP_mean, 0, 1},
    {"std", fold, RT_OP_std, 0, 1}, {"var", fold, RT_OP_var, 0, 1}, {"max", fold, RT_OP_amax, 0, 1},
    {"amax", fold, RT_OP_amax, 0, 1}, {"min", fold, RT_OP_amin, 0, 1}, {"amin", fold, RT_OP_amin, 0, 1},
    {"any", fold, RT_OP_any, 0, 1}, {"all", fold, RT_OP_all, 0, 1},
    {"count_nonzero", fold, RT_OP_count_nonzero, 0, 1}, {"average", fold, RT_OP_mean, 0, 1},
    {"argmax", fold_index, RT_OP_argmax, 0, 1}, {"argmin", fold_index, RT_OP_argmin, 0, 1},
    {"cumsum", scan, RT_OP_cumsum, 0, 1}, {"cumprod", scan, RT_OP_cumprod, 0, 1},
    {"reshape", reshape, RT_OP_reshape, 0, 1}, {"broadcast_to", broadcast_to, RT_OP_broadcast_to, 0, 1},
    {"ravel", ravel, RT_OP_reshape, 0, 1}, {"transpose", transpose, RT_OP_permute, 0, 1},
    {"permute_dims", transpose, RT_OP_permute, 0, 1}, {"swapaxes", swap, RT_OP_transpose, 0, 1},
    {"moveaxis", move, RT_OP_movedim, 0, 1}, {"squeeze", squeeze, RT_OP_squeeze, 0, 1},
    {"expand_dims", expand_dims, RT_OP_unsqueeze, 0, 1}, {"atleast_1d", at_least, 0, 1, 1},
    {"atleast_2d", at_least, 0, 2, 1}, {"atleast_3d", at_least, 0, 3, 1}, {"flip", flip, 0, -1, 1}, {"flipud", flip, 0, 0, 1}, {"fliplr", flip, 0, 1, 1},
    {"shape", facts, 0, 0, 1}, {"ndim", facts, 0, 1, 1}, {"size", facts, 0, 2, 1},
    {"concatenate", join, RT_OP_cat, 0, 1}, {"concat", join, RT_OP_cat, 0, 1}, {"stack", join, RT_OP_stack, 0, 1},
    {"vstack", stack_along, 0, 0, 1}, {"hstack", stack_along, 0, 1, 1}, {"where", elementwise, RT_OP_where, 0, 1},
    {"clip", elementwise, RT_OP_clamp, 0, 1}, {"dot", product, RT_OP_matmul, 2, 1},
    {"inner", product, RT_OP_matmul, 1, 1}, {"vdot", vdot, RT_OP_matmul, 0, 1}, {"outer", product, RT_OP_outer, 1, 1},
    {"copy", copied, RT_OP_clone, 0, 1}, {"diag", diagonal, RT_OP_diagonal, 0, 1},
    {"diagonal", diagonal, RT_OP_diagonal, 0, 1},
};

const rt_numpy_quick *rt_quick_find(const char *name)
{
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    for (int i = 0; i < rt_quick_nmakers; i++)
        if (strcmp(rt_quick_makers[i].name, name) == 0) return &rt_quick_makers[i];
    for (int i = 0; i < rt_quick_nsteps; i++)
        if (strcmp(rt_quick_steps[i].name, name) == 0) return &rt_quick_steps[i];
    for (int i = 0; i < rt_quick_nfacts; i++)
        if (strcmp(rt_quick_facts[i].name, name) == 0) return &rt_quick_facts[i];
    return NULL;
}

/* Enters what NumPy has under the names of n entries. */
static int enter(PyObject *numpy, const rt_numpy_quick *q, int n, PyObject *known)
{
    for (int i = 0; i < n; i++) {
        PyObject *function = PyObject_GetAttrString(numpy, q[i].name), *entry = function ? PyLong_FromVoidPtr((void *)&q[i]) : NULL;
        const int status = entry ? PyDict_SetItem(known, function, entry) : -1;
        Py_XDECREF(function);
        Py_XDECREF(entry);
        if (status < 0 && !PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        if (status < 0) PyErr_Clear();             /* this NumPy has none of that name */
    }
    return 0;
}

const rt_numpy_quick *rt_quick_of(PyObject *function)
{
    static PyObject *known;                        /* owned: function to entry */
    if (!known) {
        PyObject *numpy = PyImport_ImportModule("numpy"), *all = numpy ? PyDict_New() : NULL;
        const int failed = !all || enter(numpy, entries, (int)(sizeof entries / sizeof *entries), all) < 0
                        || enter(numpy, rt_quick_makers, rt_quick_nmakers, all) < 0
                        || enter(numpy, rt_quick_steps, rt_quick_nsteps, all) < 0
                        || enter(numpy, rt_quick_facts, rt_quick_nfacts, all) < 0;
        Py_XDECREF(numpy);
        if (failed) {
            Py_XDECREF(all);
            return NULL;
        }
        known = all;
    }
    PyObject *entry = PyDict_GetItemWithError(known, function);
    return entry ? PyLong_AsVoidPtr(entry) : NULL;
}
