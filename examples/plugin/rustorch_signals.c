/* rustorch_signals: two ops for rustorch.
 *
 * logcosh(x) = log(cosh(x)) is elementwise: a loop for each dtype and a derivative as a text, from which gradients of
 * every order come.  ema(x, alpha, dim) is a general op: an exponential moving average along a dimension,
 * y[t] = alpha x[t] + (1 - alpha) y[t - 1]; its gradient is the same average taken backwards. */
#include <Python.h>
#include <rustorch.h>
#include <math.h>

/* ---- logcosh ---- */

static double logcosh(double x) { return fabs(x) + log1p(exp(-2 * fabs(x))) - 0.69314718055994530942; }

static void logcosh_float(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    (void)data;
    for (intptr_t i = 0; i < n[0]; i++)
        *(float *)(args[1] + i * steps[1]) = (float)logcosh(*(float *)(args[0] + i * steps[0]));
}

static void logcosh_double(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    (void)data;
    for (intptr_t i = 0; i < n[0]; i++) *(double *)(args[1] + i * steps[1]) = logcosh(*(double *)(args[0] + i * steps[0]));
}

/* ---- ema ---- */

/* A tensor in C order seen as [outer, length, inner]: the average runs along `length`. */
typedef struct { const char *x; char *y; intptr_t length, inner; double alpha; int single; } average;

#define AVERAGE(name, type) \
    static void name(const type *x, type *y, intptr_t length, intptr_t inner, double alpha) \
    { \
        double last = 0; \
        for (intptr_t t = 0; t < length; t++) y[t * inner] = (type)(last = alpha * x[t * inner] + (1 - alpha) * last); \
    }
AVERAGE(average_float, float)
AVERAGE(average_double, double)

/* Lines begin .. end - 1; runs on rustorch's threads, without the GIL. */
static void average_lines(void *ctx, intptr_t begin, intptr_t end)
{
    const average *a = ctx;
    for (intptr_t line = begin; line < end; line++) {
        const intptr_t at = line / a->inner * a->length * a->inner + line % a->inner;
        if (a->single) average_float((const float *)a->x + at, (float *)a->y + at, a->length, a->inner, a->alpha);
        else average_double((const double *)a->x + at, (double *)a->y + at, a->length, a->inner, a->alpha);
    }
}

static int ema_forward(rustorch_call *call)
{
    const int ndim = rustorch->ndim(call->in[0]), given = rustorch->dtype(call->in[0]);
    const int dtype = given == RUSTORCH_FLOAT32 ? given : RUSTORCH_FLOAT64;
    const intptr_t dim = call->ints[0] < 0 ? call->ints[0] + ndim : call->ints[0];
    int status = -1;
    if (dim < 0 || dim >= ndim) {
        PyErr_Format(PyExc_IndexError, "ema: there is no dimension %zd in a tensor of %d", (Py_ssize_t)call->ints[0], ndim);
        return -1;
    }
    PyObject *same = rustorch->cast(call->in[0], dtype), *x = same ? rustorch->contiguous(same) : NULL, *y = NULL;
    if (x) y = rustorch->output(call, 0, dtype, ndim, rustorch->shape(x));
    if (!y) goto done;
    average a = {rustorch->data(x), rustorch->data(y), rustorch->shape(x)[dim], 1, call->floats[0], dtype == RUSTORCH_FLOAT32};
    for (int i = (int)dim + 1; i < ndim; i++) a.inner *= rustorch->shape(x)[i];
    if (rustorch->numel(x)) rustorch->parallel_for(rustorch->numel(x) / a.length, 1 + 16384 / a.length, average_lines, &a);
    status = 0;
done:
    Py_XDECREF(same);
    Py_XDECREF(x);
    return status;
}

/* flip(ema(flip(g))), made of ops that are recorded: it may be differentiated again. */
static int ema_backward(rustorch_call *call)
{
    PyObject *alpha = PyFloat_FromDouble(call->floats[0]), *dim = PyLong_FromSsize_t(call->ints[0]);
    PyObject *turned = NULL, *averaged = NULL;
    if (alpha && dim) turned = rustorch->call("flip", 2, (PyObject *[]){call->grad_out[0], dim});
    if (turned) averaged = rustorch->call("ema", 3, (PyObject *[]){turned, alpha, dim});
    if (averaged) call->grad_in[0] = rustorch->call("flip", 2, (PyObject *[]){averaged, dim});
    Py_XDECREF(alpha);
    Py_XDECREF(dim);
    Py_XDECREF(turned);
    Py_XDECREF(averaged);
    return call->grad_in[0] ? 0 : -1;
}

/* ---- the module ---- */

static int register_ops(void)
{
    static const rustorch_typed_loop loops[] = {
        {RUSTORCH_FLOAT32, logcosh_float}, {RUSTORCH_FLOAT64, logcosh_double}, {0, NULL}};
    const rustorch_op logcosh_op = {
        .size = sizeof(rustorch_op), .name = "logcosh", .doc = "log(cosh(x)), without overflow.", .signature = "x",
        .flags = RUSTORCH_METHOD, .loops = loops, .gradient = {"g * tanh(x)"}};
    const rustorch_op ema_op = {
        .size = sizeof(rustorch_op), .name = "ema", .doc = "Exponential moving average along dim.",
        .signature = "x, alpha:float=0.1, dim:int=-1", .flags = RUSTORCH_METHOD | RUSTORCH_RECORDED,
        .forward = ema_forward, .backward = ema_backward};
    return rustorch->register_op(&logcosh_op) < 0 || rustorch->register_op(&ema_op) < 0 ? -1 : 0;
}

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "rustorch_signals", .m_size = -1};

PyMODINIT_FUNC PyInit_rustorch_signals(void)
{
    if (rustorch_import() < 0 || register_ops() < 0) return NULL;
    return PyModule_Create(&definition);
}
