/* autocast: the dtypes that calls from Python are given while autocast is on.  Products take 16 bits, losses and
 * linear algebra take float32, everything else what it gets, as PyTorch does on the CPU.  Only calls that come by a
 * function object or an operator are changed: never what an op or a gradient computes within.  Floor: python. */
#include "python/autocast.h"
#include "core/error.h"
#include "python/convert.h"
#include "ufunc/apply.h"
#include <string.h>

RT_THREAD_LOCAL int rt_autocast_on;
static RT_THREAD_LOCAL rt_dtype lower_dtype = RT_bf16;

enum { AS_GIVEN, LOWER, FULL };

static int policy(const rt_op *op)
{
    switch (op->index) {
    case RT_OP_matmul: case RT_OP_mm: case RT_OP_bmm: case RT_OP_addmm: case RT_OP_linear: case RT_OP_convolution:
    case RT_OP_attention: case RT_OP_prelu:
        return LOWER;
    case RT_OP_mse_loss: case RT_OP_l1_loss: case RT_OP_smooth_l1_loss: case RT_OP_huber_loss: case RT_OP_bernoulli_loss:
    case RT_OP_logistic_loss: case RT_OP_nll_loss: case RT_OP_cross_entropy: case RT_OP_ctc: case RT_OP_prod: case RT_OP_trace:
        return FULL;
    default:
        return strncmp(op->cls.name, "linalg_", 7) == 0 ? FULL : AS_GIVEN;
    }
}

int rt_autocast_cast(const rt_op *op, int nin, rt_operand *in, PyObject **owned)
{
    int how = policy(op);
    if (how == AS_GIVEN) return 0;
    rt_dtype wanted = how == LOWER ? lower_dtype : RT_f32;
    for (int i = 0; i < nin; i++) {
        rt_tensor *t = in[i].t;
        if (!t || (rt_dtype)t->dtype == wanted || !rt_dtype_is_float((rt_dtype)t->dtype) || t->dtype == RT_f64) continue;
        rt_tensor *other = rt_cast(t, wanted);
        if (!other) return -1;
        in[i].t = other;
        Py_XSETREF(owned[i], (PyObject *)other);
    }
    return 0;
}

/* _set_autocast(enabled, dtype or None) -> what it was */
static PyObject *set_autocast(PyObject *m, PyObject *args)
{
    PyObject *dtype;
    rt_dtype d = lower_dtype;
    int on;
    (void)m;
    if (!PyArg_ParseTuple(args, "pO:_set_autocast", &on, &dtype)) return NULL;
    if (dtype != Py_None && rt_dtype_convert(dtype, &d) < 0) return NULL;
    if (d != RT_bf16 && d != RT_f16 && d != RT_f32)
        return PyErr_Format(PyExc_RuntimeError, "autocast: the dtype must be bfloat16 or float16, not %s", rt_dtypes[d].name);
    PyObject *was = Py_BuildValue("(NN)", PyBool_FromLong(rt_autocast_on), rt_dtype_object(lower_dtype));
    if (!was) return NULL;
    rt_autocast_on = on;
    lower_dtype = d;
    return was;
}

static PyObject *autocast(PyObject *m, PyObject *unused)
{
    (void)m, (void)unused;
    return Py_BuildValue("(NN)", PyBool_FromLong(rt_autocast_on), rt_dtype_object(lower_dtype));
}

static PyMethodDef functions[] = {
    {"_set_autocast", set_autocast, METH_VARARGS, "_set_autocast(enabled, dtype or None): what it was."},
    {"_autocast", autocast, METH_NOARGS, "(is autocast on in this thread, its dtype)."},
    {NULL, NULL, 0, NULL},
};

int rt_autocast_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
