/* update: what the update kernels are told and what they export.  Packed operands of n
 * elements, one pass over memory; every element is computed alone, so any cut of [0, n) gives
 * the same bits.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_UPDATE_H
#define RT_UFUNC_KERNELS_UPDATE_H
#include <stdint.h>

/* d = sign*g + decay*p;  b = keep*b + take*d;  d = b, or d + momentum*b (Nesterov);  p -= rate*d */
typedef struct {
    double rate, momentum, keep, take, decay, sign;
    int nesterov;
} rt_sgd_rule;

/* p *= shrink;  d = sign*g + decay*p;  m += (1-beta1)*(d-m);  v = beta2*v + (1-beta2)*d*d;
 * p -= rate * m / (sqrt(v)*root + eps), where rate = lr/(1-beta1^t), root = 1/sqrt(1-beta2^t) */
typedef struct {
    double rate, root, beta1, beta2, eps, decay, shrink, sign;
} rt_adam_rule;

typedef struct {   /* one per dtype with kernels (f32, f64) */
    void (*sgd)(const rt_sgd_rule *r, intptr_t n, void *p, const void *g, void *b);   /* b NULL: no momentum */
    /* most: the largest v so far (AMSGrad), or NULL */
    void (*adam)(const rt_adam_rule *r, intptr_t n, void *p, const void *g, void *m, void *v, void *most);
} rt_updates;
#endif
