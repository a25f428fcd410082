/* fold: the fixed tree of reduce.h for one real type, as inlined functions.  Include it with
 * FOLD_T (the C type), FOLD_I (the signed integer of its width) and FOLD_WORD set; for f32 and f64
 * FOLD_REAL (ps or pd); for integers whose extremes are one instruction FOLD_EXTREME (the end of its name); for elements that are widened as they are loaded FOLD_S (their C type) and FOLD_WIDEN (their word).
 * Each including file gets its own copies, compiled for the ISA at hand.  An element may have two parts (complex:
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
typedef char FOLD_CHARS __attribute__((vector_size(32)));
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
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"    /* gcc does not see that as many elements are packed as are read */
#define FOLD_AHEAD 3072               /* bytes asked for early: the next block is likely to follow */
#define FOLD_TILE_BYTES 512           /* of a row of columns: the lanes of a tile stay in L1 */
enum { FOLD_SUM, FOLD_PROD, FOLD_MAX, FOLD_MIN, FOLD_NANSUM };     /* the last: a NaN counts as nothing */
#endif

#define FN(name) FOLD_PASTE(name, FOLD_WORD)
#define T FOLD_T
#ifdef FOLD_S
#define S FOLD_S
#else
#define S T
#endif
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

/* mask ? b : a */
FOLD_INLINE V FN(pick)(IV mask, V b, V a)
{
#if defined(__AVX2__)
    return (V)__builtin_ia32_pblendvb256((FOLD_CHARS)a, (FOLD_CHARS)b, (FOLD_CHARS)mask);
#else
    return (V)(((IV)b & mask) | ((IV)a & ~mask));
#endif
}

FOLD_INLINE V FN(many)(int op, V a, V b)
{
#ifdef FOLD_EXTREME
    if (op == FOLD_MAX) return (V)FOLD_PASTE(_mm256_max, FOLD_EXTREME)((__m256i)a, (__m256i)b);
    if (op == FOLD_MIN) return (V)FOLD_PASTE(_mm256_min, FOLD_EXTREME)((__m256i)a, (__m256i)b);
#endif
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

/* The first n lanes. */
FOLD_INLINE IV FN(first)(intptr_t n)
{
    IV number;
    memcpy(&number, FN(numbers), sizeof number);
    return (IV)(number < (FOLD_I)n - (IV){0});
}

FOLD_INLINE V FN(even)(T a)
{
    V v;
    for (int k = 0; k < (int)(FOLD_BYTES / sizeof(T)); k++) v[k] = a;
    return v;
}

/* A vector of elements. */
FOLD_INLINE V FN(get)(const S *x)
{
    V v;
#ifdef FOLD_WIDEN
    v = (V)FOLD_PASTE(widen, FOLD_WIDEN)(x);
#else
    memcpy(&v, x, sizeof v);
#endif
    return v;
}

/* n elements, fewer than a vector has, filled up; not a byte beyond them is read. */
FOLD_INLINE V FN(get_part)(const S *x, intptr_t n, T fill)
{
#if defined(__AVX2__) && !defined(FOLD_WIDEN)
    const IV in = FN(first)(n);
    if (sizeof(T) == 4) return FN(pick)(in, (V)__builtin_ia32_maskloadps256((const void *)x, (FOLD_WORDS)in), FN(even)(fill));
    if (sizeof(T) == 8) return FN(pick)(in, (V)__builtin_ia32_maskloadpd256((const void *)x, (FOLD_LONGS)in), FN(even)(fill));
#endif
    S room[FOLD_BYTES / sizeof(T)] = {0};
    for (intptr_t j = 0; j < n; j++) room[j] = x[j];
    return FN(pick)(FN(first)(n), FN(get)(room), FN(even)(fill));
}

/* One element. */
FOLD_INLINE T FN(value)(S x)
{
#ifdef FOLD_WIDEN
    return FOLD_PASTE(widened, FOLD_WIDEN)(x);
#else
    return x;
#endif
}

/* The tree over all lanes, of one part, in registers. */
FOLD_INLINE T FN(whole_tree)(const V *lanes, int op)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    V v[NVEC];
#pragma GCC unroll 16
    for (int k = 0; k < NVEC; k++) v[k] = lanes[k];
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
FOLD_INLINE void FN(fold_few)(const S *x, intptr_t n, int op, int parts, const T *center, T *out)
{
    T lane[2 * LANES];
    for (intptr_t i = 0; i < n * parts; i++) lane[i] = FN(term)(op, FN(value)(x[i]), center, i & (parts - 1));
    FN(tree)(lane, n, op, parts, out);
}

/* Extremes by the processor's own instruction, which loses NaNs but takes zeros as `one` does. */
FOLD_INLINE int FN(has_native)(int op)
{
#if defined(FOLD_REAL) && defined(__SSE2__)
    return op == FOLD_MAX || op == FOLD_MIN;
#else
    return 0;
#endif
}

FOLD_INLINE IV FN(unordered)(V a, V b)
{
#if defined(FOLD_REAL) && defined(__SSE2__)
    return (IV)FOLD_UNORDERED(FOLD_REAL, a, b);
#else
    return (IV)(a != a) | (IV)(b != b);
#endif
}

FOLD_INLINE V FN(step)(int op, int native, V a, V b)
{
#if defined(FOLD_REAL) && defined(__SSE2__)
    if (native) return op == FOLD_MAX ? FOLD_NATIVE(max, FOLD_REAL)(b, a) : FOLD_NATIVE(min, FOLD_REAL)(b, a);
#endif
    return FN(many)(op, a, b);
}

/* The lanes of a block.  0 when there was a NaN that `native` may have lost: then nothing is said. */
FOLD_INLINE int FN(fill_lanes)(const S *x, intptr_t n, int op, int native, int parts, V c, int about, V *acc)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    const int nvec = LANES * parts / WIDTH;
    const intptr_t full = LANES * parts, total = n * parts;
    const V fill = FN(even)(FN(neutral)(op));
    IV bad = {0};
    intptr_t i = 0;
#pragma GCC unroll 64
    for (int k = 0; k < nvec; k++) acc[k] = n < LANES ? fill : FN(terms)(op, FN(get)(x + k * WIDTH), c, about);
    if (n >= LANES) {
        if (native)
#pragma GCC unroll 64
            for (int k = 0; k < nvec; k++) bad |= (IV)(acc[k] != acc[k]);
        i = full;
    }
    for (; i + full <= total; i += full) {
        for (int k = 0; k < LANES * (int)sizeof(S); k += 64) __builtin_prefetch((const char *)(x + i) + FOLD_AHEAD + k);
#pragma GCC unroll 64
        for (int k = 0; k < nvec; k += 2) {
            const V a = FN(get)(x + i + k * WIDTH), b = nvec > 1 ? FN(get)(x + i + (k + 1) * WIDTH) : a;
            if (native) bad |= FN(unordered)(a, b);
            acc[k] = FN(step)(op, native, acc[k], FN(terms)(op, a, c, about));
            if (nvec > 1) acc[k + 1] = FN(step)(op, native, acc[k + 1], FN(terms)(op, b, c, about));
        }
    }
#pragma GCC unroll 64
    for (int k = 0; k < nvec; k++) {
        const intptr_t left = total - i - k * WIDTH;
        if (left <= 0) break;
        V v = left >= WIDTH ? FN(get)(x + i + k * WIDTH) : FN(get_part)(x + i + k * WIDTH, left, FN(neutral)(op));
        if (native) bad |= (IV)(v != v);
        v = FN(terms)(op, v, c, about);
        if (about && left < WIDTH) v = FN(pick)(FN(first)(left), v, fill);
        acc[k] = FN(step)(op, native, acc[k], v);
    }
    FOLD_I any = 0;
    for (int k = 0; native && k < WIDTH; k++) any |= bad[k];
    return !any;
}

/* n >= 1 packed elements, at most a block. */
FOLD_INLINE void FN(fold)(const S *x, intptr_t n, int op, int parts, const T *center, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), FEW = 8 };
    V acc[2 * LANES / WIDTH], c = {0};
    const int native = FN(has_native)(op);
    if (n < FEW || (n < LANES && parts == 2)) {
        FN(fold_few)(x, n, op, parts, center, out);
        return;
    }
    if (center) for (int k = 0; k < WIDTH; k++) c[k] = center[k & (parts - 1)];
    if (!FN(fill_lanes)(x, n, op, native, parts, c, center != NULL, acc))
        FN(fill_lanes)(x, n, op, 0, parts, c, center != NULL, acc);
    if (parts == 1) {
        *out = FN(whole_tree)(acc, op);
        return;
    }
    T lane[2 * LANES];
    memcpy(lane, acc, sizeof lane);
    FN(tree)(lane, LANES, op, parts, out);
}

/* Lanes as they are after r elements more: what was r further on comes first.  There is room for LANES on both sides. */
FOLD_INLINE void FN(turn_lanes)(const V *acc, intptr_t r, T *lanes)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
#pragma GCC unroll 32
    for (int k = 0; k < NVEC; k++) memcpy(lanes + k * WIDTH - r, &acc[k], sizeof acc[k]);
    if (r)
#pragma GCC unroll 32
        for (int k = 0; k < NVEC; k++) memcpy(lanes + LANES + k * WIDTH - r, &acc[k], sizeof acc[k]);
}

/* n packed elements behind the first `at` of a block, for m results, `col` bytes apart: into their lanes, which are kept
 * turned so that the next element's comes first, or at a block's end all of it to `out`. */
FOLD_INLINE void FN(fold_on)(const char *x, intptr_t n, intptr_t at, intptr_t m, intptr_t col, int op, T *lanes, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    const intptr_t from = at & (LANES - 1), ahead = m > 1 ? col : FOLD_AHEAD;
    lanes += LANES;
    for (intptr_t r = 0; r < m; r++, x += col, lanes += 3 * LANES) {
        const S *p = (const S *)x;
        intptr_t left = n;
        V acc[NVEC], v;
#pragma GCC unroll 32
        for (int k = 0; k < NVEC; k++) {       /* one by one, or gcc keeps them in memory */
            acc[k] = FN(even)(FN(neutral)(op));
            if (at) memcpy(&acc[k], lanes + k * WIDTH, sizeof v);
        }
        for (; left >= LANES; left -= LANES, p += LANES) {
            for (int k = 0; k < LANES * (int)sizeof(S); k += 64) __builtin_prefetch((const char *)p + ahead + k);
#pragma GCC unroll 32
            for (int k = 0; k < NVEC; k++) {
                v = FN(get)(p + k * WIDTH);
                acc[k] = FN(many)(op, acc[k], FN(terms)(op, v, v, 0));
            }
        }
#pragma GCC unroll 32
        for (int k = 0; k < NVEC && left > 0; k++, left -= WIDTH, p += WIDTH) {
            v = left >= WIDTH ? FN(get)(p) : FN(get_part)(p, left, FN(neutral)(op));
            acc[k] = FN(many)(op, acc[k], FN(terms)(op, v, v, 0));
        }
        if (!out) {
            FN(turn_lanes)(acc, n & (LANES - 1), lanes);
            continue;
        }
        if (from) {
            FN(turn_lanes)(acc, LANES - from, lanes);
#pragma GCC unroll 32
            for (int k = 0; k < NVEC; k++) memcpy(&acc[k], lanes + k * WIDTH, sizeof v);
        }
        out[r] = FN(whole_tree)(acc, op);
    }
}

/* m lines of n <= LANES packed elements, `col` bytes apart: a line is `nvec` vectors, the last one filled up. */
FOLD_INLINE void FN(short_lines)(const char *x, intptr_t n, intptr_t m, intptr_t col, int op, int nvec, T *out)
{
    enum { WIDTH = FOLD_BYTES / sizeof(T), NVEC = LANES / WIDTH };
    const intptr_t last = n - (nvec - 1) * WIDTH;
    for (intptr_t j = 0; j < m; j++, x += col) {
        V v[NVEC];
#pragma GCC unroll 32
        for (int k = 0; k < nvec; k++) {
            const S *const at = (const S *)x + k * WIDTH;
            v[k] = FN(terms)(op, k < nvec - 1 ? FN(get)(at) : FN(get_part)(at, last, FN(neutral)(op)), FN(even)(0), 0);
        }
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

/* The same for any n <= LANES; 0 where there is nothing of the kind. */
FOLD_INLINE int FN(fold_short_lines)(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, int op, T *out)
{
#if FOLD_BYTES == 32
    enum { WIDTH = FOLD_BYTES / sizeof(T) };
    if (sizeof(S) < 4 || step != (intptr_t)sizeof(S) || n > LANES) return 0;
    switch ((n + WIDTH - 1) / WIDTH) {
#define LINES(nvec) case nvec: FN(short_lines)(x, n, m, col, op, nvec <= LANES / WIDTH ? nvec : 1, out); return 1;
    LINES(1) LINES(2) LINES(3) LINES(4) LINES(5) LINES(6) LINES(7) LINES(8)
#undef LINES
    }
#endif
    return 0;
}

#include "ufunc/kernels/fold_columns.h"

/* n elements at `step` bytes, packed into buf unless they are so already. */
FOLD_INLINE const S *FN(packed)(const char *x, intptr_t n, intptr_t step, int parts, S *buf)
{
    const intptr_t size = (intptr_t)sizeof(S) * parts;
    if (step == size || n == 1) return (const S *)x;
    if (step == 2 * size && parts == 1) {
        for (intptr_t i = 0; i < n; i++) buf[i] = ((const S *)x)[2 * i];
        return buf;
    }
    for (intptr_t i = 0; i < n; i++)
        for (int p = 0; p < parts; p++) buf[i * parts + p] = ((const S *)(x + i * step))[p];
    return buf;
}

#undef FN
#undef T
#undef S
#undef V
#undef IV
#undef LANES
#undef FOLD_T
#undef FOLD_I
#undef FOLD_WORD
#undef FOLD_REAL
#undef FOLD_EXTREME
#undef FOLD_S
#undef FOLD_WIDEN
