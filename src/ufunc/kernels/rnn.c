/* rnn: the steps of rnn.h for one real dtype.  Each element is computed alone, so bits do not depend on
 * how rows are cut.  Compiled once per ISA and word.  Floor: ufunc/kernels.
 * float32 gates are within 3 ULP: they spare the corrections of the elementwise rows.
 * Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000 (LSTM), Cho et al. 2014 (GRU). */
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/rnn.h"

ALWAYS vec get(const real *p, intptr_t m)
{
    return m >= LANES ? vector_load((const char *)p) : vector_load_part((const char *)p, m);
}
ALWAYS void put(real *p, vec v, intptr_t m)
{
    if (m >= LANES) {
        vector_store((char *)p, v);
        return;
    }
    for (intptr_t k = 0; k < m; k++) p[k] = v[k];
}
#if IS_F32
/* e^x = power (1 + p), |x| <= 88: the reduction and polynomial of v_exp. */
ALWAYS vec exp_less_one(vec x, vec *power)
{
    static const real q[] = {1.989099082e-4f, 1.393365e-3f, 8.333310925e-3f, 4.166646493e-2f, 1.666666668e-1f, 0.5f};
    const real magic = 12582912;
    vec shifted = v_mad(x, splat(1.44269504f), splat(magic)), n = shifted - magic, p = splat(q[0]);
    vec r = v_mad(n, splat(2.12194440e-4f), v_mad(n, splat(-0.693359375f), x));
#pragma GCC unroll 8
    for (unsigned i = 1; i < sizeof q / sizeof *q; i++) p = v_mad(p, r, splat(q[i]));
    *power = (vec)(((mask)shifted - (mask)splat(magic) + BIAS) << MANTISSA);
    return v_mad(p * r, r, r);
}
/* a / b, b from 1 to 2^127, within 1 ULP. */
ALWAYS vec ratio(vec a, vec b)
{
#if defined(__AVX512F__)
    vec r = (vec)_mm512_rcp14_ps((__m512)b), q = a * r;
    return v_mad(v_mad(-q, b, a), r, q);
#else
    return a / b;
#endif
}
/* Bounded where a NaN stays. */
ALWAYS vec within(vec x, real low, real high) { return v_above(splat(low), v_below(splat(high), x)); }
/* Below -88 the result is that of -88, 6e-39. */
ALWAYS vec gate(vec x)
{
    vec power, p = exp_less_one(within(-x, -88, 88), &power);
    return ratio(splat(1), 1 + v_mad(p, power, power));
}
/* (e^2|x| - 1) / (e^2|x| + 1); the numerator is exact near 0, where the power is 1. */
ALWAYS vec squash(vec x)
{
    vec power, p = exp_less_one(2 * v_below(splat(10), v_abs(x)), &power), e = v_mad(p, power, power - 1);
    return v_copysign(ratio(e, e + 2), x);
}
#else
ALWAYS vec gate(vec x) { return v_sigmoid(x); }
ALWAYS vec squash(vec x) { return v_tanh(x); }
#endif
#define EACH(i, m) intptr_t i = s->first, m = s->last - i; m > 0; i += LANES, m -= LANES
#define ROW(name) ((real *)s->name + r * s->name##_step)
#define OPTIONAL(name) (s->name ? ROW(name) : NULL)

static void lstm(const rt_rnn_step *s)
{
    const intptr_t n = s->n;
    for (intptr_t r = 0; r < s->rows; r++) {
        real *a = ROW(a), *c = ROW(c), *y = ROW(y);
        const real *b = s->b;
        for (EACH(i, m)) {
            vec in = gate(get(a + i, m) + get(b + i, m)), forget = gate(get(a + n + i, m) + get(b + n + i, m));
            vec new = squash(get(a + 2 * n + i, m) + get(b + 2 * n + i, m));
            vec open = gate(get(a + 3 * n + i, m) + get(b + 3 * n + i, m));
            vec before = get(c + i, m), cell = forget * before + in * new, t = squash(cell), out = open * t;
            if (!s->forgets) {
                put(a + i, in, m);
                put(a + n + i, forget, m);
                put(a + 2 * n + i, new, m);
                put(a + 3 * n + i, open, m);
                put(a + 4 * n + i, before, m);
                put(a + 5 * n + i, t, m);
            }
            put(c + i, cell, m);
            put(y + i, out, m);
        }
    }
}

static void lstm_backward(const rt_rnn_step *s)
{
    const intptr_t n = s->n;
    for (intptr_t r = 0; r < s->rows; r++) {
        const real *a = ROW(a), *h = ROW(h), *y = OPTIONAL(y);
        real *c = ROW(c), *d = ROW(d);
        for (EACH(i, m)) {
            vec in = get(a + i, m), forget = get(a + n + i, m), new = get(a + 2 * n + i, m), open = get(a + 3 * n + i, m);
            vec before = get(a + 4 * n + i, m), t = get(a + 5 * n + i, m), g = get(h + i, m);
            if (y) g += get(y + i, m);
            vec gc = get(c + i, m) + g * open * (1 - t * t);
            put(d + i, gc * new * in * (1 - in), m);
            put(d + n + i, gc * before * forget * (1 - forget), m);
            put(d + 2 * n + i, gc * in * (1 - new * new), m);
            put(d + 3 * n + i, g * t * open * (1 - open), m);
            put(c + i, gc * forget, m);
        }
    }
}

static void gru(const rt_rnn_step *s)
{
    const intptr_t n = s->n;
    for (intptr_t r = 0; r < s->rows; r++) {
        real *a = ROW(a), *y = ROW(y);
        const real *e = ROW(e), *p = ROW(p), *b = s->b, *v = s->v;
        for (EACH(i, m)) {
            vec reset = gate(get(a + i, m) + get(b + i, m) + (get(e + i, m) + get(v + i, m)));
            vec keep = gate(get(a + n + i, m) + get(b + n + i, m) + (get(e + n + i, m) + get(v + n + i, m)));
            vec inner = get(e + 2 * n + i, m) + get(v + 2 * n + i, m);
            vec new = squash(get(a + 2 * n + i, m) + get(b + 2 * n + i, m) + reset * inner);
            vec out = new + keep * (get(p + i, m) - new);
            if (!s->forgets) {
                put(a + i, reset, m);
                put(a + n + i, keep, m);
                put(a + 2 * n + i, new, m);
                put(a + 3 * n + i, inner, m);
            }
            put(y + i, out, m);
        }
    }
}

static void gru_backward(const rt_rnn_step *s)
{
    const intptr_t n = s->n;
    for (intptr_t r = 0; r < s->rows; r++) {
        const real *a = ROW(a), *y = OPTIONAL(y), *p = ROW(p);
        real *h = ROW(h), *d = ROW(d), *e = ROW(e);
        for (EACH(i, m)) {
            vec reset = get(a + i, m), keep = get(a + n + i, m), new = get(a + 2 * n + i, m), inner = get(a + 3 * n + i, m);
            vec g = get(h + i, m);
            if (y) g += get(y + i, m);
            vec gn = g * (1 - keep) * (1 - new * new), gr = gn * inner * reset * (1 - reset);
            vec gz = g * (get(p + i, m) - new) * keep * (1 - keep);
            put(d + i, gr, m);
            put(d + n + i, gz, m);
            put(d + 2 * n + i, gn, m);
            put(e + i, gr, m);
            put(e + n + i, gz, m);
            put(e + 2 * n + i, gn * reset, m);
            put(h + i, g * keep, m);
        }
    }
}

typedef vec map_fn(vec x);
ALWAYS vec curve(vec x) { return squash(x); }
ALWAYS vec corner(vec x) { return v_where(x < 0, splat(0), x); }       /* NaN stays */
ALWAYS vec curve_slope(vec y) { return 1 - y * y; }
ALWAYS vec corner_slope(vec y) { return v_where(y > 0, splat(1), splat(0)); }

ALWAYS void simple(const rt_rnn_step *s, map_fn *f)
{
    for (intptr_t r = 0; r < s->rows; r++) {
        const real *a = ROW(a), *b = s->b;
        real *y = ROW(y);
        for (EACH(i, m)) {
            vec out = f(get(a + i, m) + get(b + i, m));
            put(y + i, out, m);
        }
    }
}

ALWAYS void simple_backward(const rt_rnn_step *s, map_fn *slope)
{
    for (intptr_t r = 0; r < s->rows; r++) {
        const real *h = ROW(h), *y = OPTIONAL(y), *p = ROW(p);
        real *d = ROW(d);
        for (EACH(i, m)) {
            vec g = get(h + i, m);
            if (y) g += get(y + i, m);
            put(d + i, g * slope(get(p + i, m)), m);
        }
    }
}

static void tanh_step(const rt_rnn_step *s) { simple(s, curve); }
static void relu_step(const rt_rnn_step *s) { simple(s, corner); }
static void tanh_backward(const rt_rnn_step *s) { simple_backward(s, curve_slope); }
static void relu_backward(const rt_rnn_step *s) { simple_backward(s, corner_slope); }

const rt_rnns SYMBOL(rnns) = {
    .forward = {[RT_RNN_LSTM] = lstm, [RT_RNN_GRU] = gru, [RT_RNN_TANH] = tanh_step, [RT_RNN_RELU] = relu_step},
    .backward = {[RT_RNN_LSTM] = lstm_backward, [RT_RNN_GRU] = gru_backward, [RT_RNN_TANH] = tanh_backward,
                 [RT_RNN_RELU] = relu_backward},
};
