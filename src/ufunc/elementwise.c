/* elementwise: one forward and one backward for all rows whose result at a place
 * depends on the operands at that place alone.  Promotion, broadcasting, output,
 * plan, loop.  Floor: ufunc. */
#include "ufunc/elementwise.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/apply.h"
#include "ufunc/kernels/isa.h"
#include <string.h>

#define SMALL 4096                 /* elements; above it the full way's threads and unlocking pay */
#define UNLOCK 65536               /* elements from which the GIL is released */

static rt_dtype scalar_dtype(rt_kind k)
{
    switch (k) {
    case RT_KIND_BOOL: return RT_b1;
    case RT_KIND_FLOAT: return rt_default_dtype();
    case RT_KIND_COMPLEX: return rt_dtype_to_complex(rt_default_dtype());
    default: return RT_i64;
    }
}

/* NumPy's float for integers alone: the smallest that holds each, not one for the integer that holds all. */
static rt_dtype float_for_integers(const rt_op *op, int nin, const rt_operand *in, rt_dtype d)
{
    if (op->klass != RT_CLASS_FLOAT && op->klass != RT_CLASS_INEXACT) return d;
    if (!*op->numpy || op->index == RT_OP_div || rt_dtype_is_inexact(d) || rt_dtype_floating(RT_b1) != RT_f16) return d;
    rt_dtype f = RT_f16;
    for (int i = 0; i < nin; i++)
        if (in[i].t) f = rt_dtype_promote(f, rt_dtype_floating((rt_dtype)in[i].t->dtype));
    return f;
}

rt_dtype rt_elementwise_promote(const rt_op *op, int nin, const rt_operand *in)
{
    rt_dtype d = RT_NODTYPE;
    for (int i = op->select; i < nin; i++)
        if (in[i].t) d = d == RT_NODTYPE ? (rt_dtype)in[i].t->dtype : rt_dtype_promote(d, (rt_dtype)in[i].t->dtype);
    for (int i = op->select; i < nin; i++) {
        if (in[i].t || in[i].none) continue;
        if (d == RT_NODTYPE) { d = scalar_dtype(in[i].kind); continue; }
        d = rt_dtype_promote_scalar(d, in[i].kind);
        if (op->logic && in[i].kind == RT_KIND_SIGNED && rt_dtype_is_integer(d) && !rt_operand_fits(&in[i], d))
            d = in[i].is_unsigned ? RT_f64 : RT_i64;      /* comparing with a number out of range is no error */
    }
    return nin > 1 ? float_for_integers(op, nin, in, d) : d;
}

/* Is a number the same in d, a float of 16 bits? */
static int is_exact(const rt_operand *s, rt_dtype d)
{
    rt_scalar_slot slot;
    double value = s->kind == RT_KIND_FLOAT ? s->v.f : (double)s->v.i, back;
    char *args[2] = {slot.bytes, (char *)&back};
    intptr_t n = 1, steps[2] = {0, 0};
    if (s->kind == RT_KIND_COMPLEX || rt_operand_store(s, d, slot.bytes) < 0) return 0;
    rt_isa_now->casts[d][RT_f64](args, &n, steps, NULL);
    return back == value || value != value;
}

rt_dtype rt_elementwise_compute(const rt_op *op, int nin, const rt_operand *in, rt_dtype compute)
{
    if ((compute != RT_f16 && compute != RT_bf16) || !op->loops[RT_f32]) return compute;
    for (int i = op->select; i < nin; i++)
        if (!in[i].t && !in[i].none && !is_exact(&in[i], compute)) return RT_f32;
    return compute;
}

/* What a loop over small operands of one dtype is given: tensors of first's shape or of one element, and numbers, which
 * are stored in slot.  0: they are something else; -1 with an exception: a number does not fit. */
static inline __attribute__((always_inline)) int small_inputs(const rt_op *op, int nin, const rt_operand *in,
                                                              const rt_tensor *first, rt_scalar_slot *slot, char **args,
                                                              intptr_t *steps)
{
    if (!first || nin != op->nin || op->direct[first->dtype] < 0 || first->size > SMALL) return 0;
    size_t itemsize = rt_tensor_itemsize(first);
    for (int i = 0; i < nin; i++) {
        const rt_tensor *t = in[i].t;
        if (t) {
            if (t->dtype != first->dtype || !rt_tensor_is_contiguous(t) || t->storage->device.type != RT_CPU) return 0;
            const int one = t->size == 1 && t->ndim <= first->ndim;
            if (!one && t != first && !rt_shape_equal(t->ndim, t->shape, first->ndim, first->shape)) return 0;
            args[i] = t->data;
            steps[i] = one ? 0 : (intptr_t)itemsize;
        } else {
            if (in[i].kind > rt_dtype_kind((rt_dtype)first->dtype) || in[i].none) return 0;
            if (rt_dtype_is_integer((rt_dtype)first->dtype) && !rt_operand_fits(&in[i], (rt_dtype)first->dtype)) return 0;
            if (itemsize == 2 && rt_dtype_is_float((rt_dtype)first->dtype) && !is_exact(&in[i], (rt_dtype)first->dtype)) return 0;
            if (rt_operand_store(&in[i], (rt_dtype)first->dtype, slot[i].bytes) < 0) return -1;
            args[i] = slot[i].bytes;
            steps[i] = 0;
        }
    }
    return 1;
}

/* The input whose shape the result would have. */
static inline const rt_tensor *first_tensor(int nin, const rt_operand *in)
{
    const rt_tensor *x = in[0].t;
    if (nin == 1 || (x && x->size != 1)) return x;
    const rt_tensor *y = in[1].t;
    return x && (!y || y->ndim < x->ndim) ? x : y;
}

static rt_loop *select_loop(rt_dtype d)
{
    return rt_isa_now->selects[__builtin_ctz((unsigned)rt_itemsize(d))];
}

/* The same of a choice by a mask that has the result's shape, between packed tensors or elements of one dtype. */
static rt_tensor *small_choice(const rt_op *op, int nin, const rt_operand *in)
{
    const rt_tensor *mask = in[0].t, *like = nin == 3 ? in[1].t ? in[1].t : in[2].t : NULL;
    if (!mask || !like || mask->dtype != RT_b1 || !rt_tensor_is_contiguous(mask) || mask->size > SMALL
        || mask->storage->device.type != RT_CPU)
        return NULL;
    const rt_dtype d = (rt_dtype)like->dtype;
    rt_scalar_slot slot[3];
    char *args[4] = {mask->data};
    intptr_t steps[4] = {1};
    for (int i = 1; i < 3; i++) {
        const rt_tensor *t = in[i].t;
        steps[i] = 0;
        if (t) {
            const int one = t->size == 1 && t->ndim <= mask->ndim;
            if (t->dtype != d || !rt_tensor_is_contiguous(t) || t->storage->device.type != RT_CPU) return NULL;
            if (!one && !rt_shape_equal(t->ndim, t->shape, mask->ndim, mask->shape)) return NULL;
            if (!one) steps[i] = (intptr_t)rt_itemsize(d);
            args[i] = t->data;
        } else {
            if (in[i].none || in[i].kind > rt_dtype_kind(d) || !rt_dtype_is_inexact(d)) return NULL;
            if (rt_operand_store(&in[i], d, slot[i].bytes) < 0) return NULL;
            args[i] = slot[i].bytes;
        }
    }
    rt_tensor *out = rt_empty(d, mask->ndim, mask->shape, mask->storage->device);
    if (!out) return NULL;
    args[3] = out->data;
    steps[3] = (intptr_t)rt_itemsize(d);
    select_loop(d)(args, &out->size, steps, op->data);
    return out;
}

rt_tensor *rt_elementwise_small(const rt_op *op, int nin, const rt_operand *in)
{
    if (op->select) return small_choice(op, nin, in);
    const rt_tensor *first = first_tensor(nin, in);
    rt_scalar_slot slot[3];
    char *args[4];
    intptr_t steps[4];
    if (small_inputs(op, nin, in, first, slot, args, steps) <= 0) return NULL;
    rt_dtype result = (rt_dtype)op->direct[first->dtype];
    rt_storage *s = rt_memory_alloc((size_t)first->size * rt_itemsize(result), first->storage->device);
    if (!s) return NULL;
    rt_tensor *out = rt_tensor_wrap(s, s->data, result, first->ndim, first->shape, NULL);
    if (!out) return NULL;
    args[nin] = out->data;
    steps[nin] = (intptr_t)rt_itemsize(result);
    op->loops[first->dtype](args, &out->size, steps, op->data);
    return out;
}

int rt_elementwise_small_into(const rt_op *op, int nin, const rt_operand *in, rt_tensor *out)
{
    const rt_tensor *first = first_tensor(nin, in);
    rt_scalar_slot slot[3];
    char *args[4];
    intptr_t steps[4];
    if (out->node || (out->base && rt_tensor_requires_grad(out->base)) || out->flags & (RT_REQUIRES_GRAD | RT_READONLY)
        || !rt_tensor_is_contiguous(out) || out->storage->device.type != RT_CPU)
        return 0;
    const int fits = small_inputs(op, nin, in, first, slot, args, steps);
    if (fits <= 0) return fits;
    if (out->dtype != op->direct[first->dtype] || !rt_shape_equal(out->ndim, out->shape, first->ndim, first->shape)) return 0;
    const size_t itemsize = rt_tensor_itemsize(first);
    const intptr_t bytes = out->size * (intptr_t)rt_tensor_itemsize(out);
    for (int i = 0; i < nin; i++) {
        if (!in[i].t) continue;
        const intptr_t apart = in[i].t->data - out->data, read = in[i].t->size * (intptr_t)itemsize;
        if (apart < bytes && -apart < read && (apart != 0 || read != bytes)) return 0;     /* memory shared otherwise */
    }
    args[nin] = out->data;
    steps[nin] = (intptr_t)rt_tensor_itemsize(out);
    op->loops[first->dtype](args, &out->size, steps, op->data);
    rt_tensor_touch(out, op->cls.name);
    if (out->base) out->base_version = out->storage->version;
    return 1;
}

static rt_loop *cast_loop(rt_dtype from, rt_dtype to) { return rt_isa_now->casts[from][to]; }

int rt_elementwise_input(rt_plan *plan, rt_exec *e, const rt_operand *o, rt_dtype want, rt_scalar_slot *slot)
{
    int k = plan->nop;
    e->cast[k] = NULL;
    if (!o->t) {
        if (rt_operand_store(o, want, slot->bytes) < 0) return -1;
        rt_plan_add_scalar(plan, slot->bytes);
        return 0;
    }
    if ((rt_dtype)o->t->dtype != want) {
        e->cast[k] = cast_loop((rt_dtype)o->t->dtype, want);
        e->itemsize[k] = (uint8_t)rt_itemsize(want);
    }
    rt_plan_add(plan, o->t->data, o->t->ndim, o->t->shape, o->t->steps);
    return 0;
}

static void plan_output(rt_plan *plan, rt_exec *e, const rt_tensor *t, rt_dtype from)
{
    int k = plan->nop;
    e->cast[k] = NULL;
    if ((rt_dtype)t->dtype != from) {
        e->cast[k] = cast_loop(from, (rt_dtype)t->dtype);
        e->itemsize[k] = (uint8_t)rt_itemsize(from);
    }
    rt_plan_add(plan, t->data, t->ndim, t->shape, t->steps);
}

static void run(rt_plan *plan, const rt_exec *e)
{
    rt_plan_finish(plan, 1);
    if (plan->size < UNLOCK) {
        rt_execute(plan, e);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_execute(plan, e);
    Py_END_ALLOW_THREADS
}

/* A fresh output with the order of dimensions of the first input that has the full shape. */
static rt_tensor *fresh_output(int nin, const rt_operand *in, rt_dtype d, int ndim, const intptr_t *shape)
{
    const rt_tensor *like = NULL;
    for (int i = 0; i < nin; i++) {
        const rt_tensor *t = in[i].t;
        if (!t || !rt_shape_equal(t->ndim, t->shape, ndim, shape)) continue;
        if (rt_tensor_is_contiguous(t)) { like = NULL; break; }
        if (!like) like = t;
    }
    rt_device cpu = {RT_CPU, 0};
    return like ? rt_empty_like(like, d) : rt_empty(d, ndim, shape, cpu);
}

float rt_elementwise_cost(const rt_op *op) { return strchr(op->expression, '(') ? 1.0f : 0.25f; }

/* An integer to a negative power is no integer: an error where the exponent is a number, as in PyTorch;
 * exponents in a tensor give what the power truncates to. */
static int check_exponent(const rt_op *op, const rt_operand *y)
{
    if (y->t || y->is_unsigned || y->v.i >= 0) return 0;
    return rt_error(rt_TensorError, op->cls.name, "integers to negative integer powers are not allowed; make the base"
                    " floating");
}

/* A complex number's angle is atan2 of its parts, whose loop is one of vectors. */
static int angle_by_parts(rt_tensor *x, rt_params *p, rt_tensor **out)
{
    rt_tensor *re = rt_view_part(x, 0), *im = rt_view_part(x, 1);
    int status = -1;
    if (re && im) {
        const rt_operand parts[2] = {rt_operand_of(im), rt_operand_of(re)};
        status = rt_elementwise_forward(&rt_ops[RT_OP_atan2], 2, parts, p, out);
    }
    Py_XDECREF(re);
    Py_XDECREF(im);
    return status;
}

int rt_elementwise_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    intptr_t shape[RT_MAX_NDIM];
    int ndim = 0, status = -1;
    rt_tensor *work = NULL;
    if (op->index == RT_OP_angle && in[0].t && rt_dtype_is_complex((rt_dtype)in[0].t->dtype))
        return angle_by_parts(in[0].t, p, out);
    if (nin != op->nin) return rt_error(PyExc_TypeError, op->cls.name, "takes %d operands, not %d", op->nin, nin);
    rt_dtype promoted = rt_elementwise_promote(op, nin, in), compute, result;
    if (promoted == RT_NODTYPE) return rt_error(rt_DtypeError, op->cls.name, "needs a tensor or a number");
    if (rt_op_resolve(op, promoted, &compute, &result) < 0) return -1;
    compute = rt_elementwise_compute(op, nin, in, compute);
    if (op->index == RT_OP_pow && rt_dtype_is_integer(compute) && check_exponent(op, &in[1]) < 0) return -1;
    for (int i = 0; i < nin; i++)
        if (in[i].t && rt_shape_broadcast(op->cls.name, &ndim, shape, in[i].t->ndim, in[i].t->shape) < 0) return -1;
    if (out[0]) {
        if (rt_output_check(op, out[0], result, ndim, shape) < 0) return -1;
        work = rt_output_hits_input(out[0], nin, in) ? rt_empty_like(out[0], (rt_dtype)out[0]->dtype)
                                                     : (rt_tensor *)Py_NewRef((PyObject *)out[0]);
        if (!work) return -1;
    } else {
        out[0] = fresh_output(nin, in, result, ndim, shape);
        if (!out[0]) return -1;
        work = (rt_tensor *)Py_NewRef((PyObject *)out[0]);
    }
    rt_plan plan;
    rt_exec e = {.loop = op->select ? select_loop(compute) : op->loops[compute], .data = op->data, .nin = nin,
                 .rows = op->index < RT_NKERNEL || op->select, .cost = rt_elementwise_cost(op)};
    rt_scalar_slot slot[3];
    rt_plan_init(&plan, work->ndim, work->shape);
    for (int i = 0; i < nin; i++)
        if (rt_elementwise_input(&plan, &e, &in[i], op->select && i == 0 ? RT_b1 : compute, &slot[i]) < 0) goto done;
    rt_dtype loop_result = op->logic ? RT_b1 : op->real_result ? rt_dtype_to_real(compute) : compute;
    plan_output(&plan, &e, work, loop_result);
    run(&plan, &e);
    status = 0;
done:
    if (status < 0) {
        Py_XDECREF((PyObject *)work);
        return -1;
    }
    return rt_output_finish(out[0], work);
}

/* ---- backward ---- */

/* The fused loop for input i; 0 when there is none for these dtypes. */
static int fused_gradient(const rt_op *op, int i, const rt_rule_values *v, rt_tensor **gin)
{
    rt_tensor *g = v->g.t;
    rt_dtype d = (rt_dtype)g->dtype;
    if (d == RT_f16 || d == RT_bf16) d = RT_f32;
    rt_loop *loop = op->gradient_loops[i][d];
    if (!loop) return 0;
    uint8_t uses = rt_rule_uses(op->rules[i]);
    const rt_operand *names[4] = {&v->x, &v->y, &v->z, &v->out};
    rt_plan plan;
    rt_exec e = {.loop = loop, .nin = 5, .rows = 1, .cost = 1.0f};
    rt_scalar_slot slot[4];
    for (int k = 0; k < 4; k++)
        if ((uses >> k & 1) && names[k]->t
            && (names[k]->t->ndim > g->ndim || rt_dtype_is_complex((rt_dtype)names[k]->t->dtype)))
            return 0;
    rt_tensor *r = rt_empty_like(g, (rt_dtype)g->dtype);
    if (!r) return -1;
    rt_plan_init(&plan, g->ndim, g->shape);
    (void)rt_elementwise_input(&plan, &e, &v->g, d, &slot[0]);
    for (int k = 0; k < 4; k++) {
        if (!(uses >> k & 1)) {
            e.cast[plan.nop] = NULL;
            memset(&slot[k], 0, sizeof slot[k]);
            rt_plan_add_scalar(&plan, slot[k].bytes);
        } else if (rt_elementwise_input(&plan, &e, names[k], d, &slot[k]) < 0) {
            Py_DECREF(r);
            return -1;
        }
    }
    plan_output(&plan, &e, r, d);
    run(&plan, &e);
    *gin = r;
    return 1;
}

/* In the graph of gradients a gradient depends on what its text mentions, also where only a comparison does:
 * a second derivative is then 0, not absent. */
static int tie(const rt_rule *rule, const rt_rule_values *v, rt_tensor **gin)
{
    const rt_operand *names[4] = {&v->x, &v->y, &v->z, &v->out};
    uint8_t uses = rt_rule_uses(rule);
    if (!rt_grad_enabled || rt_tensor_requires_grad(*gin)) return 0;
    for (int k = 0; k < 4; k++) {
        rt_tensor *t = names[k]->t;
        if (!(uses >> k & 1) || !t || !rt_tensor_requires_grad(t) || t->ndim > (*gin)->ndim) continue;
        rt_tensor *tied = rt_apply2(RT_OP_tied, *gin, t);
        Py_DECREF(*gin);
        *gin = tied;
        if (!tied) return -1;
    }
    return 0;
}

int rt_elementwise_gradient(const rt_op *op, int i, const rt_rule_values *v, rt_tensor **gin)
{
    if (rt_rule_is_identity(op->rules[i])) {
        *gin = (rt_tensor *)Py_NewRef((PyObject *)v->g.t);
        return 0;
    }
    if (!rt_grad_enabled) {
        int done = fused_gradient(op, i, v, gin);
        if (done) return done < 0 ? -1 : 0;
    }
    *gin = rt_rule_evaluate(op->rules[i], v);
    return *gin ? tie(op->rules[i], v, gin) : -1;
}

int rt_elementwise_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    const rt_op *op = node->op;
    rt_rule_values v = {.g = rt_operand_of(g[0])};
    rt_operand *slots[4] = {&v.x, &v.y, &v.z, &v.out};
    uint8_t uses = 0, saved = 0;
    int status = -1, k = 0;
    for (int i = 0; i < node->nin; i++) {
        if (node->edges[i].to) saved |= rt_rule_uses(op->rules[i]);       /* what rt_record kept */
        if (rt_node_wants(node, i)) uses |= rt_rule_uses(op->rules[i]);
    }
    for (int b = 0; b < 4; b++) {
        if ((uses >> b & 1) && rt_node_unpack(node, k, slots[b]) < 0) goto done;
        k += saved >> b & 1;
    }
    for (int i = 0; i < node->nin; i++)
        if (rt_node_wants(node, i) && rt_elementwise_gradient(op, i, &v, &gin[i]) < 0) goto done;
    status = 0;
done:
    for (int b = 0; b < 4; b++)
        if (uses >> b & 1) Py_XDECREF((PyObject *)slots[b]->t);
    return status;
}
