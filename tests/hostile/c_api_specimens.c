/* Every function of rustorch.h as a Python function, and registrations of every kind, right and wrong: what
 * test_c_api.py and its children call. */
#include <Python.h>
#include <rustorch.h>

/* ---- looking at tensors, making them ---- */

static PyObject *facts(PyObject *m, PyObject *t)
{
    (void)m;
    if (!rustorch->check(t)) Py_RETURN_NONE;
    const int n = rustorch->ndim(t);
    PyObject *shape = PyTuple_New(n), *steps = PyTuple_New(n);
    for (int i = 0; i < n; i++) {
        PyTuple_SetItem(shape, i, PyLong_FromSsize_t(rustorch->shape(t)[i]));
        PyTuple_SetItem(steps, i, PyLong_FromSsize_t(rustorch->steps(t)[i]));
    }
    return Py_BuildValue("(NiNNniin)", PyLong_FromVoidPtr(rustorch->data(t)), rustorch->dtype(t), shape, steps,
                         (Py_ssize_t)rustorch->numel(t), rustorch->flags(t), rustorch->device(t),
                         (Py_ssize_t)rustorch->itemsize(rustorch->dtype(t)));
}

static int read_list(PyObject *o, intptr_t *out, int most)
{
    const Py_ssize_t n = PySequence_Size(o);
    for (Py_ssize_t i = 0; i < n && i < most; i++) {
        PyObject *item = PySequence_GetItem(o, i);
        out[i] = PyLong_AsSsize_t(item);
        Py_DECREF(item);
    }
    return (int)n;
}

static PyObject *make(PyObject *m, PyObject *args)
{
    int dtype, zeros;
    PyObject *list;
    intptr_t shape[64];
    (void)m;
    if (!PyArg_ParseTuple(args, "iOi", &dtype, &list, &zeros)) return NULL;
    const int n = read_list(list, shape, 64);
    return zeros ? rustorch->zeros(dtype, n, shape) : rustorch->empty(dtype, n, shape);
}

static long released;
static void release(void *owner) { released++; PyMem_Free(owner); }
static PyObject *count_released(PyObject *m, PyObject *u) { (void)m, (void)u; return PyLong_FromLong(released); }

/* wrap(dtype, shape, steps or None, flags, offset): of 16 doubles 0, 1, ... */
static PyObject *wrap(PyObject *m, PyObject *args)
{
    int dtype, flags;
    Py_ssize_t offset;
    PyObject *list, *by;
    intptr_t shape[64], steps[64];
    (void)m;
    if (!PyArg_ParseTuple(args, "iOOin", &dtype, &list, &by, &flags, &offset)) return NULL;
    double *memory = PyMem_Malloc(16 * sizeof *memory);
    for (int i = 0; i < 16; i++) memory[i] = i;
    const int n = read_list(list, shape, 64);
    if (by != Py_None) read_list(by, steps, 64);
    return rustorch->wrap((char *)memory + offset, dtype, n, shape, by == Py_None ? NULL : steps, flags, release, memory);
}

static double constant[2] = {1.5, 2.5};
static PyObject *wrap_constant(PyObject *m, PyObject *u)
{
    (void)m, (void)u;
    const intptr_t shape[] = {2};
    return rustorch->wrap(constant, RUSTORCH_FLOAT64, 1, shape, NULL, RUSTORCH_READONLY, NULL, NULL);
}

static PyObject *as_tensor(PyObject *m, PyObject *args)
{
    PyObject *o;
    int dtype;
    (void)m;
    return PyArg_ParseTuple(args, "Oi", &o, &dtype) ? rustorch->as_tensor(o, dtype) : NULL;
}

static PyObject *cast(PyObject *m, PyObject *args)
{
    PyObject *o;
    int dtype;
    (void)m;
    return PyArg_ParseTuple(args, "Oi", &o, &dtype) ? rustorch->cast(o, dtype) : NULL;
}

static PyObject *contiguous(PyObject *m, PyObject *t) { (void)m; return rustorch->contiguous(t); }

static PyObject *call(PyObject *m, PyObject *args)
{
    const char *name;
    PyObject *list;
    (void)m;
    if (!PyArg_ParseTuple(args, "sO!", &name, &PyTuple_Type, &list)) return NULL;
    return rustorch->call(name, (int)PyTuple_Size(list), &PyTuple_GET_ITEM(list, 0));
}

static void double_it(void *ctx, intptr_t begin, intptr_t end)
{
    for (intptr_t i = begin; i < end; i++) ((double *)ctx)[i] *= 2;
}

static PyObject *double_in_place(PyObject *m, PyObject *args)
{
    PyObject *t;
    Py_ssize_t grain;
    (void)m;
    if (!PyArg_ParseTuple(args, "On", &t, &grain) || rustorch->will_write(t) < 0) return NULL;
    rustorch->parallel_for(rustorch->numel(t), grain, double_it, rustorch->data(t));
    return PyLong_FromLong(rustorch->num_threads());
}

/* ---- ops ---- */

static void copy_doubles(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    const double by = data ? *(double *)data : 1;
    for (intptr_t i = 0; i < n[0]; i++) *(double *)(args[1] + i * steps[1]) = by * *(double *)(args[0] + i * steps[0]);
}
static void add_long(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    (void)data;
    for (intptr_t i = 0; i < n[0]; i++)
        *(int64_t *)(args[2] + i * steps[2]) = *(int64_t *)(args[0] + i * steps[0]) + *(int64_t *)(args[1] + i * steps[1]);
}
static void is_above(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    (void)data;
    for (intptr_t i = 0; i < n[0]; i++)
        *(uint8_t *)(args[2] + i * steps[2]) = *(double *)(args[0] + i * steps[0]) > *(double *)(args[1] + i * steps[1]);
}

static double three = 3;
static const rustorch_typed_loop loop_lists[][3] = {
    {{RUSTORCH_FLOAT64, copy_doubles}, {0, NULL}, {0, NULL}},
    {{RUSTORCH_FLOAT64, copy_doubles}, {RUSTORCH_FLOAT64, copy_doubles}, {0, NULL}},
    {{99, copy_doubles}, {0, NULL}, {0, NULL}},
    {{0, NULL}, {0, NULL}, {0, NULL}},
    {{RUSTORCH_INT64, add_long}, {0, NULL}, {0, NULL}},
    {{RUSTORCH_FLOAT64, is_above}, {0, NULL}, {0, NULL}},
};

static int copy_forward(rustorch_call *c)
{
    PyObject *x = rustorch->contiguous(c->in[0]), *y = NULL;
    if (x) y = rustorch->output(c, 0, rustorch->dtype(x), rustorch->ndim(x), rustorch->shape(x));
    if (y) memcpy(rustorch->data(y), rustorch->data(x), (size_t)rustorch->numel(x) * rustorch->itemsize(rustorch->dtype(x)));
    Py_XDECREF(x);
    return y ? 0 : -1;
}
static int silent(rustorch_call *c) { (void)c; return -1; }
static int nothing(rustorch_call *c) { (void)c; return 0; }
static int loud(rustorch_call *c)
{
    PyErr_SetString(PyExc_KeyError, "loud");
    return copy_forward(c) < 0 ? -1 : 0;
}
static int twice(rustorch_call *c) { return copy_forward(c) < 0 || copy_forward(c) < 0 ? -1 : 0; }
static int beyond(rustorch_call *c) { return rustorch->output(c, 1, RUSTORCH_FLOAT64, 0, NULL) ? 0 : -1; }
static int wrong_dtype(rustorch_call *c) { return rustorch->output(c, 0, 77, 0, NULL) ? 0 : -1; }
static int set_null(rustorch_call *c) { return rustorch->set_output(c, 0, NULL); }
static int set_number(rustorch_call *c) { return rustorch->set_output(c, 0, PyLong_FromLong(3)); }
static int set_input(rustorch_call *c) { Py_INCREF(c->in[0]); return rustorch->set_output(c, 0, c->in[0]); }
static int set_exp(rustorch_call *c) { return rustorch->set_output(c, 0, rustorch->call("exp", 1, c->in)); }
/* Results: how many tensors came, and what the other arguments were. */
static int tell(rustorch_call *c)
{
    const intptr_t n[] = {c->nin}, k[] = {16};
    PyObject *dtypes = rustorch->output(c, 0, RUSTORCH_INT64, 1, n);
    PyObject *rest = dtypes ? rustorch->output(c, 1, RUSTORCH_FLOAT64, 1, k) : NULL;
    if (!rest) return -1;
    for (int i = 0; i < c->nin; i++) ((int64_t *)rustorch->data(dtypes))[i] = c->in[i] ? rustorch->dtype(c->in[i]) : -1;
    double *r = rustorch->data(rest);
    memset(r, 0, 16 * sizeof *r);
    for (int i = 0; i < 3; i++) {
        r[i] = c->ints[i] == RUSTORCH_NONE ? -1000 : (double)c->ints[i];
        r[3 + i] = c->floats[i];
        r[6 + i] = c->lengths[i];
        for (int j = 0; j < c->lengths[i] && j < 2; j++) r[9 + 2 * i + j] = (double)c->lists[i][j];
    }
    return 0;
}

/* 3 g x, by hand. */
static int raw_backward(rustorch_call *c)
{
    PyObject *g = rustorch->contiguous(c->grad_out[0]);
    PyObject *x = c->in[0] ? rustorch->contiguous(c->in[0]) : NULL;
    PyObject *out = g ? rustorch->empty(RUSTORCH_FLOAT64, rustorch->ndim(g), rustorch->shape(g)) : NULL;
    for (intptr_t i = 0; out && i < rustorch->numel(out); i++)
        ((double *)rustorch->data(out))[i] = 3 * ((double *)rustorch->data(g))[i] * (x ? ((double *)rustorch->data(x))[i] : 1);
    Py_XDECREF(g);
    Py_XDECREF(x);
    c->grad_in[0] = out;
    return out ? 0 : -1;
}
static int same_backward(rustorch_call *c) { Py_INCREF(c->grad_out[0]); c->grad_in[0] = c->grad_out[0]; return 0; }
static int loud_backward(rustorch_call *c) { (void)c; PyErr_SetString(PyExc_KeyError, "loud"); return 0; }
static int number_backward(rustorch_call *c) { c->grad_in[0] = PyLong_FromLong(1); return 0; }
static int shape_backward(rustorch_call *c)
{
    const intptr_t shape[] = {7};
    c->grad_in[0] = rustorch->zeros(RUSTORCH_FLOAT64, 1, shape);
    return 0;
}
static int output_backward(rustorch_call *c) { return rustorch->output(c, 0, RUSTORCH_FLOAT64, 0, NULL) ? 0 : -1; }
static int out_backward(rustorch_call *c)        /* of exp: g out, recorded */
{
    PyObject *both[] = {c->grad_out[0], c->out[0]};
    c->grad_in[0] = rustorch->call("mul", 2, both);
    return c->grad_in[0] ? 0 : -1;
}

static rustorch_function *const forwards[] = {NULL, copy_forward, silent, nothing, loud, twice, beyond, wrong_dtype, set_null,
                                              set_number, set_input, set_exp, tell};
static rustorch_function *const backwards[] = {NULL, raw_backward, silent, nothing, loud_backward, same_backward, number_backward,
                                               shape_backward, output_backward, out_backward};

static PyObject *register_op(PyObject *m, PyObject *args, PyObject *words)
{
    static char *names[] = {"name", "signature", "doc", "flags", "loops", "forward", "backward", "nout", "gradient", "size",
                            "data", NULL};
    rustorch_op op = {.size = sizeof op};
    int loops = -1, forward = 0, backward = 0, data = 0;
    Py_ssize_t size = sizeof op;
    (void)m;
    if (!PyArg_ParseTupleAndKeywords(args, words, "z|zziiiii(zzz)ni", names, &op.name, &op.signature, &op.doc, &op.flags, &loops,
                                     &forward, &backward, &op.nout, &op.gradient[0], &op.gradient[1], &op.gradient[2], &size,
                                     &data))
        return NULL;
    op.size = (size_t)size;
    op.loops = loops < 0 ? NULL : loop_lists[loops];
    op.forward = forwards[forward];
    op.backward = backwards[backward];
    op.data = data ? &three : NULL;
    if (rustorch->register_op(&op) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *exceptions(PyObject *m, PyObject *u)
{
    (void)m, (void)u;
    return Py_BuildValue("(OOOOOO)", rustorch->Tensor, rustorch->RusTorchError, rustorch->TensorError,
                         rustorch->ShapeMismatchError, rustorch->DtypeError, rustorch->DeviceError);
}

static PyMethodDef methods[] = {
    {"facts", facts, METH_O, NULL},
    {"make", make, METH_VARARGS, NULL},
    {"wrap", wrap, METH_VARARGS, NULL},
    {"wrap_constant", wrap_constant, METH_NOARGS, NULL},
    {"released", count_released, METH_NOARGS, NULL},
    {"as_tensor", as_tensor, METH_VARARGS, NULL},
    {"cast", cast, METH_VARARGS, NULL},
    {"contiguous", contiguous, METH_O, NULL},
    {"call", call, METH_VARARGS, NULL},
    {"double_in_place", double_in_place, METH_VARARGS, NULL},
    {"register", (PyCFunction)(void (*)(void))register_op, METH_VARARGS | METH_KEYWORDS, NULL},
    {"exceptions", exceptions, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "c_api_specimens", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_c_api_specimens(void)
{
    return rustorch_import() < 0 ? NULL : PyModule_Create(&definition);
}
