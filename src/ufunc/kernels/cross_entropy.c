/* cross_entropy: the kernels of cross_entropy.h for one real dtype.  A row is read while it is in cache, once for each of
 * its numbers: maximum, sum of exponentials, sum of A (x - most), sum of A.  No logarithm but the rows' is stored.
 * Compiled once per ISA and word.  Floor: ufunc/kernels. */
#include "ufunc/kernels/cross_entropy.h"
#include "ufunc/kernels/copy.h"
#include "ufunc/kernels/row_sums.h"

/* The entropy's numbers in this dtype. */
typedef struct {
    const real *x, *w, *scale;
    real *most, *rest, *losses, *gx;
    shares a;                   /* of the row or strip at hand */
    real keep, total;           /* sum of A of every row, where no probabilities are given */
    int mixed;                  /* A is not 0 everywhere but at class numbers */
} view;

/* A of at most a block of a row, from element i on. */
ALWAYS const real *share_block(const shares *a, intptr_t i, intptr_t n, real *room)
{
    if (a->q && !a->w && a->keep == 1 && a->even == 0) return a->q + i;
    for (intptr_t j = 0; j < n; j += LANES) {
        vec v = share(a, i + j, n - j);
        if (a->w) v *= part_load(a->w + i + j, n - j);
        vector_store((char *)(room + j), v);
    }
    return room;
}

ALWAYS vec weighted_difference(vec a, vec b, vec s, vec t) { (void)t; return b * (a - s); }
ALWAYS vec second(vec a, vec b, vec s, vec t) { (void)a, (void)s, (void)t; return b; }

/* sum(A f(x)) of a row. */
ALWAYS real share_sum(map_fn *f, const shares *a, const real *x, intptr_t n, real most)
{
    real room[BLOCK];
    counter c;
    c.depth = 0, c.blocks = 0;
    for (intptr_t i = 0; i < n; i += BLOCK) {
        const intptr_t m = n - i < BLOCK ? n - i : BLOCK;
        const real *b = share_block(a, i, m, room);
        counter_add(&c, map_sum_block(f, x ? x + i : b, b, NULL, m, most));
    }
    return counter_total(&c);
}

static real share_dot(const shares *a, const real *x, intptr_t n, real most)
{
    return share_sum(weighted_difference, a, x, n, most);
}
static real share_total(const shares *a, intptr_t n) { return share_sum(same, a, NULL, n, 0); }

static view view_of(const rt_entropy *e, intptr_t n)
{
    view v = {(const real *)e->x, (const real *)e->w, (const real *)e->scale, (real *)e->most, (real *)e->rest,
              (real *)e->losses, (real *)e->gx, {(const real *)e->q, (const real *)e->w, (real)e->keep, (real)e->even},
              (real)e->keep, 0, e->q || e->even != 0};
    if (v.mixed && !e->q) v.total = share_total(&v.a, n);
    return v;
}

/* What class t counts of its own. */
ALWAYS real spike_of(const view *v, int64_t t) { return v->w ? v->w[t] * v->keep : v->keep; }

/* The loss of row r, whose class's score is `own`; dot is sum(A (x - most)). */
ALWAYS real loss_of(const view *v, int64_t t, real own, real most, real rest, real dot, real total)
{
    const real even = v->mixed ? rest * total - dot : 0;
    return t < 0 ? even : even - (own - most - rest) * spike_of(v, t);
}

static void rows(const rt_entropy *e, intptr_t count, intptr_t n)
{
    view v = view_of(e, n);
    real sum[LANES], dot[LANES], total[LANES];
    vector_store((char *)sum, splat(1));
    for (intptr_t at = 0, m; at < count; at += m) {
        m = count - at < LANES ? count - at : LANES;
        for (intptr_t r = 0; r < m; r++) {
            const real *x = v.x + (at + r) * n, most = v.most[at + r] = row_max(x, n);
            sum[r] = map_sum(exp_of_difference, x, x, NULL, n, most);
            dot[r] = v.mixed ? share_dot(&v.a, x, n, most) : 0;
            total[r] = v.a.q ? share_total(&v.a, n) : v.total;
            if (v.a.q) v.a.q += n;
        }
        part_store(v_log(vector_load((const char *)sum)), v.rest + at, m);
        for (intptr_t r = 0; r < m; r++) {
            const int64_t t = e->target ? e->target[at + r] : -1;
            v.losses[at + r] = e->target && t == e->ignore ? 0
                : loss_of(&v, t, t < 0 ? 0 : v.x[(at + r) * n + t], v.most[at + r], v.rest[at + r], dot[r], total[r]);
        }
    }
}

/* exp(x - most - rest) f - A s of at most a block. */
ALWAYS void slope_block(const real *x, const real *a, real *gx, intptr_t n, real most, real rest, real f, real s)
{
    for (intptr_t i = 0; i < n; i += LANES) {
        const intptr_t left = n - i;
        vec d = part_load(x + i, left);
        if (left < LANES) d = v_where(first_lanes(left), d, splat(most));
        d = v_exp(d - most - rest) * f;
        if (a) d -= part_load(a + i, left) * s;
        part_store(d, gx + i, left);
    }
}

static void rows_backward(const rt_entropy *e, intptr_t count, intptr_t n)
{
    view v = view_of(e, n);
    real room[BLOCK];
    for (intptr_t r = 0; r < count; r++, v.x += n, v.gx += n) {
        if (e->target && e->target[r] == e->ignore) {
            memset(v.gx, 0, (size_t)n * sizeof(real));
            continue;
        }
        const real s = v.scale[r], spike = e->target ? spike_of(&v, e->target[r]) : 0;
        const real total = (v.a.q ? share_total(&v.a, n) : v.total) + spike;
        for (intptr_t i = 0; i < n; i += BLOCK) {
            const intptr_t m = n - i < BLOCK ? n - i : BLOCK;
            if (v.mixed) slope_block(v.x + i, share_block(&v.a, i, m, room), v.gx + i, m, v.most[r], v.rest[r], s * total, s);
            else slope_block(v.x + i, NULL, v.gx + i, m, v.most[r], v.rest[r], s * total, s);
        }
        if (e->target) v.gx[e->target[r]] -= s * spike;
        if (v.a.q) v.a.q += n;
    }
}

/* ---- columns ---- */

ALWAYS void forward_strip(const view *v, const real *x, const shares *a, real *mostp, real *restp, real *losses, intptr_t n,
                          intptr_t step, int nv, intptr_t width)
{
    const strip most = strip_max(x, n, step, nv, width);
    const strip rest = strip_log(strip_sum(exp_of_difference, x, x, NULL, n, step, nv, width, most, NULL), nv);
    strip dot = most, total;
    EACH_VECTOR total.v[k] = splat(v->total);
    if (v->mixed) dot = strip_sum(weighted_difference, x, x, NULL, n, step, nv, width, most, a);
    if (a->q) total = strip_sum(second, x, x, NULL, n, step, nv, width, most, a);
    EACH_VECTOR {
        const intptr_t i = k * LANES, left = width - i;
        part_store(most.v[k], mostp + i, left);
        part_store(rest.v[k], restp + i, left);
        part_store(v->mixed ? rest.v[k] * total.v[k] - dot.v[k] : splat(0), losses + i, left);
    }
}

/* `a` of the strip that begins at column `at`. */
ALWAYS shares shares_at(const view *v, intptr_t at)
{
    shares a = v->a;
    if (a.q) a.q += at;
    return a;
}

static void columns(const rt_entropy *e, intptr_t n, intptr_t step, intptr_t m)
{
    const view v = view_of(e, n);
    shares a;
    EACH_STRIP((a = shares_at(&v, at),
                forward_strip(&v, v.x + at, &a, v.most + at, v.rest + at, v.losses + at, n, step, NV, width)))
    for (intptr_t j = 0; e->target && j < m; j++) {
        const int64_t t = e->target[j];
        v.losses[j] = t == e->ignore ? 0
            : (v.mixed ? v.losses[j] : 0) - (v.x[t * step + j] - v.most[j] - v.rest[j]) * spike_of(&v, t);
    }
}

ALWAYS void backward_strip(const view *v, const rt_entropy *e, intptr_t column, const shares *a, intptr_t n, intptr_t step,
                           int nv, intptr_t width)
{
    const real *x = v->x + column;
    const strip none = {0};
    strip most, rest, s, f;
    if (a->q) f = strip_sum(second, x, x, NULL, n, step, nv, width, none, a);
    EACH_VECTOR {
        const intptr_t i = column + k * LANES, left = width - k * LANES;
        real spike[LANES] = {0};
        for (intptr_t j = 0; e->target && j < LANES && j < left; j++)
            if (e->target[i + j] != e->ignore) spike[j] = spike_of(v, e->target[i + j]);
        most.v[k] = part_load(v->most + i, left);
        rest.v[k] = part_load(v->rest + i, left);
        s.v[k] = part_load(v->scale + i, left);
        f.v[k] = s.v[k] * ((a->q ? f.v[k] : splat(v->total)) + vector_load((const char *)spike));
    }
    for (intptr_t i = 0; i < n; i++)
        EACH_VECTOR {
            const intptr_t at = i * step + k * LANES, left = width - k * LANES;
            vec d = v_exp(part_load(x + at, left) - most.v[k] - rest.v[k]) * f.v[k];
            if (v->mixed) d -= share_in_row(a, i, at, left) * s.v[k];
            part_store(d, v->gx + column + at, left);
        }
}

static void columns_backward(const rt_entropy *e, intptr_t n, intptr_t step, intptr_t m)
{
    const view v = view_of(e, n);
    shares a;
    EACH_STRIP((a = shares_at(&v, at), backward_strip(&v, e, at, &a, n, step, NV, width)))
    for (intptr_t j = 0; e->target && j < m; j++) {
        const int64_t t = e->target[j];
        if (t != e->ignore) v.gx[t * step + j] -= v.scale[j] * spike_of(&v, t);
        else for (intptr_t i = 0; i < n; i++) v.gx[i * step + j] = 0;
    }
}

/* ---- short rows: turned, so that vectors are full and rows need no folding ---- */

enum { SHORT = 24, TURNED = 64 };                /* classes; rows turned at once */

/* m rows of n from packed memory as columns. */
ALWAYS void turn(const char *from, intptr_t m, intptr_t n, real *to)
{
    const intptr_t item = sizeof(real);
    const rt_place a = {(char *)to, item, TURNED * item}, b = {(char *)from, n * item, item};
    if (sizeof(real) == 4) RT_ISA_NAME(copy_4)(a, b, m, n);
    else RT_ISA_NAME(copy_8)(a, b, m, n);
}

static void short_rows(const rt_entropy *e, intptr_t count, intptr_t n)
{
    real x[SHORT * TURNED] __attribute__((aligned(64))), q[SHORT * TURNED] __attribute__((aligned(64)));
    rt_entropy part = *e;
    part.x = (const char *)x;
    part.q = e->q ? (const char *)q : NULL;
    for (intptr_t at = 0, m; at < count; at += m) {
        const intptr_t row = at * (intptr_t)sizeof(real);
        m = count - at < TURNED ? count - at : TURNED;
        turn(e->x + row * n, m, n, x);
        if (e->q) turn(e->q + row * n, m, n, q);
        if (e->target) part.target = e->target + at;
        part.most = e->most + row;
        part.rest = e->rest + row;
        part.losses = e->losses + row;
        columns(&part, n, TURNED, m);
    }
}

static void any_rows(const rt_entropy *e, intptr_t count, intptr_t n)
{
    if (n <= SHORT && count >= LANES) short_rows(e, count, n);
    else rows(e, count, n);
}

/* Classes alone count: the rows as one line of elements, each beside its row's numbers. */
static void short_rows_backward(const rt_entropy *e, intptr_t count, intptr_t n)
{
    enum { LINE = 512 };
    real most[LINE + SHORT + LANES], rest[LINE + SHORT + LANES], f[LINE + SHORT + LANES];
    const view v = view_of(e, n);
    for (intptr_t row = 0, m; row < count; row += m) {
        m = count - row < LINE / n ? count - row : LINE / n;
        const real *x = v.x + row * n;
        real *gx = v.gx + row * n;
        for (intptr_t r = 0; r < m; r++) {
            const int64_t t = e->target[row + r];
            const vec a = splat(v.most[row + r]), b = splat(v.rest[row + r]);
            const vec c = splat(t == e->ignore ? 0 : v.scale[row + r] * spike_of(&v, t));
            for (intptr_t i = r * n; i < r * n + n; i += LANES) {
                vector_store((char *)(most + i), a);
                vector_store((char *)(rest + i), b);
                vector_store((char *)(f + i), c);
            }
        }
        for (intptr_t i = 0; i < m * n; i += LANES) {
            const vec a = vector_load((const char *)(most + i)), d = part_load(x + i, m * n - i);
            const vec known = i + LANES <= m * n ? d : v_where(first_lanes(m * n - i), d, a);
            const vec b = vector_load((const char *)(rest + i)), c = vector_load((const char *)(f + i));
            part_store(v_exp(known - a - b) * c, gx + i, m * n - i);
        }
        for (intptr_t r = 0; r < m; r++, gx += n) {
            const int64_t t = e->target[row + r];
            if (t == e->ignore) memset(gx, 0, (size_t)n * sizeof(real));
            else gx[t] -= f[r * n];
        }
    }
}

static void any_rows_backward(const rt_entropy *e, intptr_t count, intptr_t n)
{
    if (n <= SHORT && e->target && !e->q && e->even == 0) short_rows_backward(e, count, n);
    else rows_backward(e, count, n);
}

const rt_entropies SYMBOL(entropies) = {any_rows, columns, any_rows_backward, columns_backward};
