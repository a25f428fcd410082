/* One product kernel for words of one width: included by gemm_integer_set.h with WORD, LANE (the type it computes
 * in), WIDER (whose product does not overflow as an int), NAME, IN(x) from a word to a lane, JOINED(c, a, b), JOIN(c,
 * a, b), which assigns it, and OUT(c, sum) defined, and VECTOR bytes.  No include guard.  A block of
 * B, two vectors wide, is packed and stays in the first cache while all rows of C pass over it, four at a time. */
#define WIDE (2 * VECTOR / (intptr_t)sizeof(LANE))
#define TILE(stem) PASTE(stem, NAME)
typedef LANE TILE(vector_) __attribute__((vector_size(VECTOR)));
typedef WORD TILE(word_) __attribute__((aligned(1), may_alias));

/* to[p][j] = b[p * row + j * col] for `depth` rows of `width` columns, zeros beyond. */
static void TILE(pack_)(LANE *to, const TILE(word_) *b, intptr_t row, intptr_t col, intptr_t depth, intptr_t width)
{
    for (intptr_t p = 0; p < depth; p++)
        if (col == 1) for (intptr_t j = 0; j < width; j++) to[p * WIDE + j] = IN(b[p * row + j]);
        else for (intptr_t j = 0; j < width; j++) to[p * WIDE + j] = IN(b[p * row + j * col]);
    for (intptr_t p = 0; p < depth && width < WIDE; p++) memset(to + p * WIDE + width, 0, (size_t)(WIDE - width) * sizeof(LANE));
}

/* `rows` (at most HIGH) rows of C += A panel; a row beyond the last is the last once more. */
static void TILE(rows_)(intptr_t rows, intptr_t depth, const TILE(word_) *a, intptr_t a_row, intptr_t a_col, const LANE *panel,
                        TILE(word_) *c, intptr_t c_row, intptr_t width)
{
    TILE(vector_) sum[HIGH][2];
    LANE line[WIDE] __attribute__((aligned(64)));
    const TILE(word_) *x[HIGH];
    for (int r = 0; r < HIGH; r++) {
        x[r] = a + (r < rows ? r : rows - 1) * a_row;
        sum[r][0] = sum[r][1] = (TILE(vector_)){0};
    }
    for (intptr_t p = 0; p < depth; p++) {
        const TILE(vector_) y0 = *(const TILE(vector_) *)(panel + p * WIDE), y1 = *(const TILE(vector_) *)(panel + p * WIDE + WIDE / 2);
        _Pragma("GCC unroll 4") for (int r = 0; r < HIGH; r++) {
            const TILE(vector_) s = IN(x[r][p * a_col]) - (TILE(vector_)){0};
            JOIN(sum[r][0], s, y0);
            JOIN(sum[r][1], s, y1);
        }
    }
    for (intptr_t r = 0; r < rows; r++, c += c_row) {
        memcpy(line, sum[r], sizeof line);
        for (intptr_t j = 0; j < width; j++) c[j] = (WORD)(OUT(c[j], line[j]));
    }
}

/* Few rows of A: B's rows, which are packed, are added up one after the other. */
static void TILE(few_)(intptr_t n, intptr_t k, const TILE(word_) *a, intptr_t a_col, const TILE(word_) *b, intptr_t b_row,
                       TILE(word_) *restrict c)
{
    for (intptr_t j = 0; j < n; j += COLUMNS)
        for (intptr_t p = 0; p < k; p++) {
            const WIDER x = IN(a[p * a_col]);
            const TILE(word_) *y = b + p * b_row + j;
            _Pragma("GCC ivdep") for (intptr_t l = 0; l < (n - j < COLUMNS ? n - j : COLUMNS); l++)
                c[j + l] = (WORD)JOINED(c[j + l], x, (WIDER)IN(y[l]));
        }
}

/* A row by a column, both packed. */
static WORD TILE(dot_)(intptr_t k, const TILE(word_) *a, const TILE(word_) *b)
{
    LANE sum = 0;
    for (intptr_t p = 0; p < k; p++) sum = (LANE)JOINED(sum, (WIDER)IN(a[p]), (WIDER)IN(b[p]));
    return (WORD)sum;
}

static void NAME(intptr_t i0, intptr_t i1, intptr_t n, intptr_t k, const WORD *a, intptr_t a_row, intptr_t a_col,
                 const WORD *b, intptr_t b_row, intptr_t b_col, int beta, WORD *c, intptr_t c_row)
{
    LANE panel[DEPTH * WIDE] __attribute__((aligned(64)));
    for (intptr_t i = i0; i < i1 && !beta; i++) memset(c + i * c_row, 0, (size_t)n * sizeof(WORD));
    if (a_col == 1 && b_row == 1 && (i1 - i0 < HIGH || n < HIGH)) {
        for (intptr_t i = i0; i < i1; i++)
            for (intptr_t j = 0; j < n; j++) {
                WORD *at = c + i * c_row + j;
                *at = (WORD)OUT(*at, TILE(dot_)(k, (const TILE(word_) *)a + i * a_row, (const TILE(word_) *)b + j * b_col));
            }
        return;
    }
    if (b_col == 1 && i1 - i0 < HIGH) {
        for (intptr_t i = i0; i < i1; i++)
            TILE(few_)(n, k, (const TILE(word_) *)a + i * a_row, a_col, (const TILE(word_) *)b, b_row, (TILE(word_) *)c + i * c_row);
        return;
    }
    for (intptr_t j = 0; j < n; j += WIDE) {
        const intptr_t width = n - j < WIDE ? n - j : WIDE;
        for (intptr_t p = 0; p < k; p += DEPTH) {
            const intptr_t depth = k - p < DEPTH ? k - p : DEPTH;
            TILE(pack_)(panel, (const TILE(word_) *)b + p * b_row + j * b_col, b_row, b_col, depth, width);
            for (intptr_t i = i0; i < i1; i += HIGH)
                TILE(rows_)(i1 - i < HIGH ? i1 - i : HIGH, depth, (const TILE(word_) *)a + i * a_row + p * a_col, a_row, a_col, panel,
                            (TILE(word_) *)c + i * c_row + j, c_row, width);
        }
    }
}
#undef WORD
#undef LANE
#undef WIDER
#undef NAME
#undef IN
#undef OUT
#undef JOIN
#undef JOINED
#undef TILE
#undef WIDE
