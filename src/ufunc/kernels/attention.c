/* attention: the kernels of attention.h for one real dtype.  Sums keep 32 lanes within blocks and are added
 * in double over them, in an order that n alone decides.  Compiled once per ISA and word.
 * Floor: ufunc/kernels. */
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/attention.h"
#include "ufunc/kernels/few_rows.h"

enum { WIDTH = SHORT_ROW, PARTS = SHORT_VECTORS, BLOCK = 1024 };

ALWAYS vec get(const real *p, intptr_t m)
{
    return m >= LANES ? vector_load((const char *)p) : vector_load_part((const char *)p, m);
}
ALWAYS vec only(vec v, intptr_t m, real rest) { return m >= LANES ? v : v_where(first_lanes(m), v, splat(rest)); }
/* Whole vectors: there is room behind the rows. */
ALWAYS void put(real *p, vec v) { vector_store((char *)p, v); }

/* e^x for x <= 0: what would be subnormal is 0, so that masked elements cost no more than others.  NaN stays. */
ALWAYS vec weight(vec x)
{
    const real least = IS_F32 ? -85 : -700;
    return v_where(x < least, splat(0), v_exp(v_above(splat(least), x)));
}

/* x = x scale + mask; the largest of them, or NaN. */
ALWAYS real prepare(real *x, intptr_t n, real scale, const real *mask)
{
    short_row top;
    _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++) top.v[k] = splat((real)-INFINITY);
    intptr_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++) {
            vec v = vector_load((const char *)(x + i + k * LANES)) * scale;
            if (mask) v += vector_load((const char *)(mask + i + k * LANES));
            put(x + i + k * LANES, v);
            top.v[k] = short_greater(top.v[k], v);
        }
    for (; i < n; i += LANES) {
        vec v = vector_load((const char *)(x + i)) * scale;
        if (mask) v += get(mask + i, n - i);
        put(x + i, v);
        top.v[0] = short_greater(top.v[0], only(v, n - i, (real)-INFINITY));
    }
    return short_max(&top);
}

/* x = exp(x - shift), shift being the largest; their sum. */
ALWAYS double exponentials(real *x, intptr_t n, real shift)
{
    double total = 0;
    for (intptr_t b = 0; b < n; b += BLOCK) {
        short_row s;
        const intptr_t end = n - b < BLOCK ? n : b + BLOCK;
        intptr_t i = b;
        _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++) s.v[k] = splat(0);
        for (; i + WIDTH <= end; i += WIDTH)
            _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++) {
                vec v = weight(vector_load((const char *)(x + i + k * LANES)) - shift);
                put(x + i + k * LANES, v);
                s.v[k] += v;
            }
        _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++, i += LANES) {
            if (i >= end) break;
            vec v = only(weight(only(vector_load((const char *)(x + i)) - shift, end - i, 0)), end - i, 0);
            put(x + i, v);
            s.v[k] += v;
        }
        total += (double)short_sum(&s);
    }
    return total;
}

static void scale_row(void *xp, intptr_t n, double factor)
{
    real *x = xp, f = (real)factor;
    for (intptr_t i = 0; i < n; i += LANES) put(x + i, vector_load((const char *)(x + i)) * f);
}

static void soften(void *xp, intptr_t n, double scale, const void *mask, void *lsep)
{
    real *x = xp, *lse = lsep;
    const real top = mask ? prepare(x, n, (real)scale, mask) : prepare(x, n, (real)scale, NULL);
    if (top == -INFINITY) {
        memset(x, 0, (size_t)n * sizeof *x);
        if (lse) *lse = 0;
        return;
    }
    const double sum = exponentials(x, n, top);
    scale_row(x, n, 1 / sum);
    if (lse) *lse = (real)((double)top + log(sum));
}

static void resoften(void *xp, intptr_t n, double scale, const void *maskp, const void *lsep)
{
    real *x = xp;
    const real *mask = maskp, s = (real)scale, lse = *(const real *)lsep;
    for (intptr_t i = 0; i < n; i += LANES) {
        vec v = vector_load((const char *)(x + i)) * s - lse;
        if (mask) v += get(mask + i, n - i);
        put(x + i, weight(only(v, n - i, 0)));
    }
}

static void slope(const void *pp, void *gp, intptr_t n, double factor)
{
    const real *p = pp, f = (real)factor;
    real *g = gp;
    double total = 0;
    for (intptr_t b = 0; b < n; b += BLOCK) {
        short_row s;
        const intptr_t end = n - b < BLOCK ? n : b + BLOCK;
        intptr_t i = b;
        _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++) s.v[k] = splat(0);
        for (; i + WIDTH <= end; i += WIDTH)
            _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++)
                s.v[k] += vector_load((const char *)(p + i + k * LANES)) * vector_load((const char *)(g + i + k * LANES));
        _Pragma("GCC unroll 16") for (int k = 0; k < PARTS; k++, i += LANES) {
            if (i >= end) break;
            s.v[k] += only(vector_load((const char *)(p + i)) * vector_load((const char *)(g + i)), end - i, 0);
        }
        total += (double)short_sum(&s);
    }
    const real dot = (real)total;
    for (intptr_t i = 0; i < n; i += LANES)
        put(g + i, vector_load((const char *)(p + i)) * (vector_load((const char *)(g + i)) - dot) * f);
}

const rt_attentions SYMBOL(attentions) = {soften, resoften, slope, scale_row, few_dots, few_means};
