/* fft: kernels of the discrete Fourier transform over lines of elements at any step, one line at a time or `lanes` of
 * them side by side, with the same arithmetic for each element.  Inside a kernel real and imaginary parts lie apart,
 * element k of lane l at k * lanes + l.  Tables come from ufunc/fft_plan.c.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_FFT_H
#define RT_UFUNC_KERNELS_FFT_H
#include <stdint.h>

#define RT_FFT_PASSES 64
#define RT_FFT_RADIX 31        /* the greatest; a length with a greater prime factor goes through a chirp */
#define RT_FFT_LANES 16        /* the most */

/* One pass of Stockham's autosorting transform: r = radix, lengths r * m into r of m. */
typedef struct {
    int radix;
    intptr_t m;
    const void *w;             /* exp(-2 pi i p j / (r m)) at (j - 1) * m + p, real parts, then imaginary ones */
    const void *roots;         /* cos, then sin, of 2 pi k / r; odd radices */
} rt_fft_pass;

/* Numbers of a transform of n complex elements, in the dtype of the kernels. */
typedef struct rt_fft_tables rt_fft_tables;
struct rt_fft_tables {
    intptr_t n;
    int npasses;
    rt_fft_pass pass[RT_FFT_PASSES];
    /* Bluestein's chirp instead of passes (else NULL): n elements exp(-pi i k^2 / n) and the transform, of length
     * inner->n, of their conjugates, divided by that length. */
    const rt_fft_tables *inner;
    const void *chirp, *filter;
    const void *half;          /* exp(-pi i k / n), k = 0 .. n / 2: a real transform of length 2 n */
    intptr_t room;             /* elements of one of the four arrays that a lane needs */
};

/* Lines to transform. */
typedef struct {
    const rt_fft_tables *plan;
    const char *in[RT_FFT_LANES];
    char *out[RT_FFT_LANES];
    intptr_t in_step, out_step;      /* bytes from element to element */
    intptr_t have, want;             /* elements of the input, what is missing is 0; of the output, beyond the end 0 */
    intptr_t n;                      /* length of the transform; 2 plan->n for real ones of even length */
    int lanes, used;                 /* 1 or the kernels' own number, of which the first `used` are stored */
    int inverse;
    int twice;                       /* r2c: elements that stand for their conjugates, too, are doubled */
    double scale;
    void *room;                      /* 4 * plan->room * lanes elements */
} rt_fft_lines;

typedef void rt_fft_fn(const rt_fft_lines *f);
typedef struct {                     /* one per dtype with kernels (f32, f64) */
    int lanes;
    rt_fft_fn *c2c;
    rt_fft_fn *r2c;                  /* the first n / 2 + 1 elements */
    rt_fft_fn *r2c_whole;            /* all n; inverse too */
    rt_fft_fn *c2r;                  /* of the first n / 2 + 1 elements of a Hermitian line, inverse */
    /* The transform of one line in re, im; scratch of the same length.  For tables. */
    void (*run)(const rt_fft_tables *plan, void *re, void *im, void *scratch_re, void *scratch_im);
} rt_ffts;
#endif
