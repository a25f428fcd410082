/* igamma: the regularised incomplete gamma functions P(a, x) and Q(a, x), one element at a time in double.
 * Power series below x = a, Legendre's continued fraction above (DLMF 8.7.1, 8.9.2), near x = a for large a
 * Temme's uniform expansion (DLMF 8.12; N. Temme 1979, A. DiDonato and A. Morris 1986), for small a and x
 * the series of Q itself.  Floor: ufunc/kernels; compiled once. */
#include "ufunc/kernels/special.h"
#include "ufunc/kernels/chebyshev.h"
#include <math.h>

static const double pi = 3.14159265358979323846;

/* lgamma(1 + a) / a on [0, 1.25]. */
static const double lgam1p_table[] = {
    -0.2060249505146303, 0.3342035894651765, -0.03197254036093561, 0.004245215596515251, -0.000643381725809808,
    0.00010452783366293018, -1.770791476978562e-05, 3.0835296380098298e-06, -5.474017033393513e-07,
    9.856993398555524e-08, -1.7944534745550668e-08, 3.2952869120859102e-09, -6.094452573373941e-10,
    1.1338288338382363e-10, -2.1200495878636307e-11, 3.981350343204534e-12, -7.505195795335003e-13,
    1.419538896389957e-13, -2.692938476972861e-14, 5.122307874636385e-15, -9.766786422220764e-16,
    1.8663255692381498e-16, -3.573460197646343e-17, 6.854618219772651e-18};

/* Coefficients c_k(eta) of DLMF 8.12.10 as powers of eta, good for |eta| < 0.34 and a >= 30. */
static const double temme0[] = {
    -0.3333333333333333, 0.08333333333333333, -0.014814814814814815, 0.0011574074074074073,
    0.0003527336860670194, -0.0001787551440329218, 3.919263178522438e-05, -2.185448510679992e-06,
    -1.85406221071516e-06, 8.296711340953087e-07, -1.7665952736826078e-07, 6.707853543401498e-09,
    1.0261809784240309e-08, -4.382036018453353e-09, 9.14769958223679e-10, -2.5514193994946248e-11,
    -5.830772132550426e-11};
static const double temme1[] = {
    -0.001851851851851852, -0.003472222222222222, 0.0026455026455026454, -0.0009902263374485596,
    0.00020576131687242798, -4.018775720164609e-07, -1.8098550334489977e-05, 7.64916091608111e-06,
    -1.6120900894563446e-06, 4.647127802807434e-09, 1.378633446915721e-07, -5.752545603517705e-08,
    1.1951628599778148e-08, -1.7543241719747647e-11, -1.0091543710600413e-09, 4.162792991842583e-10};
static const double temme2[] = {
    0.004133597883597883, -0.0026813271604938273, 0.0007716049382716049, 2.0093878600823047e-06,
    -0.0001073665322636516, 5.2923448829120125e-05, -1.2760635188618728e-05, 3.423578734096138e-08,
    1.3721957309062934e-06, -6.298992138380055e-07, 1.4280614206064242e-07, -2.0477098421990866e-10,
    -1.409252991086752e-08, 6.228974084922022e-09};
static const double temme3[] = {
    0.0006494341563786008, 0.00022947209362139917, -0.0004691894943952557, 0.00026772063206283885,
    -7.561801671883977e-05, -2.396505113867297e-07, 1.1082654115347302e-05, -5.6749528269915965e-06,
    1.4230900732435883e-06, -2.7861080291528143e-11, -1.6958404091930278e-07, 8.099464905388083e-08,
    -1.9111168485973655e-08};
static const double temme4[] = {
    -0.0008618882909167117, 0.0007840392217200666, -0.0002990724803031902, -1.4638452578843418e-06,
    6.641498215465122e-05, -3.968365047179435e-05, 1.1375726970678419e-05, 2.507497226237533e-10,
    -1.6954149536558305e-06, 8.907507532205309e-07, -2.292934834000805e-07};
static const double temme5[] = {
    -0.00033679855336635813, -6.972813758365857e-05, 0.0002772753244959392, -0.00019932570516188847,
    6.797780477937208e-05, 1.419062920643967e-07, -1.3594048189768693e-05, 8.018470256334202e-06,
    -2.291481176508095e-06};
static const double temme6[] = {
    0.0005313079364639922, -0.0005921664373536939, 0.0002708782096718045, 7.902353232660328e-07,
    -8.153969367561969e-05, 5.61168275310625e-05, -1.8329116582843375e-05};
static const double temme7[] = {
    0.00034436760689237765, 5.171790908260592e-05, -0.00033493161081142234, 0.0002812695154763237,
    -0.00010976582244684731, -1.2741009095484485e-07, 2.7744451511563645e-05};
static const double temme8[] = {
    -0.0006526239185953094, 0.0008394987206720873, -0.000438297098541721, -6.969091458420552e-07,
    0.00016644846642067547};
static const double temme9[] = {
    -0.0005967612901927463, -7.204895416020011e-05, 0.0006782308837667328, -0.0006401475260262758};
static const double temme10[] = {
    0.0013324454494800656, -0.0019144384985654776};

typedef struct { const double *c; int n; } power_series;
#define SERIES(t) {t, (int)(sizeof t / sizeof *t)}
static const power_series temme[] = {SERIES(temme0), SERIES(temme1), SERIES(temme2), SERIES(temme3), SERIES(temme4), SERIES(temme5), SERIES(temme6), SERIES(temme7), SERIES(temme8), SERIES(temme9), SERIES(temme10)};

/* m - log(1 + m) without cancellation. */
static double log_excess(double m)
{
    if (m < -0.5 || m > 1) return m - log1p(m);
    double r = m / (2 + m), square = r * r, sum = 0, power = 1;
    for (int k = 3; k < 60; k += 2, power *= square) {
        sum += power / k;
        if (power < 1e-18) break;
    }
    return r * m - 2 * r * square * sum;
}

/* x^a e^-x / gamma(a + 1). */
static double front(double a, double x)
{
    if (a < 30 && x > 800) return 0;
    if (a < 140 && x < 700 && fabs(a * log(x)) < 690) return pow(x, a) * exp(-x) / tgamma(a + 1);
    if (a < 30) return exp(a * log(x) - x - lgamma(a + 1));
    double z = 1 / (a * a);                                       /* Stirling's series, DLMF 5.11.1 */
    double stirling = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z / 1188)))) / a;
    return exp(-a * log_excess((x - a) / a) - stirling) / sqrt(2 * pi * a);
}

static double p_series(double a, double x)
{
    double term = 1, sum = 1;
    for (int n = 1; n < 20000; n++) {
        term *= x / (a + n);
        sum += term;
        if (term < 1e-17 * sum) break;
    }
    return front(a, x) * sum;
}

/* x^-a e^x gamma(a, x) = 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)), by Lentz's method. */
static double q_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int n = 1; n < 20000; n++) {
        double an = -n * (n - a);
        b += 2;
        d = an * d + b;
        c = b + an / c;
        if (fabs(d) < 1e-300) d = 1e-300;
        if (fabs(c) < 1e-300) c = 1e-300;
        d = 1 / d;
        double factor = d * c;
        h *= factor;
        if (fabs(factor - 1) < 1e-16) break;
    }
    return front(a, x) * a * h;
}

/* Q for small a and x <= 1.1: 1 - x^a / gamma(1 + a) (1 + a sum (-x)^n / (n! (a + n))). */
static double q_series(double a, double x)
{
    double term = 1, sum = 0, logx = log(x), lg = a * CHEBYSHEV(lgam1p_table, a * 1.6 - 1);
    for (int n = 1; n < 200; n++) {
        term *= -x / n;
        sum += term / (a + n);
        if (fabs(term) < 1e-18 * fabs(sum)) break;
    }
    return -expm1(a * logx - lg) - a * exp(a * logx - lg) * sum;
}

/* P (upper = 0) or Q (upper = 1) near x = a. */
static double uniform(double a, double x, int upper)
{
    double m = (x - a) / a, eta = copysign(sqrt(2 * log_excess(m)), m), sum = 0, power = 1;
    for (unsigned k = 0; k < sizeof temme / sizeof *temme; k++, power /= a) {
        double p = 0;
        for (int n = temme[k].n - 1; n >= 0; n--) p = p * eta + temme[k].c[n];
        sum += p * power;
    }
    double rest = exp(-0.5 * a * eta * eta) / sqrt(2 * pi * a) * sum;
    double half = 0.5 * erfc((upper ? eta : -eta) * sqrt(0.5 * a));
    return upper ? half + rest : half - rest;
}

static double regularised(double a, double x, int upper)
{
    if (!(a >= 0) || !(x >= 0)) return NAN;
    if (x == 0) return a == 0 ? NAN : upper;
    if (a == 0) return !upper;
    if (isinf(a)) return isinf(x) ? NAN : upper;
    if (isinf(x)) return !upper;
    if (a >= 30 && fabs(x - a) < 0.3 * a) return uniform(a, x, upper);
    if (x <= 1.1 && a <= 1.1 && (x > 0.5 ? x * 1.1 >= a : -0.4 / log(x) >= a)) {
        double q = q_series(a, x);
        return upper ? q : 1 - q;
    }
    if (x < a || x <= 1.1) {
        double p = p_series(a, x);
        return upper ? 1 - p : p;
    }
    double q = q_fraction(a, x);
    return upper ? q : 1 - q;
}

double rt_special_igamma(double a, double x) { return regularised(a, x, 0); }
double rt_special_igammac(double a, double x) { return regularised(a, x, 1); }
