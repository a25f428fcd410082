/* sparse: the kernels of sparse.h for one dtype.  Compiled once per ISA and word; sparse_body.h holds the loops,
 * which are compiled for indices of 32 and of 64 bits.  Sums along a line are taken in the order of its entries,
 * whatever the width, so a product of a matrix has the bits of the products of its columns.
 * Floor: ufunc/kernels. */
#include "ufunc/kernels/word.h"
#include "ufunc/kernels/sparse.h"

/* Neighbouring columns that are summed at once: MIDDLE of them in vectors of 32 bytes (complex: one by one), WIDE in
 * several. */
typedef element unaligned_1 __attribute__((aligned(1), may_alias));
enum { MIDDLE = 32 / sizeof(element), PIECES = 4, WIDE = PIECES * MIDDLE };
#if IS_COMPLEX
typedef struct { element at[MIDDLE]; } pack_middle;
ALWAYS void pack_middle_add(pack_middle *sum, element a, const char *x)
{
    for (int c = 0; c < MIDDLE; c++) sum->at[c] += a * ((const unaligned_1 *)x)[c];
}
#else
typedef element pack_middle __attribute__((vector_size(32)));
typedef pack_middle unaligned_middle __attribute__((aligned(1), may_alias));
ALWAYS void pack_middle_add(pack_middle *sum, element a, const char *x) { *sum += a * *(const unaligned_middle *)x; }
#endif
ALWAYS void pack_middle_put(char *out, const pack_middle *sum) { memcpy(out, sum, sizeof *sum); }

typedef struct { pack_middle at[PIECES]; } pack_wide;
ALWAYS void pack_wide_add(pack_wide *sum, element a, const char *x)
{
    pack_middle_add(&sum->at[0], a, x);
    pack_middle_add(&sum->at[1], a, x + sizeof(pack_middle));
    pack_middle_add(&sum->at[2], a, x + 2 * sizeof(pack_middle));
    pack_middle_add(&sum->at[3], a, x + 3 * sizeof(pack_middle));
}
ALWAYS void pack_wide_put(char *out, const pack_wide *sum) { memcpy(out, sum, sizeof *sum); }

/* The sum of x[c] y[c], in PARTS partial sums on every ISA. */
enum { PARTS = 32 / sizeof(element) > 1 ? 32 / sizeof(element) : 1 };
ALWAYS element dot(const element *x, const element *y, intptr_t n)
{
    element part[PARTS] = {0}, sum = 0;
    intptr_t c = 0;
    for (; c + PARTS <= n; c += PARTS)
        for (int k = 0; k < PARTS; k++) part[k] += x[c + k] * y[c + k];
    for (; c < n; c++) sum += x[c] * y[c];
    for (int k = 0; k < PARTS; k++) sum += part[k];
    return sum;
}

#define INDEX int32_t
#define NAME(stem) stem##_narrow
#include "ufunc/kernels/sparse_body.h"
#undef INDEX
#undef NAME
#define INDEX int64_t
#define NAME(stem) stem##_wide
#include "ufunc/kernels/sparse_body.h"

static intptr_t gather(const rt_compressed *a, const char *x, intptr_t width, char *out, intptr_t begin, intptr_t end)
{
    return (a->wide ? gather_wide : gather_narrow)(a, x, width, out, begin, end);
}

static intptr_t scatter(const rt_compressed *a, const char *x, intptr_t width, intptr_t first, intptr_t last, char *out,
                        intptr_t begin, intptr_t end)
{
    return (a->wide ? scatter_wide : scatter_narrow)(a, x, width, first, last, out, begin, end);
}

static intptr_t sample(const rt_compressed *a, const char *x, const char *y, intptr_t width, char *out, intptr_t begin,
                       intptr_t end)
{
    return (a->wide ? sample_wide : sample_narrow)(a, x, y, width, out, begin, end);
}

static intptr_t product(const rt_compressed *a, const rt_compressed *b, const rt_compressed *c, intptr_t *where, char *out,
                        intptr_t begin, intptr_t end)
{
    return (a->wide ? product_wide : product_narrow)(a, b, c, where, out, begin, end);
}

const rt_sparses SYMBOL(sparses) = {gather, scatter, sample, product};
