/* buckets: a long line of keys divided into buckets that are sorted each for itself.  A sample says how to find a
 * key's bucket; then the keys are counted, moved, and the buckets sorted, by all threads.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/values.h"

enum { SAMPLE = 512, BLOCK = 1024, BUCKET = 16384, MOST_PIECES = 16 };

typedef struct {
    const rt_long_line *line;
    rt_buckets b;
    const rt_quick *quick;
    void (*number)(const void *keys, intptr_t n, const rt_buckets *b, uint16_t *out);
    intptr_t pieces, *at;       /* of piece p and bucket k: at[p * count + k], its count, then where the next key goes */
    intptr_t *start;            /* of each bucket, and the end of the last */
    rt_keys_found found[MOST_PIECES];
    int one_key;                /* are all keys of a bucket equal, but in the outer two? */
    int counted;                /* and are those empty? */
} job;

static int64_t key_at(const void *keys, intptr_t i, int size)
{
    return size == 4 ? ((const int32_t *)keys)[i] : ((const int64_t *)keys)[i];
}

static double number_of(int64_t k, int size)
{
    union { int32_t i; float f; } narrow;
    union { int64_t i; double f; } wide;
    if (size == 8) return wide.i = k ^ ((k >> 63) & INT64_MAX), wide.f;
    return narrow.i = (int32_t)k ^ (((int32_t)k >> 31) & INT32_MAX), (double)narrow.f;
}

/* How many of the sample, in order, share the fullest bucket. */
static int fullest(const job *j, const void *sample)
{
    uint16_t numbers[SAMPLE];
    int most = 0, run = 0;
    j->number(sample, SAMPLE, &j->b, numbers);
    for (int i = 0; i < SAMPLE; i++) {
        run = i && numbers[i] == numbers[i - 1] ? run + 1 : 1;
        if (run > most) most = run;
    }
    return most;
}

/* Finds a way of dividing the keys that gives even buckets, or evenly enough for several threads. */
static int plan(job *j)
{
    const rt_long_line *l = j->line;
    union { int32_t narrow[SAMPLE]; int64_t wide[SAMPLE]; } sample;
    rt_keys_found found = {0, 0};
    uint64_t seed = (uint64_t)l->n;
    const intptr_t part = l->n / SAMPLE;
    for (int i = 0; i < SAMPLE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const intptr_t at = i * part + (intptr_t)((seed >> 33) % (uint64_t)part);
        l->read(l->ctx, at, at + 1, (char *)&sample + i * l->size, &found);
    }
    j->quick->sort(&sample, SAMPLE);
    rt_buckets *const b = &j->b;
    const int first = l->flip ? (int)found.nans : 0, last = l->flip ? SAMPLE - 1 : SAMPLE - 1 - (int)found.nans;
    if (last <= first) return 0;
    for (b->count = 16; b->count < RT_BUCKET_MOST && l->n / b->count > BUCKET; b->count *= 2);
    b->low = key_at(&sample, first, l->size), b->high = key_at(&sample, last, l->size), b->flip = l->flip;
    b->kind = RT_BUCKET_BITS;
    const uint64_t span = (uint64_t)b->high - (uint64_t)b->low;
    if (span < RT_BUCKET_MOST - 2) {
        /* A bucket for each key, and one on either side for keys that the sample did not hold. */
        b->count = RT_BUCKET_MOST;
        b->low -= b->low > (l->size == 4 ? INT32_MIN : INT64_MIN), b->high += b->high < (l->size == 4 ? INT32_MAX : INT64_MAX);
        j->one_key = 1;
        return 1;
    }
    /* Splitting in place is faster on one thread than counting and moving. */
    if (rt_threads_count() == 1) return 0;
    while (span >> b->shift >= (uint64_t)b->count) b->shift++;
    if (fullest(j, &sample) <= SAMPLE / 16) return 1;
    if (l->is_float) {
        const double one = number_of(b->low ^ l->flip, l->size), other = number_of(b->high ^ l->flip, l->size);
        b->kind = RT_BUCKET_VALUE;
        b->base = l->flip ? other : one;
        b->scale = b->count / (l->flip ? one - other : other - one);
        if (b->scale > 1e-30 && b->scale < 1e30 && fullest(j, &sample) <= SAMPLE / 16) return 1;
    }
    b->kind = RT_BUCKET_SPLITS;
    b->count = RT_BUCKET_SPLITTERS + 1;
    for (int i = 0; i < RT_BUCKET_SPLITTERS; i++)
        b->splitters[i] = key_at(&sample, (i + 1) * SAMPLE / (RT_BUCKET_SPLITTERS + 1), l->size);
    return 1;
}

static void count(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    int64_t keys[BLOCK];
    uint16_t numbers[BLOCK];
    for (intptr_t p = begin; p < end; p++) {
        const intptr_t stop = l->n * (p + 1) / j->pieces;
        intptr_t *const at = j->at + p * j->b.count;
        uint32_t apart[4][RT_BUCKET_MOST];
        if (j->one_key) memset(apart, 0, sizeof apart);
        for (intptr_t i = l->n * p / j->pieces; i < stop; i += BLOCK) {
            const intptr_t m = stop - i < BLOCK ? stop - i : BLOCK;
            l->read(l->ctx, i, i + m, keys, &j->found[p]);
            j->number(keys, m, &j->b, numbers);
            if (!j->one_key) {
                for (intptr_t k = 0; k < m; k++) at[numbers[k]]++;
                continue;
            }
            /* Few keys: neighbours that are equal would wait for one another. */
            intptr_t k = 0;
            for (; k + 4 <= m; k += 4) apart[0][numbers[k]]++, apart[1][numbers[k + 1]]++, apart[2][numbers[k + 2]]++, apart[3][numbers[k + 3]]++;
            for (; k < m; k++) apart[0][numbers[k]]++;
        }
        for (int k = 0; j->one_key && k < RT_BUCKET_MOST; k++)
            at[k] += (intptr_t)apart[0][k] + apart[1][k] + apart[2][k] + apart[3][k];
    }
}

static void move(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_long_line *l = j->line;
    int64_t keys[BLOCK];
    uint16_t numbers[BLOCK];
    rt_keys_found ignored = {0, 0};
    for (intptr_t p = begin; p < end; p++) {
        const intptr_t stop = l->n * (p + 1) / j->pieces;
        intptr_t *const at = j->at + p * j->b.count;
        for (intptr_t i = l->n * p / j->pieces; i < stop; i += BLOCK) {
            const intptr_t m = stop - i < BLOCK ? stop - i : BLOCK;
            l->read(l->ctx, i, i + m, keys, &ignored);
            j->number(keys, m, &j->b, numbers);
            if (l->size == 4) for (intptr_t k = 0; k < m; k++) ((int32_t *)l->keys)[at[numbers[k]]++] = ((int32_t *)keys)[k];
            else for (intptr_t k = 0; k < m; k++) ((int64_t *)l->keys)[at[numbers[k]]++] = keys[k];
        }
    }
}

static void finish(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const rt_long_line *l = j->line;
    for (intptr_t k = begin; k < end; k++) {
        const intptr_t from = j->start[k], to = j->start[k + 1];
        if (from == to) continue;
        char *const keys = (char *)l->keys + from * l->size;
        const int64_t only = j->b.low + k;
        if (!j->counted) j->quick->sort(keys, to - from);
        else if (l->size == 4) for (intptr_t i = 0; i < to - from; i++) ((int32_t *)keys)[i] = (int32_t)only;
        else for (intptr_t i = 0; i < to - from; i++) ((int64_t *)keys)[i] = only;
        if (l->done) l->done(l->ctx, from, to, keys);
    }
}

/* Did the sample hold the least and the greatest key?  Then buckets beyond them are empty. */
static int no_others(const job *j)
{
    const int64_t least = j->line->size == 4 ? INT32_MIN : INT64_MIN, most = j->line->size == 4 ? INT32_MAX : INT64_MAX;
    const intptr_t top = (intptr_t)(j->b.high - j->b.low);
    return (j->b.low == least || j->start[0] == j->start[1]) && (j->b.high == most || j->start[top] == j->start[top + 1]);
}

int rt_long_line_sort(const rt_long_line *line, rt_keys_found *found)
{
    job j = {.line = line, .quick = rt_isa_now->quick[line->size],
             .number = rt_isa_now->keys[line->size == 4 ? RT_f32 : RT_f64].buckets};
    if (!plan(&j)) return 0;
    j.pieces = rt_threads_count();
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    const intptr_t count_ = j.b.count, cells = j.pieces * count_;
    rt_storage *room = rt_memory_alloc((size_t)(cells + count_ + 1) * sizeof(intptr_t), (rt_device){RT_CPU, 0});
    if (!room) return -1;
    j.at = (intptr_t *)room->data;
    j.start = j.at + cells;
    memset(j.at, 0, (size_t)cells * sizeof *j.at);
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(j.pieces, 1, count, &j);
    intptr_t sum = 0;
    for (intptr_t k = 0; k < count_; k++) {
        j.start[k] = sum;
        for (intptr_t p = 0; p < j.pieces; p++) {
            const intptr_t here = j.at[p * count_ + k];
            j.at[p * count_ + k] = sum;
            sum += here;
        }
    }
    j.start[count_] = sum;
    j.counted = j.one_key && no_others(&j);
    if (!j.counted) rt_threads_for(j.pieces, 1, move, &j);
    rt_threads_for(count_, 1, finish, &j);
    Py_END_ALLOW_THREADS
    for (intptr_t p = 0; p < j.pieces; p++) {
        found->nans += j.found[p].nans;
        found->negative_zeros += j.found[p].negative_zeros;
    }
    rt_storage_release(room);
    return 1;
}
