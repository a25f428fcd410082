/* function: the callable type of ops.  It is a method descriptor, so t.exp() calls it with
 * t as first argument and no bound method is made.  Floor: python. */
#include "python/function.h"
#include "core/error.h"
#include "python/autocast.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include "python/numpy_protocol.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include <string.h>
#include <structmember.h>

static PyObject *slow(rt_function *f, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    rt_call call;
    if (rt_call_parse(&call, f->op, &f->signature, args, nargs, kwnames) < 0) return NULL;
    PyObject *result = NULL;
    if (f->inplace && call.nin && call.in[0].t) {
        if (call.owned[0]) {
            rt_error(PyExc_TypeError, f->op->cls.name, "the in-place form needs a Tensor as first argument");
            goto done;
        }
        call.out[0] = call.in[0].t;
    }
    result = rt_call_run(&call, f->op, f->signature.npublic);
done:
    rt_call_clear(&call);
    return result;
}

/* The results as the named tuple that is wanted of this function.  Steals. */
static PyObject *with_names(PyTypeObject *names, PyObject *results)
{
    if (!names || !results || !PyTuple_CheckExact(results)) return results;
    PyObject *named = names->tp_alloc(names, PyTuple_GET_SIZE(results));
    for (Py_ssize_t k = 0; named && k < PyTuple_GET_SIZE(results); k++)
        PyTuple_SET_ITEM(named, k, Py_NewRef(PyTuple_GET_ITEM(results, k)));
    Py_DECREF(results);
    return named;
}

/* Is a call without keywords on this tensor one of the row, where the function has an otherwise? */
static int is_of_row(const rt_function *f, const rt_tensor *x, Py_ssize_t nargs)
{
    const rt_op *op = f->op;
    if (f->names) return nargs >= f->signature.nrequired && nargs <= f->signature.npositional;
    return nargs == f->signature.nrequired && (op->family == RT_VIEW || op->family == RT_REDUCE)
           && (op->klass != RT_CLASS_INEXACT || rt_dtype_is_inexact((rt_dtype)x->dtype));
}

/* The keywords are out=tensor alone. */
static int is_out(PyObject *kwnames, PyObject *value)
{
    static PyObject *out;                          /* owned, for good; interned, as keywords in a call are */
    if (!out && !(out = PyUnicode_InternFromString("out"))) PyErr_Clear();
    return PyTuple_GET_SIZE(kwnames) == 1 && PyTuple_GET_ITEM(kwnames, 0) == out && rt_tensor_check(value);
}

/* x.to(dtype): x itself where it has it. */
static PyObject *converted(PyObject *x, PyObject *descr)
{
    rt_dtype dtype;
    if (rt_dtype_convert(descr, &dtype) < 0) return NULL;
    return (rt_dtype)((rt_tensor *)x)->dtype == dtype ? Py_NewRef(x) : (PyObject *)rt_cast((rt_tensor *)x, dtype);
}

static int is_integers(const rt_arg *a)
{
    return a->type == RT_ARG_INT || a->type == RT_ARG_INTS || a->type == RT_ARG_INTS_OPT;
}

/* Does the row show one tensor by integers alone? */
static int is_plain_view(const rt_op *op, const rt_signature *s)
{
    int plain = op->family == RT_VIEW && op->nin == 1 && op->nout == 1 && s->npositional == s->nargs;
    for (int i = 1; i < s->nargs; i++) plain &= is_integers(&s->args[i]);
    return plain;
}

/* Exact small ints into the list. */
static int list_integers(PyObject *const *items, Py_ssize_t n, rt_params *p, int k)
{
    if (n > RT_MAX_NDIM) return 0;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!rt_convert_small_integer(items[i], &p->list[p->nlist + i])) return 0;
    p->nlist = (int16_t)(p->nlist + n);
    p->n[k] = (int16_t)n;
    return 1;
}

/* The short way of a view of a Tensor in no graph, asked for with plain ints that are right: NULL without an
 * exception for all others. */
static PyObject *short_view(const rt_function *f, PyObject *const *args, Py_ssize_t nargs)
{
    const rt_signature *s = &f->signature;
    rt_tensor *x = (rt_tensor *)args[0], *out[4] = {NULL, NULL, NULL, NULL};
    rt_params p;
    int i = 0, lists = 0;
    p.nlist = 0;
    if (!rt_tensor_is_plain(x) || rt_observers) return NULL;
    for (Py_ssize_t k = 1; k < s->nargs; k++) {
        const rt_arg *a = &s->args[k];
        if (k >= nargs) {
            if (!a->has_default || (a->type == RT_ARG_INTS_OPT) != a->default_none) return NULL;
            if (a->default_none) p.n[lists++] = -1;
            else p.i[i++] = (intptr_t)a->default_value;
        } else if (a->type == RT_ARG_INT) {
            if (!rt_convert_small_integer(args[k], &p.i[i++])) return NULL;
        } else if (PyTuple_Check(args[k])) {
            if (k + 1 == s->nargs && nargs > s->nargs) return NULL;
            if (!list_integers(PySequence_Fast_ITEMS(args[k]), PyTuple_GET_SIZE(args[k]), &p, lists++)) return NULL;
        } else if (!list_integers(args + k, k + 1 == s->nargs ? nargs - k : 1, &p, lists++)) {
            return NULL;
        }
    }
    if (nargs > s->nargs && !lists) return NULL;
    const rt_operand in = rt_operand_of(x);
    if (f->op->forward(f->op, 1, &in, &p, out) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();   /* the long way says what is wrong */
        return NULL;
    }
    return (PyObject *)rt_tensor_as_view(out[0], x);
}

static PyObject *call_in_rules(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    rt_function *f = (rt_function *)self;
    const rt_op *op = f->op;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (op->family == RT_ELEMENTWISE && nargs == op->nin && rt_tensor_check(args[0])
        && (!kwnames || (!f->inplace && is_out(kwnames, args[nargs])))) {
        rt_operand in[3];
        PyObject *owned[3] = {NULL, NULL, NULL};
        rt_tensor *const given = f->inplace ? (rt_tensor *)args[0] : kwnames ? (rt_tensor *)args[nargs] : NULL;
        rt_tensor *out[4] = {given, NULL, NULL, NULL};
        int status = 0;
        for (int i = 0; i < op->nin && status == 0; i++) {
            if (rt_tensor_check_exact(args[i])) in[i].t = (rt_tensor *)args[i];   /* its other fields are not read */
            else if (args[i] == Py_None) status = 1;
            else if ((status = rt_convert_operand(args[i], &in[i], &owned[i])) < 0)
                rt_error_argument(op->cls.name, f->signature.args[i].name);
        }
        if (status == 0 && rt_autocast_on && !out[0]) status = rt_autocast_cast(op, op->nin, in, owned);
        if (status == 0) status = rt_op_apply(op, op->nin, in, NULL, out);
        for (int i = 0; i < op->nin; i++) Py_XDECREF(owned[i]);
        if (status < 0) {
            rt_error_argument(op->cls.name, NULL);
            return NULL;
        }
        if (status == 0) {
            if (given) Py_INCREF(given);
            return (PyObject *)out[0];
        }
    }
    if (!f->otherwise) return slow(f, args, nargs, kwnames);
    if (!kwnames && nargs && rt_tensor_check(args[0])) {
        if (is_of_row(f, (rt_tensor *)args[0], nargs)) return with_names(f->names, slow(f, args, nargs, NULL));
        if (op->index == RT_OP_cast && nargs == 2 && rt_ndarray_is_descr(args[1])) return converted(args[0], args[1]);
    }
    return rt_dialect_has_arrays(args, nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0))
               ? rt_dialect_call(f->otherwise, args, nargs, kwnames) : PyObject_Vectorcall(f->otherwise, args, nargsf, kwnames);
}

/* After a TypeError: the answer of the first argument that has one, by type(x).__rustorch_function__(x, row, *args,
 * **keywords): sparse arrays do.  Else NULL and the error. */
static PyObject *answer_of_argument(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *result = NULL, *type, *value, *trace;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return NULL;
    PyErr_Fetch(&type, &value, &trace);
    for (Py_ssize_t i = 0; i < nargs && !result; i++) {
        PyObject *method = rt_tensor_check(args[i]) ? NULL : PyObject_GetAttrString((PyObject *)Py_TYPE(args[i]), "__rustorch_function__");
        const Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
        PyObject **all = method ? PyMem_New(PyObject *, nargs + named + 2) : NULL;
        PyErr_Clear();
        if (all) {
            all[0] = args[i];
            all[1] = ((rt_function *)self)->name;
            memcpy(all + 2, args, (size_t)(nargs + named) * sizeof *all);
            result = PyObject_Vectorcall(method, all, (size_t)nargs + 2, kwnames);
        }
        PyMem_Free(all);
        Py_XDECREF(method);
        if (all && !result) break;                        /* its error is the one to tell */
        if (result == Py_NotImplemented) Py_CLEAR(result);
    }
    if (!result && !PyErr_Occurred()) {
        PyErr_Restore(type, value, trace);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return result;
}

static PyObject *function_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    rt_dtype_rules before;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (((rt_function *)self)->is_plain_view && !kwnames && nargs && Py_IS_TYPE(args[0], &rt_tensor_type)) {
        PyObject *view = short_view((rt_function *)self, args, nargs);
        if (view || PyErr_Occurred()) return view;
    }
    int numpy = nargs > 0 && rt_dialect_enter(args[0], nargs > 1 ? args[1] : NULL, &before);
    PyObject *result = call_in_rules(self, args, nargsf, kwnames);
    if (!result && kwnames) result = rt_dialect_again(((rt_function *)self)->name, args, nargs, kwnames);
    if (numpy) rt_dtype_rules_restore(before);
    return result || !nargs ? result : answer_of_argument(self, args, nargs, kwnames);
}

/* An operand whose own operators are to answer: a pandas.Series, an xarray.DataArray, a masked array. */
static int answers_itself(PyObject *o)
{
    if (PyFloat_CheckExact(o) || PyLong_CheckExact(o) || rt_tensor_check(o)) return 0;
    if (rt_ndarray_is_subclass(o)) return 1;
    return rt_numpy_is_foreign(o) && !PyObject_HasAttrString((PyObject *)Py_TYPE(o), "__dataframe__");   /* frames refuse us */
}

static int is_numpys(PyObject *o) { return rt_ndarray_check(o) || rt_ndarray_is_scalar(o); }

static inline __attribute__((always_inline)) PyObject *binary_in_rules(const rt_op *op, PyObject *a, PyObject *b)
{
    rt_operand in[2];
    PyObject *owned[2] = {NULL, NULL}, *args[2] = {a, b};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    int status = 0;
    for (int i = 0; i < 2 && status == 0; i++) {
        if (rt_tensor_check_exact(args[i])) in[i].t = (rt_tensor *)args[i];
        else if (args[i] == Py_None || answers_itself(args[i])) status = 1;
        else if ((status = rt_convert_operand(args[i], &in[i], &owned[i])) < 0)
            rt_error_argument(op->cls.name, i ? "y" : "x");
    }
    if (status == 0 && rt_autocast_on) status = rt_autocast_cast(op, 2, in, owned);
    if (status == 0) status = rt_op_apply(op, 2, in, NULL, out);
    Py_XDECREF(owned[0]);
    Py_XDECREF(owned[1]);
    if (status < 0 && (is_numpys(a) || is_numpys(b)) && PyErr_ExceptionMatches(rt_DtypeError)) {
        PyErr_Clear();                             /* objects, dates, foreign bytes: NumPy's turn */
        status = 1;
    }
    if (status < 0) return NULL;
    if (status == 1) Py_RETURN_NOTIMPLEMENTED;
    return (PyObject *)out[0];
}

PyObject *rt_function_binary(const rt_op *op, PyObject *a, PyObject *b)
{
    rt_dtype_rules before;
    if (!rt_dialect_enter(a, b, &before)) return binary_in_rules(op, a, b);
    PyObject *result = binary_in_rules(op, a, b);
    rt_dtype_rules_restore(before);
    return result;
}

static PyObject *function_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<rustorch function %U>", ((rt_function *)self)->name);
}

static void function_dealloc(PyObject *self)
{
    Py_XDECREF(((rt_function *)self)->name);
    Py_XDECREF(((rt_function *)self)->doc);
    Py_XDECREF(((rt_function *)self)->otherwise);
    Py_XDECREF(((rt_function *)self)->names);
    PyObject_Free(self);
}

static PyObject *function_get(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return obj && obj != Py_None ? PyMethod_New(self, obj) : Py_NewRef(self);
}

static PyObject *function_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(((rt_function *)self)->name);     /* pickled by its global name */
}

/* "(x, dim=None, *, out=None)" from "x, dim:ints?=None": the row's text without its types. */
static PyObject *plain_signature(const rt_op *op, int inplace)
{
    char text[320] = "(";
    size_t n = 1;
    int in_type = 0, is_word = 0, quoted = 0, star = 0;
    for (const char *s = op->signature; *s && strncmp(s, " ->", 3) != 0 && n < sizeof text - 24; s++) {
        if (*s == ',' && quoted) text[n++] = '\'', quoted = 0;
        if (*s == ':') is_word = 0;
        in_type = *s == ':' || (in_type && *s != ',' && *s != '=');
        is_word |= *s == '|';
        star |= *s == '*';
        if (in_type) continue;
        text[n++] = *s;
        if (*s == '=' && is_word) text[n++] = '\'', quoted = 1;
        if (*s == '=' || *s == ',') is_word = 0;
    }
    if (quoted) text[n++] = '\'';
    text[n] = 0;
    int takes_out = op->family != RT_VIEW && !inplace;
    return PyUnicode_FromFormat("%s%s)", text, !takes_out ? "" : star ? ", out=None" : ", *, out=None");
}

static PyObject *function_text_signature(PyObject *self, void *unused)
{
    (void)unused;
    return plain_signature(((rt_function *)self)->op, ((rt_function *)self)->inplace);
}

static PyObject *function_signature(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromFormat("(%s)", ((rt_function *)self)->op->signature);
}

static PyMemberDef function_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(rt_function, vectorcall), READONLY, NULL},
    {"__name__", T_OBJECT, offsetof(rt_function, name), READONLY, NULL},
    {"__qualname__", T_OBJECT, offsetof(rt_function, name), READONLY, NULL},
    {"__doc__", T_OBJECT, offsetof(rt_function, doc), READONLY, NULL},
    {"__wrapped__", T_OBJECT_EX, offsetof(rt_function, otherwise), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef function_getset[] = {
    {"signature", function_signature, NULL, "The row's signature text.", NULL},
    {"__text_signature__", function_text_signature, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef function_methods[] = {
    {"__reduce__", function_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject rt_function_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.function",
    .tp_basicsize = sizeof(rt_function),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(rt_function, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = function_dealloc,
    .tp_repr = function_repr,
    .tp_descr_get = function_get,
    .tp_members = function_members,
    .tp_getset = function_getset,
    .tp_methods = function_methods,
};

PyObject *rt_function_new(const rt_op *op, int inplace)
{
    rt_function *f = PyObject_New(rt_function, &rt_function_type);
    if (!f) return NULL;
    f->vectorcall = function_call;
    f->op = op;
    f->inplace = inplace;
    f->doc = f->otherwise = NULL;
    f->names = NULL;
    f->name = PyUnicode_FromFormat(inplace ? "%s_" : "%s", op->cls.name);
    PyObject *arguments = plain_signature(op, inplace);
    if (arguments && f->name) f->doc = PyUnicode_FromFormat("%U%U\n\n%s", f->name, arguments, op->doc);
    Py_XDECREF(arguments);
    if (!f->name || !f->doc || rt_signature_parse(op->signature, &f->signature) < 0) {
        Py_DECREF(f);
        return NULL;
    }
    f->is_plain_view = is_plain_view(op, &f->signature);
    return (PyObject *)f;
}

PyObject *rt_function_overload(PyObject *module, PyObject *args)
{
    PyObject *row, *otherwise, *names = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O|O!:_overload", &rt_function_type, &row, &otherwise, &PyType_Type, &names)) return NULL;
    if (names && !PyType_IsSubtype((PyTypeObject *)names, &PyTuple_Type))
        return PyErr_Format(PyExc_TypeError, "_overload: the results must be a kind of tuple, not %R", names);
    rt_function *f = (rt_function *)rt_function_new(((rt_function *)row)->op, ((rt_function *)row)->inplace);
    if (!f) return NULL;
    Py_CLEAR(f->name);
    Py_CLEAR(f->doc);
    f->name = PyObject_GetAttrString(otherwise, "__name__");
    f->doc = PyObject_GetAttrString(otherwise, "__doc__");
    f->otherwise = Py_NewRef(otherwise);
    f->names = (PyTypeObject *)Py_XNewRef(names);
    if (!f->name || !f->doc) Py_CLEAR(f);
    return (PyObject *)f;
}
