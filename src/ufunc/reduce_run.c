/* reduce_run: the driver behind reduce.h.  It merges dimensions into kept and folded ones, cuts
 * the folded elements into blocks, hands each (block, results) to a kernel, directly where the
 * memory allows and through a small buffer otherwise, and folds the blocks' partial results.
 * The GIL is given back for large work.  Floor: ufunc. */
#include <string.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/reduce.h"

#define BLOCK RT_REDUCE_BLOCK
#define BUFFER 65536            /* bytes: a block of 4 columns of the widest dtype */
#define GRAIN 32768             /* elements a thread takes at least */
#define SHORTEST 16             /* elements of a packed piece that is worth a call */
#define BLOCKS_AT_ONCE 8        /* of one result, in pieces */
#define RELEASE_GIL 200000      /* elements */

typedef struct {
    int ndim;
    intptr_t size, shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
} walk;

typedef struct {
    const rt_reducer *kernel;
    rt_loop *cast;              /* NULL: elements are of the compute dtype already */
    walk kept, folded;
    const char *data, *center;
    char *parts;                /* [blocks][results], each out_size bytes; the results when one block */
    intptr_t size, center_size, out_size, blocks;      /* size: of what a kernel is given */
    int columns;                /* neighbouring results are neighbours in memory */
    int plain;                  /* what is folded are the elements themselves, in their dtype */
    int bundle;                 /* a kernel may take several results in one call */
    int rowwise;                /* blocks of one result lie closer than those of different ones, and follow each other */
    int pieces;                 /* elements lie in long packed pieces */
    int line;                   /* one result of elements at one step: its blocks are taken many in one call */
    int settled;                /* the truth value that no other element changes; -1: there is none */
} job;

static void walk_add(walk *w, intptr_t n, intptr_t step)
{
    w->size *= n;
    if (n == 1) return;
    if (w->ndim && w->steps[w->ndim - 1] == n * step) {
        w->shape[w->ndim - 1] *= n;
        w->steps[w->ndim - 1] = step;
        return;
    }
    w->shape[w->ndim] = n;
    w->steps[w->ndim++] = step;
}

static intptr_t walk_last(const walk *w, intptr_t *step)
{
    *step = w->ndim ? w->steps[w->ndim - 1] : 0;
    return w->ndim ? w->shape[w->ndim - 1] : 1;
}

/* Offset of element i, and how many follow at the innermost step. */
static intptr_t walk_at(const walk *w, intptr_t i, intptr_t *left)
{
    intptr_t offset = 0;
    *left = 1;
    for (int d = w->ndim - 1; d >= 0; d--) {
        const intptr_t n = w->shape[d], k = d ? i % n : i;
        if (d == w->ndim - 1) *left = n - k;
        offset += k * w->steps[d];
        i = d ? i / n : 0;
    }
    return offset;
}

static void copy_row(const job *j, const char *x, intptr_t step, intptr_t n, char *to)
{
    if (j->cast) {
        char *args[2] = {(char *)x, to};
        const intptr_t steps[2] = {step, j->size};
        j->cast(args, &n, steps, NULL);
        return;
    }
    if (step == j->size) {
        memcpy(to, x, (size_t)(n * j->size));
        return;
    }
    switch (j->size) {
#define CASE(bytes, type) case bytes: for (intptr_t i = 0; i < n; i++) ((type *)to)[i] = *(const type *)(x + i * step); break
    CASE(1, uint8_t);
    CASE(2, uint16_t);
    CASE(4, uint32_t);
    CASE(8, uint64_t);
    default: for (intptr_t i = 0; i < n; i++) memcpy(to + i * 16, x + i * step, 16);
#undef CASE
    }
}

static void kernel_block(const job *j, const char *x, intptr_t n, intptr_t step, intptr_t at, char *out)
{
    if (j->center) j->kernel->block_about(x, n, step, j->center + at * j->center_size, out);
    else j->kernel->block(x, n, step, out);
}

static void kernel_columns(const job *j, const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col,
                           intptr_t at, char *out)
{
    if (j->center) j->kernel->columns_about(x, n, step, m, col, j->center + at * j->center_size, out);
    else j->kernel->columns(x, n, step, m, col, out);
}

/* Elements [i, i + n) of one result's line. */
static void line_block(const job *j, const char *x, intptr_t i, intptr_t n, intptr_t at, char *out)
{
    intptr_t left, step, done = 0;
    walk_last(&j->folded, &step);
    intptr_t offset = walk_at(&j->folded, i, &left);
    if (left >= n && !j->cast) {
        kernel_block(j, x + offset, n, step, at, out);
        return;
    }
    char buf[BLOCK * 16] __attribute__((aligned(64)));
    while (done < n) {
        offset = walk_at(&j->folded, i + done, &left);
        if (left > n - done) left = n - done;
        copy_row(j, x + offset, step, left, buf + done * j->size);
        done += left;
    }
    kernel_block(j, buf, n, j->size, at, out);
}

/* The tree over whole rows of m results, where a result is folded as its elements are: 32 rows of lanes, one block. */
static void column_rows(const job *j, const char *x, intptr_t i, intptr_t n, intptr_t m, intptr_t col, char *out)
{
    enum { LANES = RT_REDUCE_LANES };
    char lanes[BUFFER / 2] __attribute__((aligned(64))), row[BUFFER / 2 / LANES] __attribute__((aligned(64)));
    const intptr_t tile = sizeof lanes / LANES / (size_t)j->size, last = j->folded.ndim ? j->folded.steps[j->folded.ndim - 1] : 0;
    for (intptr_t k = 0, w; k < m; k += w) {
        w = m - k < tile ? m - k : tile;
        const intptr_t line = w * j->size;
        intptr_t left = 0, offset = 0, used = n < LANES ? n : LANES;
        for (intptr_t r = 0; r < n; r++, offset += last, left--) {
            if (left == 0) offset = walk_at(&j->folded, i + r, &left);
            const char *from = x + offset + k * col;
            char *const lane = lanes + r % LANES * line;
            if (r < LANES) {
                copy_row(j, from, col, w, lane);
                continue;
            }
            if (j->cast || col != j->size) {
                copy_row(j, from, col, w, row);
                from = row;
            }
            j->kernel->combine(lane, from, w, 1);
        }
        for (intptr_t half = LANES / 2; half; half /= 2) {
            if (used > half) j->kernel->combine(lanes, lanes + half * line, (used - half) * w, 1);
            if (used > half) used = half;
        }
        memcpy(out + k * j->out_size, lanes, (size_t)line);
    }
}

/* The same of m neighbouring results (`at` the first's number) whose elements lie `col` apart. */
static void column_block(const job *j, const char *x, intptr_t i, intptr_t n, intptr_t m, intptr_t col,
                         intptr_t at, char *out)
{
    intptr_t left, step;
    walk_last(&j->folded, &step);
    intptr_t offset = walk_at(&j->folded, i, &left);
    if (left >= n && !j->cast) {
        kernel_columns(j, x + offset, n, step, m, col, at, out);
        return;
    }
    if (j->plain && m * j->size >= 64) {
        column_rows(j, x, i, n, m, col, out);
        return;
    }
    char buf[BUFFER] __attribute__((aligned(64)));
    intptr_t tile = BUFFER / (n * j->size);
    for (intptr_t k = 0; k < m; k += tile) {
        const intptr_t w = m - k < tile ? m - k : tile;
        left = 0;
        for (intptr_t row = 0; row < n; row++, offset += step, left--) {
            if (left == 0) offset = walk_at(&j->folded, i + row, &left);
            copy_row(j, x + offset + k * col, col, w, buf + row * w * j->size);
        }
        kernel_columns(j, buf, n, w * j->size, w, j->size, at + k, out + k * j->out_size);
        left = 0;
    }
}

/* Blocks [block, block + count) where elements lie in packed pieces: each is folded into the lanes of its result and block,
 * a piece for all of them in turn, so that what lies side by side is read so and none waits for the piece before. */
static void blocks_in_pieces(const job *j, const char *x, intptr_t block, intptr_t count, intptr_t m, intptr_t col, char *out)
{
    enum { LANES_OF_ONE = RT_REDUCE_ROOM / RT_REDUCE_AT_ONCE };
    char lanes[RT_REDUCE_ROOM] __attribute__((aligned(64)));
    const intptr_t most = RT_REDUCE_AT_ONCE / count;
    for (intptr_t k = 0, w; k < m; k += w) {
        intptr_t at[BLOCKS_AT_ONCE] = {0}, left;
        w = m - k < most ? m - k : most;
        for (int more = 1; more;) {
            more = 0;
            for (intptr_t q = 0; q < count; q++) {
                const intptr_t i = (block + q) * BLOCK, n = j->folded.size - i < BLOCK ? j->folded.size - i : BLOCK;
                if (at[q] == n) continue;
                const intptr_t offset = walk_at(&j->folded, i + at[q], &left) + k * col;
                if (left > n - at[q]) left = n - at[q];
                j->kernel->piece(x + offset, left, at[q], w, col, lanes + q * w * LANES_OF_ONE,
                                 at[q] + left == n ? out + (q * j->kept.size + k) * j->out_size : NULL);
                at[q] += left;
                more |= at[q] < n;
            }
        }
    }
}

static void arg_shift(char *pairs, intptr_t m, intptr_t by)
{
    for (intptr_t k = 0; k < m; k++) *(int64_t *)(pairs + k * 16 + 8) += by;
}

/* Whole blocks u <= .. < end of one result, as if they were columns; returns the first that was not folded. A truth value
 * is settled by a block that says so: the others of a thread's share say the same. */
static intptr_t run_line(const job *j, intptr_t u, intptr_t end)
{
    const intptr_t step = j->folded.steps[0], whole = j->folded.size / BLOCK, at_once = j->settled < 0 ? whole : 8;
    if (end > whole) end = whole;
    for (intptr_t m; u < end; u += m) {
        char *const out = j->parts + u * j->out_size;
        m = end - u < at_once ? end - u : at_once;
        j->kernel->columns(j->data + u * BLOCK * step, BLOCK, step, m, BLOCK * step, out);
        if (j->settled >= 0 && memchr(out, j->settled, (size_t)m)) {
            memset(out, j->settled, (size_t)(end - u));
            return end;
        }
    }
    return u;
}

static void run_rows(const job *j, intptr_t begin, intptr_t end)
{
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t at = u / j->blocks, block = u % j->blocks, i = block * BLOCK;
        char *out = j->parts + (block * j->kept.size + at) * j->out_size;
        intptr_t left;
        line_block(j, j->data + walk_at(&j->kept, at, &left), i, j->folded.size - i < BLOCK ? j->folded.size - i : BLOCK, at, out);
        if (block && j->out_size == 16 && j->kernel->accumulate != RT_c128) arg_shift(out, 1, i);
    }
}

/* One unit of work is one result's share of one block; unit u is result u mod results of
 * block u / results, or the other way round where that is rowwise. */
static void run_units(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const intptr_t results = j->kept.size;
    intptr_t col;
    walk_last(&j->kept, &col);
    if (j->rowwise) {
        run_rows(j, begin, end);
        return;
    }
    if (j->line) begin = run_line(j, begin, end);
    for (intptr_t u = begin; u < end;) {
        const intptr_t block = u / results, at = u % results, i = block * BLOCK;
        const intptr_t n = j->folded.size - i < BLOCK ? j->folded.size - i : BLOCK;
        intptr_t m;
        const char *x = j->data + walk_at(&j->kept, at, &m);
        char *out = j->parts + u * j->out_size;
        if (m > end - u) m = end - u;
        if (j->pieces) {
            const intptr_t count = results > 1 || j->settled >= 0 ? 1 : end - u < BLOCKS_AT_ONCE ? end - u : BLOCKS_AT_ONCE;
            blocks_in_pieces(j, x, block, count, m, col, out);
            m *= count;
        } else if (j->bundle) {
            column_block(j, x, i, n, m, col, at, out);
        } else {
            for (intptr_t k = 0; k < m; k++) line_block(j, x + k * col, i, n, at + k, out + k * j->out_size);
        }
        if (block && j->out_size == 16 && j->kernel->accumulate != RT_c128) arg_shift(out, m, i);
        u += m;
        if (j->settled >= 0 && results == 1 && *(const uint8_t *)out == j->settled) {
            memset(out + 1, j->settled, (size_t)(end - u));
            return;
        }
    }
}

/* ((b0 b1)(b2 b3)) ..., every result apart. */
static void run_folds(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const intptr_t row = j->kept.size * j->out_size;
    if (j->kept.size == 1) {
        rt_reduce_join(j->kernel, j->parts, j->blocks, j->out_size);
        return;
    }
    for (intptr_t gap = 1; gap < j->blocks; gap *= 2)
        for (intptr_t b = 0; b + gap < j->blocks; b += 2 * gap)
            j->kernel->combine(j->parts + b * row + begin * j->out_size,
                               j->parts + (b + gap) * row + begin * j->out_size, end - begin, 1);
}

static void run_blocks(job *j)
{
    const intptr_t n = j->folded.size < BLOCK ? j->folded.size : BLOCK;
    const intptr_t results = j->kept.size;
    intptr_t grain = GRAIN / n;
    if (grain < 1) grain = 1;
    if (j->columns && grain < 64) grain = 64;
    if (j->columns && j->blocks > 1 && results <= 4096) grain = results * (1 + grain / results);   /* whole rows */
    rt_threads_for(results * j->blocks, grain, run_units, j);
}

static void run_all(job *j)
{
    const intptr_t results = j->kept.size;
    run_blocks(j);
    if (j->blocks > 1) rt_threads_for(results, 1 + GRAIN / j->blocks, run_folds, j);
}

/* Where order cannot change a bit, folded dimensions go largest step first. */
static void walk_all(job *j, const rt_reduction *r)
{
    const rt_tensor *x = r->x;
    const int free_order = r->kind <= RT_REDUCE_ALL && r->kind != RT_REDUCE_ARGMAX && r->kind != RT_REDUCE_ARGMIN
        && !rt_dtype_is_inexact(r->compute);
    int order[RT_MAX_NDIM], n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (!(r->mask >> d & 1)) {
            walk_add(&j->kept, x->shape[d], x->steps[d]);
            continue;
        }
        int k = n++;
        for (; free_order && k > 0 && Py_ABS(x->steps[order[k - 1]]) < Py_ABS(x->steps[d]); k--) order[k] = order[k - 1];
        order[k] = d;
    }
    for (int k = 0; k < n; k++) walk_add(&j->folded, x->shape[order[k]], x->steps[order[k]]);
}

static void prepare(job *j, const rt_reduction *r)
{
    const rt_tensor *x = r->x;
    const rt_reducer *row = rt_isa_now->reducers[r->kind];
    const int widens = x->dtype != r->compute && row[x->dtype].block && row[x->dtype].accumulate == r->compute;
                                                                   /* a kernel of its own that computes so */
    const rt_dtype taken = widens ? (rt_dtype)x->dtype : r->compute;
    j->kernel = &row[taken];
    j->cast = x->dtype == taken ? NULL : rt_isa_now->casts[x->dtype][taken];
    j->data = x->data;
    j->center = r->center;
    j->size = (intptr_t)rt_itemsize(taken);
    j->center_size = (intptr_t)rt_itemsize(r->compute);
    j->out_size = r->kind == RT_REDUCE_ARGMAX || r->kind == RT_REDUCE_ARGMIN
        ? 16 : (intptr_t)rt_itemsize(j->kernel->accumulate);
    j->kept.ndim = j->folded.ndim = 0;
    j->kept.size = j->folded.size = 1;
    walk_all(j, r);
    j->blocks = (j->folded.size + BLOCK - 1) / BLOCK;
    j->parts = r->out;
    j->settled = r->kind == RT_REDUCE_ANY ? 1 : r->kind == RT_REDUCE_ALL ? 0 : -1;
    intptr_t step, along;
    const intptr_t m = walk_last(&j->kept, &step), item = (intptr_t)rt_tensor_itemsize(x);
    j->columns = m * item >= 32 && step == item;
    j->plain = r->kind <= RT_REDUCE_ALL && r->kind != RT_REDUCE_ARGMAX && r->kind != RT_REDUCE_ARGMIN
        && j->kernel->accumulate == taken;
    j->line = j->kept.size == 1 && j->folded.ndim == 1 && j->blocks > 1 && !j->cast && !j->center;
    j->pieces = walk_last(&j->folded, &along) >= SHORTEST && along == j->size && j->folded.ndim > 1
        && !j->cast && !j->center && j->kernel->piece;
    j->rowwise = j->blocks > 1 && j->kept.size > 1 && j->folded.ndim == 1 && !j->columns && Py_ABS(along) < Py_ABS(step);
    j->bundle = j->columns || (m > 1 && !j->cast && j->folded.ndim <= 1);
}

/* Places in lines of many blocks: the extreme of every block first, then the place in the block that holds the line's. */
static void find_places(const job *places, const job *values)
{
    const intptr_t results = places->kept.size, size = values->out_size;
    for (intptr_t k = 0; k < results; k++) {
        char best[16] = {0}, other[16] = {0};
        intptr_t left;
        for (intptr_t b = 0; b < values->blocks; b++) {
            char *const to = b ? other : best;
            memcpy(to, values->parts + (b * results + k) * size, (size_t)size);
            *(int64_t *)(to + 8) = b;
            if (b) places->kernel->combine(best, other, 1, 1);
        }
        const intptr_t i = *(int64_t *)(best + 8) * BLOCK, n = places->folded.size - i;
        char *const out = places->parts + k * 16;
        line_block(places, places->data + walk_at(&places->kept, k, &left), i, n < BLOCK ? n : BLOCK, k, out);
        arg_shift(out, 1, i);
    }
}

static int run_places(const rt_reduction *r, const job *places)
{
    rt_reduction extremes = *r;
    extremes.kind = r->kind == RT_REDUCE_ARGMAX ? RT_REDUCE_MAX : RT_REDUCE_MIN;
    job j;
    prepare(&j, &extremes);
    const intptr_t work = j.kept.size * j.folded.size;
    rt_storage *parts = rt_memory_alloc((size_t)(j.blocks * j.kept.size * j.out_size), (rt_device){RT_CPU, 0});
    if (!parts) return -1;
    j.parts = parts->data;
    if (work > RELEASE_GIL) {
        Py_BEGIN_ALLOW_THREADS
        run_blocks(&j);
        find_places(places, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_blocks(&j);
        find_places(places, &j);
    }
    rt_storage_release(parts);
    return 0;
}

int rt_reduce_run(const rt_reduction *r)
{
    job j;
    prepare(&j, r);
    if ((r->kind == RT_REDUCE_ARGMAX || r->kind == RT_REDUCE_ARGMIN) && j.blocks > 1 && !j.columns && j.kept.size > 0)
        return run_places(r, &j);
    const intptr_t results = j.kept.size * j.out_size, work = j.kept.size * j.folded.size;
    rt_storage *parts = NULL;
    if (work == 0) return 0;
    if (j.blocks > 1 && (j.kept.size > 0)) {
        parts = rt_memory_alloc((size_t)(j.blocks * results), (rt_device){RT_CPU, 0});
        if (!parts) return -1;
        j.parts = parts->data;
    }
    if (work > RELEASE_GIL) {
        Py_BEGIN_ALLOW_THREADS
        run_all(&j);
        Py_END_ALLOW_THREADS
    } else if (work <= BLOCK) {
        run_units(&j, 0, j.kept.size);
    } else {
        run_all(&j);
    }
    if (parts) memcpy(r->out, j.parts, (size_t)results);
    rt_storage_release(parts);
    return 0;
}

rt_dtype rt_reduce_compute(rt_reduce_kind kind, rt_dtype d)
{
    const rt_kind k = rt_dtype_kind(d);
    if (kind == RT_REDUCE_ANY || kind == RT_REDUCE_ALL || kind == RT_REDUCE_NONZERO) return RT_b1;
    if (d == RT_f16 || d == RT_bf16) return RT_f32;
    if (kind == RT_REDUCE_SUM || kind == RT_REDUCE_PROD)
        return k >= RT_KIND_FLOAT ? d : d == RT_u64 ? RT_u64 : RT_i64;
    if (kind == RT_REDUCE_SUMSQ) return k >= RT_KIND_FLOAT ? d : RT_f64;
    return k == RT_KIND_COMPLEX ? RT_NODTYPE : d;
}
