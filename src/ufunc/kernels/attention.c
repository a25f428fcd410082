/* attention: the kernels of attention.h for one real dtype.  Sums keep 32 lanes within blocks and are added
 * in double over them, in an order that n alone decides.  Compiled once per ISA and word.
 * Floor: ufunc/kernels. */
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/attention.h"

enum { WIDTH = 32, PARTS = WIDTH / LANES, BLOCK = 1024 };

ALWAYS double fold(vec *s)
{
    real r[LANES];
    for (int h = PARTS / 2; h; h /= 2)
        for (int k = 0; k < h; k++) s[k] += s[k + h];
    vector_store((char *)r, s[0]);
    for (int h = LANES / 2; h; h /= 2)
        for (int k = 0; k < h; k++) r[k] += r[k + h];
    return (double)r[0];
}

ALWAYS void store_part(real *p, vec v, intptr_t m)
{
    for (intptr_t k = 0; k < m; k++) p[k] = v[k];
}

/* x = x scale + mask; the largest of them. */
ALWAYS real prepare(real *x, intptr_t n, real scale, const real *mask)
{
    real top = -INFINITY;
    vec most = splat(-INFINITY);
    intptr_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec v = vector_load((char *)(x + i)) * scale;
        if (mask) v += vector_load((const char *)(mask + i));
        vector_store((char *)(x + i), v);
        most = v_where(v > most, v, most);
    }
    for (int k = 0; k < LANES; k++) top = most[k] > top ? most[k] : top;
    for (; i < n; i++) {
        x[i] = mask ? x[i] * scale + mask[i] : x[i] * scale;
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

/* x = exp(x - shift); their sum. */
ALWAYS double exponentials(real *x, intptr_t n, real shift)
{
    double total = 0;
    for (intptr_t b = 0; b < n; b += BLOCK) {
        vec s[PARTS] = {0};
        const intptr_t end = n - b < BLOCK ? n : b + BLOCK;
        intptr_t i = b;
        for (; i + WIDTH <= end; i += WIDTH)
            _Pragma("GCC unroll 8") for (int k = 0; k < PARTS; k++) {
                vec v = v_exp(vector_load((char *)(x + i + k * LANES)) - shift);
                vector_store((char *)(x + i + k * LANES), v);
                s[k] += v;
            }
        for (int k = 0; i < end; i += LANES, k++) {
            const intptr_t m = end - i;
            if (m >= LANES) {
                vec v = v_exp(vector_load((char *)(x + i)) - shift);
                vector_store((char *)(x + i), v);
                s[k] += v;
                continue;
            }
            vec v = v_exp(vector_load_part((char *)(x + i), m) - shift);
            for (int l = 0; l < LANES; l++) if (l >= m) v[l] = 0;
            store_part(x + i, v, m);
            s[k] += v;
        }
        total += fold(s);
    }
    return total;
}

static void scale_row(void *xp, intptr_t n, double factor)
{
    real *x = xp, f = (real)factor;
    for (intptr_t i = 0; i < n; i++) x[i] *= f;
}

static void soften(void *xp, intptr_t n, double scale, const void *mask, void *lsep)
{
    real *x = xp, *lse = lsep;
    const real top = prepare(x, n, (real)scale, mask);
    if (top == -INFINITY) {
        int nan = 0;
        for (intptr_t i = 0; i < n; i++) nan |= x[i] != x[i];
        if (!nan) {
            memset(x, 0, (size_t)n * sizeof *x);
            *lse = 0;
            return;
        }
    }
    const double sum = exponentials(x, n, top);
    scale_row(x, n, 1 / sum);
    *lse = (real)((double)top + log(sum));
}

static void resoften(void *xp, intptr_t n, double scale, const void *maskp, const void *lsep)
{
    real *x = xp;
    const real *mask = maskp, s = (real)scale, lse = *(const real *)lsep;
    intptr_t i = 0;
    for (; i < n; i += LANES) {
        const intptr_t m = n - i;
        vec v = (m >= LANES ? vector_load((char *)(x + i)) : vector_load_part((char *)(x + i), m)) * s - lse;
        if (mask) v += m >= LANES ? vector_load((const char *)(mask + i)) : vector_load_part((const char *)(mask + i), m);
        v = v_exp(v);
        if (m >= LANES) vector_store((char *)(x + i), v);
        else store_part(x + i, v, m);
    }
}

static void slope(const void *pp, void *gp, intptr_t n)
{
    const real *p = pp;
    real *g = gp;
    double total = 0;
    for (intptr_t b = 0; b < n; b += BLOCK) {
        vec s[PARTS] = {0};
        const intptr_t end = n - b < BLOCK ? n : b + BLOCK;
        intptr_t i = b;
        for (; i + WIDTH <= end; i += WIDTH)
            _Pragma("GCC unroll 8") for (int k = 0; k < PARTS; k++)
                s[k] += vector_load((const char *)(p + i + k * LANES)) * vector_load((char *)(g + i + k * LANES));
        double rest = 0;
        for (; i < end; i++) rest += (double)(p[i] * g[i]);
        total += fold(s) + rest;
    }
    const real dot = (real)total;
    for (intptr_t i = 0; i < n; i++) g[i] = p[i] * (g[i] - dot);
}

const rt_attentions SYMBOL(attentions) = {soften, resoften, slope, scale_row};
