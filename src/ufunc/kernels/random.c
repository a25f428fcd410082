/* random: words of a Philox stream turned into uniform and normal numbers and into dropout,
 * compiled per ISA for f32 and f64.  All loops have constant length and no branches, so that
 * they become vectors; without contraction to FMA every ISA gives the same bits.
 * Normal numbers: Box & Muller 1958, with series of our own for log, sin and cos.
 * Floor: ufunc/kernels. */
#include <math.h>
#include "ufunc/kernels/word.h"
#include "ufunc/kernels/philox.h"

#if IS_F32
enum { GROUP = 32 };                 /* elements of a group: a word each */
typedef uint32_t bits;
#define EXPONENT_AT 23
#define SQRT_HALF_BITS 0x3f3504f3u   /* sqrt(1/2) */
#define LOG_TERMS 5
#define TURN_TERMS 5
#define SQRT sqrtf
#else
enum { GROUP = 16 };                 /* two words each */
typedef uint64_t bits;
#define EXPONENT_AT 52
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdull
#define LOG_TERMS 11
#define TURN_TERMS 9
#define SQRT sqrt
#endif
enum { HALF = GROUP / 2 };

/* The buffer of words between generator and conversion: it stays in the first cache. */
enum { BATCH = 16 };

static void words(rt_stream s, uint64_t first, intptr_t n, uint32_t *out)
{
    for (intptr_t k = 0; k < n; k++) philox_group(s, first + (uint64_t)k, out + RT_GROUP_WORDS * k);
}

/* Uniform in [0, 1), every multiple of 2^-24 or 2^-53 equally likely. */
ALWAYS void to_uniform(const uint32_t *w, element *u)
{
#if IS_F32
    for (int i = 0; i < GROUP; i++) u[i] = (float)(int32_t)(w[i] >> 8) * 0x1p-24f;
#else
    for (int i = 0; i < GROUP; i++)
        u[i] = ((double)(int32_t)(w[i] >> 5) * 0x1p26 + (double)(int32_t)(w[GROUP + i] >> 6)) * 0x1p-53;
#endif
}

/* log x for 0 < x <= 1, not subnormal: x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m-1)/(m+1)). */
ALWAYS element log_of(element x)
{
    bits b, e, m_bits;
    element m, power;
    memcpy(&b, &x, sizeof b);
    /* e counts from a bias of our own that keeps it positive */
    e = (b - SQRT_HALF_BITS + ((bits)128 << EXPONENT_AT)) >> EXPONENT_AT;
    m_bits = b - ((e - 128) << EXPONENT_AT);
    memcpy(&m, &m_bits, sizeof m);
#if IS_F32
    power = (float)(int32_t)e - 128;
#else
    bits shifted = e | 0x4330000000000000ull;        /* 2^52 + e */
    memcpy(&power, &shifted, sizeof power);
    power -= 0x1p52 + 128;
#endif
    element s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int k = LOG_TERMS; k >= 1; k--) sum = (sum + (element)1 / (element)(2 * k + 1)) * s2;
    return power * (element)0.69314718055994530942 + 2 * s * (1 + sum);
}

/* Cosine and sine of the angle x + quarter * pi/2, |x| <= pi/4, by Taylor's series. */
ALWAYS void turn(element x, int32_t quarter, element *cosine, element *sine)
{
    element x2 = x * x, c = 0, s = 0;
    for (int k = TURN_TERMS; k >= 1; k--) {
        c = (c + 1) * (-x2 / (element)((2 * k - 1) * (2 * k)));
        s = (s + 1) * (-x2 / (element)((2 * k) * (2 * k + 1)));
    }
    c = 1 + c;
    s = x + x * s;
    element even_c = quarter & 1 ? -s : c, even_s = quarter & 1 ? c : s;
    *cosine = quarter & 2 ? -even_c : even_c;
    *sine = quarter & 2 ? -even_s : even_s;
}

/* A group's words become two halves of normal numbers: radius from the first, angle from the second. */
ALWAYS void to_normal(const uint32_t *w, element *z)
{
#if IS_F32
    for (int i = 0; i < HALF; i++) {
        uint32_t angle = w[HALF + i], quarter = (angle + 0x20000000u) >> 30;
        element u = ((float)(int32_t)(w[i] >> 1) + 0.5f) * 0x1p-31f;
        element x = (float)(int32_t)(angle - (quarter << 30)) * (float)(0x1.921fb54442d18p-30);
        element c, s, r = SQRT(-2 * log_of(u));
        turn(x, (int32_t)quarter, &c, &s);
        z[i] = r * c;
        z[HALF + i] = r * s;
    }
#else
    element u[GROUP];
    to_uniform(w, u);
    for (int i = 0; i < HALF; i++) {
        element t = 4 * u[HALF + i], quarter = floor(t + 0.5);
        element c, s, r = SQRT(-2 * log_of(1 - u[i]));
        turn((t - quarter) * 0x1.921fb54442d18p0, (int32_t)quarter, &c, &s);
        z[i] = r * c;
        z[HALF + i] = r * s;
    }
#endif
}

static void uniform(rt_stream s, uint64_t first, intptr_t n, double low, double width, void *out)
{
    uint32_t w[RT_GROUP_WORDS];
    element *o = out, a = (element)low, b = (element)width, u[GROUP];
    for (intptr_t k = 0; k < n; k++, o += GROUP) {
        philox_group(s, first + (uint64_t)k, w);
        to_uniform(w, u);
        for (int i = 0; i < GROUP; i++) o[i] = a + b * u[i];
    }
}

static void normal(rt_stream s, uint64_t first, intptr_t n, double mean, double deviation, void *out)
{
    uint32_t w[RT_GROUP_WORDS];
    element *o = out, a = (element)mean, b = (element)deviation, z[GROUP];
    for (intptr_t k = 0; k < n; k++, o += GROUP) {
        philox_group(s, first + (uint64_t)k, w);
        to_normal(w, z);
        for (int i = 0; i < GROUP; i++) o[i] = a + b * z[i];
    }
}

/* A word each, for both dtypes. */
static void dropout(rt_stream s, uint64_t first, intptr_t n, uint64_t below, double scale, const void *x, void *out)
{
    uint32_t w[RT_GROUP_WORDS], last = (uint32_t)(below - 1);
    const element *from = x, factor = (element)scale;
    element *to = out;
    for (; n >= RT_GROUP_WORDS; n -= RT_GROUP_WORDS, from += RT_GROUP_WORDS, to += RT_GROUP_WORDS) {
        philox_group(s, first++, w);
        for (int i = 0; i < RT_GROUP_WORDS; i++) to[i] = w[i] <= last ? from[i] * factor : 0;
    }
    if (n == 0) return;
    philox_group(s, first, w);
    for (intptr_t i = 0; i < n; i++) to[i] = w[i] <= last ? from[i] * factor : 0;
}

const rt_randoms SYMBOL(randoms) = {
    .group = GROUP, .words = words, .uniform = uniform, .normal = normal, .dropout = dropout};
