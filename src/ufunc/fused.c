/* fused: ops as instructions over registers.  A register is an operand of the plan (read from or written to memory),
 * a number, or a block of scratch:
 *
 *     a ──┐           instruction   loop   reads      writes
 *     2 ──┴ mul ─ s0       0        mul    a, 2       s0
 *     b ──┐                1        mul    b, 3       s1
 *     3 ──┴ mul ─ s1       2        add    s0, s1     out
 *
 * The whole is one inner loop, which rt_execute runs like any other: threads, broadcasting, strides.  Scratch is on
 * the stack of the thread that runs.  Floor: ufunc. */
#include "ufunc/fused.h"
#include "backends/memory.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/elementwise.h"
#include "ufunc/kernels/isa.h"
#include <string.h>

enum { MOST_INSTRUCTIONS = 96, MOST_REGISTERS = 160, MOST_SCRATCH = 8, SCRATCH_BYTES = 8192, UNLOCK = 65536 };

typedef enum { OPERAND, NUMBER, SCRATCH } place;
typedef struct { uint8_t place, at, itemsize; } reg;
typedef struct { rt_loop *loop; void *data; uint8_t nin, reg[4]; } instruction;    /* sources, then the result */

struct rt_fused {
    int count, nregs, nin, nout, nnumbers, block;
    float cost;
    int ndim;
    intptr_t shape[RT_MAX_NDIM];
    struct { rt_dtype dtype; intptr_t steps[RT_MAX_NDIM]; } out[RT_MAX_OPERANDS];
    reg regs[MOST_REGISTERS];
    instruction code[MOST_INSTRUCTIONS];
    _Alignas(16) char numbers[MOST_REGISTERS][16];
};

int rt_fused_nin(const rt_fused *f) { return f->nin; }
void rt_fused_free(rt_fused *f) { PyMem_Free(f); }

/* ---- running ---- */

static void loop(char **args, const intptr_t *n, const intptr_t *steps, void *data)
{
    const rt_fused *f = data;
    char scratch[MOST_SCRATCH][SCRATCH_BYTES] __attribute__((aligned(64)));
    char *at[MOST_REGISTERS];
    intptr_t step[MOST_REGISTERS];
    for (int r = 0; r < f->nregs; r++) {
        const reg *g = &f->regs[r];
        at[r] = g->place == OPERAND ? args[g->at] : g->place == NUMBER ? (char *)f->numbers[g->at] : scratch[g->at];
        step[r] = g->place == OPERAND ? steps[g->at] : g->place == NUMBER ? 0 : g->itemsize;
    }
    for (intptr_t left = *n; left > 0; left -= f->block) {
        const intptr_t m = left < f->block ? left : f->block;
        for (int i = 0; i < f->count; i++) {
            const instruction *c = &f->code[i];
            char *operand[4];
            intptr_t advance[4];
            for (int k = 0; k <= c->nin; k++) {
                operand[k] = at[c->reg[k]];
                advance[k] = step[c->reg[k]];
            }
            c->loop(operand, &m, advance, c->data);
        }
        for (int r = 0; r < f->nregs; r++)
            if (f->regs[r].place == OPERAND) at[r] += m * step[r];
    }
}

static rt_tensor *make_output(const rt_fused *f, int k)
{
    const rt_device cpu = {RT_CPU, 0};
    intptr_t size = 1;
    for (int d = 0; d < f->ndim; d++) size *= f->shape[d];
    rt_storage *s = rt_memory_alloc((size_t)size * rt_itemsize(f->out[k].dtype), cpu);
    return s ? rt_tensor_wrap(s, s->data, f->out[k].dtype, f->ndim, f->shape, f->out[k].steps) : NULL;
}

int rt_fused_run(const rt_fused *f, rt_tensor *const *in, rt_tensor **out)
{
    rt_plan plan;
    rt_exec e = {.loop = loop, .data = (void *)f, .nin = f->nin, .cost = f->cost};
    for (int k = 0; k < f->nout; k++)
        if (!(out[k] = make_output(f, k))) {
            while (k-- > 0) Py_CLEAR(out[k]);
            return -1;
        }
    rt_plan_init(&plan, f->ndim, f->shape);
    for (int k = 0; k < f->nin; k++) rt_plan_add(&plan, in[k]->data, in[k]->ndim, in[k]->shape, in[k]->steps);
    for (int k = 0; k < f->nout; k++) rt_plan_add(&plan, out[k]->data, f->ndim, f->shape, out[k]->steps);
    rt_plan_finish(&plan, 1);
    if (plan.size < UNLOCK) {
        rt_execute(&plan, &e);
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_execute(&plan, &e);
    Py_END_ALLOW_THREADS
    return 0;
}

/* ---- making ---- */

/* What each op computes in, from the operands it had. */
static int dtypes_of(const rt_op *op, int nin, const rt_operand *in, rt_dtype *compute, rt_dtype *made)
{
    rt_dtype promoted = rt_elementwise_promote(op, nin, in), result;
    if (promoted == RT_NODTYPE || rt_op_resolve(op, promoted, compute, &result) < 0) {
        PyErr_Clear();
        return -1;
    }
    *compute = rt_elementwise_compute(op, nin, in, *compute);
    *made = op->logic ? RT_b1 : op->real_result ? rt_dtype_to_real(*compute) : *compute;
    return 0;
}

int rt_fused_takes(const rt_op *op, int nin, const rt_operand *in, const rt_tensor *out)
{
    rt_dtype compute, made;
    if (op->family != RT_ELEMENTWISE || nin != op->nin || !out || out->node || out->size == 0) return 0;
    for (int i = 0; i < nin; i++)
        if (in[i].t ? in[i].t->storage->device.type != RT_CPU : in[i].none) return 0;
    if (dtypes_of(op, nin, in, &compute, &made) < 0) return 0;
    if (made != (rt_dtype)out->dtype && !rt_isa_now->casts[made][out->dtype]) return 0;
    return op->select || op->loops[compute] != NULL;
}

typedef struct {
    rt_fused *f;
    int nops;
    const rt_fused_op *ops;
    const rt_tensor **from;
    const rt_tensor *value[MOST_REGISTERS];     /* which tensor a register holds, or NULL */
    int last[MOST_REGISTERS];                   /* the op that reads it last */
    uint8_t busy[MOST_SCRATCH];
} maker;

static int new_register(maker *m, place p, int at, rt_dtype dtype, const rt_tensor *value)
{
    if (m->f->nregs == MOST_REGISTERS) return -1;
    m->f->regs[m->f->nregs] = (reg){(uint8_t)p, (uint8_t)at, (uint8_t)rt_itemsize(dtype)};
    m->value[m->f->nregs] = value;
    return m->f->nregs++;
}

static int new_scratch(maker *m, rt_dtype dtype, const rt_tensor *value)
{
    for (int s = 0; s < MOST_SCRATCH; s++) {
        if (m->busy[s]) continue;
        m->busy[s] = 1;
        return new_register(m, SCRATCH, s, dtype, value);
    }
    return -1;
}

static void free_scratch(maker *m, int r)
{
    if (m->f->regs[r].place != SCRATCH) return;
    m->busy[m->f->regs[r].at] = 0;
    m->value[r] = NULL;
}

static int emit(maker *m, rt_loop *fn, void *data, int nin, const int *regs, float cost)
{
    if (m->f->count == MOST_INSTRUCTIONS || !fn) return -1;
    instruction *c = &m->f->code[m->f->count++];
    *c = (instruction){.loop = fn, .data = data, .nin = (uint8_t)nin};
    for (int k = 0; k <= nin; k++) c->reg[k] = (uint8_t)regs[k];
    m->f->cost += cost;
    return 0;
}

/* The register of an operand as it is, then converted to `want` where needed (then *temporary is set). */
static int source(maker *m, const rt_operand *o, rt_dtype want, int *temporary)
{
    int pair[2];
    *temporary = 0;
    if (!o->t) {
        if (m->f->nnumbers == MOST_REGISTERS) return -1;
        if (rt_operand_store(o, want, m->f->numbers[m->f->nnumbers]) < 0) {
            PyErr_Clear();
            return -1;
        }
        return new_register(m, NUMBER, m->f->nnumbers++, want, NULL);
    }
    pair[0] = -1;
    for (int r = 0; r < m->f->nregs && pair[0] < 0; r++)
        if (m->value[r] == o->t) pair[0] = r;
    if (pair[0] < 0) {
        if (m->f->nin == RT_MAX_OPERANDS) return -1;
        m->from[m->f->nin] = o->t;
        pair[0] = new_register(m, OPERAND, m->f->nin++, (rt_dtype)o->t->dtype, o->t);
    }
    if ((rt_dtype)o->t->dtype == want || pair[0] < 0) return pair[0];
    if ((pair[1] = new_scratch(m, want, NULL)) < 0) return -1;
    *temporary = 1;
    return emit(m, rt_isa_now->casts[o->t->dtype][want], NULL, 1, pair, 0.1f) < 0 ? -1 : pair[1];
}

static int is_read_later(const maker *m, int op, const rt_tensor *t)
{
    for (int j = op + 1; j < m->nops; j++)
        for (int i = 0; i < m->ops[j].nin; i++)
            if (m->ops[j].in[i].t == t) return 1;
    return 0;
}

/* Where the result of op j goes: to memory when it is kept. */
static int target(maker *m, int j, rt_dtype dtype)
{
    const rt_tensor *t = m->ops[j].out;
    if (!m->ops[j].kept) return new_scratch(m, dtype, t);
    rt_fused *f = m->f;
    if (f->nout == RT_MAX_OPERANDS) return -1;
    f->out[f->nout].dtype = dtype;
    memcpy(f->out[f->nout].steps, t->steps, t->ndim * sizeof *t->steps);
    return new_register(m, OPERAND, f->nout++, dtype, t);        /* `at` is moved behind the inputs in the end */
}

/* Scratch that nothing reads any more: of one itemsize before the result is placed (exactly in place is allowed). */
static void free_sources(maker *m, int j, const int *regs, int *temporary, size_t itemsize, int all)
{
    for (int i = 0; i < m->ops[j].nin; i++) {
        const rt_tensor *t = m->ops[j].in[i].t;
        if (!t || (!all && m->f->regs[regs[i]].itemsize != itemsize)) continue;
        if (temporary[i]) {
            temporary[i] = 0;
            free_scratch(m, regs[i]);
        } else if (m->value[regs[i]] == t && !is_read_later(m, j, t)) {
            free_scratch(m, regs[i]);
        }
    }
}

static int add_op(maker *m, int j)
{
    const rt_fused_op *o = &m->ops[j];
    const rt_op *op = o->op;
    const rt_dtype result = (rt_dtype)o->out->dtype;
    rt_dtype compute, made;
    int regs[4], temporary[3] = {0, 0, 0}, pair[2];
    const float cost = strchr(op->expression, '(') ? 0.6f : 0.1f;
    if (dtypes_of(op, o->nin, o->in, &compute, &made) < 0) return -1;
    rt_loop *fn = op->select ? rt_isa_now->selects[__builtin_ctz((unsigned)rt_itemsize(compute))] : op->loops[compute];
    for (int i = 0; i < o->nin; i++)
        if ((regs[i] = source(m, &o->in[i], op->select && i == 0 ? RT_b1 : compute, &temporary[i])) < 0) return -1;
    free_sources(m, j, regs, temporary, rt_itemsize(made), 0);
    regs[o->nin] = made == result ? target(m, j, result) : new_scratch(m, made, NULL);
    if (regs[o->nin] < 0 || emit(m, fn, op->data, o->nin, regs, cost) < 0) return -1;
    free_sources(m, j, regs, temporary, 0, 1);
    if (made == result) return 0;
    pair[0] = regs[o->nin];
    if ((pair[1] = target(m, j, result)) < 0) return -1;
    if (emit(m, rt_isa_now->casts[made][result], NULL, 1, pair, 0.1f) < 0) return -1;
    free_scratch(m, pair[0]);
    return 0;
}

rt_fused *rt_fused_new(int n, const rt_fused_op *ops, const rt_tensor **from)
{
    rt_fused *f = PyMem_Calloc(1, sizeof *f);
    size_t widest = 1;
    maker m = {.f = f, .nops = n, .ops = ops, .from = from};
    if (!f) return NULL;
    f->ndim = ops[0].out->ndim;
    memcpy(f->shape, ops[0].out->shape, f->ndim * sizeof *f->shape);
    for (int j = 0; j < n; j++)
        if (add_op(&m, j) < 0 || f->nin + f->nout > RT_MAX_OPERANDS) {
            rt_fused_free(f);
            return NULL;
        }
    for (int r = 0; r < f->nregs; r++)
        if (f->regs[r].itemsize > widest) widest = f->regs[r].itemsize;
    f->block = SCRATCH_BYTES / (int)widest;
    for (int r = 0; r < f->nregs; r++) {
        int is_output = 0;
        for (int j = 0; j < n && f->regs[r].place == OPERAND && !is_output; j++) is_output = m.value[r] == ops[j].out;
        if (is_output) f->regs[r].at = (uint8_t)(f->regs[r].at + f->nin);
    }
    return f;
}
