/* record: nodes for the graph.  Decides which values are kept, points edges at the
 * inputs, hands the outputs to their node, and keeps in-place writes honest.
 * Floor: ufunc. */
#include "ufunc/record.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/derive.h"
#include "ufunc/window.h"
#include <string.h>

int rt_record_check_write(const rt_op *op, rt_tensor *out)
{
    if (out->flags & RT_READONLY)
        return rt_error(rt_TensorError, op->cls.name, "the output is read-only; copy it with .clone() first");
    if (!rt_tensor_is_injective(out))
        return rt_error(PyExc_RuntimeError, op->cls.name,
                        "several elements of the output share one place in memory (an expanded tensor?); clone it first");
    if (!rt_grad_enabled) return 0;
    const rt_tensor *leaf = !out->node && (out->flags & RT_REQUIRES_GRAD) ? out : NULL;
    if (!leaf && out->base && !out->base->node && (out->base->flags & RT_REQUIRES_GRAD) && out->node) leaf = out->base;
    if (leaf)
        return rt_error(PyExc_RuntimeError, op->cls.name, "a leaf tensor that requires grad%s is used in an in-place"
                        " operation; do it under no_grad() or on a clone", leaf == out ? "" : " (the base of this view)");
    return 0;
}

static int is_tracked(const rt_tensor *t)
{
    return t && rt_tensor_requires_grad(t) && rt_dtype_is_inexact((rt_dtype)t->dtype);
}

/* A view whose base was given a history after it was made follows the base. */
static int refresh_views(int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++) {
        rt_tensor *t = in[i].t;
        if (t && t->base && t->base_version != t->storage->version && rt_window_rederive(t) < 0) return -1;
    }
    return 0;
}

int rt_record_wanted(const rt_op *op, int nin, const rt_operand *in)
{
    if (refresh_views(nin, in) < 0) return -1;
    for (int i = 0; i < nin; i++)
        if (is_tracked(in[i].t) && (op->family != RT_ELEMENTWISE || op->gradient[i])) return 1;
    return 0;
}

static uint16_t saves_of(const rt_op *op, const rt_node *n)
{
    if (op->family != RT_ELEMENTWISE) return op->saves;
    uint8_t uses = 0;
    for (int i = 0; i < n->nin; i++)
        if (rt_node_wants(n, i)) uses |= rt_rule_uses(op->rules[i]);
    return uses;
}

static void connect(rt_node *n, const rt_op *op, int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++)
        if (is_tracked(in[i].t) && (op->family != RT_ELEMENTWISE || op->gradient[i])) rt_node_connect(n, i, in[i].t);
}

static int save_input(rt_node *n, int k, const rt_operand *in, rt_tensor *const *out, int nout)
{
    char text[RT_SHAPE_TEXT];
    if (in->t && in->t->flags & RT_INFERENCE && !rt_inference_enabled)
        return rt_error(PyExc_RuntimeError, n->cls->name, "a tensor of shape %s made under inference_mode cannot be saved for"
                        " the backward pass; clone() it first", rt_shape_text(in->t->ndim, in->t->shape, text));
    rt_operand value = *in;
    rt_tensor *own = NULL;
    for (int j = 0; value.t && j < nout; j++)
        if (value.t == out[j]) {       /* overwritten in place: no circle through its new node */
            own = rt_tensor_detach(value.t);
            if (!own) return -1;
            value.t = own;
        }
    int status = rt_node_save(n, k, &value, 0);
    Py_XDECREF((PyObject *)own);
    return status;
}

/* Which outputs follow when all inputs are saved: none, all but the first, all. */
static int first_output(uint16_t mask, int nout)
{
    return !(mask & RT_SAVE_HIDDEN) ? nout : mask & RT_SAVE_OUT ? 0 : 1;
}

/* RT_SAVE_INPUTS: every input, then outputs. */
static int save_all(rt_node *n, uint16_t mask, int nin, const rt_operand *in, rt_tensor **out, int outputs)
{
    for (int i = 0; !outputs && i < nin; i++)
        if (save_input(n, i, &in[i], out, n->nout) < 0) return -1;
    const int first = first_output(mask, n->nout);
    for (int j = first; outputs && j < n->nout; j++) {
        rt_operand result = rt_operand_of(out[j]);
        if (rt_node_save(n, nin + j - first, &result, 1) < 0) return -1;
    }
    return 0;
}

static int save(rt_node *n, uint16_t mask, int nin, const rt_operand *in, rt_tensor **out, int outputs)
{
    int k = 0;
    if (mask & RT_SAVE_INPUTS) return save_all(n, mask, nin, in, out, outputs);
    for (int b = 0; b < 9; b++) {
        if (!(mask >> b & 1)) continue;
        int is_output = b >= 3, which = b >= 7 ? b - 5 : b - 3;
        rt_operand none = {.none = 1}, result = is_output ? rt_operand_of(out[which]) : none;
        if (is_output == outputs) {
            if (is_output ? rt_node_save(n, k, &result, 1) < 0
                          : save_input(n, k, b < nin ? &in[b] : &none, out, n->nout) < 0)
                return -1;
        }
        k++;
    }
    return 0;
}

int rt_record_params(rt_node *n, const rt_params *p)
{
    int used = 0;
    for (int k = 0; k < 4; k++) used += p->n[k] > 0 ? p->n[k] : 0;
    if (used < p->nlist) used = p->nlist;
    size_t bytes = offsetof(rt_params, list) + (size_t)used * sizeof(intptr_t);
    n->params = PyMem_Malloc(bytes);
    if (!n->params) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(n->params, p, bytes);
    return 0;
}

uint8_t rt_record_inputs(const rt_op *op, int nin, const rt_operand *in)
{
    uint8_t uses = op->saves;
    if (op->family == RT_ELEMENTWISE) {
        uses = 0;
        for (int i = 0; i < nin; i++)
            if (is_tracked(in[i].t) && op->gradient[i]) uses |= rt_rule_uses(op->rules[i]);
    }
    return uses & (RT_SAVE_X | RT_SAVE_Y | RT_SAVE_Z);
}

int rt_record(const rt_op *op, int nin, const rt_operand *in, const rt_operand *kept, const rt_params *p, rt_tensor **out,
              unsigned given)
{
    int status = -1, nout = op->nout, saved_count;
    rt_node *n = rt_node_new(&op->cls, nin, nout, 0);
    if (!n) return -1;
    n->op = op;
    connect(n, op, nin, in);
    uint16_t mask = saves_of(op, n);
    saved_count = mask & RT_SAVE_INPUTS ? nin + nout - first_output(mask, nout) : __builtin_popcount(mask);
    if (saved_count) {
        n->saved = PyMem_Calloc((size_t)saved_count, sizeof(rt_saved));
        if (!n->saved) { PyErr_NoMemory(); goto done; }
        n->nsaved = (int16_t)saved_count;
    }
    if (p && rt_record_params(n, p) < 0) goto done;
    if (save(n, mask, nin, kept, out, 0) < 0) goto done;
    for (int k = 0; k < nout; k++)
        if (given >> k & 1) rt_tensor_touch(out[k], op->cls.name);
    for (int k = 0; k < nout; k++) {
        rt_tensor *t = out[k];
        if (!rt_dtype_is_inexact((rt_dtype)t->dtype)) {
            rt_tensor *meta_only = rt_tensor_detach(t);      /* indices: its facts are noted, no history */
            if (!meta_only) goto done;
            int failed = rt_node_own_output(n, k, meta_only);
            Py_DECREF(meta_only);
            if (failed < 0) goto done;
            continue;
        }
        if (rt_node_own_output(n, k, t) < 0) goto done;
        t->flags &= (uint8_t)~RT_REQUIRES_GRAD;
        if ((given >> k & 1) && t->base && rt_window_rebase(t, n, k) < 0) goto done;
    }
    status = save(n, mask, nin, kept, out, 1);
done:
    Py_DECREF(n);
    return status;
}

/* out = constant: what it was gets the gradient 0. */
static int overwritten_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    rt_operand zero = rt_operand_int(0);
    if (!rt_node_wants(node, 0)) return 0;
    gin[0] = rt_empty_like(g[0], (rt_dtype)g[0]->dtype);
    return gin[0] ? rt_fill(gin[0], &zero) : -1;
}

static const rt_node_class overwritten_class = {"overwritten", overwritten_backward};

int rt_record_constant(const rt_op *op, rt_tensor *out)
{
    rt_tensor_touch(out, op->cls.name);
    if (!rt_grad_enabled) return 0;
    rt_node *n = NULL;
    int status = -1;
    if (out->node) {
        n = rt_node_new(&overwritten_class, 1, 1, 0);
        if (!n) return -1;
        rt_node_connect(n, 0, out);
        if (rt_node_own_output(n, 0, out) < 0) goto done;
    }
    if (out->base && rt_tensor_requires_grad(out->base)) status = rt_window_rebase(out, n, 0);
    else status = 0;
    if (out->base) out->base_version = out->storage->version;
done:
    Py_XDECREF((PyObject *)n);
    return status;
}
