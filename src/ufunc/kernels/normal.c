/* normal: erfinv, erfcx and the normal distribution, one element at a time in double.
 * Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include "ufunc/kernels/chebyshev.h"
#include <math.h>

static const double half_sqrt = 0.70710678118654752440;

/* (1 + 2 x) erfcx(x) in (x - 4) / (x + 4), the transformation of M. Shepherd and J. Laframboise (1981). */
static const double erfcx_table[] = {
    1.1774832005374487, -0.007260796620301901, -0.081265123236185, 0.06009212804122225, -0.02875393558027666,
    0.01059566336347286, -0.003136927294554264, 0.0007456494372536184, -0.0001369696503010054,
    1.7183861600300937e-05, -7.158364623450346e-07, -2.4261399442449534e-07, 5.5765709395703566e-08,
    -2.1057869513809494e-09, -1.1717889351884957e-09, 1.9098355172456688e-10, 1.408871764208813e-11,
    -6.901108320480815e-12, 9.167958364111294e-14, 2.1454508286554553e-13, -1.4716575027010623e-14,
    -6.668675118770408e-15, 7.504598509880083e-16, 2.22009300666632e-16, -3.1704898956330886e-17,
    -8.193570309884333e-18};

static double polynomial(const double *c, double x)
{
    double p = c[0];
    for (int i = 1; i < 8; i++) p = p * x + c[i];
    return p;
}

/* The normal quantile of M. Wichura, "Algorithm AS 241" (1988), PPND16, about 1e-16 relative.
 * The middle, |q| = |p - 1/2| <= 0.425, and the tail of probability p < 0.075. */
static double quantile_middle(double q)
{
    static const double a[] = {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
                               4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
                               1.3314166789178437745e2, 3.3871328727963666080e0};
    static const double b[] = {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
                               2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
                               4.2313330701600911252e1, 1.0};
    double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
}
static double quantile_tail(double p)
{
    static const double c[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                               1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
                               4.63033784615654529590e0, 1.42343711074968357734e0};
    static const double d[] = {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
                               1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
                               2.05319162663775882187e0, 1.0};
    static const double e[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                               2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
                               5.46378491116411436990e0, 6.65790464350110377720e0};
    static const double f[] = {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
                               7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
                               5.99832206555887937690e-1, 1.0};
    double r = sqrt(-log(p));
    if (r <= 5) return polynomial(c, r - 1.6) / polynomial(d, r - 1.6);
    return polynomial(e, r - 5) / polynomial(f, r - 5);
}

/* The tail is taken from 1 - |x|, which is exact. */
double rt_special_erfinv(double x)
{
    double m = fabs(x);
    if (!(m <= 1)) return NAN;
    if (m == 1) return copysign(INFINITY, x);
    if (m <= 0.85) return half_sqrt * quantile_middle(0.5 * x);
    return copysign(half_sqrt * quantile_tail(0.5 * (1 - m)), x);
}

double rt_special_ndtri(double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) return quantile_middle(q);
    return q < 0 ? -quantile_tail(p) : quantile_tail(1 - p);
}

/* e^(x x) erfc(x). */
double rt_special_erfcx(double x)
{
    double a = fabs(x);
    if (a > 1e9) return x > 0 ? 0.56418958354775628695 / x : INFINITY;
    double right = CHEBYSHEV(erfcx_table, (a - 4) / (a + 4)) / (1 + 2 * a);
    if (!(x < 0)) return right;
    double square = x * x, rest = fma(x, x, -square), e = exp(square);
    return isinf(e) ? e : 2 * e * (1 + rest) - right;
}

/* log of the normal distribution function. */
double rt_special_log_ndtr(double x)
{
    if (isinf(x)) return x > 0 ? -0.0 : x;
    if (x > -1) {
        double h = x * half_sqrt, rest = fma(x, half_sqrt, -h) - x * 4.833646656726457e-17;
        return log1p(-0.5 * erfc(h) + 0.56418958354775628695 * exp(-h * h) * rest);
    }
    return log(0.5 * rt_special_erfcx(-x * half_sqrt)) - 0.5 * x * x;
}
