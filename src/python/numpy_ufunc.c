/* numpy_ufunc: the ufuncs of rustorch.numpy.  Each stands for one of NumPy's, takes whatever that takes,
 * answers as Tensor.__array_ufunc__ does, and gives arrays.  Floor: python. */
#include "core/error.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include "python/numpy_protocol.h"
#include "python/ufunc_binding.h"
#include "ufunc/apply.h"
#include <stddef.h>
#include <structmember.h>

#define MOST_ARGUMENTS 16

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *ufunc, *convert; /* owned: NumPy's; what makes a Tensor of anything */
    int nin, nargs;
} array_ufunc;

static PyObject *word_call, *word_out;           /* owned, for good */

static PyObject *answer(array_ufunc *f, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *stack[MOST_ARGUMENTS + 2], *out = NULL, *words = NULL, *result = NULL;
    Py_ssize_t nin = method == word_call && n > f->nin ? f->nin : n, words_given = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    Py_ssize_t all = 2 + nin;
    if (n + words_given + 1 > MOST_ARGUMENTS)
        return PyErr_Format(PyExc_TypeError, "%R takes at most %d arguments, got %zd", f->ufunc, MOST_ARGUMENTS, n + words_given);
    stack[0] = f->ufunc;
    stack[1] = method;
    for (Py_ssize_t i = 0; i < nin; i++) stack[2 + i] = args[i];
    for (Py_ssize_t i = 0; i < words_given; i++) stack[all++] = args[n + i];
    if (nin < n) {                                /* outputs by position */
        out = PyTuple_New(n - nin);
        words = out ? PyTuple_New(words_given + 1) : NULL;
        if (!words) goto done;
        for (Py_ssize_t i = nin; i < n; i++) PyTuple_SET_ITEM(out, i - nin, Py_NewRef(args[i]));
        for (Py_ssize_t i = 0; i < words_given; i++) {
            PyObject *word = PyTuple_GET_ITEM(kwnames, i);
            PyTuple_SET_ITEM(words, i, Py_NewRef(word));
            if (PyUnicode_Compare(word, word_out) == 0) {
                PyErr_SetString(PyExc_TypeError, "cannot specify 'out' as both a positional and keyword argument");
                goto done;
            }
        }
        PyTuple_SET_ITEM(words, words_given, Py_NewRef(word_out));
        stack[all++] = out;
        kwnames = words;
    }
    result = rt_array_ufunc(stack, 2 + nin, kwnames);
done:
    Py_XDECREF(out);
    Py_XDECREF(words);
    return result;
}

/* Python's, not NumPy's scalars that derive from it. */
static int is_number(PyObject *o)
{
    return PyBool_Check(o) || PyLong_Check(o) || PyFloat_CheckExact(o) || PyComplex_CheckExact(o);
}

/* NumPy's own call, of arrays that are none of ours: text, objects, masked arrays. */
static PyObject *by_numpy(array_ufunc *f, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject *seen[MOST_ARGUMENTS] = {NULL}, *theirs = PyObject_GetAttr(f->ufunc, method), *result = NULL;
    Py_ssize_t i = 0;
    for (; theirs && i < all; i++) {
        seen[i] = rt_tensor_check(args[i]) ? rt_ndarray_export((rt_tensor *)args[i]) : Py_NewRef(args[i]);
        if (!seen[i]) goto done;
    }
    if (theirs) result = PyObject_Vectorcall(theirs, seen, (size_t)n, kwnames);
    if (result && (rt_ndarray_check(result) || rt_ndarray_is_scalar(result)))
        Py_SETREF(result, PyObject_CallOneArg(f->convert, result));
done:
    while (i-- > 0) Py_XDECREF(seen[i]);
    Py_XDECREF(theirs);
    return result;
}

/* The inputs that are no Tensors, numbers or None made Tensors; then the ufunc's method. */
static PyObject *converted(array_ufunc *f, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0), nin = method == word_call ? f->nin : 1;
    PyObject *owned[MOST_ARGUMENTS] = {NULL}, *result = NULL;
    Py_ssize_t i = 0;
    int none_of_ours = 0, weak = 0;               /* numbers are weak beside something that is none */
    for (Py_ssize_t k = 0; k < n && k < nin; k++) weak |= !is_number(args[k]);
    if (all > MOST_ARGUMENTS) return PyErr_Format(PyExc_TypeError, "%R got too many arguments: %zd", f->ufunc, all);
    for (; i < all; i++) {
        PyObject *o = args[i];
        const int as_it_is = i >= nin || rt_tensor_check(o) || o == Py_None
                             || (weak && method == word_call && is_number(o));
        owned[i] = as_it_is ? Py_NewRef(o) : PyObject_CallOneArg(f->convert, o);
        if (!owned[i]) goto done;
        none_of_ours |= i < nin && (rt_ndarray_check(owned[i]) || rt_ndarray_is_scalar(owned[i]));
    }
    result = none_of_ours ? by_numpy(f, method, owned, n, kwnames) : answer(f, method, owned, n, kwnames);
done:
    while (i-- > 0) Py_XDECREF(owned[i]);
    return result;
}

static PyObject *call_method(array_ufunc *f, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    PyObject *result = NULL;
    if (method == word_call && n < f->nin)
        PyErr_Format(PyExc_TypeError, "%R takes %d inputs, got %zd", f->ufunc, f->nin, n);
    else if (method == word_call && n > f->nargs)
        PyErr_Format(PyExc_TypeError, "%R takes at most %d arguments, got %zd", f->ufunc, f->nargs, n);
    else
        result = converted(f, method, args, n, kwnames);
    if (result == Py_NotImplemented) {            /* an argument's own type answers: NumPy asks it */
        Py_CLEAR(result);
        PyObject *theirs = PyObject_GetAttr(f->ufunc, method);
        result = theirs ? PyObject_Vectorcall(theirs, args, (size_t)n, kwnames) : NULL;
        Py_XDECREF(theirs);
    }
    result = rt_dialect_arrays(result);
    rt_dtype_rules_restore(before);
    return result;
}

static PyObject *ufunc_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    array_ufunc *f = (array_ufunc *)self;
    const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    int ready = !kwnames && n == f->nin;
    for (Py_ssize_t i = 0; i < n && ready; i++) ready = rt_tensor_check_exact(args[i]);
    return ready && rt_array_check(args[0]) ? answer(f, word_call, args, n, NULL) : call_method(f, word_call, args, n, kwnames);
}

/* ---- reduce, accumulate, reduceat, outer, at ---- */

#define METHOD(name) \
    static PyObject *ufunc_##name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) \
    { \
        static PyObject *word; \
        if (!word && !(word = PyUnicode_InternFromString(#name))) return NULL; \
        return call_method((array_ufunc *)self, word, args, n, kwnames); \
    }
METHOD(reduce)
METHOD(accumulate)
METHOD(reduceat)
METHOD(outer)
METHOD(at)

static PyObject *ufunc_attribute(PyObject *self, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(self, name);
    if (own || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
    PyErr_Clear();
    return PyObject_GetAttr(((array_ufunc *)self)->ufunc, name);
}

static PyObject *ufunc_doc(PyObject *self, void *unused)
{
    (void)unused;
    return PyObject_GetAttrString(((array_ufunc *)self)->ufunc, "__doc__");
}

static PyObject *ufunc_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyObject_GetAttrString(((array_ufunc *)self)->ufunc, "__name__");
}

static PyObject *ufunc_module(PyObject *self, void *unused)
{
    (void)self, (void)unused;
    return PyUnicode_FromString("rustorch.numpy");
}

static PyObject *ufunc_repr(PyObject *self)
{
    PyObject *name = ufunc_name(self, NULL), *text = name ? PyUnicode_FromFormat("<ufunc '%U'>", name) : NULL;
    Py_XDECREF(name);
    return text;
}

static PyObject *ufunc_reduce_pickle(PyObject *self, PyObject *unused)
{
    (void)unused;
    return ufunc_name(self, NULL);
}

static void ufunc_dealloc(PyObject *self)
{
    Py_XDECREF(((array_ufunc *)self)->ufunc);
    Py_XDECREF(((array_ufunc *)self)->convert);
    PyObject_Free(self);
}

#define FAST(f) (PyCFunction)(void (*)(void))(f)
static PyMethodDef ufunc_methods[] = {
    {"reduce", FAST(ufunc_reduce), METH_FASTCALL | METH_KEYWORDS,
     "reduce($self, array, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True)\n--\n\n"
     "One dimension, or several, folded with the ufunc; numpy.ufunc.reduce."},
    {"accumulate", FAST(ufunc_accumulate), METH_FASTCALL | METH_KEYWORDS,
     "accumulate($self, array, axis=0, dtype=None, out=None)\n--\n\n"
     "What folding gives after each element; numpy.ufunc.accumulate."},
    {"reduceat", FAST(ufunc_reduceat), METH_FASTCALL | METH_KEYWORDS,
     "reduceat($self, array, indices, axis=0, dtype=None, out=None)\n--\n\n"
     "Pieces folded that start at the indices; numpy.ufunc.reduceat."},
    {"outer", FAST(ufunc_outer), METH_FASTCALL | METH_KEYWORDS,
     "outer($self, A, B, /, **kwargs)\n--\n\n"
     "The ufunc of all pairs of elements; numpy.ufunc.outer."},
    {"at", FAST(ufunc_at), METH_FASTCALL | METH_KEYWORDS,
     "at($self, a, indices, b=None, /)\n--\n\n"
     "In place at indices, which may repeat; numpy.ufunc.at."},
    {"__reduce__", ufunc_reduce_pickle, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef ufunc_getset[] = {
    {"__doc__", ufunc_doc, NULL, NULL, NULL},
    {"__name__", ufunc_name, NULL, NULL, NULL},
    {"__qualname__", ufunc_name, NULL, NULL, NULL},
    {"__module__", ufunc_module, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMemberDef ufunc_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(array_ufunc, ufunc), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject ufunc_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.numpy.ufunc",
    .tp_basicsize = sizeof(array_ufunc),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(array_ufunc, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = ufunc_dealloc,
    .tp_repr = ufunc_repr,
    .tp_getattro = ufunc_attribute,
    .tp_methods = ufunc_methods,
    .tp_members = ufunc_members,
    .tp_getset = ufunc_getset,
};

static PyObject *make_ufunc(PyObject *module, PyObject *args)
{
    PyObject *ufunc, *convert, *nin, *nargs;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:_array_ufunc", &ufunc, &convert)) return NULL;
    nin = PyObject_GetAttrString(ufunc, "nin");
    const long inputs = nin ? PyLong_AsLong(nin) : -1;
    Py_XDECREF(nin);
    nargs = PyObject_GetAttrString(ufunc, "nargs");
    const long arguments = nargs ? PyLong_AsLong(nargs) : -1;
    Py_XDECREF(nargs);
    if (inputs < 0 || arguments < 0) return NULL;
    array_ufunc *f = PyObject_New(array_ufunc, &ufunc_type);
    if (!f) return NULL;
    f->vectorcall = ufunc_call;
    f->ufunc = Py_NewRef(ufunc);
    f->convert = Py_NewRef(convert);
    f->nin = (int)inputs;
    f->nargs = (int)arguments;
    return (PyObject *)f;
}

static PyMethodDef functions[] = {
    {"_array_ufunc", make_ufunc, METH_VARARGS, "The ufunc on arrays: _array_ufunc(NumPy's ufunc, what makes a Tensor)."},
    {NULL, NULL, 0, NULL},
};

int rt_numpy_ufunc_init(PyObject *module)
{
    word_call = PyUnicode_InternFromString("__call__");
    word_out = PyUnicode_InternFromString("out");
    if (!word_call || !word_out || PyType_Ready(&ufunc_type) < 0 || PyModule_AddFunctions(module, functions) < 0) return -1;
    return PyModule_AddObjectRef(module, "_ufunc_type", (PyObject *)&ufunc_type);
}
