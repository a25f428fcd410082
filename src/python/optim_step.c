/* optim_step: what Optimizer.step() calls, once a parameter group.  Reads each parameter's .grad
 * and its state (a dict per parameter, made here at the first step, with PyTorch's keys) and
 * hands all of them to the UPDATE rows.  Floor: python. */
#include "python/optim_step.h"
#include <string.h>
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"

enum { MOST_KEYS = 4, INLINE_PARAMS = 16, MOST_LISTS = MOST_KEYS + 2 };

/* The operands of one row: `lists` lists of n tensors each, one after the other; all owned. */
typedef struct {
    int n, lists;
    rt_operand *in;                                  /* inline_in or a block */
    rt_operand inline_in[INLINE_PARAMS * MOST_LISTS];
} batch;

static PyObject *key_momentum, *key_step, *key_mean, *key_square, *key_most;    /* owned, interned */

static int open_batch(batch *b, int n, int lists)
{
    b->n = n;
    b->lists = lists;
    b->in = b->inline_in;
    if (n > INLINE_PARAMS) b->in = PyMem_Malloc((size_t)n * (size_t)lists * sizeof *b->in);
    if (b->in) {
        memset(b->in, 0, (size_t)n * (size_t)lists * sizeof *b->in);
        return 0;
    }
    b->n = 0;
    PyErr_NoMemory();
    return -1;
}

static void close_batch(batch *b)
{
    for (int i = 0; i < b->n * b->lists; i++) Py_XDECREF((PyObject *)b->in[i].t);
    if (b->in != b->inline_in) PyMem_Free(b->in);
}

static void put(batch *b, int list, int i, rt_tensor *t) { b->in[list * b->n + i].t = (rt_tensor *)Py_NewRef((PyObject *)t); }

/* Number of parameters that have a gradient; -1 with TypeError. */
static int count_gradients(const char *name, PyObject *params)
{
    int n = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(params); i++) {
        PyObject *p = PySequence_Fast_GET_ITEM(params, i);
        if (!rt_tensor_check(p))
            return rt_error(PyExc_TypeError, name, "parameter %zd is not a Tensor but %s", i, Py_TYPE(p)->tp_name);
        n += ((rt_tensor *)p)->grad != NULL;
    }
    return n;
}

/* state[p], made when missing; borrowed. */
static PyObject *state_of(PyObject *state, PyObject *p)
{
    PyObject *own = PyDict_GetItemWithError(state, p);
    if (own || PyErr_Occurred()) {
        if (own && !PyDict_Check(own)) {
            PyErr_Format(PyExc_TypeError, "the optimizer's state of a parameter must be a dict, not %s", Py_TYPE(own)->tp_name);
            return NULL;
        }
        return own;
    }
    own = PyDict_New();
    if (!own) return NULL;
    int status = PyDict_SetItem(state, p, own);
    Py_DECREF(own);
    return status < 0 ? NULL : own;
}

/* own[key], borrowed; made when missing: zeros in like's shape, a counter one float32 zero. */
static rt_tensor *entry_of(PyObject *own, PyObject *key, const rt_tensor *like)
{
    PyObject *entry = PyDict_GetItemWithError(own, key);
    if (entry && rt_tensor_check(entry)) return (rt_tensor *)entry;
    if (PyErr_Occurred()) return NULL;
    if (entry && entry != Py_None) {
        PyErr_Format(PyExc_TypeError, "the optimizer's state '%U' must be a Tensor, not %s", key, Py_TYPE(entry)->tp_name);
        return NULL;
    }
    rt_tensor *zeros = key == key_step ? rt_empty(RT_f32, 0, NULL, like->storage->device)
                                       : rt_empty_like(like, (rt_dtype)like->dtype);
    if (!zeros) return NULL;
    memset(zeros->data, 0, (size_t)zeros->size * rt_tensor_itemsize(zeros));
    int status = PyDict_SetItem(own, key, (PyObject *)zeros);
    Py_DECREF(zeros);
    return status < 0 ? NULL : zeros;
}

/* Fills lists 0 and 1 with parameters and gradients, list 2 + k with the state under keys[k]. */
static int fill_batch(batch *b, PyObject *params, PyObject *state, PyObject *const *keys, int nkeys)
{
    int i = 0;
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(params) && i < b->n; at++) {
        rt_tensor *p = (rt_tensor *)PySequence_Fast_GET_ITEM(params, at);
        if (!p->grad) continue;
        put(b, 0, i, p);
        put(b, 1, i, p->grad);
        PyObject *own = nkeys ? state_of(state, (PyObject *)p) : NULL;
        if (nkeys && !own) return -1;
        for (int k = 0; k < nkeys; k++) {
            rt_tensor *t = entry_of(own, keys[k], p);
            if (!t) return -1;
            put(b, 2 + k, i, t);
        }
        i++;
    }
    return 0;
}

static int run_batch(batch *b, rt_op_index row, rt_params *p)
{
    rt_tensor *none[1] = {NULL};
    return rt_op_apply(&rt_ops[row], b->n * b->lists, b->in, p, none);
}

/* The arguments after (params, state): first numbers, then flags. */
static int read_arguments(const char *name, PyObject *const *args, Py_ssize_t n, int nf, int ni, rt_params *p)
{
    memset(p, 0, offsetof(rt_params, list));
    if (n != 2 + nf + ni) return rt_error(PyExc_TypeError, name, "takes %d arguments, %zd given", 2 + nf + ni, n);
    if (!PyDict_Check(args[1])) return rt_error(PyExc_TypeError, name, "the state must be a dict");
    for (int k = 0; k < nf; k++) {
        p->f[k] = PyFloat_AsDouble(args[2 + k]);
        if (p->f[k] == -1 && PyErr_Occurred()) return -1;
    }
    for (int k = 0; k < ni; k++) {
        int flag = PyObject_IsTrue(args[2 + nf + k]);
        if (flag < 0) return -1;
        p->i[k] = flag;
    }
    return 0;
}

/* Of the parameters, those with a momentum buffer (wanted 1) or without (0); new list. */
static PyObject *with_buffers(PyObject *params, PyObject *state, int wanted)
{
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PySequence_Fast_GET_SIZE(params); i++) {
        PyObject *p = PySequence_Fast_GET_ITEM(params, i);
        if (!((rt_tensor *)p)->grad) continue;
        PyObject *own = PyDict_GetItemWithError(state, p), *entry = NULL;
        if (own && PyDict_Check(own)) entry = PyDict_GetItemWithError(own, key_momentum);
        int has = entry && entry != Py_None;
        if (PyErr_Occurred() || (has == wanted && PyList_Append(list, p) < 0)) Py_CLEAR(list);
    }
    return list;
}

static int step_sgd(PyObject *params, PyObject *state, rt_params *p)
{
    batch b;
    int n = count_gradients("sgd", params), keys = p->f[1] != 0, status;
    if (n <= 0) return n;
    if (open_batch(&b, n, 2 + keys) < 0) return -1;
    status = fill_batch(&b, params, state, &key_momentum, keys);
    if (status >= 0) status = run_batch(&b, RT_OP_sgd, p);
    close_batch(&b);
    return status;
}

/* sgd_step(params, state, lr, momentum, dampening, weight_decay, nesterov, maximize) */
static PyObject *sgd_step(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    rt_params p;
    PyObject *params = NULL, *without = NULL, *with = NULL;
    int status = -1;
    (void)m;
    if (read_arguments("sgd_step", args, n, 4, 2, &p) < 0) return NULL;
    params = PySequence_Fast(args[0], "sgd_step: the parameters must be a sequence");
    if (!params || count_gradients("sgd", params) < 0) goto done;
    if (p.f[1] != 0) {
        without = with_buffers(params, args[1], 0);
        if (!without) goto done;
        if (PyList_GET_SIZE(without)) {          /* their first step sets the buffers */
            with = with_buffers(params, args[1], 1);
            if (!with) goto done;
            p.i[2] = 1;
            if (step_sgd(without, args[1], &p) < 0) goto done;
            p.i[2] = 0;
            status = step_sgd(with, args[1], &p);
            goto done;
        }
    }
    status = step_sgd(params, args[1], &p);
done:
    Py_XDECREF(params);
    Py_XDECREF(without);
    Py_XDECREF(with);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

/* adam_step(params, state, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled) */
static PyObject *adam_step(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    rt_params p;
    batch b = {0};
    int status = -1, count;
    (void)m;
    if (read_arguments("adam_step", args, n, 5, 3, &p) < 0) return NULL;
    PyObject *params = PySequence_Fast(args[0], "adam_step: the parameters must be a sequence");
    if (!params || (count = count_gradients("adam", params)) < 0) goto done;
    PyObject *keys[MOST_KEYS] = {key_mean, key_square, p.i[0] ? key_most : key_step, key_step};
    int nkeys = p.i[0] ? 4 : 3;
    if (open_batch(&b, count, 2 + nkeys) < 0) goto close;
    status = fill_batch(&b, params, args[1], keys, nkeys);
    if (status >= 0) status = count ? run_batch(&b, RT_OP_adam, &p) : 0;
close:
    close_batch(&b);
done:
    Py_XDECREF(params);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

/* zero_grads(params, set_to_none=True) */
static PyObject *zero_grads(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    (void)m;
    int drop = n > 1 ? PyObject_IsTrue(args[1]) : 1;
    if (n < 1 || n > 2) return PyErr_Format(PyExc_TypeError, "zero_grads: takes parameters and set_to_none");
    if (drop < 0) return NULL;
    PyObject *params = PySequence_Fast(args[0], "zero_grads: the parameters must be a sequence");
    if (!params) return NULL;
    int status = count_gradients("zero_grads", params);
    for (Py_ssize_t i = 0; status > 0 && i < PySequence_Fast_GET_SIZE(params); i++) {
        rt_tensor *p = (rt_tensor *)PySequence_Fast_GET_ITEM(params, i);
        if (!p->grad) continue;
        if (!drop && !rt_tensor_requires_grad(p->grad) && !(p->grad->flags & RT_READONLY)) {
            rt_operand zero = rt_operand_int(0);
            if (rt_fill(p->grad, &zero) < 0) status = -1;
            else rt_tensor_touch(p->grad, "zero_grad");
        } else if (drop) {
            Py_CLEAR(p->grad);
        } else {
            rt_tensor *zeros = rt_empty_like(p->grad, (rt_dtype)p->grad->dtype);
            if (zeros) memset(zeros->data, 0, (size_t)zeros->size * rt_tensor_itemsize(zeros));
            if (zeros) Py_SETREF(p->grad, zeros);
            else status = -1;
        }
    }
    Py_DECREF(params);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

#define FAST(f) (PyCFunction)(void (*)(void))f, METH_FASTCALL
static PyMethodDef functions[] = {
    {"sgd_step", FAST(sgd_step),
     "sgd_step(params, state, lr, momentum, dampening, weight_decay, nesterov, maximize)\n\nOne step, in place."},
    {"adam_step", FAST(adam_step),
     "adam_step(params, state, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled)\n\nOne step, in place."},
    {"zero_grads", FAST(zero_grads), "zero_grads(params, set_to_none=True): forgets, or zeroes, all gradients."},
    {NULL, NULL, 0, NULL},
};

int rt_optim_init(PyObject *module)
{
    struct { PyObject **at; const char *text; } keys[] = {
        {&key_momentum, "momentum_buffer"}, {&key_step, "step"}, {&key_mean, "exp_avg"},
        {&key_square, "exp_avg_sq"}, {&key_most, "max_exp_avg_sq"}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (!(*keys[k].at = PyUnicode_InternFromString(keys[k].text))) return -1;
    return PyModule_AddFunctions(module, functions);
}
