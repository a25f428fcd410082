/* polynomials: the classical orthogonal polynomials of degrees above those that polynomials_wide.h takes, one element
 * at a time in double: Chebyshev's by their trigonometric form, Legendre's where its argument is 1 or -1.  Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include <math.h>

static double parity(double n) { return fmod(n, 2) == 0 ? 1 : -1; }
/* x = cos(angle), |x| = cosh(angle) beyond 1. */
static double far_angle(double x) { return fabs(x) < 1 ? acos(x) : acosh(fabs(x)); }

double rt_special_chebyshev_t(double x, double n)
{
    n = trunc(n);
    if (fabs(x) == 1) return x > 0 ? 1 : parity(n);
    return fabs(x) < 1 ? cos(n * far_angle(x)) : (x > 0 ? 1 : parity(n)) * cosh(n * far_angle(x));
}
double rt_special_chebyshev_u(double x, double n)
{
    n = trunc(n);
    if (fabs(x) == 1) return (x > 0 ? 1 : parity(n)) * (n + 1);
    double angle = far_angle(x);
    if (fabs(x) > 1) return (x > 0 ? 1 : parity(n)) * (sinh((n + 1) * angle) / sinh(angle));
    return sin((n + 1) * angle) / sin(angle);
}
double rt_special_chebyshev_v(double x, double n)
{
    n = trunc(n);
    if (fabs(x) == 1) return x > 0 ? 1 : parity(n) * (2 * n + 1);
    double angle = far_angle(x);
    if (x > 1) return cosh((n + 0.5) * angle) / cosh(0.5 * angle);
    if (x < -1) return parity(n) * (sinh((n + 0.5) * angle) / sinh(0.5 * angle));
    return cos((n + 0.5) * angle) / cos(0.5 * angle);
}
double rt_special_chebyshev_w(double x, double n)
{
    n = trunc(n);
    if (fabs(x) == 1) return x > 0 ? 2 * n + 1 : parity(n);
    double angle = far_angle(x);
    if (x > 1) return sinh((n + 0.5) * angle) / sinh(0.5 * angle);
    if (x < -1) return parity(n) * (cosh((n + 0.5) * angle) / cosh(0.5 * angle));
    return sin((n + 0.5) * angle) / sin(0.5 * angle);
}

double rt_special_legendre(double x, double n) { return x == 1 ? 1 : x == -1 ? parity(trunc(n)) : NAN; }
