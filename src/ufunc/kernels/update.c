/* update: the arithmetic of optimiser steps, compiled per ISA for f32 and f64.  Each variant
 * is the same inline loop with its switches constant, which the compiler turns into vectors.
 * Constants are worked out in double and rounded once.  Floor: ufunc/kernels.
 * Source: Kingma & Ba 2015 (Adam), Reddi et al. 2018 (AMSGrad), Loshchilov & Hutter 2019 (AdamW),
 * Sutskever et al. 2013 (momentum, Nesterov). */
#include <math.h>
#include "ufunc/kernels/word.h"

#if IS_F32
#define SQRT sqrtf
#else
#define SQRT sqrt
#endif

typedef enum { PLAIN, MOMENTUM, NESTEROV } sgd_form;

ALWAYS void sgd_loop(const rt_sgd_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                     element *restrict b, sgd_form form, int decays)
{
    const element rate = (element)r->rate, momentum = (element)r->momentum, keep = (element)r->keep;
    const element take = (element)r->take, decay = (element)r->decay, sign = (element)r->sign;
    for (intptr_t i = 0; i < n; i++) {
        element d = sign * g[i];
        if (decays) d += decay * p[i];
        if (form != PLAIN) {
            b[i] = keep * b[i] + take * d;
            d = form == NESTEROV ? d + momentum * b[i] : b[i];
        }
        p[i] -= rate * d;
    }
}

static void sgd(const rt_sgd_rule *r, intptr_t n, void *p, const void *g, void *b)
{
    if (!b) {
        if (r->decay == 0) sgd_loop(r, n, p, g, NULL, PLAIN, 0);
        else sgd_loop(r, n, p, g, NULL, PLAIN, 1);
    } else if (r->nesterov) {
        if (r->decay == 0) sgd_loop(r, n, p, g, b, NESTEROV, 0);
        else sgd_loop(r, n, p, g, b, NESTEROV, 1);
    } else {
        if (r->decay == 0) sgd_loop(r, n, p, g, b, MOMENTUM, 0);
        else sgd_loop(r, n, p, g, b, MOMENTUM, 1);
    }
}

ALWAYS void adam_loop(const rt_adam_rule *r, intptr_t n, element *restrict p, const element *restrict g,
                      element *restrict m, element *restrict v, element *restrict most, int decays)
{
    const element rate = (element)r->rate, root = (element)r->root, eps = (element)r->eps, sign = (element)r->sign;
    const element decay = (element)r->decay, shrink = (element)r->shrink, beta2 = (element)r->beta2;
    const element take1 = (element)(1 - r->beta1), take2 = (element)(1 - r->beta2);
    for (intptr_t i = 0; i < n; i++) {
        element x = p[i] * shrink, d = sign * g[i];
        if (decays) d += decay * x;
        m[i] += take1 * (d - m[i]);
        element square = v[i] = beta2 * v[i] + take2 * d * d;
        /* a comparison that lets NaN through */
        if (most) square = most[i] = most[i] > square ? most[i] : square;
        p[i] = x - rate * m[i] / (SQRT(square) * root + eps);
    }
}

static void adam(const rt_adam_rule *r, intptr_t n, void *p, const void *g, void *m, void *v, void *most)
{
    if (most) {
        if (r->decay == 0) adam_loop(r, n, p, g, m, v, most, 0);
        else adam_loop(r, n, p, g, m, v, most, 1);
    } else {
        if (r->decay == 0) adam_loop(r, n, p, g, m, v, NULL, 0);
        else adam_loop(r, n, p, g, m, v, NULL, 1);
    }
}

const rt_updates SYMBOL(updates) = {.sgd = sgd, .adam = adam};
