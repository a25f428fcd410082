/* reduce: the reducers of one ISA.  Each is the fixed tree of fold.h in a short shell per dtype:
 * `block` folds packed elements (others are packed first), `columns` folds rows of
 * neighbouring columns, and where neither layout fits, columns are packed one by one.
 * Compiled once per ISA with RT_ISA set.  Floor: ufunc/kernels. */
#ifdef __FMA__
#pragma GCC target("no-fma")    /* gcc 12 makes complex products vfmaddsub in spite of -ffp-contract=off */
#endif
#include "ufunc/kernels/table.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define FOLD_T uint8_t
#define FOLD_I int8_t
#define FOLD_WORD u8
#ifdef __AVX2__
#define FOLD_EXTREME epu8
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T int8_t
#define FOLD_I int8_t
#define FOLD_WORD i8
#ifdef __AVX2__
#define FOLD_EXTREME epi8
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T uint16_t
#define FOLD_I int16_t
#define FOLD_WORD u16
#ifdef __AVX2__
#define FOLD_EXTREME epu16
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T int16_t
#define FOLD_I int16_t
#define FOLD_WORD i16
#ifdef __AVX2__
#define FOLD_EXTREME epi16
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T uint32_t
#define FOLD_I int32_t
#define FOLD_WORD u32
#ifdef __AVX2__
#define FOLD_EXTREME epu32
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T int32_t
#define FOLD_I int32_t
#define FOLD_WORD i32
#ifdef __AVX2__
#define FOLD_EXTREME epi32
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T uint64_t
#define FOLD_I int64_t
#define FOLD_WORD u64
#ifdef __AVX512VL__
#define FOLD_EXTREME epu64
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T int64_t
#define FOLD_I int64_t
#define FOLD_WORD i64
#ifdef __AVX512VL__
#define FOLD_EXTREME epi64
#endif
#include "ufunc/kernels/fold.h"
#define FOLD_T float
#define FOLD_I int32_t
#define FOLD_WORD f32
#define FOLD_REAL ps
#include "ufunc/kernels/fold.h"
#define FOLD_T double
#define FOLD_I long long
#define FOLD_WORD f64
#define FOLD_REAL pd
#include "ufunc/kernels/fold.h"

#if defined(__AVX2__)           /* 16-bit floats are widened as they are loaded; elsewhere casts do it first */
#define RT_REDUCE_NARROW
static inline __m256 widen_f16(const uint16_t *x) { return _mm256_cvtph_ps(_mm_loadu_si128((const void *)x)); }
static inline __m256 widen_bf16(const uint16_t *x)
{
    return (__m256)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)x)), 16);
}
static inline float widened_f16(uint16_t x) { return _cvtsh_ss(x); }
static inline float widened_bf16(uint16_t x)
{
    const uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
#define FOLD_T float
#define FOLD_I int32_t
#define FOLD_WORD f16
#define FOLD_REAL ps
#define FOLD_S uint16_t
#define FOLD_WIDEN f16
#include "ufunc/kernels/fold.h"
#define FOLD_T float
#define FOLD_I int32_t
#define FOLD_WORD bf16
#define FOLD_REAL ps
#define FOLD_S uint16_t
#define FOLD_WIDEN bf16
#include "ufunc/kernels/fold.h"

/* Integers to be summed: 8 and 16 bits in 32, which hold the sum of a block; 32 bits in 64. */
#define WIDENS(word, stype, ctype, load, convert)                                                             \
    static inline __m256i widen_##word(const stype *x) { return convert(load((const void *)x)); }             \
    static inline ctype widened_##word(stype x) { return x; }
WIDENS(s_u8, uint8_t, int32_t, _mm_loadl_epi64, _mm256_cvtepu8_epi32)
WIDENS(s_i8, int8_t, int32_t, _mm_loadl_epi64, _mm256_cvtepi8_epi32)
WIDENS(s_u16, uint16_t, int32_t, _mm_loadu_si128, _mm256_cvtepu16_epi32)
WIDENS(s_i16, int16_t, int32_t, _mm_loadu_si128, _mm256_cvtepi16_epi32)
WIDENS(s_u32, uint32_t, uint64_t, _mm_loadu_si128, _mm256_cvtepu32_epi64)
WIDENS(s_i32, int32_t, uint64_t, _mm_loadu_si128, _mm256_cvtepi32_epi64)
#define FOLD_T int32_t
#define FOLD_I int32_t
#define FOLD_WORD s_u8
#define FOLD_S uint8_t
#define FOLD_WIDEN s_u8
#include "ufunc/kernels/fold.h"
#define FOLD_T int32_t
#define FOLD_I int32_t
#define FOLD_WORD s_i8
#define FOLD_S int8_t
#define FOLD_WIDEN s_i8
#include "ufunc/kernels/fold.h"
#define FOLD_T int32_t
#define FOLD_I int32_t
#define FOLD_WORD s_u16
#define FOLD_S uint16_t
#define FOLD_WIDEN s_u16
#include "ufunc/kernels/fold.h"
#define FOLD_T int32_t
#define FOLD_I int32_t
#define FOLD_WORD s_i16
#define FOLD_S int16_t
#define FOLD_WIDEN s_i16
#include "ufunc/kernels/fold.h"
#define FOLD_T uint64_t
#define FOLD_I int64_t
#define FOLD_WORD s_u32
#define FOLD_S uint32_t
#define FOLD_WIDEN s_u32
#include "ufunc/kernels/fold.h"
#define FOLD_T uint64_t
#define FOLD_I int64_t
#define FOLD_WORD s_i32
#define FOLD_S int32_t
#define FOLD_WIDEN s_i32
#include "ufunc/kernels/fold.h"
#endif

#define BLOCK RT_REDUCE_BLOCK

/* Columns whose elements are not neighbours: short ones are turned, a tile at a time, others go one
 * block each. */
typedef void block_fn(const char *x, intptr_t n, intptr_t step, char *out);
typedef void columns_fn(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out);

static void turn(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, intptr_t size, char *to)
{
#define TURN(bytes, type)                                                                                     \
    case bytes:                                                                                               \
        for (intptr_t j = 0; j < m; j++)                                                                      \
            for (intptr_t i = 0; i < n; i++) ((type *)to)[i * m + j] = *(const type *)(x + j * col + i * step); \
        break
    switch (size) {
    TURN(1, uint8_t);
    TURN(2, uint16_t);
    TURN(4, uint32_t);
    TURN(8, uint64_t);
    }
#undef TURN
}

static void each_column(columns_fn *columns, block_fn *block, const char *x, intptr_t n, intptr_t step, intptr_t m,
                        intptr_t col, intptr_t size, char *out, intptr_t out_size)
{
    enum { TILE = 64, SHORT = 32 };
    char buf[TILE * SHORT * 8] __attribute__((aligned(64)));
    intptr_t j = 0;
    if (n <= SHORT && size <= 8)
        for (intptr_t w; j < m && (w = m - j < TILE ? m - j : TILE) >= 4; j += w) {
            turn(x + j * col, n, step, w, col, size, buf);
            columns(buf, n, w * size, w, size, out + j * out_size);
        }
    for (; j < m; j++) block(x + j * col, n, step, out + j * out_size);
}

/* stype: elements in memory; ctype: what they are folded in. */
#define SHELLS(name, OP, word, stype, ctype)                                                                  \
    static __attribute__((noinline)) void name##_line_##word(const stype *x, intptr_t n, ctype *out)          \
    {                                                                                                         \
        fold_##word(x, n, OP, 1, NULL, out);                                                                  \
    }                                                                                                         \
    static void name##_##word(const char *x, intptr_t n, intptr_t step, char *out)                            \
    {                                                                                                         \
        stype buf[BLOCK];                                                                                     \
        name##_line_##word(packed_##word(x, n, step, 1, buf), n, (ctype *)out);                               \
    }                                                                                                         \
    static void name##_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        ctype *to = (ctype *)out;                                                                             \
        if (col == (intptr_t)sizeof(stype)) fold_rows_##word(x, n, step, m, OP, NULL, to);                    \
        else if (step == (intptr_t)sizeof(stype) && n > RT_REDUCE_LANES)                                      \
            for (intptr_t j = 0; j < m; j++) name##_line_##word((const stype *)(x + j * col), n, to + j);     \
        else if (!fold_short_lines_##word(x, n, step, m, col, OP, to))                                        \
            each_column(name##_columns_##word, name##_##word, x, n, step, m, col, sizeof(stype), out, sizeof(ctype)); \
    }                                                                                                         \
    static void name##_piece_##word(const char *x, intptr_t n, intptr_t at, intptr_t m, intptr_t col,         \
                                    char *lanes, char *out)                                                   \
    {                                                                                                         \
        fold_on_##word(x, n, at, m, col, OP, (ctype *)lanes, (ctype *)out);                                   \
    }
#define COMBINES(name, OP, word, ctype)                                                                       \
    static void name##_combine_##word(char *acc, const char *part, intptr_t m, intptr_t gap)                  \
    {                                                                                                         \
        ctype *a = (ctype *)acc;                                                                              \
        const ctype *b = (const ctype *)part;                                                                 \
        if (gap == 1) for (intptr_t j = 0; j < m; j++) a[j] = one_##word(OP, a[j], b[j]);                     \
        else for (intptr_t j = 0; j < m * gap; j += gap) a[j] = one_##word(OP, a[j], b[j]);                   \
    }
#define FOLDS(name, OP, word, ctype) SHELLS(name, OP, word, ctype, ctype) COMBINES(name, OP, word, ctype)

#define EXTREMES(word, ctype) FOLDS(max, FOLD_MAX, word, ctype) FOLDS(min, FOLD_MIN, word, ctype)
EXTREMES(u8, uint8_t)
EXTREMES(i8, int8_t)
EXTREMES(u16, uint16_t)
EXTREMES(i16, int16_t)
EXTREMES(u32, uint32_t)
EXTREMES(i32, int32_t)
EXTREMES(u64, uint64_t)
EXTREMES(i64, int64_t)
EXTREMES(f32, float)
EXTREMES(f64, double)
FOLDS(sum, FOLD_SUM, u64, uint64_t)
FOLDS(sum, FOLD_SUM, f32, float)
FOLDS(sum, FOLD_SUM, f64, double)
FOLDS(nansum, FOLD_NANSUM, f32, float)
FOLDS(nansum, FOLD_NANSUM, f64, double)
FOLDS(prod, FOLD_PROD, u64, uint64_t)
FOLDS(prod, FOLD_PROD, f32, float)
FOLDS(prod, FOLD_PROD, f64, double)
#ifdef RT_REDUCE_NARROW
#define NARROWS(word) SHELLS(sum, FOLD_SUM, word, uint16_t, float) SHELLS(nansum, FOLD_NANSUM, word, uint16_t, float) \
    SHELLS(max, FOLD_MAX, word, uint16_t, float) SHELLS(min, FOLD_MIN, word, uint16_t, float)
NARROWS(f16)
NARROWS(bf16)

/* Sums of narrow integers in 64 bits: what a block comes to is widened again. */
#define NARROW_SUMS(word, stype, ctype)                                                                       \
    SHELLS(narrow, FOLD_SUM, s_##word, stype, ctype)                                                          \
    static void sum_##word(const char *x, intptr_t n, intptr_t step, char *out)                               \
    {                                                                                                         \
        ctype r;                                                                                              \
        narrow_s_##word(x, n, step, (char *)&r);                                                              \
        *(int64_t *)out = (int64_t)r;                                                                         \
    }                                                                                                         \
    static void sum_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        enum { TILE = 1024 };                                                                                 \
        ctype r[TILE];                                                                                        \
        for (intptr_t j = 0, w; j < m; j += w, x += w * col) {                                                \
            w = m - j < TILE ? m - j : TILE;                                                                  \
            narrow_columns_s_##word(x, n, step, w, col, (char *)r);                                           \
            for (intptr_t k = 0; k < w; k++) ((int64_t *)out)[j + k] = (int64_t)r[k];                         \
        }                                                                                                     \
    }                                                                                                         \
    static void sum_piece_##word(const char *x, intptr_t n, intptr_t at, intptr_t m, intptr_t col,            \
                                 char *lanes, char *out)                                                      \
    {                                                                                                         \
        ctype r[RT_REDUCE_AT_ONCE];                                                                           \
        narrow_piece_s_##word(x, n, at, m, col, lanes, out ? (char *)r : NULL);                               \
        for (intptr_t k = 0; out && k < m; k++) ((int64_t *)out)[k] = (int64_t)r[k];                          \
    }
NARROW_SUMS(u8, uint8_t, int32_t)
NARROW_SUMS(i8, int8_t, int32_t)
NARROW_SUMS(u16, uint16_t, int32_t)
NARROW_SUMS(i16, int16_t, int32_t)
NARROW_SUMS(u32, uint32_t, uint64_t)
NARROW_SUMS(i32, int32_t, uint64_t)
#endif

/* ---- complex sums: both parts in one pass ---- */
#define sum_c64_shells(word, real, ctype)                                                                     \
    static void sum_##word(const char *x, intptr_t n, intptr_t step, char *out)                               \
    {                                                                                                         \
        ctype buf[BLOCK * 2];                                                                                 \
        fold_##real(packed_##real(x, n, step, 2, buf), n, FOLD_SUM, 2, NULL, (ctype *)out);                   \
    }                                                                                                         \
    static void sum_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        if (col == 2 * (intptr_t)sizeof(ctype)) fold_rows_##real(x, n, step, 2 * m, FOLD_SUM, NULL, (ctype *)out); \
        else each_column(sum_columns_##word, sum_##word, x, n, step, m, col, 2 * sizeof(ctype), out, 2 * sizeof(ctype)); \
    }                                                                                                         \
    static void sum_combine_##word(char *acc, const char *part, intptr_t m, intptr_t gap)                     \
    {                                                                                                         \
        for (int p = 0; p < 2 && gap > 1; p++)                                                                \
            sum_combine_##real(acc + p * sizeof(ctype), part + p * sizeof(ctype), m, 2 * gap);                \
        if (gap == 1) sum_combine_##real(acc, part, 2 * m, 1);                                                \
    }
sum_c64_shells(c64, f32, float)
sum_c64_shells(c128, f64, double)

/* ---- products of complex numbers: the same tree over pairs ---- */
#define COMPLEX_PROD(word, ctype)                                                                             \
    static inline void times_##word(ctype *a, const ctype *b)                                                 \
    {                                                                                                         \
        const ctype re = a[0] * b[0] - a[1] * b[1], im = a[0] * b[1] + a[1] * b[0];                           \
        a[0] = re;                                                                                            \
        a[1] = im;                                                                                            \
    }                                                                                                         \
    static void prod_##word(const char *x, intptr_t n, intptr_t step, char *out)                              \
    {                                                                                                         \
        ctype lane[RT_REDUCE_LANES][2];                                                                       \
        intptr_t used = n < RT_REDUCE_LANES ? n : RT_REDUCE_LANES;                                            \
        for (intptr_t i = 0; i < n; i++, x += step)                                                           \
            if (i < used) memcpy(lane[i], x, sizeof lane[i]);                                                 \
            else times_##word(lane[i % RT_REDUCE_LANES], (const ctype *)x);                                   \
        for (intptr_t half = RT_REDUCE_LANES / 2; half; half /= 2) {                                          \
            for (intptr_t j = 0; j < used - half; j++) times_##word(lane[j], lane[j + half]);                 \
            if (used > half) used = half;                                                                     \
        }                                                                                                     \
        memcpy(out, lane[0], sizeof lane[0]);                                                                 \
    }                                                                                                         \
    static void prod_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        for (intptr_t j = 0; j < m; j++) prod_##word(x + j * col, n, step, out + j * 2 * (intptr_t)sizeof(ctype)); \
    }                                                                                                         \
    static void prod_combine_##word(char *acc, const char *part, intptr_t m, intptr_t gap)                    \
    {                                                                                                         \
        for (intptr_t j = 0; j < m * gap; j += gap)                                                           \
            times_##word((ctype *)acc + 2 * j, (const ctype *)part + 2 * j);                                  \
    }
COMPLEX_PROD(c64, float)
COMPLEX_PROD(c128, double)

/* ---- sums of squares, about a center or not; of complex numbers a real result ---- */
#define SUMSQ(word, real, stype, ctype, parts)                                                                    \
    static void sumsq_about_##word(const char *x, intptr_t n, intptr_t step, const char *center, char *out)   \
    {                                                                                                         \
        stype buf[BLOCK * parts];                                                                             \
        ctype r[2] = {0, 0};                                                              \
        fold_##real(packed_##real(x, n, step, parts, buf), n, FOLD_SUM, parts, (const ctype *)center, r);     \
        *(ctype *)out = parts == 2 ? r[0] + r[1] : r[0];                                                      \
    }                                                                                                         \
    static void sumsq_##word(const char *x, intptr_t n, intptr_t step, char *out)                             \
    {                                                                                                         \
        static const ctype zero[2];                                                                           \
        sumsq_about_##word(x, n, step, (const char *)zero, out);                                              \
    }                                                                                                         \
    static void sumsq_columns_about_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, \
                                           const char *center, char *out)                                     \
    {                                                                                                         \
        const intptr_t size = sizeof(stype) * parts, at = sizeof(ctype) * parts;                              \
        for (intptr_t j = 0; j < m && (parts == 2 || col != size); j++)                                       \
            sumsq_about_##word(x + j * col, n, step, center + j * at, out + j * (intptr_t)sizeof(ctype));     \
        if (parts == 1 && col == size)                                                                        \
            fold_rows_##real(x, n, step, m, FOLD_SUM, (const ctype *)center, (ctype *)out);                   \
    }                                                                                                         \
    static void sumsq_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        static const ctype zero[256];                                                                         \
        const intptr_t tile = 256 / parts;                                                                    \
        for (intptr_t j = 0; j < m; j += tile)                                                                \
            sumsq_columns_about_##word(x + j * col, n, step, m - j < tile ? m - j : tile, col,                \
                                       (const char *)zero, out + j * (intptr_t)sizeof(ctype));                \
    }
SUMSQ(f32, f32, float, float, 1)
SUMSQ(f64, f64, double, double, 1)
SUMSQ(c64, f32, float, float, 2)
SUMSQ(c128, f64, double, double, 2)
#ifdef RT_REDUCE_NARROW
SUMSQ(f16, f16, uint16_t, float, 1)
SUMSQ(bf16, bf16, uint16_t, float, 1)
#endif

/* ---- arg: the extreme value, then the place where it first stands ---- */
#define ARG(name, extreme, op, word, ctype)                                                                            \
    static void name##_##word(const char *x, intptr_t n, intptr_t step, char *out)                            \
    {                                                                                                         \
        ctype buf[BLOCK], best;                                                                               \
        const ctype *v = packed_##word(x, n, step, 1, buf);                                                   \
        extreme##_##word((const char *)v, n, sizeof best, (char *)&best);                                      \
        *(ctype *)out = best;                                                                                 \
        *(int64_t *)(out + 8) = find_##word(v, n, best);                                                      \
    }                                                                                                         \
    static void name##_columns_##word(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out) \
    {                                                                                                         \
        enum { TILE = FOLD_TILE_BYTES / sizeof(ctype) };                                                      \
        ctype best[TILE];                                                                                     \
        if (col != (intptr_t)sizeof(ctype) || (n > 32 && m < 8) || (sizeof(ctype) == 1 && n > INT8_MAX)) {    \
            each_column(name##_columns_##word, name##_##word, x, n, step, m, col, sizeof(ctype), out, 16);    \
            return;                                                                                           \
        }                                                                                                     \
        for (intptr_t j = 0; j < m; j += TILE, x += sizeof best, out += 16 * TILE) {                          \
            const intptr_t w = m - j < TILE ? m - j : TILE;                                                   \
            extreme##_columns_##word(x, n, step, w, col, (char *)best);                                       \
            find_rows_##word(x, n, step, w, best, out);                                                       \
        }                                                                                                     \
    }                                                                                                         \
    static void name##_combine_##word(char *acc, const char *part, intptr_t m, intptr_t gap)                  \
    {                                                                                                         \
        for (; m > 0; m--, acc += 16 * gap, part += 16 * gap) {                                               \
            const ctype a = *(const ctype *)acc, b = *(const ctype *)part;                                    \
            const int wins = op == FOLD_MAX ? b > a : b < a;                                                  \
            if (a == a && (wins || b != b)) memcpy(acc, part, 16);                                            \
        }                                                                                                     \
    }
#define ARGS(word, ctype) ARG(argmax, max, FOLD_MAX, word, ctype) ARG(argmin, min, FOLD_MIN, word, ctype)
ARGS(u8, uint8_t)
ARGS(i8, int8_t)
ARGS(u16, uint16_t)
ARGS(i16, int16_t)
ARGS(u32, uint32_t)
ARGS(i32, int32_t)
ARGS(u64, uint64_t)
ARGS(i64, int64_t)
ARGS(f32, float)
ARGS(f64, double)

/* ---- truth values that are not 0, counted ---- */
static void nonzero_b1(const char *x, intptr_t n, intptr_t step, char *out)
{
    uint8_t lane[RT_REDUCE_LANES] = {0}, buf[BLOCK];
    const uint8_t *v = packed_u8(x, n, step, 1, buf);
    int64_t sum = 0;
    intptr_t i = 0;
    for (; i + RT_REDUCE_LANES <= n; i += RT_REDUCE_LANES)      /* of a block a lane gets 32 at most */
        for (int j = 0; j < RT_REDUCE_LANES; j++) lane[j] = (uint8_t)(lane[j] + (v[i + j] != 0));
    for (; i < n; i++) sum += v[i] != 0;
    for (int j = 0; j < RT_REDUCE_LANES; j++) sum += lane[j];
    *(int64_t *)out = sum;
}
static void nonzero_columns_b1(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out)
{
    enum { TILE = 256 };
    uint16_t count[TILE];
    if (col != 1) {
        each_column(nonzero_columns_b1, nonzero_b1, x, n, step, m, col, 1, out, 8);
        return;
    }
    for (intptr_t at = 0; at < m; at += TILE) {
        const intptr_t w = m - at < TILE ? m - at : TILE;
        memset(count, 0, sizeof count);
        for (intptr_t i = 0; i < n; i++) {
            const uint8_t *row = (const uint8_t *)x + i * step + at;
            for (intptr_t j = 0; j < w; j++) count[j] = (uint16_t)(count[j] + (row[j] != 0));
        }
        for (intptr_t j = 0; j < w; j++) ((int64_t *)out)[at + j] = count[j];
    }
}

#define ROW(acc, name, word) {RT_##acc, name##_##word, name##_columns_##word, name##_combine_##word, 0, 0, 0}
#define ROW_PIECE(acc, name, word) {RT_##acc, name##_##word, name##_columns_##word, name##_combine_##word, 0, 0, \
                                     name##_piece_##word}
#define ROW_ABOUT(acc, word) {RT_##acc, sumsq_##word, sumsq_columns_##word, sum_combine_##acc, \
                              sumsq_about_##word, sumsq_columns_about_##word, 0}
#ifdef RT_REDUCE_NARROW
#define NARROW(name, word) [RT_##word] = {RT_f32, name##_##word, name##_columns_##word, name##_combine_f32, 0, 0, name##_piece_##word}
#define HALVES(name) NARROW(name, f16), NARROW(name, bf16),
#define NARROW_SUM(word) [RT_##word] = {RT_i64, sum_##word, sum_columns_##word, sum_combine_u64, 0, 0, sum_piece_##word}
#define INTEGER_SUMS NARROW_SUM(u8), NARROW_SUM(i8), NARROW_SUM(u16), \
    NARROW_SUM(i16), NARROW_SUM(u32), NARROW_SUM(i32),
#define HALF_SQUARES [RT_f16] = ROW_ABOUT(f32, f16), [RT_bf16] = ROW_ABOUT(f32, bf16),
#else
#define HALVES(name)
#define INTEGER_SUMS
#define HALF_SQUARES
#endif
#define SUMS(name, more) {more [RT_i64] = ROW_PIECE(i64, name, u64), [RT_u64] = ROW_PIECE(u64, name, u64), \
                    [RT_f32] = ROW_PIECE(f32, name, f32), [RT_f64] = ROW_PIECE(f64, name, f64), \
                    [RT_c64] = ROW(c64, name, c64), [RT_c128] = ROW(c128, name, c128)}
#define ORDERED_(R, name, more) {more [RT_b1] = R(b1, name, u8), [RT_u8] = R(u8, name, u8), [RT_i8] = R(i8, name, i8), \
                       [RT_u16] = R(u16, name, u16), [RT_i16] = R(i16, name, i16), [RT_u32] = R(u32, name, u32), \
                       [RT_i32] = R(i32, name, i32), [RT_u64] = R(u64, name, u64), [RT_i64] = R(i64, name, i64), \
                       [RT_f32] = R(f32, name, f32), [RT_f64] = R(f64, name, f64)}
#define ORDERED(name) ORDERED_(ROW_PIECE, name, HALVES(name))
#define PLACES(name) ORDERED_(ROW, name, )

#define COUNTS {RT_i64, nonzero_b1, nonzero_columns_b1, sum_combine_u64, 0, 0, 0}
#define TRUTHS [RT_b1] = COUNTS,

/* Truth values are 0 and 1: any is their maximum, all their minimum. */
rt_reducer_table RT_ISA_NAME(reducers) = {
    [RT_REDUCE_SUM] = SUMS(sum, HALVES(sum) INTEGER_SUMS TRUTHS),
    [RT_REDUCE_PROD] = SUMS(prod, ),
    [RT_REDUCE_MAX] = ORDERED(max),
    [RT_REDUCE_MIN] = ORDERED(min),
    [RT_REDUCE_ARGMAX] = PLACES(argmax),
    [RT_REDUCE_ARGMIN] = PLACES(argmin),
    [RT_REDUCE_ANY] = {[RT_b1] = ROW_PIECE(b1, max, u8)},
    [RT_REDUCE_ALL] = {[RT_b1] = ROW_PIECE(b1, min, u8)},
    [RT_REDUCE_SUMSQ] = {HALF_SQUARES [RT_f32] = ROW_ABOUT(f32, f32), [RT_f64] = ROW_ABOUT(f64, f64),
                         [RT_c64] = ROW_ABOUT(f32, c64), [RT_c128] = ROW_ABOUT(f64, c128)},
    [RT_REDUCE_NANSUM] = {HALVES(nansum) [RT_f32] = ROW_PIECE(f32, nansum, f32), [RT_f64] = ROW_PIECE(f64, nansum, f64)},
    [RT_REDUCE_NONZERO] = {[RT_b1] = COUNTS},
};
