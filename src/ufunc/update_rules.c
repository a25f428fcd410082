/* update_rules: what the optimisers' numbers (learning rate, decay, count of steps) become in a
 * kernel's rule: everything that is the same for all elements of a parameter, in double.
 * The arithmetic on elements is in kernels/update.c.  Floor: ufunc. */
#include <math.h>
#include "ufunc/update.h"

#define FORWARD(name) int name##_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
#define KERNEL(name) .kernel = offsetof(rt_updates, name), .prepare = prepare_##name

/* What a scalar becomes when it is stored. */
static double stored(const rt_update_scalar *s, double value) { return s->single ? (double)(float)value : value; }

static void set_means(rt_update_rule *r, double beta1, double beta2)
{
    r->keep = beta1;
    r->take = 1 - beta1;
    r->keep2 = beta2;
    r->take2 = 1 - beta2;
}

/* f: lr, momentum, dampening, weight_decay; i: nesterov, maximize, first */
static void prepare_sgd(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    int first = p->i[2] != 0;
    r->rate = p->f[0];
    r->momentum = p->f[1];
    r->keep = first ? 0 : p->f[1];
    r->take = first ? 1 : 1 - p->f[2];
    r->decay = p->f[3];
    r->form = p->i[0] != 0;
    if (p->i[1]) r->sign = -1;
}

/* Operands: parameters, gradients and, with momentum, buffers. */
FORWARD(sgd)
{
    rt_update_method m = {.tensors = p->f[1] != 0 ? 3 : 2, .at = {0, 1, 2}, KERNEL(sgd), .cost = 0.4f};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, beta1, beta2, eps, weight_decay; i: amsgrad, maximize, decoupled */
static void prepare_adam(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double step = ++s[0].value;
    set_means(r, p->f[1], p->f[2]);
    r->rate = p->f[0] / (1 - pow(p->f[1], step));
    r->root = 1 / sqrt(1 - pow(p->f[2], step));
    r->eps = p->f[3];
    if (p->i[2]) r->shrink = 1 - p->f[0] * p->f[4];
    else r->decay = p->f[4];
    if (p->i[1]) r->sign = -1;
}

/* Operands: parameters, gradients, means, mean squares, with AMSGrad their maxima; counters. */
FORWARD(adam)
{
    rt_update_method m = {.tensors = p->i[0] ? 5 : 4, .scalars = 1, .at = {0, 1, 2, 3, 4}, KERNEL(adam), .cost = 1};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, alpha, eps, weight_decay, momentum; i: centered, maximize */
static void prepare_rmsprop(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    s[0].value++;
    set_means(r, p->f[1], p->f[1]);
    r->rate = p->f[0];
    r->eps = p->f[2];
    r->decay = p->f[3];
    r->momentum = p->f[4];
    if (p->i[1]) r->sign = -1;
}

/* Operands: parameters, gradients, mean squares, with momentum buffers, centred means; counters. */
FORWARD(rmsprop)
{
    int buffered = p->f[4] > 0, centred = p->i[0] != 0;
    rt_update_method m = {.tensors = 3 + buffered + centred, .scalars = 1, .at = {0, 1, 2, buffered ? 3 : 4, 4},
                          KERNEL(rmsprop), .cost = 1};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, lr_decay, weight_decay, eps; i: maximize */
static void prepare_adagrad(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double step = ++s[0].value;
    r->rate = p->f[0] / (1 + (step - 1) * p->f[1]);
    r->decay = p->f[2];
    r->eps = p->f[3];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, sums of squares; counters. */
FORWARD(adagrad)
{
    rt_update_method m = {.tensors = 3, .scalars = 1, .at = {0, 1, 2}, KERNEL(adagrad), .cost = 0.8f};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, rho, eps, weight_decay; i: maximize */
static void prepare_adadelta(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    s[0].value++;
    set_means(r, 0, p->f[1]);
    r->rate = p->f[0];
    r->eps = p->f[2];
    r->decay = p->f[3];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, mean squares, mean squares of the steps; counters. */
FORWARD(adadelta)
{
    rt_update_method m = {.tensors = 4, .scalars = 1, .at = {0, 1, 2, 3}, KERNEL(adadelta), .cost = 1.2f};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, beta1, beta2, eps, weight_decay; i: maximize */
static void prepare_adamax(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double step = ++s[0].value;
    set_means(r, p->f[1], p->f[2]);
    r->rate = p->f[0] / (1 - pow(p->f[1], step));
    r->eps = p->f[3];
    r->decay = p->f[4];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, means, norms; counters. */
FORWARD(adamax)
{
    rt_update_method m = {.tensors = 4, .scalars = 1, .at = {0, 1, 2, 3}, KERNEL(adamax), .cost = 0.8f};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, beta1, beta2, eps, weight_decay, momentum_decay; i: maximize, decoupled.
 * The second scalar is the product of the momenta so far. */
static void prepare_nadam(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double lr = p->f[0], step = ++s[0].value;
    double mu = p->f[1] * (1 - 0.5 * pow(0.96, step * p->f[5]));
    double next = p->f[1] * (1 - 0.5 * pow(0.96, (step + 1) * p->f[5]));
    double product = s[1].value = stored(&s[1], s[1].value * stored(&s[1], mu));
    set_means(r, p->f[1], p->f[2]);
    r->near = lr * (1 - mu) / (1 - product);
    r->rate = lr * next / (1 - product * next);
    r->root = 1 / sqrt(1 - pow(p->f[2], step));
    r->eps = p->f[3];
    if (p->i[1]) r->shrink = 1 - lr * p->f[4];
    else r->decay = p->f[4];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, means, mean squares; counters, products of momenta. */
FORWARD(nadam)
{
    rt_update_method m = {.tensors = 4, .scalars = 2, .at = {0, 1, 2, 3}, KERNEL(nadam), .cost = 1.2f};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, beta1, beta2, eps, weight_decay; i: maximize, decoupled */
static void prepare_radam(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double step = ++s[0].value, beta2 = p->f[2], power = pow(beta2, step);
    double longest = 2 / (1 - beta2) - 1, length = longest - 2 * step * power / (1 - power);
    set_means(r, p->f[1], beta2);
    r->rate = p->f[0] / (1 - pow(p->f[1], step));
    r->form = length > 5;
    if (r->form)
        r->rate *= sqrt(1 - power) * sqrt((length - 4) * (length - 2) * longest
                                          / ((longest - 4) * (longest - 2) * length));
    r->eps = p->f[3];
    if (p->i[1]) r->shrink = 1 - p->f[0] * p->f[4];
    else r->decay = p->f[4];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, means, mean squares; counters. */
FORWARD(radam)
{
    rt_update_method m = {.tensors = 4, .scalars = 1, .at = {0, 1, 2, 3}, KERNEL(radam), .cost = 1};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: factor down, factor up, smallest step, largest step; i: maximize */
static void prepare_rprop(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    s[0].value++;
    r->keep = p->f[0];
    r->keep2 = p->f[1];
    r->low = p->f[2];
    r->high = p->f[3];
    if (p->i[0]) r->sign = -1;
}

/* Operands: parameters, gradients, previous gradients, step sizes; counters. */
FORWARD(rprop)
{
    rt_update_method m = {.tensors = 4, .scalars = 1, .at = {0, 1, 2, 3}, KERNEL(rprop), .cost = 1};
    return rt_update_run(op, &m, nin, in, p);
}

/* f: lr, lambd, alpha, t0, weight_decay; i: maximize.
 * The other scalars are the rate of this step and the weight of this parameter in the average. */
static void prepare_asgd(const rt_params *p, rt_update_rule *r, rt_update_scalar *s)
{
    double lr = p->f[0], lambd = p->f[1], step = ++s[0].value;
    r->rate = s[1].value;
    r->shrink = 1 - lambd * s[1].value;
    r->take = s[2].value;
    r->form = s[2].value == 1;
    r->decay = p->f[4];
    if (p->i[0]) r->sign = -1;
    /* in the default dtype, whatever the state's own: as PyTorch rounds them */
    int single = rt_default_dtype() != RT_f64;
    double rate = lr / pow(1 + lambd * lr * step, p->f[2]), weight = 1 / fmax(1, step - p->f[3]);
    s[1].value = single ? (double)(float)rate : rate;
    s[2].value = single ? (double)(float)weight : weight;
}

/* Operands: parameters, gradients, averages; counters, rates, weights. */
FORWARD(asgd)
{
    rt_update_method m = {.tensors = 3, .scalars = 3, .at = {0, 1, 2}, KERNEL(asgd), .cost = 0.6f};
    return rt_update_run(op, &m, nin, in, p);
}
