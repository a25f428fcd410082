/* numpy_steps: plain calls of rustorch.numpy's functions that are a few rows, or a short loop where nothing is
 * recorded.  As in numpy_quick.c what is not plain, and what fails, is declined.  Floor: python. */
#include "backends/memory.h"
#include "core/error.h"
#include "python/convert.h"
#include "python/numpy_quick.h"
#include "ufunc/views.h"
#include <math.h>
#include <string.h>

#define QUICK(f) static PyObject *f(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

static PyObject *given(rt_tensor *t)
{
    if (!t && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return (PyObject *)t;
}

/* The i-th argument of a call with n of them and no keywords, when it is an array of ndim dimensions (-1: any). */
static rt_tensor *array_at(PyObject *const *args, Py_ssize_t n, PyObject *kwnames, Py_ssize_t wanted, int i, int ndim)
{
    if (kwnames || n != wanted || !rt_array_check(args[i])) return NULL;
    rt_tensor *t = (rt_tensor *)args[i];
    return ndim < 0 || t->ndim == ndim ? t : NULL;
}

static int read_count(PyObject *o, intptr_t *v)
{
    int overflow;
    if (!PyLong_CheckExact(o)) return 0;
    *v = PyLong_AsLongAndOverflow(o, &overflow);
    return !overflow;
}

/* row(x, list), stealing x. */
static rt_tensor *with_list(rt_op_index row, rt_tensor *x, int n, const intptr_t *list)
{
    rt_params p;
    if (!x) return NULL;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, list);
    rt_tensor *made = rt_apply1p(row, x, &p);
    Py_DECREF((PyObject *)x);
    return made;
}

static rt_tensor *narrowed(rt_tensor *x, int dim, intptr_t start, intptr_t length)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    p.i[1] = start;
    p.i[2] = length;
    return rt_apply1p(RT_OP_narrow, x, &p);
}

/* row(a, b), stealing both; either may be NULL. */
static rt_tensor *of_both(rt_op_index row, rt_tensor *a, rt_tensor *b)
{
    rt_tensor *made = a && b ? rt_apply2(row, a, b) : NULL;
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)b);
    return made;
}

QUICK(diff)
{
    rt_tensor *t = array_at(args, n, kwnames, 1, 0, -1);
    (void)q;
    if (!t || t->ndim == 0 || t->dtype == RT_b1 || t->shape[t->ndim - 1] < 1) return NULL;
    const int last = t->ndim - 1;
    const intptr_t length = t->shape[last] - 1;
    return given(of_both(RT_OP_sub, narrowed(t, last, 1, length), narrowed(t, last, 0, length)));
}

static rt_tensor *folded(rt_op_index row, rt_tensor *t)
{
    rt_params p;
    rt_params_begin(&p);
    p.n[0] = -1;
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(row, t, &p);
}

QUICK(ptp)
{
    rt_tensor *t = array_at(args, n, kwnames, 1, 0, -1);
    (void)q;
    if (!t || t->size == 0 || t->dtype == RT_b1 || rt_dtype_is_complex((rt_dtype)t->dtype)) return NULL;
    return given(of_both(RT_OP_sub, folded(RT_OP_amax, t), folded(RT_OP_amin, t)));
}

QUICK(array_equal)
{
    rt_tensor *x = array_at(args, n, kwnames, 2, 0, -1), *y = x ? array_at(args, n, kwnames, 2, 1, -1) : NULL, *all;
    (void)q;
    if (!y) return NULL;
    if (x->ndim != y->ndim || memcmp(x->shape, y->shape, (size_t)x->ndim * sizeof *x->shape) != 0) Py_RETURN_FALSE;
    if (x->size == 0) Py_RETURN_TRUE;
    rt_tensor *same = rt_apply2(RT_OP_eq, x, y);
    all = same ? folded(RT_OP_all, same) : NULL;
    Py_XDECREF((PyObject *)same);
    if (!all) return given(NULL);
    const int truth = *(const uint8_t *)all->data;
    Py_DECREF((PyObject *)all);
    return PyBool_FromLong(truth);
}

QUICK(trace)
{
    rt_tensor *t = array_at(args, n, kwnames, 1, 0, 2);
    return t && (t->dtype == RT_f64 || t->dtype == RT_i64) ? given(rt_apply1((rt_op_index)q->row, t)) : NULL;
}

QUICK(triangle)
{
    rt_params p;
    rt_tensor *t = array_at(args, n, kwnames, 1, 0, -1);
    if (!t || t->ndim < 2 || t->dtype == RT_b1) return NULL;
    rt_params_begin(&p);
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

QUICK(repeat)
{
    rt_params p;
    intptr_t times, wide[2], flat = -1;
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, 1);
    (void)q;
    if (!t || !read_count(args[1], &times) || times < 1 || t->shape[0] == 0) return NULL;
    wide[0] = t->shape[0];
    wide[1] = times;
    rt_params_begin(&p);
    p.i[0] = 1;
    return given(with_list(RT_OP_reshape, with_list(RT_OP_expand, rt_apply1p(RT_OP_unsqueeze, t, &p), 2, wide), 1, &flat));
}

QUICK(tile)
{
    intptr_t times;
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, -1);
    if (!t || t->ndim == 0 || !read_count(args[1], &times) || times < 1) return NULL;
    return given(with_list((rt_op_index)q->row, (rt_tensor *)Py_NewRef((PyObject *)t), 1, &times));
}

QUICK(roll)
{
    rt_params p;
    intptr_t shift;
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, -1);
    if (!t || t->size == 0 || !read_count(args[1], &shift)) return NULL;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, &shift);
    p.n[1] = -1;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

/* An array, a list or a number as an array; new reference, or NULL: not plain. */
static rt_tensor *as_array(PyObject *o)
{
    const rt_numpy_quick *make = rt_quick_find("asarray");
    PyObject *made = make->call(make, &o, 1, NULL);
    if (!made || rt_tensor_check(made)) return (rt_tensor *)made;
    Py_DECREF(made);
    return NULL;
}

QUICK(take)
{
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, -1), *index = t && t->size ? as_array(args[1]) : NULL, *made = NULL;
    if (index && index->dtype == RT_i64) made = rt_apply2((rt_op_index)q->row, t, index);
    Py_XDECREF((PyObject *)index);
    return given(made);
}

QUICK(nonzero)
{
    const intptr_t flat = -1;
    rt_tensor *t = array_at(args, n, kwnames, 1, 0, 1);
    if (!t || t->size == 0) return NULL;
    rt_tensor *found = rt_apply1((rt_op_index)q->row, t);
    PyObject *places = given(found && found->size ? with_list(RT_OP_reshape, found, 1, &flat) : NULL), *tuple = NULL;
    if (found && !places && !PyErr_Occurred() && !found->size) Py_DECREF((PyObject *)found);
    if (places) tuple = PyTuple_Pack(1, places);
    Py_XDECREF(places);
    return tuple;
}

QUICK(append)
{
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, 1), *end = t ? as_array(args[1]) : NULL, *out[4] = {NULL, NULL, NULL, NULL};
    const intptr_t flat = -1;
    rt_params p;
    (void)q;
    if (end) end = with_list(RT_OP_reshape, end, 1, &flat);
    if (!end) return given(NULL);
    rt_operand in[2] = {rt_operand_of(t), rt_operand_of(end)};
    rt_params_begin(&p);
    const int status = end->size ? rt_op_apply(&rt_ops[RT_OP_cat], 2, in, &p, out) : -1;
    Py_DECREF((PyObject *)end);
    Py_XDECREF((PyObject *)out[1]);
    return given(status < 0 ? NULL : out[0]);
}

/* Two matrices: tensordot(a, b, 1), einsum("ij,jk->ik", a, b). */
QUICK(matrix_product)
{
    const int at = q->option;
    rt_tensor *x = n == 3 ? array_at(args, n, kwnames, 3, at, 2) : NULL, *y = x ? array_at(args, n, kwnames, 3, at + 1, 2) : NULL;
    intptr_t axes;
    if (!y || x->dtype != y->dtype || x->dtype == RT_b1 || (at && x->dtype != RT_f64 && x->dtype != RT_f32)) return NULL;
    if (at == 0 && (!read_count(args[2], &axes) || axes != 1)) return NULL;
    if (at == 1 && (!PyUnicode_Check(args[0]) || (PyUnicode_CompareWithASCIIString(args[0], "ij,jk->ik") != 0
                                                  && PyUnicode_CompareWithASCIIString(args[0], "ij,jk") != 0)))
        return NULL;
    return given(rt_apply2(RT_OP_matmul, x, y));
}

QUICK(split)
{
    intptr_t count;
    rt_tensor *t = array_at(args, n, kwnames, 2, 0, -1);
    (void)q;
    if (!t || t->ndim == 0 || !read_count(args[1], &count) || count < 1 || t->shape[0] % count) return NULL;
    const intptr_t length = t->shape[0] / count;
    PyObject *pieces = PyList_New(count);
    for (intptr_t i = 0; pieces && i < count; i++) {
        rt_tensor *piece = narrowed(t, 0, i * length, length);
        if (piece) PyList_SET_ITEM(pieces, i, (PyObject *)piece);
        else Py_CLEAR(pieces);
    }
    if (!pieces) return given(NULL);
    return pieces;
}

/* ---- loops over float64 of which nothing is recorded ---- */

/* What was given as an array, float64 where it is float32; NULL: not plain. */
static rt_tensor *widened(PyObject *o)
{
    rt_tensor *t = as_array(o);
    if (t && t->dtype == RT_f32) {
        rt_tensor *wide = rt_cast(t, RT_f64);
        Py_DECREF((PyObject *)t);
        t = (rt_tensor *)given(wide);
    }
    return t;
}

/* A packed vector of float64 without history (borrowed data), converted from what was given; NULL: not plain. */
static rt_tensor *vector_of(PyObject *o)
{
    rt_tensor *t = widened(o);
    if (t && t->dtype == RT_f64 && t->ndim == 1 && t->size && rt_tensor_is_contiguous(t) && !rt_tensor_requires_grad(t)) return t;
    Py_XDECREF((PyObject *)t);
    return NULL;
}

/* y from its last element on where `back`. */
static void convolve_into(const double *x, intptr_t n, const double *y, intptr_t m, int back, intptr_t start, intptr_t size,
                          double *out)
{
    for (intptr_t k = start; k < start + size; k++) {
        const intptr_t low = k - m + 1 > 0 ? k - m + 1 : 0, high = k < n - 1 ? k : n - 1;
        double sum = 0;
        if (back) for (intptr_t i = low; i <= high; i++) sum += x[i] * y[m - 1 - k + i];
        else for (intptr_t i = low; i <= high; i++) sum += x[i] * y[k - i];
        out[k - start] = sum;
    }
}

static int is_float32(PyObject *o) { return rt_array_check(o) && ((rt_tensor *)o)->dtype == RT_f32; }

/* convolve, and with option 1 correlate; of float32, too, each sum in float64. */
QUICK(convolve)
{
    const intptr_t most = 64;                     /* of the shorter: beyond, products of matrices are faster */
    const rt_device cpu = {RT_CPU, 0};
    rt_tensor *x = NULL, *y = NULL, *out = NULL;
    if (kwnames || n < 2 || n > 3 || (n == 3 && !PyUnicode_Check(args[2]))) return NULL;
    x = vector_of(args[0]);
    y = x ? vector_of(args[1]) : NULL;
    if (!y) goto done;
    if (y->size > x->size) {
        if (q->option) goto done;
        rt_tensor *longer = y;
        y = x;
        x = longer;
    }
    intptr_t start = 0, size = x->size + y->size - 1;
    const char *mode = n == 3 ? PyUnicode_AsUTF8(args[2]) : q->option ? "valid" : "full";
    if (!mode) goto done;
    if (strcmp(mode, "same") == 0) start = (y->size - 1) / 2, size = x->size;
    else if (strcmp(mode, "valid") == 0) start = y->size - 1, size = x->size - y->size + 1;
    else if (strcmp(mode, "full") != 0) goto done;
    if ((y->size > most && size > 4) || x->size > 4096) goto done;
    out = rt_empty(RT_f64, 1, &size, cpu);
    if (out) convolve_into((const double *)x->data, x->size, (const double *)y->data, y->size, q->option, start, size, (double *)out->data);
    if (out && is_float32(args[0]) && is_float32(args[1])) {
        rt_tensor *narrow = rt_cast(out, RT_f32);
        Py_DECREF((PyObject *)out);
        out = narrow;
    }
done:
    Py_XDECREF((PyObject *)x);
    Py_XDECREF((PyObject *)y);
    return given(out);
}

/* As NumPy's: from the left point of the interval, from the right one where that gives NaN. */
static double interpolate(double x, const double *xp, const double *fp, intptr_t n)
{
    if (isnan(x)) return x;
    if (x < xp[0]) return fp[0];
    if (x > xp[n - 1]) return fp[n - 1];
    intptr_t low = 0, high = n;
    while (high - low > 1) {
        const intptr_t middle = low + (high - low) / 2;
        if (xp[middle] <= x) low = middle;
        else high = middle;
    }
    if (low == n - 1 || xp[low] == x) return fp[low];
    const double slope = (fp[low + 1] - fp[low]) / (xp[low + 1] - xp[low]);
    double value = slope * (x - xp[low]) + fp[low];
    if (isnan(value)) value = slope * (x - xp[low + 1]) + fp[low + 1];
    return isnan(value) && fp[low] == fp[low + 1] ? fp[low] : value;
}

QUICK(interp)
{
    const rt_device cpu = {RT_CPU, 0};
    rt_tensor *x = n == 3 && !kwnames ? widened(args[0]) : NULL, *xp = x ? vector_of(args[1]) : NULL, *fp = NULL, *out = NULL;
    (void)q;
    if (xp) fp = vector_of(args[2]);
    if (!fp || fp->size != xp->size || x->dtype != RT_f64 || !rt_tensor_is_contiguous(x) || rt_tensor_requires_grad(x)
        || x->size > 4096)
        goto done;
    out = rt_empty(RT_f64, x->ndim, x->shape, cpu);
    for (intptr_t i = 0; out && i < x->size; i++)
        ((double *)out->data)[i] = interpolate(((const double *)x->data)[i], (const double *)xp->data, (const double *)fp->data, xp->size);
done:
    Py_XDECREF((PyObject *)x);
    Py_XDECREF((PyObject *)xp);
    Py_XDECREF((PyObject *)fp);
    return given(out);
}

/* sort and argsort along the last dimension. */
QUICK(in_order)
{
    const int plain = n == 1 && !kwnames && rt_tensor_check_exact(args[0]);
    rt_tensor *t = plain ? (rt_tensor *)args[0] : NULL;
    rt_params p;
    if (!t || t->ndim == 0 || rt_dtype_is_complex((rt_dtype)t->dtype) || rt_records(t)) return NULL;
    rt_params_begin(&p);
    p.i[0] = -1, p.i[1] = 0, p.i[2] = 1;
    return given(rt_apply1p((rt_op_index)q->row, t, &p));
}

const rt_numpy_quick rt_quick_steps[] = {
    {"sort", in_order, RT_OP_sort_values, 0, 1}, {"argsort", in_order, RT_OP_argsort, 0, 1},
    {"diff", diff, 0, 0}, {"ptp", ptp, 0, 0}, {"array_equal", array_equal, 0, 0}, {"trace", trace, RT_OP_trace, 0},
    {"tril", triangle, RT_OP_tril, 0}, {"triu", triangle, RT_OP_triu, 0}, {"repeat", repeat, 0, 0},
    {"tile", tile, RT_OP_tile, 0}, {"roll", roll, RT_OP_roll, 0}, {"take", take, RT_OP_take, 0},
    {"nonzero", nonzero, RT_OP_nonzero, 0}, {"append", append, 0, 0}, {"tensordot", matrix_product, 0, 0},
    {"einsum", matrix_product, 0, 1}, {"split", split, 0, 0}, {"convolve", convolve, 0, 0}, {"correlate", convolve, 0, 1}, {"interp", interp, 0, 0},
};
const int rt_quick_nsteps = (int)(sizeof rt_quick_steps / sizeof *rt_quick_steps);
