/* One product kernel for words of one width: included by gemm_integer.c with WORD, NAME and
 * ACCUMULATE(c, a, b) defined.  No include guard.  A block of B's rows stays in cache while
 * all rows of C pass over it. */
static void NAME(intptr_t i0, intptr_t i1, intptr_t n, intptr_t k, const WORD *a, intptr_t a_row, intptr_t a_col,
                 const WORD *b, intptr_t b_row, intptr_t b_col, int beta, WORD *c, intptr_t c_row)
{
    for (intptr_t i = i0; i < i1 && !beta; i++) memset(c + i * c_row, 0, (size_t)n * sizeof(WORD));
    for (intptr_t j0 = 0; j0 < n; j0 += COLUMNS) {
        intptr_t width = n - j0 < COLUMNS ? n - j0 : COLUMNS;
        for (intptr_t p0 = 0; p0 < k; p0 += DEPTH) {
            intptr_t p1 = k - p0 < DEPTH ? k : p0 + DEPTH;
            for (intptr_t i = i0; i < i1; i++) {
                WORD *restrict row = c + i * c_row + j0;
                for (intptr_t p = p0; p < p1; p++) {
                    const WORD x = a[i * a_row + p * a_col];
                    const WORD *restrict y = b + p * b_row + j0 * b_col;
                    if (b_col == 1)
                        for (intptr_t j = 0; j < width; j++) ACCUMULATE(row[j], x, y[j]);
                    else
                        for (intptr_t j = 0; j < width; j++) ACCUMULATE(row[j], x, y[j * b_col]);
                }
            }
        }
    }
}
#undef WORD
#undef NAME
#undef ACCUMULATE
