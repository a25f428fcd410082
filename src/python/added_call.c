/* added_call: calls of general ops that extensions added: our operands, parameters and nodes seen as the structs of
 * rustorch.h, forward and backward, and what comes back looked at before it is believed.  Floor: python. */
#include "python/added_op.h"
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"
#include "ufunc/derive.h"
#include "ufunc/views.h"

typedef struct {
    rustorch_call public;               /* must stay first */
    const rt_op *op;
    int nin;
    const rt_operand *in;
    rt_tensor **out, *work[RT_ADDED_RESULTS];
} forward_call;

static void set_params(rustorch_call *c, const rt_params *p)
{
    static const rt_params none;
    if (!p) p = &none;
    c->floats = p->f;
    c->ints = p->i;
    for (int k = 0; k < 4; k++) {
        c->lengths[k] = p->n[k];
        c->lists[k] = p->n[k] < 0 ? NULL : rt_params_list(p, k);
    }
}

/* The operand as a tensor, new reference: a number in the dtype it takes beside `among`; NULL without an exception
 * for one that was not given. */
static rt_tensor *tensor_of(const rt_operand *o, rt_dtype among)
{
    if (o->t) return (rt_tensor *)Py_NewRef((PyObject *)o->t);
    if (o->none) return NULL;
    static const rt_dtype alone[] = {[RT_KIND_BOOL] = RT_b1, [RT_KIND_UNSIGNED] = RT_i64, [RT_KIND_SIGNED] = RT_i64};
    rt_dtype d = among != RT_NODTYPE ? rt_dtype_promote_scalar(among, o->kind)
               : o->kind == RT_KIND_FLOAT ? rt_default_dtype()
               : o->kind == RT_KIND_COMPLEX ? rt_dtype_to_complex(rt_default_dtype()) : alone[o->kind];
    rt_tensor *t = rt_empty(d, 0, NULL, (rt_device){RT_CPU, 0});
    if (t && rt_fill(t, o) < 0) Py_CLEAR(t);
    return t;
}

static void drop(PyObject **list, int n)
{
    for (int i = 0; list && i < n; i++) Py_XDECREF(list[i]);
    PyMem_Free(list);
}

static PyObject **new_list(int n)
{
    PyObject **list = PyMem_Calloc((size_t)(n ? n : 1), sizeof *list);
    if (!list) PyErr_NoMemory();
    return list;
}

/* New list of nin tensors, to be dropped; NULL with an exception. */
static PyObject **tensors_of(int nin, const rt_operand *in)
{
    rt_dtype d = RT_NODTYPE;
    for (int i = 0; i < nin; i++)
        if (in[i].t) d = d == RT_NODTYPE ? (rt_dtype)in[i].t->dtype : rt_dtype_promote(d, (rt_dtype)in[i].t->dtype);
    PyObject **list = new_list(nin);
    for (int i = 0; list && i < nin; i++) {
        list[i] = (PyObject *)tensor_of(&in[i], d);
        if (list[i] || in[i].none) continue;
        drop(list, nin);
        return NULL;
    }
    return list;
}

/* A function's answer, with the exception that belongs to it. */
static int settle(const rt_op *op, int status)
{
    if (status < 0 && !PyErr_Occurred())
        return rt_error(PyExc_SystemError, op->cls.name, "the extension reported an error without an exception");
    if (status >= 0 && PyErr_Occurred()) return -1;
    return status < 0 ? -1 : 0;
}

static int check_result(const forward_call *c, const char *function, int k)
{
    if (k < 0 || k >= c->op->nout) return rt_error(PyExc_IndexError, function, "%d is the number of no result", k);
    if (!c->out) return rt_error(PyExc_RuntimeError, function, "only for forward");
    return c->work[k] ? rt_error(PyExc_RuntimeError, function, "result %d was made already", k) : 0;
}

PyObject *rt_added_op_output(rustorch_call *call, int k, int dtype, int ndim, const intptr_t *shape)
{
    forward_call *c = (forward_call *)call;
    if (check_result(c, "output", k) < 0) return NULL;
    if (dtype < 0 || dtype >= RT_NDTYPE || ndim < 0 || ndim > RT_MAX_NDIM || (ndim && !shape)) {
        rt_error(PyExc_ValueError, c->op->cls.name, "result %d has no such dtype or number of dimensions", k);
        return NULL;
    }
    if (rt_output_begin(c->op, &c->out[k], (rt_dtype)dtype, ndim, shape, c->nin, c->in, 1, &c->work[k]) < 0) return NULL;
    return (PyObject *)c->work[k];
}

int rt_added_op_set_output(rustorch_call *call, int k, PyObject *t)
{
    forward_call *c = (forward_call *)call;
    rt_tensor *result = NULL;
    int status = -1, shared = 0;
    if (!t || check_result(c, "set_output", k) < 0) goto done;
    if (!rt_tensor_check(t)) {
        rt_error(PyExc_TypeError, c->op->cls.name, "result %d must be a tensor, not %s", k, Py_TYPE(t)->tp_name);
        goto done;
    }
    result = (rt_tensor *)t;
    if (c->out[k]) {
        if (rt_output_check(c->op, c->out[k], (rt_dtype)result->dtype, result->ndim, result->shape) < 0) goto done;
        c->work[k] = (rt_tensor *)Py_NewRef((PyObject *)result);
    } else {
        for (int i = 0; i < c->nin; i++) shared |= c->in[i].t && c->in[i].t->storage == result->storage;
        shared |= Py_REFCNT(t) > 1 || result->base || result->node;      /* somebody else's, too */
        c->out[k] = shared ? rt_copy_of(result) : (rt_tensor *)Py_NewRef(t);
        if (!c->out[k]) goto done;
        c->work[k] = (rt_tensor *)Py_NewRef((PyObject *)c->out[k]);
    }
    status = 0;
done:
    Py_XDECREF(t);
    return status;
}

int rt_added_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    const rt_added_op *a = (const rt_added_op *)op;
    PyObject **list = tensors_of(nin, in);
    if (!list) return -1;
    forward_call c = {.public = {.nin = nin, .nout = op->nout, .in = list, .data = a->data}, .op = op, .nin = nin, .in = in,
                      .out = out};
    set_params(&c.public, p);
    const int recording = rt_grad_enabled;
    rt_grad_enabled = 0;                                  /* what it calls is not recorded: the op is */
    int status = settle(op, a->forward(&c.public));
    for (int k = 0; k < op->nout; k++) {
        if (status == 0 && !c.work[k]) status = rt_error(PyExc_SystemError, op->cls.name, "result %d was not made", k);
        if (status == 0) status = rt_output_finish(out[k], c.work[k]);
        else Py_XDECREF((PyObject *)c.work[k]);
    }
    rt_grad_enabled = recording;
    drop(list, nin);
    return status;
}

/* ---- backward ---- */

/* A gradient made by C code that is recorded nowhere: to differentiate it is an error, not 0. */
static int sealed_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    (void)g, (void)gin;
    return rt_error(PyExc_RuntimeError, PyUnicode_AsUTF8(node->context), "its backward is C code that cannot be differentiated"
                    " again; a derivative given as a text, or a recorded backward, can");
}

static const rt_node_class sealed_class = {"once_differentiable", sealed_backward, NULL};

/* *t, made from the n tensors of `from`. */
static int seal(const rt_op *op, PyObject **t, PyObject *const *from, int n)
{
    rt_tensor *result = rt_tensor_detach((rt_tensor *)*t);
    rt_node *node = result ? rt_node_new(&sealed_class, n, 1, 0) : NULL;
    int status = node && (node->context = PyUnicode_FromString(op->cls.name)) ? 0 : -1;
    for (int i = 0; status == 0 && i < n; i++)
        if (from[i] && rt_tensor_requires_grad((rt_tensor *)from[i])) rt_node_connect(node, i, (rt_tensor *)from[i]);
    if (status == 0) status = rt_node_own_output(node, 0, result);
    Py_XDECREF((PyObject *)node);
    Py_SETREF(*t, (PyObject *)result);
    return status;
}

typedef struct { int nin, nout; PyObject **all; } saved_values;   /* inputs, results, gradients, made gradients */

static PyObject **inputs(const saved_values *v) { return v->all; }
static PyObject **results(const saved_values *v) { return v->all + v->nin; }
static PyObject **gradients(const saved_values *v) { return v->all + v->nin + v->nout; }
static PyObject **made(const saved_values *v) { return v->all + v->nin + 2 * v->nout; }

static int unpack(rt_node *node, int flags, rt_tensor *const *g, saved_values *v)
{
    int k = 0;
    rt_operand in[1];
    for (int i = 0; flags & RUSTORCH_SAVE_INPUTS && i < v->nin; i++, k++) {
        if (rt_node_unpack(node, k, in) < 0) return -1;
        inputs(v)[i] = (PyObject *)tensor_of(in, RT_NODTYPE);
        Py_XDECREF((PyObject *)in->t);
        if (!inputs(v)[i] && !in->none) return -1;
    }
    for (int i = 0; flags & RUSTORCH_SAVE_OUTPUTS && i < v->nout; i++, k++) {
        if (rt_node_unpack(node, k, in) < 0) return -1;
        results(v)[i] = (PyObject *)in->t;
    }
    for (int i = 0; i < v->nout; i++) {
        rt_dtype d;
        int ndim;
        const intptr_t *shape;
        rt_node_meta(node, i, &d, &ndim, &shape);
        gradients(v)[i] = g[i] ? Py_NewRef((PyObject *)g[i]) : (PyObject *)rt_zeros(d, ndim, shape, (rt_device){RT_CPU, 0});
        if (!gradients(v)[i]) return -1;
    }
    return 0;
}

static int hand_over(const rt_op *op, rt_node *node, const saved_values *v, int sealing, rt_tensor **gin)
{
    for (int i = 0; i < v->nin; i++) {
        PyObject **t = &made(v)[i];
        if (!*t || !rt_node_wants(node, i)) continue;
        if (!rt_tensor_check(*t))
            return rt_error(PyExc_TypeError, op->cls.name, "the gradient of input %d must be a tensor, not %s", i,
                            Py_TYPE(*t)->tp_name);
        if (sealing && seal(op, t, v->all, v->nin + 2 * v->nout) < 0) return -1;
        gin[i] = (rt_tensor *)*t;
        *t = NULL;
    }
    return 0;
}

int rt_added_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    const rt_op *op = node->op;
    const rt_added_op *a = (const rt_added_op *)op;
    saved_values v = {node->nin, op->nout, new_list(2 * node->nin + 2 * op->nout)};
    unsigned char *wanted = PyMem_Calloc((size_t)node->nin + 1, 1);
    const int recording = rt_grad_enabled, recorded = a->flags & RUSTORCH_RECORDED;
    int status = v.all && wanted && unpack(node, a->flags, g, &v) == 0 ? 0 : -1;
    if (status < 0) goto done;
    rustorch_call c = {.nin = v.nin, .nout = v.nout, .in = inputs(&v), .out = results(&v), .grad_out = gradients(&v),
                       .grad_in = made(&v), .wanted = wanted, .data = a->data};
    forward_call guarded = {.public = c, .op = op};      /* `output` on it is refused */
    set_params(&guarded.public, node->params);
    for (int i = 0; i < v.nin; i++) wanted[i] = (unsigned char)rt_node_wants(node, i);
    if (!recorded) rt_grad_enabled = 0;
    status = settle(op, a->backward(&guarded.public));
    rt_grad_enabled = recording;
    if (status == 0) status = hand_over(op, node, &v, recording && !recorded, gin);
done:
    if (status < 0 && !PyErr_Occurred()) PyErr_NoMemory();
    drop(v.all, 2 * v.nin + 2 * v.nout);
    PyMem_Free(wanted);
    return status;
}

/* Of a general op with texts. */
int rt_added_rules_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    const rt_op *op = node->op;
    rt_rule_values v = {.g = rt_operand_of(g[0])};
    rt_operand *slots[4] = {&v.x, &v.y, &v.z, &v.out};
    int status = 0, k = 0;
    for (int b = 0; b < 4 && status == 0; b++)
        if (op->saves >> b & 1) status = rt_node_unpack(node, k++, slots[b]);
    for (int i = 0; status == 0 && i < node->nin && i < 3; i++)
        if (op->rules[i] && rt_node_wants(node, i) && !(gin[i] = rt_rule_evaluate(op->rules[i], &v))) status = -1;
    for (int b = 0; b < 4; b++) Py_XDECREF((PyObject *)slots[b]->t);
    return status;
}
