/* execute: an inner loop over a plan.  The elements are numbered in the plan's order; a piece is a
 * range of numbers, walked as part of a row, whole rows, part of a row.  Pieces go to
 * threads when the whole is worth more than GRAIN_NS.  Operands whose memory holds another
 * dtype than the loop are converted through small buffers, BLOCK elements at a time.
 * Elementwise loops only: an element's result may not depend on how a row was cut.
 * Floor: backends.  Knows no Python, takes no memory. */
#include "backends/execute.h"
#include "backends/threads.h"
#include "backends/work.h"
#include <string.h>

#define GRAIN_NS 20000.0f    /* a piece is worth at least this; two of them are worth a second thread */
#define UNIT 1024            /* pieces are multiples of it: neighbours share no cache line */
#define BLOCK 1024           /* elements converted at once */
#define ITEM_BYTES 16        /* of the widest dtype */
#define SHORT_ROW 8          /* rows below this are exchanged with a longer dimension */
#define CACHE_LINE 64
#define EXCHANGE 512         /* rows walked together then */

typedef struct {
    const rt_plan *plan;
    const rt_exec *exec;
    int has_casts;
    char *to;                            /* where the last operand's elements go instead, packed; or NULL */
    uint32_t fixed;                      /* operands converted once: cast and step 0 everywhere */
    char constant[RT_MAX_OPERANDS][ITEM_BYTES];
} walk;

static intptr_t piece_elements(float cost)
{
    intptr_t n = cost > 0 ? (intptr_t)(GRAIN_NS / cost) : INTPTR_MAX / 4;
    return n < UNIT ? UNIT : n / UNIT * UNIT;
}

intptr_t rt_execute_grain(float cost) { return 2 * piece_elements(cost); }

/* One row, or a part of one, through the conversion buffers. */
static void row_with_casts(const walk *w, char *const *at, const intptr_t *steps, intptr_t n)
{
    char buffer[RT_MAX_OPERANDS][BLOCK * ITEM_BYTES] __attribute__((aligned(64)));
    const rt_exec *e = w->exec;
    int nop = w->plan->nop;
    char *args[RT_MAX_OPERANDS];
    intptr_t arg_steps[RT_MAX_OPERANDS];
    uint32_t each = 0;                   /* operands converted block by block */
    for (int k = 0; k < nop; k++) {
        args[k] = at[k];
        arg_steps[k] = steps[k];
        if (!e->cast[k]) continue;
        args[k] = buffer[k];
        if (k < e->nin && (w->fixed >> k & 1)) {
            args[k] = (char *)w->constant[k];
            arg_steps[k] = 0;
        } else if (k < e->nin && steps[k] == 0) {
            const intptr_t one = 1, pair[2] = {0, 0};
            e->cast[k]((char *[2]){at[k], buffer[k]}, &one, pair, NULL);
            arg_steps[k] = 0;
        } else {
            arg_steps[k] = e->itemsize[k];
            each |= 1u << k;
        }
    }
    for (intptr_t done = 0; done < n; done += BLOCK) {
        intptr_t m = n - done < BLOCK ? n - done : BLOCK;
        for (int k = 0; k < e->nin; k++) {
            if (!(each >> k & 1)) continue;
            const intptr_t pair[2] = {steps[k], e->itemsize[k]};
            e->cast[k]((char *[2]){at[k] + done * steps[k], buffer[k]}, &m, pair, NULL);
        }
        e->loop(args, &m, arg_steps, e->data);
        for (int k = e->nin; k < nop; k++) {
            if (!(each >> k & 1)) continue;
            const intptr_t pair[2] = {e->itemsize[k], steps[k]};
            e->cast[k]((char *[2]){buffer[k], at[k] + done * steps[k]}, &m, pair, NULL);
        }
        for (int k = 0; k < nop; k++)
            if (!(each >> k & 1)) args[k] += m * arg_steps[k];
    }
}

static inline void run_row(const walk *w, char **args, const intptr_t *steps, intptr_t n)
{
    if (w->has_casts) row_with_casts(w, args, steps, n);
    else w->exec->loop(args, &n, steps, w->exec->data);
}

/* Moves to the next row: the odometer of all dimensions but the last. */
static inline void next_row(const rt_plan *p, intptr_t *index, char **at)
{
    for (int d = p->ndim - 2; d >= 0; d--) {
        int carry = ++index[d] == p->shape[d];
        intptr_t move = carry ? 1 - p->shape[d] : 1;
        for (int k = 0; k < p->nop; k++) at[k] += move * p->steps[k][d];
        if (!carry) return;
        index[d] = 0;
    }
}

/* Elements begin..end of the plan, begin < end. */
static void run_range(void *context, intptr_t begin, intptr_t end)
{
    const walk *w = context;
    const rt_plan *p = w->plan;
    char *at[RT_MAX_OPERANDS], *args[RT_MAX_OPERANDS];
    intptr_t steps[RT_MAX_OPERANDS], index[RT_PLAN_NDIM];
    int nop = p->nop, last = p->ndim - 1;
    intptr_t length = last < 0 ? 1 : p->shape[last];
    for (int k = 0; k < nop; k++) {
        at[k] = p->data[k];
        steps[k] = last < 0 ? 0 : p->steps[k][last];
    }
    intptr_t row = begin / length, skip = begin % length, left = end - begin;
    for (int d = last - 1; d >= 0; d--) {
        index[d] = row % p->shape[d];
        row /= p->shape[d];
        for (int k = 0; k < nop; k++) at[k] += index[d] * p->steps[k][d];
    }
    if (w->to) at[nop - 1] = w->to - skip * steps[nop - 1];
    while (left > 0) {
        intptr_t n = length - skip < left ? length - skip : left;
        for (int k = 0; k < nop; k++) args[k] = at[k] + skip * steps[k];
        run_row(w, args, steps, n);
        left -= n;
        skip = 0;
        if (left > 0) next_row(p, index, at);
    }
}

/* An output that several elements share is folded in order, by its caller's own rules. */
static int has_shared_output(const rt_plan *p, int nin)
{
    for (int k = nin; k < p->nop; k++)
        for (int d = 0; d < p->ndim; d++)
            if (p->steps[k][d] == 0 && p->shape[d] > 1) return 1;
    return 0;
}

/* Converts once what is one element for the whole plan. */
static void convert_constants(walk *w)
{
    const rt_plan *p = w->plan;
    const intptr_t one = 1, steps[2] = {0, 0};
    for (int k = 0; k < w->exec->nin; k++) {
        if (!w->exec->cast[k]) continue;
        int fixed = 1;
        for (int d = 0; d < p->ndim && fixed; d++) fixed = p->steps[k][d] == 0;
        if (!fixed) continue;
        w->exec->cast[k]((char *[2]){p->data[k], w->constant[k]}, &one, steps, NULL);
        w->fixed |= 1u << k;
    }
}

static void run_plan(const rt_plan *p, const rt_exec *e, int has_casts)
{
    walk w = {.plan = p, .exec = e, .has_casts = has_casts};
    if (has_casts) convert_constants(&w);
    intptr_t piece = piece_elements(e->cost);
    if (p->size >= 2 * piece && !has_shared_output(p, e->nin)) rt_threads_for(p->size, piece, run_range, &w);
    else run_range(&w, 0, p->size);
}

/* Rows of a few elements cost more to begin than to walk.  Walks EXCHANGE of them at once
 * instead, column by column:  (..., m, few) becomes (..., m / EXCHANGE, few, EXCHANGE) and the rest. */
static void run_exchanged(const rt_plan *p, const rt_exec *e, int has_casts)
{
    int few = p->ndim - 1, many = few - 1;
    intptr_t chunk = p->shape[many] < EXCHANGE ? p->shape[many] : EXCHANGE;
    intptr_t chunks = p->shape[many] / chunk, rest = p->shape[many] % chunk;
    rt_plan q = *p;
    q.ndim = p->ndim + 1;
    q.shape[many] = chunks;
    q.shape[few] = p->shape[few];
    q.shape[few + 1] = chunk;
    q.size = p->size / p->shape[many] * (chunks * chunk);
    for (int k = 0; k < p->nop; k++) {
        q.steps[k][many] = p->steps[k][many] * chunk;
        q.steps[k][few + 1] = p->steps[k][many];
    }
    run_plan(&q, e, has_casts);
    if (!rest) return;
    q.shape[many] = 1;
    q.shape[few + 1] = rest;
    q.size = p->size / p->shape[many] * rest;
    for (int k = 0; k < p->nop; k++) q.data[k] += chunks * chunk * p->steps[k][many];
    run_plan(&q, e, has_casts);
}

void rt_execute_part(const rt_plan *p, const rt_exec *e, intptr_t begin, intptr_t end, char *to)
{
    walk w = {.plan = p, .exec = e, .to = to};
    if (begin >= end) return;
    for (int k = 0; k < p->nop; k++) w.has_casts |= e->cast[k] != NULL;
    if (w.has_casts) convert_constants(&w);
    run_range(&w, begin, end);
}

RT_WORK_LOCAL rt_work *rt_work_now;
int (*rt_work_is_locked)(void);

static __attribute__((noinline, cold)) void note_work(rt_work *w, const rt_plan *p, int has_casts)
{
    w->loops++;
    w->elements += (uint64_t)p->size;
    w->rows += (uint64_t)(p->ndim ? p->size / p->shape[p->ndim - 1] : 1);
    for (int k = 0; k < p->nop && p->ndim; k++) {
        const intptr_t step = p->steps[k][p->ndim - 1];
        if (step <= CACHE_LINE && step >= -CACHE_LINE) continue;
        w->jumping += (uint64_t)p->size;
        break;
    }
    if (has_casts) w->converted += (uint64_t)p->size;
    rt_work_unlocked(w);
}

void rt_execute(const rt_plan *p, const rt_exec *e)
{
    if (p->size <= 0) return;
    int has_casts = 0, last = p->ndim - 1;
    for (int k = 0; k < p->nop; k++) has_casts |= e->cast[k] != NULL;
    if (rt_work_now) note_work(rt_work_now, p, has_casts);
    if (last <= 0 && !has_casts && (float)p->size * e->cost < 2 * GRAIN_NS) {
        intptr_t n = p->size, steps[RT_MAX_OPERANDS];
        char *args[RT_MAX_OPERANDS];
        for (int k = 0; k < p->nop; k++) {
            args[k] = p->data[k];
            steps[k] = last < 0 ? 0 : p->steps[k][0];
        }
        e->loop(args, &n, steps, e->data);
        return;
    }
    if (last > 0 && last < RT_PLAN_NDIM - 1 && p->shape[last] < SHORT_ROW && p->shape[last - 1] >= 4 * SHORT_ROW
        && !has_shared_output(p, e->nin))
        run_exchanged(p, e, has_casts);
    else
        run_plan(p, e, has_casts);
}
