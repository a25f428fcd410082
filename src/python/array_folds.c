/* array_folds: a.sum(), a.mean(axis=0), a.argmax() ... : reductions and scans of arrays, called with an axis and
 * keepdims at most; calls with more go to rustorch.numpy._methods.  Floor: python. */
#include "core/error.h"
#include "python/array_methods.h"
#include "python/dialect.h"
#include "ufunc/apply.h"
#include "ufunc/views.h"
#include <string.h>

#define SELF ((rt_tensor *)self)

#define FOLDS(X) X(sum) X(prod) X(mean) X(std) X(var) X(max) X(min) X(any) X(all) X(argmax) X(argmin) X(cumsum) X(cumprod)
#define NUMBER(name) AT_##name,
enum { FOLDS(NUMBER) NFOLDS };
#define SLOW(name) {#name, NULL},
static rt_array_slow slow[NFOLDS] = {FOLDS(SLOW)};

typedef struct { intptr_t axis; int has_axis, keepdims; } words;

/* 1 when nothing but axis (None or an int that exists) and keepdims was given. */
static int read_words(const rt_tensor *t, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, words *w)
{
    const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *axis = n ? args[0] : Py_None, *keep = Py_False;
    *w = (words){0};
    if (n > 1) return 0;
    for (Py_ssize_t i = 0; i < nkw; i++) {
        PyObject *word = PyTuple_GET_ITEM(kwnames, i);
        if (n == 0 && PyUnicode_CompareWithASCIIString(word, "axis") == 0) axis = args[n + i];
        else if (PyUnicode_CompareWithASCIIString(word, "keepdims") == 0) keep = args[n + i];
        else return 0;
    }
    if (keep != Py_True && keep != Py_False) return 0;
    w->keepdims = keep == Py_True;
    if (axis == Py_None) return 1;
    if (!PyLong_CheckExact(axis)) return 0;
    w->axis = PyLong_AsSsize_t(axis);
    if (w->axis == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    if (w->axis < -t->ndim || w->axis >= t->ndim) return 0;
    if (w->axis < 0) w->axis += t->ndim;
    w->has_axis = 1;
    return 1;
}

static int is_empty(const rt_tensor *t, const words *w)
{
    return t->size == 0 || (w->has_axis && t->shape[w->axis] == 0);
}

static void lay(rt_params *p, const words *w)
{
    rt_params_begin(p);
    if (w->has_axis) rt_params_push(p, 0, 1, &w->axis);
    else p->n[0] = -1;
    p->i[0] = w->keepdims;
    p->i[1] = RT_NODTYPE;
}

/* What NumPy adds up small integers in. */
static rt_dtype wide(rt_dtype d) { return rt_dtype_kind(d) == RT_KIND_UNSIGNED ? RT_u64 : RT_NODTYPE; }

#define METHOD(name) static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
#define OTHERWISE(name) rt_array_otherwise(&slow[AT_##name], self, args, n, kwnames)
#define BEGIN(name, unless) \
    rt_params p; \
    words w; \
    if (!read_words(SELF, args, n, kwnames, &w) || (unless)) return OTHERWISE(name); \
    lay(&p, &w)
#define FOLD(method, row, unless) \
    METHOD(method##_) \
    { \
        BEGIN(method, unless); \
        return (PyObject *)rt_apply1p(RT_OP_##row, SELF, &p); \
    }

METHOD(sum_)
{
    BEGIN(sum, 0);
    p.i[1] = wide((rt_dtype)SELF->dtype);
    return (PyObject *)rt_apply1p(RT_OP_sum, SELF, &p);
}

METHOD(prod_)
{
    BEGIN(prod, 0);
    p.i[1] = wide((rt_dtype)SELF->dtype);
    return (PyObject *)rt_apply1p(RT_OP_prod, SELF, &p);
}

FOLD(mean, mean, is_empty(SELF, &w))
FOLD(std, std, is_empty(SELF, &w))
FOLD(var, var, is_empty(SELF, &w))
FOLD(max, amax, is_empty(SELF, &w) || rt_dtype_is_complex((rt_dtype)SELF->dtype))
FOLD(min, amin, is_empty(SELF, &w) || rt_dtype_is_complex((rt_dtype)SELF->dtype))
FOLD(any, any, 0)
FOLD(all, all, 0)

/* The one axis of argmax and argmin is a number, not a list. */
static PyObject *choose(rt_op_index op, rt_tensor *t, const words *w)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = w->has_axis ? w->axis : RT_NONE_INT;
    p.i[1] = w->keepdims;
    return (PyObject *)rt_apply1p(op, t, &p);
}

METHOD(argmax_)
{
    BEGIN(argmax, is_empty(SELF, &w) || rt_dtype_is_complex((rt_dtype)SELF->dtype));
    return choose(RT_OP_argmax, SELF, &w);
}

METHOD(argmin_)
{
    BEGIN(argmin, is_empty(SELF, &w) || rt_dtype_is_complex((rt_dtype)SELF->dtype));
    return choose(RT_OP_argmin, SELF, &w);
}

/* Without an axis along the flattened array. */
static PyObject *scan(rt_op_index op, rt_tensor *t, const words *w)
{
    rt_params p;
    PyObject *flat = NULL, *result;
    if (!w->has_axis && t->ndim != 1) {
        const intptr_t all = -1;
        rt_params_begin(&p);
        rt_params_push(&p, 0, 1, &all);
        flat = (PyObject *)rt_apply1p(RT_OP_reshape, t, &p);
        if (!flat) return NULL;
        t = (rt_tensor *)flat;
    }
    rt_params_begin(&p);
    p.i[0] = w->has_axis ? w->axis : 0;
    p.i[1] = wide((rt_dtype)t->dtype);
    result = (PyObject *)rt_apply1p(op, t, &p);
    Py_XDECREF(flat);
    return result;
}

METHOD(cumsum_)
{
    BEGIN(cumsum, w.keepdims);
    return scan(RT_OP_cumsum, SELF, &w);
}

METHOD(cumprod_)
{
    BEGIN(cumprod, w.keepdims);
    return scan(RT_OP_cumprod, SELF, &w);
}

int rt_array_folds_enter(const char *name, PyObject *function)
{
    for (int k = 0; k < NFOLDS; k++)
        if (strcmp(name, slow[k].name) == 0) {
            Py_XSETREF(slow[k].function, Py_NewRef(function));
            return 1;
        }
    return 0;
}

#define ROW(name, signature, doc) \
    {#name, (PyCFunction)(void (*)(void))name##_, METH_FASTCALL | METH_KEYWORDS, #name "($self, /, " signature ")\n--\n\n" doc}
PyMethodDef rt_array_folds[] = {
    ROW(sum, "axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True",
        "Sum over axes; of integers in 64 bits."),
    ROW(prod, "axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True",
        "Product over axes."),
    ROW(mean, "axis=None, dtype=None, out=None, keepdims=False, *, where=True",
        "Mean over axes; of integers float64."),
    ROW(std, "axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None",
        "Standard deviation."),
    ROW(var, "axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None",
        "Variance, divided by n - ddof."),
    ROW(max, "axis=None, out=None, keepdims=False, initial=None, where=True",
        "Largest element over axes; a NaN wins."),
    ROW(min, "axis=None, out=None, keepdims=False, initial=None, where=True",
        "Smallest element over axes; a NaN wins."),
    ROW(any, "axis=None, out=None, keepdims=False, *, where=True",
        "Is any element true?"),
    ROW(all, "axis=None, out=None, keepdims=False, *, where=True",
        "Are all elements true?"),
    ROW(argmax, "axis=None, out=None, *, keepdims=False",
        "Where the first largest element stands."),
    ROW(argmin, "axis=None, out=None, *, keepdims=False",
        "Where the first smallest element stands."),
    ROW(cumsum, "axis=None, dtype=None, out=None",
        "Running sums, flattened without an axis."),
    ROW(cumprod, "axis=None, dtype=None, out=None",
        "Running products, flattened without an axis."),
    {NULL, NULL, 0, NULL},
};
