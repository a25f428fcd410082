/* quick: quicksort over vectors of keys.  Short pieces go through sorting networks: rows of lanes are sorted by columns
 * and transposed, then merged (bitonic; Batcher, Sorting networks and their applications, 1968); longer ones are split
 * in place by a pivot, reading from whichever end has less free room (Bramas, A novel hybrid quicksort algorithm
 * vectorized using AVX-512, 2017).  When pivots keep failing a heap sorts the rest, so that no input takes quadratic
 * time.  Floor: ufunc/kernels. */
#include "ufunc/kernels/key_vector.h"

#define KEY_MAX (KEY_BYTES == 8 ? (key)INT64_MAX : (key)INT32_MAX)

#if KEY_LANES > 1
enum { ROWS = 16, BLOCK = ROWS * KEY_LANES, BLOCKS = 8, LEAF = BLOCKS * BLOCK, AHEAD = 8 };

/* ---- networks ---- */
#define STAGE(v, by) \
    do { \
        const keys t_ = KEYS_EXCHANGE(v, by); \
        v = KEYS_MIX(keys_min(v, t_), keys_max(v, t_), by); \
    } while (0)

/* Two bitonic vectors into order, each for itself.  What a step compares is brought to the same lanes of both; every
 * step thereby changes one bit of a lane's number for the vector's. */
#define STEP(by) \
    do { \
        const keys x_ = KEYS_WITHOUT(*a, *b, by), y_ = KEYS_WITH(*a, *b, by); \
        *a = keys_min(x_, y_), *b = keys_max(x_, y_); \
    } while (0)

ALWAYS void lanes_merge(keys *a, keys *b)
{
#if KEY_LANES > 8
    STEP(8);
#endif
#if KEY_LANES > 4
    STEP(4);
#endif
    STEP(2);
    STEP(1);
    const keys first = KEYS_WEAVE(*a, *b, 0);
    *b = KEYS_WEAVE(*a, *b, 1);
    *a = first;
}

/* Any vector into order: pairs, fours, ... by mirrored comparisons first. */
ALWAYS keys lanes_sort(keys v)
{
#define MIRROR(by, bit) \
    do { \
        const keys t_ = KEYS_EXCHANGE(v, by); \
        v = KEYS_MIX(keys_min(v, t_), keys_max(v, t_), bit); \
    } while (0)
    STAGE(v, 1);
    MIRROR(3, 2);
    STAGE(v, 1);
#if KEY_LANES > 4
    MIRROR(7, 4);
    STAGE(v, 2);
    STAGE(v, 1);
#endif
#if KEY_LANES > 8
    MIRROR(15, 8);
    STAGE(v, 4);
    STAGE(v, 2);
    STAGE(v, 1);
#endif
    return v;
}

/* Bitonic runs of 2 * by rows each into order. */
ALWAYS void rows_halve(keys *v, int rows, int by)
{
#pragma GCC unroll 16
    for (; by; by /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            if (i & by) continue;
            const keys a = v[i], b = v[i + by];
            v[i] = keys_min(a, b), v[i + by] = keys_max(a, b);
        }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i += 2) lanes_merge(v + i, v + i + 1);
}

/* Sorted runs of `run` rows each are merged pair by pair. */
ALWAYS void rows_merge(keys *v, int rows, int run)
{
#pragma GCC unroll 16
    for (int at = 0; at < rows; at += 2 * run) {
#pragma GCC unroll 16
        for (int i = 0; i < (run + 1) / 2; i++) {      /* two pairs at once: each one's places are the other's */
            const int j = run - 1 - i;
            const keys a = v[at + i], b = KEYS_REVERSE(v[at + run + j]), c = v[at + j], d = KEYS_REVERSE(v[at + run + i]);
            v[at + i] = keys_min(a, b), v[at + run + i] = keys_max(a, b);
            if (i != j) v[at + j] = keys_min(c, d), v[at + run + j] = keys_max(c, d);
        }
    }
    rows_halve(v, rows, run / 2);
}

/* KEY_LANES columns, sorted side by side by the shortest networks known (Knuth, The Art of Computer Programming 3,
 * 5.3.4), become rows. */
#define PAIR(i, j) \
    do { \
        const keys t_ = keys_min(v[i], v[j]); \
        v[j] = keys_max(v[i], v[j]); \
        v[i] = t_; \
    } while (0)

ALWAYS void columns_sort(keys *v)
{
#if KEY_LANES == 4
    PAIR(0, 2); PAIR(1, 3); PAIR(0, 1); PAIR(2, 3); PAIR(1, 2);
#elif KEY_LANES == 8
    PAIR(0, 2); PAIR(1, 3); PAIR(4, 6); PAIR(5, 7); PAIR(0, 4); PAIR(1, 5); PAIR(2, 6); PAIR(3, 7); PAIR(0, 1); PAIR(2, 3);
    PAIR(4, 5); PAIR(6, 7); PAIR(2, 4); PAIR(3, 5); PAIR(1, 4); PAIR(3, 6); PAIR(1, 2); PAIR(3, 4); PAIR(5, 6);
#else
    PAIR(0, 13); PAIR(1, 12); PAIR(2, 15); PAIR(3, 14); PAIR(4, 8); PAIR(5, 6); PAIR(7, 11); PAIR(9, 10); PAIR(0, 5);
    PAIR(1, 7); PAIR(2, 9); PAIR(3, 4); PAIR(6, 13); PAIR(8, 14); PAIR(10, 15); PAIR(11, 12); PAIR(0, 1); PAIR(2, 3);
    PAIR(4, 5); PAIR(6, 8); PAIR(7, 9); PAIR(10, 11); PAIR(12, 13); PAIR(14, 15); PAIR(0, 2); PAIR(1, 3); PAIR(4, 10);
    PAIR(5, 11); PAIR(6, 7); PAIR(8, 9); PAIR(12, 14); PAIR(13, 15); PAIR(1, 2); PAIR(3, 12); PAIR(4, 6); PAIR(5, 7);
    PAIR(8, 10); PAIR(9, 11); PAIR(13, 14); PAIR(1, 4); PAIR(2, 6); PAIR(5, 8); PAIR(7, 10); PAIR(9, 13); PAIR(11, 14);
    PAIR(2, 4); PAIR(3, 6); PAIR(9, 12); PAIR(11, 13); PAIR(3, 5); PAIR(6, 8); PAIR(7, 9); PAIR(10, 12); PAIR(3, 4);
    PAIR(5, 6); PAIR(7, 8); PAIR(9, 10); PAIR(11, 12); PAIR(6, 7); PAIR(8, 9);
#endif
}

#define TURN(by) \
    do { \
        _Pragma("GCC unroll 16") \
        for (int i = 0; i < KEY_LANES; i++) { \
            if (i & (by)) continue; \
            const keys a_ = v[i], b_ = v[i + (by)]; \
            v[i] = KEYS_LOW(a_, b_, by); \
            v[i + (by)] = KEYS_HIGH(a_, b_, by); \
        } \
    } while (0)

ALWAYS void columns_to_rows(keys *v)
{
#if KEY_LANES > 8
    TURN(8);
#endif
#if KEY_LANES > 4
    TURN(4);
#endif
    TURN(2);
    TURN(1);
}

/* `rows` rows (a power of two) become one sorted sequence. */
ALWAYS void rows_sort(keys *v, int rows)
{
#pragma GCC unroll 16
    for (int i = 0; i < rows; i += KEY_LANES) {
        if (rows < KEY_LANES) {
#pragma GCC unroll 16
            for (int k = 0; k < rows; k++) v[k] = lanes_sort(v[k]);
        } else {
            columns_sort(v + i);
            columns_to_rows(v + i);
        }
    }
#pragma GCC unroll 16
    for (int run = 1; run < rows; run *= 2) rows_merge(v, rows, run);
}

/* n keys, the greatest key after their end. */
ALWAYS void rows_load(keys *v, const key *p, intptr_t n, int rows)
{
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        const intptr_t left = n - i * KEY_LANES;
        v[i] = left >= KEY_LANES ? keys_load(p + i * KEY_LANES) : keys_load_part(p + i * KEY_LANES, left, keys_splat(KEY_MAX));
    }
}

ALWAYS void rows_store(key *p, intptr_t n, const keys *v, int rows)
{
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        const intptr_t left = n - i * KEY_LANES;
        if (left >= KEY_LANES) keys_store(p + i * KEY_LANES, v[i]);
        else keys_store_part(p + i * KEY_LANES, left, v[i]);
    }
}

ALWAYS void leaf_of(key *p, intptr_t n, int rows)
{
    keys v[ROWS];
    rows_load(v, p, n, rows);
    rows_sort(v, rows);
    rows_store(p, n, v, rows);
}

static __attribute__((noinline)) void leaf_2(key *p, intptr_t n) { leaf_of(p, n, 2); }
static __attribute__((noinline)) void leaf_4(key *p, intptr_t n) { leaf_of(p, n, 4); }
static __attribute__((noinline)) void leaf_8(key *p, intptr_t n) { leaf_of(p, n, 8); }
static __attribute__((noinline)) void leaf_16(key *p, intptr_t n) { leaf_of(p, n, ROWS); }

static void block(key *p, intptr_t n)
{
    if (n <= 2 * KEY_LANES) leaf_2(p, n);
    else if (n <= 4 * KEY_LANES) leaf_4(p, n);
    else if (n <= 8 * KEY_LANES) leaf_8(p, n);
    else leaf_16(p, n);
}

/* Two sorted runs of `run` rows, 16 or more, in memory; behind the first n keys are only greatest ones. */
static void runs_merge(key *p, intptr_t n, int run)
{
    if (n <= run * KEY_LANES) return;
    for (int i = 0; i < run / 2; i++) {
        key *const at[4] = {p + i * KEY_LANES, p + (2 * run - 1 - i) * KEY_LANES, p + (run - 1 - i) * KEY_LANES, p + (run + i) * KEY_LANES};
        const keys a = keys_load(at[0]), b = KEYS_REVERSE(keys_load(at[1])), c = keys_load(at[2]), d = KEYS_REVERSE(keys_load(at[3]));
        keys_store(at[0], keys_min(a, b)), keys_store(at[3], keys_max(a, b));
        keys_store(at[2], keys_min(c, d)), keys_store(at[1], keys_max(c, d));
    }
    for (int by = run / 2; by >= ROWS; by /= 2)
        for (int i = 0; i < 2 * run; i++) {
            if (i & by) continue;
            key *const low = p + i * KEY_LANES, *const high = low + by * KEY_LANES;
            const keys a = keys_load(low), b = keys_load(high);
            keys_store(low, keys_min(a, b)), keys_store(high, keys_max(a, b));
        }
    for (int at = 0; at < 2 * run && at * KEY_LANES < n; at += ROWS) {
        keys v[ROWS];
        rows_load(v, p + at * KEY_LANES, BLOCK, ROWS);
        rows_halve(v, ROWS, ROWS / 2);
        rows_store(p + at * KEY_LANES, BLOCK, v, ROWS);
    }
}

static void leaf(key *p, intptr_t n)
{
    key copy[LEAF] __attribute__((aligned(64)));
    int rows = 2 * ROWS;
    if (n <= BLOCK) {
        block(p, n);
        return;
    }
    while (rows * KEY_LANES < n) rows *= 2;
    memcpy(copy, p, (size_t)n * sizeof *p);
    for (intptr_t i = n; i < rows * KEY_LANES; i++) copy[i] = KEY_MAX;
    for (intptr_t i = 0; i < n; i += BLOCK) block(copy + i, n - i < BLOCK ? n - i : BLOCK);
    for (int run = ROWS; run < rows; run *= 2)
        for (int at = 0; at * KEY_LANES < n; at += 2 * run) runs_merge(copy + at * KEY_LANES, n - at * KEY_LANES, run);
    memcpy(p, copy, (size_t)n * sizeof *p);
}

/* ---- splitting ---- */

#define PART(v) \
    do { \
        const intptr_t less_ = keys_part(v, pivot, left, right); \
        left += less_; \
        right -= KEY_LANES - less_; \
    } while (0)

/* The first m lanes alone, in room for m keys or more. */
#define PART_FIRST(v, m) \
    do { \
        const intptr_t less_ = keys_part_first(v, pivot, m, left, right); \
        left += less_; \
        right -= (m) - less_; \
    } while (0)

/* From a copy. */
static intptr_t split_short(key *p, intptr_t n, keys pivot)
{
    key copy[2 * AHEAD * KEY_LANES];
    const intptr_t held = n % KEY_LANES;
    key *left = p, *right = p + n;
    memcpy(copy, p, (size_t)n * sizeof *p);
    PART_FIRST(keys_load_part(copy, held, keys_splat(KEY_MAX)), held);
    for (const key *from = copy + held; from < copy + n; from += KEY_LANES) PART(keys_load(from));
    return left - p;
}

/* Vectors of both ends are put aside, so that there is always room for AHEAD vectors at either end. */
static intptr_t split(key *p, intptr_t n, key than)
{
    enum { STRIDE = AHEAD * KEY_LANES };
    keys ends[2 * AHEAD];
    const intptr_t held = n % KEY_LANES;
    const keys pivot = keys_splat(than);
    const key *from = p + STRIDE, *to = p + n - held - STRIDE;     /* not yet read */
    key *left = p, *right = p + n;                                 /* not yet written */
    if (n < 2 * STRIDE) return split_short(p, n, pivot);
#pragma GCC unroll 8
    for (int i = 0; i < AHEAD; i++) ends[i] = keys_load(p + i * KEY_LANES);
#pragma GCC unroll 8
    for (int i = 0; i < AHEAD; i++) ends[AHEAD + i] = keys_load(to + i * KEY_LANES);
    PART_FIRST(keys_load_part(p + n - held, held, keys_splat(KEY_MAX)), held);
    while (to - from >= STRIDE) {
        keys v[AHEAD];
        const intptr_t low = from - left <= right - to ? STRIDE : 0;        /* no branch: it could not be foretold */
        const key *const at = low ? from : to - STRIDE;
        from += low, to -= STRIDE - low;
#pragma GCC unroll 8
        for (int i = 0; i < AHEAD; i++) v[i] = keys_load(at + i * KEY_LANES);
#pragma GCC unroll 8
        for (int i = 0; i < AHEAD; i++) PART(v[i]);
    }
    while (from < to) {
        keys v;
        if (from - left <= right - to) v = keys_load(from), from += KEY_LANES;
        else v = keys_load(to -= KEY_LANES);
        PART(v);
    }
    /* The last one finds room for itself alone: both ends are the same place. */
#pragma GCC unroll 8
    for (int i = 0; i < 2 * AHEAD; i++) PART(ends[i]);
    return left - p;
}
#else
enum { LEAF = 24 };

static void leaf(key *p, intptr_t n)
{
    for (intptr_t i = 1; i < n; i++) {
        const key v = p[i];
        intptr_t j = i;
        for (; j > 0 && p[j - 1] > v; j--) p[j] = p[j - 1];
        p[j] = v;
    }
}

/* Without a branch on the keys (Lomuto). */
static intptr_t split(key *p, intptr_t n, key than)
{
    intptr_t below = 0;
    for (intptr_t i = 0; i < n; i++) {
        const key v = p[i];
        p[i] = p[below];
        p[below] = v;
        below += v < than;
    }
    return below;
}
#endif

/* ---- pivots ---- */
static void sink(key *p, intptr_t i, intptr_t n)
{
    const key v = p[i];
    for (intptr_t c; (c = 2 * i + 1) < n; i = c) {
        c += c + 1 < n && p[c + 1] > p[c];
        if (p[c] <= v) break;
        p[i] = p[c];
    }
    p[i] = v;
}

static void heap(key *p, intptr_t n)
{
    for (intptr_t i = n / 2; i-- > 0;) sink(p, i, n);
    for (intptr_t m = n - 1; m > 0; m--) {
        const key v = p[0];
        p[0] = p[m];
        p[m] = v;
        sink(p, 0, m);
    }
}

/* A key of about the given share (of 256) of the n > LEAF keys, and whether several are equal to it. */
static key choose(const key *p, intptr_t n, int share, uint64_t *seed, int *many)
{
    enum { MOST = 64 };
    key s[MOST];
    const int count = (int)LEAF < (int)MOST || n < 16384 ? 16 : MOST;
    const intptr_t part = n / count;
    for (int i = 0; i < count; i += 4) {
        uint64_t r = *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        for (int k = 0; k < 4; k++, r >>= 16) s[i + k] = p[(i + k) * part + (part * (intptr_t)(r & 0xffff) >> 16)];
    }
    leaf(s, count);
    const int k = share * (count - 1) / 256;
    *many = (k > 0 && s[k - 1] == s[k]) || (k + 1 < count && s[k + 1] == s[k]);
    return s[k];
}

static int depth_of(intptr_t n) { return 2 * (64 - __builtin_clzll((uint64_t)n | 1)); }

static void sort_keys(key *p, intptr_t n, int depth, uint64_t *seed)
{
    while (n > LEAF) {
        int many;
        if (depth-- == 0) {
            heap(p, n);
            return;
        }
        const key pivot = choose(p, n, 128, seed, &many);
        intptr_t less = split(p, n, pivot), next = less;
        if (less == 0 || many) next = pivot == KEY_MAX ? n : less + split(p + less, n - less, pivot + 1);
        if (less < n - next) {
            sort_keys(p, less, depth, seed);
            p += next, n -= next;
        } else {
            sort_keys(p + next, n - next, depth, seed);
            n = less;
        }
    }
    if (n > 1) leaf(p, n);
}

static void sort(void *p, intptr_t n)
{
    uint64_t seed = (uint64_t)n;
    sort_keys(p, n, depth_of(n), &seed);
}

static void select_key(void *keys_, intptr_t n, intptr_t k)
{
    key *p = keys_;
    uint64_t seed = (uint64_t)n;
    for (int depth = depth_of(n); n > LEAF; depth--) {
        int many;
        if (depth == 0) {
            heap(p, n);
            return;
        }
        const key pivot = choose(p, n, (int)(k * 256.0 / (double)n), &seed, &many);
        const intptr_t less = split(p, n, pivot);
        if (k < less) {
            n = less;
            continue;
        }
        p += less, n -= less, k -= less;
        if (less > 0 && !many) continue;
        const intptr_t same = pivot == KEY_MAX ? n : split(p, n, pivot + 1);
        if (k < same) return;
        p += same, n -= same, k -= same;
    }
    if (n > 1) leaf(p, n);
}

static intptr_t split_at(void *p, intptr_t n, int64_t than) { return split(p, n, (key)than); }

const rt_quick SYMBOL(quick) = {sort, select_key, split_at};
