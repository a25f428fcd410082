/* python_op: ops added from Python: a rustorch_op whose functions hand the call to Python functions, the arguments in
 * the order of the signature, as Python would write them.  Like all added ops they stay for good.
 * Floor: python. */
#include "python/python_op.h"
#include "core/dtype.h"
#include "core/error.h"
#include "python/added_op.h"
#include "python/convert.h"
#include "ufunc/signature.h"

typedef struct {
    rt_signature signature;
    PyObject *forward, *backward;          /* owned; backward NULL: none */
    char *name;
} python_op;

/* The n tensors from `first` on, as a list; None for those that are not there. */
static PyObject *tensors(const rustorch_call *c, int first, int n)
{
    PyObject *list = PyList_New(n);
    for (int i = 0; list && i < n; i++) PyList_SET_ITEM(list, i, Py_NewRef(c->in[first + i] ? c->in[first + i] : Py_None));
    return list;
}

static PyObject *integers(const intptr_t *values, int n)
{
    if (n < 0) Py_RETURN_NONE;
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++) {
        PyObject *v = PyLong_FromSsize_t(values[i]);
        if (v) PyTuple_SET_ITEM(t, i, v);
        else Py_CLEAR(t);
    }
    return t;
}

typedef struct { int in, i, f, list; } counters;

/* The value of argument a, new reference. */
static PyObject *value_of(const rustorch_call *c, const rt_arg *a, int noperands, counters *k)
{
    switch (a->type) {
    case RT_ARG_TENSOR: case RT_ARG_TENSOR_OPT: {
        PyObject *t = c->in[k->in++];
        return Py_NewRef(t ? t : Py_None);
    }
    case RT_ARG_TENSORS: {
        const int n = c->nin - noperands;
        k->in += n;
        return tensors(c, k->in - n, n);
    }
    case RT_ARG_FLOAT: return PyFloat_FromDouble(c->floats[k->f++]);
    case RT_ARG_BOOL: return PyBool_FromLong(c->ints[k->i++] != 0);
    case RT_ARG_WORD: return PyUnicode_FromString(a->words[c->ints[k->i++]]);
    case RT_ARG_DTYPE: {
        const intptr_t d = c->ints[k->i++];
        return d == RT_NODTYPE ? Py_NewRef(Py_None) : rt_dtype_object((rt_dtype)d);
    }
    case RT_ARG_INTS: case RT_ARG_INTS_OPT: {
        const int n = k->list++;
        return integers(c->lists[n], c->lengths[n]);
    }
    default: {
        const intptr_t v = c->ints[k->i++];
        return v == RUSTORCH_NONE ? Py_NewRef(Py_None) : PyLong_FromSsize_t(v);
    }
    }
}

/* function(first..., arguments of the call), new reference. */
static PyObject *ask(const python_op *op, PyObject *function, const rustorch_call *c, PyObject *const *first, int nfirst)
{
    PyObject *args = PyTuple_New(nfirst), *words = PyDict_New(), *result = NULL;
    counters k = {0, 0, 0, 0};
    int noperands = 0, status = args && words ? 0 : -1;
    for (int i = 0; status == 0 && i < nfirst; i++) PyTuple_SET_ITEM(args, i, Py_NewRef(first[i]));
    for (int i = 0; i < op->signature.nargs; i++)
        noperands += op->signature.args[i].type == RT_ARG_TENSOR || op->signature.args[i].type == RT_ARG_TENSOR_OPT;
    for (int i = 0; status == 0 && i < op->signature.nargs; i++) {
        const rt_arg *a = &op->signature.args[i];
        const Py_ssize_t n = PyTuple_GET_SIZE(args);
        PyObject *value = value_of(c, a, noperands, &k);
        if (!value) status = -1;
        else if (a->keyword_only) status = PyDict_SetItemString(words, a->name, value);
        else if ((status = _PyTuple_Resize(&args, n + 1)) == 0) PyTuple_SET_ITEM(args, n, Py_NewRef(value));
        Py_XDECREF(value);
    }
    if (status == 0) result = PyObject_Call(function, args, words);
    Py_XDECREF(args);
    Py_XDECREF(words);
    return result;
}

/* What a function answered, as a tuple of n; steals. */
static PyObject *tuple_of(const python_op *op, PyObject *answer, int n, const char *what)
{
    if (!answer) return NULL;
    PyObject *t = PyList_Check(answer) || PyTuple_Check(answer) ? PySequence_List(answer) : NULL;
    if (t) Py_SETREF(t, PyList_AsTuple(t));                      /* a tuple of our own */
    else if (!PyErr_Occurred()) t = PyTuple_Pack(1, answer);
    Py_DECREF(answer);
    if (t && PyTuple_GET_SIZE(t) != n) {
        rt_error(PyExc_ValueError, op->name, "its function must give %d %s, not %zd", n, what, PyTuple_GET_SIZE(t));
        Py_CLEAR(t);
    }
    return t;
}

static int forward(rustorch_call *c)
{
    const python_op *op = c->data;
    PyObject *answer = tuple_of(op, ask(op, op->forward, c, NULL, 0), c->nout, "results");
    int status = answer ? 0 : -1;
    for (int k = 0; status == 0 && k < c->nout; k++) {
        PyObject *result = PyTuple_GET_ITEM(answer, k);          /* its reference goes along: what is ours alone is not copied */
        PyTuple_SET_ITEM(answer, k, Py_NewRef(Py_None));
        status = rt_added_op_set_output(c, k, result);
    }
    Py_XDECREF(answer);
    return status;
}

static int backward(rustorch_call *c)
{
    const python_op *op = c->data;
    PyObject *answer = tuple_of(op, ask(op, op->backward, c, c->grad_out, c->nout), c->nin, "gradients, one for each tensor");
    for (int i = 0; answer && i < c->nin; i++) {
        PyObject *g = PyTuple_GET_ITEM(answer, i);
        if (g != Py_None && c->wanted[i]) c->grad_in[i] = Py_NewRef(g);
    }
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

PyObject *rt_python_op_register(PyObject *module, PyObject *args)
{
    PyObject *functions[2];
    rustorch_op spec = {.size = sizeof spec, .forward = forward};
    (void)module;
    if (!PyArg_ParseTuple(args, "sssii(zzz)OO:_register_op", &spec.name, &spec.signature, &spec.doc, &spec.flags, &spec.nout,
                          &spec.gradient[0], &spec.gradient[1], &spec.gradient[2], &functions[0], &functions[1]))
        return NULL;
    python_op *op = PyMem_Calloc(1, sizeof *op);
    if (!op) return PyErr_NoMemory();
    spec.data = op;
    spec.backward = functions[1] == Py_None ? NULL : backward;
    op->name = PyMem_Malloc(strlen(spec.name) + 1);
    if (!op->name) {
        PyErr_NoMemory();
        goto failed;
    }
    strcpy(op->name, spec.name);
    if (rt_added_op_register(&spec) < 0 || rt_signature_parse(spec.signature, &op->signature) < 0) goto failed;
    op->forward = Py_NewRef(functions[0]);
    op->backward = Py_NewRef(functions[1]);
    Py_RETURN_NONE;
failed:
    PyMem_Free(op->name);
    PyMem_Free(op);
    return NULL;
}
