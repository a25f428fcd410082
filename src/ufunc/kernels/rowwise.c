/* rowwise: the fused row kernels of rowwise.h for one real dtype.  Sums over a row follow the fixed
 * tree of reduce.h, block by block, so that a row's bits depend
 * on the row alone.  Compiled once per ISA and word.  Floor: ufunc/kernels. */
#include "ufunc/kernels/row_sums.h"

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

/* ---- columns ---- */

ALWAYS void softmax_strip(const real *x, real *out, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip sum = strip_sum(exp_of_difference, x, x, out, n, step, nv, width, strip_max(x, n, step, nv, width), NULL);
    strip_map(quotient, out, out, out, n, step, nv, width, sum, sum);
}

ALWAYS void log_softmax_strip(const real *x, real *out, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip most = strip_max(x, n, step, nv, width);
    const strip rest = strip_log(strip_sum(exp_of_difference, x, x, NULL, n, step, nv, width, most, NULL), nv);
    strip_map(difference_twice, x, x, out, n, step, nv, width, most, rest);
}

ALWAYS void softmax_backward_strip(const real *g, const real *y, real *gx, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip none = {0}, sum = strip_sum(product, g, y, NULL, n, step, nv, width, none, NULL);
    strip_map(softmax_slope, g, y, gx, n, step, nv, width, sum, sum);
}

ALWAYS void log_softmax_backward_strip(const real *g, const real *y, real *gx, intptr_t n, intptr_t step, int nv,
                                       intptr_t width)
{
    const strip none = {0}, sum = strip_sum(same, g, g, NULL, n, step, nv, width, none, NULL);
    strip_map(log_softmax_slope, g, y, gx, n, step, nv, width, sum, sum);
}

static void softmax_columns(const char *xp, char *outp, intptr_t n, intptr_t step, intptr_t m)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    EACH_STRIP(softmax_strip(x + at, out + at, n, step, NV, width))
}
static void log_softmax_columns(const char *xp, char *outp, intptr_t n, intptr_t step, intptr_t m)
{
    const real *x = (const real *)xp;
    real *out = (real *)outp;
    EACH_STRIP(log_softmax_strip(x + at, out + at, n, step, NV, width))
}
static void softmax_backward_columns(const char *gp, const char *yp, char *gxp, intptr_t n, intptr_t step, intptr_t m)
{
    const real *g = (const real *)gp, *y = (const real *)yp;
    real *gx = (real *)gxp;
    EACH_STRIP(softmax_backward_strip(g + at, y + at, gx + at, n, step, NV, width))
}
static void log_softmax_backward_columns(const char *gp, const char *yp, char *gxp, intptr_t n, intptr_t step, intptr_t m)
{
    const real *g = (const real *)gp, *y = (const real *)yp;
    real *gx = (real *)gxp;
    EACH_STRIP(log_softmax_backward_strip(g + at, y + at, gx + at, n, step, NV, width))
}

const rt_rowwise SYMBOL(rowwise) = {softmax, log_softmax, logsumexp, softmax_backward, log_softmax_backward,
                                    softmax_columns, log_softmax_columns, softmax_backward_columns,
                                    log_softmax_backward_columns};
