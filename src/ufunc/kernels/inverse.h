/* inverse: the inverse trigonometric functions, the cube root and the error function of float64, where products can
 * be fused; pairs (pairs.h) carry what must not be rounded.  Polynomials interpolate at Chebyshev's nodes.
 * Floor: ufunc/kernels.  Word f64 only. */
#ifndef RT_UFUNC_KERNELS_INVERSE_H
#define RT_UFUNC_KERNELS_INVERSE_H
#include "ufunc/kernels/pairs.h"

static const double quarter_high = 0.78539816339744828, quarter_low = 3.061616997868383e-17;       /* pi / 4 */
static const double tan_eighth = 0.41421356237309504880;

/* quarters pi / 4 + atan(t), |t| <= tan(pi / 8). */
ALWAYS pair atan_parts(vec quarters, pair t)
{
    static const double q[] = {0.01627194475162406, -0.034558092551413795, 0.04551108126325172, -0.052303478730160745,
                               0.058789145444006215, -0.06666423628069258, 0.0769229630497447, -0.09090908751076636,
                               0.11111111105106705, -0.14285714285659326, 0.199999999999998};
    vec z = t.high * t.high;
    vec p = v_mad(z, POLYNOMIAL(q, z), splat(-0.3333333333333333));
    pair s = ordered_sum(quarters * quarter_high, t.high);
    return (pair){s.high, v_mad(t.high * z, p, v_mad(quarters, splat(quarter_low), t.low + s.low))};
}
ALWAYS vec pairs_atan(vec x)
{
    vec a = v_abs(x);
    mask far = a > 2 + tan_eighth, mid = a > tan_eighth;
    vec b = v_where(a > 0x1p900, splat(0x1p900), a);
    pair less = pair_sum(b, splat(-1)), more = pair_sum(b, splat(1));
    pair top = {v_where(far, splat(-1), v_where(mid, less.high, b)), v_where(mid & ~far, less.low, splat(0))};
    pair bottom = {v_where(far, b, v_where(mid, more.high, splat(1))), v_where(mid & ~far, more.low, splat(0))};
    vec quarters = v_where(far, splat(2), v_where(mid, splat(1), splat(0)));
    vec r = pair_rounded(atan_parts(quarters, pair_quotient(top, bottom)));
    return v_copysign(v_where((a > 0x1p-28) | (x != x), r, a), x);
}
/* Of operands whose magnitudes are within 2^-450 and 2^450, or y = 0. */
ALWAYS vec pairs_atan2(vec y, vec x)
{
    vec ay = v_abs(y), ax = v_abs(x);
    mask steep = ay > ax, left = (mask)x < 0;
    vec low = v_where(steep, ax, ay), high = v_where(steep, ay, ax);
    mask bent = low > high * tan_eighth;
    pair less = ordered_sum(-high, low), more = ordered_sum(high, low);
    pair top = {v_where(bent, less.high, low), v_where(bent, less.low, splat(0))};
    pair bottom = {v_where(bent, more.high, high), v_where(bent, more.low, splat(0))};
    pair t = pair_quotient(top, bottom);
    /* steep: pi / 2 - angle; left: pi - angle */
    vec quarters = v_where(bent, splat(1), splat(0));
    mask turned = steep ^ left;
    quarters = v_where(steep, 2 - quarters, quarters);
    quarters = v_where(left, 4 - quarters, quarters);
    t.high = v_where(turned, -t.high, t.high), t.low = v_where(turned, -t.low, t.low);
    return v_copysign(pair_rounded(atan_parts(quarters, t)), y);
}

/* asin of the smaller of a and sqrt((1 - a) / 2), as a pair. */
ALWAYS pair asin_parts(vec a, mask far)
{
    static const double q[] = {0.02877844261259304, -0.014881409392818066, 0.017419357964884856, 0.00545087818772055,
                               0.010324318288744113, 0.011478952690257387, 0.013971235301124539, 0.017352391265909227,
                               0.022372173002005596, 0.030381944137085216, 0.04464285714637338, 0.07499999999998425};
    vec z = v_where(far, (1 - a) * 0.5, a * a), s = v_where(far, v_sqrt(z), a);
    vec rest = v_where(far & (s != 0), product_rest(s, s, z) * -0.5 / s, splat(0));
    vec p = v_mad(z, POLYNOMIAL(q, z), splat(0.16666666666666666));
    return (pair){s, v_mad(s * z, p, rest)};
}
ALWAYS vec pairs_asin(vec x)
{
    vec a = v_abs(x);
    mask far = a > 0.5;
    pair s = asin_parts(a, far), t = ordered_sum(splat(2 * quarter_high), -2 * s.high);
    vec r = v_where(far, t.high + (t.low + v_mad(s.low, splat(-2), splat(2 * quarter_low))), pair_rounded(s));
    return v_copysign(r, x);
}
ALWAYS vec pairs_acos(vec x)
{
    vec a = v_abs(x);
    mask far = a > 0.5;
    pair s = asin_parts(a, far);
    vec twice = v_where(far, splat(2), splat(1)), sign = v_where((x < 0) ^ far, splat(1), splat(-1));
    /* far: 2 s or pi - 2 s; near: pi / 2 - or + s */
    vec halves = v_where(far, v_where(x < 0, splat(2), splat(0)), splat(1));
    sign = v_where(far, v_where(x < 0, splat(-1), splat(1)), sign);
    vec f = twice * sign;
    pair t = ordered_sum(halves * (2 * quarter_high), f * s.high);
    return t.high + (t.low + v_mad(f, s.low, halves * (2 * quarter_low)));
}

/* erf(x), |x| up to 1: the first two terms, 2 / sqrt(pi) (x - x^3 / 3), as pairs. */
ALWAYS pair erf_near(vec x)
{
    static const double c[] = {6.17383902721109e-11, -1.1500221494162162e-09, 1.4692454144674924e-08,
        -1.6355114690825904e-07, 1.6461446347104607e-06, -1.4925622488807008e-05, 0.00012055332214208182,
        -0.0008548327010023105, 0.005223977625303399, -0.02686617064512383, 0.11283791670955111};
    const real c1 = 1.1283791670955126, c1_rest = 1.533545961316588e-17, c3 = -0.37612638903183754;
    vec z = x * x, lost = product_rest(x, x, z);
    pair first = pair_product(x, splat(c1)), cube = pair_product(z, x), third = pair_product(cube.high, splat(c3));
    cube.low = v_mad(lost, x, cube.low);
    pair sum = ordered_sum(first.high, third.high);
    vec rest = v_mad(cube.low, splat(c3), v_mad(x, splat(c1_rest), cube.high * 1.3391897206030649e-17));
    rest = v_mad(cube.high * z, POLYNOMIAL(c, z), rest + (first.low + third.low) + sum.low);
    return (pair){sum.high, rest};
}
/* Far out 1 - e^(-a a) f(t), t = (a - 2) / (a + 2). */
ALWAYS vec pairs_erf(vec x)
{
    static const double f[] = {-1.1356406975540162e-06, 1.272498256393507e-06, 4.01241626610327e-06,
        1.3056087062281312e-06, -1.399845501204494e-05, -2.7562117956005235e-05, 2.7527191604044875e-05,
        0.00017435946159159867, 4.3555586365225017e-05, -0.0009819769402954002, -0.0008471432529994073,
        0.00699746173694585, 0.003732892404398444, -0.07897858101570575, 0.24165819424246585};
    vec a = v_below(splat(6), v_abs(x)), t = (a - 2) / (a + 2);
    vec p = v_mad(t, v_mad(t, POLYNOMIAL(f, t), splat(-0.4271858474139585)), splat(0.25539567631050575));
    vec far = 1 - v_exp_scaled(-a * a, 0) * p;
    return v_copysign(v_where(a < 1, pair_rounded(erf_near(v_below(splat(1), a))), far), x);
}

#if defined(__AVX512F__)
/* With r near a^(-1/3) and e = 1 - a r^3: r (1 - e)^(-1/3) = r (1 + e / 3 + 2 e^2 / 9 + ...); then a r^2 and its
 * residual.  The first r is from the bits divided by -3. */
ALWAYS vec pairs_cbrt(vec x)
{
    vec a = v_abs(x);
    mask tiny = a < 0x1p-1000, huge = a > 0x1p900;
    vec unit = v_where(tiny, splat(0x1p300), v_where(huge, splat(0x1p-300), splat(1)));
    vec b = a * unit;
    __m512d bits = _mm512_mul_pd(_mm512_cvtepi64_pd((__m512i)b), _mm512_set1_pd(-1.0 / 3));
    vec r = (vec)(_mm512_cvtpd_epi64(bits) + 0x553ef0ff289dd796);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vec e = v_mad(-b * r, r * r, splat(1));
        r = v_mad(r * e, v_mad(e, v_mad(e, splat(0.1728395061728395), splat(0.2222222222222222)), splat(0.3333333333333333)), r);
    }
    vec square = r * r, y = b * square;
    /* y^3 - b, y^2 as a pair; the slope is 1 / (3 y^2) = r^2 / 3 */
    pair yy = pair_product(y, y);
    vec cube = v_mad(yy.high, y, -b) + yy.low * y;
    y = v_mad(cube * square, splat(-0.3333333333333333), y);
    y *= v_where(tiny, splat(0x1p-100), v_where(huge, splat(0x1p100), splat(1)));
    return v_copysign(v_where((a > 0) & (a < INFINITY), y, a), x);
}
#endif
#endif
