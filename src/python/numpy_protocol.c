/* numpy_protocol: where NumPy's ufuncs and functions arrive when an argument is a Tensor.  A ufunc
 * that is a row goes to the door; others are composed in Python or run by NumPy on shared
 * memory.  Floor: python. */
#include "python/numpy_protocol.h"
#include "core/error.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include "python/numpy_call.h"
#include "python/numpy_quick.h"
#include "ufunc/apply.h"
#include <string.h>

/* ---- whose turn it is ---- */

/* numpy.ndarray; borrowed, NULL with an exception. */
static PyTypeObject *ndarray_type(void)
{
    static PyTypeObject *type;                     /* owned, for good */
    if (type) return type;
    PyObject *numpy = PyImport_ImportModule("numpy");
    type = numpy ? (PyTypeObject *)PyObject_GetAttrString(numpy, "ndarray") : NULL;
    Py_XDECREF(numpy);
    return type;
}

int rt_numpy_is_foreign(PyObject *o)
{
    PyTypeObject *ndarray = ndarray_type();
    if (Py_TYPE(o) == ndarray || rt_tensor_check(o) || PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)
        || o == Py_None || PyList_CheckExact(o) || PyTuple_CheckExact(o) || rt_ndarray_is_scalar(o))
        return 0;
    PyObject *theirs = PyObject_GetAttrString((PyObject *)Py_TYPE(o), "__array_ufunc__"), *plain = NULL;
    if (theirs && ndarray && rt_ndarray_check(o)) plain = PyObject_GetAttrString((PyObject *)ndarray, "__array_ufunc__");
    int foreign = theirs && theirs != plain;
    Py_XDECREF(plain);
    Py_XDECREF(theirs);
    PyErr_Clear();
    return foreign;
}

static int any_foreign(const rt_numpy_call *c)
{
    for (Py_ssize_t i = 0; i < c->nin; i++)
        if (!rt_tensor_check_exact(c->in[i]) && rt_numpy_is_foreign(c->in[i])) return 1;
    for (int k = 0; c->out && k < 4; k++) {
        PyObject *out = rt_numpy_out(c, k);
        if (out && rt_numpy_is_foreign(out)) return 1;
    }
    return 0;
}

/* ---- keywords ---- */

static int take_keyword(rt_numpy_call *c, const char *word, PyObject *value)
{
    static const struct { const char *word; size_t at; } slots[] = {
        {"out", offsetof(rt_numpy_call, out)}, {"where", offsetof(rt_numpy_call, where)},
        {"dtype", offsetof(rt_numpy_call, dtype)}, {"axis", offsetof(rt_numpy_call, axis)},
        {"keepdims", offsetof(rt_numpy_call, keepdims)}, {"initial", offsetof(rt_numpy_call, initial)},
    };
    static const char *const rules[] = {"no", "equiv", "safe", "same_kind", "unsafe", "same_value"};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        if (strcmp(word, slots[i].word) == 0) {
            *(PyObject **)((char *)c + slots[i].at) = value;
            return 0;
        }
    if (strcmp(word, "casting") == 0) {
        c->casting = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;
        if (!c->casting) return rt_error(PyExc_TypeError, "casting", "must be a str");
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) if (strcmp(c->casting, rules[i]) == 0) return 0;
        return rt_error(PyExc_ValueError, "casting", "must be one of 'no', 'equiv', 'safe', 'same_kind', 'unsafe' (got '%s')",
                        c->casting);
    }
    if (strcmp(word, "order") == 0 || strcmp(word, "subok") == 0) return 0;
    c->others = 1;
    return 0;
}

static int take_keywords(rt_numpy_call *c)
{
    for (Py_ssize_t i = 0; c->kwnames && i < PyTuple_GET_SIZE(c->kwnames); i++) {
        const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(c->kwnames, i));
        if (!word || take_keyword(c, word, c->values[i]) < 0) return -1;
    }
    if (c->where == Py_True) c->where = NULL;
    if (c->dtype == Py_None) c->dtype = NULL;
    if (c->out == Py_None || c->out == Py_Ellipsis) c->out = NULL;      /* `...` asks for an array, which it is anyway */
    return 0;
}

PyObject *rt_numpy_out(const rt_numpy_call *c, int k)
{
    PyObject *o = c->out;
    if (o && PyTuple_Check(o)) o = k < PyTuple_GET_SIZE(o) ? PyTuple_GET_ITEM(o, k) : NULL;
    else if (k) o = NULL;
    return o == Py_None ? NULL : o;
}

/* ---- a row ---- */

/* The row, or for arrays the standard's of that name. */
static const rt_op *row(const rt_op *op, PyObject *const *in)
{
    const int other = op->index == RT_OP_floor_divide && (rt_array_check(in[0]) || rt_array_check(in[1]));
    return other ? &rt_ops[RT_OP_floor_quotient] : op;
}

/* The common call: no keywords.  NotImplemented when it needs a closer look. */
static PyObject *call_plainly(const rt_op *op, PyObject *const *args)
{
    rt_operand in[3];
    PyObject *owned[3] = {NULL, NULL, NULL};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    int status = 0, n = 0;
    for (; n < op->nin && status == 0; n++) {
        PyObject *o = args[n];
        if (rt_tensor_check_exact(o)) in[n] = rt_operand_of((rt_tensor *)o);
        else if (o == Py_None || rt_numpy_is_foreign(o)) status = 1;
        else status = rt_convert_operand(o, &in[n], &owned[n]);
    }
    if (status < 0 && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        status = 1;                                /* an array of a dtype we lack */
    }
    if (status == 0) status = rt_op_apply(op, op->nin, in, NULL, out);
    while (n > 0) Py_XDECREF(owned[--n]);
    if (status < 0 && PyErr_ExceptionMatches(rt_DtypeError)) {
        PyErr_Clear();
        status = 1;                                /* maximum of complex numbers: NumPy has an order for them */
    }
    if (status < 0) return NULL;
    return status == 0 ? (PyObject *)out[0] : Py_NewRef(Py_NotImplemented);
}

static int cast_inputs(const rt_numpy_call *c, rt_operand *in, PyObject **owned)
{
    rt_dtype d;
    if (rt_dtype_convert(c->dtype, &d) < 0) return -1;
    if (c->binding->op->logic) return 0;           /* the dtype of the result, which is bool */
    for (Py_ssize_t i = 0; i < c->nin; i++) {
        if (!in[i].t || (rt_dtype)in[i].t->dtype == d) continue;
        if (!rt_dtype_can_cast((rt_dtype)in[i].t->dtype, d) && !(c->casting && strcmp(c->casting, "unsafe") == 0))
            return rt_error(PyExc_TypeError, c->binding->op->cls.name, "an input of dtype %s cannot be cast to %s by casting "
                            "rule '%s'", rt_dtypes[in[i].t->dtype].name, rt_dtypes[d].name, c->casting ? c->casting : "same_kind");
        rt_tensor *t = rt_cast(in[i].t, d);
        if (!t) return -1;
        Py_XSETREF(owned[i], (PyObject *)t);
        in[i].t = t;
    }
    return 0;
}

/* Straight into the output where nothing stands in the way. */
static PyObject *apply(const rt_numpy_call *c, rt_operand *in)
{
    const rt_op *op = row(c->binding->op, c->in);
    PyObject *given = rt_numpy_out(c, 0);
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    if (given && !c->where && !c->casting) {
        out[0] = rt_numpy_output(given);
        if (!out[0]) return NULL;
        int status = rt_op_apply(op, op->nin, in, NULL, out);
        Py_DECREF(out[0]);
        return status < 0 ? NULL : Py_NewRef(given);
    }
    if (rt_op_apply(op, op->nin, in, NULL, out) < 0) return NULL;
    return rt_numpy_deliver(c, out[0], given);
}

/* Integers alone, by a ufunc that treats them otherwise in NumPy; as float64 where that is how.
 * 1: NumPy is to do it. */
static int settle_integers(const rt_numpy_call *c, rt_operand *in, PyObject **owned)
{
    if (c->binding->integers == RT_INTEGERS_OURS) return 0;
    for (Py_ssize_t i = 0; i < c->nin; i++)
        if (in[i].none || (in[i].t ? rt_dtype_kind((rt_dtype)in[i].t->dtype) : in[i].kind) >= RT_KIND_FLOAT) return 0;
    if (c->binding->integers == RT_INTEGERS_NUMPYS || !in[0].t || rt_dtype_floating(RT_b1) == RT_f16) return 1;
    Py_XSETREF(owned[0], (PyObject *)rt_cast(in[0].t, RT_f64));
    in[0].t = (rt_tensor *)owned[0];
    return owned[0] ? 0 : -1;
}

/* A dtype the op does not compute in: NumPy has no loop for it and says so. */
static int has_no_loop(const rt_numpy_call *c)
{
    rt_dtype d;
    const int klass = c->binding->op->klass;
    if (!c->dtype) return 0;
    if (rt_dtype_convert(c->dtype, &d) == 0)
        return (klass == RT_CLASS_FLOAT || klass == RT_CLASS_INEXACT) && !rt_dtype_is_inexact(d);
    PyErr_Clear();
    return 1;
}

static PyObject *compose(const rt_numpy_call *c);

/* A dtype the row lacks: by a rule where a gradient is wanted, or by NumPy. */
static PyObject *without_row(const rt_numpy_call *c)
{
    PyObject *result = rt_numpy_needs_gradient(c) ? compose(c) : Py_NewRef(Py_NotImplemented);
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
    return rt_numpy_fallback(c);
}

PyObject *rt_numpy_call_op(const rt_numpy_call *c)
{
    const rt_op *op = c->binding->op;
    rt_operand in[3];
    PyObject *owned[3] = {NULL, NULL, NULL}, *result = NULL;
    if (c->nin != op->nin || c->others || c->axis || c->keepdims || has_no_loop(c)) return rt_numpy_fallback(c);
    int status = 0;
    for (Py_ssize_t i = 0; i < c->nin && status == 0; i++) status = rt_convert_operand(c->in[i], &in[i], &owned[i]);
    for (Py_ssize_t i = 0; i < c->nin && status == 0 && op->nin < 3; i++)
        if (in[i].none) status = rt_error(PyExc_TypeError, op->cls.name, "None is no number");
    if (status > 0) {
        result = Py_NewRef(Py_NotImplemented);
    } else if (status < 0) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            result = rt_numpy_fallback(c);
        }
    } else {
        PyObject *out = rt_numpy_out(c, 0);
        if (out && !rt_tensor_check(out) && rt_numpy_needs_gradient(c)) rt_numpy_refuse_array(c);
        else if (c->dtype && cast_inputs(c, in, owned) < 0) result = NULL;
        else if ((status = settle_integers(c, in, owned)) == 0) result = apply(c, in);
        if (status == 1 || (!result && PyErr_ExceptionMatches(rt_DtypeError))) {
            PyErr_Clear();
            result = without_row(c);
        }
    }
    for (int i = 0; i < op->nin; i++) Py_XDECREF(owned[i]);
    return result;
}

/* ---- no row ---- */

static PyObject *attribute(const char *name)
{
    PyObject *module = PyImport_ImportModule("rustorch.numpy._dispatch");
    PyObject *value = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return value;
}

/* What records a ufunc of SciPy's; new reference, None when there is no such rule. */
static PyObject *recording(const rt_numpy_call *c)
{
    static PyObject *find;                         /* owned */
    if (!find && !(find = attribute("recording"))) return NULL;
    return PyObject_CallOneArg(find, c->ufunc);
}

/* made(*inputs, axis=axis): only products of vectors take it. */
static PyObject *call_along(PyObject *made, const rt_numpy_call *c)
{
    PyObject *args = PyTuple_New(c->nin), *word = args ? Py_BuildValue("{sO}", "axis", c->axis) : NULL, *result = NULL;
    for (Py_ssize_t i = 0; args && i < c->nin; i++) PyTuple_SET_ITEM(args, i, Py_NewRef(c->in[i]));
    if (word) result = PyObject_Call(made, args, word);
    Py_XDECREF(word);
    Py_XDECREF(args);
    return result;
}

/* Ufuncs made of several rows, or differentiated by a rule; NotImplemented when it is none of them. */
static PyObject *compose(const rt_numpy_call *c)
{
    static PyObject *composed;                     /* owned: {ufunc: callable} */
    if (c->where || c->dtype || c->casting || c->keepdims || c->others) return Py_NewRef(Py_NotImplemented);
    if (!composed && !(composed = attribute("COMPOSED_UFUNCS"))) return NULL;
    PyObject *made = PyDict_GetItemWithError(composed, c->ufunc);
    if (PyErr_Occurred()) return NULL;
    made = made || !rt_numpy_needs_gradient(c) ? Py_NewRef(made ? made : Py_None) : recording(c);
    if (!made || made == Py_None) return made ? (Py_DECREF(made), Py_NewRef(Py_NotImplemented)) : NULL;
    PyObject *result = c->axis ? call_along(made, c) : PyObject_Vectorcall(made, c->in, (size_t)c->nin, NULL);
    Py_DECREF(made);
    if (!result || !c->out || result == Py_NotImplemented) return result;
    int pair = PyTuple_Check(result), n = pair ? (int)PyTuple_GET_SIZE(result) : 1;
    PyObject *handed = PyTuple_New(n);
    for (int k = 0; handed && k < n; k++) {
        PyObject *part = pair ? PyTuple_GET_ITEM(result, k) : result, *out = rt_numpy_out(c, k);
        if (out && !rt_tensor_check(out) && rt_numpy_needs_gradient(c)) {
            rt_numpy_refuse_array(c);
            Py_CLEAR(handed);
            break;
        }
        PyObject *given = rt_numpy_deliver(c, (rt_tensor *)Py_NewRef(part), out);
        if (given) PyTuple_SET_ITEM(handed, k, given);
        else Py_CLEAR(handed);
    }
    Py_DECREF(result);
    if (handed && !pair) Py_SETREF(handed, Py_NewRef(PyTuple_GET_ITEM(handed, 0)));
    return handed;
}

/* Where gradients are wanted that NumPy's code would lose: the method by calls of the ufunc, or NumPy's turn. */
static PyObject *fold(const rt_numpy_call *c)
{
    static PyObject *folded;                       /* owned */
    PyObject *const no_words = NULL;
    if (!rt_numpy_needs_gradient(c) || PyUnicode_CompareWithASCIIString(c->method, "at") == 0) return rt_numpy_fallback(c);
    if (!folded && !(folded = attribute("folded"))) return NULL;
    const Py_ssize_t words = c->kwnames ? PyTuple_GET_SIZE(c->kwnames) : 0;
    PyObject **stack = PyMem_Calloc((size_t)(2 + c->nin + words), sizeof *stack), *result = NULL;
    if (!stack) return PyErr_NoMemory();
    stack[0] = c->ufunc;
    stack[1] = c->method;
    memcpy(stack + 2, c->in, (size_t)c->nin * sizeof *stack);
    memcpy(stack + 2 + c->nin, words ? c->values : &no_words, (size_t)words * sizeof *stack);
    result = PyObject_Vectorcall(folded, stack, (size_t)(2 + c->nin), c->kwnames);
    PyMem_Free(stack);
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
    return rt_numpy_fallback(c);
}

static PyObject *dispatch(rt_numpy_call *c)
{
    const char *method = PyUnicode_AsUTF8(c->method);
    if (!method || take_keywords(c) < 0) return NULL;
    if (any_foreign(c)) Py_RETURN_NOTIMPLEMENTED;
    if (strcmp(method, "__call__") == 0) {
        if (c->binding) return rt_numpy_call_op(c);
        PyObject *result = compose(c);
        if (result != Py_NotImplemented) return result;
        Py_DECREF(result);
        return rt_numpy_fallback(c);
    }
    if (strcmp(method, "reduce") == 0) return c->binding && c->binding->reduce ? rt_numpy_reduce(c) : fold(c);
    if (strcmp(method, "accumulate") == 0) return c->binding && c->binding->accumulate ? rt_numpy_accumulate(c) : fold(c);
    if (strcmp(method, "outer") == 0) return rt_numpy_outer(c);
    return fold(c);
}

static int is_call(PyObject *method)
{
    return PyUnicode_IS_COMPACT_ASCII(method) && PyUnicode_GET_LENGTH(method) == 8
           && memcmp(PyUnicode_1BYTE_DATA(method), "__call__", 8) == 0;
}

/* Exact Tensors of floating numbers: nothing depends on the default dtype and nothing is to be
 * converted.  NULL without an exception when they are something else. */
static PyObject *call_floating(const rt_op *op, PyObject *const *args)
{
    rt_operand in[3];
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    int n = 0;
    do {
        rt_tensor *t = (rt_tensor *)args[n];
        if (!rt_tensor_check_exact(args[n]) || !rt_dtype_is_inexact((rt_dtype)t->dtype)) return NULL;
        in[n].t = t;
    } while (++n < op->nin);
    if (rt_op_apply(op, n, in, NULL, out) == 0) return (PyObject *)out[0];
    if (PyErr_ExceptionMatches(rt_DtypeError)) PyErr_Clear();
    return NULL;
}

/* args: a ufunc, the name of a method, inputs */
static PyObject *answer_ufunc(PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    if (n < 2 || !PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "__array_ufunc__ takes a ufunc, the name of a method, and inputs");
        return NULL;
    }
    const rt_binding *b = rt_binding_find(args[0]);
    if (!b && PyErr_Occurred()) return NULL;
    int plain = b && !kwnames && n - 2 == b->op->nin && b->integers == RT_INTEGERS_OURS && is_call(args[1]);
    const rt_op *op = plain ? row(b->op, args + 2) : NULL;
    PyObject *result = plain ? call_floating(op, args + 2) : NULL;
    if (result || PyErr_Occurred()) return result;
    rt_dtype before = rt_default_dtype_overridden();
    rt_default_dtype_override(RT_f64);
    if (plain) {
        result = call_plainly(op, args + 2);
        if (result != Py_NotImplemented) goto done;
        Py_DECREF(result);
    }
    rt_numpy_call c = {.ufunc = args[0], .method = args[1], .binding = b, .in = args + 2, .nin = n - 2,
                       .values = args + n, .kwnames = kwnames};
    result = dispatch(&c);
done:
    rt_default_dtype_override(before);
    return result;
}

PyObject *rt_array_ufunc(PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    if (n < 3 || !rt_dialect_has_arrays(args + 2, n - 2)) return answer_ufunc(args, n, kwnames);
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    PyObject *result = rt_dialect_arrays(answer_ufunc(args, n, kwnames));
    rt_dtype_rules_restore(before);
    return result;
}

/* Tensor.__array_ufunc__: a callable of our own is called sooner than a method descriptor. */
typedef struct { PyObject_HEAD vectorcallfunc vectorcall; } protocol;

static PyObject *protocol_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    (void)callable;
    if (n > 0) return rt_array_ufunc(args + 1, n - 1, kwnames);
    PyErr_SetString(PyExc_TypeError, "__array_ufunc__ is a method of Tensors");
    return NULL;
}

static PyObject *protocol_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

static PyTypeObject protocol_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.array_ufunc",
    .tp_doc = "NumPy's ufuncs on tensors.",
    .tp_basicsize = sizeof(protocol),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(protocol, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = protocol_get,
};

int rt_numpy_protocol_init(void)
{
    if (PyType_Ready(&protocol_type) < 0) return -1;
    protocol *p = PyObject_New(protocol, &protocol_type);
    if (!p) return -1;
    p->vectorcall = protocol_call;
    int status = PyDict_SetItemString(rt_tensor_type.tp_dict, "__array_ufunc__", (PyObject *)p);
    Py_DECREF(p);
    PyType_Modified(&rt_tensor_type);
    return status;
}

/* Is our array among the types of a call's arguments? */
static int concerns_arrays(PyObject *types)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++)
        if (PyTuple_GET_ITEM(types, i) == (PyObject *)&rt_array_type) return 1;
    return 0;
}

/* f(x, ...) without keywords, of arrays alone: as rustorch.numpy's f.  NULL: not for this one, or failed. */
static PyObject *array_function_quick(PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    if (n != 4 || kwnames || !PyTuple_Check(args[1]) || PyTuple_GET_SIZE(args[1]) != 1 || !PyTuple_Check(args[2])
        || !PyDict_Check(args[3]) || PyDict_GET_SIZE(args[3]))
        return NULL;
    PyObject *type = PyTuple_GET_ITEM(args[1], 0);
    const rt_numpy_quick *q = rt_quick_of(args[0]);
    if (!q || (type != (PyObject *)&rt_array_type && !(q->neutral && type == (PyObject *)&rt_tensor_type))) return NULL;
    return q->call(q, ((PyTupleObject *)args[2])->ob_item, PyTuple_GET_SIZE(args[2]), NULL);
}

PyObject *rt_array_function(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static PyObject *answer;                       /* owned */
    PyObject *result;
    if (!answer && !(answer = attribute("array_function"))) return NULL;
    const int numpy = rt_array_check(self) || (n > 1 && PyTuple_Check(args[1]) && concerns_arrays(args[1]));
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    if (!numpy) {
        rt_dtype_rules_restore(before);
        rt_default_dtype_override(RT_f64);
    }
    result = array_function_quick(args, n, kwnames);
    if (!result && !PyErr_Occurred()) result = PyObject_Vectorcall(answer, args, (size_t)n, kwnames);
    if (numpy) result = rt_dialect_arrays(result);
    rt_dtype_rules_restore(before);
    return result;
}
