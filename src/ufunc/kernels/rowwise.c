/* rowwise: the fused row kernels of rowwise.h for one real dtype.  Sums over a row follow the fixed
 * tree of reduce.h, block by block through a buffer that stays in L1, so that a row's bits
 * depend on the row alone.  Compiled once per ISA and word.  Floor: ufunc/kernels. */
#include "ufunc/kernels/word.h"
#if IS_F32
#define FOLD_I int32_t
#define FOLD_REAL ps
#else
#define FOLD_I long long
#define FOLD_REAL pd
#endif
#define FOLD_T element
#define FOLD_WORD row
#include "ufunc/kernels/fold.h"
#include "ufunc/kernels/elementary.h"

#define BLOCK RT_REDUCE_BLOCK

/* Sums of blocks, combined as a binary counter would. */
typedef struct { real part[64]; int depth; intptr_t blocks; } counter;

ALWAYS void counter_add(counter *c, const real *x, intptr_t n)
{
    real v;
    fold_row(x, n, FOLD_SUM, 1, NULL, &v);
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
    real m = 0, v;
    for (intptr_t i = 0; i < n; i += BLOCK) {
        fold_row(x + i, n - i < BLOCK ? n - i : BLOCK, FOLD_MAX, 1, NULL, &v);
        m = i ? one_row(FOLD_MAX, m, v) : v;
    }
    return m;
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
    if (i < n) {
        real last[LANES];
        vector_store((char *)last, f(vector_load_part((const char *)(a + i), n - i),
                                     vector_load_part((const char *)(b + i), n - i), s, t));
        for (intptr_t k = 0; k < n - i; k++) out[i + k] = last[k];
    }
}

/* Sum over the row of f; the terms are left in `keep` where it is given. */
ALWAYS real map_sum(map_fn *f, const real *a, const real *b, real *keep, intptr_t n, real s)
{
    real buf[BLOCK] __attribute__((aligned(64)));
    counter c;
    c.depth = 0, c.blocks = 0;
    for (intptr_t i = 0; i < n; i += BLOCK) {
        const intptr_t m = n - i < BLOCK ? n - i : BLOCK;
        real *to = keep ? keep + i : buf;
        map(f, a + i, b + i, to, m, s, 0);
        counter_add(&c, to, m);
    }
    return counter_total(&c);
}

/* What is subtracted before exp: an infinite maximum would make nan of inf - inf. */
ALWAYS real shift_of(real m) { return m - m == 0 ? m : 0; }

static void softmax(const char *xp, char *outp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    for (; rows > 0 && n > 0; rows--, x += n, out += n) {
        const real s = map_sum(exp_of_difference, x, x, out, n, row_max(x, n));
        map(quotient, out, out, out, n, s, 0);
    }
}

static void log_softmax(const char *xp, char *outp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    for (; rows > 0 && n > 0; rows--, x += n, out += n) {
        const real m = row_max(x, n), s = map_sum(exp_of_difference, x, x, NULL, n, m);
        map(difference_twice, x, x, out, n, m, (real)(log)((double)s));
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
    for (; rows > 0 && n > 0; rows--, g += n, out += n, gx += n)
        map(softmax_slope, g, out, gx, n, map_sum(product, g, out, NULL, n, 0), 0);
}

static void log_softmax_backward(const char *gp, const char *outp, char *gxp, intptr_t rows, intptr_t n)
{
    const real *g = (const real *)gp, *out = (const real *)outp;
    real *gx = (real *)gxp;
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
        map(scaled_exp, logp, logp, gx, n, scale[r], 0);
        gx[target[r]] -= scale[r];
    }
}

const rt_rowwise SYMBOL(rowwise) = {softmax, log_softmax, logsumexp, softmax_backward, log_softmax_backward,
                                    cross_entropy, cross_entropy_backward};
