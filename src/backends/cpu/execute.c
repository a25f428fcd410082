/* execute: an inner loop over a plan.  The elements are numbered in the plan's order; a piece is a
 * range of numbers, walked as part of a row, whole rows, part of a row.  Pieces go to
 * threads when the whole is worth more than GRAIN_NS.  Operands whose memory holds another
 * dtype than the loop are converted through small buffers, BLOCK elements at a time.
 * Elementwise loops only: an element's result may not depend on how a row was cut.
 * Floor: backends.  Knows no Python, takes no memory. */
#include "backends/execute.h"
#include "backends/threads.h"
#include "backends/work.h"
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define GRAIN_NS 20000.0f    /* a piece is worth at least this; two of them are worth a second thread */
#define UNIT 1024            /* pieces are multiples of it: neighbours share no cache line */
#define BLOCK 1024           /* elements converted at once */
#define ITEM_BYTES 16        /* of the widest dtype */
#define SHORT_ROW 8          /* rows below this are exchanged with a longer dimension where a loop takes one at a time */
#define EXCHANGE 512         /* rows walked together then */
#define CACHE_LINE 64
#define TURN 8               /* lengths from which a transposed dimension counts */
#define STREAM_BYTES ((intptr_t)16 << 20)

typedef struct {
    const rt_plan *plan;
    const rt_exec *exec;
    int has_casts, stream, stream_casts;
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

/* Where operands stand, and how they advance along a row and from row to row. */
typedef struct {
    char *at[RT_MAX_OPERANDS];
    intptr_t steps[RT_MAX_OPERANDS], rows[RT_MAX_OPERANDS];
} place;

static void run_rows(const walk *w, const place *from, intptr_t count, intptr_t n)
{
    const rt_exec *e = w->exec;
    const int nop = w->plan->nop;
    const rt_rows rows = {count, from->rows, w->stream};
    char *args[RT_MAX_OPERANDS];
    memcpy(args, from->at, (size_t)nop * sizeof *args);
    if (e->rows) {
        e->loop(args, &n, from->steps, (void *)&rows);
        return;
    }
    for (intptr_t row = 0; row < count; row++) {
        for (int k = 0; k < nop; k++) args[k] = from->at[k] + row * from->rows[k];
        e->loop(args, &n, from->steps, e->data);
    }
}

/* count rows of n elements between memory and packed buffers; what does not advance is converted once. */
static void convert(rt_loop *cast, place *p, int k, char *buffer, int out, int size, intptr_t count, intptr_t n, int stream)
{
    if (!out && p->steps[k] == 0) n = 1;
    if (!out && p->rows[k] == 0) count = 1;
    const intptr_t steps[2] = {out ? size : p->steps[k], out ? p->steps[k] : size};
    const intptr_t by[2] = {out ? n * size : p->rows[k], out ? p->rows[k] : n * size};
    const rt_rows rows = {count, by, stream};
    cast((char *[2]){out ? buffer : p->at[k], out ? p->at[k] : buffer}, &n, steps, (void *)&rows);
    if (out) return;
    p->at[k] = buffer;
    p->rows[k] = p->rows[k] == 0 ? 0 : n * size;
    p->steps[k] = p->steps[k] == 0 ? 0 : size;
}

/* Rows, or a part of one, through the conversion buffers: count * n is at most BLOCK. */
static void run_block(const walk *w, const place *from, intptr_t count, intptr_t n)
{
    char buffer[RT_MAX_OPERANDS][BLOCK * ITEM_BYTES] __attribute__((aligned(64)));
    const rt_exec *e = w->exec;
    place p = *from, out = *from;
    for (int k = 0; k < w->plan->nop; k++) {
        if (!e->cast[k]) continue;
        if (k >= e->nin) {
            p.at[k] = buffer[k];
            p.steps[k] = e->itemsize[k];
            p.rows[k] = n * e->itemsize[k];
        } else if (w->fixed >> k & 1) {
            p.at[k] = (char *)w->constant[k];
        } else {
            convert(e->cast[k], &p, k, buffer[k], 0, e->itemsize[k], count, n, 0);
        }
    }
    run_rows(w, &p, count, n);
    for (int k = e->nin; k < w->plan->nop; k++)
        if (e->cast[k]) convert(e->cast[k], &out, k, buffer[k], 1, e->itemsize[k], count, n, w->stream_casts);
}

static void run_with_casts(const walk *w, const place *from, intptr_t count, intptr_t n)
{
    const intptr_t wide = n < BLOCK ? n : BLOCK, high = BLOCK / wide;
    for (intptr_t row = 0; row < count; row += high)
        for (intptr_t col = 0; col < n; col += wide) {
            place p = *from;
            for (int k = 0; k < w->plan->nop; k++) p.at[k] += row * p.rows[k] + col * p.steps[k];
            run_block(w, &p, count - row < high ? count - row : high, n - col < wide ? n - col : wide);
        }
}

/* Moves `by` rows on: the odometer of all dimensions but the last; at most to the end of the last but one. */
static inline void next_row(const rt_plan *p, intptr_t *index, char **at, intptr_t by)
{
    for (int d = p->ndim - 2; d >= 0; d--, by = 1) {
        index[d] += by;
        int carry = index[d] == p->shape[d];
        intptr_t move = carry ? by - p->shape[d] : by;
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
    char *at[RT_MAX_OPERANDS];
    intptr_t index[RT_PLAN_NDIM];
    place q;
    int nop = p->nop, last = p->ndim - 1;
    intptr_t length = last < 0 ? 1 : p->shape[last];
    for (int k = 0; k < nop; k++) {
        at[k] = p->data[k];
        q.steps[k] = last < 0 ? 0 : p->steps[k][last];
        q.rows[k] = last < 1 ? 0 : p->steps[k][last - 1];
    }
    intptr_t row = begin / length, skip = begin % length, left = end - begin;
    for (int d = last - 1; d >= 0; d--) {
        index[d] = row % p->shape[d];
        row /= p->shape[d];
        for (int k = 0; k < nop; k++) at[k] += index[d] * p->steps[k][d];
    }
    if (w->to) at[nop - 1] = w->to - skip * q.steps[nop - 1];
    while (left > 0) {
        intptr_t n = length - skip < left ? length - skip : left, count = 1;
        if (n == length && last > 0) {
            count = p->shape[last - 1] - index[last - 1];
            if (count > left / length) count = left / length;
        }
        for (int k = 0; k < nop; k++) q.at[k] = at[k] + skip * q.steps[k];
        if (w->has_casts) run_with_casts(w, &q, count, n);
        else run_rows(w, &q, count, n);
        left -= count * n;
        skip = 0;
        if (left > 0) next_row(p, index, at, count);
    }
#if defined(__x86_64__)
    if (w->stream | w->stream_casts) _mm_sfence();       /* others may read what went past the cache */
#endif
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

/* Where an input lies packed along another dimension than the last, that one comes next to it: loops transpose
 * tiles of two dimensions. */
static void bring_turned(rt_plan *p, int nin)
{
    const int last = p->ndim - 1;
    for (int k = 0; k < nin; k++) {
        int best = last;
        for (int d = 0; d < last; d++)
            if (p->steps[k][d] && p->shape[d] >= TURN && labs(p->steps[k][d]) < labs(p->steps[k][best])) best = d;
        if (best >= last - 1) continue;
        const intptr_t shape = p->shape[best];
        memmove(p->shape + best, p->shape + best + 1, (size_t)(last - 1 - best) * sizeof shape);
        p->shape[last - 1] = shape;
        for (int j = 0; j < p->nop; j++) {
            const intptr_t step = p->steps[j][best];
            memmove(p->steps[j] + best, p->steps[j] + best + 1, (size_t)(last - 1 - best) * sizeof step);
            p->steps[j][last - 1] = step;
        }
        return;
    }
}

static int is_turned(const rt_plan *p, int nin)
{
    const int last = p->ndim - 1;
    for (int k = 0; k < nin && last > 1; k++)
        for (int d = 0; d < last - 1; d++)
            if (p->steps[k][d] && p->shape[d] >= TURN && labs(p->steps[k][d]) < labs(p->steps[k][last])) return 1;
    return 0;
}

/* A result this large is not in the cache any more when it is read: its lines need not be fetched to be written. */
static int is_streamed(const rt_plan *p, const rt_exec *e)
{
    const int out = p->nop - 1;
    if (p->nop != e->nin + 1 || p->ndim == 0 || p->size < STREAM_BYTES / ITEM_BYTES) return 0;
    const intptr_t step = p->steps[out][p->ndim - 1];
    if (step <= 0 || step > ITEM_BYTES || p->size * step < STREAM_BYTES) return 0;
    for (int k = 0; k < e->nin; k++)
        if (p->data[k] == p->data[out]) return 0;
    return 1;
}

static void run_plan(const rt_plan *p, const rt_exec *e, int has_casts)
{
    walk w = {.plan = p, .exec = e, .has_casts = has_casts};
    const int stream = is_streamed(p, e);
    w.stream = stream && !e->cast[p->nop - 1];
    w.stream_casts = stream;
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
        e->loop(args, &n, steps, e->rows ? NULL : e->data);
        return;
    }
    if (!e->rows && last > 0 && last < RT_PLAN_NDIM - 1 && p->shape[last] < SHORT_ROW && p->shape[last - 1] >= 4 * SHORT_ROW
        && !has_shared_output(p, e->nin)) {
        run_exchanged(p, e, has_casts);
        return;
    }
    if (e->rows && is_turned(p, e->nin)) {
        rt_plan q = *p;
        bring_turned(&q, e->nin);
        run_plan(&q, e, has_casts);
        return;
    }
    run_plan(p, e, has_casts);
}
