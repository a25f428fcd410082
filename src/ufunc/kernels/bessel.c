/* bessel: J and Y of orders 0 and 1, one element at a time in double.  Up to 8 a series in x x, divided
 * by the zeros of J so that they are hit exactly; beyond, Hankel's form sqrt(2 / (pi x)) (P cos chi - Q sin chi)
 * (DLMF 10.17.3) with P and Q as series in 64 / (x x).  The error is below 3e-16 of the larger of
 * the value and sqrt(2 / (pi x)) / 4.  Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include "ufunc/kernels/chebyshev.h"
#include <math.h>

/* J0(x) over its first two zeros, in x x on [0, 8]; Y0(x) - 2 / pi log(x) J0(x). */
static const double j0_near[] = {
    0.0019903555001601486, -0.002620939138497025, 0.0008687721472062577, -0.00017040584951557357,
    2.204908639454817e-05, -2.0248894980012834e-06, 1.3898025173428905e-07, -7.406701254344167e-09,
    3.1559927583611334e-10, -1.1003860827939697e-11, 3.1989232970233477e-13, -7.875041254709154e-15,
    1.6632588015211278e-16, -3.0475993756698376e-18, 4.8912290055811176e-20};
static const double y0_near[] = {
    -0.03314611320328494, -0.2744743055297453, 0.17903431407718265, 0.26156734625504663, -0.17730201278114358,
    0.04719668959576339, -0.007287962479552079, 0.0007531135932577742, -5.632079141056987e-05,
    3.206532537654801e-06, -1.44072332740187e-07, 5.248794787330516e-09, -1.5837552541812015e-10,
    4.02633081830612e-12, -8.747341203310769e-14, 1.6434898714919468e-15, -2.6977881152566837e-17};
/* J1(x) / x over its zeros; (Y1(x) - 2 / pi (log(x) J1(x) - 1 / x)) / x. */
static const double j1_near[] = {
    0.00027895709887613106, -0.0003115684036643562, 8.553646588540538e-05, -1.4149356425623485e-05,
    1.576470099225889e-06, -1.269075502369425e-07, 7.747614077073057e-09, -3.716577146675772e-10,
    1.4395417669312554e-11, -4.60007822413452e-13, 1.2341465589619718e-14, -2.8205466239524856e-16,
    5.558821065951572e-18, -9.546930865755219e-20, 1.4418291781315051e-21};
static const double y1_near[] = {
    0.0025380132357417816, -0.01608717304766875, -0.09591204536083074, 0.08445197259652346,
    -0.028328123944594365, 0.005289897544167113, -0.0006414551451326356, 5.505982873338744e-05,
    -3.53808001868935e-06, 1.7707804556154404e-07, -7.11055004989928e-09, 2.344337905911516e-10,
    -6.4651518414115946e-12, 1.51429151205002e-13, -3.0511859694473254e-15, 5.34668038572867e-17,
    -8.224911372021585e-19};
/* P, and x Q, of Hankel's form on [8, inf). */
static const double p0[] = {
    0.9994603493475187, -0.0005365220468132117, 3.0751847875194745e-06, -5.1705945376060975e-08,
    1.6306464635151382e-09, -7.86409137723707e-11, 5.168262387349193e-12, -4.3045788699253914e-13,
    4.3265957431549404e-14, -5.069034095935236e-15, 6.748072215733873e-16, -1.0011513723467786e-16,
    1.6305919233744186e-17};
static const double q0[] = {
    -0.12444683684269607, 0.0005470815954089319, -5.9315987288485175e-06, 1.4377965798375193e-07,
    -5.817532749493056e-09, 3.376097523734991e-10, -2.565397936797308e-11, 2.404916100281365e-12,
    -2.6690625482579414e-13, 3.4041800321963686e-14, -4.87994410531204e-15, 7.729703176242605e-16,
    -1.3348852171502517e-16, 2.4865952389390515e-17, -4.952892629886516e-18, 1.0473158973776097e-18};
static const double p1[] = {
    1.0009030408600137, 0.0008989898330859408, -3.987284300488908e-06, 6.177633960644299e-08,
    -1.8718907491063067e-09, 8.816898659582339e-11, -5.704863640395645e-12, 4.699195515230542e-13,
    -4.6842237839904895e-14, 5.452674896044717e-15, -7.221180842274018e-16, 1.0667689114335412e-16,
    -1.7312313216116335e-17};
static const double q1[] = {
    0.3742222965562826, -0.0007702178839325664, 7.3108922063643636e-06, -1.676782510726674e-07,
    6.583354662120443e-09, -3.749090950541556e-10, 2.8121750359748866e-11, -2.61145253946232e-12,
    2.8774212663332235e-13, -3.649001916061838e-14, 5.206626366226707e-15, -8.215318025458595e-16,
    1.4141084390211833e-16, -2.626761589838529e-17, 5.2192649196714085e-18};

static const double inverse_pi = 0.31830988618379067154, two_over_pi = 0.63661977236758134308;

/* x x - r r for the zero r = high + low. */
static double from_zero(double x, double high, double low) { return (x - high - low) * (x + high); }

/* cos(x) + sin(x) and sin(x) - cos(x); the one that cancels by cos(2 x), which is their product. */
static void eighth_turns(double x, double *sum, double *difference)
{
    double s = sin(x), c = cos(x);
    *sum = c + s;
    *difference = s - c;
    if (x > 1e300) return;
    if (s * c < 0) *sum = -cos(2 * x) / *difference;
    else *difference = -cos(2 * x) / *sum;
}

static double j0_below_8(double x)
{
    return from_zero(x, 2.404825557695773, -1.176691651530894e-16) * from_zero(x, 5.520078110286311, 8.088597146146722e-17)
         * CHEBYSHEV(j0_near, x * x / 32 - 1);
}
static double j1_below_8(double x)
{
    return x * from_zero(x, 3.8317059702075125, -1.5269184090088067e-16) * from_zero(x, 7.015586669815619, -9.414165653410389e-17)
         * CHEBYSHEV(j1_near, x * x / 32 - 1);
}

double rt_special_j0(double x)
{
    double a = fabs(x), sum, difference;
    if (isinf(x)) return 0;
    if (!(a > 8)) return j0_below_8(a);
    double t = 128 / (a * a) - 1;
    eighth_turns(a, &sum, &difference);
    return sqrt(inverse_pi / a) * (CHEBYSHEV(p0, t) * sum - CHEBYSHEV(q0, t) / a * difference);
}
double rt_special_j1(double x)
{
    double a = fabs(x), sum, difference;
    if (isinf(x)) return 0;
    if (!(a > 8)) return j1_below_8(x);
    double t = 128 / (a * a) - 1;
    eighth_turns(a, &sum, &difference);
    return copysign(1, x) * sqrt(inverse_pi / a) * (CHEBYSHEV(p1, t) * difference + CHEBYSHEV(q1, t) / a * sum);
}
double rt_special_y0(double x)
{
    double sum, difference;
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (isinf(x)) return 0;
    if (x <= 8) return two_over_pi * log(x) * j0_below_8(x) + CHEBYSHEV(y0_near, x * x / 32 - 1);
    double t = 128 / (x * x) - 1;
    eighth_turns(x, &sum, &difference);
    return sqrt(inverse_pi / x) * (CHEBYSHEV(p0, t) * difference + CHEBYSHEV(q0, t) / x * sum);
}
double rt_special_y1(double x)
{
    double sum, difference;
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (isinf(x)) return 0;
    if (x <= 8)
        return two_over_pi * (log(x) * j1_below_8(x) - 1 / x) + x * CHEBYSHEV(y1_near, x * x / 32 - 1);
    double t = 128 / (x * x) - 1;
    eighth_turns(x, &sum, &difference);
    return sqrt(inverse_pi / x) * (CHEBYSHEV(q1, t) / x * difference - CHEBYSHEV(p1, t) * sum);
}
