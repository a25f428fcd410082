/* blas: matrix products, of floating dtypes through the bundled OpenBLAS, which runs single-threaded.  The product is
 * cut on a grid of TILE x TILE results that depends on m and n alone, and our pool takes the tiles:
 * K is never cut, so the number of threads leaves no trace in the bits.
 * Floor: backends.  Knows no Python. */
#include "backends/blas.h"
#include "backends/threads.h"
#include "backends/cpu/gemm.h"
#include <cblas.h>
#include <limits.h>
#include <string.h>

/* The library's symbols with the prefix that the build found, e.g. scipy_cblas_sgemm. */
#define PASTE(a, b) a##b
#define PASTE_EXPANDED(a, b) PASTE(a, b)
#define BLAS(name) PASTE_EXPANDED(RT_BLAS_PREFIX, name)

#define TILE 512
#define GRAIN_WORK 250000.0    /* multiply-adds worth a piece of their own */

typedef struct {
    rt_dtype dtype;
    intptr_t m, n, k, a_row, a_col, b_row, b_col, c_row;   /* strides in elements */
    int beta;
    const char *a, *b;
    char *c;
    intptr_t a_step, b_step, c_step;                       /* bytes from product to product */
    intptr_t rows, columns;                                /* of the grid */
} product;

/* One matrix as BLAS wants it: transposed or not, with a leading dimension of at least the row. */
static CBLAS_TRANSPOSE layout(intptr_t rows, intptr_t columns, intptr_t row, intptr_t column, blasint *lead)
{
    int straight = column == 1 && (row >= columns || rows == 1);
    intptr_t ld = straight ? row : column;
    intptr_t least = straight ? columns : rows;
    if (ld < least) ld = least;                /* one row or column: its stride says nothing */
    *lead = (blasint)ld;
    return straight ? CblasNoTrans : CblasTrans;
}

/* C[i0:i1, j0:j1] in one call. */
static void tile(const product *p, const char *a, const char *b, char *c, intptr_t i0, intptr_t i1, intptr_t j0,
                 intptr_t j1)
{
    intptr_t item = (intptr_t)rt_itemsize(p->dtype);
    if (!rt_dtype_is_inexact(p->dtype)) {
        b += j0 * p->b_col * item;
        c += j0 * item;
        rt_gemm_integer(p->dtype, i0, i1, j1 - j0, p->k, a, p->a_row, p->a_col, b, p->b_row, p->b_col, p->beta, c,
                        p->c_row);
        return;
    }
    blasint lda, ldb, ldc = (blasint)(p->c_row < p->n ? p->n : p->c_row);
    CBLAS_TRANSPOSE ta = layout(p->m, p->k, p->a_row, p->a_col, &lda);
    CBLAS_TRANSPOSE tb = layout(p->k, p->n, p->b_row, p->b_col, &ldb);
    blasint m = (blasint)(i1 - i0), n = (blasint)(j1 - j0), k = (blasint)p->k;
    static const float one32[2] = {1, 0}, zero32[2] = {0, 0};
    static const double one64[2] = {1, 0}, zero64[2] = {0, 0};
    a += i0 * p->a_row * item;
    b += j0 * p->b_col * item;
    c += (i0 * p->c_row + j0) * item;
    switch (p->dtype) {
    case RT_f32:
        BLAS(cblas_sgemm)(CblasRowMajor, ta, tb, m, n, k, 1, (const float *)a, lda, (const float *)b, ldb,
                          (float)p->beta, (float *)c, ldc);
        break;
    case RT_f64:
        BLAS(cblas_dgemm)(CblasRowMajor, ta, tb, m, n, k, 1, (const double *)a, lda, (const double *)b, ldb,
                          (double)p->beta, (double *)c, ldc);
        break;
    case RT_c64:
        BLAS(cblas_cgemm)(CblasRowMajor, ta, tb, m, n, k, one32, a, lda, b, ldb, p->beta ? one32 : zero32, c, ldc);
        break;
    default:
        BLAS(cblas_zgemm)(CblasRowMajor, ta, tb, m, n, k, one64, a, lda, b, ldb, p->beta ? one64 : zero64, c, ldc);
    }
}

/* Tiles begin..end, numbered product by product, row by row. */
static void run_tiles(void *context, intptr_t begin, intptr_t end)
{
    const product *p = context;
    for (intptr_t t = begin; t < end; t++) {
        intptr_t j = t % p->columns, i = t / p->columns % p->rows, e = t / (p->columns * p->rows);
        intptr_t i1 = (i + 1) * TILE < p->m ? (i + 1) * TILE : p->m;
        intptr_t j1 = (j + 1) * TILE < p->n ? (j + 1) * TILE : p->n;
        tile(p, p->a + e * p->a_step, p->b + e * p->b_step, p->c + e * p->c_step, i * TILE, i1, j * TILE, j1);
    }
}

static void clear(const product *p, intptr_t batch)
{
    size_t item = rt_itemsize(p->dtype);
    for (intptr_t e = 0; e < batch; e++)
        for (intptr_t i = 0; i < p->m; i++)
            memset(p->c + e * p->c_step + i * p->c_row * (intptr_t)item, 0, (size_t)p->n * item);
}

void rt_blas_gemm_batch(rt_dtype dtype, intptr_t batch, intptr_t m, intptr_t n, intptr_t k,
                        const char *a, intptr_t a_step, intptr_t a_row, intptr_t a_col,
                        const char *b, intptr_t b_step, intptr_t b_row, intptr_t b_col,
                        int beta, char *c, intptr_t c_step, intptr_t c_row)
{
    if (batch <= 0 || m <= 0 || n <= 0) return;
    product p = {dtype, m, n, k, a_row, a_col, b_row, b_col, c_row, beta, a, b, c, a_step, b_step, c_step,
                 (m - 1) / TILE + 1, (n - 1) / TILE + 1};
    if (k <= 0) {
        if (!beta) clear(&p, batch);
        return;
    }
    double work = (double)(m < TILE ? m : TILE) * (double)(n < TILE ? n : TILE) * (double)k;
    intptr_t grain = work >= GRAIN_WORK ? 1 : (intptr_t)(GRAIN_WORK / work) + 1;
    rt_threads_for(batch * p.rows * p.columns, grain, run_tiles, &p);
}

void rt_blas_gemm(rt_dtype dtype, intptr_t m, intptr_t n, intptr_t k,
                  const void *a, intptr_t a_row, intptr_t a_col,
                  const void *b, intptr_t b_row, intptr_t b_col,
                  int beta, void *c, intptr_t c_row)
{
    rt_blas_gemm_batch(dtype, 1, m, n, k, a, 0, a_row, a_col, b, 0, b_row, b_col, beta, c, 0, c_row);
}

const char *rt_blas_config(void) { return BLAS(openblas_get_config)(); }

void rt_blas_init(void) { BLAS(openblas_set_num_threads)(1); }
