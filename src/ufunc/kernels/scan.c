/* scan: the scanners of one ISA.  A line is one dependent chain; several lines go side by side,
 * in vectors where they are neighbours in memory.  Compiled once per ISA.  Floor: ufunc/kernels. */
#ifdef __FMA__
#pragma GCC target("no-fma")    /* see reduce.c */
#endif
#include <complex.h>
#include <math.h>
#include "ufunc/kernels/table.h"

enum { TILE = 256, STRANDS = 8 };

/* Element i of x and out, at byte steps. */
#define AT(type, p, i, step) (*(type *)((p) + (i) * (step)))

/* `strands` runs w lines at once, w a constant: a line alone waits for every sum before the next. */
#define CHAIN(name, op, word, ctype, acctype)                                                                 \
    static inline __attribute__((always_inline)) void name##_strands_##word(                                  \
        int w, const char *x, intptr_t n, intptr_t step, intptr_t col, char *out, intptr_t out_step, intptr_t out_col) \
    {                                                                                                         \
        acctype acc[STRANDS];                                                                                 \
        for (int j = 0; j < w; j++) {                                                                         \
            acc[j] = AT(const ctype, x, j, col);                                                              \
            AT(ctype, out, j, out_col) = (ctype)acc[j];                                                       \
        }                                                                                                     \
        for (intptr_t i = 1; i < n; i++) {                                                                    \
            const char *from = x + i * step;                                                                  \
            char *to = out + i * out_step;                                                                    \
            _Pragma("GCC unroll 8")                                                                           \
            for (int j = 0; j < w; j++) {                                                                     \
                acc[j] = acc[j] op AT(const ctype, from, j, col);                                             \
                AT(ctype, to, j, out_col) = (ctype)acc[j];                                                    \
            }                                                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    static void name##_line_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,    \
                                   int64_t *index, intptr_t index_step)                                       \
    {                                                                                                         \
        (void)index, (void)index_step;                                                                        \
        name##_strands_##word(1, x, n, step, 0, out, out_step, 0);                                            \
    }                                                                                                         \
    static void name##_abreast_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step, intptr_t m) \
    {                                                                                                         \
        acctype acc[TILE];                                                                                    \
        for (intptr_t at = 0; at < m; at += TILE, x += TILE * sizeof(ctype), out += TILE * sizeof(ctype)) {   \
            const intptr_t w = m - at < TILE ? m - at : TILE;                                                 \
            for (intptr_t i = 0; i < n; i++) {                                                                \
                const ctype *row = (const ctype *)(x + i * step);                                             \
                ctype *restrict to = (ctype *)(out + i * out_step);                                           \
                for (intptr_t j = 0; j < w; j++) {                                                            \
                    acc[j] = i ? acc[j] op row[j] : row[j];                                                   \
                    to[j] = (ctype)acc[j];                                                                    \
                }                                                                                             \
            }                                                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    static void name##_lines_##word(const char *x, intptr_t n, intptr_t step, intptr_t col, char *out, intptr_t out_step, \
                                    intptr_t out_col, intptr_t m)                                             \
    {                                                                                                         \
        if (m >= 4 && col == (intptr_t)sizeof(ctype) && out_col == col) {                                     \
            name##_abreast_##word(x, n, step, out, out_step, m);                                              \
            return;                                                                                           \
        }                                                                                                     \
        for (; m >= STRANDS; m -= STRANDS, x += STRANDS * col, out += STRANDS * out_col)                      \
            name##_strands_##word(STRANDS, x, n, step, col, out, out_step, out_col);                          \
        for (; m >= 3; m -= 3, x += 3 * col, out += 3 * out_col)                                              \
            name##_strands_##word(3, x, n, step, col, out, out_step, out_col);                                \
        for (; m > 0; m--, x += col, out += out_col) name##_line_##word(x, n, step, out, out_step, NULL, 0);  \
    }
CHAIN(sum, +, u64, uint64_t, uint64_t)
CHAIN(sum, +, f32, float, double)
CHAIN(sum, +, f64, double, double)
CHAIN(prod, *, u64, uint64_t, uint64_t)
CHAIN(prod, *, f32, float, double)
CHAIN(prod, *, f64, double, double)

/* Pairs of reals; products as NumPy computes them. */
#define PAIRS(word, ctype)                                                                                    \
    static void sum_line_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,       \
                                int64_t *index, intptr_t index_step)                                          \
    {                                                                                                         \
        (void)index, (void)index_step;                                                                        \
        double re = 0, im = 0;                                                                                \
        for (intptr_t i = 0; i < n; i++, x += step, out += out_step) {                                        \
            re = i ? re + ((const ctype *)x)[0] : ((const ctype *)x)[0];                                      \
            im = i ? im + ((const ctype *)x)[1] : ((const ctype *)x)[1];                                      \
            ((ctype *)out)[0] = (ctype)re;                                                                    \
            ((ctype *)out)[1] = (ctype)im;                                                                    \
        }                                                                                                     \
    }                                                                                                         \
    static void prod_line_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,      \
                                 int64_t *index, intptr_t index_step)                                         \
    {                                                                                                         \
        (void)index, (void)index_step;                                                                        \
        double re = 1, im = 0;                                                                                \
        for (intptr_t i = 0; i < n; i++, x += step, out += out_step) {                                        \
            const double a = ((const ctype *)x)[0], b = ((const ctype *)x)[1];                                \
            const double r = i ? re * a - im * b : a, s = i ? re * b + im * a : b;                            \
            ((ctype *)out)[0] = (ctype)(re = r);                                                              \
            ((ctype *)out)[1] = (ctype)(im = s);                                                              \
        }                                                                                                     \
    }                                                                                                         \
    static void sum_lines_##word(const char *x, intptr_t n, intptr_t step, intptr_t col, char *out, intptr_t out_step, \
                                 intptr_t out_col, intptr_t m)                                                \
    {                                                                                                         \
        if (col == 2 * (intptr_t)sizeof(ctype) && out_col == col)                                             \
            PASTE(sum_abreast_, REAL_##word)(x, n, step, out, out_step, 2 * m);                               \
        else                                                                                                  \
            for (; m > 0; m--, x += col, out += out_col) sum_line_##word(x, n, step, out, out_step, NULL, 0); \
    }
#define REAL_c64 f32
#define REAL_c128 f64
PAIRS(c64, float)
PAIRS(c128, double)

#define EXTREME(name, cmp, word, ctype)                                                                       \
    static void name##_line_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,    \
                                   int64_t *index, intptr_t index_step)                                       \
    {                                                                                                         \
        ctype best = AT(const ctype, x, 0, 0);                                                                \
        int64_t where = 0;                                                                                    \
        for (intptr_t i = 0; i < n; i++) {                                                                    \
            const ctype v = AT(const ctype, x, i, step);                                                      \
            if (best == best && !(v cmp best)) {                                                              \
                best = v;                                                                                     \
                where = i;                                                                                    \
            }                                                                                                 \
            AT(ctype, out, i, out_step) = best;                                                               \
            if (index) AT(int64_t, (char *)index, i, index_step) = where;                                     \
        }                                                                                                     \
    }
#pragma GCC diagnostic ignored "-Wtautological-compare"   /* best == best asks for a NaN */
#define EXTREMES(word, ctype) EXTREME(max, <, word, ctype) EXTREME(min, >, word, ctype)
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

/* log(exp(a) + exp(b)); equal infinities stay. */
static double log_add_f64(double a, double b)
{
    if (a != a || b != b) return a + b;
    const double most = a > b ? a : b, least = a > b ? b : a;
    return least == most && isinf(most) ? most : most + log1p(exp(least - most));
}

static double _Complex log_add_c128(double _Complex a, double _Complex b)
{
    const double ra = creal(a), rb = creal(b);
    if (ra != ra || rb != rb) return a + b;
    const double _Complex most = ra > rb ? a : b, least = ra > rb ? b : a;
    if (ra == rb && isinf(ra)) return ra < 0 ? least : clog(cexp(a) + cexp(b));
    const double size = exp(creal(least) - creal(most)), angle = cimag(least) - cimag(most);
    const double re = size * cos(angle), im = size * sin(angle);
    return CMPLX(creal(most) + 0.5 * log1p(re * (re + 2) + im * im), cimag(most) + atan2(im, 1 + re));
}

#define LOG_SUM(word, ctype, acctype, add)                                                                    \
    static void logsum_line_##word(const char *x, intptr_t n, intptr_t step, char *out, intptr_t out_step,    \
                                   int64_t *index, intptr_t index_step)                                       \
    {                                                                                                         \
        (void)index, (void)index_step;                                                                        \
        acctype acc = AT(const ctype, x, 0, 0);                                                               \
        AT(ctype, out, 0, 0) = (ctype)acc;                                                                    \
        for (intptr_t i = 1; i < n; i++) {                                                                    \
            acc = add(acc, AT(const ctype, x, i, step));                                                      \
            AT(ctype, out, i, out_step) = (ctype)acc;                                                         \
        }                                                                                                     \
    }
LOG_SUM(f32, float, double, log_add_f64)
LOG_SUM(f64, double, double, log_add_f64)
LOG_SUM(c64, float _Complex, double _Complex, log_add_c128)
LOG_SUM(c128, double _Complex, double _Complex, log_add_c128)

#define ROW(name, word) {name##_line_##word, name##_lines_##word}
#define LINE(name, word) {name##_line_##word, 0}
#define CHAINS(name, OF_PAIRS) {[RT_i64] = ROW(name, u64), [RT_u64] = ROW(name, u64), [RT_f32] = ROW(name, f32), \
                      [RT_f64] = ROW(name, f64), [RT_c64] = OF_PAIRS(name, c64), [RT_c128] = OF_PAIRS(name, c128)}
#define ORDERED(name) {[RT_b1] = LINE(name, u8), [RT_u8] = LINE(name, u8), [RT_i8] = LINE(name, i8), \
                       [RT_u16] = LINE(name, u16), [RT_i16] = LINE(name, i16), [RT_u32] = LINE(name, u32), \
                       [RT_i32] = LINE(name, i32), [RT_u64] = LINE(name, u64), [RT_i64] = LINE(name, i64), \
                       [RT_f32] = LINE(name, f32), [RT_f64] = LINE(name, f64)}

rt_scanner_table RT_ISA_NAME(scanners) = {
    [RT_SCAN_SUM] = CHAINS(sum, ROW), [RT_SCAN_PROD] = CHAINS(prod, LINE), [RT_SCAN_MAX] = ORDERED(max), [RT_SCAN_MIN] = ORDERED(min),
    [RT_SCAN_LOGSUM] = {[RT_f32] = LINE(logsum, f32), [RT_f64] = LINE(logsum, f64), [RT_c64] = LINE(logsum, c64),
                        [RT_c128] = LINE(logsum, c128)},
};
