/* rowwise: the fused row kernels of rowwise.h for one real dtype.  Sums over a row follow the fixed
 * tree of reduce.h, block by block, so that a row's bits depend
 * on the row alone.  Compiled once per ISA and word.  Floor: ufunc/kernels. */
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

/* The one-vector functions a row is mapped through; a and b are the row's operands, s and t its numbers. */
typedef vec map_fn(vec a, vec b, real s, real t);
ALWAYS vec exp_of_difference(vec a, vec b, real s, real t) { (void)b, (void)t; return v_exp(a - s); }
ALWAYS vec quotient(vec a, vec b, real s, real t) { (void)b, (void)t; return a / s; }
ALWAYS vec difference_twice(vec a, vec b, real s, real t) { (void)b; return a - s - t; }
ALWAYS vec product(vec a, vec b, real s, real t) { (void)s, (void)t; return a * b; }
ALWAYS vec same(vec a, vec b, real s, real t) { (void)b, (void)s, (void)t; return a; }
ALWAYS vec softmax_slope(vec a, vec b, real s, real t) { (void)t; return b * (a - s); }
ALWAYS vec log_softmax_slope(vec a, vec b, real s, real t) { (void)t; return a - v_exp(b) * s; }
ALWAYS vec scaled_exp(vec a, vec b, real s, real t) { (void)b, (void)t; return v_exp(a) * s; }

ALWAYS void map(map_fn *f, const real *a, const real *b, real *out, intptr_t n, real s, real t)
{
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
            if (left > 0) x.v[k] = f(x.v[k], y.v[k], s, 0);
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

/* What is subtracted before exp: an infinite maximum would make nan of inf - inf. */
ALWAYS real shift_of(real m) { return m - m == 0 ? m : 0; }

/* ---- rows that fit into registers ---- */

/* exp(x - m) and its sum; m is the row's maximum. */
ALWAYS real short_exp(short_row *x, intptr_t n, real m)
{
#pragma GCC unroll 16
    for (int k = 0; k < SHORT_VECTORS; k++) {
        const intptr_t left = n - k * LANES;
        if (left >= LANES) x->v[k] = v_exp(x->v[k] - m);
        else if (left <= 0) x->v[k] = splat((real)-0.0);
        else {                                      /* exp takes its time over infinities: empty lanes get zeros */
            const mask used = first_lanes(left);
            x->v[k] = v_where(used, v_exp(v_where(used, x->v[k] - m, splat(0))), splat((real)-0.0));
        }
    }
    return short_sum(x);
}

static void short_softmax(const real *x, real *out, intptr_t rows, intptr_t n)
{
    for (; rows > 0; rows--, x += n, out += n) {
        short_row r = short_load(x, n, -(real)__builtin_inf());
        const real s = short_exp(&r, n, short_max(&r));
        for (int k = 0; k < SHORT_VECTORS; k++) r.v[k] /= s;
        short_store(&r, out, n);
    }
}

static void short_softmax_backward(const real *g, const real *out, real *gx, intptr_t rows, intptr_t n)
{
    for (; rows > 0; rows--, g += n, out += n, gx += n) {
        short_row r = short_load(g, n, (real)-0.0), y = short_load(out, n, 0), p;
        for (int k = 0; k < SHORT_VECTORS; k++) p.v[k] = r.v[k] * y.v[k];
        const real s = short_sum(&p);
        for (int k = 0; k < SHORT_VECTORS; k++) r.v[k] = y.v[k] * (r.v[k] - s);
        short_store(&r, gx, n);
    }
}

static void short_log_softmax_backward(const real *g, const real *out, real *gx, intptr_t rows, intptr_t n)
{
    for (; rows > 0; rows--, g += n, out += n, gx += n) {
        short_row r = short_load(g, n, (real)-0.0), y = short_load(out, n, 0);
        const real s = short_sum(&r);
        for (int k = 0; k < SHORT_VECTORS; k++) if (k * LANES < n) r.v[k] = r.v[k] - v_exp(y.v[k]) * s;
        short_store(&r, gx, n);
    }
}

/* ---- rows of any length ---- */

static void softmax(const char *xp, char *outp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    if (n <= SHORT_ROW) {
        if (n) short_softmax(x, out, rows, n);
        return;
    }
    for (; rows > 0 && n > 0; rows--, x += n, out += n) {
        const real s = map_sum(exp_of_difference, x, x, out, n, row_max(x, n));
        map(quotient, out, out, out, n, s, 0);
    }
}

/* x - max - log(sum of exp(x - max)); the logarithms of a group of rows are taken at once. */
static void log_softmax(const char *xp, char *outp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp, most[LANES], sum[LANES];
    const intptr_t group = n <= BLOCK ? LANES : 1;
    vector_store((char *)sum, splat(1));
    for (intptr_t at = 0, m; n && at < rows; at += m, x += m * n, out += m * n) {
        m = rows - at < group ? rows - at : group;
        for (intptr_t r = 0; r < m; r++) {
            most[r] = row_max(x + r * n, n);
            sum[r] = map_sum(exp_of_difference, x + r * n, x + r * n, NULL, n, most[r]);
        }
        vector_store((char *)sum, v_log(vector_load((const char *)sum)));
        for (intptr_t r = 0; r < m; r++) map(difference_twice, x + r * n, x + r * n, out + r * n, n, most[r], sum[r]);
    }
}

static void logsumexp(const char *xp, char *outp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    for (; rows > 0 && n > 0; rows--, x += n, out++) {
        const real m = shift_of(row_max(x, n)), s = map_sum(exp_of_difference, x, x, NULL, n, m);
        *out = (real)((double)m + (log)((double)s));
    }
}

static void softmax_backward(const char *gp, const char *outp, char *gxp, intptr_t rows, intptr_t n)
{
    const real *g = (const real *)gp, *out = (const real *)outp;
    real *gx = (real *)gxp;
    if (n <= SHORT_ROW) {
        if (n) short_softmax_backward(g, out, gx, rows, n);
        return;
    }
    for (; rows > 0 && n > 0; rows--, g += n, out += n, gx += n)
        map(softmax_slope, g, out, gx, n, map_sum(product, g, out, NULL, n, 0), 0);
}

static void log_softmax_backward(const char *gp, const char *outp, char *gxp, intptr_t rows, intptr_t n)
{
    const real *g = (const real *)gp, *out = (const real *)outp;
    real *gx = (real *)gxp;
    if (n <= SHORT_ROW) {
        if (n) short_log_softmax_backward(g, out, gx, rows, n);
        return;
    }
    for (; rows > 0 && n > 0; rows--, g += n, out += n, gx += n)
        map(log_softmax_slope, g, out, gx, n, map_sum(same, g, g, NULL, n, 0), 0);
}

static void cross_entropy(const char *xp, const int64_t *target, const char *wp, int64_t ignore,
                          char *logpp, char *lossp, intptr_t rows, intptr_t n)
{
    const real *w = (const real *)wp;
    log_softmax(xp, logpp, rows, n);
    for (intptr_t r = 0; r < rows; r++) {
        const int64_t t = target[r];
        ((real *)lossp)[r] = t == ignore ? 0 : -((const real *)logpp)[r * n + t] * (w ? w[t] : 1);
    }
}

static void cross_entropy_backward(const char *logpp, const int64_t *target, int64_t ignore,
                                   const char *scalep, char *gxp, intptr_t rows, intptr_t n)
{
    const real *logp = (const real *)logpp, *scale = (const real *)scalep;
    real *gx = (real *)gxp;
    for (intptr_t r = 0; r < rows; r++, logp += n, gx += n) {
        if (target[r] == ignore) {
            memset(gx, 0, (size_t)n * sizeof(real));
            continue;
        }
        if (n <= SHORT_ROW) {
            short_row e = short_load(logp, n, 0);
            for (int k = 0; k < SHORT_VECTORS; k++) if (k * LANES < n) e.v[k] = v_exp(e.v[k]) * scale[r];
            short_store(&e, gx, n);
        } else {
            map(scaled_exp, logp, logp, gx, n, scale[r], 0);
        }
        gx[target[r]] -= scale[r];
    }
}

const rt_rowwise SYMBOL(rowwise) = {softmax, log_softmax, logsumexp, softmax_backward, log_softmax_backward,
                                    cross_entropy, cross_entropy_backward};
