/* The product kernels of one floating dtype for one instruction set: included by gemm_float.c with REAL, VEC, LANES,
 * ROWS (of a register tile), LOAD, LOAD_PART, STORE, STORE_PART, FIRST(n) (mask of n lanes), FMA, SPREAD, MASKED,
 * JOIN and NAME defined.  No include guard.  MASKED: reading a part of a vector costs no more than the
 * whole; otherwise a panel that ends within a vector is packed, with zeros behind it.
 *
 *   A panel: a[p * a_step + i * a_lane], i < rows <= ROWS       B panel: b[p * b_step + j], j < columns <= COLUMNS
 *
 * A result is, for every DEPTH of k, one chain of fused multiply-adds over p, added to C: the same bits for
 * every tile, layout and vector length. */
#if MASKED
#define LOAD_LAST LOAD_PART
#else
#define LOAD_LAST(p, m) LOAD(p)
#endif

/* C[0:rows, 0:columns] = [start +] A panel * B panel; rows and vectors are constants at each call. */
static inline __attribute__((always_inline)) void NAME(tile)(const int rows, const int vectors, intptr_t k,
    const REAL *a, intptr_t a_lane, intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row, int columns,
    const REAL *start, intptr_t start_row)
{
    VEC sum[ROWS][3];
    const MASK last = FIRST(columns - (vectors - 1) * LANES);
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
        if (start)                             /* it has left the caches when the panels have been walked */
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors * (int)sizeof(VEC); v += 64)
                __builtin_prefetch((const char *)(start + i * start_row) + v);
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = (VEC){0};
    }
    for (intptr_t p = 0; p < k; p++, a += a_step, b += b_step) {
        VEC y[3];
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) y[v] = LOAD(b + v * LANES);
        y[vectors - 1] = LOAD_LAST(b + (vectors - 1) * LANES, last);
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
            const VEC x = SPREAD(a[i * a_lane]);
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
        }
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++, c += c_row) {
        if (start) {
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) sum[i][v] += LOAD(start + v * LANES);
            sum[i][vectors - 1] += LOAD_PART(start + (vectors - 1) * LANES, last);
            start += start_row;
        }
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) STORE(c + v * LANES, sum[i][v]);
        STORE_PART(c + (vectors - 1) * LANES, last, sum[i][vectors - 1]);
    }
}

typedef void NAME(tile_fn)(intptr_t k, const REAL *a, intptr_t a_lane, intptr_t a_step, const REAL *b, intptr_t b_step,
                           REAL *c, intptr_t c_row, int columns, const REAL *start, intptr_t start_row);

#define TILE(r, v) \
    static __attribute__((noinline)) void NAME(tile_##r##_##v)(intptr_t k, const REAL *a, intptr_t a_lane, \
        intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row, int columns, const REAL *start, \
        intptr_t start_row) \
    { NAME(tile)(r, v, k, a, a_lane, a_step, b, b_step, c, c_row, columns, start, start_row); }
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

/* One block: C[i:i+m, j:j+n] = [start +] A[i:i+m, p:p+k] B[p:p+k, j:j+n]; columns and depth in REALs.  packed_b: B is in
 * its buffer already; kept_b: it stays there for the next block. */
static void NAME(block)(const rt_gemm *q, intptr_t i, intptr_t m, intptr_t j, intptr_t n, intptr_t p, intptr_t k,
                        int packed_b, int kept_b)
{
    const intptr_t high = rt_gemm_even(m, ROWS, 1), wide = rt_gemm_even(n, COLUMNS, LANES), each = NAME(reals)(q);
    const intptr_t c_row = q->c_row * each, start_row = p ? c_row : q->start_row * each;
    const NAME(panels) a = NAME(take_a)(q, i, m, p, k, n, high);
    const REAL *start = p ? (const REAL *)q->c : (const REAL *)q->start;
    for (intptr_t l = 0; l < n; l += wide) {
        const int columns = (int)(n - l < wide ? n - l : wide), vectors = (columns + LANES - 1) / LANES;
        const NAME(panels) b = NAME(take_b)(q, j, l, columns, p, k, m, wide, packed_b, kept_b);
        for (intptr_t r = 0; r < m; r += high)
            NAME(tiles)[(m - r < high ? m - r : high) - 1][vectors - 1](
                k, a.at + r * a.next, a.lane, a.step, b.at, b.step, (REAL *)q->c + (i + r) * c_row + j + l, c_row, columns,
                start ? start + (i + r) * start_row + j + l : NULL, start_row);
    }
}

/* C[i0:i1, j0:j1].  Which kernel is chosen depends on the lengths of the whole product alone. */
static void NAME(range)(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
#ifndef PAIRS
    const REAL *a = (const REAL *)q->a, *b = (const REAL *)q->b, *start = (const REAL *)q->start;
    REAL *c = (REAL *)q->c;
    if (q->m == 1 && NAME(reals)(q) == 1) {
        NAME(vector)(a, q->a_col, b + j0 * q->b_col, q->b_row, q->b_col, j1 - j0, q->k, c + j0, 1, start ? start + j0 : NULL, 1);
        return;
    }
    if (q->n == 1 && NAME(reals)(q) == 1) {
        NAME(vector)(b, q->b_row, a + i0 * q->a_row, q->a_col, q->a_row, i1 - i0, q->k, c + i0 * q->c_row, q->c_row,
                     start ? start + i0 * q->start_row : NULL, q->start_row);
        return;
    }
#endif
    const intptr_t each = NAME(reals)(q), whole = NAME(depth)(q), depth = rt_gemm_even(whole, DEPTH, each);   /* of k alone */
    const intptr_t high = rt_gemm_even(i1 - i0, HEIGHT / (intptr_t)sizeof(REAL), ROWS);
    const intptr_t wide = rt_gemm_even((j1 - j0) * each, WIDTH, COLUMNS);
    for (intptr_t j = j0 * each; j < j1 * each; j += wide) {
        const intptr_t n = j1 * each - j < wide ? j1 * each - j : wide;
        for (intptr_t p = 0; p < whole; p += depth) {
            const intptr_t k = whole - p < depth ? whole - p : depth;
            for (intptr_t i = i0; i < i1; i += high)
                NAME(block)(q, i, i1 - i < high ? i1 - i : high, j, n, p, k, i > i0, high < i1 - i0);
        }
    }
}

#ifndef PAIRS
/* All of B (k, n): for every block of DEPTH its panels, each as wide as a tile; here those of columns j0..j1. */
static void NAME(pack_whole)(const rt_gemm *q, char *to, intptr_t j0, intptr_t j1)
{
    const intptr_t depth = rt_gemm_even(q->k, DEPTH, 1), padded = (q->n + COLUMNS - 1) / COLUMNS * COLUMNS;
    for (intptr_t p = 0, k; p < q->k; p += k) {
        k = q->k - p < depth ? q->k - p : depth;
        for (intptr_t j = j0; j < j1; j += COLUMNS)
            NAME(pack)((const REAL *)q->b + p * q->b_row + j * q->b_col, q->b_row, q->b_col,
                       j1 - j < COLUMNS ? j1 - j : COLUMNS, k, (REAL *)to + p * padded + j * k, COLUMNS);
    }
}

/* One row by `vectors` of neighbouring panels, `panel` elements apart: a tile of one row has too few chains to keep the
 * units busy.  Of the last vector `columns` are results. */
#define TRIO 9
static inline __attribute__((always_inline)) void NAME(line)(const int vectors, intptr_t k, const REAL *a, intptr_t a_step,
    const REAL *b, intptr_t panel, REAL *c, int columns, const REAL *start)
{
    VEC sum[TRIO];
    REAL last[LANES];
    _Pragma("GCC unroll 9") for (int v = 0; v < vectors; v++) sum[v] = (VEC){0};
    for (intptr_t p = 0; p < k; p++, a += a_step, b += COLUMNS) {
        const VEC x = SPREAD(*a);
        _Pragma("GCC unroll 9") for (int v = 0; v < vectors; v++)
            sum[v] = FMA(x, LOAD(b + v / 3 * panel + v % 3 * LANES), sum[v]);
    }
    _Pragma("GCC unroll 9") for (int v = 0; v < vectors - 1; v++) {
        if (start) sum[v] += LOAD(start + v * LANES);
        STORE(c + v * LANES, sum[v]);
    }
    STORE(last, sum[vectors - 1]);
    for (int i = 0, at = (vectors - 1) * LANES; i < columns; i++, at++) c[at] = start ? start[at] + last[i] : last[i];
}

#define LINE(v) \
    static __attribute__((noinline)) void NAME(line_##v)(intptr_t k, const REAL *a, intptr_t a_step, const REAL *b, \
        intptr_t panel, REAL *c, int columns, const REAL *start) \
    { NAME(line)(v, k, a, a_step, b, panel, c, columns, start); }
LINE(4) LINE(5) LINE(6) LINE(7) LINE(8) LINE(9)
static void (*const NAME(lines)[])(intptr_t, const REAL *, intptr_t, const REAL *, intptr_t, REAL *, int, const REAL *) =
    {NAME(line_4), NAME(line_5), NAME(line_6), NAME(line_7), NAME(line_8), NAME(line_9)};

/* C[0:m, j0:j1] for the B of pack_whole, j0 a multiple of LANES. */
static void NAME(range_packed)(const rt_gemm *q, intptr_t j0, intptr_t j1)
{
    const intptr_t depth = rt_gemm_even(q->k, DEPTH, 1), high = rt_gemm_even(q->m, ROWS, 1);
    const intptr_t padded = (q->n + COLUMNS - 1) / COLUMNS * COLUMNS;
    const REAL *start = (const REAL *)q->start, *a = (const REAL *)q->a;
    intptr_t start_row = q->start_row;
    for (intptr_t p = 0, k, n; p < q->k; p += k, start = (const REAL *)q->c, start_row = q->c_row) {
        k = q->k - p < depth ? q->k - p : depth;
        for (intptr_t j = j0; j < j1; j += n) {
            const intptr_t within = j % COLUMNS;
            const REAL *b = (const REAL *)q->b + p * padded + (j - within) * k + within;
            const int most = q->m == 1 && within == 0 ? TRIO * LANES : (int)(COLUMNS - within);
            const int columns = (int)(j1 - j < most ? j1 - j : most), vectors = (columns + LANES - 1) / LANES;
            n = columns;
            if (vectors > 3) {
                NAME(lines)[vectors - 4](k, a + p * q->a_col, q->a_col, b, COLUMNS * k, (REAL *)q->c + j,
                                         columns - (vectors - 1) * LANES, start ? start + j : NULL);
                continue;
            }
            for (intptr_t i = 0; i < q->m; i += high)
                NAME(tiles)[(q->m - i < high ? q->m - i : high) - 1][vectors - 1](
                    k, a + i * q->a_row + p * q->a_col, q->a_row, q->a_col, b, COLUMNS,
                    (REAL *)q->c + i * q->c_row + j, q->c_row, columns, start ? start + i * start_row + j : NULL, start_row);
        }
    }
}
#undef TRIO
#undef LINE
#endif
#undef REAL
#undef JOIN
#undef IOTA
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
