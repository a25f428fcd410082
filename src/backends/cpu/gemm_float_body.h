/* The product kernels of one floating dtype for one instruction set: included by gemm_float.c with REAL, VEC, LANES,
 * ROWS (of a register tile), LOAD, LOAD_PART, STORE, STORE_PART, FIRST(n) (mask of n lanes), FMA, SPREAD,
 * MASKED and NAME defined.  No include guard.  MASKED: reading a part of a vector costs no more than the
 * whole; otherwise a panel that ends within a vector is packed, with zeros behind it.
 *
 *   A panel: a[p * a_step + i], i < rows <= ROWS         B panel: b[p * b_step + j], j < columns <= COLUMNS
 *
 * A result is, for every DEPTH of k, one chain of fused multiply-adds over p, added to C: the same bits for
 * every tile, layout and vector length. */
#define COLUMNS (3 * LANES)
#if MASKED
#define LOAD_LAST LOAD_PART
#else
#define LOAD_LAST(p, m) LOAD(p)
#endif

/* C[0:rows, 0:columns] = or += A panel * B panel; rows and vectors are constants at each call. */
static inline __attribute__((always_inline)) void NAME(tile)(const int rows, const int vectors, intptr_t k,
    const REAL *a, intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row, int columns, int add)
{
    VEC sum[ROWS][3];
    const MASK last = FIRST(columns - (vectors - 1) * LANES);
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = (VEC){0};
    for (intptr_t p = 0; p < k; p++, a += a_step, b += b_step) {
        VEC y[3];
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) y[v] = LOAD(b + v * LANES);
        y[vectors - 1] = LOAD_LAST(b + (vectors - 1) * LANES, last);
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
            const VEC x = SPREAD(a[i]);
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
        }
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++, c += c_row) {
        REAL *end = c + (vectors - 1) * LANES;
        if (add) {
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) sum[i][v] += LOAD(c + v * LANES);
            sum[i][vectors - 1] += LOAD_PART(end, last);
        }
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) STORE(c + v * LANES, sum[i][v]);
        STORE_PART(end, last, sum[i][vectors - 1]);
    }
}

typedef void NAME(tile_fn)(intptr_t k, const REAL *a, intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c,
                           intptr_t c_row, int columns, int add);

#define TILE(r, v) \
    static __attribute__((noinline)) void NAME(tile_##r##_##v)(intptr_t k, const REAL *a, intptr_t a_step, \
        const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row, int columns, int add) \
    { NAME(tile)(r, v, k, a, a_step, b, b_step, c, c_row, columns, add); }
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3)
#define ENTRY(r) {NAME(tile_##r##_1), NAME(tile_##r##_2), NAME(tile_##r##_3)}
TILES(1) TILES(2) TILES(3) TILES(4)
#if ROWS == 8
TILES(5) TILES(6) TILES(7) TILES(8)
static NAME(tile_fn) *const NAME(tiles)[ROWS][3] = {ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
                                                    ENTRY(8)};
#else
static NAME(tile_fn) *const NAME(tiles)[ROWS][3] = {ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4)};
#endif

/* dst[p * width + i] = src[p * depth + i * lane] for a panel of `lanes`; zeros from there to width. */
static void NAME(pack)(const REAL *src, intptr_t depth, intptr_t lane, intptr_t lanes, intptr_t k, REAL *dst,
                       intptr_t width)
{
    intptr_t i = 0;
    if (lane == 1 && lanes == COLUMNS) {
        for (intptr_t p = 0; p < k; p++) memcpy(dst + p * width, src + p * depth, COLUMNS * sizeof(REAL));
        return;
    }
    if (lane == 1 && lanes == ROWS) {
        for (intptr_t p = 0; p < k; p++) memcpy(dst + p * width, src + p * depth, ROWS * sizeof(REAL));
        i = ROWS;
    } else if (lane == 1) {
        for (intptr_t p = 0; p < k; p++)
            for (intptr_t j = 0; j < lanes; j++) dst[p * width + j] = src[p * depth + j];
        i = lanes;
    }
    for (; depth == 1 && i + 4 <= lanes; i += 4) {
        const REAL *s0 = src + i * lane, *s1 = s0 + lane, *s2 = s1 + lane, *s3 = s2 + lane;
        intptr_t p = 0;
        for (; p + 4 <= k; p += 4) {
            QUAD x0, x1, x2, x3;
            memcpy(&x0, s0 + p, sizeof x0);
            memcpy(&x1, s1 + p, sizeof x1);
            memcpy(&x2, s2 + p, sizeof x2);
            memcpy(&x3, s3 + p, sizeof x3);
            const QUAD l0 = __builtin_shuffle(x0, x1, (QUAD_INDEX){0, 4, 1, 5});
            const QUAD l1 = __builtin_shuffle(x2, x3, (QUAD_INDEX){0, 4, 1, 5});
            const QUAD h0 = __builtin_shuffle(x0, x1, (QUAD_INDEX){2, 6, 3, 7});
            const QUAD h1 = __builtin_shuffle(x2, x3, (QUAD_INDEX){2, 6, 3, 7});
            x0 = __builtin_shuffle(l0, l1, (QUAD_INDEX){0, 1, 4, 5});
            x1 = __builtin_shuffle(l0, l1, (QUAD_INDEX){2, 3, 6, 7});
            x2 = __builtin_shuffle(h0, h1, (QUAD_INDEX){0, 1, 4, 5});
            x3 = __builtin_shuffle(h0, h1, (QUAD_INDEX){2, 3, 6, 7});
            REAL *to = dst + p * width + i;
            memcpy(to, &x0, sizeof x0);
            memcpy(to + width, &x1, sizeof x1);
            memcpy(to + 2 * width, &x2, sizeof x2);
            memcpy(to + 3 * width, &x3, sizeof x3);
        }
        for (; p < k; p++) {
            REAL *to = dst + p * width + i;
            to[0] = s0[p], to[1] = s1[p], to[2] = s2[p], to[3] = s3[p];
        }
    }
    for (; i < lanes; i++)
        for (intptr_t p = 0; p < k; p++) dst[p * width + i] = src[p * depth + i * lane];
    for (; i < width; i++)
        for (intptr_t p = 0; p < k; p++) dst[p * width + i] = 0;
}

/* May a tile read this panel of B as it lies? */
static inline int NAME(is_direct)(const rt_gemm *q, intptr_t m, intptr_t columns)
{
    return q->b_col == 1 && m <= 4 * ROWS && (MASKED || columns % LANES == 0);
}

/* One block: C[0:m, 0:n] = or += A[0:m, 0:k] B[0:k, 0:n]; packed_b: B is in its buffer already. */
static void NAME(block)(const rt_gemm *q, const REAL *a, const REAL *b, REAL *c, intptr_t m, intptr_t n, intptr_t k,
                        int add, int packed_b)
{
    REAL *pa = (REAL *)q->a_buffer, *pb = (REAL *)q->b_buffer;
    const intptr_t high = rt_gemm_even(m, ROWS, 1), wide = rt_gemm_even(n, COLUMNS, LANES);
    const int direct_a = q->a_row == 1 && n <= 4 * COLUMNS;
    if (!direct_a)
        for (intptr_t i = 0; i < m; i += high)
            NAME(pack)(a + i * q->a_row, q->a_col, q->a_row, m - i < high ? m - i : high, k, pa + i * k, high);
    for (intptr_t j = 0; j < n; j += wide) {
        const int columns = (int)(n - j < wide ? n - j : wide), vectors = (columns + LANES - 1) / LANES;
        const int direct = NAME(is_direct)(q, m, columns);
        const REAL *y = direct ? b + j : pb + j * k;
        const intptr_t y_step = direct ? q->b_row : wide;
        if (!direct && !packed_b) NAME(pack)(b + j * q->b_col, q->b_row, q->b_col, columns, k, pb + j * k, wide);
        for (intptr_t i = 0; i < m; i += high) {
            const intptr_t rows = m - i < high ? m - i : high;
            NAME(tiles)[rows - 1][vectors - 1](k, direct_a ? a + i : pa + i * k, direct_a ? q->a_col : high, y, y_step,
                                               c + i * q->c_row + j, q->c_row, columns, add);
        }
    }
}

/* C[i0:i1, j0:j1].  Which kernel is chosen depends on the lengths of the whole product alone. */
static void NAME(range)(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    const REAL *a = (const REAL *)q->a, *b = (const REAL *)q->b;
    REAL *c = (REAL *)q->c;
    if (q->m == 1 || q->n == 1) {
        if (q->m == 1) NAME(vector)(a, q->a_col, b + j0 * q->b_col, q->b_row, q->b_col, j1 - j0, q->k, c + j0, 1, q->beta);
        else NAME(vector)(b, q->b_row, a + i0 * q->a_row, q->a_col, q->a_row, i1 - i0, q->k, c + i0 * q->c_row, q->c_row,
                          q->beta);
        return;
    }
    const intptr_t depth = rt_gemm_even(q->k, DEPTH, 1);            /* must depend on k alone */
    const intptr_t high = rt_gemm_even(i1 - i0, HEIGHT, ROWS), wide = rt_gemm_even(j1 - j0, WIDTH, COLUMNS);
    for (intptr_t j = j0; j < j1; j += wide) {
        const intptr_t n = j1 - j < wide ? j1 - j : wide;
        for (intptr_t p = 0; p < q->k; p += depth) {
            const intptr_t k = q->k - p < depth ? q->k - p : depth;
            for (intptr_t i = i0; i < i1; i += high) {
                const intptr_t m = i1 - i < high ? i1 - i : high;
                NAME(block)(q, a + i * q->a_row + p * q->a_col, b + p * q->b_row + j * q->b_col, c + i * q->c_row + j, m, n,
                            k, q->beta || p > 0, i > i0);
            }
        }
    }
}
#undef REAL
#undef VEC
#undef MASK
#undef LANES
#undef ROWS
#undef COLUMNS
#undef LOAD
#undef LOAD_PART
#undef LOAD_LAST
#undef MASKED
#undef STORE
#undef STORE_PART
#undef FIRST
#undef FMA
#undef SPREAD
#undef SCALAR_FMA
#undef NAME
#undef QUAD
#undef QUAD_INDEX
#undef TILE
#undef TILES
#undef ENTRY
