/* fold: the fixed tree of reduce.h for one real type, as inlined functions.  Include it with
 * FOLD_T (the C type), FOLD_I (the signed integer of its width) and FOLD_WORD set, and for f32 and f64
 * FOLD_REAL (ps or pd); each including file gets its own copies, compiled for the ISA at hand.  An element may have two parts (complex:
 * `parts` 2); parts are folded apart, so only sums may use it.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_FOLD_H
#define RT_UFUNC_KERNELS_FOLD_H
#include <string.h>
#include "ufunc/kernels/reduce.h"

#define FOLD_INLINE static inline __attribute__((always_inline, unused))
#define FOLD_PASTE_(a, b) a##_##b
#define FOLD_PASTE(a, b) FOLD_PASTE_(a, b)
#if defined(__AVX2__)
#define FOLD_BYTES 32
typedef int FOLD_WORDS __attribute__((vector_size(32)));
typedef long long FOLD_LONGS __attribute__((vector_size(32)));
#define FOLD_NATIVE(name, real) FOLD_NATIVE_(name, real, 256)
#define FOLD_UNORDERED(real, a, b) FOLD_NATIVE_(cmp, real, 256)(a, b, 3)
#else
#define FOLD_BYTES 16
#define FOLD_NATIVE(name, real) FOLD_NATIVE_(name, real, )
#define FOLD_UNORDERED(real, a, b) FOLD_NATIVE_(cmpunord, real, )(a, b)
#endif
#define FOLD_NATIVE_(name, real, width) FOLD_NATIVE__(name, real, width)
#define FOLD_NATIVE__(name, real, width) __builtin_ia32_##name##real##width
#pragma GCC diagnostic ignored "-Wtautological-compare"   /* x != x asks for a NaN; integers have none */
#define FOLD_AHEAD 3072               /* bytes asked for early: the next block is likely to follow */
#define FOLD_TILE_BYTES 512           /* of a row of columns: the lanes of a tile stay in L1 */
enum { FOLD_SUM, FOLD_PROD, FOLD_MAX, FOLD_MIN, FOLD_NANSUM };     /* the last: a NaN counts as nothing */
#endif

#define FN(name) FOLD_PASTE(name, FOLD_WORD)
#define T FOLD_T
#define V FN(vec)
#define IV FN(mask)
#define LANES RT_REDUCE_LANES

typedef T V __attribute__((vector_size(FOLD_BYTES)));
typedef FOLD_I IV __attribute__((vector_size(FOLD_BYTES)));

/* The one-element functions, on scalars and on vectors.  A NaN wins and stays. */
FOLD_INLINE T FN(one)(int op, T a, T b)
{
    switch (op) {
    case FOLD_SUM:
    case FOLD_NANSUM: return (T)(a + b);
    case FOLD_PROD: return (T)(a * b);
    case FOLD_MAX: return (b > a) | (b != b) ? b : a;
    default: return (b < a) | (b != b) ? b : a;
    }
}

FOLD_INLINE V FN(pick)(IV mask, V b, V a) { return (V)(((IV)b & mask) | ((IV)a & ~mask)); }

FOLD_INLINE V FN(many)(int op, V a, V b)
{
    switch (op) {
    case FOLD_SUM:
    case FOLD_NANSUM: return a + b;
    case FOLD_PROD: return a * b;
    case FOLD_MAX: return FN(pick)((IV)(b > a) | (IV)(b != b), b, a);
    default: return FN(pick)((IV)(b < a) | (IV)(b != b), b, a);
    }
}

static const FOLD_I FN(numbers)[64] __attribute__((unused)) = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    62, 63,
};

/* The tree over all lanes, of one part, in registers. */
FOLD_INLINE T FN(whole_tree)(const T *lane, int op)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    V v[NVEC];
#pragma GCC unroll 16
    for (int k = 0; k < NVEC; k++) memcpy(&v[k], lane + k * WIDTH, sizeof v[k]);     /* each as it was stored */
#pragma GCC unroll 5
    for (int half = NVEC / 2; half; half /= 2)
#pragma GCC unroll 8
        for (int k = 0; k < half; k++) v[k] = FN(many)(op, v[k], v[k + half]);
#pragma GCC unroll 5
    for (int half = WIDTH / 2; half; half /= 2) {
        IV further;                        /* lane j gets lane j + half */
        memcpy(&further, FN(numbers) + half, sizeof further);
        v[0] = FN(many)(op, v[0], __builtin_shuffle(v[0], further));
    }
    return v[0][0];
}

/* Pairs of lanes at distance 16, 8, 4, 2, 1; of `used` lanes only. */
FOLD_INLINE void FN(tree)(T *lane, intptr_t used, int op, int parts, T *out)
{
    if (used == LANES && parts == 1) {
        *out = FN(whole_tree)(lane, op);
        return;
    }
    if (used == LANES) {
#pragma GCC unroll 5
        for (int half = LANES / 2; half; half /= 2)
            for (int j = 0; j < half * parts; j++) lane[j] = FN(one)(op, lane[j], lane[j + half * parts]);
    } else {
        for (intptr_t half = LANES / 2; half; half /= 2) {
            for (intptr_t j = 0; j < (used - half) * parts; j++)
                lane[j] = FN(one)(op, lane[j], lane[j + half * parts]);
            if (used > half) used = half;
        }
    }
    for (int p = 0; p < parts; p++) out[p] = lane[p];
}

/* What an element counts: itself, or (x - center)^2 where a center is given (of one element: `parts` values). */
FOLD_INLINE T FN(term)(int op, T x, const T *center, int p)
{
    if (op == FOLD_NANSUM) return x == x ? x : 0;
    if (!center) return x;
    T d = (T)(x - center[p]);
    return (T)(d * d);
}

FOLD_INLINE V FN(terms)(int op, V x, V c, int about)
{
    if (op == FOLD_NANSUM) return (V)((IV)x & (IV)(x == x));
    if (!about) return x;
    x -= c;
    return x * x;
}

#if defined(FOLD_REAL) && defined(__SSE2__)
/* The lanes' extremes of n >= LANES elements by the processor's own instruction, which loses NaNs but takes
 * zeros as `one` does.  0 when there was a NaN: then nothing is said. */
FOLD_INLINE int FN(native)(const T *x, intptr_t n, int op, T *lane)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    V acc[NVEC], bad = {0};
    for (intptr_t i = 0; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES * (int)sizeof(T); k += 64) __builtin_prefetch((const char *)(x + i) + FOLD_AHEAD + k);
#pragma GCC unroll 16
        for (int k = 0; k < NVEC; k += 2) {
            V a, b;
            memcpy(&a, x + i + k * WIDTH, sizeof a);
            memcpy(&b, x + i + (k + 1) * WIDTH, sizeof b);
            bad = (V)((IV)bad | (IV)FOLD_UNORDERED(FOLD_REAL, a, b));
            if (i == 0) {
                acc[k] = a;
                acc[k + 1] = b;
            } else if (op == FOLD_MAX) {
                acc[k] = FOLD_NATIVE(max, FOLD_REAL)(a, acc[k]);
                acc[k + 1] = FOLD_NATIVE(max, FOLD_REAL)(b, acc[k + 1]);
            } else {
                acc[k] = FOLD_NATIVE(min, FOLD_REAL)(a, acc[k]);
                acc[k + 1] = FOLD_NATIVE(min, FOLD_REAL)(b, acc[k + 1]);
            }
        }
    }
    memcpy(lane, acc, sizeof acc);
    FOLD_I any = 0;
    for (int k = 0; k < WIDTH; k++) any |= ((IV)bad)[k];
    return !any;
}
#endif

/* What changes no bit of a result, on either side. */
FOLD_INLINE T FN(neutral)(int op)
{
    if (op == FOLD_SUM || op == FOLD_NANSUM) return (T)-(T)0;
    if (op == FOLD_PROD) return 1;
#ifdef FOLD_REAL
    return op == FOLD_MAX ? -(T)__builtin_inf() : (T)__builtin_inf();
#else
    const T low = (T)-1 > 0 ? 0 : (T)((uint64_t)1 << (8 * sizeof(T) - 1));
    return op == FOLD_MAX ? low : (T)~low;
#endif
}

/* Fewer elements than lanes, scattered over them; some lanes stay empty. */
FOLD_INLINE void FN(fold_few)(const T *x, intptr_t n, int op, int parts, const T *center, T *out)
{
    T lane[2 * LANES];
    for (intptr_t i = 0; i < n * parts; i++) lane[i] = FN(term)(op, x[i], center, i & (parts - 1));
    FN(tree)(lane, n, op, parts, out);
}

/* n >= 1 packed elements, at most a block. */
FOLD_INLINE void FN(fold)(const T *x, intptr_t n, int op, int parts, const T *center, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), FEW = 8 };
    const int nvec = LANES * parts / WIDTH;
    const intptr_t full = LANES * parts, total = n * parts, rest = total & (full - 1);
    T lane[2 * LANES] __attribute__((aligned(64)));
    if (n < FEW || (n < LANES && parts == 2)) {
        FN(fold_few)(x, n, op, parts, center, out);
        return;
    }
    V c = {0};
    if (center) for (int k = 0; k < WIDTH; k++) c[k] = center[k & (parts - 1)];
#if defined(FOLD_REAL) && defined(__SSE2__)
    if ((op != FOLD_MAX && op != FOLD_MIN) || n < LANES || !FN(native)(x, n, op, lane))
#endif
    {
        V acc[2 * LANES / WIDTH];
        const T neutral = FN(neutral)(op);
#pragma GCC unroll 64
        for (int k = 0; k < nvec; k++) {
            V v;
            if (n < LANES) {
                for (int j = 0; j < WIDTH; j++) v[j] = neutral;
            } else {
                memcpy(&v, x + k * WIDTH, sizeof v);
                v = FN(terms)(op, v, c, center != NULL);
            }
            acc[k] = v;
        }
        for (intptr_t i = full; i + full <= total; i += full) {
            for (int k = 0; k < LANES * (int)sizeof(T); k += 64) __builtin_prefetch((const char *)(x + i) + FOLD_AHEAD + k);
#pragma GCC unroll 64
            for (int k = 0; k < nvec; k++) {
                V v;
                memcpy(&v, x + i + k * WIDTH, sizeof v);
                v = FN(terms)(op, v, c, center != NULL);
                acc[k] = FN(many)(op, acc[k], v);
            }
        }
#pragma GCC unroll 64
        for (int k = 0; k < nvec; k++) memcpy(lane + k * WIDTH, &acc[k], sizeof(V));
    }
    intptr_t j = 0;
    for (x += total - rest; j + WIDTH <= rest; j += WIDTH) {
        V v, a;
        memcpy(&v, x + j, sizeof v);
        memcpy(&a, lane + j, sizeof a);
        v = FN(terms)(op, v, c, center != NULL);
        a = FN(many)(op, a, v);
        memcpy(lane + j, &a, sizeof a);
    }
#if defined(FOLD_REAL) && defined(__AVX2__)
    if (j < rest) {
        V v, a;
        IV wanted;
        for (int k = 0; k < WIDTH; k++) wanted[k] = k < rest - j ? -1 : 0;
        v = FOLD_NATIVE(maskload, FOLD_REAL)((const void *)(x + j), wanted);
        v = FN(terms)(op, v, c, center != NULL);
        memcpy(&a, lane + j, sizeof a);
        a = FN(pick)(wanted, FN(many)(op, a, v), a);
        memcpy(lane + j, &a, sizeof a);
    }
#else
    for (; j < rest; j++) lane[j] = FN(one)(op, lane[j], FN(term)(op, x[j], center, j & (parts - 1)));
#endif
    FN(tree)(lane, LANES, op, parts, out);
}

/* n packed elements behind the first `at` of a block into its lanes, which hold what changes no bit where nothing came yet. */
FOLD_INLINE void FN(fold_on)(const T *x, intptr_t n, intptr_t at, int op, T *lane)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    const intptr_t from = at & (LANES - 1), first = (LANES - from) & (LANES - 1), head = first < n ? first : n;
    const V none = {0};
    for (intptr_t j = 0; j < head; j++) lane[from + j] = FN(one)(op, lane[from + j], FN(term)(op, x[j], NULL, 0));
    x += head, n -= head;
    if (n >= LANES) {
        V acc[NVEC];
        memcpy(acc, lane, sizeof acc);
        for (; n >= LANES; x += LANES, n -= LANES) {
            for (int k = 0; k < LANES * (int)sizeof(T); k += 64) __builtin_prefetch((const char *)x + FOLD_AHEAD + k);
#pragma GCC unroll 32
            for (int k = 0; k < NVEC; k++) {
                V v;
                memcpy(&v, x + k * WIDTH, sizeof v);
                acc[k] = FN(many)(op, acc[k], FN(terms)(op, v, none, 0));
            }
        }
        memcpy(lane, acc, sizeof acc);
    }
    for (intptr_t j = 0; j < n; j++) lane[j] = FN(one)(op, lane[j], FN(term)(op, x[j], NULL, 0));
}

/* A block that lies in `count` packed pieces. */
FOLD_INLINE void FN(fold_pieces)(const char *const *x, const intptr_t *n, intptr_t count, int op, T *out)
{
    T lane[LANES] __attribute__((aligned(64)));
    intptr_t at = 0;
    for (int j = 0; j < LANES; j++) lane[j] = FN(neutral)(op);
    for (intptr_t k = 0; k < count; at += n[k++]) FN(fold_on)((const T *)x[k], n[k], at, op, lane);
    FN(tree)(lane, LANES, op, 1, out);
}

#if defined(__AVX2__)
/* m lines of n <= LANES packed elements, `col` bytes apart: a line is `nvec` vectors, the last one filled up. */
FOLD_INLINE void FN(short_lines)(const char *x, intptr_t n, intptr_t m, intptr_t col, int op, int nvec, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    const T fill = FN(neutral)(op);
    V rest;
    IV in;
    for (int k = 0; k < WIDTH; k++) in[k] = k < n - (nvec - 1) * WIDTH ? -1 : 0, rest[k] = fill;
    for (intptr_t j = 0; j < m; j++, x += col) {
        V v[NVEC];
#pragma GCC unroll 32
        for (int k = 0; k < nvec - 1; k++) memcpy(&v[k], x + k * FOLD_BYTES, sizeof v[k]);
        const char *last = x + (nvec - 1) * FOLD_BYTES;
        if (sizeof(T) == 4) v[nvec - 1] = (V)__builtin_ia32_maskloadps256((const void *)last, (FOLD_WORDS)in);
        else v[nvec - 1] = (V)__builtin_ia32_maskloadpd256((const void *)last, (FOLD_LONGS)in);
        v[nvec - 1] = FN(pick)(in, v[nvec - 1], rest);
        if (op == FOLD_NANSUM)
            for (int k = 0; k < nvec; k++) v[k] = FN(terms)(op, v[k], rest, 0);
#pragma GCC unroll 5
        for (int half = NVEC / 2; half; half /= 2)
#pragma GCC unroll 8
            for (int k = 0; k < half; k++)
                if (k + half < nvec) v[k] = FN(many)(op, v[k], v[k + half]);
#pragma GCC unroll 5
        for (int half = WIDTH / 2; half; half /= 2) {
            IV further;
            memcpy(&further, FN(numbers) + half, sizeof further);
            v[0] = FN(many)(op, v[0], __builtin_shuffle(v[0], further));
        }
        out[j] = v[0][0];
    }
}
#endif

/* The same for any n <= LANES; 0 where there is nothing of the kind. */
FOLD_INLINE int FN(fold_short_lines)(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, int op, T *out)
{
#if defined(__AVX2__)
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    if (sizeof(T) < 4 || step != (intptr_t)sizeof(T) || n > LANES) return 0;
    switch ((n + WIDTH - 1) / WIDTH) {
#define LINES(nvec) case nvec: FN(short_lines)(x, n, m, col, op, nvec <= LANES / WIDTH ? nvec : 1, out); return 1;
    LINES(1) LINES(2) LINES(3) LINES(4) LINES(5) LINES(6) LINES(7) LINES(8)
#undef LINES
    }
#endif
    return 0;
}

/* m packed columns of n rows at `step` bytes, n at most a block; center per column. */
FOLD_INLINE void FN(fold_rows)(const char *x, intptr_t n, intptr_t step, intptr_t m, int op, const T *center, T *out)
{
    enum { TILE = FOLD_TILE_BYTES / sizeof(T) };
    T lane[LANES][TILE] __attribute__((aligned(64)));
    for (intptr_t at = 0; at < m; at += TILE) {
        const intptr_t w = m - at < TILE ? m - at : TILE;
        const char *row = x + at * (intptr_t)sizeof(T);
        const T *c = center ? center + at : NULL;
        for (intptr_t i = 0; i < n; i++, row += step) {
            T *restrict acc = lane[i % LANES];
            const T *v = (const T *)row;
            if (i < LANES)
                for (intptr_t j = 0; j < w; j++) acc[j] = FN(term)(op, v[j], c, c ? (int)j : 0);
            else
                for (intptr_t j = 0; j < w; j++) acc[j] = FN(one)(op, acc[j], FN(term)(op, v[j], c, c ? (int)j : 0));
        }
        intptr_t used = n < LANES ? n : LANES;
        for (intptr_t half = LANES / 2; half; half /= 2) {
            for (intptr_t i = 0; i < used - half; i++) {
                T *restrict a = lane[i];
                const T *b = lane[i + half];
                for (intptr_t j = 0; j < w; j++) a[j] = FN(one)(op, a[j], b[j]);
            }
            if (used > half) used = half;
        }
        memcpy(out + at, lane[0], (size_t)w * sizeof(T));
    }
}

/* Where the extreme value stands first; a NaN equals itself here. */
FOLD_INLINE intptr_t FN(find)(const T *x, intptr_t n, T value)
{
    intptr_t i = 0;
    if (value != value) {
        for (; i < n - 1; i++) if (x[i] != x[i]) break;
        return i;
    }
    for (; i + LANES <= n; i += LANES) {
        FOLD_I hit = 0;
        for (int j = 0; j < LANES; j++) hit |= (FOLD_I)(x[i + j] == value);
        if (hit) break;
    }
    for (; i < n - 1; i++) if (x[i] == value) break;
    return i;
}

/* Pairs {value, place of the first such} of m packed columns.  Places must fit FOLD_I. */
FOLD_INLINE void FN(find_rows)(const char *x, intptr_t n, intptr_t step, intptr_t m, const T *best, char *out)
{
    enum { TILE = FOLD_TILE_BYTES / sizeof(T) };
    FOLD_I place[TILE];
    for (intptr_t at = 0; at < m; at += TILE) {
        const intptr_t w = m - at < TILE ? m - at : TILE;
        memset(place, 0, sizeof place);
        for (intptr_t i = n - 1; i >= 0; i--) {
            const T *row = (const T *)(x + i * step) + at;
            for (intptr_t j = 0; j < w; j++) {
                const T b = best[at + j];
                place[j] = (row[j] == b) | ((row[j] != row[j]) & (b != b)) ? (FOLD_I)i : place[j];
            }
        }
        for (intptr_t j = 0; j < w; j++) {
            *(T *)(out + 16 * (at + j)) = best[at + j];
            *(int64_t *)(out + 16 * (at + j) + 8) = place[j];
        }
    }
}

/* n elements at `step` bytes, packed into buf unless they are so already. */
FOLD_INLINE const T *FN(packed)(const char *x, intptr_t n, intptr_t step, int parts, T *buf)
{
    const intptr_t size = (intptr_t)sizeof(T) * parts;
    if (step == size || n == 1) return (const T *)x;
    if (step == 2 * size && parts == 1) {
        for (intptr_t i = 0; i < n; i++) buf[i] = ((const T *)x)[2 * i];
        return buf;
    }
    for (intptr_t i = 0; i < n; i++)
        for (int p = 0; p < parts; p++) buf[i * parts + p] = ((const T *)(x + i * step))[p];
    return buf;
}

#undef FN
#undef T
#undef V
#undef IV
#undef LANES
#undef FOLD_T
#undef FOLD_I
#undef FOLD_WORD
#undef FOLD_REAL
