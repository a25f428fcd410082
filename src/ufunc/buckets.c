/* buckets: a long line of keys put in order by all threads.  A sample says how: when it holds few different keys they
 * are counted; otherwise the line is split in place at keys of the sample, its halves likewise, and the parts are
 * sorted each for itself.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/values.h"

enum { SAMPLE = 512, BLOCK = 1024, MOST_PIECES = 16, MOST_PARTS = 64 };

typedef struct {
    const rt_long_line *line;
    rt_keys_range range;        /* of the keys that are counted; the outer two stand for all beyond them */
    const rt_quick *quick;
    void (*number)(const void *keys, intptr_t n, const rt_keys_range *range, uint16_t *out);
    intptr_t pieces;            /* as many as threads, of one length */
    rt_keys_found found[MOST_PIECES];
    uint32_t *counts;           /* of piece p and number k: counts[p * RT_KEYS_RANGE + k] */
    intptr_t *start;            /* of each number's keys, and the end of the last */
    int parts, width;           /* a power of two; as many of them are not yet divided */
    int64_t splitters[MOST_PARTS];      /* keys that part k and those after it begin with */
    intptr_t bounds[MOST_PARTS + 1];
} job;

static int64_t key_at(const void *keys, intptr_t i, int size)
{
    return size == 4 ? ((const int32_t *)keys)[i] : ((const int64_t *)keys)[i];
}

/* Reads the sample and finds the splitters; 1 when it holds few keys. */
static int plan(job *j)
{
    const rt_long_line *l = j->line;
    union { int32_t narrow[SAMPLE]; int64_t wide[SAMPLE]; } sample;
    const int64_t least = l->size == 4 ? INT32_MIN : INT64_MIN, most = l->size == 4 ? INT32_MAX : INT64_MAX;
    rt_keys_found found = {0, 0};
    uint64_t seed = (uint64_t)l->n;
    const intptr_t part = l->n / SAMPLE;
    for (int i = 0; i < SAMPLE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const intptr_t at = i * part + (intptr_t)((seed >> 33) % (uint64_t)part);
        l->read(l->ctx, at, at + 1, (char *)&sample + i * l->size, &found);
    }
    j->quick->sort(&sample, SAMPLE);
    for (int k = 1; k < j->parts; k++) j->splitters[k] = key_at(&sample, k * SAMPLE / j->parts, l->size);
    const int first = l->flip ? (int)found.nans : 0, last = l->flip ? SAMPLE - 1 : SAMPLE - 1 - (int)found.nans;
    if (last <= first) return 0;
    j->range.low = key_at(&sample, first, l->size), j->range.high = key_at(&sample, last, l->size);
    if ((uint64_t)j->range.high - (uint64_t)j->range.low >= RT_KEYS_RANGE - 2) return 0;
    j->range.low -= j->range.low > least, j->range.high += j->range.high < most;
    return 1;
}

/* ---- counting ---- */
static void count(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    int64_t keys[BLOCK];
    uint16_t numbers[BLOCK];
    uint32_t apart[4][RT_KEYS_RANGE];              /* neighbours that are equal would wait for one another */
    for (intptr_t p = begin; p < end; p++) {
        const intptr_t stop = l->n * (p + 1) / j->pieces;
        memset(apart, 0, sizeof apart);
        for (intptr_t i = l->n * p / j->pieces; i < stop; i += BLOCK) {
            const intptr_t m = stop - i < BLOCK ? stop - i : BLOCK;
            l->read(l->ctx, i, i + m, keys, &j->found[p]);
            j->number(keys, m, &j->range, numbers);
            for (intptr_t k = 0; k < m; k++) apart[k & 3][numbers[k]]++;
        }
        for (int k = 0; k < RT_KEYS_RANGE; k++)
            j->counts[p * RT_KEYS_RANGE + k] = apart[0][k] + apart[1][k] + apart[2][k] + apart[3][k];
    }
}

/* 1 when no key is beyond those of the sample, so that counts say all. */
static int sum_counts(job *j)
{
    const int64_t least = j->line->size == 4 ? INT32_MIN : INT64_MIN, most = j->line->size == 4 ? INT32_MAX : INT64_MAX;
    const intptr_t top = (intptr_t)(j->range.high - j->range.low);
    intptr_t sum = 0;
    for (int k = 0; k < RT_KEYS_RANGE; k++) {
        j->start[k] = sum;
        for (intptr_t p = 0; p < j->pieces; p++) sum += j->counts[p * RT_KEYS_RANGE + k];
    }
    j->start[RT_KEYS_RANGE] = sum;
    return (j->range.low == least || j->start[0] == j->start[1])
        && (j->range.high == most || j->start[top] == j->start[top + 1]);
}

static void fill(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    for (intptr_t k = begin; k < end; k++) {
        const intptr_t from = j->start[k], to = j->start[k + 1];
        char *const keys = (char *)l->keys + from * l->size;
        const int64_t only = j->range.low + k;
        if (from == to) continue;
        if (l->size == 4) for (intptr_t i = 0; i < to - from; i++) ((int32_t *)keys)[i] = (int32_t)only;
        else for (intptr_t i = 0; i < to - from; i++) ((int64_t *)keys)[i] = only;
        if (l->done) l->done(l->ctx, from, to, keys);
    }
}

/* ---- splitting ---- */
static void read_piece(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    for (intptr_t p = begin; p < end; p++) {
        const intptr_t from = l->n * p / j->pieces, to = l->n * (p + 1) / j->pieces;
        l->read(l->ctx, from, to, (char *)l->keys + from * l->size, &j->found[p]);
    }
}

static void halve(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    for (intptr_t i = begin; i < end; i++) {
        const intptr_t from = j->bounds[i * j->width], to = j->bounds[(i + 1) * j->width], k = i * j->width + j->width / 2;
        j->bounds[k] = from + j->quick->split((char *)l->keys + from * l->size, to - from, j->splitters[k]);
    }
}

static void sort_part(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    for (intptr_t k = begin; k < end; k++) {
        const intptr_t from = j->bounds[k], to = j->bounds[k + 1];
        char *const keys = (char *)l->keys + from * l->size;
        if (from == to) continue;
        j->quick->sort(keys, to - from);
        if (l->done) l->done(l->ctx, from, to, keys);
    }
}

static void split_and_sort(job *j)
{
    memset(j->found, 0, sizeof j->found);
    rt_threads_for(j->pieces, 1, read_piece, j);
    j->bounds[0] = 0, j->bounds[j->parts] = j->line->n;
    for (j->width = j->parts; j->width > 1; j->width /= 2) rt_threads_for(j->parts / j->width, 1, halve, j);
    rt_threads_for(j->parts, 1, sort_part, j);
}

int rt_long_line_sort(const rt_long_line *line, rt_keys_found *found)
{
    job j = {.line = line, .quick = rt_isa_now->quick[line->size], .parts = 16, .pieces = rt_threads_count(),
             .number = rt_isa_now->keys[line->size == 4 ? RT_i32 : RT_i64].number};
    rt_storage *room = NULL;
    int counted = 0;
    while (j.parts < MOST_PARTS && j.parts < 4 * j.pieces) j.parts *= 2;
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    const int few = plan(&j);
    if (!few && j.pieces == 1) return 0;
    if (few) {
        const size_t starts = (RT_KEYS_RANGE + 1) * sizeof *j.start;
        room = rt_memory_alloc(starts + (size_t)j.pieces * RT_KEYS_RANGE * sizeof *j.counts, (rt_device){RT_CPU, 0});
        if (!room) return -1;
        j.start = (intptr_t *)room->data;
        j.counts = (uint32_t *)(room->data + starts);
    }
    Py_BEGIN_ALLOW_THREADS
    if (few) {
        rt_threads_for(j.pieces, 1, count, &j);
        counted = sum_counts(&j);
    }
    if (counted) rt_threads_for(RT_KEYS_RANGE, 1, fill, &j);
    else split_and_sort(&j);
    Py_END_ALLOW_THREADS
    for (intptr_t p = 0; p < j.pieces; p++) {
        found->nans += j.found[p].nans;
        found->negative_zeros += j.found[p].negative_zeros;
    }
    if (room) rt_storage_release(room);
    return 1;
}
