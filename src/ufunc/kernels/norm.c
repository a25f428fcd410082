/* norm: the kernels of norm.h for one real dtype.  A sum keeps 32 lanes whatever the registers'
 * width, folded by halves, so that all ISAs give the same bits.  Compiled once per ISA and word.
 * Floor: ufunc/kernels. */
#include <math.h>
#include "ufunc/kernels/short_row.h"
#include "ufunc/kernels/norm.h"

ALWAYS vec part(const real *x, intptr_t left)
{
    return left >= LANES ? vector_load((const char *)x) : vector_load_part((const char *)x, left);
}

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

/* Two sums over packed operands; each term is the function's of one vector of a, b and w. */
typedef void term_fn(vec a, vec b, vec w, vec center, vec *s, vec *t);

ALWAYS void chunk(term_fn *f, const real *a, const real *b, const real *w, vec center, vec *s, vec *t)
{
    _Pragma("GCC unroll 8") for (int k = 0; k < PARTS; k++)
        f(vector_load((const char *)(a + k * LANES)), vector_load((const char *)(b + k * LANES)),
          vector_load((const char *)(w + k * LANES)), center, s + k, t + k);
}

/* A last, short chunk: b is filled up with the center, a and w with zeros. */
ALWAYS void last_chunk(term_fn *f, const real *a, const real *b, const real *w, intptr_t n, vec center, vec *s, vec *t)
{
    _Pragma("GCC unroll 8") for (int k = 0; k < PARTS; k++) {
        const intptr_t at = k * LANES, left = n - at;
        if (left <= 0) return;
        vec x = part(a + at, left), y = part(b + at, left), z = part(w + at, left);
        if (left < LANES) {
            const mask in = first_lanes(left);
            x = v_where(in, x, splat(0)), y = v_where(in, y, center), z = v_where(in, z, splat(0));
        }
        f(x, y, z, center, s + k, t + k);
    }
}

/* `runs` runs of n elements, `step` elements from one to the next; lanes are folded when they hold a block. */
ALWAYS void fold_runs(term_fn *f, const real *a, const real *b, const real *w, intptr_t n, intptr_t runs, intptr_t step, real c,
                      double out[2])
{
    const vec center = splat(c);
    vec s[PARTS] = {0}, t[PARTS] = {0};
    intptr_t held = 0;
    out[0] = out[1] = 0;
    for (; runs > 0; runs--, a += step, b += step, w += step)
        for (intptr_t i = 0, m; i < n; i += m) {
            m = n - i < BLOCK ? n - i : BLOCK;
            if (held + m > BLOCK) {
                out[0] += fold(s);
                out[1] += fold(t);
                for (int k = 0; k < PARTS; k++) s[k] = t[k] = splat(0);
                held = 0;
            }
            intptr_t j = 0;
            for (; j + WIDTH <= m; j += WIDTH) chunk(f, a + i + j, b + i + j, w + i + j, center, s, t);
            if (j < m) last_chunk(f, a + i + j, b + i + j, w + i + j, m - j, center, s, t);
            held += m;
        }
    out[0] += fold(s);
    out[1] += fold(t);
}

ALWAYS void fold_terms(term_fn *f, const real *a, const real *b, const real *w, intptr_t n, real c, double out[2])
{
    fold_runs(f, a, b, w, n, 1, n, c, out);
}

ALWAYS void plain(vec a, vec b, vec w, vec c, vec *s, vec *t) { (void)b, (void)w, (void)c, (void)t; *s += a; }
ALWAYS void square(vec a, vec b, vec w, vec c, vec *s, vec *t)
{
    vec d = b - c;
    (void)a, (void)w, (void)t;
    *s += d * d;
}
ALWAYS void dot(vec a, vec b, vec w, vec c, vec *s, vec *t)
{
    (void)w;
    *s += a;
    *t += a * (b - c);
}
ALWAYS void weighted_dot(vec a, vec b, vec w, vec c, vec *s, vec *t)
{
    vec g = a * w;
    *s += g;
    *t += g * (b - c);
}

static double sum_runs(const void *x, intptr_t n, intptr_t runs, intptr_t step)
{
    double out[2];
    fold_runs(plain, x, x, x, n, runs, step, 0, out);
    return out[0];
}
static double squares_runs(const void *x, intptr_t n, intptr_t runs, intptr_t step, double center)
{
    double out[2];
    fold_runs(square, x, x, x, n, runs, step, (real)center, out);
    return out[0];
}
static void dots_runs(const void *g, const void *x, intptr_t n, intptr_t runs, intptr_t step, double center, double out[2])
{
    fold_runs(dot, g, x, x, n, runs, step, (real)center, out);
}
static double sum(const void *x, intptr_t n) { return sum_runs(x, n, 1, n); }
static double squares(const void *x, intptr_t n, double center) { return squares_runs(x, n, 1, n, center); }

/* ---- maps: a last, short vector ends where the run ends, and is read before anything is written ---- */

static void affine(const void *xp, void *outp, intptr_t n, double center, double ad, double bd)
{
    const real *x = xp, c = (real)center, a = (real)ad, b = (real)bd;
    real *out = outp;
    if (n < LANES) {
        for (intptr_t i = 0; i < n; i++) out[i] = (x[i] - c) * a + b;
        return;
    }
    const vec last = vector_load((const char *)(x + n - LANES));
    for (intptr_t i = 0; i + LANES <= n; i += LANES)
        vector_store((char *)(out + i), (vector_load((const char *)(x + i)) - c) * a + b);
    vector_store((char *)(out + n - LANES), (last - c) * a + b);
}

ALWAYS vec slope_of(const real *g, const real *x, real m, real a, real b, real c)
{
    return a * vector_load((const char *)g) + b * (vector_load((const char *)x) - m) + c;
}
static void slope(const void *gp, const void *xp, void *gxp, intptr_t n, double center, double ad, double bd, double cd)
{
    const real *g = gp, *x = xp, m = (real)center, a = (real)ad, b = (real)bd, c = (real)cd;
    real *gx = gxp;
    if (n < LANES) {
        for (intptr_t i = 0; i < n; i++) gx[i] = a * g[i] + b * (x[i] - m) + c;
        return;
    }
    const vec last = slope_of(g + n - LANES, x + n - LANES, m, a, b, c);
    for (intptr_t i = 0; i + LANES <= n; i += LANES) vector_store((char *)(gx + i), slope_of(g + i, x + i, m, a, b, c));
    vector_store((char *)(gx + n - LANES), last);
}

/* ---- rows ---- */

ALWAYS void row_map(const real *restrict x, real *restrict out, intptr_t n, real m, real r, const real *restrict w,
                    const real *restrict b)
{
    if (w && b) for (intptr_t i = 0; i < n; i++) out[i] = (x[i] - m) * r * w[i] + b[i];
    else if (w) for (intptr_t i = 0; i < n; i++) out[i] = (x[i] - m) * r * w[i];
    else if (b) for (intptr_t i = 0; i < n; i++) out[i] = (x[i] - m) * r + b[i];
    else for (intptr_t i = 0; i < n; i++) out[i] = (x[i] - m) * r;
}

static void rows(const rt_norm_rows *q, intptr_t begin, intptr_t end)
{
    const intptr_t n = q->n;
    for (intptr_t i = begin; i < end; i++) {
        const real *x = (const real *)q->x + i * n;
        const real m = q->mean ? (real)(sum(x, n) / (double)n) : 0;
        const real r = (real)(1 / sqrt(squares(x, n, (double)m) / (double)n + q->eps));
        if (q->mean) ((real *)q->mean)[i] = m;
        ((real *)q->rstd)[i] = r;
        row_map(x, (real *)q->out + i * n, n, m, r, q->w, q->b);
    }
}

/* gx = r (g w - mean(g w) - (x - m) r^2 mean(g w (x - m))) */
ALWAYS void row_slope(const rt_norm_rows *q, const real *restrict g, const real *restrict x, real *restrict gx, real m,
                      real r)
{
    const intptr_t n = q->n;
    const real *restrict w = q->w;
    double d[2];
    if (w) fold_terms(weighted_dot, g, x, w, n, m, d);
    else fold_terms(dot, g, x, x, n, m, d);
    const double rd = (double)r;
    const real b = (real)(-rd * rd * rd * d[1] / (double)n), c = q->mean ? (real)(-rd * d[0] / (double)n) : 0;
    if (w) for (intptr_t i = 0; i < n; i++) gx[i] = r * (g[i] * w[i]) + b * (x[i] - m) + c;
    else for (intptr_t i = 0; i < n; i++) gx[i] = r * g[i] + b * (x[i] - m) + c;
}

/* A group's rows are added in single precision, groups in double. */
enum { GROUP = 8 };

ALWAYS void add_weights(const rt_norm_rows *q, intptr_t begin, int count, double *restrict gw, double *restrict gb)
{
    const intptr_t n = q->n;
    const real *restrict g = (const real *)q->g + begin * n, *restrict x = (const real *)q->x + begin * n;
    real m[GROUP], r[GROUP];
    for (int k = 0; k < count; k++) {
        m[k] = q->mean ? ((const real *)q->mean)[begin + k] : 0;
        r[k] = ((const real *)q->rstd)[begin + k];
    }
    for (intptr_t i = 0; i < n; i++) {
        real w = 0, b = 0;
#pragma GCC unroll 8
        for (int k = 0; k < count; k++) {
            w += g[k * n + i] * (x[k * n + i] - m[k]) * r[k];
            b += g[k * n + i];
        }
        if (gw) gw[i] += (double)w;
        if (gb) gb[i] += (double)b;
    }
}

ALWAYS void add_group(const rt_norm_rows *q, intptr_t begin, int count, double *gw, double *gb)
{
    if (gw && gb) add_weights(q, begin, count, gw, gb);
    else if (gw) add_weights(q, begin, count, gw, NULL);
    else if (gb) add_weights(q, begin, count, NULL, gb);
}

static void rows_backward(const rt_norm_rows *q, intptr_t begin, intptr_t end, double *gw, double *gb)
{
    for (intptr_t at = begin, stop; at < end; at = stop) {
        stop = end - at < GROUP ? end : at + GROUP;
        for (intptr_t i = at; q->out && i < stop; i++) {
            const real *g = (const real *)q->g + i * q->n, *x = (const real *)q->x + i * q->n;
            const real m = q->mean ? ((const real *)q->mean)[i] : 0, r = ((const real *)q->rstd)[i];
            row_slope(q, g, x, (real *)q->out + i * q->n, m, r);
        }
        if (stop - at == GROUP) add_group(q, at, GROUP, gw, gb);
        else for (intptr_t i = at; i < stop; i++) add_group(q, i, 1, gw, gb);
    }
}

/* ---- columns ---- */

static void column_sums(const void *xp, intptr_t nrows, intptr_t step, intptr_t n, double *restrict s)
{
    const real *restrict x = xp;
    for (intptr_t i = 0; i < nrows; i++, x += step)
        for (intptr_t j = 0; j < n; j++) s[j] += (double)x[j];
}
static void column_squares(const void *xp, intptr_t nrows, intptr_t step, intptr_t n, const double *restrict center,
                           double *restrict s)
{
    const real *restrict x = xp;
    for (intptr_t i = 0; i < nrows; i++, x += step)
        for (intptr_t j = 0; j < n; j++) {
            double d = (double)x[j] - center[j];
            s[j] += d * d;
        }
}
static void column_dots(const void *gp, const void *xp, intptr_t nrows, intptr_t step, intptr_t n,
                        const double *restrict center, double *restrict sg, double *restrict sgx)
{
    const real *restrict g = gp, *restrict x = xp;
    for (intptr_t i = 0; i < nrows; i++, x += step, g += step)
        for (intptr_t j = 0; j < n; j++) {
            sg[j] += (double)g[j];
            sgx[j] += (double)g[j] * ((double)x[j] - center[j]);
        }
}
static void column_affine(const void *xp, void *outp, intptr_t nrows, intptr_t step, intptr_t n,
                          const double *restrict center, const double *restrict a, const double *restrict b)
{
    const real *restrict x = xp;
    real *restrict out = outp;
    for (intptr_t i = 0; i < nrows; i++, x += step, out += step)
        for (intptr_t j = 0; j < n; j++) out[j] = (real)(((double)x[j] - center[j]) * a[j] + b[j]);
}
static void column_slope(const void *gp, const void *xp, void *gxp, intptr_t nrows, intptr_t step, intptr_t n,
                         const double *restrict center, const double *restrict a, const double *restrict b,
                         const double *restrict c)
{
    const real *restrict g = gp, *restrict x = xp;
    real *restrict gx = gxp;
    for (intptr_t i = 0; i < nrows; i++, x += step, g += step, gx += step)
        for (intptr_t j = 0; j < n; j++)
            gx[j] = (real)(a[j] * (double)g[j] + b[j] * ((double)x[j] - center[j]) + c[j]);
}

const rt_norms SYMBOL(norms) = {rows, rows_backward, sum_runs, squares_runs, dots_runs, affine, slope, column_sums, column_squares,
                                column_dots, column_affine, column_slope};
