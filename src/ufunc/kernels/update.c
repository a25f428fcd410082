/* update: the arithmetic of optimiser steps, compiled per ISA for f32 and f64.  Each variant
 * is the same inline loop with its switches constant, which the compiler turns into vectors.
 * Constants are worked out in double and rounded once.  Floor: ufunc/kernels.
 * Sources stand at each method; comparisons are written so that NaN goes through. */
#include <math.h>
#include "ufunc/kernels/word.h"

#if IS_F32
#define SQRT sqrtf
#define ABS fabsf
#else
#define SQRT sqrt
#define ABS fabs
#endif

/* Runs LOOP with the last argument, `decays`, constant. */
#define DECAYS(LOOP, ...) do { if (r->decay == 0) LOOP(__VA_ARGS__, 0); else LOOP(__VA_ARGS__, 1); } while (0)
#define RULE(field) const element field = (element)r->field

ALWAYS element direction(element sign, element decay, element g, element p, int decays)
{
    element d = sign * g;
    return decays ? d + decay * p : d;
}

/* ---- sgd: Sutskever et al. 2013 (momentum, Nesterov) ---- */

typedef enum { PLAIN, MOMENTUM, NESTEROV } sgd_form;

ALWAYS void sgd_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                     element *restrict b, sgd_form form, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(momentum); RULE(keep); RULE(take);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays);
        if (form != PLAIN) {
            b[i] = keep * b[i] + take * d;
            d = form == NESTEROV ? d + momentum * b[i] : b[i];
        }
        p[i] -= rate * d;
    }
}

static void sgd(const rt_update_rule *r, intptr_t n, void *const *x)
{
    if (!x[2]) DECAYS(sgd_loop, r, n, x[0], x[1], NULL, PLAIN);
    else if (r->form) DECAYS(sgd_loop, r, n, x[0], x[1], x[2], NESTEROV);
    else DECAYS(sgd_loop, r, n, x[0], x[1], x[2], MOMENTUM);
}

/* ---- adam: Kingma & Ba 2015, Reddi et al. 2018 (AMSGrad), Loshchilov & Hutter 2019 (AdamW) ---- */

ALWAYS void adam_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                      element *restrict m, element *restrict v, element *restrict most, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(shrink); RULE(eps); RULE(take); RULE(keep2); RULE(take2); RULE(root);
    for (intptr_t i = 0; i < n; i++) {
        element x = p[i] * shrink, d = direction(sign, decay, g[i], x, decays);
        m[i] += take * (d - m[i]);
        element square = v[i] = keep2 * v[i] + take2 * d * d;
        if (most) square = most[i] = most[i] > square ? most[i] : square;
        p[i] = x - rate * m[i] / (SQRT(square) * root + eps);
    }
}

static void adam(const rt_update_rule *r, intptr_t n, void *const *x)
{
    if (x[4]) DECAYS(adam_loop, r, n, x[0], x[1], x[2], x[3], x[4]);
    else DECAYS(adam_loop, r, n, x[0], x[1], x[2], x[3], NULL);
}

/* ---- rmsprop: Hinton's lecture 6e; centred: Graves 2013 ---- */

ALWAYS void rmsprop_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                         element *restrict v, element *restrict b, element *restrict m, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(eps); RULE(take); RULE(keep2); RULE(take2); RULE(momentum);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays);
        element square = v[i] = keep2 * v[i] + take2 * d * d;
        if (m) {
            m[i] += take * (d - m[i]);
            square -= m[i] * m[i];
        }
        element move = d / (SQRT(square) + eps);
        if (b) move = b[i] = momentum * b[i] + move;
        p[i] -= rate * move;
    }
}

static void rmsprop(const rt_update_rule *r, intptr_t n, void *const *x)
{
    if (x[3] && x[4]) DECAYS(rmsprop_loop, r, n, x[0], x[1], x[2], x[3], x[4]);
    else if (x[3]) DECAYS(rmsprop_loop, r, n, x[0], x[1], x[2], x[3], NULL);
    else if (x[4]) DECAYS(rmsprop_loop, r, n, x[0], x[1], x[2], NULL, x[4]);
    else DECAYS(rmsprop_loop, r, n, x[0], x[1], x[2], NULL, NULL);
}

/* ---- adagrad: Duchi et al. 2011; adadelta: Zeiler 2012 ---- */

ALWAYS void adagrad_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                         element *restrict v, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(eps);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays);
        v[i] += d * d;
        p[i] -= rate * d / (SQRT(v[i]) + eps);
    }
}

static void adagrad(const rt_update_rule *r, intptr_t n, void *const *x)
{
    DECAYS(adagrad_loop, r, n, x[0], x[1], x[2]);
}

ALWAYS void adadelta_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                          element *restrict v, element *restrict u, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(eps); RULE(keep2); RULE(take2);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays);
        v[i] = keep2 * v[i] + take2 * d * d;
        element move = SQRT(u[i] + eps) / SQRT(v[i] + eps) * d;
        u[i] = keep2 * u[i] + take2 * move * move;
        p[i] -= rate * move;
    }
}

static void adadelta(const rt_update_rule *r, intptr_t n, void *const *x)
{
    DECAYS(adadelta_loop, r, n, x[0], x[1], x[2], x[3]);
}

/* ---- adamax: Kingma & Ba 2015; nadam: Dozat 2016; radam: Liu et al. 2020 ---- */

ALWAYS void adamax_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                        element *restrict m, element *restrict u, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(eps); RULE(take); RULE(keep2);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays), old = keep2 * u[i], size = ABS(d) + eps;
        m[i] += take * (d - m[i]);
        size = old > size ? old : size;
        u[i] = old != old ? old : size;
        p[i] -= rate * m[i] / u[i];
    }
}

static void adamax(const rt_update_rule *r, intptr_t n, void *const *x)
{
    DECAYS(adamax_loop, r, n, x[0], x[1], x[2], x[3]);
}

ALWAYS void nadam_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                       element *restrict m, element *restrict v, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(shrink); RULE(eps); RULE(take); RULE(keep2); RULE(take2);
    RULE(root); RULE(near);
    for (intptr_t i = 0; i < n; i++) {
        element x = p[i] * shrink, d = direction(sign, decay, g[i], x, decays);
        m[i] += take * (d - m[i]);
        v[i] = keep2 * v[i] + take2 * d * d;
        element below = SQRT(v[i]) * root + eps;
        p[i] = x - near * d / below - rate * m[i] / below;
    }
}

static void nadam(const rt_update_rule *r, intptr_t n, void *const *x)
{
    DECAYS(nadam_loop, r, n, x[0], x[1], x[2], x[3]);
}

ALWAYS void radam_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                       element *restrict m, element *restrict v, int rectified, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(shrink); RULE(eps); RULE(take); RULE(keep2); RULE(take2);
    for (intptr_t i = 0; i < n; i++) {
        element x = p[i] * shrink, d = direction(sign, decay, g[i], x, decays);
        m[i] += take * (d - m[i]);
        v[i] = keep2 * v[i] + take2 * d * d;
        p[i] = x - (rectified ? rate * m[i] / (SQRT(v[i]) + eps) : rate * m[i]);
    }
}

static void radam(const rt_update_rule *r, intptr_t n, void *const *x)
{
    if (r->form) DECAYS(radam_loop, r, n, x[0], x[1], x[2], x[3], 1);
    else DECAYS(radam_loop, r, n, x[0], x[1], x[2], x[3], 0);
}

/* ---- rprop: Riedmiller & Braun 1993; keep and keep2 are the factors down and up ---- */

static void rprop(const rt_update_rule *r, intptr_t n, void *const *x)
{
    element *restrict p = x[0], *restrict before = x[2], *restrict size = x[3];
    const element *restrict g = x[1];
    RULE(sign); RULE(low); RULE(high); RULE(keep); RULE(keep2);
    for (intptr_t i = 0; i < n; i++) {
        element d = sign * g[i], turn = d * before[i];
        element factor = turn > 0 ? keep2 : turn < 0 ? keep : turn == 0 ? (element)1 : turn;
        element length = size[i] * factor;
        length = length < low ? low : length;
        length = length > high ? high : length;
        size[i] = length;
        d = turn < 0 ? (element)0 : d;
        before[i] = d;
        p[i] -= d > 0 ? length : d < 0 ? -length : d * length;
    }
}

/* ---- asgd: Polyak & Juditsky 1992 ---- */

ALWAYS void asgd_loop(const rt_update_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                      element *restrict mean, int starts, int decays)
{
    RULE(rate); RULE(sign); RULE(decay); RULE(shrink); RULE(take);
    for (intptr_t i = 0; i < n; i++) {
        element d = direction(sign, decay, g[i], p[i], decays);
        p[i] = p[i] * shrink - rate * d;
        mean[i] = starts ? p[i] : mean[i] + take * (p[i] - mean[i]);
    }
}

static void asgd(const rt_update_rule *r, intptr_t n, void *const *x)
{
    if (r->form) DECAYS(asgd_loop, r, n, x[0], x[1], x[2], 1);
    else DECAYS(asgd_loop, r, n, x[0], x[1], x[2], 0);
}

#define METHOD(name, states) .name = name,
const rt_updates SYMBOL(updates) = {RT_UPDATE_METHODS(METHOD)};
#undef METHOD
