/* update: the UPDATE rows, optimiser steps over lists of tensors in place.  The operands of a
 * row are lists of equal length, one after the other; a parameter whose gradient is `none` is
 * left alone.  Never recorded; every tensor written gets a new version.  What a method does
 * with its numbers is in update_rules.c.  Floor: ufunc. */
#include "ufunc/update.h"
#include "ufunc/apply.h"
#include "core/error.h"
#include "core/shape.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/kernels/isa.h"

#define UNLOCK 65536

/* The tensors of one parameter, packed, at their kernel's places: the parameter, its gradient, states. */
typedef struct {
    rt_tensor *of[RT_UPDATE_LISTS];       /* borrowed; NULL: the method runs without it */
    rt_tensor *packed[RT_UPDATE_LISTS];   /* owned where the tensor itself cannot be used, else NULL */
    char *data[RT_UPDATE_LISTS];
    intptr_t size, itemsize;              /* of real elements: complex ones count twice */
    const rt_updates *kernels;
} slot;

typedef struct {
    const slot *slot;
    rt_update_fn *run;
    const rt_update_rule *rule;
} job;

/* The real dtype whose kernel works on elements of dtype d, and what they are packed as. */
static rt_dtype kernel_dtype(rt_dtype d, rt_dtype *packed)
{
    *packed = d == RT_f16 || d == RT_bf16 ? RT_f32 : d;
    return rt_dtype_to_real(*packed);
}

static void drop_slot(slot *s)
{
    for (int k = 0; k < RT_UPDATE_LISTS; k++) Py_CLEAR(s->packed[k]);
}

static int check_writable(const rt_op *op, const rt_tensor *t)
{
    if (t->flags & RT_READONLY)
        return rt_error(rt_TensorError, op->cls.name, "a parameter or its state is read-only");
    if (!rt_tensor_is_injective(t))
        return rt_error(PyExc_RuntimeError, op->cls.name, "several elements of a parameter share one place in memory");
    return 0;
}

static int check_slot(const rt_op *op, const slot *s)
{
    const rt_tensor *p = s->of[0];
    if (!rt_dtype_is_inexact((rt_dtype)p->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "a parameter of dtype %s cannot be trained",
                        rt_dtypes[p->dtype].name);
    for (int k = 0; k < RT_UPDATE_LISTS; k++) {
        const rt_tensor *t = s->of[k];
        if (!t) continue;
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
static int open_slot(const rt_op *op, slot *s)
{
    rt_dtype packed, real = kernel_dtype((rt_dtype)s->of[0]->dtype, &packed);
    if (check_slot(op, s) < 0) return -1;
    s->kernels = rt_isa_now->updates[real];
    s->itemsize = (intptr_t)rt_itemsize(real);
    s->size = s->of[0]->size * (rt_dtype_is_complex(packed) ? 2 : 1);
    for (int k = 0; k < RT_UPDATE_LISTS; k++) {
        rt_tensor *t = s->of[k];
        s->data[k] = NULL;
        if (!t) continue;
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
static int close_slot(const rt_op *op, slot *s)
{
    for (int k = 0; k < RT_UPDATE_LISTS; k++) {
        if (k == 1 || !s->of[k]) continue;
        if (s->packed[k] && rt_copy_into(s->of[k], s->packed[k]) < 0) return -1;
        rt_tensor_touch(s->of[k], op->cls.name);
    }
    return 0;
}

static void run_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    void *x[RT_UPDATE_LISTS];
    for (int k = 0; k < RT_UPDATE_LISTS; k++)
        x[k] = j->slot->data[k] ? j->slot->data[k] + begin * j->slot->itemsize : NULL;
    j->run(j->rule, end - begin, x);
}

static void run_slot(const slot *s, const rt_update_method *m, const rt_update_rule *rule)
{
    job j = {s, *(rt_update_fn *const *)((const char *)s->kernels + m->kernel), rule};
    if (s->size < UNLOCK) {
        run_piece(&j, 0, s->size);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(s->size, rt_execute_grain(m->cost), run_piece, &j);
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

/* Gathers parameter i's tensors; the k-th list belongs at place at[k].  1 when there is something
 * to do, 0 when it has no gradient, -1 when it has but lacks a state. */
static int gather_slot(const rt_op *op, const rt_update_method *m, const rt_operand *in, int n, int i, slot *s)
{
    memset(s->of, 0, sizeof s->of);
    if (!in[n + i].t) return 0;
    for (int k = 0; k < m->tensors + m->scalars; k++) {
        rt_tensor *t = in[k * n + i].t;
        if (!t) return rt_error(PyExc_TypeError, op->cls.name, "parameter %d has a gradient but no state", i);
        if (k < m->tensors) s->of[m->at[k]] = t;
    }
    return 1;
}

/* ---- scalar states: counters and the like ---- */

static int read_scalars(const rt_op *op, const rt_update_method *m, const rt_operand *in, int n, int i, rt_update_scalar *s)
{
    for (int k = 0; k < m->scalars; k++) {
        const rt_tensor *t = in[(m->tensors + k) * n + i].t;
        if (t->size != 1 || (t->dtype != RT_f32 && t->dtype != RT_f64))
            return rt_error(PyExc_TypeError, op->cls.name, "a step counter (or other scalar state) must be one float32"
                            " or float64 number");
        if (check_writable(op, t) < 0) return -1;
        s[k].single = t->dtype == RT_f32;
        s[k].value = s[k].single ? *(float *)t->data : *(double *)t->data;
    }
    return 0;
}

static void write_scalars(const rt_op *op, const rt_update_method *m, const rt_operand *in, int n, int i,
                          const rt_update_scalar *s)
{
    for (int k = 0; k < m->scalars; k++) {
        rt_tensor *t = in[(m->tensors + k) * n + i].t;
        if (s[k].single) *(float *)t->data = (float)s[k].value;
        else *(double *)t->data = s[k].value;
        rt_tensor_touch(t, op->cls.name);
    }
}

static int same_scalars(const rt_update_scalar *a, const rt_update_scalar *b, int n)
{
    for (int k = 0; k < n; k++)
        if (a[k].value != b[k].value || a[k].single != b[k].single) return 0;
    return 1;
}

int rt_update_run(const rt_op *op, const rt_update_method *m, int nin, const rt_operand *in, const rt_params *p)
{
    rt_update_scalar now[RT_UPDATE_SCALARS], known[RT_UPDATE_SCALARS], after[RT_UPDATE_SCALARS];
    rt_update_rule rule;
    slot s = {0};
    int ready = 0;       /* the rule stands for the scalars `known` and makes them `after` */
    int n = count_slots(op, nin, in, m->tensors + m->scalars), status = n < 0 ? -1 : 0;
    for (int i = 0; i < n && status == 0; i++) {
        int rc = gather_slot(op, m, in, n, i, &s);
        if (rc == 0) continue;
        status = rc < 0 || open_slot(op, &s) < 0 || read_scalars(op, m, in, n, i, now) < 0 ? -1 : 0;
        if (status == 0) {
            if (!ready || !same_scalars(now, known, m->scalars)) {
                memcpy(known, now, sizeof now);
                memcpy(after, now, sizeof now);
                rule = (rt_update_rule){.sign = 1, .shrink = 1};
                m->prepare(p, &rule, after);
                ready = 1;
            }
            write_scalars(op, m, in, n, i, after);
            run_slot(&s, m, &rule);
            status = close_slot(op, &s);
        }
        drop_slot(&s);
    }
    return status;
}
