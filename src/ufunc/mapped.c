/* mapped: sums of what a row's loop computes, block by block of the fixed tree.  Operands of any layout are read in the
 * logical order of their common shape; threads share out whole blocks.  Floor: ufunc. */
#include "ufunc/mapped.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/elementwise.h"
#include "ufunc/kernels/isa.h"

enum { BLOCK = RT_REDUCE_BLOCK, TOGETHER = 4 * BLOCK, UNLOCK = 65536 };   /* elements; computed in one call; worth the GIL */

typedef struct {
    rt_plan plan;
    rt_exec exec;
    const rt_reducer *sum;
    intptr_t item;              /* bytes of an element of the loop's dtype */
    char *parts;                /* a sum per block */
} job;

static void run_blocks(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t last = end * BLOCK < j->plan.size ? end * BLOCK : j->plan.size;
    char values[TOGETHER * sizeof(double)] __attribute__((aligned(64)));
    for (intptr_t at = begin * BLOCK, m; at < last; at += m) {
        m = last - at < TOGETHER ? last - at : TOGETHER;
        rt_execute_part(&j->plan, &j->exec, at, at + m, values);
        for (intptr_t i = 0; i < m; i += BLOCK)
            j->sum->block(values + i * j->item, m - i < BLOCK ? m - i : BLOCK, j->item, j->parts + (at + i) / BLOCK * j->item);
    }
}

static int prepare(job *j, const rt_op *op, int nin, const rt_operand *in, rt_dtype compute, rt_scalar_slot *slots)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM], step = j->item;
    int ndim = 0;
    for (int i = 0; i < nin; i++)
        if (in[i].t && rt_shape_broadcast(op->cls.name, &ndim, shape, in[i].t->ndim, in[i].t->shape) < 0) return -1;
    rt_plan_init(&j->plan, ndim, shape);
    for (int i = 0; i < nin; i++)
        if (rt_elementwise_input(&j->plan, &j->exec, &in[i], compute, &slots[i]) < 0) return -1;
    for (int d = ndim - 1; d >= 0; step *= shape[d--]) steps[d] = step;
    j->exec.cast[nin] = NULL;
    rt_plan_add(&j->plan, NULL, ndim, shape, steps);
    rt_plan_finish(&j->plan, 0);
    return 0;
}

static void run(job *j, intptr_t blocks)
{
    const intptr_t grain = 1 + rt_execute_grain(j->exec.cost) / BLOCK / 2;
    if (j->plan.size < UNLOCK) {
        run_blocks(j, 0, blocks);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(blocks, grain, run_blocks, j);
        Py_END_ALLOW_THREADS
    }
    rt_reduce_join(j->sum, j->parts, blocks, j->item);
}

/* The total in the result's dtype: divided in the loop's, then rounded once. */
static rt_tensor *finish(const char *total, double divisor, rt_dtype compute, rt_dtype result)
{
    rt_tensor *value = rt_empty(compute, 0, NULL, (rt_device){RT_CPU, 0}), *out;
    if (!value) return NULL;
    if (compute == RT_f32) *(float *)value->data = *(const float *)total / (float)divisor;
    else *(double *)value->data = *(const double *)total / divisor;
    if (result == compute) return value;
    out = rt_empty(result, 0, NULL, (rt_device){RT_CPU, 0});
    if (out && rt_copy_into(out, value) < 0) Py_CLEAR(out);
    Py_DECREF((PyObject *)value);
    return out;
}

int rt_mapped_fits(const rt_op *op, int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++) if (in[i].t && in[i].t->storage->device.type != RT_CPU) return 0;
    return rt_dtype_is_float(rt_elementwise_promote(op, nin, in));
}

rt_tensor *rt_mapped_sum(const rt_op *op, int nin, const rt_operand *in, int mean)
{
    rt_dtype compute, result;
    rt_scalar_slot slots[3];
    rt_storage *more = NULL;
    rt_tensor *out = NULL;
    double few[16] = {0};
    if (rt_op_resolve(op, rt_elementwise_promote(op, nin, in), &compute, &result) < 0) return NULL;
    if (rt_itemsize(compute) == 2) compute = RT_f32;          /* sums of 16-bit floats are float32's */
    job j = {.exec = {.loop = op->loops[compute], .data = op->data, .nin = nin, .rows = op->index < RT_NKERNEL,
                      .cost = rt_elementwise_cost(op)},
             .sum = &rt_isa_now->reducers[RT_REDUCE_SUM][compute], .item = (intptr_t)rt_itemsize(compute)};
    if (prepare(&j, op, nin, in, compute, slots) < 0) return NULL;
    const intptr_t blocks = (j.plan.size + BLOCK - 1) / BLOCK;
    j.parts = (char *)few;
    if (blocks > 16) {
        more = rt_memory_alloc((size_t)(blocks * j.item), (rt_device){RT_CPU, 0});
        if (!more) return NULL;
        j.parts = more->data;
    }
    run(&j, blocks);
    out = finish(j.parts, mean ? (double)j.plan.size : 1, compute, result);
    rt_storage_release(more);
    return out;
}
