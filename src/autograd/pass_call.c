/* pass_call: the kernels of a pass, each called as the row that it belongs to calls it.  Floor: autograd. */
#include "autograd/pass_call.h"
#include "backends/blas.h"
#include <string.h>

void rt_pass_product(const rt_pass_call *c, char *const *at)
{
    const int16_t *p = c->place;
    rt_blas_gemm_batch(c->product.dtype, 1, c->product.m, c->product.n, c->product.k, at[p[0]], 0, c->product.a_row,
                       c->product.a_col, at[p[1]], 0, c->product.b_row, c->product.b_col, p[2] < 0 ? NULL : at[p[2]], 0, 0,
                       at[p[3]], 0, c->product.n);
}

void rt_pass_loop(const rt_pass_call *c, char *const *at)
{
    char *args[6];
    for (int k = 0; k <= c->loop.nin; k++) args[k] = at[c->place[k]];
    c->loop.loop(args, &c->loop.n, c->loop.steps, NULL);
}

void rt_pass_column_sums(const rt_pass_call *c, char *const *at)
{
    const intptr_t item = c->sums.item, m = c->sums.columns;
    const char *x = at[c->place[0]];
    char *out = at[c->place[1]];
    if (m == 1) c->sums.kernel->block(x, c->sums.rows, item, out);
    else c->sums.kernel->columns(x, c->sums.rows, m * item, m, item, out);
}

/* What the kernels are told of the rows, as the row cross_entropy tells it. */
static rt_entropy entropy(const rt_pass_call *c, char *const *at)
{
    const int16_t *p = c->place;
    return (rt_entropy){.x = at[p[0]], .target = (const int64_t *)at[p[1]], .ignore = c->classes.ignore,
                        .keep = 1 - c->classes.smoothing, .even = c->classes.smoothing / (double)c->classes.classes,
                        .most = at[p[2]], .rest = at[p[2]] + c->classes.rows * c->classes.item};
}

void rt_pass_losses(const rt_pass_call *c, char *const *at)
{
    rt_entropy e = entropy(c, at);
    e.losses = at[c->place[3]];
    c->classes.kernels->rows(&e, c->classes.rows, c->classes.classes);
}

/* By the tree of a sum. */
void rt_pass_total(const rt_pass_call *c, char *const *at)
{
    const intptr_t n = c->sums.rows, item = c->sums.item, blocks = (n + RT_REDUCE_BLOCK - 1) / RT_REDUCE_BLOCK;
    double room[RT_PASS_BLOCKS];
    const char *x = at[c->place[0]];
    char *parts = (char *)room, *out = at[c->place[1]];
    for (intptr_t b = 0, i = 0; b < blocks; b++, i += RT_REDUCE_BLOCK)
        c->sums.kernel->block(x + i * item, n - i < RT_REDUCE_BLOCK ? n - i : RT_REDUCE_BLOCK, item, parts + b * item);
    rt_reduce_join(c->sums.kernel, parts, blocks, item);
    if (item == 4) *(float *)out = *(float *)parts / (float)c->sums.divisor;
    else *(double *)out = *(double *)parts / c->sums.divisor;
}

void rt_pass_scores_gradient(const rt_pass_call *c, char *const *at)
{
    const int16_t *p = c->place;
    const intptr_t rows = c->classes.rows;
    const double share = 1 / c->classes.divisor;
    rt_entropy e = entropy(c, at);
    double scale[RT_PASS_ROWS];
    if (c->classes.item == 4) {
        const float each = (float)(share * *(const float *)at[p[3]]);
        for (intptr_t r = 0; r < rows; r++) ((float *)scale)[r] = each;
    } else {
        const double each = share * *(const double *)at[p[3]];
        for (intptr_t r = 0; r < rows; r++) scale[r] = each;
    }
    e.scale = (const char *)scale;
    e.gx = at[p[4]];
    c->classes.kernels->rows_backward(&e, rows, c->classes.classes);
}
