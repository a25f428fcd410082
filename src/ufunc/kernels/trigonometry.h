/* trigonometry: sine, cosine and tangent, x = q pi / 2 + r with |r| <= pi / 4, r as a pair.  pi / 2 is taken
 * in three parts (W. Cody and W. Waite, 1980), which is enough below 2^20; larger arguments are SLEEF's or the C
 * library's.  A lane's bits depend on its own x alone: SLEEF itself looks at all lanes when it chooses a reduction.
 * Floor: ufunc/kernels.  Words f32 and f64, where products can be fused. */
#ifndef RT_UFUNC_KERNELS_TRIGONOMETRY_H
#define RT_UFUNC_KERNELS_TRIGONOMETRY_H
#include "ufunc/kernels/pairs.h"

/* -pi / 2 and -1 / 6 in parts; (sin r - r + r^3 / 6) / r^5 and (cos r - 1 + r^2 / 2) / r^4 over r^2. */
#if IS_F32
static const real half_pi[] = {-1.57079637, 4.371139e-8, 1.7151245e-15}, sixth_high = -0.166666672, sixth_low = 4.967054e-9;
static const real sin_q[] = {2.732608643e-6, -0.0001984073456, 0.00833333315};
static const real cos_q[] = {2.454739646e-5, -0.001388830038, 0.04166666464};
#else
static const real half_pi[] = {-1.5707963267948966, -6.123233995736766e-17, 1.4973849048591698e-33},
                  sixth_high = -0.16666666666666666, sixth_low = -9.25185853854297e-18;
static const real sin_q[] = {-7.586576588171073e-13, 1.6058529572267877e-10, -2.5052106219521895e-08,
                             2.755731921930192e-06, -0.00019841269841265017, 0.008333333333333331};
static const real cos_q[] = {-1.1382456778061306e-11, 2.0876143827993133e-09, -2.7557317260008837e-07,
                             2.480158729874307e-05, -0.0013888888888887382, 0.041666666666666664};
#endif
/* sin r and cos r, a little better where `exact`; the number of quarters q in the low bits. */
typedef struct { pair sin, cos; mask q; } quarter;
ALWAYS quarter quarter_of(vec x, int exact)
{
    vec shifted = v_mad(x, splat((real)0.6366197723675814), splat(shift)), q = shifted - shift;
    /* The first product is exact beside x; the second is not small beside t when x is next to a multiple of pi / 2. */
    pair second = pair_product(q, splat(half_pi[1]));
    pair t = pair_sum(v_mad(q, splat(half_pi[0]), x), second.high);
    vec r = t.high, rest = v_mad(q, splat(half_pi[2]), t.low + second.low);
    pair square = pair_product(r, r), fall = ordered_sum(splat(1), square.high * (real)-0.5);
    vec cube = square.high * r, five = POLYNOMIAL(sin_q, square.high), bend;
    if (exact) {
        /* - r^3 / 6 as a pair */
        pair sixth = pair_product(cube, splat(sixth_high));
        vec lost = product_rest(square.high, r, cube) + square.low * r;
        sixth.low += v_mad(lost, splat(sixth_high), cube * sixth_low);
        bend = sixth.high + v_mad(cube * square.high, five, rest + sixth.low);
    } else {
        bend = v_mad(cube, v_mad(square.high, five, splat(sixth_high)), rest);
    }
    vec low = v_mad(square.low, splat((real)-0.5), v_mad(-r, rest, fall.low));
    return (quarter){{r, bend}, {fall.high, v_mad(square.high * square.high, POLYNOMIAL(cos_q, square.high), low)},
                     (mask)shifted};
}
/* sin(x + turns pi / 2) for |x| < 2^20. */
ALWAYS vec quarter_sin(vec x, int turns)
{
    quarter a = quarter_of(x, 0);
    mask q = a.q + turns, odd = -(q & 1);
    vec high = v_where(odd, a.cos.high, a.sin.high), low = v_where(odd, a.cos.low, a.sin.low);
    return (vec)((mask)(high + low) ^ ((q & 2) << (8 * sizeof(real) - 2)));
}
#if IS_F32
/* tan r = r + r^3 q(r^2), with what the rounding of the sum takes off; in odd quarters -1 / tan r.  |r| is up to
 * 0.822, as the number of quarters is rounded. */
ALWAYS vec quarter_tan(vec x)
{
    static const real q[] = {0.00201755074, -0.000477350259, 0.00481500586, 0.00845267271, 0.021942679, 0.0539619364,
                             0.133333539, 0.333333332};
    vec a = v_abs(x), shifted = v_mad(a, splat(0.6366197723675814), splat(shift)), n = shifted - shift;
    pair second = pair_product(n, splat(half_pi[1])), t = pair_sum(v_mad(n, splat(half_pi[0]), a), second.high);
    vec r = t.high, rest = v_mad(n, splat(half_pi[2]), t.low + second.low), z = r * r, p = splat(q[0]);
#pragma GCC unroll 8
    for (int i = 1; i < 8; i++) p = v_mad(p, z, splat(q[i]));
    vec cube = r * z, bend = v_mad(rest, z * 1.5, v_mad(cube, splat(-1.1022e-8), rest));
    bend = v_mad(v_mad(r, z, -cube) + v_mad(r, r, -z) * r, p, bend);
    pair s = ordered_sum(r, v_mad(cube, p, bend));
    vec turned = -1 / s.high;
    turned = v_mad(turned, v_mad(turned, s.low, v_mad(turned, s.high, splat(1))), turned);
    vec y = v_where(-((mask)shifted & 1), turned, s.high);
    return (vec)((mask)y ^ ((mask)x & sign_bits()));
}
#else
ALWAYS vec quarter_tan(vec x)
{
    quarter a = quarter_of(x, 1);
    mask odd = -(a.q & 1);
    pair s = ordered_sum(a.sin.high, a.sin.low), c = ordered_sum(a.cos.high, a.cos.low);
    pair top = {v_where(odd, -c.high, s.high), v_where(odd, -c.low, s.low)};
    pair bottom = {v_where(odd, s.high, c.high), v_where(odd, s.low, c.low)};
    return v_where(x == 0, x, pair_rounded(pair_quotient(top, bottom)));
}
#endif
#endif
