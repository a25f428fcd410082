/* polynomials: the classical orthogonal polynomials by their three-term recurrences (DLMF 18.9), one
 * element at a time in double.  Chebyshev's of high degree by their trigonometric form.
 * Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include <math.h>

#define HIGH 64                 /* degree above which Chebyshev's are computed from the angle */
#define HIGHEST 1e7             /* above it the others are NaN: their recurrence would run for seconds */

/* p_k+1 = 2 x p_k - p_k-1 from p_0 = 1 and p_1 = first. */
static double chebyshev(double x, double n, double first)
{
    double p = 1, q = first;
    if (n == 0) return 1;
    for (double k = 1; k < n && isfinite(q); k++) {
        double next = 2 * x * q - p;
        p = q;
        q = next;
    }
    return q;
}
static double parity(double n) { return fmod(n, 2) == 0 ? 1 : -1; }
/* x = cos(angle), |x| = cosh(angle) beyond 1. */
static double far_angle(double x) { return fabs(x) < 1 ? acos(x) : acosh(fabs(x)); }

double rt_special_chebyshev_t(double x, double n)
{
    n = trunc(n);
    if (n < 0) return 0;
    if (fabs(x) == 1) return x > 0 ? 1 : parity(n);
    if (n <= HIGH || x != x) return chebyshev(x, n, x);
    return fabs(x) < 1 ? cos(n * far_angle(x)) : (x > 0 ? 1 : parity(n)) * cosh(n * far_angle(x));
}
double rt_special_chebyshev_u(double x, double n)
{
    n = trunc(n);
    if (n < 0) return 0;
    if (fabs(x) == 1) return (x > 0 ? 1 : parity(n)) * (n + 1);
    if (n <= HIGH || x != x) return chebyshev(x, n, 2 * x);
    double angle = far_angle(x);
    if (fabs(x) > 1) return (x > 0 ? 1 : parity(n)) * (sinh((n + 1) * angle) / sinh(angle));
    return sin((n + 1) * angle) / sin(angle);
}
double rt_special_chebyshev_v(double x, double n)
{
    n = trunc(n);
    if (n < 0) return 0;
    if (fabs(x) == 1) return x > 0 ? 1 : parity(n) * (2 * n + 1);
    if (n <= HIGH || x != x) return chebyshev(x, n, 2 * x - 1);
    double angle = far_angle(x);
    if (x > 1) return cosh((n + 0.5) * angle) / cosh(0.5 * angle);
    if (x < -1) return parity(n) * (sinh((n + 0.5) * angle) / sinh(0.5 * angle));
    return cos((n + 0.5) * angle) / cos(0.5 * angle);
}
double rt_special_chebyshev_w(double x, double n)
{
    n = trunc(n);
    if (n < 0) return 0;
    if (fabs(x) == 1) return x > 0 ? 2 * n + 1 : parity(n);
    if (n <= HIGH || x != x) return chebyshev(x, n, 2 * x + 1);
    double angle = far_angle(x);
    if (x > 1) return sinh((n + 0.5) * angle) / sinh(0.5 * angle);
    if (x < -1) return parity(n) * (cosh((n + 0.5) * angle) / cosh(0.5 * angle));
    return sin((n + 0.5) * angle) / sin(0.5 * angle);
}

double rt_special_hermite_h(double x, double n)
{
    double p = 1, q = 2 * x;
    n = trunc(n);
    if (n < 0) return 0;
    if (n == 0 || n > HIGHEST) return n == 0 ? 1 : NAN;
    for (double k = 1; k < n && isfinite(q); k++) {
        double next = 2 * (x * q - k * p);
        p = q;
        q = next;
    }
    return q;
}
double rt_special_hermite_he(double x, double n)
{
    double p = 1, q = x;
    n = trunc(n);
    if (n < 0) return 0;
    if (n == 0 || n > HIGHEST) return n == 0 ? 1 : NAN;
    for (double k = 1; k < n && isfinite(q); k++) {
        double next = x * q - k * p;
        p = q;
        q = next;
    }
    return q;
}
double rt_special_laguerre(double x, double n)
{
    double p = 1, q = 1 - x;
    n = trunc(n);
    if (n < 0) return 0;
    if (n == 0 || n > HIGHEST) return n == 0 ? 1 : NAN;
    for (double k = 1; k < n && isfinite(q); k++) {
        double next = ((2 * k + 1 - x) * q - k * p) / (k + 1);
        p = q;
        q = next;
    }
    return q;
}
double rt_special_legendre(double x, double n)
{
    double p = 1, q = x;
    n = trunc(n);
    if (n < 0) return 0;
    if (fabs(x) == 1) return x > 0 ? 1 : parity(n);
    if (n == 0 || n > HIGHEST) return n == 0 ? 1 : NAN;
    for (double k = 1; k < n && isfinite(q); k++) {
        double next = ((2 * k + 1) * x * q - k * p) / (k + 1);
        p = q;
        q = next;
    }
    return q;
}
