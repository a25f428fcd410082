/* scan_backward: gradients of the running sums, products and log-sums.  Each is made of rows, so that it is recorded
 * itself under create_graph.  Floor: ufunc. */
#include "core/shape.h"
#include "ufunc/reduce.h"
#include "ufunc/views.h"

static rt_tensor *run_again(rt_op_index op, rt_tensor *x, int dim, int reverse)
{
    rt_params p;
    if (!x) return NULL;
    rt_params_begin(&p);
    p.i[0] = dim;
    p.i[1] = RT_NODTYPE;
    p.i[2] = reverse;
    return rt_apply1p(op, x, &p);
}

int cumsum_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    gin[0] = run_again(RT_OP_cumsum, g[0], (int)n->params->i[0], !n->params->i[2]);
    return gin[0] ? 0 : -1;
}

static rt_tensor *choose(rt_tensor *c, rt_operand a, rt_operand b)
{
    rt_operand in[3] = {rt_operand_of(c), a, b};
    rt_tensor *out = NULL;
    return rt_op_apply(&rt_ops[RT_OP_where], 3, in, NULL, &out) < 0 ? NULL : out;
}

static rt_tensor *conjugate(rt_tensor *x)
{
    if (rt_dtype_is_complex((rt_dtype)x->dtype)) return rt_apply1(RT_OP_conj, x);
    return (rt_tensor *)Py_NewRef((PyObject *)x);
}

/* The running sum of g conj(out), from the other end; consumes out. */
static rt_tensor *weighted(rt_tensor *g, rt_tensor *out, int dim, int reverse)
{
    rt_tensor *c = out ? conjugate(out) : NULL, *each = c ? rt_apply2(RT_OP_mul, g, c) : NULL;
    rt_tensor *total = run_again(RT_OP_cumsum, each, dim, !reverse);
    Py_XDECREF(out);
    Py_XDECREF(c);
    Py_XDECREF(each);
    return total;
}

/* With r the running sum from the other end: r(g out) / x before the first zero of a line; at it, r(g out')
 * where out' is out with that zero taken as 1; 0 behind it.  Blind to what the zeros' own changes do, so where it is
 * recorded and there are zeros, all n n products are made instead. */
int cumprod_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    enum { X, ZERO, ZEROS, BEFORE, ONE, FIRST, X1, X2, DIVISOR, SUM, SUM1, QUOTIENT, AT_ZERO, COUNT };
    rt_tensor *t[COUNT] = {NULL};
    const int dim = (int)n->params->i[0], reverse = (int)n->params->i[2];
    rt_operand v;
    if (rt_node_unpack(n, 0, &v) < 0) return -1;
    t[X] = v.t;
    if (rt_node_unpack(n, 1, &v) < 0) goto done;
    if (!(t[SUM] = weighted(g[0], v.t, dim, reverse))) goto done;
    if (!(t[ZERO] = rt_apply2s(RT_OP_eq, t[X], 0))) goto done;
    const int exact = rt_records(t[X]) || rt_records(g[0]) ? rt_any_true(t[ZERO]) : 0;
    if (exact) {
        gin[0] = exact > 0 ? rt_cumprod_gradient(t[X], g[0], dim, reverse) : NULL;
        goto done;
    }
    if (!(t[ZEROS] = run_again(RT_OP_cumsum, t[ZERO], dim, reverse))) goto done;
    if (!(t[BEFORE] = rt_apply2s(RT_OP_eq, t[ZEROS], 0))) goto done;
    if (!(t[ONE] = rt_apply2s(RT_OP_eq, t[ZEROS], 1))) goto done;
    if (!(t[FIRST] = rt_apply2(RT_OP_mul, t[ZERO], t[ONE]))) goto done;
    if (!(t[X1] = choose(t[FIRST], rt_operand_int(1), rt_operand_of(t[X])))) goto done;
    if (!(t[X2] = choose(t[ZERO], rt_operand_int(1), rt_operand_of(t[X])))) goto done;
    if (!(t[DIVISOR] = conjugate(t[X2]))) goto done;
    if (!(t[QUOTIENT] = rt_apply2(RT_OP_div, t[SUM], t[DIVISOR]))) goto done;
    if (!(t[SUM1] = weighted(g[0], run_again(RT_OP_cumprod, t[X1], dim, reverse), dim, reverse))) goto done;
    if (!(t[AT_ZERO] = choose(t[FIRST], rt_operand_of(t[SUM1]), rt_operand_int(0)))) goto done;
    gin[0] = choose(t[BEFORE], rt_operand_of(t[QUOTIENT]), rt_operand_of(t[AT_ZERO]));
done:
    for (int k = 0; k < COUNT; k++) Py_XDECREF(t[k]);
    return gin[0] ? 0 : -1;
}

/* ---- logcumsumexp ---- */
static rt_tensor *run_logs(rt_tensor *x, int dim, int reverse)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    p.i[1] = reverse;
    return rt_apply1p(RT_OP_logcumsumexp, x, &p);
}

/* exp(x + r(log g - out)) over the g that are `wanted`, r the running log-sum from the other end. */
static rt_tensor *share(rt_tensor *x, rt_tensor *out, rt_tensor *g, rt_tensor *wanted, int dim, int reverse)
{
    enum { SAFE, LOG, DIFFERENCE, TERM, RUN, SUM, COUNT };
    rt_tensor *t[COUNT] = {NULL}, *result = NULL;
    const rt_operand nothing = rt_operand_float(-Py_HUGE_VAL);
    if (!(t[SAFE] = choose(wanted, rt_operand_of(g), rt_operand_int(1)))) goto done;
    if (!(t[LOG] = rt_apply1(RT_OP_log, t[SAFE])) || !(t[DIFFERENCE] = rt_apply2(RT_OP_sub, t[LOG], out))) goto done;
    if (!(t[TERM] = choose(wanted, rt_operand_of(t[DIFFERENCE]), nothing))) goto done;
    if (!(t[RUN] = run_logs(t[TERM], dim, !reverse)) || !(t[SUM] = rt_apply2(RT_OP_add, t[RUN], x))) goto done;
    result = rt_apply1(RT_OP_exp, t[SUM]);
done:
    for (int k = 0; k < COUNT; k++) Py_XDECREF(t[k]);
    return result;
}

/* The share of one sign of g, where something has come yet (out is not -inf). */
static rt_tensor *half(rt_tensor *x, rt_tensor *out, rt_tensor *g, int negative, int dim, int reverse)
{
    rt_tensor *live = rt_apply2s(RT_OP_ne, out, -Py_HUGE_VAL);
    rt_tensor *sign = live ? rt_apply2s(negative ? RT_OP_lt : RT_OP_gt, g, 0) : NULL;
    rt_tensor *wanted = sign ? rt_apply2(RT_OP_logical_and, live, sign) : NULL;
    rt_tensor *size = !wanted ? NULL : negative ? rt_apply1(RT_OP_neg, g) : (rt_tensor *)Py_NewRef((PyObject *)g);
    rt_tensor *result = size ? share(x, out, size, wanted, dim, reverse) : NULL;
    Py_XDECREF(live);
    Py_XDECREF(sign);
    Py_XDECREF(wanted);
    Py_XDECREF(size);
    return result;
}

static rt_tensor *complex_share(rt_tensor *x, rt_tensor *out, rt_tensor *g, int dim, int reverse)
{
    rt_tensor *size = rt_apply1(RT_OP_conj, g), *wanted = size ? rt_apply2s(RT_OP_ne, g, 0) : NULL;
    rt_tensor *sum = wanted ? share(x, out, size, wanted, dim, reverse) : NULL, *result = sum ? rt_apply1(RT_OP_conj, sum) : NULL;
    Py_XDECREF(size);
    Py_XDECREF(wanted);
    Py_XDECREF(sum);
    return result;
}

/* The gradient of x[i] is the sum over the j behind it of g[j] exp(x[i] - out[j]), kept in logarithms: a real g
 * in two halves. */
int logcumsumexp_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    const int dim = (int)n->params->i[0], reverse = (int)n->params->i[1];
    rt_operand x, out = {.t = NULL};
    rt_tensor *plus = NULL, *minus = NULL;
    if (rt_node_unpack(n, 0, &x) < 0) return -1;
    if (rt_node_unpack(n, 1, &out) < 0) goto done;
    if (rt_dtype_is_complex((rt_dtype)out.t->dtype)) {
        gin[0] = complex_share(x.t, out.t, g[0], dim, reverse);
        goto done;
    }
    plus = half(x.t, out.t, g[0], 0, dim, reverse);
    minus = plus ? half(x.t, out.t, g[0], 1, dim, reverse) : NULL;
    gin[0] = minus ? rt_apply2(RT_OP_sub, plus, minus) : NULL;
done:
    Py_XDECREF(x.t);
    Py_XDECREF(out.t);
    Py_XDECREF(plus);
    Py_XDECREF(minus);
    return gin[0] ? 0 : -1;
}
