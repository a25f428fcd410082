/* random_module: new random tensors (rand, randn, randint, randperm, normal, bernoulli, their
 * _like forms) and the methods that fill tensors in place.  All take the keywords generator,
 * dtype, device and requires_grad where they make tensors.  Floor: python. */
#include "python/random_module.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "python/convert.h"
#include "python/creation.h"
#include "python/generator.h"
#include "ufunc/apply.h"
#include "ufunc/portable.h"
#include "ufunc/record.h"
#include <string.h>

/* ---- keywords ---- */

typedef struct {
    rt_dtype dtype;
    rt_generator *generator;
    int requires_grad;
    rt_tensor *out;            /* borrowed, or NULL */
    PyObject *own[4];          /* borrowed: the function's own arguments, by position or keyword */
} options;

/* Sorts arguments into opt; `words` names the function's own, ended by NULL.  Positional ones fill
 * them in order, unless `positional` is 0. */
static int read_options(const char *name, options *opt, const char *const *words, PyObject *const *args, Py_ssize_t n,
                        PyObject *kwnames, int positional)
{
    *opt = (options){.dtype = RT_NODTYPE, .generator = &rt_generator_default};
    int count = 0;
    while (words[count]) count++;
    if (positional && n > count) return rt_error(PyExc_TypeError, name, "takes at most %d arguments, %zd given", count, n);
    for (Py_ssize_t i = 0; positional && i < n; i++) opt->own[i] = args[i];
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
        PyObject *v = args[n + i];
        int k = 0;
        if (!word) return -1;
        while (words[k] && strcmp(words[k], word) != 0) k++;
        if (words[k]) {
            if (opt->own[k]) return rt_error(PyExc_TypeError, name, "argument '%s' is given twice", word);
            opt->own[k] = v;
        } else if (strcmp(word, "dtype") == 0) {
            if (v != Py_None && rt_dtype_convert(v, &opt->dtype) < 0) return -1;
        } else if (strcmp(word, "generator") == 0) {
            if (!(opt->generator = rt_generator_convert(name, v))) return -1;
        } else if (strcmp(word, "requires_grad") == 0) {
            if ((opt->requires_grad = PyObject_IsTrue(v)) < 0) return -1;
        } else if (strcmp(word, "out") == 0) {
            if (v == Py_None) continue;
            if (!rt_tensor_check(v)) return rt_error(PyExc_TypeError, name, "'out=' must be a Tensor, not %s", Py_TYPE(v)->tp_name);
            opt->out = (rt_tensor *)v;
        } else if (strcmp(word, "device") == 0) {
            if (rt_creation_check_device(name, v) < 0) return -1;
        } else if (strcmp(word, "pin_memory") != 0 && strcmp(word, "layout") != 0 && strcmp(word, "memory_format") != 0) {
            return rt_error(PyExc_TypeError, name, "unexpected keyword argument '%s'", word);
        }
    }
    return 0;
}

/* t, or `out=` holding what t does; steals t. */
static PyObject *finish(rt_tensor *t, int failed, const options *opt)
{
    if (t && !failed && opt->out) {
        Py_SETREF(t, rt_creation_write(opt->out, t));
        return (PyObject *)t;
    }
    if (t && !failed && opt->requires_grad && PyObject_SetAttrString((PyObject *)t, "requires_grad", Py_True) < 0) failed = 1;
    if (failed) Py_CLEAR(t);
    return (PyObject *)t;
}

/* A number argument; `otherwise` where it is missing. */
static int read_double(PyObject *o, double otherwise, double *out)
{
    *out = o && o != Py_None ? PyFloat_AsDouble(o) : otherwise;
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int read_integer(PyObject *o, int64_t *out)
{
    PyObject *index = PyNumber_Index(o);
    if (!index) return -1;
    *out = PyLong_AsLongLong(index);
    Py_DECREF(index);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static rt_tensor *make(const options *opt, rt_dtype otherwise, int ndim, const intptr_t *shape)
{
    if (opt->out && opt->dtype == RT_NODTYPE) otherwise = (rt_dtype)opt->out->dtype;
    return rt_empty(opt->dtype == RT_NODTYPE ? otherwise : opt->dtype, ndim, shape, (rt_device){RT_CPU, 0});
}

#define FUNCTION(f) static PyObject *f(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

/* ---- rand, randn ---- */

typedef int real_fill(rt_generator *g, rt_tensor *out, double a, double b);

/* A shape from f(2, 3), f((2, 3)), f() or size=.  Returns ndim or -1. */
static int read_size(const char *name, PyObject *const *args, Py_ssize_t n, PyObject *size, intptr_t *shape)
{
    if (n == 0) return size ? rt_shape_convert(size, shape) : 0;
    if (size) return rt_error(PyExc_TypeError, name, "the size is given twice");
    if (n == 1) return rt_shape_convert(args[0], shape);
    PyObject *all = PyTuple_New(n);
    if (!all) return -1;
    for (Py_ssize_t i = 0; i < n; i++) PyTuple_SET_ITEM(all, i, Py_NewRef(args[i]));
    int ndim = rt_shape_convert(all, shape);
    Py_DECREF(all);
    return ndim;
}

static PyObject *real_new(const char *name, real_fill *fill, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const words[] = {"size", NULL};
    options opt;
    intptr_t shape[RT_MAX_NDIM];
    if (read_options(name, &opt, words, args, n, kwnames, 0) < 0) return NULL;
    int ndim = read_size(name, args, n, opt.own[0], shape);
    if (ndim < 0) return NULL;
    rt_tensor *t = make(&opt, rt_default_dtype(), ndim, shape);
    return finish(t, t && fill(opt.generator, t, 0, 1) < 0, &opt);
}

FUNCTION(rand_) { (void)self; return real_new("rand", rt_random_uniform, args, n, kwnames); }
FUNCTION(randn) { (void)self; return real_new("randn", rt_random_normal, args, n, kwnames); }

static rt_tensor *read_tensor(const char *name, PyObject *o)
{
    if (o && rt_tensor_check(o)) return (rt_tensor *)o;
    PyErr_Format(PyExc_TypeError, "%s: takes a Tensor, not %s", name, o ? Py_TYPE(o)->tp_name : "nothing");
    return NULL;
}

static PyObject *real_like(const char *name, real_fill *fill, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const words[] = {"input", NULL};
    options opt;
    if (read_options(name, &opt, words, args, n, kwnames, 1) < 0) return NULL;
    rt_tensor *like = read_tensor(name, opt.own[0]), *t;
    if (!like) return NULL;
    t = make(&opt, (rt_dtype)like->dtype, like->ndim, like->shape);
    return finish(t, t && fill(opt.generator, t, 0, 1) < 0, &opt);
}

FUNCTION(rand_like) { (void)self; return real_like("rand_like", rt_random_uniform, args, n, kwnames); }
FUNCTION(randn_like) { (void)self; return real_like("randn_like", rt_random_normal, args, n, kwnames); }

/* ---- whole numbers ---- */

static int fill_integers(const char *name, rt_generator *g, rt_tensor *t, int64_t low, int64_t high)
{
    if (low >= high)
        return rt_error(rt_TensorError, name, "low must be less than high, but low is %lld and high %lld",
                        (long long)low, (long long)high);
    rt_operand least = rt_operand_int(low), most = rt_operand_int(high - 1);
    rt_dtype d = (rt_dtype)t->dtype;
    if (rt_dtype_kind(d) < RT_KIND_FLOAT && (!rt_operand_fits(&least, d) || !rt_operand_fits(&most, d)))
        return rt_error(rt_TensorError, name, "numbers from %lld to %lld do not fit dtype %s", (long long)low,
                        (long long)(high - 1), rt_dtypes[d].name);
    return rt_random_integers(g, t, low, (uint64_t)high - (uint64_t)low);
}

/* low and high from (high), or (low, high). */
static int read_bounds(const char *name, PyObject *a, PyObject *b, int64_t *low, int64_t *high)
{
    *low = 0;
    if (!a && !b) return rt_error(PyExc_TypeError, name, "the upper bound 'high' is missing");
    if (a && b && read_integer(a, low) < 0) return -1;
    return read_integer(b ? b : a, high);
}

FUNCTION(randint)
{
    (void)self;
    static const char *const words[] = {"low", "high", "size", NULL};
    options opt;
    int64_t low, high;
    intptr_t shape[RT_MAX_NDIM];
    if (read_options("randint", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    if (n == 2 && opt.own[1] && !opt.own[2] && !PyIndex_Check(opt.own[1])) {        /* randint(high, size) */
        opt.own[2] = opt.own[1];
        opt.own[1] = NULL;
    }
    if (!opt.own[2]) return PyErr_Format(PyExc_TypeError, "randint: takes (high, size) or (low, high, size)");
    if (read_bounds("randint", opt.own[0], opt.own[1], &low, &high) < 0) return NULL;
    int ndim = rt_shape_convert(opt.own[2], shape);
    if (ndim < 0) return NULL;
    rt_tensor *t = make(&opt, RT_i64, ndim, shape);
    return finish(t, t && fill_integers("randint", opt.generator, t, low, high) < 0, &opt);
}

FUNCTION(randint_like)
{
    (void)self;
    static const char *const words[] = {"input", "low", "high", NULL};
    options opt;
    int64_t low, high;
    if (read_options("randint_like", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    rt_tensor *like = read_tensor("randint_like", opt.own[0]), *t;
    if (!like || read_bounds("randint_like", opt.own[1], opt.own[2], &low, &high) < 0) return NULL;
    t = make(&opt, (rt_dtype)like->dtype, like->ndim, like->shape);
    return finish(t, t && fill_integers("randint_like", opt.generator, t, low, high) < 0, &opt);
}

FUNCTION(randperm)
{
    (void)self;
    static const char *const words[] = {"n", NULL};
    options opt;
    int64_t count;
    if (read_options("randperm", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    if (!opt.own[0]) return PyErr_Format(PyExc_TypeError, "randperm: takes the number of elements");
    if (read_integer(opt.own[0], &count) < 0) return NULL;
    if (count < 0) return PyErr_Format(rt_TensorError, "randperm: n must not be negative, it is %lld", (long long)count);
    intptr_t shape[1] = {(intptr_t)count};
    rt_tensor *t = make(&opt, RT_i64, 1, shape);
    rt_operand last = rt_operand_int(count - 1);
    if (t && count > 0 && rt_dtype_kind((rt_dtype)t->dtype) < RT_KIND_FLOAT && !rt_operand_fits(&last, (rt_dtype)t->dtype)) {
        rt_error(rt_TensorError, "randperm", "%lld does not fit dtype %s", (long long)count - 1, rt_dtypes[t->dtype].name);
        Py_CLEAR(t);
    }
    return finish(t, t && rt_random_permutation(opt.generator, t) < 0, &opt);
}

/* ---- distributions with parameters ---- */

/* mean + deviation * z for tensors of means or deviations. */
static rt_tensor *normal_around(const options *opt, PyObject *mean, PyObject *deviation)
{
    rt_operand in[2];
    PyObject *owned[2] = {NULL, NULL}, *given[2] = {mean, deviation};
    intptr_t shape[RT_MAX_NDIM];
    rt_tensor *z = NULL, *scaled[1] = {NULL}, *moved[1] = {NULL};
    rt_dtype d = RT_NODTYPE;
    int ndim = 0, recording = rt_grad_enabled;
    rt_grad_enabled = 0;
    for (int k = 0; k < 2; k++) {
        in[k] = rt_operand_float(k);
        if (!given[k]) continue;
        int status = rt_convert_operand(given[k], &in[k], &owned[k]);
        if (status > 0) PyErr_Format(PyExc_TypeError, "normal: mean and std must be tensors or numbers");
        if (status || (in[k].t && rt_shape_broadcast("normal", &ndim, shape, in[k].t->ndim, in[k].t->shape) < 0)) goto done;
        if (in[k].t) d = d == RT_NODTYPE ? (rt_dtype)in[k].t->dtype : rt_dtype_promote(d, (rt_dtype)in[k].t->dtype);
    }
    z = make(opt, d == RT_NODTYPE ? rt_default_dtype() : d, ndim, shape);
    if (!z || rt_random_normal(opt->generator, z, 0, 1) < 0) goto done;
    rt_operand product[2] = {rt_operand_of(z), in[1]};
    if (rt_op_apply(&rt_ops[RT_OP_mul], 2, product, NULL, scaled) < 0) goto done;
    rt_operand sum[2] = {rt_operand_of(scaled[0]), in[0]};
    if (rt_op_apply(&rt_ops[RT_OP_add], 2, sum, NULL, moved) < 0) moved[0] = NULL;
done:
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)z);
    Py_XDECREF((PyObject *)scaled[0]);
    Py_XDECREF(owned[0]);
    Py_XDECREF(owned[1]);
    return moved[0];
}

FUNCTION(normal)
{
    (void)self;
    static const char *const words[] = {"mean", "std", "size", NULL};
    options opt;
    double mean, deviation;
    intptr_t shape[RT_MAX_NDIM];
    if (read_options("normal", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    if (!opt.own[2]) return finish(normal_around(&opt, opt.own[0], opt.own[1]), 0, &opt);
    if (read_double(opt.own[0], 0, &mean) < 0 || read_double(opt.own[1], 1, &deviation) < 0) return NULL;
    int ndim = rt_shape_convert(opt.own[2], shape);
    if (ndim < 0) return NULL;
    if (!(deviation >= 0)) return PyErr_Format(rt_TensorError, "normal: std must not be negative");
    rt_tensor *t = make(&opt, rt_default_dtype(), ndim, shape);
    return finish(t, t && rt_random_normal(opt.generator, t, mean, deviation) < 0, &opt);
}

/* Are all elements of p from 0 to 1?  -1 with RuntimeError. */
static int check_probabilities(rt_tensor *p)
{
    rt_params none = {.n = {-1}};
    rt_tensor *low = rt_apply2s(RT_OP_ge, p, 0), *high = rt_apply2s(RT_OP_le, p, 1), *both = NULL, *all = NULL;
    int status = -1;
    if (low && high) both = rt_apply2(RT_OP_logical_and, low, high);
    if (both) all = rt_apply1p(RT_OP_all, both, &none);
    if (all) status = *all->data ? 0 : rt_error(PyExc_RuntimeError, "bernoulli", "probabilities must be from 0 to 1");
    Py_XDECREF((PyObject *)low);
    Py_XDECREF((PyObject *)high);
    Py_XDECREF((PyObject *)both);
    Py_XDECREF((PyObject *)all);
    return status;
}

/* t = 1 where a uniform number lies below p's element. */
static int bernoulli_of(rt_generator *g, rt_tensor *t, rt_tensor *p)
{
    if (!rt_dtype_is_float((rt_dtype)p->dtype))
        return rt_error(rt_DtypeError, "bernoulli", "probabilities must be floating, not %s", rt_dtypes[p->dtype].name);
    if (check_probabilities(p) < 0) return -1;
    rt_tensor *u = rt_empty(RT_f64, t->ndim, t->shape, t->storage->device), *less = NULL;
    int status = -1;
    if (u && rt_random_uniform(g, u, 0, 1) == 0) less = rt_apply2(RT_OP_lt, u, p);
    if (less) status = rt_copy_into(t, less);
    Py_XDECREF((PyObject *)u);
    Py_XDECREF((PyObject *)less);
    return status;
}

static int fill_bernoulli(rt_generator *g, rt_tensor *t, PyObject *p)
{
    double value;
    if (rt_tensor_check(p)) return bernoulli_of(g, t, (rt_tensor *)p);
    return read_double(p, 0.5, &value) < 0 ? -1 : rt_random_bernoulli(g, t, value);
}

FUNCTION(bernoulli)
{
    (void)self;
    static const char *const words[] = {"input", "p", NULL};
    options opt;
    if (read_options("bernoulli", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    rt_tensor *like = read_tensor("bernoulli", opt.own[0]), *t;
    if (!like) return NULL;
    if (opt.out && (opt.out == like || rt_tensor_overlaps(opt.out, like)))
        return PyErr_Format(PyExc_RuntimeError, "bernoulli: the output and the input share memory; give another output");
    t = make(&opt, (rt_dtype)like->dtype, like->ndim, like->shape);
    return finish(t, t && fill_bernoulli(opt.generator, t, opt.own[1] && opt.own[1] != Py_None ? opt.own[1] : opt.own[0]) < 0,
                  &opt);
}

/* ---- methods that fill a tensor ---- */

/* The write of a constant, under the method's name. */
#define BEGIN(method, ...) \
    static const char *const words[] = {__VA_ARGS__, NULL}; \
    static const rt_op op = {.cls = {.name = method}}; \
    options opt; \
    if (read_options(method, &opt, words, args, n, kwnames, 1) < 0) return NULL; \
    if (rt_record_check_write(&op, (rt_tensor *)self) < 0) return NULL

static PyObject *wrote(const rt_op *op, PyObject *self, int status)
{
    if (status < 0 || rt_record_constant(op, (rt_tensor *)self) < 0) return NULL;
    return Py_NewRef(self);
}

FUNCTION(uniform_)
{
    double low, high;
    BEGIN("uniform_", "from", "to");
    if (read_double(opt.own[0], 0, &low) < 0 || read_double(opt.own[1], 1, &high) < 0) return NULL;
    if (!(low <= high)) return PyErr_Format(rt_TensorError, "uniform_: 'from' must not be greater than 'to'");
    return wrote(&op, self, rt_random_uniform(opt.generator, (rt_tensor *)self, low, high));
}

FUNCTION(normal_)
{
    double mean, deviation;
    BEGIN("normal_", "mean", "std");
    if (read_double(opt.own[0], 0, &mean) < 0 || read_double(opt.own[1], 1, &deviation) < 0) return NULL;
    if (!(deviation >= 0)) return PyErr_Format(rt_TensorError, "normal_: std must not be negative");
    return wrote(&op, self, rt_random_normal(opt.generator, (rt_tensor *)self, mean, deviation));
}

FUNCTION(bernoulli_)
{
    BEGIN("bernoulli_", "p");
    return wrote(&op, self, fill_bernoulli(opt.generator, (rt_tensor *)self, opt.own[0] ? opt.own[0] : Py_None));
}

/* Without bounds: all numbers the dtype holds exactly. */
static int64_t largest(rt_dtype d)
{
    switch (d) {
    case RT_b1: return 1;
    case RT_f16: return 1 << 11;
    case RT_bf16: return 1 << 8;
    case RT_f32: case RT_c64: return 1 << 24;
    case RT_f64: case RT_c128: return (int64_t)1 << 53;
    default: return rt_itemsize(d) == 8 ? INT64_MAX - 1
                    : ((int64_t)1 << (8 * rt_itemsize(d) - (rt_dtype_kind(d) == RT_KIND_SIGNED))) - 1;
    }
}

FUNCTION(random_)
{
    int64_t low = 0, high = largest((rt_dtype)((rt_tensor *)self)->dtype) + 1;
    BEGIN("random_", "from", "to");
    if (opt.own[0] && read_bounds("random_", opt.own[0], opt.own[1], &low, &high) < 0) return NULL;
    return wrote(&op, self, fill_integers("random_", opt.generator, (rt_tensor *)self, low, high));
}

FUNCTION(bernoulli_method)
{
    static const char *const words[] = {"p", NULL};
    options opt;
    rt_tensor *like = (rt_tensor *)self;
    if (read_options("bernoulli", &opt, words, args, n, kwnames, 1) < 0) return NULL;
    rt_tensor *t = make(&opt, (rt_dtype)like->dtype, like->ndim, like->shape);
    return finish(t, t && fill_bernoulli(opt.generator, t, opt.own[0] && opt.own[0] != Py_None ? opt.own[0] : self) < 0, &opt);
}

static PyObject *portable(PyObject *module, PyObject *args)
{
    const char *name;
    PyObject *x;
    (void)module;
    if (!PyArg_ParseTuple(args, "sO!:_portable", &name, &rt_tensor_type, &x)) return NULL;
    return (PyObject *)rt_portable_apply(name, (rt_tensor *)x);
}

#define ROW(name, f, doc) {name, (PyCFunction)(void (*)(void))f, METH_FASTCALL | METH_KEYWORDS, doc}
static PyMethodDef functions[] = {
    ROW("rand", rand_, "rand(*size, generator=None, dtype=None, requires_grad=False)\n\nUniform numbers in [0, 1)."),
    ROW("randn", randn, "randn(*size, generator=None, dtype=None, requires_grad=False)\n\nStandard normal numbers."),
    ROW("rand_like", rand_like, "rand_like(input, dtype=None, generator=None)"),
    ROW("randn_like", randn_like, "randn_like(input, dtype=None, generator=None)"),
    ROW("randint", randint, "randint(low=0, high, size, generator=None, dtype=int64)\n\n"
        "Whole numbers from low to high - 1, all equally likely."),
    ROW("randint_like", randint_like, "randint_like(input, low=0, high, dtype=None, generator=None)"),
    ROW("randperm", randperm, "randperm(n, generator=None, dtype=int64)\n\n0 ... n-1 in random order."),
    ROW("normal", normal, "normal(mean, std, size=None, generator=None)\n\n"
        "Normal numbers; mean and std may be tensors when no size is given."),
    ROW("bernoulli", bernoulli, "bernoulli(input, p=None, generator=None)\n\n"
        "Ones with the probabilities in input (or p), zeros else."),
    {"_portable", portable, METH_VARARGS, "_portable(name, x): a function of one number, in float64, of the same bits for"
     " every instruction set."},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef methods[] = {
    ROW("uniform_", uniform_, "uniform_(from=0, to=1, generator=None): fills with uniform numbers."),
    ROW("normal_", normal_, "normal_(mean=0, std=1, generator=None): fills with normal numbers."),
    ROW("bernoulli_", bernoulli_, "bernoulli_(p=0.5, generator=None): fills with ones of probability p, zeros else."),
    ROW("random_", random_, "random_(from=0, to, generator=None): fills with whole numbers from, ..., to - 1."),
    ROW("bernoulli", bernoulli_method, "bernoulli(p=None, generator=None): ones with these probabilities, zeros else."),
    {NULL, NULL, 0, NULL},
};

int rt_random_init(PyObject *module)
{
    for (PyMethodDef *d = methods; d->ml_name; d++) {
        PyObject *method = PyDescr_NewMethod(&rt_tensor_type, d);
        int status = method ? PyDict_SetItemString(rt_tensor_type.tp_dict, d->ml_name, method) : -1;
        Py_XDECREF(method);
        if (status < 0) return -1;
    }
    PyType_Modified(&rt_tensor_type);
    return rt_generator_type_init(module) < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
