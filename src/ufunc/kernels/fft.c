/* fft: discrete Fourier transforms of lines, by Stockham's autosorting passes of radix 8, 4, 2 and odd ones, by
 * Bluestein's chirp where a prime factor is great, and real ones of even length as complex ones of half the length.
 * Sources: Van Loan, Computational Frameworks for the Fast Fourier Transform (1992); Bluestein (1970); for the
 * interface of lines and lanes, Frigo and Johnson, The design and implementation of FFTW3 (2005).
 * Floor: ufunc/kernels. */
#include "ufunc/kernels/vector.h"

typedef struct { element *re, *im; } parts;
#define HALF_BYTES (VECTOR_BYTES / 2)
typedef mask loose_mask __attribute__((aligned(1), may_alias));
typedef element half_vec __attribute__((vector_size(HALF_BYTES)));

#define NAME(word) word##_1
#define E element
#define W 1
#include "ufunc/kernels/fft_body.h"
#define FULL (VECTOR_BYTES / (IS_F32 ? 4 : 8))
#define NAME(word) word##_half
#define E half_vec
#if VECTOR_BYTES / (IS_F32 ? 8 : 16) > 1
#define W (VECTOR_BYTES / (IS_F32 ? 8 : 16))
#else
#define W 1
#endif
#include "ufunc/kernels/fft_body.h"
#define NAME(word) word##_full
#define E vec
#define W FULL
#include "ufunc/kernels/fft_body.h"

/* ---- complex, between arrays of parts ---- */

ALWAYS void pass_of(const int r, const rt_fft_pass *f, intptr_t s, parts x, parts y)
{
    if (s % FULL == 0) sweep_full(r, f, 0, s, x, y);
    else if (s == 1 && f->m > 1) sweep_1(r, f, first_full(r, f, x, y), 1, x, y);
    else if (s % (FULL / 2) == 0) sweep_half(r, f, 0, s, x, y);
    else sweep_1(r, f, 0, s, x, y);
}

/* Functions of their own, so that the compiler unrolls each. */
#define PASS(r) static void pass_##r(const rt_fft_pass *f, intptr_t s, parts x, parts y) { pass_of(r, f, s, x, y); }
PASS(2) PASS(3) PASS(4) PASS(5) PASS(7) PASS(8)
static void pass_any(const rt_fft_pass *f, intptr_t s, parts x, parts y)
{
    if (f->radix > 8 && f->radix <= RT_FFT_RADIX) pass_of(f->radix, f, s, x, y);
}

/* The transform of lanes in x, forward; y is scratch.  Returns the one of the two that holds it. */
static parts run_passes(const rt_fft_tables *plan, intptr_t lanes, parts x, parts y)
{
    intptr_t s = lanes;
    for (int i = 0; i < plan->npasses; i++) {
        const rt_fft_pass *f = &plan->pass[i];
        switch (f->radix) {
        case 2: pass_2(f, s, x, y); break;
        case 3: pass_3(f, s, x, y); break;
        case 4: pass_4(f, s, x, y); break;
        case 5: pass_5(f, s, x, y); break;
        case 7: pass_7(f, s, x, y); break;
        case 8: pass_8(f, s, x, y); break;
        default: pass_any(f, s, x, y);
        }
        s *= f->radix;
        const parts held = x;
        x = y;
        y = held;
    }
    return x;
}

/* x[k] *= w[k] for n elements of all lanes; w: real parts, then, `apart` elements on, imaginary ones. */
static void modulate(intptr_t n, intptr_t lanes, const element *w, intptr_t apart, parts x)
{
    intptr_t k = 0;
    if (lanes == 1)
        for (; k + FULL <= n; k += FULL) {
            const vec c = vector_load((const char *)(w + k)), d = vector_load((const char *)(w + apart + k));
            turn_full(x.re + k, x.im + k, c, d);
        }
    for (; k < n; k++)
        if (lanes == 1) turn_1(x.re + k, x.im + k, w[k], w[apart + k]);
        else for (intptr_t l = k * lanes; l < (k + 1) * lanes; l += FULL)
            turn_full(x.re + l, x.im + l, splat(w[k]), splat(w[apart + k]));
}

static parts run(const rt_fft_tables *plan, intptr_t lanes, parts x, parts y)
{
    if (!plan->inner) return run_passes(plan, lanes, x, y);
    const intptr_t n = plan->n, length = plan->inner->n;
    modulate(n, lanes, plan->chirp, n, x);
    memset(x.re + n * lanes, 0, (size_t)((length - n) * lanes) * sizeof(element));
    memset(x.im + n * lanes, 0, (size_t)((length - n) * lanes) * sizeof(element));
    parts z = run_passes(plan->inner, lanes, x, y);
    parts other = z.re == x.re ? y : x;
    modulate(length, lanes, plan->filter, length, z);
    z = run_passes(plan->inner, lanes, (parts){z.im, z.re}, (parts){other.im, other.re});    /* exchanged: inverse */
    z = (parts){z.im, z.re};
    modulate(n, lanes, plan->chirp, n, z);
    return z;
}

/* ---- in and out ---- */

typedef element unaligned __attribute__((aligned(1), may_alias));

/* The two pairs of arrays of a call's room. */
ALWAYS void rooms(const rt_fft_lines *f, parts *x, parts *y)
{
    element *const room = f->room;
    const intptr_t length = f->plan->room * f->lanes;
    *x = (parts){room, room + length};
    *y = (parts){room + 2 * length, room + 3 * length};
}

ALWAYS void zero_from(parts x, intptr_t from, intptr_t to, intptr_t lanes)
{
    if (from >= to) return;
    memset(x.re + from * lanes, 0, (size_t)((to - from) * lanes) * sizeof(element));
    memset(x.im + from * lanes, 0, (size_t)((to - from) * lanes) * sizeof(element));
}

ALWAYS void load_one(const char *in, intptr_t step, intptr_t count, intptr_t lanes, element *re, element *im)
{
    for (intptr_t k = 0; k < count; k++) {
        const unaligned *const at = (const unaligned *)(in + k * step);
        re[k * lanes] = at[0];
        im[k * lanes] = at[1];
    }
}

/* Lanes are loaded and stored in squares of 16 bytes a side: a row is one or two complex elements of a line, or of
 * neighbouring lines, and turned it is a part of some lanes. */
typedef element quad __attribute__((vector_size(16)));
typedef quad loose_quad __attribute__((aligned(1), may_alias));
enum { SIDE = 16 / sizeof(element), PAIRS = SIDE / 2 };
#if IS_F32
typedef int32_t places __attribute__((vector_size(16)));
#define EVEN ((places){0, 2, 4, 6})
#define ODD ((places){1, 3, 5, 7})
#define LOW ((places){0, 4, 1, 5})
#define HIGH ((places){2, 6, 3, 7})
ALWAYS void turn_square(quad *v)
{
    const quad a = __builtin_shuffle(v[0], v[1], LOW), b = __builtin_shuffle(v[2], v[3], LOW);
    const quad c = __builtin_shuffle(v[0], v[1], HIGH), d = __builtin_shuffle(v[2], v[3], HIGH);
    v[0] = __builtin_shuffle(a, b, (places){0, 1, 4, 5});
    v[1] = __builtin_shuffle(a, b, (places){2, 3, 6, 7});
    v[2] = __builtin_shuffle(c, d, (places){0, 1, 4, 5});
    v[3] = __builtin_shuffle(c, d, (places){2, 3, 6, 7});
}
#else
typedef int64_t places __attribute__((vector_size(16)));
#define EVEN ((places){0, 2})
#define ODD ((places){1, 3})
#define LOW EVEN
#define HIGH ODD
ALWAYS void turn_square(quad *v)
{
    const quad a = v[0];
    v[0] = __builtin_shuffle(a, v[1], LOW);
    v[1] = __builtin_shuffle(a, v[1], HIGH);
}
#endif

/* Do the lines lie beside each other, so that an element of all of them is one piece of memory? */
ALWAYS int are_neighbours(char *const *lines, int lanes, int used)
{
    int all = used == lanes;
    for (int l = 1; l < lanes && all; l++) all = lines[l] - lines[0] == l * (intptr_t)(2 * sizeof(element));
    return all;
}

/* The first `count` complex elements, those that are there. */
static void load_complex(const rt_fft_lines *f, intptr_t count, parts x)
{
    const intptr_t have = f->have < count ? f->have : count, lanes = f->lanes, pair = 2 * sizeof(element);
    intptr_t k = 0;
    if (lanes == 1 && f->in_step == pair) load_one(f->in[0], pair, have, 1, x.re, x.im);
    else if (lanes == 1) load_one(f->in[0], f->in_step, have, 1, x.re, x.im);
    else if (are_neighbours((char *const *)f->in, f->lanes, f->used))
        for (; k < have; k++)
            for (intptr_t l = 0; l < lanes; l += SIDE) {
                const loose_quad *const at = (const loose_quad *)(f->in[l] + k * f->in_step);
                const quad a = at[0], b = at[1];
                *(quad *)(x.re + k * lanes + l) = __builtin_shuffle(a, b, EVEN);
                *(quad *)(x.im + k * lanes + l) = __builtin_shuffle(a, b, ODD);
            }
    else if (f->in_step == pair)
        for (; k + PAIRS <= have; k += PAIRS)
            for (intptr_t l = 0; l < lanes; l += SIDE) {
                quad v[SIDE];
                for (int i = 0; i < SIDE; i++) v[i] = *(const loose_quad *)(f->in[l + i] + k * pair);
                turn_square(v);
                for (int i = 0; i < PAIRS; i++) {
                    *(quad *)(x.re + (k + i) * lanes + l) = v[2 * i];
                    *(quad *)(x.im + (k + i) * lanes + l) = v[2 * i + 1];
                }
            }
    for (; lanes > 1 && k < have; k++)
        for (intptr_t l = 0; l < lanes; l++) {
            const unaligned *const at = (const unaligned *)(f->in[l] + k * f->in_step);
            x.re[k * lanes + l] = at[0];
            x.im[k * lanes + l] = at[1];
        }
    zero_from(x, have, count, lanes);
}

/* `count` real elements to `to`, `apart` arrays' elements of one lane lying every `every`. */
static void load_real(const rt_fft_lines *f, intptr_t from, intptr_t every, intptr_t count, element *to)
{
    const intptr_t lanes = f->lanes, all = f->have > from ? (f->have - from + every - 1) / every : 0;
    const intptr_t have = all < count ? all : count;
    for (intptr_t k = 0; k < have; k++)
        for (intptr_t l = 0; l < lanes; l++)
            to[k * lanes + l] = *(const unaligned *)(f->in[l] + (from + k * every) * f->in_step);
    if (have < count) memset(to + have * lanes, 0, (size_t)((count - have) * lanes) * sizeof(element));
}

ALWAYS void store_one(char *out, intptr_t step, intptr_t count, intptr_t lanes, const element *re, const element *im,
                      element scale, element turn)
{
    for (intptr_t k = 0; k < count; k++) {
        unaligned *const at = (unaligned *)(out + k * step);
        at[0] = re[k * lanes] * scale;
        at[1] = im[k * lanes] * turn + 0;      /* no -0 */
    }
}

/* `count` elements that there are, zeros beyond; conjugated where `turn` is -scale. */
static void store_complex(const rt_fft_lines *f, intptr_t count, parts x, element scale, element turn)
{
    const intptr_t made = f->want < count ? f->want : count, lanes = f->lanes, pair = 2 * sizeof(element);
    const intptr_t whole = f->used / SIDE * SIDE;                      /* lanes that are stored by squares */
    intptr_t k = 0;
#define RE(k) (*(const quad *)(x.re + (k) * lanes + l) * scale)
#define IM(k) (*(const quad *)(x.im + (k) * lanes + l) * turn + 0)     /* no -0 */
    if (lanes == 1 && f->out_step == pair) store_one(f->out[0], pair, made, 1, x.re, x.im, scale, turn);
    else if (lanes == 1) store_one(f->out[0], f->out_step, made, 1, x.re, x.im, scale, turn);
    else if (are_neighbours(f->out, f->lanes, f->used))
        for (; k < made; k++)
            for (intptr_t l = 0; l < lanes; l += SIDE) {
                loose_quad *const at = (loose_quad *)(f->out[l] + k * f->out_step);
                const quad re = RE(k), im = IM(k);
                at[0] = __builtin_shuffle(re, im, LOW);
                at[1] = __builtin_shuffle(re, im, HIGH);
            }
    else if (f->out_step == pair)
        for (; k + PAIRS <= made; k += PAIRS)
            for (intptr_t l = 0; l < whole; l += SIDE) {
                quad v[SIDE];
                for (int i = 0; i < PAIRS; i++) v[2 * i] = RE(k + i), v[2 * i + 1] = IM(k + i);
                turn_square(v);
                for (int i = 0; i < SIDE; i++) *(loose_quad *)(f->out[l + i] + k * pair) = v[i];
            }
#undef RE
#undef IM
    for (intptr_t e = 0; lanes > 1 && e < made; e++)
        for (intptr_t l = e < k ? (f->out_step == pair ? whole : lanes) : 0; l < f->used; l++) {
            unaligned *const at = (unaligned *)(f->out[l] + e * f->out_step);
            at[0] = x.re[e * lanes + l] * scale;
            at[1] = x.im[e * lanes + l] * turn + 0;
        }
    for (k = made; k < f->want; k++)
        for (intptr_t l = 0; l < f->used; l++) memset(f->out[l] + k * f->out_step, 0, 2 * sizeof(element));
}

static void store_real(const rt_fft_lines *f, const element *from, intptr_t at, intptr_t every, intptr_t count)
{
    const element scale = (element)f->scale;
    const intptr_t lanes = f->lanes;
    for (intptr_t k = 0; k < count; k++)
        for (intptr_t l = 0; l < f->used; l++)
            *(unaligned *)(f->out[l] + (at + k * every) * f->out_step) = from[k * lanes + l] * scale;
}

/* ---- kernels ---- */

static void c2c(const rt_fft_lines *f)
{
    parts x, y;
    const element scale = (element)f->scale;
    rooms(f, &x, &y);
    load_complex(f, f->n, x);
    if (f->inverse) {              /* parts exchanged on the way in and out */
        const parts z = run(f->plan, f->lanes, (parts){x.im, x.re}, (parts){y.im, y.re});
        store_complex(f, f->n, (parts){z.im, z.re}, scale, scale);
    } else {
        store_complex(f, f->n, run(f->plan, f->lanes, x, y), scale, scale);
    }
}

typedef void pair_1_fn(const element *, element, element, element *);
typedef void pair_full_fn(const vec *, vec, vec, vec *);

/* `of` for elements 1 to h / 2 of all lanes and their partners h - k; half: the roots' parts. */
ALWAYS void each_pair(pair_1_fn *of, pair_full_fn *of_full, intptr_t h, intptr_t lanes, const element *half, parts x,
                      parts y)
{
    static const ireal backward[16] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    const mask back = *(const loose_mask *)(backward + 16 - FULL);
    const element *const c = half, *const d = half + h / 2 + 1;
    intptr_t k = 1;
#define AT(p, i) vector_load((const char *)((p) + (i)))
#define TO(p, i, v) vector_store((char *)((p) + (i)), v)
    if (lanes == 1)
        for (; k + FULL <= h / 2 + 1; k += FULL) {
            const intptr_t j = h - k - FULL + 1;
            const vec a[4] = {AT(x.re, k), AT(x.im, k),
                              __builtin_shuffle(AT(x.re, j), back), __builtin_shuffle(AT(x.im, j), back)};
            vec b[4];
            of_full(a, AT(c, k), AT(d, k), b);
            TO(y.re, k, b[0]);
            TO(y.im, k, b[1]);
            TO(y.re, j, __builtin_shuffle(b[2], back));
            TO(y.im, j, __builtin_shuffle(b[3], back));
        }
    for (; k <= h / 2; k++) {
        const intptr_t i = k * lanes, j = (h - k) * lanes;
        if (lanes == 1) {
            const element a[4] = {x.re[i], x.im[i], x.re[j], x.im[j]};
            element b[4];
            of(a, c[k], d[k], b);
            y.re[i] = b[0], y.im[i] = b[1], y.re[j] = b[2], y.im[j] = b[3];
        } else for (intptr_t l = 0; l < lanes; l += FULL) {
            const vec a[4] = {AT(x.re, i + l), AT(x.im, i + l), AT(x.re, j + l), AT(x.im, j + l)};
            vec b[4];
            of_full(a, splat(c[k]), splat(d[k]), b);
            TO(y.re, i + l, b[0]);
            TO(y.im, i + l, b[1]);
            TO(y.re, j + l, b[2]);
            TO(y.im, j + l, b[3]);
        }
    }
#undef AT
#undef TO
}

/* From the transform z of n = 2 h real numbers taken for h complex ones, the first h + 1 of theirs. */
static void unfold_real(intptr_t h, intptr_t lanes, const element *half, parts z, parts x)
{
    for (intptr_t l = 0; l < lanes; l++) {
        const element a = z.re[l], b = z.im[l];
        x.re[l] = a + b, x.im[l] = 0;
        x.re[h * lanes + l] = a - b, x.im[h * lanes + l] = 0;
    }
    each_pair(unfold_1, unfold_full, h, lanes, half, z, x);
}

/* The first n / 2 + 1 elements of the transform of real lines, unscaled. */
static parts halved(const rt_fft_lines *f)
{
    parts x, y;
    rooms(f, &x, &y);
    if (f->n % 2) {
        load_real(f, 0, 1, f->n, x.re);
        memset(x.im, 0, (size_t)(f->n * f->lanes) * sizeof(element));
        return run(f->plan, f->lanes, x, y);
    }
    const intptr_t h = f->n / 2;
    if (f->in_step == sizeof(element) && f->have >= f->n) {              /* two neighbours are one complex element */
        rt_fft_lines pairs = *f;
        pairs.in_step *= 2, pairs.have = h, pairs.used = 0;
        load_complex(&pairs, h, x);
    } else {
        load_real(f, 0, 2, h, x.re);
        load_real(f, 1, 2, h, x.im);
    }
    const parts z = run(f->plan, f->lanes, x, y), to = z.re == x.re ? y : x;
    unfold_real(h, f->lanes, f->plan->half, z, to);
    return to;
}

static void r2c(const rt_fft_lines *f)
{
    const parts x = halved(f);
    const element scale = (element)f->scale;
    if (f->twice)
        for (intptr_t i = f->lanes; i < ((f->n + 1) / 2) * f->lanes; i++) x.re[i] *= 2, x.im[i] *= 2;
    store_complex(f, f->n / 2 + 1, x, scale, f->inverse ? -scale : scale);
}

static void r2c_whole(const rt_fft_lines *f)
{
    const parts x = halved(f);
    const intptr_t made = f->n / 2 + 1, lanes = f->lanes;
    const element scale = (element)f->scale, turn = f->inverse ? -scale : scale;
    rt_fft_lines first = *f;
    if (first.want > made) first.want = made;
    store_complex(&first, made, x, scale, turn);
    for (intptr_t k = made; k < f->want; k++)
        for (intptr_t l = 0; l < f->used; l++) {
            unaligned *const at = (unaligned *)(f->out[l] + k * f->out_step);
            at[0] = k < f->n ? x.re[(f->n - k) * lanes + l] * scale : 0;
            at[1] = k < f->n ? x.im[(f->n - k) * lanes + l] * -turn + 0 : 0;
        }
}

/* The way back of unfold_real, without the halves: in x the first h + 1 elements, to z. */
static void fold_real(intptr_t h, intptr_t lanes, const element *half, parts x, parts z)
{
    for (intptr_t l = 0; l < lanes; l++) {
        const element a = x.re[l], b = x.re[h * lanes + l];
        z.re[l] = a + b, z.im[l] = a - b;
    }
    each_pair(fold_1, fold_full, h, lanes, half, x, z);
}

static void c2r(const rt_fft_lines *f)
{
    parts x, y;
    const intptr_t n = f->n, lanes = f->lanes, made = n / 2 + 1;
    rooms(f, &x, &y);
    load_complex(f, made, x);
    if (n % 2) {
        for (intptr_t l = 0; l < lanes; l++) x.im[l] = 0;
        for (intptr_t k = made; k < n; k++)
            for (intptr_t l = 0; l < lanes; l++) {
                x.re[k * lanes + l] = x.re[(n - k) * lanes + l];
                x.im[k * lanes + l] = -x.im[(n - k) * lanes + l];
            }
        const parts z = run(f->plan, lanes, (parts){x.im, x.re}, (parts){y.im, y.re});
        store_real(f, z.im, 0, 1, n);
        return;
    }
    fold_real(n / 2, lanes, f->plan->half, x, y);
    const parts z = run(f->plan, lanes, (parts){y.im, y.re}, (parts){x.im, x.re});
    if (f->out_step == sizeof(element) && f->want == n) {
        rt_fft_lines pairs = *f;
        pairs.out_step *= 2, pairs.want = n / 2;
        store_complex(&pairs, n / 2, (parts){z.im, z.re}, (element)f->scale, (element)f->scale);
        return;
    }
    store_real(f, z.im, 0, 2, n / 2);
    store_real(f, z.re, 1, 2, n / 2);
}

static void run_line(const rt_fft_tables *plan, void *re, void *im, void *scratch_re, void *scratch_im)
{
    const parts x = {re, im}, z = run_passes(plan, 1, x, (parts){scratch_re, scratch_im});
    if (z.re == x.re) return;
    memcpy(re, z.re, (size_t)plan->n * sizeof(element));
    memcpy(im, z.im, (size_t)plan->n * sizeof(element));
}

const rt_ffts SYMBOL(ffts) = {
    .lanes = FULL < 4 ? 4 : FULL, .c2c = c2c, .r2c = r2c, .r2c_whole = r2c_whole, .c2r = c2r, .run = run_line,
};
