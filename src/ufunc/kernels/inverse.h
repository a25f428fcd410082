/* inverse: the inverse trigonometric functions, the inverse hyperbolic functions, the cube root and (float64)
 * the error function, where products can be fused; pairs (pairs.h) carry what must not be rounded.  Polynomials interpolate at Chebyshev's nodes.
 * Floor: ufunc/kernels.  Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_INVERSE_H
#define RT_UFUNC_KERNELS_INVERSE_H
#include "ufunc/kernels/pairs.h"

/* pi / 4; atan's and asin's series from the third term on, over the square. */
#if IS_F32
static const real quarter_high = 0.785398185, quarter_low = -2.1855694e-8, third = -0.333333343;
static const real atan_q[] = {0.05413902669, -0.08774148212, 0.1109236084, -0.1428531838, 0.1999999865};
static const real asin_q[] = {0.03013748314, 0.01924923693, 0.03067484304, 0.0446334981, 0.07500004699};
#else
static const real quarter_high = 0.78539816339744828, quarter_low = 3.061616997868383e-17, third = -0.3333333333333333;
static const real atan_q[] = {0.01627194475162406, -0.034558092551413795, 0.04551108126325172, -0.052303478730160745,
                              0.058789145444006215, -0.06666423628069258, 0.0769229630497447, -0.09090908751076636,
                              0.11111111105106705, -0.14285714285659326, 0.199999999999998};
static const real asin_q[] = {0.02877844261259304, -0.014881409392818066, 0.017419357964884856, 0.00545087818772055,
                              0.010324318288744113, 0.011478952690257387, 0.013971235301124539, 0.017352391265909227,
                              0.022372173002005596, 0.030381944137085216, 0.04464285714637338, 0.07499999999998425};
#endif
static const real tan_eighth = (real)0.41421356237309504880;

/* quarters pi / 4 + atan(t), |t| <= tan(pi / 8). */
ALWAYS pair atan_parts(vec quarters, pair t)
{
    vec z = t.high * t.high;
    vec p = v_mad(z, POLYNOMIAL(atan_q, z), splat(third));
    pair s = ordered_sum(quarters * quarter_high, t.high);
    return (pair){s.high, v_mad(t.high * z, p, v_mad(quarters, splat(quarter_low), t.low + s.low))};
}
#if IS_F32
/* One polynomial for |t| <= 1, t = a or -1 / a with what its rounding takes off. */
ALWAYS vec pairs_atan(vec x)
{
    static const real q[] = {0.00148869193, -0.00914462973, 0.0263050011, -0.048960514, 0.0703191425, -0.0893182678,
                             0.110882616, -0.142840038, 0.199999493, -0.333333331};
    vec a = v_below(splat(0x1p60), v_abs(x)), turned = -1 / a;
    mask far = a > 1;
    vec t = v_where(far, turned, a), rest = turned * v_mad(turned, a, splat(1));
    vec base = (vec)(far & (mask)splat(2 * quarter_high)), s = base + t, z = t * t, p = splat(q[0]);
#pragma GCC unroll 10
    for (int i = 1; i < 10; i++) p = v_mad(p, z, splat(q[i]));
    rest = v_mad(rest, v_mad(z, splat(-0.5), splat(1)), splat(2 * quarter_low));     /* 1 / (1 + z), nearly */
    vec cube = t * z, bend = v_mad(cube, splat(1.2457e-8), (vec)(far & (mask)rest));
    bend = v_mad(cube, p, v_mad(v_mad(t, z, -cube) + v_mad(t, t, -z) * t, p, bend));
    return v_copysign(s + (((base - s) + t) + bend), x);
}
#else
ALWAYS vec pairs_atan(vec x)
{
    vec a = v_abs(x);
    mask far = a > 2 + tan_eighth, mid = a > tan_eighth;
    vec b = v_below(splat((real)(IS_F32 ? 0x1p60 : 0x1p900L)), a);
    pair less = pair_sum(b, splat(-1)), more = pair_sum(b, splat(1));
    pair top = {v_where(far, splat(-1), v_where(mid, less.high, b)), v_where(mid & ~far, less.low, splat(0))};
    pair bottom = {v_where(far, b, v_where(mid, more.high, splat(1))), v_where(mid & ~far, more.low, splat(0))};
    vec quarters = v_where(far, splat(2), v_where(mid, splat(1), splat(0)));
    vec r = pair_rounded(atan_parts(quarters, pair_quotient(top, bottom)));
    return v_copysign(v_where((a > (real)(IS_F32 ? 0x1p-14 : 0x1p-28)) | (x != x), r, a), x);
}
#endif
/* Of operands whose magnitudes are within 2^-450 and 2^450 (float32: 2^-45 and 2^45), or y = 0. */
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
    vec z = v_where(far, (1 - a) * (real)0.5, a * a), s = v_where(far, v_sqrt(z), a);
    vec rest = v_where(far & (s != 0), product_rest(s, s, z) * (real)-0.5 / s, splat(0));
    vec p = v_mad(z, POLYNOMIAL(asin_q, z), splat((real)0.16666666666666666));
    return (pair){s, v_mad(s * z, p, rest)};
}
ALWAYS vec pairs_asin(vec x)
{
    vec a = v_abs(x);
    mask far = a > (real)0.5;
    pair s = asin_parts(a, far), t = ordered_sum(splat(2 * quarter_high), -2 * s.high);
    vec r = v_where(far, t.high + (t.low + v_mad(s.low, splat(-2), splat(2 * quarter_low))), pair_rounded(s));
    return v_copysign(r, x);
}
ALWAYS vec pairs_acos(vec x)
{
    vec a = v_abs(x);
    mask far = a > (real)0.5;
    pair s = asin_parts(a, far);
    vec twice = v_where(far, splat(2), splat(1)), sign = v_where((x < 0) ^ far, splat(1), splat(-1));
    /* far: 2 s or pi - 2 s; near: pi / 2 - or + s */
    vec halves = v_where(far, v_where(x < 0, splat(2), splat(0)), splat(1));
    sign = v_where(far, v_where(x < 0, splat(-1), splat(1)), sign);
    vec f = twice * sign;
    pair t = ordered_sum(halves * (2 * quarter_high), f * s.high);
    return t.high + (t.low + v_mad(f, s.low, halves * (2 * quarter_low)));
}

/* With r near a^(-1/3) and e = 1 - a r^3: r (1 - e)^(-1/3) = r (1 + e / 3 + 2 e^2 / 9 + ...); then a r^2 and its
 * residual.  The first r is from the bits divided by -3. */
ALWAYS vec cbrt_step(vec b, vec r)
{
    const real c1 = (real)0.3333333333333333, c2 = (real)0.2222222222222222, c3 = (real)0.1728395061728395;
    vec e = v_mad(-b * r, r * r, splat(1));
    return v_mad(r * e, v_mad(e, v_mad(e, splat(c3), splat(c2)), splat(c1)), r);
}
ALWAYS vec pairs_cbrt(vec x)
{
    const real low = (real)(IS_F32 ? 0x1p-90 : 0x1p-900L), high = (real)(IS_F32 ? 0x1p90 : 0x1p900L);
    const real up = (real)(IS_F32 ? 0x1p60 : 0x1p300L), root = (real)(IS_F32 ? 0x1p20 : 0x1p100L);
    vec a = v_abs(x);
    mask tiny = a < low, huge = a > high;
    vec b = a * v_where(tiny, splat(up), v_where(huge, splat(1 / up), splat(1)));
#if IS_F32
    vec third_bits = __builtin_convertvector((mask)b, vec) * (real)(-1.0 / 3);
    vec r = (vec)(__builtin_convertvector(third_bits, mask) + 0x54a232bc);
#elif defined(__AVX512F__)
    __m512d bits = _mm512_mul_pd(_mm512_cvtepi64_pd((__m512i)b), _mm512_set1_pd(-1.0 / 3));
    vec r = (vec)(_mm512_cvtpd_epi64(bits) + 0x553ef0ff289dd796);
#else
    /* The upper half of the bits as a number: put into the last ones of 2^52, which are taken back. */
    vec bits = (vec)(((mask)b >> 32) | 0x4330000000000000) - 0x1p52;
    vec r = (vec)((mask)v_mad(bits, splat(-1.0 / 3), splat(0x1p52 + 0x553ef0ff)) << 32);
#endif
    r = cbrt_step(b, r);
    r = cbrt_step(b, r);
    vec square = r * r, y = b * square;
    /* y^3 - b, y^2 as a pair; the slope is 1 / (3 y^2) = r^2 / 3 */
    pair yy = pair_product(y, y);
    vec cube = v_mad(yy.high, y, -b) + yy.low * y;
    y = v_mad(cube * square, splat((real)-0.3333333333333333), y);
    y *= v_where(tiny, splat(1 / root), v_where(huge, splat(root), splat(1)));
    return v_copysign(v_where((a > 0) & (a < (real)INFINITY), y, a), x);
}

/* log(1 + a), by the word's log(x) + c. */
ALWAYS vec log_more(vec more, vec rest)
{
    pair u = pair_sum(splat(1), more);
    return log_plus(u.high, (u.low + rest) / u.high);
}
/* sqrt(1 + a^2) - 1 is right to the last place of a, to which it is added. */
ALWAYS UNUSED vec pairs_asinh(vec x)
{
    const real end = (real)(IS_F32 ? 0x1p30 : 0x1p60), start = (real)(IS_F32 ? 0x1p-14 : 0x1p-28);
    const real ln2 = (real)0.693147180559945309417;
    vec a = v_abs(x), b = v_below(splat(end), a);
    pair square = pair_product(b, b), u = pair_sum(splat(1), square.high);
    u.low += square.low;
    pair root = pair_root(u), t = pair_sum(b, root.high - 1);
    vec r = v_where(a < start, a, log_more(t.high, t.low + root.low));
    mask far = ~(a < end);
    return v_copysign(any_lane(far) ? v_where(far, v_log(a) + ln2, r) : r, x);
}
/* With t = x - 1: log1p(t + sqrt(t (t + 2))). */
ALWAYS UNUSED vec pairs_acosh(vec x)
{
    const real end = (real)(IS_F32 ? 0x1p30 : 0x1p60), ln2 = (real)0.693147180559945309417;
    vec t = v_below(splat(end), x) - 1;
    pair square = pair_product(t, t), u = pair_sum(2 * t, square.high);
    u.low += square.low;
    pair root = pair_root(u), s = ordered_sum(root.high, t);
    vec r = v_where(x < 1, splat(NAN), log_more(s.high, s.low + root.low));
    mask far = ~(x < end);
    return any_lane(far) ? v_where(far, v_log(x) + ln2, r) : r;
}
/* log1p(2 a / (1 - a)) / 2 */
ALWAYS UNUSED vec pairs_atanh(vec x)
{
    vec a = v_abs(x);
    mask odd = ~((a > (real)(IS_F32 ? 0x1p-13 : 0x1p-27)) & (a < 1));
    pair q = pair_quotient((pair){2 * a, splat(0)}, ordered_sum(splat(1), -a));
    vec r = log_more(q.high, q.low) * (real)0.5;
    if (any_lane(odd)) {
        r = v_where(odd, a, r);
        r = v_where(a == 1, splat((real)INFINITY), v_where(a > 1, splat((real)NAN), r));
    }
    return v_copysign(r, x);
}
#if !IS_F32
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
#endif
#endif
