/* igamma_wide: the regularised incomplete gamma functions P(a, x) and Q(a, x) over vectors of double precision, as
 * special_wide.h.  Power series below x = a, Legendre's continued fraction above (DLMF 8.7.1, 8.9.2), near x = a for
 * large a Temme's uniform expansion (DLMF 8.12; N. Temme 1979, A. DiDonato and A. Morris 1986), for small a and x the
 * series of Q itself.  A lane takes its steps until it has converged, whatever the others do.
 * Floor: ufunc/kernels.  Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_IGAMMA_WIDE_H
#define RT_UFUNC_KERNELS_IGAMMA_WIDE_H
#include "ufunc/kernels/igamma_tables.h"
#include "ufunc/kernels/special_wide.h"

#define TWO_PI (double)6.28318530717958647693L
#if IS_F32
static const double term_end = 1e-11L, fraction_end = 1e-11L;
ALWAYS wide w_exp_any(wide x) { return w_exp(w_bounded(x, -690, 690)); }
ALWAYS wide w_expm1_any(wide x) { return w_expm1(w_bounded(x, -690, 690)); }
ALWAYS wide w_power(wide x, wide y) { return w_exp_any(y * w_log(x)); }
#else
static const double term_end = 1e-17, fraction_end = 2.3e-16;
#define w_exp_any v_exp
#define w_expm1_any v_expm1
#define w_power v_pow
#endif

/* m - log(1 + m) without cancellation, m above -1. */
ALWAYS wide w_log_excess(wide m)
{
    wide_mask near = (m > -0.5) & (m < 1);
    wide b = w_where(near, m, w_splat(0)), r = b / (b + 2), square = r * r;
    wide s = r * b - 2 * r * square * w_polynomial(odd_inverses, 17, square);
    if (!any_wide(~near)) return s;
    wide u = 1 + w_where(near, w_splat(0), m);
    return w_where(near, s, m - w_log(w_where(u > 0, u, w_splat((double)1e-300L))));
}
/* x^a e^-x / gamma(a + 1). */
ALWAYS wide w_front(wide a, wide x)
{
    wide_mask small = a < 30;
    wide r = a;
    if (any_wide(small)) {
        /* gamma by its recurrence from f + 1, f within 0 and 1 */
        wide b = w_where(small, a, w_splat(1)), y = w_where(small, x, w_splat(1));
        wide n = (b - 0.5 + 6755399441055744) - 6755399441055744, f = b - n, d = w_splat(1);
        for (int i = 1; any_wide(n >= i); i++) d = w_where(n >= i, d * (f + i), d);
        wide e = w_exp_any(y * -0.5);
        r = w_power(y, b) * e * e * w_polynomial(inverse_gamma, 16, f - 0.5) / d;
    }
    if (any_wide(~small)) {
        /* Stirling's series, DLMF 5.11.1 */
        static const double s[] = {8.417508417508417e-4L, -5.952380952380953e-4L, 7.936507936507937e-4L,
                                   -2.777777777777778e-3L, 8.333333333333333e-2L};
        wide b = w_where(small, w_splat(30), a), m = (w_where(small, w_splat(30), x) - b) / b;
        wide stirling = w_polynomial(s, 5, 1 / (b * b)) / b;
        wide power = w_exp_any(-b * w_log_excess(m));
#if !IS_F32
        /* (x / a)^a e^(a - x), whose exponents are not rounded as their difference would be */
        wide_mask middle = ~small & (b < 140);
        if (any_wide(middle)) {
            wide c = w_where(middle, b, w_splat(30)), y = w_where(middle, w_where(x < 1e4, x, w_splat(1e4)), w_splat(30));
            pair gap = pair_sum(c, -y);
            wide q = y / c, root = v_pow(q, c * 0.5) * v_exp(gap.high * 0.5), lost = c * (product_rest(q, c, y) / y);
            power = w_where(middle, root * root * (1 + (gap.low - lost)), power);
        }
#endif
        r = w_where(small, r, power * w_exp_any(-stirling) / w_sqrt(TWO_PI * b));
    }
    return r;
}
/* sum x^n / ((a + 1) ... (a + n)). */
ALWAYS wide w_power_sum(wide a, wide x)
{
    wide term = w_splat(1), sum = term;
    wide_mask active = x == x;
    for (int n = 1; n < 2000; n++) {
        term *= x / (a + n);
        sum = w_where(active, sum + term, sum);
        active &= term > term_end * sum;
        if (!any_wide(active)) break;
    }
    return sum;
}
/* x^-a e^x gamma(a, x) = 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)) by the recurrence of its convergents p / q,
 * looked at after every fourth. */
ALWAYS wide w_fraction(wide a, wide x)
{
    wide b = x + 1 - a, p0 = w_splat(0), p = w_splat(1), q0 = p, q = b, h = p / q;
    wide_mask active = x == x;
    for (int n = 1; n < 4000; n += 4) {
        for (int i = n; i < n + 4; i++) {
            wide c = (a - i) * (double)i, next;
            b += 2;
            next = w_mad(b, p, c * p0), p0 = p, p = next;
            next = w_mad(b, q, c * q0), q0 = q, q = next;
        }
        wide unit = w_where(w_abs(q) > (double)1e100L, w_splat((double)1e-100L), w_splat(1)), before = h;
        p *= unit, p0 *= unit, q *= unit, q0 *= unit;
        h = w_where(active, p / q, h);
        active &= w_abs(h - before) > fraction_end * w_abs(h);
        if (!any_wide(active)) break;
    }
    return h;
}
/* Q for a up to 1.1 and x up to 1.5: 1 - x^a / gamma(1 + a) (1 + a sum (-x)^n / (n! (a + n))). */
ALWAYS wide w_small_q(wide a, wide x)
{
    wide term = w_splat(1), sum = w_splat(0);
    for (int n = 1; n < (IS_F32 ? 18 : 26); n++) {
        term *= x * (-1 / (double)n);
        sum += term / (a + n);
    }
    wide e = w_expm1_any(a * w_log(x) - a * w_chebyshev(lgamma_table, 24, a * (double)1.6L - 1));
    return -e - a * (e + 1) * sum;
}
/* P (upper = 0) or Q (upper = 1) near x = a. */
ALWAYS wide w_uniform(wide a, wide x, int upper)
{
    wide m = (x - a) / a, square = 2 * w_log_excess(m), eta = w_copysign(w_sqrt(square), m);
    wide sum = w_splat(0), power = w_splat(1), inverse = 1 / a;
    for (unsigned k = 0; k < sizeof temme / sizeof *temme; k++, power *= inverse)
        sum = w_mad(w_polynomial(temme[k].c, temme[k].n, eta), power, sum);
    wide rest = w_exp_any(-0.5 * a * square) / w_sqrt(TWO_PI * a) * sum;
    wide half = 0.5 * w_erfc((upper ? eta : -eta) * w_sqrt(0.5 * a));
    return upper ? half + rest : half - rest;
}
/* What the limits are: 1 or 0, or NaN where there are none. */
ALWAYS wide w_gamma_limits(wide a, wide x, int upper)
{
    const double far = (double)INFINITY;
    wide above = w_splat(upper), below = w_splat(!upper), none = w_splat(NAN);
    wide r = w_where(a == far, w_where(x < far, above, none), w_where(x == far, below, none));
    r = w_where(a == 0, w_where(x > 0, below, none), w_where(x == 0, above, r));
    return w_where((a >= 0) & (x >= 0), r, none);
}

static __attribute__((noinline, unused)) wide w_regularised(wide a, wide x, int upper)
{
    wide_mask good = (a > 0) & (x > 0) & (a < (double)INFINITY) & (x < (double)INFINITY);
    wide b = w_where(good, a, w_splat(2)), y = w_where(good, x, w_splat(2));
    wide_mask even = (b >= 30) & (w_abs(y - b) < (double)0.3L * b);
    wide_mask low = y <= (double)1.1L, small = (y <= 1.5) & (b <= (double)1.1L);
    if (any_wide(small)) {
        wide bound = (double)-0.4L / w_log(w_where(y < 0.5, y, w_splat(0.5)));
        small &= w_where(y > 0.5, y * (double)1.1L, bound) >= b;
    }
    wide_mask series = ~even & ~small & ((y < b) | low), fraction = ~(even | small | series);
    wide r = b;
    if (any_wide(series | fraction)) {
        wide_mask both = series | fraction;
        wide front = w_front(w_where(both, b, w_splat(1)), w_where(both, y, w_splat(1)));
        if (any_wide(series))
            r = front * w_power_sum(w_where(series, b, w_splat(2)), w_where(series, y, w_splat(1)));
        if (any_wide(fraction)) {
            wide bounded = w_where(y < (double)1e20L, y, w_splat((double)1e20L));
            wide h = w_fraction(w_where(fraction, b, w_splat(1)), w_where(fraction, bounded, w_splat(2)));
            r = w_where(fraction, front * b * h, r);
        }
    }
    if (any_wide(small)) r = w_where(small, w_small_q(w_where(small, b, w_splat(1)), w_where(small, y, w_splat(1))), r);
    r = w_where(upper ? series : ~series, 1 - r, r);                    /* the series is P, the others are Q */
    if (any_wide(even)) r = w_where(even, w_uniform(w_where(even, b, w_splat(30)), w_where(even, y, w_splat(30)), upper), r);
    return any_wide(~good) ? w_where(good, r, w_gamma_limits(a, x, upper)) : r;
}
ALWAYS wide w_igamma(wide a, wide x) { return w_regularised(a, x, 0); }
ALWAYS wide w_igammac(wide a, wide x) { return w_regularised(a, x, 1); }
#if IS_F32
CALLED_AS vec v_igamma(vec a, vec x) { return v_widely2(w_igamma, a, x); }
CALLED_AS vec v_igammac(vec a, vec x) { return v_widely2(w_igammac, a, x); }
#else
CALLED_AS vec v_igamma(vec a, vec x) { return w_igamma(a, x); }
CALLED_AS vec v_igammac(vec a, vec x) { return w_igammac(a, x); }
#endif
#endif
