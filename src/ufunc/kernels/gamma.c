/* gamma: the derivatives of log gamma, and Hurwitz' zeta function they rest on, one element at a time
 * in double.  Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include "ufunc/kernels/chebyshev.h"
#include "ufunc/kernels/special_tables.h"
#include <math.h>

static const double pi = 3.14159265358979323846;

/* Horner's rule, highest power first. */
static double polynomial(const double *c, int n, double x)
{
    double p = c[0];
    for (int i = 1; i < n; i++) p = p * x + c[i];
    return p;
}

/* d/dx lgamma(x).  Recurrence into [1, 2], where the zero is divided out; from 10 on the asymptotic
 * series (DLMF 5.11.2); reflection below 0.  Poles: -inf at +0 and +inf at -0, NaN at -1, -2, ... */
double rt_special_digamma(double x)
{
    static const double c[] = {8.33333333333333333333e-2, -2.10927960927960927961e-2, 7.57575757575757575758e-3,
                               -4.16666666666666666667e-3, 3.96825396825396825397e-3, -8.33333333333333333333e-3,
                               8.33333333333333333333e-2};
    double shift = 0;
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x)) return NAN;
        return rt_special_digamma(1 - x) - pi / tan(pi * (x - rint(x)));
    }
    if (x >= 10) {
        double z = 1 / (x * x);
        return isinf(x) ? x : log(x) - 0.5 / x - z * polynomial(c, 7, z);
    }
    if (x < 1) shift = -1 / x++;
    for (; x > 2; x--) shift += 1 / (x - 1);
    return shift + (x - 1.4616321449683622 - 9.549995429965697e-17) * CHEBYSHEV(psi_table, 2 * x - 3);
}

/* Its derivative (DLMF 5.15.8): recurrence up to 10, asymptotic series, reflection. */
double rt_special_trigamma(double x)
{
    static const double b[] = {7.0 / 6, -691.0 / 2730, 5.0 / 66, -1.0 / 30, 1.0 / 42, -1.0 / 30, 1.0 / 6};
    double sum = 0;
    if (x <= 0) {
        if (x == floor(x)) return INFINITY;
        double s = sin(pi * (x - rint(x)));
        return pi * pi / (s * s) - rt_special_trigamma(1 - x);
    }
    for (; x < 10; x++) sum += 1 / (x * x);
    double z = 1 / (x * x);
    return sum + 1 / x + z * 0.5 + z / x * polynomial(b, 7, z);
}

/* sum (q + k)^-s for s > 1, q > 0, by the Euler-Maclaurin sum (DLMF 25.11.5) from a term on. */
static double zeta_positive(double s, double q)
{
    /* B_2j / (2 j)! */
    static const double b[] = {
        0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07,
        2.08767569878681e-08, -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13,
        8.586062056277845e-15, -2.174868698558062e-16, 5.5090028283602295e-18, -1.3954464685812522e-19};
    double sum = 0, first = 10 + 0.5 * (s < 60 ? s : 60);
    for (; q < first; q++) {
        double next = pow(q, -s);
        sum += next;
        if (!(next > 1e-17 * sum)) return sum;     /* the rest is smaller still, or NaN */
    }
    double power = pow(q, -s), term = power * s / q;
    double rest = power * (q / (s - 1) + 0.5);
    for (int j = 0; j < 12; j++) {
        rest += b[j] * term;
        term *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
    }
    return sum + rest;
}

/* Hurwitz' zeta(s, q).  Left of 0, where s must be whole, the sum over all integers less the one to the left:
 * with f the fraction of q, zeta(s, f) + (-1)^s (zeta(s, 1 - f) - zeta(s, 1 - q)). */
double rt_special_zeta(double s, double q)
{
    if (s == 1) return INFINITY;
    if (!(s > 1) || q != q) return NAN;
    if (q > 0) return isinf(q) ? 0 : isinf(s) ? (q < 1 ? INFINITY : q == 1) : zeta_positive(s, q);
    if (q == floor(q)) return INFINITY;
    if (s != floor(s)) return NAN;
    double f = q - floor(q), sign = fmod(s, 2) == 0 ? 1 : -1;
    return zeta_positive(s, f) + sign * (zeta_positive(s, 1 - f) - zeta_positive(s, 1 - q));
}

/* The n-th derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x). */
double rt_special_polygamma(double x, double order)
{
    if (order == 0) return rt_special_digamma(x);
    if (order == 1) return rt_special_trigamma(x);
    if (!(order > 1) || order != floor(order)) return NAN;
    double sign = fmod(order, 2) == 0 ? -1 : 1;
    return sign * tgamma(order + 1) * rt_special_zeta(order + 1, x);
}
