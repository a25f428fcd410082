/* special: functions that neither SLEEF nor the C library has, one element at a time in double.
 * Numbers carry an L where single precision would not hold them (see wide.h).
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_SPECIAL_H
#define RT_UFUNC_KERNELS_SPECIAL_H
#include <math.h>
#include "ufunc/kernels/table.h"

#define PI ((double)3.14159265358979323846L)

static inline double polynomial(const double *c, int n, double x)
{
    double p = c[0];
    for (int i = 1; i < n; i++) p = p * x + c[i];
    return p;
}

/* d/dx lgamma(x).  Recurrence up to x >= 10, then the asymptotic series (Abramowitz and Stegun
 * 6.3.18); reflection below 0.  Poles: -inf at +0 and +inf at -0 as PyTorch, NaN at -1, -2, ... */
static UNUSED double digamma(double x)
{
    static const double c[] = {8.33333333333333333333e-2L, -2.10927960927960927961e-2L, 7.57575757575757575758e-3L,
                               -4.16666666666666666667e-3L, 3.96825396825396825397e-3L, -8.33333333333333333333e-3L,
                               8.33333333333333333333e-2L};
    double shift = 0;
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x)) return NAN;
        double f = x - floor(x);
        return digamma(1 - x) - PI / tan(PI * f);
    }
    for (; x < 10; x++) shift += 1 / x;
    double z = 1 / (x * x);
    return log(x) - 0.5 / x - z * polynomial(c, 7, z) - shift;
}

/* Its derivative (6.4.12): the same three steps. */
static UNUSED double trigamma(double x)
{
    static const double b[] = {7.0L / 6, -691.0L / 2730, 5.0L / 66, -1.0L / 30, 1.0L / 42, -1.0L / 30, 1.0L / 6};
    double sum = 0;
    if (x <= 0) {
        if (x == floor(x)) return INFINITY;
        double s = sin(PI * (x - floor(x)));
        return PI * PI / (s * s) - trigamma(1 - x);
    }
    for (; x < 10; x++) sum += 1 / (x * x);
    double z = 1 / (x * x);
    return sum + 1 / x + z * 0.5 + z / x * polynomial(b, 7, z);
}

/* The n-th derivative of digamma, n >= 1: (-1)^(n+1) n! zeta(n + 1, x), the Hurwitz zeta function by
 * the Euler-Maclaurin sum (DLMF 25.11.5) after moving x above 12 by its recurrence. */
static UNUSED double polygamma(double x, double order)
{
    static const double b[] = {1.0L / 12, -1.0L / 720, 1.0L / 30240, -1.0L / 1209600, 1.0L / 47900160};
    double s = order + 1, sum = 0;
    if (order == 0) return digamma(x);
    if (order == 1) return trigamma(x);
    if (!(order > 1) || order != floor(order) || x < -10000) return NAN;
    if (x <= 0 && x == floor(x)) return INFINITY;
    double factor = (fmod(order, 2) == 0 ? -1 : 1) * tgamma(order + 1);
    for (; x < 12 + order / 2; x++) {
        double next = pow(x, -s);
        sum += next;
        if (x > 0 && !(next > 1e-18 * fabs(sum))) return factor * sum;   /* the rest is smaller still, or NaN */
    }
    double power = pow(x, -s), term = power * s / x;
    sum += x * power / (s - 1) + power * 0.5;
    for (int j = 0; j < 5; j++) {
        sum += b[j] * term;
        term *= (s + 2 * j + 1) * (s + 2 * j + 2) / (x * x);
    }
    return factor * sum;
}

/* The inverse of erf: the normal quantile of M. Wichura, "Algorithm AS 241" (1988), PPND16,
 * about 1e-16 relative; its lower tail is taken from 1 - |x|, which is exact. */
static UNUSED double erfinv(double x)
{
    static const double a[] = {2.5090809287301226727e3L, 3.3430575583588128105e4L, 6.7265770927008700853e4L,
                               4.5921953931549871457e4L, 1.3731693765509461125e4L, 1.9715909503065514427e3L,
                               1.3314166789178437745e2L, 3.3871328727963666080e0L};
    static const double b[] = {5.2264952788528545610e3L, 2.8729085735721942674e4L, 3.9307895800092710610e4L,
                               2.1213794301586595867e4L, 5.3941960214247511077e3L, 6.8718700749205790830e2L,
                               4.2313330701600911252e1L, 1.0L};
    static const double c[] = {7.74545014278341407640e-4L, 2.27238449892691845833e-2L, 2.41780725177450611770e-1L,
                               1.27045825245236838258e0L, 3.64784832476320460504e0L, 5.76949722146069140550e0L,
                               4.63033784615654529590e0L, 1.42343711074968357734e0L};
    static const double d[] = {1.05075007164441684324e-9L, 5.47593808499534494600e-4L, 1.51986665636164571966e-2L,
                               1.48103976427480074590e-1L, 6.89767334985100004550e-1L, 1.67638483018380384940e0L,
                               2.05319162663775882187e0L, 1.0L};
    static const double e[] = {2.01033439929228813265e-7L, 2.71155556874348757815e-5L, 1.24266094738807843860e-3L,
                               2.65321895265761230930e-2L, 2.96560571828504891230e-1L, 1.78482653991729133580e0L,
                               5.46378491116411436990e0L, 6.65790464350110377720e0L};
    static const double f[] = {2.04426310338993978564e-15L, 1.42151175831644588870e-7L, 1.84631831751005468180e-5L,
                               7.86869131145613259100e-4L, 1.48753612908506148525e-2L, 1.36929880922735805310e-1L,
                               5.99832206555887937690e-1L, 1.0L};
    const double half_sqrt = 0.70710678118654752440L, edge = 0.180625L, shift = 1.6L;
    double m = fabs(x);
    if (!(m <= 1)) return NAN;
    if (m == 1) return copysign(INFINITY, x);
    if (m <= (double)0.85L) {
        double r = edge - 0.25 * x * x;
        return half_sqrt * 0.5 * x * polynomial(a, 8, r) / polynomial(b, 8, r);
    }
    double r = sqrt(-log(0.5 * (1 - m))), v;
    if (r <= 5) v = polynomial(c, 8, r - shift) / polynomial(d, 8, r - shift);
    else v = polynomial(e, 8, r - 5) / polynomial(f, 8, r - 5);
    return copysign(half_sqrt * v, x);
}
#undef PI
#endif
