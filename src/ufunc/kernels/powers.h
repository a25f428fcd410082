/* powers: x^y for y a whole number or a half between two, up to 64 in magnitude, by repeated multiplication in twice
 * the precision: float32 in double (wide.h), float64 by pairs (pairs.h).  Within 0.51 ULP, and many times faster than
 * exp(y log x).  Where all lanes have one exponent its bits steer the loop, else masks do; the bits of a lane are the
 * same.  Floor: ufunc/kernels.  Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_POWERS_H
#define RT_UFUNC_KERNELS_POWERS_H
#include "ufunc/kernels/elementary.h"

enum { MOST = 64 };     /* the greatest exponent of products */

#if IS_F32
typedef wides product;
ALWAYS wides wides_where(wide_mask c, wide_mask d, wides a, wides b)
{
    return (wides){w_where(c, a.low, b.low), w_where(d, a.high, b.high)};
}
ALWAYS product product_of(vec x) { return widened(x); }
ALWAYS product product_root(vec x)
{
    wides a = widened(x);
    return (wides){w_sqrt(a.low), w_sqrt(a.high)};
}
ALWAYS product product_times(product a, product b) { return (wides){a.low * b.low, a.high * b.high}; }
ALWAYS product product_inverse(product a) { return (wides){1 / a.low, 1 / a.high}; }
ALWAYS product product_where(mask c, product a, product b)
{
    wides d = widened((vec)(c & (mask)splat(1)));
    return wides_where(d.low != 0, d.high != 0, a, b);
}
ALWAYS vec product_end(vec x UNUSED, vec y UNUSED, product magnitude UNUSED, product r) { return narrowed(r); }
#else
typedef pair product;
ALWAYS product product_of(vec x) { return (pair){x, splat(0)}; }
ALWAYS product product_root(vec x) { return pair_root((pair){x, splat(0)}); }
ALWAYS product product_times(product a, product b) { return pair_times(a, b); }
ALWAYS product product_inverse(product a)
{
    vec s = 1 / a.high;
    return (pair){s, -s * (product_rest(s, a.high, splat(1)) + s * a.low)};
}
ALWAYS product product_where(mask c, product a, product b)
{
    return (pair){v_where(c, a.high, b.high), v_where(c, a.low, b.low)};
}
/* Where a rest may be too small to hold, the C library's; of 0, infinities and NaN the products themselves. */
ALWAYS vec product_end(vec x, vec y, product magnitude, product r)
{
    vec a = v_abs(x), c = v_abs(magnitude.high), sum = pair_rounded(r);
    mask wild = ~((a > 0x1p-900) & (a < 0x1p900) & (c > 0x1p-900) & (c < 0x1p900));
    if (!any_lane(wild)) return sum;
    return v_mend2(pow, wild & (x != 0) & (a < INFINITY) & (y != 0), x, y, v_where(wild, r.high, sum));
}
#endif
ALWAYS product product_one(void) { return product_of(splat(1)); }

/* What halves are powers of: sqrt(-inf)^n is inf, as the C library has it, and -0 is 0. */
ALWAYS vec power_base(vec x) { return v_where(x == (real)-INFINITY, -x, x + 0); }

/* All lanes of y are n, or n + 1/2 where half, or the negative of that. */
ALWAYS vec power_by_one(vec x, vec y, int n, int half, int inverse)
{
    vec base = half ? power_base(x) : x;
    product b = product_of(base), r = half ? product_root(base) : product_one();
    int begun = half;
    while (n > 0) {
        if (n & 1) r = begun ? product_times(r, b) : b, begun = 1;
        n >>= 1;
        if (n) b = product_times(b, b);
    }
    return product_end(x, y, r, inverse ? product_inverse(r) : r);
}
#if defined(__FMA__)
/* Lanes where squares and what their rounding takes off are normal numbers, and so are the cube and the inverse. */
ALWAYS mask power_tame(vec x)
{
    const real least = (real)(IS_F32 ? 0x1p-36 : 0x1p-300L), most = (real)(IS_F32 ? 0x1p36 : 0x1p300L);
    vec a = v_abs(x);
    return (a > least) & (a < most);
}
/* (x x) x and 1 / (x x), the rest of the square carried. */
ALWAYS vec power_third(vec x)
{
    pair p = pair_product(x, x);
    vec r = v_mad(p.high, x, p.low * x);
    mask wild = ~power_tame(x);
    return any_lane(wild) ? v_where(wild, power_by_one(x, splat(3), 3, 0, 0), r) : r;
}
ALWAYS vec power_inverse_square(vec x)
{
    pair p = pair_product(x, x);
#if defined(__AVX512F__)
#if IS_F32
    vec s = (vec)_mm512_rcp14_ps((__m512)p.high);
#else
    vec s = (vec)_mm512_rcp14_pd((__m512d)p.high);
#endif
    vec e = v_mad(-s, p.high, splat(1));
    s = v_mad(s, v_mad(e, e, e), s);                                    /* 14 bits are 42 */
#else
    vec s = 1 / p.high;
#endif
    vec r = v_mad(s, v_mad(-s, p.low, v_mad(-s, p.high, splat(1))), s);
    mask wild = ~power_tame(x);
    return any_lane(wild) ? v_where(wild, power_by_one(x, splat(-2), 2, 0, 1), r) : r;
}
#else
ALWAYS vec power_third(vec x) { return power_by_one(x, splat(3), 3, 0, 0); }
ALWAYS vec power_inverse_square(vec x) { return power_by_one(x, splat(-2), 2, 0, 1); }
#endif
ALWAYS mask power_easy(vec y) { return (v_rint(y + y) == y + y) & (v_abs(y) <= MOST); }

/* Exponents differ.  Of those that are easy, or else 3. */
static __attribute__((noinline, unused)) vec power_by_each(vec x, vec y)
{
    vec size = v_abs(y), left = v_trunc(size);
    mask half = size != left;
    vec base = power_base(x);
    product b = product_of(v_where(half, base, x)), r = product_where(half, product_root(base), product_one());
    while (any_lane(left > 0)) {
        vec next = v_trunc(left * (real)0.5);
        r = product_where(left != next + next, product_times(r, b), r);
        b = product_times(b, b);
        left = next;
    }
    return product_end(x, y, r, product_where(y < 0, product_inverse(r), r));
}
static __attribute__((noinline, unused)) vec power_mixed(vec x, vec y)
{
    mask easy = power_easy(y);
    if (!any_lane(easy)) return v_pow(x, y);
    mask one = y == 1, two = y == 2, inverse = y == -1, root = y == (real)0.5, over_root = y == (real)-0.5;
    mask three = y == 3, over_two = y == -2;
    vec r = v_where(inverse, 1 / x, v_where(root, v_sqrt(power_base(x)), v_where(one, x, x * x)));
    if (any_lane(over_root)) r = v_where(over_root, v_rsqrt(power_base(x)), r);
    if (any_lane(three)) r = v_where(three, power_third(x), r);
    if (any_lane(over_two)) r = v_where(over_two, power_inverse_square(x), r);
    mask hard = ~easy;
    easy &= ~(one | two | inverse | root | over_root | three | over_two);
    if (any_lane(easy)) r = v_where(easy, power_by_each(x, v_where(easy, y, splat(3))), r);
    return any_lane(hard) ? v_where(hard, v_pow(x, y), r) : r;
}
/* The exponents that have an operation of their own: APPLY(exponent, x^exponent). */
#define OWN_POWERS(APPLY, x) \
    APPLY(2, x * x) APPLY(3, power_third(x)) APPLY(-2, power_inverse_square(x)) APPLY(1, x) APPLY(-1, 1 / x) \
    APPLY(0.5, v_sqrt(power_base(x))) APPLY(-0.5, v_rsqrt(power_base(x)))

/* x^y, y the same in all lanes and without an operation of its own. */
ALWAYS vec power_by_number(vec x, vec y)
{
    real e = y[0], size = e < 0 ? -e : e;
    if (!(size <= MOST && size + size == (real)(int)(size + size))) return v_pow(x, y);
    return power_by_one(x, y, (int)size, size != (real)(int)size, e < 0);
}
/* Each lane by its own x and y: what stands beside it changes no bit. */
ALWAYS vec v_power(vec x, vec y)
{
    real e = y[0];
    if (any_lane(y != splat(e))) return power_mixed(x, y);
#define POWER_CASE(exponent, value) if (e == (real)(exponent)) return value;
    OWN_POWERS(POWER_CASE, x)
#undef POWER_CASE
    return power_by_number(x, y);
}
#endif
