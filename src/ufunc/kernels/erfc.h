/* erfc: the complementary error function, the normal distribution, sigmoid and silu of float64, where products can be
 * fused.  Near 0 erfc is 1 - erf; from 0.8 on e^(-a a) f(t) / (1 + 2 a), t = (a - 4) / (a + 4), the transformation of
 * M. Shepherd and J. Laframboise (1981), f interpolated at Chebyshev's nodes with 2^-57 and all factors as pairs.
 * Floor: ufunc/kernels.  Word f64 only. */
#ifndef RT_UFUNC_KERNELS_ERFC_H
#define RT_UFUNC_KERNELS_ERFC_H
#include "ufunc/kernels/inverse.h"

/* v 2^n for whole n from -1100 to 1022. */
ALWAYS vec times_power_of_2(vec v, vec n)
{
#if defined(__AVX512F__)
    return scaled(v, n);
#else
    vec half = v_rint(n * 0.5);
    return v * power_of_2(half) * power_of_2(n - half);
#endif
}
/* e^(x + below) = 2^floor(n) (high + low). */
ALWAYS pair exp_unscaled(vec x, vec below, vec *n)
{
#if defined(__AVX512F__)
    return exp_parts(x, below, n);
#else
    exp_argument a = exp_reduced(x);
    pair r = pair_sum(a.r, below), t = ordered_sum(splat(1), r.high);
    *n = a.n;
    return ordered_sum(t.high, t.low + v_mad(r.high * r.high, POLYNOMIAL(exp_q, r.high), a.rest + r.low));
#endif
}
/* erfc(a), a from 0.8 to 27.3. */
ALWAYS vec erfc_far(vec a)
{
    static const double f[] = {-2.086843358730111e-08, 8.144677584021953e-08, 8.678655168173396e-08,
        -7.984386945124947e-07, 2.803208496900566e-07, 5.6951283517701486e-06, -1.1214345536820652e-05,
        -2.4394305008113442e-05, 0.00015061910008583803, -0.0001992577468052717, -0.0007577727607416178,
        0.005031970120528968, -0.016197734123246155, 0.03716751552577849, -0.06633036580757116, 0.09373283499888256,
        -0.1010390660364716, 0.06809705425468145, 0.015379652102622076, -0.13962111684056244};
    const real f0 = 1.2329951186255526, f0_rest = -5.089522212323933e-17;
    vec t = (a - 4) / (a + 4), t2 = t * t, t4 = t2 * t2;
    vec bend = t * v_mad(polynomial(f, 12, t), t4 * t4, polynomial(f + 12, 8, t));
    pair top = ordered_sum(splat(f0), bend), square = pair_product(a, a);
    top.low += f0_rest;
    pair q = pair_quotient(top, ordered_sum(2 * a, splat(1)));
    vec n;
    pair e = exp_unscaled(-square.high, -square.low, &n), r = pair_product(e.high, q.high);
    r.low += v_mad(e.high, q.low, e.low * q.high);
    return times_power_of_2(pair_rounded(r), n);
}
ALWAYS vec v_erfc(vec x)
{
    vec a = v_below(splat(27.3), v_abs(x)), far = erfc_far(v_above(splat(0.8), a));
    mask near = a < 0.8;
    vec r = v_where(x < 0, 2 - far, far);
    if (!any_lane(near)) return v_where(x != x, x, r);
    pair e = erf_near(v_where(near, v_where(x < 0, -a, a), splat(0)));
    pair s = ordered_sum(splat(1), -e.high);
    return v_where(x != x, x, v_where(near, s.high + (s.low - e.low), r));
}
/* The tail beyond a = |x| is e^(-a a / 2) g(t) / (1 + 1.25 a), t = (a - 5) / (a + 5). */
ALWAYS vec v_ndtr(vec x)
{
    static const double g[] = {-3.361857063924556e-10, 1.0463591816558354e-10, 5.512480627717476e-09,
        2.792691263731778e-09, -4.059149350745218e-08, -2.8349675156770672e-08, 2.5629744260024553e-07,
        1.3924245328091075e-07, -1.6962967416690168e-06, 8.1433957867475e-08, 1.1642948110890438e-05,
        -1.4031386974089445e-05, -6.725002774194655e-05, 0.00024302457496922238, -2.382966569581514e-05,
        -0.0021499781161212436, 0.008747211917663322, -0.02121086189092738, 0.03652467917696313, -0.0449651417789106,
        0.03272390979755425, 0.00977075756095329, -0.07857596347650816, 0.5576649610687956};
    vec a = v_below(splat(38.7), v_abs(x)), square = a * a, below = product_rest(a, a, square) * -0.5;
    vec more = a + 5, flat = v_mad(a, splat(1.25), splat(1)), inverse = 1 / (more * flat);
    vec t = v_mad(2 * a, flat * inverse, splat(-1)), t2 = t * t, t4 = t2 * t2, over = more * inverse;
    vec lost = v_mad(a, splat(1.25), 1 - flat);                     /* off 1 + 1.25 a by rounding */
    over = v_mad(over, v_mad(-over, lost, v_mad(-over, flat, splat(1))), over);
    vec q = v_mad(polynomial(g, 12, t), t4 * t4 * t4, polynomial(g + 12, 12, t)) * over, n;
    pair e = exp_unscaled(square * -0.5, splat(-0.0), &n);
    vec tail = times_power_of_2(q * (e.high + v_mad(e.high, below, e.low)), n);
    return v_where(x < 0, tail, 1 - tail);
}

/* top / (1 + e^-x), |x| < 700, with what the rounding of the sum took off. */
ALWAYS vec logistic(vec top, vec x)
{
#if TABLED
    vec n;
    pair e = exp_parts(-x, splat(-0.0), &n);
    vec power = scaled(splat(1), n), b = e.high * power;
    vec high = v_above(b, splat(1)), low = v_below(b, splat(1)), sum = high + low;
    vec rest = v_mad(e.low, power, (high - sum) + low), s = 1 / sum;
#else
    vec shifted = v_mad(x, splat(-1.44269504088896340736), splat(shift)), n = shifted - shift;
    vec r = v_mad(n, splat(-ln2_rest), v_mad(n, splat(-ln2_short), -x));
    vec power = (vec)(((mask)shifted << 52) + (mask)splat(1)), p = v_mad(r * r, POLYNOMIAL(exp_q, r), r);
    vec high = 1 + power, sum = v_mad(power, p, high);
    vec lost = (v_above(splat(1), power) - high) + v_below(splat(1), power);
    vec rest = v_mad(power, p, high - sum) + lost, s = 1 / sum;
#endif
    vec q = top * s;
    return v_mad(s, v_mad(-q, rest, v_mad(-q, sum, top)), q);
}
ALWAYS vec v_sigmoid(vec x)
{
    vec s = logistic(splat(1), x);
    return all_below(v_abs(x), 700) ? s : v_where(v_abs(x) < 700, s, v_where(x > 0, splat(1), v_exp(x)));
}
/* Far down x e^x. */
ALWAYS vec v_silu(vec x)
{
    vec r = v_copysign(logistic(x, x), x);
    if (all_below(v_abs(x), 700)) return r;
    mask far = ~(v_abs(x) < 700);
    vec b = v_above(splat(-760), v_below(splat(0), x)), n;
    pair e = exp_unscaled(b, splat(-0.0), &n), p = pair_product(b, e.high);
    vec low = times_power_of_2(pair_rounded((pair){p.high, v_mad(b, e.low, p.low)}), n);
    return v_where(far, v_where(x == -INFINITY, splat(NAN), v_where(x < 0, low, x)), r);
}
#endif
