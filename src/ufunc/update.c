/* update: the UPDATE rows, optimiser steps over lists of tensors in place.  The operands of a
 * row are lists of equal length, one after the other; a parameter whose gradient is `none` is
 * left alone.  Never recorded; every tensor written gets a new version.  Floor: ufunc. */
#include <math.h>
#include "ufunc/apply.h"
#include "core/error.h"
#include "core/shape.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/kernels/isa.h"

#define MOST_LISTS 6
#define UNLOCK 65536
#define FORWARD(name) int name##_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)

/* The tensors of one parameter, packed: list[0] the parameter, list[1] its gradient, then states. */
typedef struct {
    int count;
    rt_tensor *of[MOST_LISTS];       /* borrowed */
    rt_tensor *packed[MOST_LISTS];   /* owned where the tensor itself cannot be used, else NULL */
    char *data[MOST_LISTS];
    intptr_t size, itemsize;         /* of real elements: complex ones count twice */
    const rt_updates *kernels;
} rt_slot;

/* The real dtype whose kernel works on elements of dtype d, and what they are packed as. */
static rt_dtype kernel_dtype(rt_dtype d, rt_dtype *packed)
{
    *packed = d == RT_f16 || d == RT_bf16 ? RT_f32 : d;
    return rt_dtype_to_real(*packed);
}

static void drop_slot(rt_slot *s)
{
    for (int k = 0; k < s->count; k++) Py_CLEAR(s->packed[k]);
}

static int check_writable(const rt_op *op, const rt_tensor *t)
{
    if (t->flags & RT_READONLY)
        return rt_error(PyExc_ValueError, op->cls.name, "a parameter or its state is read-only");
    if (!rt_tensor_is_injective(t))
        return rt_error(PyExc_RuntimeError, op->cls.name, "several elements of a parameter share one place in memory");
    return 0;
}

static int check_slot(const rt_op *op, const rt_slot *s)
{
    const rt_tensor *p = s->of[0];
    if (!rt_dtype_is_inexact((rt_dtype)p->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "a parameter of dtype %s cannot be trained",
                        rt_dtypes[p->dtype].name);
    for (int k = 0; k < s->count; k++) {
        const rt_tensor *t = s->of[k];
        if (!rt_shape_equal(p->ndim, p->shape, t->ndim, t->shape))
            return rt_error_shapes(op->cls.name, k == 1 ? "a gradient has another shape than its parameter"
                                   : "a state has another shape than its parameter", p->ndim, p->shape, t->ndim, t->shape);
        if (k != 1 && check_writable(op, t) < 0) return -1;
        if (!rt_dtype_can_cast((rt_dtype)t->dtype, (rt_dtype)p->dtype))
            return rt_error(rt_DtypeError, op->cls.name, "a gradient or state of dtype %s for a parameter of dtype %s",
                            rt_dtypes[t->dtype].name, rt_dtypes[p->dtype].name);
    }
    return 0;
}

/* Packs the tensors s->of; drop_slot in any case. */
static int open_slot(const rt_op *op, rt_slot *s)
{
    rt_dtype packed, real = kernel_dtype((rt_dtype)s->of[0]->dtype, &packed);
    for (int k = 0; k < s->count; k++) s->packed[k] = NULL;
    if (check_slot(op, s) < 0) return -1;
    s->kernels = rt_isa_now->updates[real];
    s->itemsize = (intptr_t)rt_itemsize(real);
    s->size = s->of[0]->size * (rt_dtype_is_complex(packed) ? 2 : 1);
    for (int k = 0; k < s->count; k++) {
        rt_tensor *t = s->of[k];
        if ((rt_dtype)t->dtype != packed || !rt_tensor_is_contiguous(t)) {
            s->packed[k] = rt_empty(packed, t->ndim, t->shape, t->storage->device);
            if (!s->packed[k] || rt_copy_into(s->packed[k], t) < 0) return -1;
            t = s->packed[k];
        }
        s->data[k] = t->data;
    }
    return 0;
}

/* Writes packed copies home and counts the writes. */
static int close_slot(const rt_op *op, rt_slot *s)
{
    for (int k = 0; k < s->count; k++) {
        if (k == 1) continue;
        if (s->packed[k] && rt_copy_into(s->of[k], s->packed[k]) < 0) return -1;
        rt_tensor_touch(s->of[k], op->cls.name);
    }
    return 0;
}

static void run_slot(rt_slot *s, rt_range_fn *piece, void *job, float cost)
{
    if (s->size < UNLOCK) {
        piece(job, 0, s->size);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(s->size, rt_execute_grain(cost), piece, job);
    Py_END_ALLOW_THREADS
}

/* Number of parameters, when the operands are `lists` lists of tensors; -1 with TypeError. */
static int count_slots(const rt_op *op, int nin, const rt_operand *in, int lists)
{
    if (nin % lists)
        return rt_error(PyExc_TypeError, op->cls.name, "%d tensors are not %d lists of equal length", nin, lists);
    for (int i = 0; i < nin; i++)
        if (!in[i].t && !in[i].none) return rt_error(PyExc_TypeError, op->cls.name, "operand %d is not a tensor", i + 1);
    return nin / lists;
}

/* Gathers parameter i's tensors.  1 when there is something to do, 0 when it has no gradient,
 * -1 when it has but lacks a state. */
static int gather_slot(const rt_op *op, const rt_operand *in, int n, int i, int count, rt_slot *s)
{
    s->count = count;
    for (int k = 0; k < count; k++) s->of[k] = in[k * n + i].t;
    if (!s->of[1]) return 0;
    for (int k = 0; k < count; k++)
        if (!s->of[k]) return rt_error(PyExc_TypeError, op->cls.name, "parameter %d has a gradient but no state", i);
    return 1;
}

/* ---- sgd ---- */

typedef struct { const rt_slot *slot; rt_sgd_rule rule; } sgd_job;

static void sgd_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const sgd_job *j = ctx;
    const rt_slot *s = j->slot;
    intptr_t at = begin * s->itemsize;
    s->kernels->sgd(&j->rule, end - begin, s->data[0] + at, s->data[1] + at, s->count > 2 ? s->data[2] + at : NULL);
}

/* Operands: parameters, gradients and, with momentum, buffers. */
FORWARD(sgd)
{
    double momentum = p->f[1];
    int first = p->i[2] != 0, lists = momentum != 0 ? 3 : 2;
    rt_slot s = {0};
    sgd_job job = {&s, {.rate = p->f[0], .momentum = momentum, .keep = first ? 0 : momentum,
                        .take = first ? 1 : 1 - p->f[2], .decay = p->f[3], .sign = p->i[1] ? -1 : 1,
                        .nesterov = p->i[0] != 0}};
    int n = count_slots(op, nin, in, lists), status = n < 0 ? -1 : 0;
    for (int i = 0; i < n && status == 0; i++) {
        int rc = gather_slot(op, in, n, i, lists, &s);
        if (rc == 0) continue;
        status = rc < 0 || open_slot(op, &s) < 0 ? -1 : 0;
        if (status == 0) {
            run_slot(&s, sgd_piece, &job, 0.4f);
            status = close_slot(op, &s);
        }
        drop_slot(&s);
    }
    return status;
}

/* ---- adam ---- */

typedef struct { const rt_slot *slot; rt_adam_rule rule; } adam_job;

static void adam_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const adam_job *j = ctx;
    const rt_slot *s = j->slot;
    intptr_t at = begin * s->itemsize;
    s->kernels->adam(&j->rule, end - begin, s->data[0] + at, s->data[1] + at, s->data[2] + at, s->data[3] + at,
                     s->count > 4 ? s->data[4] + at : NULL);
}

/* The step counter, one more than it was.  0 or -1. */
static int advance_step(const rt_op *op, rt_tensor *t, double *step)
{
    if (!t || t->size != 1 || (t->dtype != RT_f32 && t->dtype != RT_f64))
        return rt_error(PyExc_TypeError, op->cls.name, "a step counter must be one float32 or float64 number");
    if (check_writable(op, t) < 0) return -1;
    *step = t->dtype == RT_f32 ? ++*(float *)t->data : ++*(double *)t->data;
    rt_tensor_touch(t, op->cls.name);
    return 0;
}

/* Operands: parameters, gradients, means, mean squares, with AMSGrad their maxima, step counters. */
FORWARD(adam)
{
    const double lr = p->f[0], beta1 = p->f[1], beta2 = p->f[2], decay = p->f[4];
    int amsgrad = p->i[0] != 0, decoupled = p->i[2] != 0, lists = amsgrad ? 5 : 4;
    double step = 0, known = 0;               /* the rule stands for step `known` */
    rt_slot s = {0};
    adam_job job = {&s, {.beta1 = beta1, .beta2 = beta2, .eps = p->f[3], .decay = decoupled ? 0 : decay,
                         .shrink = decoupled ? 1 - lr * decay : 1, .sign = p->i[1] ? -1 : 1}};
    int n = count_slots(op, nin, in, lists + 1), status = n < 0 ? -1 : 0;
    for (int i = 0; i < n && status == 0; i++) {
        rt_tensor *counter = in[lists * n + i].t;
        int rc = gather_slot(op, in, n, i, lists, &s);
        if (rc == 0) continue;
        status = rc < 0 || open_slot(op, &s) < 0 || advance_step(op, counter, &step) < 0 ? -1 : 0;
        if (status == 0) {
            if (step != known) {
                job.rule.rate = lr / (1 - pow(beta1, step));
                job.rule.root = 1 / sqrt(1 - pow(beta2, step));
                known = step;
            }
            run_slot(&s, adam_piece, &job, 1.0f);
            status = close_slot(op, &s);
        }
        drop_slot(&s);
    }
    return status;
}
