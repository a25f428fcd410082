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

/* What log_softmax subtracts, for a group of rows: the logarithms are taken at once. */
ALWAYS void row_shifts(const real *x, intptr_t m, intptr_t n, real *most, real *rest)
{
    real sum[LANES];
    vector_store((char *)sum, splat(1));
    for (intptr_t r = 0; r < m; r++) {
        most[r] = row_max(x + r * n, n);
        sum[r] = map_sum(exp_of_difference, x + r * n, x + r * n, NULL, n, most[r]);
    }
    const vec logarithms = v_log(vector_load((const char *)sum));
    if (m == LANES) vector_store((char *)rest, logarithms);
    else store_part(logarithms, rest, m);
}

static void cross_entropy(const char *xp, const int64_t *target, const char *wp, int64_t ignore, char *mostp, char *restp,
                          char *lossp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp, *w = (const real *)wp;
    real *most = (real *)mostp, *rest = (real *)restp, *loss = (real *)lossp;
    for (intptr_t at = 0, m; at < rows; at += m, x += m * n) {
        m = rows - at < LANES ? rows - at : LANES;
        row_shifts(x, m, n, most + at, rest + at);
        for (intptr_t r = 0; target && r < m; r++) {
            const int64_t t = target[at + r];
            loss[at + r] = t == ignore ? 0 : -(x[r * n + t] - most[at + r] - rest[at + r]) * (w ? w[t] : 1);
        }
    }
}

static void cross_entropy_backward(const char *xp, const int64_t *target, int64_t ignore, const char *mostp,
                                   const char *restp, const char *scalep, char *gxp, intptr_t rows, intptr_t n)
{
    const real *x = (const real *)xp, *most = (const real *)mostp, *rest = (const real *)restp, *scale = (const real *)scalep;
    real *gx = (real *)gxp;
    for (intptr_t r = 0; r < rows; r++, x += n, gx += n) {
        if (target[r] == ignore) {
            memset(gx, 0, (size_t)n * sizeof(real));
            continue;
        }
        intptr_t i = 0;
        for (; i + LANES <= n; i += LANES)
            vector_store((char *)(gx + i), v_exp(vector_load((const char *)(x + i)) - most[r] - rest[r]) * scale[r]);
        if (i < n) {
            const vec rest_of_x = v_where(first_lanes(n - i), vector_load_part((const char *)(x + i), n - i), splat(most[r]));
            store_part(v_exp(rest_of_x - most[r] - rest[r]) * scale[r], gx + i, n - i);
        }
        gx[target[r]] -= scale[r];
    }
}

/* ---- columns: a few vectors of neighbours, row by row; a column folds as a row of its numbers does ---- */
enum { ABREAST = 4, DEEPEST = 40, CACHED = 1 << 19 };       /* vectors; levels of the counter; bytes of two operands */
typedef struct { vec v[ABREAST]; } strip;

ALWAYS vec part_load(const real *x, intptr_t left)
{
    return left >= LANES ? vector_load((const char *)x) : vector_load_part((const char *)x, left);
}
ALWAYS void part_store(vec v, real *x, intptr_t left)
{
    if (left >= LANES) vector_store((char *)x, v);
    else store_part(v, x, left);
}
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

/* Sums of f(a, b, s) down the columns; the terms are left in `keep` where it is given. */
ALWAYS strip strip_sum(map_fn *f, const real *a, const real *b, real *keep, intptr_t n, intptr_t step, int nv, intptr_t width,
                       strip s)
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
                const vec t = f(part_load(a + at + k * LANES, left), part_load(b + at + k * LANES, left), s.v[k], s.v[k]);
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

ALWAYS void softmax_strip(const real *x, real *out, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip sum = strip_sum(exp_of_difference, x, x, out, n, step, nv, width, strip_max(x, n, step, nv, width));
    strip_map(quotient, out, out, out, n, step, nv, width, sum, sum);
}

ALWAYS void log_softmax_strip(const real *x, real *out, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip most = strip_max(x, n, step, nv, width);
    const strip rest = strip_log(strip_sum(exp_of_difference, x, x, NULL, n, step, nv, width, most), nv);
    strip_map(difference_twice, x, x, out, n, step, nv, width, most, rest);
}

ALWAYS void softmax_backward_strip(const real *g, const real *y, real *gx, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip none = {0}, sum = strip_sum(product, g, y, NULL, n, step, nv, width, none);
    strip_map(softmax_slope, g, y, gx, n, step, nv, width, sum, sum);
}

ALWAYS void log_softmax_backward_strip(const real *g, const real *y, real *gx, intptr_t n, intptr_t step, int nv,
                                       intptr_t width)
{
    const strip none = {0}, sum = strip_sum(same, g, g, NULL, n, step, nv, width, none);
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

ALWAYS void strip_shifts(const real *x, real *mostp, real *restp, intptr_t n, intptr_t step, int nv, intptr_t width)
{
    const strip most = strip_max(x, n, step, nv, width);
    const strip rest = strip_log(strip_sum(exp_of_difference, x, x, NULL, n, step, nv, width, most), nv);
    EACH_VECTOR {
        part_store(most.v[k], mostp + k * LANES, width - k * LANES);
        part_store(rest.v[k], restp + k * LANES, width - k * LANES);
    }
}

static void cross_entropy_columns(const char *xp, const int64_t *target, const char *wp, int64_t ignore, char *mostp,
                                  char *restp, char *lossp, intptr_t n, intptr_t step, intptr_t m)
{
    const real *x = (const real *)xp, *w = (const real *)wp;
    real *most = (real *)mostp, *rest = (real *)restp, *loss = (real *)lossp;
    EACH_STRIP(strip_shifts(x + at, most + at, rest + at, n, step, NV, width))
    for (intptr_t j = 0; target && j < m; j++) {
        const int64_t t = target[j];
        loss[j] = t == ignore ? 0 : -(x[t * step + j] - most[j] - rest[j]) * (w ? w[t] : 1);
    }
}

/* gx = exp(x - most - rest) * scale */
ALWAYS void shares_strip(const real *x, const real *most, const real *rest, const real *scale, real *gx, intptr_t n,
                         intptr_t step, int nv, intptr_t width)
{
    for (intptr_t at = 0; n > 0; n--, at += step)
        EACH_VECTOR {
            const intptr_t i = k * LANES, left = width - i;
            const vec v = part_load(x + at + i, left) - part_load(most + i, left) - part_load(rest + i, left);
            part_store(v_exp(v) * part_load(scale + i, left), gx + at + i, left);
        }
}

static void cross_entropy_backward_columns(const char *xp, const int64_t *target, int64_t ignore, const char *mostp,
                                           const char *restp, const char *scalep, char *gxp, intptr_t n, intptr_t step,
                                           intptr_t m)
{
    const real *x = (const real *)xp, *most = (const real *)mostp, *rest = (const real *)restp, *scale = (const real *)scalep;
    real *gx = (real *)gxp;
    EACH_STRIP(shares_strip(x + at, most + at, rest + at, scale + at, gx + at, n, step, NV, width))
    for (intptr_t j = 0; j < m; j++) {
        if (target[j] != ignore) gx[target[j] * step + j] -= scale[j];
        else for (intptr_t i = 0; i < n; i++) gx[i * step + j] = 0;
    }
}

const rt_rowwise SYMBOL(rowwise) = {softmax, log_softmax, logsumexp, softmax_backward, log_softmax_backward,
                                    softmax_columns, log_softmax_columns, softmax_backward_columns,
                                    log_softmax_backward_columns, cross_entropy, cross_entropy_columns,
                                    cross_entropy_backward, cross_entropy_backward_columns};
