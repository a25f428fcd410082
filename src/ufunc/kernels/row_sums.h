/* row_sums: rows mapped through a function and summed by the fixed tree of reduce.h, block by block, so that a row's
 * bits depend on the row alone; and columns, a strip of vectors at a time, which fold as a row of their numbers
 * does.  For kernels that read a row several times while it is in cache.  Included by words f32 and f64 only.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ROW_SUMS_H
#define RT_UFUNC_KERNELS_ROW_SUMS_H
#include "ufunc/kernels/word.h"
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/short_row.h"

#define BLOCK RT_REDUCE_BLOCK

/* Sums of blocks, combined as a binary counter would. */
typedef struct { real part[64]; int depth; intptr_t blocks; } counter;

ALWAYS void counter_add(counter *c, real v)
{
    for (intptr_t k = c->blocks++; k & 1; k >>= 1) v = c->part[--c->depth] + v;
    c->part[c->depth++] = v;
}

ALWAYS real counter_total(counter *c)
{
    real v = c->part[--c->depth];
    while (c->depth) v = c->part[--c->depth] + v;
    return v;
}

ALWAYS real row_max(const real *x, intptr_t n)
{
    short_row most = short_load(x, n, -(real)__builtin_inf());
    for (intptr_t i = SHORT_ROW; i < n; i += SHORT_ROW) {
        const short_row r = short_load(x + i, n - i, -(real)__builtin_inf());
#pragma GCC unroll 16
        for (int k = 0; k < SHORT_VECTORS; k++) most.v[k] = short_greater(most.v[k], r.v[k]);
    }
    return short_max(&most);
}

ALWAYS vec part_load(const real *x, intptr_t left)
{
    return left >= LANES ? vector_load((const char *)x) : vector_load_part((const char *)x, left);
}
ALWAYS void part_store(vec v, real *x, intptr_t left)
{
    if (left >= LANES) vector_store((char *)x, v);
    else store_part(v, x, left);
}

/* Coefficients w (q keep + even): q a row or column of numbers, or NULL: 0; w a number for each, or NULL: 1. */
typedef struct { const real *q, *w; real keep, even; } shares;

/* Without w. */
ALWAYS vec share(const shares *a, intptr_t at, intptr_t left)
{
    return a->q ? part_load(a->q + at, left) * a->keep + a->even : splat(a->even);
}
/* Of neighbours in row i of columns. */
ALWAYS vec share_in_row(const shares *a, intptr_t i, intptr_t at, intptr_t left)
{
    const vec v = share(a, at, left);
    return a->w ? v * a->w[i] : v;
}

/* The one-vector functions a row is mapped through; a and b are the row's operands, s and t its numbers. */
typedef vec map_fn(vec a, vec b, vec s, vec t);
ALWAYS vec exp_of_difference(vec a, vec b, vec s, vec t) { (void)b, (void)t; return v_exp(a - s); }
ALWAYS vec quotient(vec a, vec b, vec s, vec t) { (void)b, (void)t; return a / s; }
ALWAYS vec difference_twice(vec a, vec b, vec s, vec t) { (void)b; return a - s - t; }
ALWAYS vec product(vec a, vec b, vec s, vec t) { (void)s, (void)t; return a * b; }
ALWAYS vec same(vec a, vec b, vec s, vec t) { (void)b, (void)s, (void)t; return a; }
ALWAYS vec softmax_slope(vec a, vec b, vec s, vec t) { (void)t; return b * (a - s); }
ALWAYS vec log_softmax_slope(vec a, vec b, vec s, vec t) { (void)t; return a - v_exp(b) * s; }

ALWAYS void map(map_fn *f, const real *a, const real *b, real *out, intptr_t n, real ss, real ts)
{
    const vec s = splat(ss), t = splat(ts);
    intptr_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vector_store((char *)(out + i), f(vector_load((const char *)(a + i)), vector_load((const char *)(b + i)), s, t));
    if (i < n)
        store_part(f(vector_load_part((const char *)(a + i), n - i), vector_load_part((const char *)(b + i), n - i), s, t),
                   out + i, n - i);
}

/* Sum over at most a block of f; the terms are left in `keep` where it is given. */
ALWAYS real map_sum_block(map_fn *f, const real *a, const real *b, real *keep, intptr_t n, real s)
{
    short_row sum = {0};
    intptr_t i = 0;
    do {
        short_row x = short_load(a + i, n - i, s), y = a == b ? x : short_load(b + i, n - i, 0);
#pragma GCC unroll 16
        for (int k = 0; k < SHORT_VECTORS; k++) {
            const intptr_t left = n - i - k * LANES;
            if (left > 0) x.v[k] = f(x.v[k], y.v[k], splat(s), splat(0));
            if (left < LANES) x.v[k] = v_where(first_lanes(left), x.v[k], splat((real)-0.0));
            sum.v[k] = i ? sum.v[k] + x.v[k] : x.v[k];
        }
        if (keep) short_store(&x, keep + i, n - i);
        i += SHORT_ROW;
    } while (i < n);
    return short_sum(&sum);
}

ALWAYS real map_sum(map_fn *f, const real *a, const real *b, real *keep, intptr_t n, real s)
{
    counter c;
    c.depth = 0, c.blocks = 0;
    if (n <= BLOCK) return map_sum_block(f, a, b, keep, n, s);
    for (intptr_t i = 0; i < n; i += BLOCK)
        counter_add(&c, map_sum_block(f, a + i, b + i, keep ? keep + i : NULL, n - i < BLOCK ? n - i : BLOCK, s));
    return counter_total(&c);
}

/* ---- columns: a few vectors of neighbours, row by row; a column folds as a row of its numbers does ---- */
enum { ABREAST = 4, DEEPEST = 40, CACHED = 1 << 19 };       /* vectors; levels of the counter; bytes of two operands */
typedef struct { vec v[ABREAST]; } strip;

#define EACH_VECTOR _Pragma("GCC unroll 4") for (int k = 0; k < nv; k++)

ALWAYS strip strip_max(const real *x, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    strip most;
    EACH_VECTOR most.v[k] = part_load(x + k * LANES, width - k * LANES);
    for (intptr_t i = 1; i < n; i++)
        EACH_VECTOR most.v[k] = short_greater(most.v[k], part_load(x + i * step + k * LANES, width - k * LANES));
    return most;
}

ALWAYS strip strip_add(strip a, strip b, int nv)
{
    EACH_VECTOR a.v[k] += b.v[k];
    return a;
}

/* Sums of f(a, b, s) down the columns; the terms are left in `keep` where it is given.  c: in place of b. */
ALWAYS strip strip_sum(map_fn *f, const real *a, const real *b, real *keep, intptr_t n, intptr_t step, int nv, intptr_t width,
                       strip s, const shares *c)
{
    strip part[DEEPEST], lane[RT_REDUCE_LANES];
    int depth = 0;
    for (intptr_t begin = 0; begin < n; begin += BLOCK) {
        const intptr_t m = n - begin < BLOCK ? n - begin : BLOCK;
        for (intptr_t i = 0; i < m; i++) {
            const intptr_t at = (begin + i) * step;
            strip *const l = &lane[i % RT_REDUCE_LANES];
            EACH_VECTOR {
                const intptr_t left = width - k * LANES;
                const vec y = c ? share_in_row(c, begin + i, at + k * LANES, left) : part_load(b + at + k * LANES, left);
                const vec t = f(part_load(a + at + k * LANES, left), y, s.v[k], s.v[k]);
                if (keep) part_store(t, keep + at + k * LANES, left);
                l->v[k] = i < RT_REDUCE_LANES ? t : l->v[k] + t;
            }
        }
        intptr_t used = m < RT_REDUCE_LANES ? m : RT_REDUCE_LANES;
        for (intptr_t half = RT_REDUCE_LANES / 2; half; half /= 2) {
            for (intptr_t j = 0; j < used - half; j++) lane[j] = strip_add(lane[j], lane[j + half], nv);
            if (used > half) used = half;
        }
        strip total = lane[0];
        for (intptr_t k = begin / BLOCK; k & 1; k >>= 1) total = strip_add(part[--depth], total, nv);
        part[depth++] = total;
    }
    strip total = part[--depth];
    while (depth) total = strip_add(part[--depth], total, nv);
    return total;
}

ALWAYS void strip_map(map_fn *f, const real *a, const real *b, real *out, intptr_t n, intptr_t step, int nv, intptr_t width,
                      strip s, strip t)
{
    for (intptr_t at = 0; n > 0; n--, at += step)
        EACH_VECTOR {
            const intptr_t left = width - k * LANES;
            part_store(f(part_load(a + at + k * LANES, left), part_load(b + at + k * LANES, left), s.v[k], t.v[k]),
                       out + at + k * LANES, left);
        }
}

/* How many of m columns are taken together, and in how many vectors: as many as stay in cache. */
ALWAYS intptr_t strip_width(intptr_t n, intptr_t m, int *nv)
{
    *nv = m >= ABREAST * LANES && n * ABREAST * VECTOR_BYTES <= CACHED / 2 ? ABREAST : 1;
    return m < *nv * LANES ? m : *nv * LANES;
}

#define EACH_STRIP(call) \
    for (intptr_t at = 0, width; at < m && n; at += width) { \
        int nv; \
        width = strip_width(n, m - at, &nv); \
        if (nv == ABREAST) { enum { NV = ABREAST }; call; } \
        else { enum { NV = 1 }; call; } \
    }

ALWAYS strip strip_log(strip s, int nv)
{
    EACH_VECTOR s.v[k] = v_log(s.v[k]);
    return s;
}
#endif
