/* blas: matrix products over our own kernels (gemm.h) and the bundled OpenBLAS, which runs single-threaded.
 * C is cut into tiles for the pool, K never.  Our kernels give the same bits for every cut, so the number of
 * threads may choose it; OpenBLAS does not, so there the grid depends on m and n alone.
 * Floor: backends.  Knows no Python. */
#include "backends/blas.h"
#include "backends/threads.h"
#include "backends/cpu/gemm.h"
#include "backends/work.h"
#include <cblas.h>
#include <stdio.h>
#include <string.h>

/* The library's symbols with the prefix that the build found, e.g. scipy_cblas_sgemm. */
#define PASTE(a, b) a##b
#define PASTE_EXPANDED(a, b) PASTE(a, b)
#define BLAS(name) PASTE_EXPANDED(RT_BLAS_PREFIX, name)

#define LIBRARY_TILE 512
#define LIBRARY_DEPTH ((intptr_t)1 << 30)    /* its lengths are ints */
#define TILE_WORK 2000000.0     /* multiply-adds worth a tile of their own */
#define TILES_PER_THREAD 4
#define ROW_UNIT 8             /* tiles are cut at multiples of these */
#define COLUMN_UNIT 48
#define PACK_GRAIN 65536        /* elements of B worth a thread */

typedef struct {
    rt_gemm one;                                           /* the first product */
    intptr_t a_step, b_step, c_step, start_step;           /* bytes from product to product */
    intptr_t high, wide, rows, columns;                    /* of a tile; how many of them */
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

/* C[i0:i1, j0:j1] by the library, for k <= LIBRARY_DEPTH. */
static void library_call(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    intptr_t item = (intptr_t)rt_itemsize(q->dtype);
    blasint lda, ldb, ldc = (blasint)(q->c_row < q->n ? q->n : q->c_row);
    CBLAS_TRANSPOSE ta = layout(q->m, q->k, q->a_row, q->a_col, &lda);
    CBLAS_TRANSPOSE tb = layout(q->k, q->n, q->b_row, q->b_col, &ldb);
    blasint m = (blasint)(i1 - i0), n = (blasint)(j1 - j0), k = (blasint)q->k;
    static const float one32[2] = {1, 0}, zero32[2] = {0, 0};
    static const double one64[2] = {1, 0}, zero64[2] = {0, 0};
    const char *a = q->a + i0 * q->a_row * item, *b = q->b + j0 * q->b_col * item;
    char *c = q->c + (i0 * q->c_row + j0) * item;
    const int add = q->start != NULL;              /* C holds it already */
    switch (q->dtype) {
    case RT_f32:
        BLAS(cblas_sgemm)(CblasRowMajor, ta, tb, m, n, k, 1, (const float *)a, lda, (const float *)b, ldb,
                          (float)add, (float *)c, ldc);
        break;
    case RT_f64:
        BLAS(cblas_dgemm)(CblasRowMajor, ta, tb, m, n, k, 1, (const double *)a, lda, (const double *)b, ldb,
                          (double)add, (double *)c, ldc);
        break;
    case RT_c64:
        BLAS(cblas_cgemm)(CblasRowMajor, ta, tb, m, n, k, one32, a, lda, b, ldb, add ? one32 : zero32, c, ldc);
        break;
    default:
        BLAS(cblas_zgemm)(CblasRowMajor, ta, tb, m, n, k, one64, a, lda, b, ldb, add ? one64 : zero64, c, ldc);
    }
}

static void library_tile(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype);
    rt_gemm part = *q;
    for (intptr_t p = 0; p < q->k; p += LIBRARY_DEPTH) {
        part.k = q->k - p < LIBRARY_DEPTH ? q->k - p : LIBRARY_DEPTH;
        library_call(&part, i0, i1, j0, j1);
        part.a += part.k * q->a_col * item;
        part.b += part.k * q->b_row * item;
        part.start = part.c;
    }
}

/* C = start, or 0. */
static void lay(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype == RT_bf16 ? RT_f32 : q->dtype);
    for (intptr_t i = i0; i < i1; i++) {
        char *c = q->c + (i * q->c_row + j0) * item;
        const char *start = q->start + (i * q->start_row + j0) * item;
        if (!q->start) memset(c, 0, (size_t)((j1 - j0) * item));
        else if (start != c) memcpy(c, start, (size_t)((j1 - j0) * item));
    }
}

static void tile(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    if (q->k && rt_gemm_float(q, i0, i1, j0, j1)) return;
    if (q->start || !q->k) lay(q, i0, i1, j0, j1);
    if (!q->k) return;
    if (rt_dtype_is_inexact(q->dtype)) library_tile(q, i0, i1, j0, j1);
    else rt_gemm_integer(q, i0, i1, j0, j1);
}

/* Tiles begin..end, numbered product by product, row by row. */
static void run_tiles(void *context, intptr_t begin, intptr_t end)
{
    const product *p = context;
    for (intptr_t t = begin; t < end; t++) {
        intptr_t j = t % p->columns, i = t / p->columns % p->rows, e = t / (p->columns * p->rows);
        intptr_t i0 = i * p->high, j0 = j * p->wide;
        rt_gemm q = p->one;
        q.a += e * p->a_step;
        q.b += e * p->b_step;
        q.c += e * p->c_step;
        if (q.start) q.start += e * p->start_step;
        tile(&q, i0, q.m - i0 < p->high ? q.m : i0 + p->high, j0, q.n - j0 < p->wide ? q.n : j0 + p->wide);
    }
}

/* How C is cut.  With our kernels: as coarse as keeps all threads busy. */
static void cut(product *p, intptr_t batch)
{
    const rt_gemm *q = &p->one;
    int library = rt_dtype_is_inexact(q->dtype) && !rt_gemm_float_takes(q->dtype);
    p->high = q->m;
    p->wide = q->n;
    if (library) {
        p->high = p->wide = LIBRARY_TILE;
    } else if (rt_threads_count() > 1) {
        double work = (double)q->m * (double)q->n * (double)q->k;
        double wanted = (double)rt_threads_count() * TILES_PER_THREAD / (double)batch;
        if (wanted > work / TILE_WORK) wanted = work / TILE_WORK;
        while ((double)((q->m - 1) / p->high + 1) * (double)((q->n - 1) / p->wide + 1) < wanted) {
            if (p->high >= p->wide && p->high > ROW_UNIT) p->high = rt_gemm_even(p->high, (p->high + 1) / 2, ROW_UNIT);
            else if (p->wide > COLUMN_UNIT) p->wide = rt_gemm_even(p->wide, (p->wide + 1) / 2, COLUMN_UNIT);
            else break;
        }
    }
    p->rows = (q->m - 1) / p->high + 1;
    p->columns = (q->n - 1) / p->wide + 1;
}

void rt_blas_gemm_batch(rt_dtype dtype, intptr_t batch, intptr_t m, intptr_t n, intptr_t k,
                        const char *a, intptr_t a_step, intptr_t a_row, intptr_t a_col,
                        const char *b, intptr_t b_step, intptr_t b_row, intptr_t b_col,
                        const char *start, intptr_t start_step, intptr_t start_row, char *c, intptr_t c_step, intptr_t c_row)
{
    if (batch <= 0 || m <= 0 || n <= 0) return;
    if (rt_work_now) rt_work_now->products += (uint32_t)batch;
    product p = {.one = {.dtype = dtype, .m = m, .n = n, .k = k < 0 ? 0 : k, .a_row = a_row, .a_col = a_col, .b_row = b_row,
                         .b_col = b_col, .c_row = c_row, .start_row = start_row, .a = a, .b = b, .start = start, .c = c},
                 .a_step = a_step, .b_step = b_step, .c_step = c_step, .start_step = start_step};
    cut(&p, batch);
    double work = (double)(m < p.high ? m : p.high) * (double)(n < p.wide ? n : p.wide) * (double)(k + 1);
    intptr_t grain = work >= TILE_WORK ? 1 : (intptr_t)(TILE_WORK / work) + 1;
    rt_threads_for(batch * p.rows * p.columns, grain, run_tiles, &p);
}

void rt_blas_gemm(rt_dtype dtype, intptr_t m, intptr_t n, intptr_t k,
                  const void *a, intptr_t a_row, intptr_t a_col,
                  const void *b, intptr_t b_row, intptr_t b_col,
                  int beta, void *c, intptr_t c_row)
{
    rt_blas_gemm_batch(dtype, 1, m, n, k, a, 0, a_row, a_col, b, 0, b_row, b_col, beta ? c : NULL, 0, c_row, c, 0, c_row);
}

int rt_blas_takes_half(rt_dtype d) { return rt_gemm_float_takes(d); }

intptr_t rt_blas_packed_columns(rt_dtype dtype) { return rt_gemm_packed_columns(dtype); }

typedef struct { rt_gemm q; char *to; intptr_t wide; } packed_whole;

static void pack_panels(void *context, intptr_t begin, intptr_t end)
{
    const packed_whole *j = context;
    rt_gemm_pack(&j->q, j->to, begin * j->wide, end * j->wide < j->q.n ? end * j->wide : j->q.n);
}

void rt_blas_pack(rt_dtype dtype, intptr_t n, intptr_t k, const void *b, intptr_t b_row, intptr_t b_col, void *to)
{
    packed_whole j = {{.dtype = dtype, .n = n, .k = k, .b_row = b_row, .b_col = b_col, .b = b}, to, rt_gemm_packed_columns(dtype)};
    rt_threads_for((n + j.wide - 1) / j.wide, 1 + PACK_GRAIN / (j.wide * (k + 1)), pack_panels, &j);
}

void rt_blas_gemm_packed(rt_dtype dtype, intptr_t m, intptr_t n, intptr_t k, const void *a, intptr_t a_row,
                         intptr_t a_col, const void *packed, intptr_t j0, intptr_t j1, int beta, void *c, intptr_t c_row)
{
    const rt_gemm q = {.dtype = dtype, .m = m, .n = n, .k = k, .a_row = a_row, .a_col = a_col, .c_row = c_row,
                       .start_row = c_row, .start = beta ? c : NULL, .a = a, .b = packed, .c = c};
    if (rt_work_now) rt_work_now->products++;
    if (k > 0) {
        rt_gemm_packed(&q, j0, j1);
        return;
    }
    const size_t item = rt_itemsize(dtype);
    for (intptr_t i = 0; i < m && !beta; i++)
        memset((char *)c + (size_t)(i * c_row + j0) * item, 0, (size_t)(j1 - j0) * item);
}

const char *rt_blas_config(void)
{
    static char text[512];
    const char *kernel = rt_gemm_float_kernel();
    snprintf(text, sizeof text, "%s%s%s", kernel ? "products by kernels for " : "", kernel ? kernel : "",
             kernel ? "; beside them " : "");
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s", BLAS(openblas_get_config)());
    return text;
}

void rt_blas_choose(const char *isa) { rt_gemm_float_choose(isa); }

void rt_blas_init(void) { BLAS(openblas_set_num_threads)(1); }
