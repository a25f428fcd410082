/* update: what the update kernels are told and what they export.  Packed operands of n
 * elements, one pass over memory; every element is computed alone, so any cut of [0, n) gives
 * the same bits.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_UPDATE_H
#define RT_UFUNC_KERNELS_UPDATE_H
#include <stdint.h>

/* What a step is told, worked out in double.  In every method d = sign*g + decay*p (decay 0: the
 * parameter is not looked at), and x = shrink*p is what the step is taken from. */
typedef struct {
    double rate, sign, decay, shrink, eps;
    double keep, take;      /* first state:  b = keep*b + take*d, or a mean  m += take*(d - m) */
    double keep2, take2;    /* second state: v = keep2*v + take2*d*d */
    double root;            /* factor on sqrt(v): its bias correction */
    double momentum, near;  /* near: NAdam's rate of the gradient itself */
    double low, high;       /* Rprop's bounds of a step */
    int form;               /* sgd: Nesterov; radam: rectified; asgd: the average is the parameter */
} rt_update_rule;

/* x: parameter, gradient, states in the order of the table below; NULL: without this one. */
typedef void rt_update_fn(const rt_update_rule *r, intptr_t n, void *const *x);

enum { RT_UPDATE_LISTS = 5 };   /* the most operands of one update */

/* M(method, states) */
#define RT_UPDATE_METHODS(M) \
    M(sgd, "buffer?") M(adam, "mean, mean square, largest mean square?") \
    M(rmsprop, "mean square, buffer?, mean?") M(adagrad, "sum of squares") \
    M(adadelta, "mean square, mean square of steps") M(adamax, "mean, norm") \
    M(nadam, "mean, mean square") M(radam, "mean, mean square") \
    M(rprop, "previous gradient, step size") M(asgd, "average")

typedef struct {   /* one per dtype with kernels (f32, f64) */
#define METHOD(name, states) rt_update_fn *name;
    RT_UPDATE_METHODS(METHOD)
#undef METHOD
} rt_updates;
#endif
