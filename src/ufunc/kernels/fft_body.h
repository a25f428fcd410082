/* fft_body: butterflies and passes over steps of type E, W elements wide.  Included by fft.c for one element and for
 * vectors, with NAME for the names; the same operations in each, so that all give the same bits.  No include guard. */

typedef E NAME(loose) __attribute__((aligned(sizeof(element)), may_alias));
#define GET(at) (*(const NAME(loose) *)(at))
#define PUT(at, value) (*(NAME(loose) *)(at) = (value))

/* b = transform of a, of length 4, forward. */
ALWAYS void NAME(four)(const E *ar, const E *ai, E *br, E *bi)
{
    const E ur = ar[0] + ar[2], ui = ai[0] + ai[2], dr = ar[0] - ar[2], di = ai[0] - ai[2];
    const E vr = ar[1] + ar[3], vi = ai[1] + ai[3], er = ar[1] - ar[3], ei = ai[1] - ai[3];
    br[0] = ur + vr, bi[0] = ui + vi;
    br[1] = dr + ei, bi[1] = di - er;
    br[2] = ur - vr, bi[2] = ui - vi;
    br[3] = dr - ei, bi[3] = di + er;
}

ALWAYS void NAME(eight)(const E *ar, const E *ai, E *br, E *bi)
{
    const element half = (element)0.70710678118654752440;
    E sr[4], si[4], dr[4], di[4], er[4], ei[4], or_[4], oi[4];
    for (int k = 0; k < 4; k++) {
        sr[k] = ar[k] + ar[k + 4], si[k] = ai[k] + ai[k + 4];
        dr[k] = ar[k] - ar[k + 4], di[k] = ai[k] - ai[k + 4];
    }
    const E r1 = (dr[1] + di[1]) * half, i1 = (di[1] - dr[1]) * half;       /* times exp(-i pi / 4) */
    const E r3 = (di[3] - dr[3]) * half, i3 = (dr[3] + di[3]) * -half;      /* times exp(-3 i pi / 4) */
    const E tr[4] = {dr[0], r1, di[2], r3}, ti[4] = {di[0], i1, -dr[2], i3};
    NAME(four)(sr, si, er, ei);
    NAME(four)(tr, ti, or_, oi);
    for (int k = 0; k < 4; k++) {
        br[2 * k] = er[k], bi[2 * k] = ei[k];
        br[2 * k + 1] = or_[k], bi[2 * k + 1] = oi[k];
    }
}

/* Any odd length: elements k and r - k together. */
ALWAYS void NAME(odd)(const int r, const element *roots, const E *ar, const E *ai, E *br, E *bi)
{
    const int h = r / 2;
    E tr[RT_FFT_RADIX / 2], ti[RT_FFT_RADIX / 2], dr[RT_FFT_RADIX / 2], di[RT_FFT_RADIX / 2];
    E r0 = ar[0], i0 = ai[0];
    for (int k = 1; k <= h; k++) {
        tr[k - 1] = ar[k] + ar[r - k], ti[k - 1] = ai[k] + ai[r - k];
        dr[k - 1] = ar[k] - ar[r - k], di[k - 1] = ai[k] - ai[r - k];
        r0 += tr[k - 1], i0 += ti[k - 1];
    }
    br[0] = r0, bi[0] = i0;
    for (int j = 1; j <= h; j++) {
        E cr = ar[0] + tr[0] * roots[j], ci = ai[0] + ti[0] * roots[j];
        E sr = dr[0] * roots[r + j], si = di[0] * roots[r + j];
        for (int k = 2; k <= h; k++) {
            const int at = j * k % r;
            cr += tr[k - 1] * roots[at], ci += ti[k - 1] * roots[at];
            sr += dr[k - 1] * roots[r + at], si += di[k - 1] * roots[r + at];
        }
        br[j] = cr + si, bi[j] = ci - sr;
        br[r - j] = cr - si, bi[r - j] = ci + sr;
    }
}

ALWAYS void NAME(butterfly)(const int r, const element *roots, const E *ar, const E *ai, E *br, E *bi)
{
    switch (r) {
    case 2:
        br[0] = ar[0] + ar[1], bi[0] = ai[0] + ai[1];
        br[1] = ar[0] - ar[1], bi[1] = ai[0] - ai[1];
        break;
    case 4: NAME(four)(ar, ai, br, bi); break;
    case 8: NAME(eight)(ar, ai, br, bi); break;
    default: NAME(odd)(r, roots, ar, ai, br, bi);
    }
}

/* Elements k and h - k of the transform of n = 2 h real numbers, in x, from those, in z, of the numbers taken for h
 * complex ones: x[k] = e + w^k o, x[h - k] = conj(e - w^k o), e and o from z[k] and conj(z[h - k]).  Each is given by
 * its parts: re k, im k, re h - k, im h - k. */
ALWAYS void NAME(unfold)(const E *z, E c, E d, E *x)
{
    const element half = (element)0.5;
    const E er = (z[0] + z[2]) * half, ei = (z[1] - z[3]) * half;
    const E or_ = (z[1] + z[3]) * half, oi = (z[2] - z[0]) * half;
    const E tr = or_ * c - oi * d, ti = or_ * d + oi * c;
    x[0] = er + tr, x[1] = ei + ti;
    x[2] = er - tr, x[3] = ti - ei;
}

/* The way back, without the halves. */
ALWAYS void NAME(fold)(const E *x, E c, E d, E *z)
{
    const E er = x[0] + x[2], ei = x[1] - x[3], dr = x[0] - x[2], di = x[1] + x[3];
    const E or_ = dr * c + di * d, oi = di * c - dr * d;
    z[0] = er - oi, z[1] = ei + or_;
    z[2] = er + oi, z[3] = or_ - ei;
}

/* x times the complex number c + d i. */
ALWAYS void NAME(turn)(element *re, element *im, E c, E d)
{
    const E a = GET(re), b = GET(im);
    PUT(re, a * c - b * d);
    PUT(im, a * d + b * c);
}

/* Groups of s elements side by side, s a multiple of W; groups from p to m. */
ALWAYS void NAME(sweep)(const int r, const rt_fft_pass *f, intptr_t p, intptr_t s, parts x, parts y)
{
    const intptr_t m = f->m;
    const element *const w = f->w, *const v = w + (r - 1) * m;
    for (; p < m; p++)
        for (intptr_t q = 0; q < s; q += W) {
            E ar[RT_FFT_RADIX], ai[RT_FFT_RADIX], br[RT_FFT_RADIX], bi[RT_FFT_RADIX];
            for (int k = 0; k < r; k++) {
                ar[k] = GET(x.re + q + s * (p + k * m));
                ai[k] = GET(x.im + q + s * (p + k * m));
            }
            NAME(butterfly)(r, f->roots, ar, ai, br, bi);
            element *const to_re = y.re + q + s * r * p, *const to_im = y.im + q + s * r * p;
            PUT(to_re, br[0]);
            PUT(to_im, bi[0]);
            for (int j = 1; j < r; j++) {
                const E re = m == 1 ? br[j] : br[j] * w[(j - 1) * m + p] - bi[j] * v[(j - 1) * m + p];
                const E im = m == 1 ? bi[j] : br[j] * v[(j - 1) * m + p] + bi[j] * w[(j - 1) * m + p];
                PUT(to_re + s * j, re);
                PUT(to_im + s * j, im);
            }
        }
}

#if W > 1
/* The first pass over a single line: W groups at a time, m > 1.  Returns how many groups it did. */
ALWAYS intptr_t NAME(first)(const int r, const rt_fft_pass *f, parts x, parts y)
{
    const intptr_t m = f->m;
    const element *const w = f->w, *const v = w + (r - 1) * m;
    intptr_t p = 0;
    for (; p + W <= m; p += W) {
        E ar[RT_FFT_RADIX], ai[RT_FFT_RADIX], br[RT_FFT_RADIX], bi[RT_FFT_RADIX];
        element re[RT_FFT_RADIX * W] __attribute__((aligned(64))), im[RT_FFT_RADIX * W] __attribute__((aligned(64)));
        for (int k = 0; k < r; k++) {
            ar[k] = GET(x.re + p + k * m);
            ai[k] = GET(x.im + p + k * m);
        }
        NAME(butterfly)(r, f->roots, ar, ai, br, bi);
        PUT(re, br[0]);
        PUT(im, bi[0]);
        for (int j = 1; j < r; j++) {
            const E c = GET(w + (j - 1) * m + p), d = GET(v + (j - 1) * m + p);
            PUT(re + j * W, br[j] * c - bi[j] * d);
            PUT(im + j * W, br[j] * d + bi[j] * c);
        }
        for (int i = 0; i < W; i++)
            for (int j = 0; j < r; j++) {
                y.re[r * (p + i) + j] = re[j * W + i];
                y.im[r * (p + i) + j] = im[j * W + i];
            }
    }
    return p;
}
#endif
#undef GET
#undef PUT
#undef NAME
#undef E
#undef W
