/* added_op: the rows that extensions add: what they hand in is checked and copied, and the functions of general
 * ops are called with the structs of rustorch.h in place of ours.  A row is never taken away again.
 * Floor: python. */
#include "python/added_op.h"
#include "backends/memory.h"
#include "core/error.h"
#include "python/function.h"
#include "python/ufunc_register.h"
#include "ufunc/apply.h"
#include "ufunc/derive.h"
#include "ufunc/elementwise.h"
#include "ufunc/views.h"
#include <string.h>

#define MOST_RESULTS 4
#define LONGEST_NAME 31                 /* a derivative's text calls no longer ones */
#define LONGEST_TEXT 1000

typedef struct {
    rt_op row;                          /* must stay first */
    rustorch_function *forward, *backward;
    void *data;
    int flags;
} added_op;

/* ---- calls ---- */

typedef struct {
    rustorch_call public;               /* must stay first */
    const rt_op *op;
    int nin;
    const rt_operand *in;
    rt_tensor **out, *work[MOST_RESULTS];
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

static int added_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    const added_op *a = (const added_op *)op;
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

static int added_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    const rt_op *op = node->op;
    const added_op *a = (const added_op *)op;
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
static int rules_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
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

/* ---- registration ---- */

static int refuse(const char *name, const char *why, const char *what)
{
    PyErr_Format(PyExc_ValueError, "register_op: op \"%.64s\": %s%.200s", name ? name : "", why, what ? what : "");
    return -1;
}

/* A text of the row could not be read: the table's SystemError is the extension's ValueError. */
static int refuse_text(const char *name)
{
    PyObject *type, *value, *trace;
    if (!PyErr_ExceptionMatches(PyExc_SystemError)) return -1;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyErr_Format(PyExc_ValueError, "register_op: op \"%s\": %S", name, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return -1;
}

static int is_word(const char *s, size_t longest)
{
    size_t n = strlen(s);
    if (n == 0 || n > longest || !((*s >= 'a' && *s <= 'z') || *s == '_')) return 0;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int check_name(const char *name, int in_place)
{
    if (!name || !is_word(name, LONGEST_NAME) || *name == '_' || name[strlen(name) - 1] == '_')
        return refuse(name, "a name is made of lower-case letters, digits and inner underscores, at most 31", NULL);
    PyObject *module = PyImport_ImportModule("rustorch.plugins");
    PyObject *taken = module ? PyObject_CallMethod(module, "_taken", "si", name, in_place) : NULL;
    int status = !taken ? -1 : taken == Py_None ? 0 : refuse(name, "the name is taken by ", PyUnicode_AsUTF8(taken));
    Py_XDECREF(taken);
    Py_XDECREF(module);
    return status;
}

/* Parses the signature and sees that a call's arguments will find room in rt_params. */
static int check_signature(const rustorch_op *s, rt_signature *signature, int *noperands)
{
    int ints = 0, floats = 0, lists = 0, many = 0;
    *noperands = 0;
    if (!s->signature || strlen(s->signature) > LONGEST_TEXT / 4 || strchr(s->signature, '>'))
        return refuse(s->name, "it has no signature that could be read", NULL);
    if (rt_signature_parse(s->signature, signature) < 0) return refuse_text(s->name);
    for (int i = 0; i < signature->nargs; i++) {
        const rt_arg *a = &signature->args[i];
        if (!is_word(a->name, sizeof a->name - 2) || strcmp(a->name, "out") == 0)
            return refuse(s->name, "no name for an argument: ", a->name);
        for (int j = 0; j < i; j++)
            if (strcmp(a->name, signature->args[j].name) == 0) return refuse(s->name, "two arguments are called ", a->name);
        switch (a->type) {
        case RT_ARG_TENSOR: case RT_ARG_TENSOR_OPT: ++*noperands; break;
        case RT_ARG_TENSORS: many++; break;
        case RT_ARG_INTS: case RT_ARG_INTS_OPT: lists++; break;
        case RT_ARG_FLOAT: floats++; break;
        default: ints++;
        }
        if (s->loops && a->type != RT_ARG_TENSOR) return refuse(s->name, "with loops every argument is an operand, not so ", a->name);
    }
    if (*noperands + many < 1 || many > 1 || *noperands > (s->loops ? 3 : 8) || ints > 6 || floats > 6 || lists > 4)
        return refuse(s->name, s->loops ? "with loops it takes 1 to 3 operands" : "1 to 8 tensors, at most one `tensors`, 6"
                      " integers, 6 numbers and 4 lists can be", NULL);
    if (many) *noperands = 0;
    return 0;
}

static int set_loops(rt_op *row, const rustorch_op *s)
{
    int kinds = 0;
    for (const rustorch_typed_loop *l = s->loops; l->loop; l++) {
        if (l->dtype < 0 || l->dtype >= RT_NDTYPE || row->loops[l->dtype])
            return refuse(s->name, "a loop's dtype is wrong, or there are two for one dtype", NULL);
        row->loops[l->dtype] = l->loop;
        kinds |= 1 << rt_dtype_kind((rt_dtype)l->dtype);
    }
    const int integers = kinds & (1 << RT_KIND_BOOL | 1 << RT_KIND_UNSIGNED | 1 << RT_KIND_SIGNED);
    if (!kinds) return refuse(s->name, "there are no loops", NULL);
    row->klass = integers ? RT_CLASS_ALL : kinds == 1 << RT_KIND_COMPLEX ? RT_CLASS_COMPLEX
               : kinds == 1 << RT_KIND_FLOAT ? RT_CLASS_FLOAT : RT_CLASS_INEXACT;
    row->family = RT_ELEMENTWISE;
    row->forward = rt_elementwise_forward;
    row->nout = 1;
    row->logic = (s->flags & RUSTORCH_BOOL_RESULT) != 0;
    row->real_result = (s->flags & RUSTORCH_REAL_RESULT) != 0;
    row->data = s->data;
    return 0;
}

static int set_functions(added_op *a, const rustorch_op *s)
{
    a->row.family = RT_GUFUNC;
    a->row.klass = RT_CLASS_ALL;
    a->row.forward = added_forward;
    a->row.nout = (uint8_t)(s->nout ? s->nout : 1);
    a->forward = s->forward;
    a->backward = s->backward;
    a->data = s->data;
    a->flags = s->flags;
    if (s->nout < 0 || s->nout > MOST_RESULTS) return refuse(s->name, "there are 1 to 4 results", NULL);
    if (!s->backward) {
        if (s->flags & (RUSTORCH_SAVE_INPUTS | RUSTORCH_SAVE_OUTPUTS | RUSTORCH_RECORDED))
            return refuse(s->name, "its flags speak of a backward function, and there is none", NULL);
        return 0;
    }
    a->row.cls.backward = added_backward;
    a->row.differentiable = 1;
    if (s->flags & RUSTORCH_SAVE_INPUTS) a->row.saves = RT_SAVE_INPUTS;
    if (s->flags & RUSTORCH_SAVE_OUTPUTS) {
        static const uint16_t each[MOST_RESULTS] = {RT_SAVE_OUT, RT_SAVE_OUT2, RT_SAVE_OUT3, RT_SAVE_OUT4};
        if (a->row.saves) a->row.saves |= RT_SAVE_OUT | RT_SAVE_HIDDEN;
        else for (int k = 0; k < a->row.nout; k++) a->row.saves |= each[k];
    }
    return 0;
}

static char *copy_of(const char *text)
{
    char *copy = PyMem_Malloc(strlen(text) + 1);
    if (copy) strcpy(copy, text);
    else PyErr_NoMemory();
    return copy;
}

static int set_texts(rt_op *row, const rustorch_op *s, int noperands)
{
    int texts = 0;
    row->cls.name = copy_of(s->name);
    row->signature = copy_of(s->signature);
    row->doc = copy_of(s->doc ? s->doc : "");
    row->numpy = "";
    row->expression = "loop()";
    row->domain = "";
    if (!row->cls.name || !row->signature || !row->doc) return -1;
    for (int i = 0; i < 3; i++) {
        if (!s->gradient[i]) continue;
        texts = 1;
        if (i >= noperands || strlen(s->gradient[i]) > LONGEST_TEXT)
            return refuse(s->name, "a derivative belongs to no operand, or is too long: ", s->gradient[i]);
        if (!(row->gradient[i] = copy_of(s->gradient[i]))) return -1;
    }
    if (!texts || s->loops) return 0;
    if (s->backward || row->nout != 1)
        return refuse(s->name, "derivatives as texts are for ops with one result and no backward function", NULL);
    row->cls.backward = rules_backward;
    return 0;
}

static void discard(added_op *a)
{
    if (!a) return;
    PyMem_Free((char *)a->row.cls.name);
    PyMem_Free((char *)a->row.signature);
    PyMem_Free((char *)a->row.doc);
    for (int i = 0; i < 3; i++) PyMem_Free((char *)a->row.gradient[i]);
    PyMem_Free(a);
}

/* Puts the row's function, and its in-place form, where users look for them. */
static int publish(const rt_op *row, int flags)
{
    PyObject *c = PyImport_ImportModule("rustorch._C"), *module = PyImport_ImportModule("rustorch");
    PyObject *ops = c ? PyObject_GetAttrString(c, "ops") : NULL;
    int status = ops && module ? rt_ufunc_add(row) : -1;
    for (int inplace = 0; status == 0 && inplace <= (row->family == RT_ELEMENTWISE && !row->logic); inplace++) {
        PyObject *f = rt_function_new(row, inplace), *name = f ? ((rt_function *)f)->name : NULL;
        status = f ? PyObject_SetItem(ops, name, f) : -1;
        if (status == 0) status = PyObject_SetAttr(module, name, f);
        if (status == 0 && flags & RUSTORCH_METHOD) status = PyDict_SetItem(rt_tensor_type.tp_dict, name, f);
        Py_XDECREF(f);
    }
    PyType_Modified(&rt_tensor_type);
    Py_XDECREF(ops);
    Py_XDECREF(c);
    Py_XDECREF(module);
    return status;
}

int rt_added_op_register(const rustorch_op *s)
{
    rt_signature signature;
    int noperands;
    added_op *a = NULL;
    if (!s || s->size != sizeof *s) return refuse(NULL, "rustorch_op.size must be sizeof(rustorch_op)", NULL);
    if (check_name(s->name, s->loops && !(s->flags & RUSTORCH_BOOL_RESULT)) < 0 || check_signature(s, &signature, &noperands) < 0) return -1;
    if (!s->loops == !s->forward || (s->loops && s->backward))
        return refuse(s->name, "give loops, or forward and perhaps backward", NULL);
    if (s->flags & ~63) return refuse(s->name, "it has flags that nobody knows", NULL);
    a = PyMem_Calloc(1, sizeof *a);
    if (!a) {
        PyErr_NoMemory();
        return -1;
    }
    a->row.nin = (uint8_t)noperands;
    int status = s->loops ? set_loops(&a->row, s) : set_functions(a, s);
    if (status == 0) status = set_texts(&a->row, s, noperands);
    if (status == 0 && rt_op_add(&a->row) < 0) status = refuse_text(s->name);
    if (status < 0) {
        discard(a);
        return -1;
    }
    for (int i = 0; i < 3; i++)
        if (!s->loops && a->row.rules[i]) a->row.saves |= rt_rule_uses(a->row.rules[i]);
    return publish(&a->row, s->flags);
}
