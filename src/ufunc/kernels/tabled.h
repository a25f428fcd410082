/* tabled: float64 exp, log and their kin for AVX-512, which keeps a table of 16 numbers in two registers.
 *   exp(x) = 2^k T[i] (1 + p(r)),           x = (16 k + i) ln(2) / 16 + r,  |r| <= ln(2) / 32
 *   log(x) = k ln 2 - log C[i] + log1p(r),  x = 2^k m,  r = m C[i] - 1,     |r| <= 1 / 32
 * Polynomials interpolate at Chebyshev's nodes.  Floor: ufunc/kernels.  Word f64 only. */
#ifndef RT_UFUNC_KERNELS_TABLED_H
#define RT_UFUNC_KERNELS_TABLED_H
#include "ufunc/kernels/pairs.h"

typedef const double table16[16] __attribute__((aligned(64)));

/* table[i mod 16] */
ALWAYS vec lookup(table16 table, mask i)
{
    return (vec)_mm512_permutex2var_pd(_mm512_load_pd(table), (__m512i)i, _mm512_load_pd(table + 8));
}
/* v 2^floor(n), rounded once. */
ALWAYS vec scaled(vec v, vec n) { return (vec)_mm512_scalef_pd((__m512d)v, (__m512d)n); }
static table16 exp_table = {
    1.0, 1.0442737824274138, 1.0905077326652577, 1.1387886347566916, 1.189207115002721, 1.241857812073484,
    1.2968395546510096, 1.3542555469368927, 1.4142135623730951, 1.4768261459394993, 1.5422108254079407,
    1.6104903319492543, 1.681792830507429, 1.7562521603732995, 1.8340080864093424, 1.9152065613971474};
/* 2^(i / 16) / exp_table[i] - 1 */
static table16 exp_table_rest = {
    0.0, 8.189317638195515e-17, -2.7939114859515733e-17, 7.826573258636076e-17, 3.3484623336251524e-17,
    3.750854201303127e-17, 1.9572585293112036e-17, 5.68648095791174e-17, -6.835808657661922e-17,
    -2.3591094770850053e-17, 5.1548301170786783e-17, 1.5341410053603723e-17, 4.875160526227062e-17,
    1.685487290628973e-17, 1.790126907604513e-17, -5.545065618639427e-17};

/* exp(x + below) = 2^floor(n) (high + low), for |x| < 1e6 and |below| < 1e-9. */
ALWAYS pair exp_parts(vec x, vec below, vec *n)
{
    static const double q[] = {0.00019841463826261545, 0.001388906347556763, 0.008333333332991954,
                               0.04166666666359425, 0.16666666666666669, 0.5};
    const real magic = 6755399441055744;
    vec shifted = v_mad(x, splat(23.083120654223414), splat(magic)), n16 = shifted - magic;
    vec r = v_mad(n16, splat(-1.4494042586539372e-18), v_mad(n16, splat(-0.04332169878499658), x)) + below;
    vec rest = lookup(exp_table_rest, (mask)shifted);
    vec p = v_mad(r * r, POLYNOMIAL(q, r), r + rest);
    vec t = lookup(exp_table, (mask)shifted), high = v_mad(t, p, t);
    *n = n16 * 0.0625;
    return (pair){high, v_mad(t, p, t - high)};
}
/* Where exp neither vanishes nor overflows, and a little beyond; NaN stays. */
ALWAYS vec exp_bounded(vec x) { return v_below(splat(760), v_above(splat(-760), x)); }
ALWAYS vec tabled_exp(vec x, int scale)
{
    vec n;
    vec high = exp_parts(exp_bounded(x), splat(-0.0), &n).high;
    return scaled(high, n + scale);
}

/* 2^x: its sixteenths are exact. */
ALWAYS vec tabled_exp2(vec x)
{
    static const double q[] = {0.00019841463826261545, 0.001388906347556763, 0.008333333332991954,
                               0.04166666666359425, 0.16666666666666669, 0.5};
    const real magic = 6755399441055744;
    vec a = v_below(splat(1100), v_above(splat(-1100), x));             /* NaN stays */
    vec shifted = v_mad(a, splat(16), splat(magic)), n16 = shifted - magic;
    vec r = v_mad(n16, splat(-0.0625), a) * 0.693147180559945309417;
    vec p = v_mad(r * r, POLYNOMIAL(q, r), r + lookup(exp_table_rest, (mask)shifted));
    vec t = lookup(exp_table, (mask)shifted);
    return scaled(v_mad(t, p, t), n16 * 0.0625);
}

/* -log c to one base for c = 11 / 16, 12 / 16 ... 21 / 16, entered at the four bits after c's first, in two parts;
 * and log 2.  The high parts are multiples of 2^-42, so that n log 2 is added to them without rounding.
 * factor: 1 / log of the base, in two parts. */
typedef struct { double high[16], low[16], two_high, two_low, factor, factor_low; } log_base;
static const log_base base_e __attribute__((aligned(64))) = {
    {0.0, -0.06062462181648698, -0.11778303565643, -0.17185025692674571, -0.22314355131425145, -0.2719337154835557,
     0.3746934494413381, 0.33024168687052224, 0.28768207245184385, 0.2468600779316148, 0.20763936477828793,
     0.16989903679541385, 0.13353139262449076, 0.09844007281321865, 0.0645385211375924, 0.03174869831468641},
    {0.0, 5.213620639136504e-14, 4.654729747598445e-14, 8.649239607212071e-14, 4.169796584527195e-14,
     -8.604306772808733e-14, 7.260466149925637e-14, 5.4612144489920215e-14, -6.292357389008195e-14,
     -8.899851356560444e-14, -4.3425422595242564e-14, -1.6376276414097503e-14, 3.1859736349078334e-14,
     3.3871241029241416e-14, -2.1225608044809997e-14, -1.0610652735224087e-13},
    0.6931471805598903, 5.497923018708371e-14, 1, 0};
static const log_base base_2 __attribute__((aligned(64))) = {
    {0.0, -0.0874628412502716, -0.16992500144237965, -0.24792751344352837, -0.3219280948874257,
     -0.39231742277866033, 0.5405683813626183, 0.47643804394306244, 0.41503749927892386, 0.356143810225376,
     0.29956028185893047, 0.2451124978365442, 0.1926450779424158, 0.14201900487250896, 0.09310940439149817,
     0.045803689613194365},
    {0.0, -6.781363655020842e-14, 6.728996427240727e-14, -5.712484083531846e-14, 6.33385952568616e-14,
     -9.995925486528699e-14, 8.443284155858175e-14, -7.531150579247643e-14, -8.00418555854124e-14,
     -1.0069648492950886e-13, -2.262651135603261e-14, -1.275189131300513e-14, -1.9917399279874596e-14,
     -8.107893466726174e-14, -1.6703260328550802e-14, -6.957374407725013e-14},
    1, 0, 1.4426950408889634, 2.0355273740931033e-17};
static const log_base base_10 __attribute__((aligned(64))) = {
    {0.0, -0.026328938722372186, -0.051152522447409865, -0.07463361829695714, -0.09691001300802782,
     -0.11809931207790214, 0.16272729749766768, 0.14342214230237005, 0.12493873660832833, 0.10720996964778351,
     0.09017663034910584, 0.07378621416091846, 0.05799194697760868, 0.04275198042091688, 0.02802872360030051,
     0.013788284485599434},
    {0.0, 2.303833573367737e-14, 2.857603188831182e-14, 5.295754592095892e-14, -2.859665406848114e-14,
     -9.234612513604464e-14, 3.206228782072406e-14, -5.695092715108574e-14, -2.8373705641129622e-14,
     8.485692413569872e-14, -1.78235453177227e-14, 2.023262471821997e-16, 7.807781277774597e-14,
     3.300906980985312e-14, -5.697035970961075e-14, 3.38628644177512e-14},
    0.3010299956640665, -8.532344317057107e-14, 0.4342944819032518, 1.098319650216765e-17};

/* u = 2^n m, m within 0.75 and 1.5; c near 1 / m and so short that r = m c - 1 is exact. */
typedef struct { vec n, c, r; } log_argument;
ALWAYS log_argument log_reduced(vec u)
{
    __m512d m = _mm512_getmant_pd((__m512d)u, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
    __m512d n = _mm512_sub_pd(_mm512_getexp_pd((__m512d)u), _mm512_getexp_pd(m));
    __m512d c = _mm512_roundscale_pd(_mm512_rcp14_pd(m), 4 << 4 | 8);
    return (log_argument){(vec)n, (vec)c, v_mad((vec)m, (vec)c, splat(-1))};
}
/* n log 2 - log c + log(1 + r + rest). */
ALWAYS pair log_parts(log_argument a, vec rest, const log_base *base)
{
    static const double q[] = {-0.10042427715789488, 0.11157394168143478, -0.12499928138733055, 0.14285635895442111,
                               -0.16666666711722386, 0.20000000049149042, -0.24999999999992376, 0.33333333333325016,
                               -0.5};
    mask i = (mask)a.c >> 48;
    vec high = v_mad(a.n, splat(base->two_high), lookup(base->high, i));
    vec low = v_mad(a.n, splat(base->two_low), lookup(base->low, i)), x = a.r;
    vec p = POLYNOMIAL(q, x);
    if (base->factor != 1) {
        x = a.r * base->factor;
        rest = v_mad(a.r, splat(base->factor), -x) + v_mad(a.r, splat(base->factor_low), rest * base->factor);
        p *= base->factor;
    }
    vec sum = high + x;
    return (pair){sum, v_mad(a.r * a.r, p, ((high - sum) + x) + (low + rest))};
}
/* r where x is above 0 and finite, the limits elsewhere. */
ALWAYS vec log_limits(vec x, vec r)
{
    r = v_where((x > 0) & (x < INFINITY), r, x + x);
    return v_where(x < 0, splat(NAN), v_where(x == 0, splat(-INFINITY), r));
}
ALWAYS vec tabled_log(vec x, const log_base *base)
{
    pair s = log_parts(log_reduced(x), splat(-0.0), base);
    vec r = s.high + s.low;
    /* As an unsigned number, bits - 1 is this large for what is not above 0 and finite. */
    const __m512i bits = (__m512i)((mask)x - 1), end = _mm512_set1_epi64(0x7fefffffffffffff);
    return _mm512_cmpge_epu64_mask(bits, end) ? log_limits(x, r) : r;
}
/* log(1 + a), a above -1 and below infinity. */
ALWAYS pair log1p_parts(pair a)
{
    pair u = pair_sum(splat(1), a.high);
    log_argument m = log_reduced(u.high);
    pair r = ordered_sum(m.r, scaled(u.low + a.low, -m.n) * m.c);
    return log_parts((log_argument){m.n, m.c, r.high}, r.low, &base_e);
}
ALWAYS vec tabled_log1p(vec x)
{
    mask odd = ~((v_abs(x) > 0x1p-60) & (x > -1) & (x < INFINITY));
    vec r = pair_rounded(log1p_parts((pair){x, splat(-0.0)}));
    if (any_lane(odd)) {
        r = v_where(odd, x, r);
        r = v_where(x < -1, splat(NAN), v_where(x == -1, splat(-INFINITY), r));
    }
    return r;
}

/* log(2 x) for x above 2^60, where the inverse hyperbolic functions come to it. */
ALWAYS vec log_of_twice(vec x)
{
    log_argument m = log_reduced(x);
    m.n = m.n + 1;
    return log_limits(x, pair_rounded(log_parts(m, splat(-0.0), &base_e)));
}
/* sqrt(1 + a^2) - 1 is right to the last place of a, to which it is added. */
ALWAYS vec tabled_asinh(vec x)
{
    vec a = v_abs(x);
    mask far = ~(a < 0x1p60), near = a < 0x1p-28;
    vec b = v_where(far, splat(1), a);
    pair square = pair_product(b, b), u = pair_sum(splat(1), square.high);
    u.low += square.low;
    pair root = pair_root(u), t = ordered_sum(b, root.high - 1);
    t.low += root.low;
    vec r = v_where(near, a, pair_rounded(log1p_parts(t)));
    if (any_lane(far)) r = v_where(far, log_of_twice(a), r);
    return v_copysign(r, x);
}
/* With t = x - 1: log1p(t + sqrt(t (t + 2))). */
ALWAYS vec tabled_acosh(vec x)
{
    mask far = ~(x < 0x1p60);
    vec t = v_where(far, splat(1), x) - 1;
    pair square = pair_product(t, t), u = pair_sum(2 * t, square.high);
    u.low += square.low;
    pair root = pair_root(u), s = ordered_sum(root.high, t);
    s.low += root.low;
    vec r = v_where(x < 1, splat(NAN), pair_rounded(log1p_parts(s)));
    return any_lane(far) ? v_where(far, log_of_twice(x), r) : r;
}
/* log1p(2 a / (1 - a)) / 2 */
ALWAYS vec tabled_atanh(vec x)
{
    vec a = v_abs(x);
    mask odd = ~((a > 0x1p-28) & (a < 1));
    pair q = pair_quotient((pair){2 * a, splat(0)}, ordered_sum(splat(1), -a));
    vec r = pair_rounded(log1p_parts(q)) * 0.5;
    if (any_lane(odd)) {
        r = v_where(odd, a, r);
        r = v_where(a == 1, splat(INFINITY), v_where(a > 1, splat(NAN), r));
    }
    return v_copysign(r, x);
}

/* |x|^y = exp(y log |x|), the logarithm as a pair with 70 bits; x and y finite, x not 0. */
ALWAYS vec tabled_pow(vec x, vec y)
{
    static const double q[] = {-0.08373753116870711, 0.09134436756533959, -0.09999920120860714, 0.11111025090892301,
                               -0.12500000064396408, 0.14285714355061163, -0.166666666666485, 0.1999999999998044, -0.25};
    log_argument a = log_reduced(x);
    mask i = (mask)a.c >> 48;
    pair square = pair_product(a.r, a.r);
    pair first = ordered_sum(v_mad(a.n, splat(base_e.two_high), lookup(base_e.high, i)), a.r);
    pair second = ordered_sum(first.high, square.high * -0.5);
    vec low = v_mad(a.n, splat(base_e.two_low), lookup(base_e.low, i)) + (first.low + second.low);
    pair cube = pair_product(square.high, a.r), bend = pair_product(cube.high, splat(0.3333333333333333));
    pair third = ordered_sum(second.high, bend.high);
    vec tail = v_mad(cube.high, splat(1.850371707708594e-17), v_mad(square.low, a.r, cube.low) * 0.3333333333333333);
    low = v_mad(square.low, splat(-0.5), low) + (third.low + bend.low) + tail;
    low = v_mad(square.high * square.high, POLYNOMIAL(q, a.r), low);
    pair l = ordered_sum(third.high, low), p = pair_product(y, l.high);
    p.low = v_mad(y, l.low, p.low);
    mask inside = v_abs(p.high) < 760;
    vec n, e = exp_parts(exp_bounded(p.high), v_where(inside, p.low, splat(0)), &n).high;
    return scaled(e, n);
}
#endif
