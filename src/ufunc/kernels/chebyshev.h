/* chebyshev: evaluates a series of Chebyshev polynomials.  The tables of the special functions are the
 * coefficients of interpolation at Chebyshev's nodes, computed with 45 digits and cut where they fall
 * below 4e-18 of the largest.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_CHEBYSHEV_H
#define RT_UFUNC_KERNELS_CHEBYSHEV_H

/* sum c[k] T_k(t), -1 <= t <= 1, by Clenshaw's recurrence. */
static inline double chebyshev_sum(const double *c, int n, double t)
{
    double a = 0, b = 0, two = 2 * t;
    for (int k = n - 1; k > 0; k--) {
        double next = two * a - b + c[k];
        b = a;
        a = next;
    }
    return t * a - b + c[0];
}
#define CHEBYSHEV(table, t) chebyshev_sum(table, (int)(sizeof table / sizeof *table), t)
#endif
