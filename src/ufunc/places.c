/* places: a long line sorted with the places its elements had.  Words of 31 bits of an element's key above the 32 bits
 * of its place are put in order by all threads (buckets.c); where keys share those bits, the next ones decide, so that
 * equal elements keep their order.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/values.h"

enum { BLOCK = 1024, UPPER = 31, INSERTED = 16, MOST_PIECES = 64 };

typedef struct {
    const rt_places *p;
    const rt_keys *kind;
    void *keys;
    int64_t *words;
    intptr_t n, pieces;
    int64_t flip, low[MOST_PIECES], high[MOST_PIECES];
    int shift;
} job;

static intptr_t piece_start(const job *j, intptr_t piece) { return j->n * piece / j->pieces; }
static int64_t key_of(const job *j, uint32_t place)
{
    return j->kind->size == 4 ? ((const int32_t *)j->keys)[place] : ((const int64_t *)j->keys)[place];
}

/* Keys, in which -0 and 0 are made equal, and their bounds. */
#define READ(type) \
    for (intptr_t e = 0; e < m; e++) { \
        type *const k = (type *)j->keys + i + e; \
        if (found.negative_zeros && *k == (type)(-1 ^ j->flip)) *k = (type)j->flip; \
        low = *k < low ? *k : low; \
        high = *k > high ? *k : high; \
    }

static void read_keys(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    for (intptr_t piece = begin; piece < end; piece++) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (intptr_t i = piece_start(j, piece), stop = piece_start(j, piece + 1); i < stop; i += BLOCK) {
            const intptr_t m = stop - i < BLOCK ? stop - i : BLOCK;
            rt_keys_found found = {0, 0};
            j->kind->read(j->p->x + i * j->p->step, j->p->step, m, j->flip, (char *)j->keys + i * j->kind->size, &found);
            if (j->kind->size == 4) {
                READ(int32_t)
            } else {
                READ(int64_t)
            }
        }
        j->low[piece] = low, j->high[piece] = high;
    }
}

static void read_words(const void *ctx, intptr_t begin, intptr_t end, void *to, rt_keys_found *found)
{
    const job *j = ctx;
    int64_t *w = to;
    (void)found;
    if (j->kind->size == 4) {
        const int32_t *k = j->keys, low = (int32_t)j->low[0];
        for (intptr_t i = begin; i < end; i++) w[i - begin] = (int64_t)((uint64_t)(((uint32_t)k[i] - (uint32_t)low) >> j->shift) << 32 | (uint64_t)i);
    } else {
        const int64_t *k = j->keys, low = j->low[0];
        for (intptr_t i = begin; i < end; i++) w[i - begin] = (int64_t)((((uint64_t)k[i] - (uint64_t)low) >> j->shift) << 32 | (uint64_t)i);
    }
}

/* n words whose keys agree above the lowest `shift` bits, by those. */
static void settle(const job *j, int64_t *w, intptr_t n, int shift)
{
    if (n <= INSERTED) {
        for (intptr_t a = 1; a < n; a++) {
            const int64_t v = w[a], k = key_of(j, (uint32_t)v);
            intptr_t b = a;
            for (int64_t other; b > 0; w[b] = w[b - 1], b--) {
                other = key_of(j, (uint32_t)w[b - 1]);
                if (other < k || (other == k && (uint32_t)w[b - 1] < (uint32_t)v)) break;
            }
            w[b] = v;
        }
        return;
    }
    const int next = shift > UPPER ? shift - UPPER : 0;
    const uint64_t mask = ((uint64_t)1 << (shift - next)) - 1;
    for (intptr_t i = 0; i < n; i++) {
        const uint32_t place = (uint32_t)w[i];
        w[i] = (int64_t)(((((uint64_t)key_of(j, place) - (uint64_t)j->low[0]) >> next) & mask) << 32 | place);
    }
    rt_isa_now->quick[8]->sort(w, n);
    if (next == 0) return;
    for (intptr_t i = 0, e; i < n; i = e) {
        for (e = i + 1; e < n && w[e] >> 32 == w[i] >> 32; e++);
        if (e - i > 1) settle(j, w + i, e - i, next);
    }
}

/* The first word of a piece, moved on so that no run of equal upper bits is cut. */
static intptr_t uncut(const job *j, intptr_t piece)
{
    intptr_t at = piece_start(j, piece);
    while (at > 0 && at < j->n && j->words[at] >> 32 == j->words[at - 1] >> 32) at++;
    return at;
}

static void settle_pieces(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    /* The ends were found before any run was rewritten. */
    for (intptr_t piece = begin; piece < end; piece++)
        for (intptr_t i = j->low[piece + 1], stop = j->high[piece + 1], e; i < stop; i = e) {
            for (e = i + 1; e < stop && j->words[e] >> 32 == j->words[i] >> 32; e++);
            if (e - i > 1) settle(j, j->words + i, e - i, j->shift);
        }
}

#define GATHER(bytes, type) \
    case bytes: \
        for (intptr_t i = from; i < to; i++) \
            *(type *)(p->values + i * p->value_step) = *(const type *)(p->x + (intptr_t)(uint32_t)j->words[i] * p->step); \
        break

static void put(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const rt_places *p = j->p;
    const intptr_t from = piece_start(j, begin), to = piece_start(j, end);
    if (p->index) for (intptr_t i = from; i < to; i++) *(int64_t *)(p->index + i * p->index_step) = (uint32_t)j->words[i];
    if (!p->values) return;
    switch (rt_itemsize(p->dtype)) {
    GATHER(1, uint8_t);
    GATHER(2, uint16_t);
    GATHER(4, uint32_t);
    default:
    GATHER(8, uint64_t);
    }
}

static int bits_between(int64_t low, int64_t high)
{
    const uint64_t span = (uint64_t)high - (uint64_t)low;
    return span ? 64 - __builtin_clzll(span) : 0;
}

int rt_places_run(const rt_places *p)
{
    job j = {.p = p, .kind = &rt_isa_now->keys[p->dtype], .n = p->n, .pieces = rt_threads_count() * 4, .flip = p->descending ? -1 : 0};
    if (j.pieces > MOST_PIECES - 1) j.pieces = MOST_PIECES - 1;
    rt_storage *const keys = rt_memory_alloc((size_t)p->n * j.kind->size, (rt_device){RT_CPU, 0});
    rt_storage *const words = keys ? rt_memory_alloc((size_t)p->n * 8, (rt_device){RT_CPU, 0}) : NULL;
    int status = -1;
    if (!words) goto done;
    j.keys = keys->data;
    j.words = (int64_t *)words->data;
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(j.pieces, 1, read_keys, &j);
    Py_END_ALLOW_THREADS
    for (intptr_t k = 1; k < j.pieces; k++) {
        j.low[0] = j.low[k] < j.low[0] ? j.low[k] : j.low[0];
        j.high[0] = j.high[k] > j.high[0] ? j.high[k] : j.high[0];
    }
    const int bits = bits_between(j.low[0], j.high[0]);
    j.shift = bits > UPPER ? bits - UPPER : 0;
    const rt_long_line line = {.ctx = &j, .read = read_words, .n = j.n, .size = 8, .keys = j.words};
    rt_keys_found ignored = {0, 0};
    const int sorted = rt_long_line_sort(&line, &ignored);
    if (sorted < 0) goto done;
    Py_BEGIN_ALLOW_THREADS
    if (!sorted) {
        read_words(&j, 0, j.n, j.words, &ignored);
        rt_isa_now->quick[8]->sort(j.words, j.n);
    }
    if (j.shift) {
        for (intptr_t k = 0; k < j.pieces; k++) j.low[k + 1] = uncut(&j, k), j.high[k + 1] = uncut(&j, k + 1);
        rt_threads_for(j.pieces, 1, settle_pieces, &j);
    }
    rt_threads_for(j.pieces, 1, put, &j);
    Py_END_ALLOW_THREADS
    status = 0;
done:
    rt_storage_release(keys);
    rt_storage_release(words);
    return status;
}
