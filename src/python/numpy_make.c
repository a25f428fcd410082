/* numpy_make: arrays from numbers and lists, the calls that are all but plain arguments: zeros((2, 3)),
 * array([1.0, 2.0]), arange(10), linspace(0, 1, 50).  What is not plain is declined and left to the functions in
 * rustorch/numpy.  Floor: python. */
#include "backends/memory.h"
#include "core/error.h"
#include "python/convert.h"
#include "python/ndarray.h"
#include "python/numpy_quick.h"
#include "ufunc/factory.h"
#include "ufunc/views.h"
#include <math.h>
#include <string.h>

#define QUICK(f) static PyObject *f(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
static const rt_device cpu = {RT_CPU, 0};

/* A result; a failure is declined, but for want of memory. */
static PyObject *given(rt_tensor *t)
{
    if (!t && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return (PyObject *)t;
}

/* The dtype given at place `at` or as the only keyword; `otherwise` without one.  0: not plain. */
static int read_dtype(PyObject *const *args, Py_ssize_t n, PyObject *kwnames, Py_ssize_t at, rt_dtype otherwise, rt_dtype *d)
{
    PyObject *o = n > at ? args[at] : NULL;
    *d = otherwise;
    if (n > at + 1) return 0;
    if (kwnames && PyTuple_GET_SIZE(kwnames)) {
        if (o || PyTuple_GET_SIZE(kwnames) > 1 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "dtype") != 0)
            return 0;
        o = args[n];
    }
    if (!o || o == Py_None) return 1;
    if (rt_dtype_convert(o, d) == 0) return 1;
    PyErr_Clear();
    return 0;
}

static int read_length(PyObject *o, intptr_t *v)
{
    int overflow;
    if (!PyLong_CheckExact(o)) return 0;
    *v = PyLong_AsLongAndOverflow(o, &overflow);
    return !overflow && *v >= 0;
}

/* A shape: an int, or a tuple or list of ints; -1: not plain. */
static int read_shape(PyObject *o, intptr_t *shape)
{
    if (PyLong_CheckExact(o)) return read_length(o, shape) ? 1 : -1;
    if ((!PyTuple_CheckExact(o) && !PyList_CheckExact(o)) || PySequence_Fast_GET_SIZE(o) > RT_MAX_NDIM) return -1;
    const int ndim = (int)PySequence_Fast_GET_SIZE(o);
    for (int i = 0; i < ndim; i++) if (!read_length(PySequence_Fast_GET_ITEM(o, i), &shape[i])) return -1;
    return ndim;
}

/* option: 0 and 1 the value, -1 none. */
static PyObject *filled(int option, rt_dtype d, int ndim, const intptr_t *shape)
{
    const rt_operand value = rt_operand_int(option);
    rt_tensor *t = option ? rt_empty(d, ndim, shape, cpu) : rt_zeros(d, ndim, shape, cpu);
    if (t && option > 0 && rt_fill(t, &value) < 0) Py_CLEAR(t);
    return given(t);
}

QUICK(make_filled)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_dtype d;
    const int ndim = n >= 1 ? read_shape(args[0], shape) : -1;
    if (ndim < 0 || !read_dtype(args, n, kwnames, 1, RT_f64, &d)) return NULL;
    return filled(q->option, d, ndim, shape);
}

QUICK(make_like)
{
    rt_dtype d;
    if (n < 1 || !rt_tensor_check_exact(args[0])) return NULL;
    rt_tensor *like = (rt_tensor *)args[0];
    if (!rt_tensor_is_contiguous(like) || !read_dtype(args, n, kwnames, 1, (rt_dtype)like->dtype, &d)) return NULL;
    return filled(q->option, d, like->ndim, like->shape);
}

/* A plain number: bool, int that fits 64 bits, or float. */
static int read_number(PyObject *o, rt_operand *v)
{
    PyObject *owned = NULL;
    if (!PyFloat_CheckExact(o) && !PyLong_CheckExact(o) && !PyBool_Check(o)) return 0;
    if (rt_convert_operand(o, v, &owned) < 0) {
        PyErr_Clear();
        return 0;
    }
    return !v->is_unsigned && (v->kind != RT_KIND_FLOAT || PyFloat_CheckExact(o));
}

static double as_double(const rt_operand *v) { return v->kind == RT_KIND_FLOAT ? v->v.f : (double)v->v.i; }

QUICK(make_full)
{
    intptr_t shape[RT_MAX_NDIM];
    rt_operand value;
    rt_dtype d;
    const int ndim = n >= 2 ? read_shape(args[0], shape) : -1;
    (void)q;
    if (ndim < 0 || !read_number(args[1], &value)) return NULL;
    const rt_dtype own = value.kind == RT_KIND_FLOAT ? RT_f64 : value.kind == RT_KIND_BOOL ? RT_b1 : RT_i64;
    if (!read_dtype(args, n, kwnames, 2, own, &d) || (d != own && d != RT_f64)) return NULL;
    rt_tensor *t = rt_empty(d, ndim, shape, cpu);
    if (t && rt_fill(t, &value) < 0) Py_CLEAR(t);
    return given(t);
}

QUICK(make_eye)
{
    intptr_t size;
    rt_dtype d;
    (void)q;
    if (n < 1 || n > 1 || !read_length(args[0], &size) || !read_dtype(args, n, kwnames, 1, RT_f64, &d)) return NULL;
    return given(rt_factory_eye(d, size, size, 0));
}

/* NumPy's values: start + i * ((start + step) - start). */
static PyObject *arange_floating(double start, double stop, double step)
{
    const double count = ceil((stop - start) / step);
    if (!(fabs(count) < 1e15)) return NULL;
    const intptr_t size = count > 0 ? (intptr_t)count : 0;
    rt_tensor *t = rt_empty(RT_f64, 1, &size, cpu);
    const double second = start + step, delta = second - start;
    if (!t) return given(NULL);
    double *at = (double *)t->data;
    for (intptr_t i = 0; i < size; i++) at[i] = i == 0 ? start : i == 1 ? second : start + (double)i * delta;
    return (PyObject *)t;
}

QUICK(make_arange)
{
    rt_operand v[3] = {rt_operand_int(0), rt_operand_int(0), rt_operand_int(1)};
    (void)q;
    if (kwnames || n < 1 || n > 3) return NULL;
    int floating = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        rt_operand *to = &v[n == 1 ? 1 : i];
        if (!read_number(args[i], to) || to->kind == RT_KIND_BOOL) return NULL;
        floating |= to->kind == RT_KIND_FLOAT;
    }
    if (floating) return as_double(&v[2]) != 0 ? arange_floating(as_double(&v[0]), as_double(&v[1]), as_double(&v[2])) : NULL;
    const int64_t start = v[0].v.i, step = v[2].v.i, most = (int64_t)1 << 60;
    if (step == 0 || llabs(start) > most || llabs(v[1].v.i) > most || llabs(step) > most) return NULL;
    const int64_t span = v[1].v.i - start, rest = span % step;
    const intptr_t size = (span < 0) == (step < 0) && span ? span / step + (rest != 0) : 0;
    rt_tensor *t = rt_empty(RT_i64, 1, &size, cpu);
    if (!t) return given(NULL);
    int64_t *at = (int64_t *)t->data;
    for (intptr_t i = 0; i < size; i++) at[i] = start + i * step;
    return (PyObject *)t;
}

/* NumPy's values: i * step + start, the last one stop itself. */
QUICK(make_linspace)
{
    rt_operand from, to;
    intptr_t size = 50;
    (void)q;
    if (kwnames || n < 2 || n > 3 || !read_number(args[0], &from) || !read_number(args[1], &to)) return NULL;
    if (n == 3 && !read_length(args[2], &size)) return NULL;
    const double start = as_double(&from), stop = as_double(&to), delta = stop - start, step = delta / (double)(size - 1);
    if (size < 2 || !isfinite(step) || (step == 0 && delta != 0)) return NULL;
    rt_tensor *t = rt_empty(RT_f64, 1, &size, cpu);
    if (!t) return given(NULL);
    double *at = (double *)t->data;
    for (intptr_t i = 0; i < size; i++) at[i] = (double)i * step + start;
    at[size - 1] = stop;
    return (PyObject *)t;
}

/* ---- lists ---- */

#define DEPTH 6
enum { HAS_BOOL = 1, HAS_INT = 2, HAS_FLOAT = 4 };
typedef struct { int ndim, kinds; intptr_t shape[DEPTH]; } listing;

static int is_list(PyObject *o) { return PyList_CheckExact(o) || PyTuple_CheckExact(o); }

/* A value without dimensions and history, of a dtype that Python's numbers have. */
static int leaf_kind(PyObject *o)
{
    if (PyFloat_CheckExact(o)) return HAS_FLOAT;
    if (PyLong_CheckExact(o)) return HAS_INT;
    if (PyBool_Check(o)) return HAS_BOOL;
    if (rt_ndarray_is_scalar(o)) return PyFloat_Check(o) ? HAS_FLOAT : 0;      /* numpy.float64 */
    if (!rt_tensor_check_exact(o)) return 0;
    const rt_tensor *t = (const rt_tensor *)o;
    if (t->ndim || rt_tensor_requires_grad(t)) return 0;
    return t->dtype == RT_f64 ? HAS_FLOAT : t->dtype == RT_i64 ? HAS_INT : t->dtype == RT_b1 ? HAS_BOOL : 0;
}

/* Shape by the first items. */
static int measure(PyObject *o, listing *l)
{
    for (l->ndim = 0; is_list(o); o = PySequence_Fast_GET_ITEM(o, 0)) {
        if (l->ndim == DEPTH || PySequence_Fast_GET_SIZE(o) == 0) return 0;
        l->shape[l->ndim++] = PySequence_Fast_GET_SIZE(o);
    }
    return 1;
}

/* Are all lists even, and all leaves numbers? */
static int inspect(PyObject *o, int depth, listing *l)
{
    if (depth == l->ndim) {
        const int kind = leaf_kind(o);
        l->kinds |= kind;
        return kind;
    }
    if (!is_list(o) || PySequence_Fast_GET_SIZE(o) != l->shape[depth]) return 0;
    for (intptr_t i = 0; i < l->shape[depth]; i++)
        if (!inspect(PySequence_Fast_GET_ITEM(o, i), depth + 1, l)) return 0;
    return 1;
}

static double leaf_double(PyObject *o)
{
    if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
    if (PyLong_Check(o)) return PyLong_AsDouble(o);
    const rt_tensor *t = (const rt_tensor *)o;
    return t->dtype == RT_f64 ? *(const double *)t->data : t->dtype == RT_i64 ? (double)*(const int64_t *)t->data
         : *(const uint8_t *)t->data;
}

static int64_t leaf_int(PyObject *o)
{
    if (PyLong_Check(o)) return PyLong_AsLongLong(o);
    const rt_tensor *t = (const rt_tensor *)o;
    return t->dtype == RT_i64 ? *(const int64_t *)t->data : *(const uint8_t *)t->data;
}

/* Writes the leaves at `at` and returns the place behind; errors of too large ints are looked for at the end. */
static char *write_leaves(PyObject *o, int depth, const listing *l, rt_dtype d, char *at)
{
    if (depth < l->ndim) {
        for (intptr_t i = 0; i < l->shape[depth]; i++)
            at = write_leaves(PySequence_Fast_GET_ITEM(o, i), depth + 1, l, d, at);
        return at;
    }
    if (d == RT_f64) *(double *)at = leaf_double(o);
    else if (d == RT_i64) *(int64_t *)at = leaf_int(o);
    else *(uint8_t *)at = leaf_int(o) != 0;
    return at + rt_itemsize(d);
}

static PyObject *from_lists(PyObject *o, rt_dtype wanted)
{
    listing l = {0};
    if (!measure(o, &l) || !inspect(o, 0, &l)) return NULL;
    rt_dtype d = l.kinds & HAS_FLOAT ? RT_f64 : l.kinds & HAS_INT ? RT_i64 : RT_b1;
    if (wanted == RT_f64) d = RT_f64;
    if (wanted != RT_NODTYPE && wanted != d) return NULL;
    rt_tensor *t = rt_empty(d, l.ndim, l.shape, cpu);
    if (!t) return given(NULL);
    write_leaves(o, 0, &l, d, t->data);
    if (PyErr_Occurred()) Py_CLEAR(t);
    return given(t);
}

/* array copies, asarray (option 1) shares. */
QUICK(make_array)
{
    rt_dtype d;
    if (n < 1 || !read_dtype(args, n, kwnames, 1, RT_NODTYPE, &d)) return NULL;
    PyObject *o = args[0];
    if (rt_array_check(o)) {
        rt_tensor *t = (rt_tensor *)o;
        if (d != RT_NODTYPE && d != (rt_dtype)t->dtype) return given(rt_cast(t, d));
        return q->option ? Py_NewRef(o) : given(rt_apply1(RT_OP_clone, t));
    }
    return is_list(o) || PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyBool_Check(o) ? from_lists(o, d) : NULL;
}

const rt_numpy_quick rt_quick_makers[] = {
    {"zeros", make_filled, 0, 0}, {"ones", make_filled, 0, 1}, {"empty", make_filled, 0, -1},
    {"zeros_like", make_like, 0, 0}, {"ones_like", make_like, 0, 1}, {"empty_like", make_like, 0, -1},
    {"full", make_full, 0, 0}, {"eye", make_eye, 0, 0}, {"identity", make_eye, 0, 0}, {"arange", make_arange, 0, 0},
    {"linspace", make_linspace, 0, 0}, {"array", make_array, 0, 0}, {"asarray", make_array, 0, 1},
    {"asanyarray", make_array, 0, 1}, {"require", make_array, 0, 1},
};
const int rt_quick_nmakers = (int)(sizeof rt_quick_makers / sizeof *rt_quick_makers);
