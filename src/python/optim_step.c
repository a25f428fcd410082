/* optim_step: what Optimizer.step() calls, once a parameter group.  Reads each parameter's .grad
 * and its state (a dict per parameter, made here at the first step, with PyTorch's keys) and
 * hands all of them to the UPDATE rows.  Floor: python. */
#include "python/optim_step.h"
#include <string.h>
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"

enum { MOST_KEYS = 5, INLINE_PARAMS = 16, MOST_LISTS = MOST_KEYS + 2 };

/* What a state is when a parameter takes its first step: a tensor like the parameter, of zeros or
 * filled with number `from`; or one number: 0, 1 or number `from`. */
typedef enum { ZEROS, FILLED, NOUGHT, ONE, NUMBER } initial;
/* When a state is there: always, with a positive number `on`, or with flag `on`. */
typedef enum { ALWAYS, WITH_NUMBER, WITH_FLAG } condition;

typedef struct {
    const char *text;
    uint8_t initial, from, condition, on;
    PyObject *key;                                   /* owned, interned */
} entry;

/* A method: its row, how many numbers and flags its call has, and the states in the row's order. */
typedef struct {
    rt_op_index row;
    const char *name;
    int nf, ni;
    entry states[MOST_KEYS];
} method;

enum { SGD, ADAM, RMSPROP, ADAGRAD, ADADELTA, ADAMAX, NADAM, RADAM, RPROP, ASGD, NMETHODS };

static method methods[NMETHODS] = {
    [SGD] = {RT_OP_sgd, "sgd", 4, 2, {{"momentum_buffer", ZEROS, 0, WITH_NUMBER, 1}}},
    [ADAM] = {RT_OP_adam, "adam", 5, 3, {{"exp_avg"}, {"exp_avg_sq"}, {"max_exp_avg_sq", ZEROS, 0, WITH_FLAG, 0},
              {"step", NOUGHT}}},
    [RMSPROP] = {RT_OP_rmsprop, "rmsprop", 5, 2, {{"square_avg"}, {"momentum_buffer", ZEROS, 0, WITH_NUMBER, 4},
                 {"grad_avg", ZEROS, 0, WITH_FLAG, 0}, {"step", NOUGHT}}},
    [ADAGRAD] = {RT_OP_adagrad, "adagrad", 5, 1, {{"sum", FILLED, 4}, {"step", NOUGHT}}},
    [ADADELTA] = {RT_OP_adadelta, "adadelta", 4, 1, {{"square_avg"}, {"acc_delta"}, {"step", NOUGHT}}},
    [ADAMAX] = {RT_OP_adamax, "adamax", 5, 1, {{"exp_avg"}, {"exp_inf"}, {"step", NOUGHT}}},
    [NADAM] = {RT_OP_nadam, "nadam", 6, 2, {{"exp_avg"}, {"exp_avg_sq"}, {"step", NOUGHT}, {"mu_product", ONE}}},
    [RADAM] = {RT_OP_radam, "radam", 5, 2, {{"exp_avg"}, {"exp_avg_sq"}, {"step", NOUGHT}}},
    [RPROP] = {RT_OP_rprop, "rprop", 5, 1, {{"prev"}, {"step_size", FILLED, 4}, {"step", NOUGHT}}},
    [ASGD] = {RT_OP_asgd, "asgd", 5, 1, {{"ax"}, {"step", NOUGHT}, {"eta", NUMBER, 0}, {"mu", ONE}}},
};

/* The operands of one row: `lists` lists of n tensors each, one after the other; all owned. */
typedef struct {
    int n, lists;
    rt_operand *in;                                  /* inline_in or a block */
    rt_operand inline_in[INLINE_PARAMS * MOST_LISTS];
} batch;

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

/* A state before the first step; new. */
static rt_tensor *make_state(const entry *e, const rt_tensor *p, const rt_params *numbers)
{
    rt_operand value = rt_operand_float(e->initial == ONE ? 1 : e->initial == FILLED || e->initial == NUMBER
                                        ? numbers->f[e->from] : 0);
    rt_dtype counter = rt_default_dtype() == RT_f64 ? RT_f64 : RT_f32;
    int like = e->initial == ZEROS || e->initial == FILLED;
    rt_tensor *t = like ? rt_empty_like(p, (rt_dtype)p->dtype) : rt_empty(counter, 0, NULL, p->storage->device);
    if (!t) return NULL;
    if (e->initial == FILLED && rt_dtype_is_complex((rt_dtype)p->dtype)) {   /* both parts are numbers of their own */
        value.kind = RT_KIND_COMPLEX;
        value.v.c[0] = value.v.c[1] = numbers->f[e->from];
    }
    if (e->initial == ZEROS) memset(t->data, 0, (size_t)t->size * rt_tensor_itemsize(t));
    else if (rt_fill(t, &value) < 0) Py_CLEAR(t);
    return t;
}

/* own[e->key], borrowed; made when missing. */
static rt_tensor *state_entry(PyObject *own, const entry *e, const rt_tensor *p, const rt_params *numbers)
{
    PyObject *found = PyDict_GetItemWithError(own, e->key);
    if (found && rt_tensor_check(found)) return (rt_tensor *)found;
    if (PyErr_Occurred()) return NULL;
    if (found && found != Py_None) {
        PyErr_Format(PyExc_TypeError, "the optimizer's state '%s' must be a Tensor, not %s", e->text, Py_TYPE(found)->tp_name);
        return NULL;
    }
    rt_tensor *made = make_state(e, p, numbers);
    if (!made) return NULL;
    int status = PyDict_SetItem(own, e->key, (PyObject *)made);
    Py_DECREF(made);
    return status < 0 ? NULL : made;
}

/* The states that this call has; their number. */
static int list_states(const method *m, const rt_params *p, const entry **states)
{
    int n = 0;
    for (int k = 0; k < MOST_KEYS && m->states[k].text; k++) {
        const entry *e = &m->states[k];
        if (e->condition == WITH_NUMBER && p->f[e->on] == 0) continue;
        if (e->condition == WITH_FLAG && !p->i[e->on]) continue;
        states[n++] = e;
    }
    return n;
}

/* Fills lists 0 and 1 with parameters and gradients, the others with the states. */
static int fill_batch(batch *b, PyObject *params, PyObject *state, const entry *const *states, const rt_params *numbers)
{
    int i = 0;
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(params) && i < b->n; at++) {
        rt_tensor *p = (rt_tensor *)PySequence_Fast_GET_ITEM(params, at);
        if (!p->grad) continue;
        put(b, 0, i, p);
        put(b, 1, i, p->grad);
        PyObject *own = b->lists > 2 ? state_of(state, (PyObject *)p) : NULL;
        if (b->lists > 2 && !own) return -1;
        for (int k = 2; k < b->lists; k++) {
            rt_tensor *t = state_entry(own, states[k - 2], p, numbers);
            if (!t) return -1;
            put(b, k, i, t);
        }
        i++;
    }
    return 0;
}

RT_THREAD_LOCAL rt_update_note *rt_update_listener;

void rt_update_note_clear(rt_update_note *u)
{
    for (int i = 0; u->in && i < u->n * u->lists; i++) Py_CLEAR(u->in[i].t);
    PyMem_Free(u->in);
    u->in = NULL;
    Py_CLEAR(u->params);
    Py_CLEAR(u->state);
}

/* Notes a step of all of `params`; where memory is short, nothing. */
static void note(rt_update_note *u, const method *m, const batch *b, PyObject *params, PyObject *state, const rt_params *p)
{
    const int is_first = m == &methods[SGD] && p->i[2];
    rt_update_note_clear(u);
    if (u->calls++ || is_first || !PyList_CheckExact(params) || PyList_GET_SIZE(params) != b->n) return;
    u->in = PyMem_New(rt_operand, b->n * b->lists);
    if (!u->in) return;
    u->op = &rt_ops[m->row];
    u->n = b->n;
    u->lists = b->lists;
    u->params = Py_NewRef(params);
    u->state = Py_NewRef(state);
    memcpy(&u->numbers, p, offsetof(rt_params, list));
    memcpy(u->in, b->in, (size_t)(b->n * b->lists) * sizeof *u->in);
    for (int i = 0; i < b->n * b->lists; i++) {
        if (i / b->n == 1) u->in[i].t = NULL;
        else Py_INCREF((PyObject *)u->in[i].t);
    }
}

/* One call of the row for all parameters that have a gradient. */
static int step_all(const method *m, PyObject *params, PyObject *state, rt_params *p)
{
    batch b;
    const entry *states[MOST_KEYS];
    rt_tensor *none[1] = {NULL};
    int n = count_gradients(m->name, params), status;
    if (n <= 0) return n;
    if (open_batch(&b, n, 2 + list_states(m, p, states)) < 0) return -1;
    status = fill_batch(&b, params, state, states, p);
    if (status == 0) status = rt_op_apply(&rt_ops[m->row], b.n * b.lists, b.in, p, none);
    if (status == 0 && rt_update_listener) note(rt_update_listener, m, &b, params, state, p);
    close_batch(&b);
    return status;
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

static PyObject *key_momentum;    /* owned, interned */

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

/* SGD's buffers start as the first gradient: parameters without one step apart. */
static int step_sgd(const method *m, PyObject *params, PyObject *state, rt_params *p)
{
    PyObject *with = NULL, *without = p->f[1] != 0 ? with_buffers(params, state, 0) : NULL;
    int status = -1;
    if (p->f[1] != 0 && !without) return -1;
    if (!without || !PyList_GET_SIZE(without)) {
        status = step_all(m, params, state, p);
        goto done;
    }
    with = with_buffers(params, state, 1);
    if (!with) goto done;
    p->i[2] = 1;
    if (step_all(m, without, state, p) < 0) goto done;
    p->i[2] = 0;
    status = step_all(m, with, state, p);
done:
    Py_XDECREF(without);
    Py_XDECREF(with);
    return status;
}

/* <method>_step(params, state, numbers..., flags...) */
static PyObject *run_step(int which, PyObject *const *args, Py_ssize_t n)
{
    const method *m = &methods[which];
    rt_params p;
    int status = -1;
    if (read_arguments(m->name, args, n, m->nf, m->ni, &p) < 0) return NULL;
    PyObject *params = PySequence_Fast(args[0], "an optimizer's step: the parameters must be a sequence");
    if (!params) return NULL;
    if (count_gradients(m->name, params) >= 0)
        status = which == SGD ? step_sgd(m, params, args[1], &p) : step_all(m, params, args[1], &p);
    Py_DECREF(params);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

#define STEP(name, which) \
    static PyObject *name(PyObject *m, PyObject *const *args, Py_ssize_t n) { (void)m; return run_step(which, args, n); }
STEP(sgd_step, SGD)
STEP(adam_step, ADAM)
STEP(rmsprop_step, RMSPROP)
STEP(adagrad_step, ADAGRAD)
STEP(adadelta_step, ADADELTA)
STEP(adamax_step, ADAMAX)
STEP(nadam_step, NADAM)
STEP(radam_step, RADAM)
STEP(rprop_step, RPROP)
STEP(asgd_step, ASGD)

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
#define STEP_DOC(arguments) "(params, state, " arguments ")\n\nOne step, in place; missing states are made."
static PyMethodDef functions[] = {
    {"sgd_step", FAST(sgd_step),
     "sgd_step" STEP_DOC("lr, momentum, dampening, weight_decay, nesterov, maximize")},
    {"adam_step", FAST(adam_step),
     "adam_step" STEP_DOC("lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled")},
    {"rmsprop_step", FAST(rmsprop_step),
     "rmsprop_step" STEP_DOC("lr, alpha, eps, weight_decay, momentum, centered, maximize")},
    {"adagrad_step", FAST(adagrad_step),
     "adagrad_step" STEP_DOC("lr, lr_decay, weight_decay, eps, initial, maximize")},
    {"adadelta_step", FAST(adadelta_step), "adadelta_step" STEP_DOC("lr, rho, eps, weight_decay, maximize")},
    {"adamax_step", FAST(adamax_step), "adamax_step" STEP_DOC("lr, beta1, beta2, eps, weight_decay, maximize")},
    {"nadam_step", FAST(nadam_step),
     "nadam_step" STEP_DOC("lr, beta1, beta2, eps, weight_decay, momentum_decay, maximize, decoupled")},
    {"radam_step", FAST(radam_step),
     "radam_step" STEP_DOC("lr, beta1, beta2, eps, weight_decay, maximize, decoupled")},
    {"rprop_step", FAST(rprop_step), "rprop_step" STEP_DOC("down, up, smallest, largest, initial, maximize")},
    {"asgd_step", FAST(asgd_step), "asgd_step" STEP_DOC("lr, lambd, alpha, t0, weight_decay, maximize")},
    {"zero_grads", FAST(zero_grads), "zero_grads(params, set_to_none=True): forgets, or zeroes, all gradients."},
    {NULL, NULL, 0, NULL},
};

int rt_optim_init(PyObject *module)
{
    key_momentum = PyUnicode_InternFromString("momentum_buffer");
    if (!key_momentum) return -1;
    for (int i = 0; i < NMETHODS; i++)
        for (entry *e = methods[i].states; e < methods[i].states + MOST_KEYS && e->text; e++)
            if (!(e->key = PyUnicode_InternFromString(e->text))) return -1;
    return PyModule_AddFunctions(module, functions);
}
