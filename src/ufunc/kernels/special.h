/* special: functions that neither SLEEF nor the C library has, one element at a time in double.  They are compiled once,
 * not per instruction set: airy.c, gamma.c, polynomials.c.  Float32 results are theirs, rounded.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_SPECIAL_H
#define RT_UFUNC_KERNELS_SPECIAL_H

double rt_special_airy_ai(double x);

double rt_special_digamma(double x);
double rt_special_trigamma(double x);
double rt_special_polygamma(double x, double order);
double rt_special_zeta(double s, double q);

/* Orthogonal polynomials of x of high degree n, cut to an integer; lower ones are in polynomials_wide.h. */
enum { RT_CHEBYSHEV_HIGH = 64 };            /* degree above which Chebyshev's are computed from the angle */
double rt_special_chebyshev_t(double x, double n);
double rt_special_chebyshev_u(double x, double n);
double rt_special_chebyshev_v(double x, double n);
double rt_special_chebyshev_w(double x, double n);
double rt_special_legendre(double x, double n);
#endif
