/* creation: functions that make tensors: from Python things (tensor, asarray, from_numpy) and
 * from nothing (empty, zeros, ones, full, their _like forms, arange, linspace, eye).
 * All take the keywords dtype, device and requires_grad.  Floor: python. */
#include "python/creation.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "python/convert.h"
#include "python/layout.h"
#include "python/ndarray.h"
#include "ufunc/apply.h"
#include "ufunc/factory.h"
#include <string.h>

/* What every creation function may be told by keyword. */
typedef struct {
    rt_dtype dtype;
    int requires_grad, copy;
    rt_format format;
    PyObject *size, *fill, *step, *start, *end, *out;   /* borrowed */
} options;

/* "cpu", None, or a device object whose `type` is "cpu". */
int rt_creation_check_device(const char *name, PyObject *o)
{
    PyObject *type = o == Py_None || PyUnicode_Check(o) ? Py_NewRef(o) : PyObject_GetAttrString(o, "type");
    if (!type) return -1;
    int ok = type == Py_None || (PyUnicode_Check(type) && (PyUnicode_CompareWithASCIIString(type, "cpu") == 0
                                                           || PyUnicode_CompareWithASCIIString(type, "cpu:0") == 0));
    Py_DECREF(type);
    if (ok) return 0;
    return rt_error(rt_DeviceError, name, "device %S is not available in this build; only 'cpu' is", o);
}

static int read_options(const char *name, options *opt, PyObject *const *values, PyObject *kwnames, const char *extra)
{
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
        PyObject *v = values[i];
        if (!word) return -1;
        if (strcmp(word, "dtype") == 0) {
            if (v != Py_None && rt_dtype_convert(v, &opt->dtype) < 0) return -1;
        } else if (strcmp(word, "device") == 0) {
            if (rt_creation_check_device(name, v) < 0) return -1;
        } else if (strcmp(word, "requires_grad") == 0) {
            if ((opt->requires_grad = PyObject_IsTrue(v)) < 0) return -1;
        } else if (strcmp(word, "copy") == 0 && strstr(extra, "copy")) {
            if ((opt->copy = v == Py_None ? -1 : PyObject_IsTrue(v)) < -1) return -1;
        } else if ((strcmp(word, "size") == 0 || strcmp(word, "shape") == 0) && strstr(extra, "size")) {
            opt->size = v;
        } else if (strcmp(word, "fill_value") == 0 && strstr(extra, "fill")) {
            opt->fill = v;
        } else if (strcmp(word, "step") == 0 && strstr(extra, "step")) {
            opt->step = v;
        } else if (strcmp(word, "steps") == 0 && strstr(extra, "linspace")) {
            opt->step = v;
        } else if (strcmp(word, "start") == 0 && strstr(extra, "step")) {
            opt->start = v;
        } else if ((strcmp(word, "end") == 0 || strcmp(word, "stop") == 0) && strstr(extra, "step")) {
            opt->end = v;
        } else if ((strcmp(word, "input") == 0 || strcmp(word, "x") == 0) && strstr(extra, "input")) {
            opt->size = v;
        } else if (strcmp(word, "out") == 0 && !strstr(extra, "data")) {
            if (v == Py_None) continue;
            if (!rt_tensor_check(v)) return rt_error(PyExc_TypeError, name, "'out=' must be a Tensor, not %s", Py_TYPE(v)->tp_name);
            opt->out = v;
            if (opt->dtype == RT_NODTYPE) opt->dtype = (rt_dtype)((rt_tensor *)v)->dtype;
        } else if (strcmp(word, "memory_format") == 0 && strstr(extra, "input")) {
            if (rt_format_convert(name, v, &opt->format) < 0) return -1;
        } else if (strcmp(word, "data") == 0 && strstr(extra, "data")) {
            opt->size = v;
        } else if (strcmp(word, "pin_memory") != 0 && strcmp(word, "layout") != 0 && strcmp(word, "memory_format") != 0) {
            return rt_error(PyExc_TypeError, name, "unexpected keyword argument '%s'", word);
        }
    }
    return 0;
}

rt_tensor *rt_creation_write(rt_tensor *out, rt_tensor *t)
{
    rt_operand in = rt_operand_of(t);
    rt_tensor *to = out;
    if (out->ndim == 1 && out->size == 0 && !out->base && rt_resize(out, t->ndim, t->shape, NULL) < 0) return NULL;
    if (!rt_shape_equal(out->ndim, out->shape, t->ndim, t->shape)) {
        rt_error_shapes("out", "the output has the wrong shape (needed, given)", t->ndim, t->shape, out->ndim, out->shape);
        return NULL;
    }
    if (rt_op_apply(&rt_ops[RT_OP_copy], 1, &in, NULL, &to) < 0) return NULL;
    return (rt_tensor *)Py_NewRef((PyObject *)out);
}

static PyObject *finish(rt_tensor *t, const char *name, const options *opt)
{
    if (!t) rt_error_argument(name, NULL);
    if (t && opt->out) {
        Py_SETREF(t, rt_creation_write((rt_tensor *)opt->out, t));
        return (PyObject *)t;
    }
    if (t && opt->requires_grad) {
        if (!rt_dtype_is_inexact((rt_dtype)t->dtype)) {
            rt_error(PyExc_RuntimeError, name, "only tensors of floating or complex dtype can require grad, not %s",
                     rt_dtypes[t->dtype].name);
            Py_CLEAR(t);
        } else {
            t->flags |= RT_REQUIRES_GRAD;
        }
    }
    return (PyObject *)t;
}

#define OPTIONS {.dtype = RT_NODTYPE, .copy = -1, .format = RT_FORMAT_PRESERVE}
#define FUNCTION(f) static PyObject *f(PyObject *m, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

/* ---- from Python things ---- */

static PyObject *make_from(const char *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, int copy)
{
    options opt = OPTIONS;
    opt.copy = copy;
    if (read_options(name, &opt, args + n, kwnames, "data copy") < 0) return NULL;
    if (n >= 2 && opt.dtype == RT_NODTYPE && args[1] != Py_None && rt_dtype_convert(args[1], &opt.dtype) < 0) return NULL;
    PyObject *data = n ? args[0] : opt.size;
    if (!data || n > 2) {
        PyErr_Format(PyExc_TypeError, "%s: takes the data and an optional dtype", name);
        return NULL;
    }
    rt_convert_reads++;
    rt_tensor *t = rt_convert_tensor(data, opt.dtype, opt.copy);
    if (t && copy == 1 && (t->node || (t->flags & RT_REQUIRES_GRAD))) {      /* tensor(t): no history */
        rt_tensor *d = rt_tensor_detach(t);
        Py_DECREF(t);
        t = d;
    } else if (t && copy == 1 && (PyObject *)t == data) {
        rt_tensor *c = rt_apply1(RT_OP_clone, t);
        Py_DECREF(t);
        t = c;
    }
    return finish(t, name, &opt);
}

FUNCTION(tensor) { (void)m; return make_from("tensor", args, n, kwnames, 1); }
FUNCTION(as_tensor) { (void)m; return make_from("as_tensor", args, n, kwnames, -1); }

static PyObject *from_numpy(PyObject *m, PyObject *a)
{
    (void)m;
    if (rt_ndarray_check(a)) return (PyObject *)rt_ndarray_import(a);
    return PyErr_Format(PyExc_TypeError, "from_numpy: expected an ndarray, not %s", Py_TYPE(a)->tp_name);
}

/* ---- from nothing ---- */

/* Shape from f(2, 3), f((2, 3)) or size=. Returns ndim or -1. */
static int read_shape(const char *name, PyObject *const *args, Py_ssize_t n, const options *opt, intptr_t *shape)
{
    if (n == 0 && opt->size) return rt_shape_convert(opt->size, shape);
    if (n == 1) return rt_shape_convert(args[0], shape);
    if (n > RT_MAX_NDIM) return rt_error(rt_TensorError, name, "a tensor has at most %d dimensions, not %zd", RT_MAX_NDIM, n);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!PyIndex_Check(args[i]))
            return rt_error(PyExc_TypeError, name, "lengths of a shape must be integers, not %s", Py_TYPE(args[i])->tp_name);
        shape[i] = PyNumber_AsSsize_t(args[i], PyExc_OverflowError);
        if (shape[i] == -1 && PyErr_Occurred()) return -1;
    }
    return (int)n;
}

static PyObject *filled(const char *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, const rt_operand *value)
{
    options opt = OPTIONS;
    intptr_t shape[RT_MAX_NDIM];
    rt_device cpu = {RT_CPU, 0};
    if (read_options(name, &opt, args + n, kwnames, "size") < 0) return NULL;
    int ndim = read_shape(name, args, n, &opt, shape);
    if (ndim < 0) return NULL;
    rt_tensor *t = rt_empty(opt.dtype == RT_NODTYPE ? rt_default_dtype() : opt.dtype, ndim, shape, cpu);
    if (t && value && rt_fill(t, value) < 0) Py_CLEAR(t);
    return finish(t, name, &opt);
}

FUNCTION(empty) { (void)m; return filled("empty", args, n, kwnames, NULL); }
FUNCTION(zeros) { (void)m; rt_operand v = rt_operand_int(0); return filled("zeros", args, n, kwnames, &v); }
FUNCTION(ones) { (void)m; rt_operand v = rt_operand_int(1); return filled("ones", args, n, kwnames, &v); }

static rt_dtype dtype_of_scalar(const rt_operand *s)
{
    switch (s->kind) {
    case RT_KIND_BOOL: return RT_b1;
    case RT_KIND_FLOAT: return rt_default_dtype();
    case RT_KIND_COMPLEX: return rt_dtype_to_complex(rt_default_dtype());
    default: return RT_i64;
    }
}

FUNCTION(full)
{
    (void)m;
    options opt = OPTIONS;
    intptr_t shape[RT_MAX_NDIM];
    rt_device cpu = {RT_CPU, 0};
    rt_operand v;
    PyObject *owned = NULL;
    rt_tensor *t = NULL;
    if (read_options("full", &opt, args + n, kwnames, "size fill") < 0) return NULL;
    PyObject *value = n > 1 ? args[1] : opt.fill;
    if (!value || (!n && !opt.size)) return PyErr_Format(PyExc_TypeError, "full: takes a shape and a fill value");
    int ndim = read_shape("full", args, n ? 1 : 0, &opt, shape), status = ndim < 0 ? -1 : rt_convert_operand(value, &v, &owned);
    if (status > 0) PyErr_Format(PyExc_TypeError, "full: fill_value must be a number, not %s", Py_TYPE(value)->tp_name);
    if (status != 0) goto done;
    rt_dtype d = opt.dtype != RT_NODTYPE ? opt.dtype : v.t ? (rt_dtype)v.t->dtype : dtype_of_scalar(&v);
    t = rt_empty(d, ndim, shape, cpu);
    rt_convert_reads += v.t != NULL;
    if (t && (v.t ? rt_copy_into(t, v.t) : rt_fill(t, &v)) < 0) Py_CLEAR(t);
done:
    Py_XDECREF(owned);
    return finish(t, "full", &opt);
}

static PyObject *filled_like(const char *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, const rt_operand *value)
{
    options opt = OPTIONS;
    if (read_options(name, &opt, args + n, kwnames, "fill input") < 0) return NULL;
    PyObject *fill = n > 1 ? args[1] : opt.fill, *owned = NULL;
    rt_operand v;
    PyObject *input = n ? args[0] : opt.size;
    if (!input) return PyErr_Format(PyExc_TypeError, "%s: takes a tensor", name);
    rt_tensor *like = rt_convert_tensor(input, RT_NODTYPE, -1), *t = NULL;
    if (!like) return NULL;
    if (!value && strcmp(name, "full_like") == 0) {
        if (!fill || rt_convert_operand(fill, &v, &owned) != 0) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "full_like: takes a tensor and a number");
            goto done;
        }
        value = &v;
    }
    t = rt_format_empty_like(name, like, opt.dtype == RT_NODTYPE ? (rt_dtype)like->dtype : opt.dtype, opt.format);
    rt_convert_reads += value && value->t;
    if (t && value && (value->t ? rt_copy_into(t, value->t) : rt_fill(t, value)) < 0) Py_CLEAR(t);
done:
    Py_XDECREF(owned);
    Py_DECREF(like);
    return finish(t, name, &opt);
}

FUNCTION(empty_like) { (void)m; return filled_like("empty_like", args, n, kwnames, NULL); }
FUNCTION(full_like) { (void)m; return filled_like("full_like", args, n, kwnames, NULL); }
FUNCTION(zeros_like) { (void)m; rt_operand v = rt_operand_int(0); return filled_like("zeros_like", args, n, kwnames, &v); }
FUNCTION(ones_like) { (void)m; rt_operand v = rt_operand_int(1); return filled_like("ones_like", args, n, kwnames, &v); }

/* A number argument of arange or linspace; -1 with TypeError. */
static int read_number(const char *name, PyObject *o, rt_operand *out)
{
    PyObject *owned = NULL;
    int status = rt_convert_operand(o, out, &owned);
    if (status == 0 && out->t && out->t->size == 1) {
        PyObject *v = rt_convert_item((rt_dtype)out->t->dtype, out->t->data), *none = NULL;
        status = v ? rt_convert_operand(v, out, &none) : -1;
        Py_XDECREF(v);
    } else if (status == 0 && (out->t || out->none)) {
        status = 1;
    }
    Py_XDECREF(owned);
    if (status > 0) rt_error(PyExc_TypeError, name, "needs numbers, not %s", Py_TYPE(o)->tp_name);
    return status ? -1 : 0;
}

/* Does the step lead from start away from end?  (NumPy makes an empty array then.) */
static int step_away(const rt_operand *start, const rt_operand *end, const rt_operand *step)
{
    double from[3];
    const rt_operand *given[3] = {start, end, step};
    for (int k = 0; k < 3; k++) {
        if (given[k]->kind == RT_KIND_COMPLEX) return 0;
        from[k] = given[k]->kind == RT_KIND_FLOAT ? given[k]->v.f
                : given[k]->is_unsigned ? (double)(uint64_t)given[k]->v.i : (double)given[k]->v.i;
    }
    return (from[1] - from[0]) * from[2] < 0;
}

FUNCTION(arange)
{
    (void)m;
    options opt = OPTIONS;
    rt_operand start = rt_operand_int(0), end, step = rt_operand_int(1);
    if (read_options("arange", &opt, args + n, kwnames, "step") < 0) return NULL;
    PyObject *a = n > 1 ? args[0] : opt.start, *b = n > 1 ? args[1] : n ? args[0] : opt.end, *c = n > 2 ? args[2] : opt.step;
    if (n == 1 && opt.end) { a = args[0]; b = opt.end; }
    if (!b || n > 3) return PyErr_Format(PyExc_TypeError, "arange: takes (end), (start, end) or (start, end, step)");
    if ((a && read_number("arange", a, &start) < 0) || read_number("arange", b, &end) < 0
        || (c && read_number("arange", c, &step) < 0))
        return NULL;
    if (step_away(&start, &end, &step))
        return PyErr_Format(rt_TensorError, "arange: the step leads away from the end");
    return finish(rt_factory_arange(opt.dtype, &start, &end, &step), "arange", &opt);
}

FUNCTION(linspace)
{
    (void)m;
    options opt = OPTIONS;
    rt_operand start, end;
    if (read_options("linspace", &opt, args + n, kwnames, "linspace step") < 0) return NULL;
    PyObject *a = n ? args[0] : opt.start, *b = n > 1 ? args[1] : opt.end, *count = n > 2 ? args[2] : opt.step;
    if (!a || !b || !count) return PyErr_Format(PyExc_TypeError, "linspace: takes (start, end, steps)");
    if (read_number("linspace", a, &start) < 0 || read_number("linspace", b, &end) < 0) return NULL;
    Py_ssize_t steps = PyNumber_AsSsize_t(count, PyExc_OverflowError);
    if (steps == -1 && PyErr_Occurred()) return NULL;
    return finish(rt_factory_linspace(opt.dtype, &start, &end, steps), "linspace", &opt);
}

FUNCTION(eye)
{
    (void)m;
    options opt = OPTIONS;
    if (read_options("eye", &opt, args + n, kwnames, "") < 0) return NULL;
    if (n < 1 || n > 2) return PyErr_Format(PyExc_TypeError, "eye: takes (n) or (n, m)");
    Py_ssize_t rows = PyNumber_AsSsize_t(args[0], PyExc_OverflowError), cols = rows;
    if (n == 2 && args[1] != Py_None) cols = PyNumber_AsSsize_t(args[1], PyExc_OverflowError);
    if (PyErr_Occurred()) return NULL;
    return finish(rt_factory_eye(opt.dtype == RT_NODTYPE ? rt_default_dtype() : opt.dtype, rows, cols, 0), "eye", &opt);
}

static PyObject *triangle_indices(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    (void)m;
    intptr_t number[4];
    if (n != 4) return PyErr_Format(PyExc_TypeError, "_triangle_indices: takes (rows, cols, diagonal, upper)");
    for (int i = 0; i < 4; i++)
        if ((number[i] = PyNumber_AsSsize_t(args[i], PyExc_OverflowError)) == -1 && PyErr_Occurred()) return NULL;
    return (PyObject *)rt_factory_triangle(number[0], number[1], number[2], number[3] != 0);
}

#define ROW(f, doc) {#f, (PyCFunction)(void (*)(void))f, METH_FASTCALL | METH_KEYWORDS, doc}
static PyMethodDef functions[] = {
    ROW(tensor, "tensor(data, dtype=None, device=None, requires_grad=False)\n\nNew tensor holding a copy of data."),
    ROW(as_tensor, "as_tensor(data, dtype=None, device=None)\n\nTensor on data's memory where that is possible."),
    {"asarray", (PyCFunction)(void (*)(void))as_tensor, METH_FASTCALL | METH_KEYWORDS,
     "asarray(obj, dtype=None, device=None, copy=None)\n\nTensor on obj's memory where dtype and copy allow."},
    {"from_numpy", from_numpy, METH_O, "from_numpy(array)\n\nTensor on the array's memory; read-only when the array is."},
    ROW(empty, "empty(*size, dtype=None, requires_grad=False)\n\nTensor of uninitialised memory."),
    ROW(zeros, "zeros(*size, dtype=None, requires_grad=False)\n\nTensor of zeros; zeros(2, 3), zeros((2, 3)), zeros([2, 3])."),
    ROW(ones, "ones(*size, dtype=None, requires_grad=False)\n\nTensor of ones."),
    ROW(full, "full(size, fill_value, dtype=None, requires_grad=False)\n\nTensor of one value."),
    ROW(empty_like, "empty_like(x, dtype=None)"), ROW(zeros_like, "zeros_like(x, dtype=None)"),
    ROW(ones_like, "ones_like(x, dtype=None)"), ROW(full_like, "full_like(x, fill_value, dtype=None)"),
    ROW(arange, "arange(start=0, end, step=1, dtype=None)\n\nNumbers from start to before end."),
    ROW(linspace, "linspace(start, end, steps, dtype=None)\n\nsteps numbers from start to end, both included."),
    ROW(eye, "eye(n, m=None, dtype=None)\n\nOnes on the diagonal, zeros elsewhere."),
    {"_triangle_indices", (PyCFunction)(void (*)(void))triangle_indices, METH_FASTCALL,
     "_triangle_indices(rows, cols, diagonal, upper)\n\nPlaces on and below, or above, a diagonal."},
    {NULL, NULL, 0, NULL},
};

int rt_creation_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
